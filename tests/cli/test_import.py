"""`mamo import`: what is shown, what is asked, and what is written."""

import gzip
import json
import shlex
import time
from pathlib import Path

import pytest

from mamo_cli.workload import importers
from mamo_cli.workload.trace_csv import read_trace
from tests.cli.invoke import mamo

SUMS = "Timestamp,Invocations\n" + "".join(f"2024-05-01T00:{5 * at:02d}:00Z,{300 * (at + 1)}\n" for at in range(4))


@pytest.fixture
def sums(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("sums.csv").write_text(SUMS)
    return tmp_path


@pytest.mark.usefixtures("sums")
def test_the_preview_is_on_stderr_and_data_on_stdout():
    done = mamo("import", "sums.csv", "--forecast", "perfect")
    assert done.code == 0
    said = done.err.splitlines()
    assert said[0] == "taken for cloudwatch: it has the columns Timestamp and Invocations, a count by period"
    assert "3,000 requests in all, mean 2.5, peak 4 requests/s" in said
    assert "first periods of Invocations, requests/s: 1, 2, 3, 4" in said
    assert "path" in done.out
    assert "taken for" not in done.out
    assert read_trace("traces/sums.csv").actual_rate_rps[:, 0].tolist() == [1.0, 2.0, 3.0, 4.0]


def test_a_dry_run_shows_the_same_and_writes_nothing(sums):
    wet, dry = mamo("import", "sums.csv", "--out", "t.csv"), mamo("import", "sums.csv", "--dry-run")
    (sums / "t.csv").unlink()
    assert (dry.code, dry.out) == (0, "")
    assert dry.err.splitlines() == wet.err.splitlines()[:-1]
    assert [path.name for path in sums.iterdir()] == ["sums.csv"]


@pytest.mark.usefixtures("sums")
def test_json_holds_the_preview_and_quiet_leaves_stderr_empty():
    done = mamo("import", "sums.csv", "--dry-run", "--json", "-q")
    shown = json.loads(done.out)
    assert (done.code, done.err, shown["path"]) == (0, "", None)
    assert shown["preview"]["requests"] == 3000
    assert shown["preview"]["dropped"] == [
        [1, "period at the start, before which nothing was seen (--forecast persistence)"]
    ]


def test_a_question_ends_with_code_3_and_each_answer_is_a_command_that_works(sums):
    done = mamo("import", "sums.csv", "--format", "wide", "--where", "Invocations=300", "--step-seconds", "60")
    assert (done.code, done.out) == (3, "")
    done = mamo("import", "sums.csv", "--format", "wide", "--forecast", "perfect", "--dry-run")
    assert done.code == 3
    assert not (sums / "traces").exists()
    answers = [line.strip().partition("   (") for line in done.err.splitlines()[1:]]
    assert len(answers) == 2
    means = []
    for command, _, _ in answers:
        words = shlex.split(command)
        assert words[:2] == ["mamo", "import"]
        means.append(json.loads(mamo(*words[1:], "--dry-run", "--json").out)["preview"]["mean_rps"])
    assert means == [750.0, 2.5]


@pytest.mark.usefixtures("sums")
def test_a_long_reading_is_told_after_two_seconds(monkeypatch):
    read = importers._read

    def slowly(files, options):
        time.sleep(2.5)
        return read(files, options)

    monkeypatch.setattr(importers, "_read", slowly)
    done = mamo("import", "sums.csv", "--dry-run")
    assert done.err.splitlines()[0].startswith("reading sums.csv: 2 s")


@pytest.mark.usefixtures("sums")
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--where", "x"], "--where takes COLUMN=VALUE, got 'x'"),
        (["--values", "speed"], "--values must be one of rate, count, counter, requests, got 'speed'"),
        (["--time-unit", "h"], "--time-unit must be one of s, ms, us, ns, got 'h'"),
        (["--separator", "ab"], "--separator must be one character"),
        (["--decimal", "x"], "--decimal must be point or comma"),
        (["--busiest", "0"], "--busiest must be at least 1"),
        (["--busiest", "2", "--function", "f"], "--busiest and --function exclude each other"),
        (["--format", "arff"], "--format must be one of auto, "),
    ],
)
def test_an_option_that_makes_no_sense_is_a_usage_error(words, message):
    done = mamo("import", "sums.csv", *words)
    assert (done.code, done.out) == (2, "")
    assert message in done.err


@pytest.mark.usefixtures("sums")
def test_a_trace_is_named_after_its_file_without_endings():
    Path("day.1.csv.gz").write_bytes(gzip.compress(SUMS.encode()))
    assert mamo("import", "day.1.csv.gz").code == 0
    assert Path("traces/day.1.csv").is_file()
