"""Requests that a file holds twice: totals among their parts, one rate in two units, starts and ends of one request."""

import json

import numpy as np
import pytest

from mamo_cli.core.errors import DataError
from mamo_cli.workload.choices import ChoiceError
from tests.workload.imports import load, refusal
from tests.workload.test_telling import UNEVEN, at, even

# Two functions of 12 periods; in all 66 and 12 * 2.5 = 30.
A = list(range(12))
B = [2.5] * 12


def table(head, *columns):
    lines = [
        ",".join((at(300 * i), *(f"{value:g}" for value in row))) for i, row in enumerate(zip(*columns, strict=True))
    ]
    return "\n".join((head, *lines)) + "\n"


def asked(text, folder, **options):
    """What comes first of the question, and the options of each answer."""
    with pytest.raises(ChoiceError) as choice:
        load(text, folder, **options)
    return choice.value.question.partition(": ")[2], [" ".join(words) for words, _ in choice.value.answers]


@pytest.mark.parametrize("last", ["Total", "c_rps"])
def test_a_column_that_is_the_sum_of_the_others_is_asked_about(last, tmp_path):
    text = table(f"time,a_rps,b_rps,{last}", A, B, np.add(A, B))
    question, answers = asked(text, tmp_path)
    why = "is named as the sum of others" if last == "Total" else "is the sum of all others in every row"
    assert question == f"{last} {why}: which are functions?"
    assert answers[:2] == [f"--function {last}", "--function a_rps --function b_rps"]
    parts, whole = (
        load(text, tmp_path, function=names, values="rate", preview=True, forecast="perfect")[1].requests
        for names in (("a_rps", "b_rps"), (last,))
    )
    assert parts == whole == 300 * (66 + 30)


def test_a_sum_but_for_one_per_cent_is_none(tmp_path):
    text = table("time,a_rps,b_rps,c_rps", A, B, 1.01 * np.add(A, B))
    assert load(text, tmp_path).functions == ("a_rps", "b_rps", "c_rps")


def test_a_sum_in_rows_is_asked_about_too(tmp_path):
    rows = [
        f"{at(300 * i)},{name},{value:g}"
        for i in range(12)
        for name, value in zip("abz", (A[i], 2.5, A[i] + 2.5), strict=True)
    ]
    text = "\n".join(("time,function,rps", *rows)) + "\n"
    question, answers = asked(text, tmp_path)
    assert question == "z is the sum of all others in every row: which are functions?"
    assert load(text, tmp_path, function=("a", "b")).functions == ("a", "b")
    assert answers[1] == "--function a --function b"


@pytest.mark.parametrize("factor", [60, 300, 1000])
def test_the_same_in_the_unit_of_a_longer_time_is_asked_about(factor, tmp_path):
    text = table("time,a.rate,a.number", np.add(A, 0.5), factor * np.add(A, 0.5))
    question, answers = asked(text, tmp_path)
    assert question == f"a.number is {factor} times a.rate in every row: which are functions?"
    assert answers[:2] == ["--function a.number", "--function a.rate"]


def test_another_factor_is_no_unit(tmp_path):
    text = table("time,a.rate,b.rate", np.add(A, 0.5), 7 * np.add(A, 0.5))
    assert load(text, tmp_path).functions == ("a.rate", "b.rate")


def test_requests_of_all_among_other_columns_are_asked_about(tmp_path):
    question, answers = asked(table("time,requests,cached,pageViews", np.add(A, 0.5), B, B), tmp_path)
    assert question.startswith("requests is named as requests of all, beside cached, pageViews")
    assert answers[0] == "--function requests"
    question, answers = asked(table("time,invocations,successes,failures", np.add(A, B), A, B), tmp_path)
    assert question.startswith("failures is named as something else than a number of requests")
    assert answers[0] == "--function invocations"


@pytest.mark.parametrize("name", ["ConcurrentExecutions", "network_in"])
def test_what_is_named_as_no_number_of_requests_is_asked_about(name, tmp_path):
    assert asked(table(f"time,{name}", np.add(A, 0.5)), tmp_path)[1] == [
        "--values rate",
        "--values count",
        "--values counter",
    ]


def test_a_throughput_is_taken_for_no_unit_in_silence(tmp_path):
    text = table("time,Throughput", np.add(A, 0.5))
    with pytest.raises(DataError, match="the column Throughput may be requests a minute, as New Relic's is: turn"):
        load(text, tmp_path)
    assert load(text, tmp_path, values="rate").actual_rate_rps[0, 0] == 0.5


def log(*kinds):
    return "".join(
        json.dumps({"time": at(one, "%Y-%m-%d %H:%M:%S.%f"), **kind}) + "\n" for one in UNEVEN for kind in kinds
    )


def test_starts_and_ends_of_requests_are_not_both_counted(tmp_path):
    text = log({"event": "request.start"}, {"event": "request.end"})
    question, answers = asked(text, tmp_path, step_seconds=60)
    assert question == "the column event tells starts and ends apart: which rows are requests?"
    one, both = (
        load(text, tmp_path, step_seconds=60, preview=True, **options)[1].requests
        for options in ({"where": (("event", "request.end"),)}, {"values": "requests"})
    )
    assert answers[0] == "--where event=request.end"
    assert both == 2 * one > 0


def test_lines_of_starts_and_ends_are_refused(tmp_path):
    lines = [f"{at(one)},{word} id-{i}" for i, one in enumerate(UNEVEN) for word in ("START", "END", "REPORT")]
    text = "\n".join(("@timestamp,@message", *lines)) + "\n"
    assert "those of @message begin with END, REPORT, START: keep the rows of one" in refusal(text, tmp_path)


def test_rows_without_anything_that_requests_have_are_left_out_and_counted(tmp_path):
    text = log({"status": 200, "duration": 0.5}, {"logger": "tls"})
    trace, preview = load(text, tmp_path, step_seconds=60, preview=True)
    assert "rows without status are left out, as no requests" in preview.said
    assert (60, "rows that do not count") in preview.dropped
    alone = load(log({"status": 200, "duration": 0.5}), tmp_path, step_seconds=60)
    assert np.array_equal(trace.actual_rate_rps, alone.actual_rate_rps)


def test_a_request_that_took_no_time_is_one_all_the_same(tmp_path):
    text = log({"status": 200, "duration": 0.5}, {"status": 504})
    preview = load(text, tmp_path, step_seconds=60, preview=True)[1]
    assert not any(what == "rows that do not count" for _, what in preview.dropped)


def test_addresses_are_no_numbers(tmp_path):
    text = log({"remote": "10.0.0.7", "uri": "/a"})
    assert load(text, tmp_path, step_seconds=60).notes["format"] == "requests"


def test_evenly_spaced_rates_of_several_functions_are_taken_as_before(tmp_path):
    assert load(even("time,web,api", "{t},{i}.5,2.5"), tmp_path).functions == ("web", "api")
