"""Importers against small files worked out by hand."""

import random
import tempfile

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mamo_cli.core.errors import DataError, UsageError
from mamo_cli.workload.times import MAX_SECONDS
from tests.workload.imports import load, refusal

HASH = "ab" * 32
AZURE_HEAD = "HashOwner,HashApp,HashFunction,Trigger," + ",".join(str(minute) for minute in range(1, 1441)) + "\n"


def azure_row(function, counts, app="a", trigger="http"):
    cells = [str(count) for count in counts] + ["0"] * (1440 - len(counts))
    return f"o,{app},{function},{trigger}," + ",".join(cells) + "\n"


# --- forecast and scale, the same for every format


def test_persistence_expects_the_period_before_and_drops_the_first(tmp_path):
    trace = load("f,g\n1,10\n2,20\n4,40\n", tmp_path, "wide", values="rate", forecast="persistence")
    assert trace.expected_rate_rps.tolist() == [[1.0, 10.0], [2.0, 20.0]]
    assert trace.actual_rate_rps.tolist() == [[2.0, 20.0], [4.0, 40.0]]
    assert trace.notes == {
        "source": "in.csv",
        "format": "wide",
        "values": "rate",
        "forecast": "persistence",
    }


def test_perfect_expects_what_comes(tmp_path):
    trace = load("f\n1\n2\n", tmp_path, "wide", values="rate")
    assert not trace.carries_deviations
    assert (trace.steps, trace.notes["forecast"], trace.period_steps) == (2, "perfect", None)


def test_persistence_needs_a_period_before(tmp_path):
    assert "--forecast perfect" in refusal("f\n1\n", tmp_path, "wide", values="rate", forecast="persistence")


def test_the_peak_of_all_functions_together_is_scaled_by_one_factor(tmp_path):
    # Totals 4 and 10 (the first row of persistence is not part of the trace): 25 / 10 = 2.5 for every rate.
    text = "f,g\n90,9\n1,3\n8,2\n"
    trace = load(text, tmp_path, "wide", values="rate", forecast="persistence", scale_to_peak=25)
    assert trace.actual_rate_rps.tolist() == [[2.5, 7.5], [20.0, 5.0]]
    assert trace.expected_rate_rps.tolist() == [[225.0, 22.5], [2.5, 7.5]]
    assert (trace.notes["scaled_to_peak"], trace.notes["scale_factor"]) == ("25.0", "2.5")


def test_the_mean_of_all_functions_together_is_scaled(tmp_path):
    # Totals 4 and 10 have the mean 7: 14 / 7 = 2.
    trace = load("f,g\n1,3\n8,2\n", tmp_path, "wide", values="rate", scale_to_mean=14)
    assert trace.actual_rate_rps.tolist() == [[2.0, 6.0], [16.0, 4.0]]
    assert trace.notes["scaled_to_mean"] == "14.0"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"scale_to_peak": 1, "scale_to_mean": 1}, "exclude each other"),
        ({"scale_to_peak": 0}, "--scale-to-peak must be"),
        ({"scale_to_mean": float("inf")}, "--scale-to-mean must be"),
        ({"forecast": "oracle"}, "persistence, perfect"),
        ({"step_seconds": 0}, "--step-seconds"),
        ({"step_seconds": 1e308}, "--step-seconds"),
        ({"step_seconds": float("nan")}, "--step-seconds"),
        ({"time_column": "t"}, "no column 't' for --time-column: there are f"),
        ({"function": ("f", "nope")}, "no function is named 'nope'"),
        ({"function": ("",)}, "no function is named ''"),
        ({"where": (("colour", "red"),)}, "no column 'colour'"),
        ({"where": (("f", "9"),)}, "no row has f='9': f has '1', '2'"),
    ],
)
def test_an_option_that_makes_no_sense_is_a_usage_error(options, message, tmp_path):
    with pytest.raises(UsageError, match=message):
        load("f\n1\n2\n", tmp_path, "wide", **{"values": "rate", **options})


def test_an_unknown_format_names_the_known_ones(tmp_path):
    with pytest.raises(UsageError, match=r"auto, azure-2019, .*, requests, wide, got 'arff'"):
        load("f\n1\n", tmp_path, "arff")


def test_what_cannot_be_scaled_is_refused(tmp_path):
    assert "it cannot be scaled" in refusal("f\n0\n0\n", tmp_path, "wide", values="rate", scale_to_peak=5)
    assert "it cannot be scaled" in refusal("f\n1e-300\n", tmp_path, "wide", values="rate", scale_to_peak=1e10)
    assert "it cannot be scaled" in refusal("f,g\n1e308,1e308\n", tmp_path, "wide", values="rate", scale_to_mean=1)
    text = "f\n1e308\n1\n"
    assert "must be finite" in refusal(text, tmp_path, "wide", values="rate", forecast="persistence", scale_to_peak=10)


# --- azure-2019


def test_azure_counts_become_rates(tmp_path):
    # 5-minute periods: minutes 1..5 hold 1+2+3+4+5 = 15 requests in 300 s, minute 6 holds 30.
    trace = load(AZURE_HEAD + azure_row(HASH, [1, 2, 3, 4, 5, 30]), tmp_path, "azure-2019")
    assert trace.functions == (HASH[:12],)
    assert trace.actual_rate_rps[:3, 0].tolist() == [15 / 300, 30 / 300, 0.0]
    assert trace.steps == 288


def test_azure_drops_and_notes_what_is_no_whole_period(tmp_path):
    # 1,440 minutes hold 205 periods of 7 minutes; 5 minutes are left over, here with the day's only requests.
    text = AZURE_HEAD + azure_row("f", [0] * 1435 + [9] * 5)
    trace = load(text, tmp_path, "azure-2019", step_seconds=420)
    assert (trace.steps, trace.actual_rate_rps.sum()) == (205, 0.0)
    assert trace.notes["dropped"].startswith("the last 5 minutes")


def test_azure_triggers_of_a_function_add_up_and_applications_stay_apart(tmp_path):
    rows = azure_row("f", [3]), azure_row("f", [4], trigger="timer"), azure_row("f", [50], app="b")
    trace = load(AZURE_HEAD + "".join(rows), tmp_path, "azure-2019", step_seconds=60)
    assert trace.functions == ("f", "f-2")
    assert trace.actual_rate_rps[0].tolist() == [7 / 60, 50 / 60]


def test_azure_functions_are_chosen_by_name_or_beginning(tmp_path):
    text = AZURE_HEAD + azure_row("abc", [1]) + azure_row("abd", [2]) + azure_row("ab", [3]) + azure_row("x", [4])
    assert load(text, tmp_path, "azure-2019", function=["abd"]).functions == ("abd",)
    assert load(text, tmp_path, "azure-2019", function=["x", "abc"]).functions == ("abc", "x")
    assert load(text, tmp_path, "azure-2019", function=["a"]).functions == ("abc", "abd", "ab")
    assert load(text, tmp_path, "azure-2019", function=["ab"]).functions == ("ab",)


@pytest.mark.parametrize("step_seconds", [90, 30, 60.0000001])
def test_azure_periods_are_whole_minutes_of_the_day(step_seconds, tmp_path):
    with pytest.raises(UsageError, match="multiple of 60"):
        load(AZURE_HEAD + azure_row("f", [1]), tmp_path, "azure-2019", step_seconds=step_seconds)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (AZURE_HEAD + azure_row("f", [1, "-2"]), "2:6: 2 must be a whole number >= 0, got '-2'"),
        (AZURE_HEAD + azure_row("f", [1, 1, "1.5"]), "2:7: 3 must be a whole number >= 0, got '1.5'"),
        (AZURE_HEAD + azure_row("f", ["1_0"]), "2:5: 1 must be a whole number >= 0, got '1_0'"),
        (AZURE_HEAD + azure_row("", [1]), "2:3: HashFunction must not be empty"),
        (AZURE_HEAD + azure_row("f", [1]) * 2, "3:1: the function with this trigger is there already, on line 2"),
        (AZURE_HEAD.replace(",1440", ",1441") + azure_row("f", [1]), "1:1444: the columns must be HashOwner"),
        (AZURE_HEAD.replace(",17,", ",x,") + azure_row("f", [1]), "1:21: the columns must be HashOwner"),
        (AZURE_HEAD.replace("HashApp", "App") + azure_row("f", [1]), "1:2: the columns must be HashOwner"),
        (AZURE_HEAD, "1:1: there is no row after the header"),
    ],
)
def test_azure_faults_are_placed(text, problem, tmp_path):
    assert refusal(text, tmp_path, "azure-2019").startswith(f"in.csv:{problem}")


# --- requests


def test_requests_are_counted_from_the_first_one(tmp_path):
    # The first comes at 7: periods of 10 s are [7, 17), [17, 27); the one of 27 began a period seen in part.
    trace = load("time\n16.999\n17\n7\n27\n8\n", tmp_path, "requests", step_seconds=10)
    assert trace.actual_rate_rps[:, 0].tolist() == [0.3, 0.1]
    assert trace.functions == ("f0",)
    assert trace.notes["dropped"].startswith("1 requests")


def test_an_end_less_its_duration_is_the_arrival(tmp_path):
    # Arrivals 1, 9.5 and 11 from ends 10, 10 and 11.5; by their ends all three would share a period.
    text = "app,func,end_timestamp,duration\na,f,10,9\na,g,10,0.5\na,f,11.5,.5\n"
    trace = load(text, tmp_path, "requests", step_seconds=5)
    assert trace.functions == ("f", "g")
    assert trace.actual_rate_rps.tolist() == [[0.2, 0.0], [0.0, 0.2]]
    assert trace.notes["arrival"] == "end_timestamp - duration"


def test_functions_of_one_name_in_two_applications_stay_apart(tmp_path):
    trace = load("app,func,time\nb,f,0\na,f,1\na,f,2\na,f,10\n", tmp_path, "requests", step_seconds=10, time_unit="s")
    assert trace.functions == ("f", "f-2")
    assert trace.actual_rate_rps.tolist() == [[0.2, 0.1]]


def test_decimal_times_fall_on_the_right_side_of_a_boundary(tmp_path):
    # In floating point (0.3 - 0.1) / 0.1 is 1.9999999999999998, which would put the request at 0.3 a period early.
    trace = load("time\n0.1\n0.3\n0.4\n", tmp_path, "requests", step_seconds=0.1)
    assert trace.actual_rate_rps[:, 0].tolist() == [10.0, 0.0, 10.0]


@settings(max_examples=50, deadline=None)
@given(
    times_ms=st.lists(st.integers(0, 100_000), min_size=2, max_size=40),
    step_seconds=st.integers(1, 20),
    seed=st.integers(0, 9),
)
def test_no_request_is_lost_whatever_the_order(times_ms, step_seconds, seed):
    assume(max(times_ms) - min(times_ms) >= 1000 * step_seconds)
    shuffled = random.Random(seed).sample(times_ms, len(times_ms))
    with tempfile.TemporaryDirectory() as folder:
        texts = ["func,time\n" + "".join(f"{t % 3},{t / 1000}\n" for t in order) for order in (times_ms, shuffled)]
        first, second = (load(text, folder, "requests", step_seconds=step_seconds) for text in texts)
    assert first.digest() == second.digest()
    assert first.notes == second.notes
    dropped = int(first.notes["dropped"].split()[0])
    assert round(first.actual_rate_rps.sum() * step_seconds) + dropped == len(times_ms)


def test_the_time_column_is_found_or_named(tmp_path):
    text = "{}\n0\n10.0\n"
    for name in ("TIMESTAMP", "timestamp", "time", "end_timestamp", "start_time"):
        assert load(text.format(name), tmp_path, "requests", step_seconds=5).notes["time_column"] == name
    with pytest.raises(UsageError, match="use --time-column: which of when has the time"):
        load(text.format("when"), tmp_path, "requests")
    assert load(text.format("when"), tmp_path, "requests", step_seconds=5, time_column="when").steps == 2
    assert "time, start_time could be" in refusal("time,start_time\n0,0\n", tmp_path, "requests")
    with pytest.raises(UsageError, match="no column 'where' for --time-column: there are time"):
        load(text.format("time"), tmp_path, "requests", time_column="where")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("time\n0.5\nnan\n", "3:1: time must be a number of seconds, as in the rows before, got 'nan'"),
        ("time\n0.5\n1700000000000\n", "3:1: time is far from all other rows, beyond any time in seconds, got"),
        (
            "time\n0.5\n\n2023-11-16 18:17:03\n",
            "4:1: time must be a number of seconds, as in the rows before, got '2023",
        ),
        ("func,time\n,1.5\n", "2:1: func must not be empty"),
        ("end_time,duration\n5.5,-1\n", "2:2: duration must be a finite number of seconds >= 0, got '-1'"),
        ("time,size\n1\n", "2:2: a row must have 2 fields, got 1"),
    ],
)
def test_request_faults_are_placed(text, problem, tmp_path):
    assert refusal(text, tmp_path, "requests").startswith(f"in.csv:{problem}")


def test_a_log_too_short_or_too_long_for_the_period_is_refused(tmp_path):
    assert "spans 299 s, less than one control period of 300 s" in refusal("time\n0\n299.0\n", tmp_path, "requests")
    extremes = f"end_time,duration\n-{MAX_SECONDS}.0,{MAX_SECONDS}\n{MAX_SECONDS},0\n"
    with pytest.raises(UsageError, match="use a longer --step-seconds"):
        load(extremes, tmp_path, "requests", step_seconds=1)
    assert load(extremes, tmp_path, "requests", step_seconds=MAX_SECONDS).actual_rate_rps.tolist()[0] == [1 / 3e9]


# --- wide


def test_wide_columns_are_functions_and_time_is_not(tmp_path):
    trace = load("time,0,cart\n0,1,2\n1,3,4\n", tmp_path, "wide", values="rate", step_seconds=60)
    assert trace.functions == ("0", "cart")
    assert trace.actual_rate_rps.tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert trace.step_seconds == 60.0


def test_wide_rows_and_columns_are_chosen(tmp_path):
    text = "a,b,kind,time\n1,2,x,0\n3,4,x,1\n5,6,y,0\n7,8,y,1\n"
    trace = load(text, tmp_path, "wide", where=(("kind", "y"),), function=("b",), values="rate", step_seconds=300)
    assert trace.actual_rate_rps.tolist() == [[6.0], [8.0]]
    assert trace.notes["where"] == "kind=y"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a,kind\n1,x\n2,y\n", "2:2: kind holds text, got 'x': choose columns with --function, or rows with"),
        ("a\n1\n-2\n", "3:1: a must be a finite number >= 0, got '-2'"),
        ("a\n1_0\n", "2:1: a must be a finite number >= 0, got '1_0'"),
        ("a,b\n1,\n", "2:2: b must be a finite number >= 0, got ''"),
        ("a,time\n1,0\n1,300\n1,0\n1,300\n", "4:2: time 0 s is given twice: are there two series"),
        (
            "a,time\n1,0\n1,300\n1,900\n",
            " rows are missing in 1 places, first between 300 s and 900 s, 600 s apart where others are 300 s",
        ),
        ("a,time\n1,5\n1,5\n", "3:2: time 1500 s is given twice: are there two series"),
        ("a,time\n1,0\n1,?\n", "3:2: time must be a number of seconds, as in the rows before, got '?'"),
        ("time\n1\n", "1:1: no column is left"),
    ],
)
def test_wide_faults_are_placed(text, problem, tmp_path):
    assert refusal(text, tmp_path, "wide", values="rate").startswith(f"in.csv:{problem}")


def test_wide_rows_are_averaged_into_control_periods(tmp_path):
    # Rows a minute apart: with periods of 120 s the means of (1, 2) and (3, 5); the fifth row is half a period.
    text = "timestamp,a\n" + "".join(f"2023-01-01 00:0{at}:00,{rate}\n" for at, rate in enumerate([1, 2, 3, 5, 9]))
    trace, preview = load(text, tmp_path, "wide", step_seconds=120, values="rate", preview=True)
    assert trace.actual_rate_rps[:, 0].tolist() == [1.5, 4.0]
    assert preview.dropped == [(1, "rows of the last period, seen in part")]
    message = refusal(text, tmp_path, "wide", step_seconds=20, values="rate")
    assert message.startswith(
        "in.csv: its rows are 60 s apart, more than one control period of 20 s: use --step-seconds"
    )


@settings(max_examples=100, deadline=None)
@given(
    format_and_text=st.sampled_from(
        [
            ("requests", "app,func,end_timestamp,duration\na,f,10.5,9\na,g,20,1.5\n"),
            ("requests", "timestamp\n2023-11-16 18:17:03.97\n2023-11-16 18:18:03.5\n"),
            ("wide", "time,a,b\n0,1.5,2\n1,3,4e1\n"),
        ]
    ),
    edits=st.lists(st.tuples(st.integers(0, 70), st.text(max_size=3)), min_size=1, max_size=3),
)
def test_a_damaged_file_is_imported_or_refused(format_and_text, edits):
    format_name, text = format_and_text
    for at, piece in edits:
        text = text[:at] + piece + text[at + 1 :]
    with tempfile.TemporaryDirectory() as folder:
        try:
            trace = load(text, folder, format_name, step_seconds=5)
        except (DataError, UsageError):
            return
    assert np.isfinite(trace.actual_rate_rps).all()
