"""A run is what its trace holds: whatever that was called, wherever it is asked for, whatever became of the file."""

import json
import os

import pandas as pd
import pytest

from mamo_cli.workload.generators import sinusoidal
from mamo_cli.workload.trace_csv import write_trace
from tests.cli.invoke import TRAIN, mamo

DAY = sinusoidal(steps=24, period=24)
OTHER = sinusoidal(mean=40, amplitude=30, steps=24, period=24)
HIGH = sinusoidal(mean=200, amplitude=100, steps=24, period=24)
TE = (*TRAIN, "--trace", "day.csv")


@pytest.fixture
def te(folder):
    """A run on day.csv, beside other.csv to be evaluated on."""
    write_trace(DAY, "day.csv")
    write_trace(OTHER, "other.csv")
    assert mamo(*TE, "--name", "te").code == 0
    return folder / "results" / "te"


def evaluated(*arguments: str, name: str) -> pd.DataFrame:
    done = mamo("evaluate", *arguments, "--name", name)
    assert done.code == 0, done.err
    return pd.read_csv(f"results/{name}/evaluation.csv")


def refused(done, code, message):
    assert (done.code, done.out, done.err) == (code, "", f"mamo: {message}\n")


def test_one_trace_is_one_run_whatever_it_is_called(folder, monkeypatch):
    (folder / "elsewhere").mkdir()
    for name in ("day.csv", "elsewhere/night.csv"):
        write_trace(DAY, name)
    runs = []
    for words in ("day.csv", "./day.csv", str(folder / "day.csv"), "elsewhere/../day.csv", "elsewhere/night.csv"):
        done = mamo("solve-offline", "--trace", words, "--json")
        runs.append(json.loads(done.out)["run"])
        assert ("is complete already" in done.err) == (len(runs) > 1), done.err
    assert len(set(runs)) == 1
    monkeypatch.chdir(folder / "elsewhere")
    again = mamo("solve-offline", "--trace", "night.csv", "--results", "../results")
    assert "is complete already" in again.err


def test_the_runs_of_the_reference_instance_are_called_as_ever(folder):
    made = {json.loads(mamo(*command, "--json").out)["run"] for command in (("solve-offline",), TRAIN)}
    assert made == {"results/solve-offline-step-2584fcac", "results/train-a0.1-0.9-s2-91458e8d"}


@pytest.mark.parametrize("change", ["changed", "gone", "elsewhere"])
def test_what_becomes_of_the_training_file_moves_no_evaluation(te, folder, monkeypatch, change):
    before = evaluated("te", "--trace", "other.csv", name="before")
    run, other = "te", "other.csv"
    if change == "changed":
        write_trace(HIGH, "day.csv", force=True)
    elif change == "gone":
        (folder / "day.csv").unlink()
    else:
        run, other = str(te), str(folder / "other.csv")
        (folder / "elsewhere").mkdir()
        monkeypatch.chdir(folder / "elsewhere")
    pd.testing.assert_frame_equal(evaluated(run, "--trace", other, name="after"), before)
    own = evaluated(run, name="own")
    pd.testing.assert_frame_equal(own, pd.read_csv(te / "evaluation.csv"))


def test_a_run_without_a_copy_needs_the_very_file(te, folder):
    (te / "trace.csv").unlink()
    before = evaluated("te", "--trace", "other.csv", name="before")
    write_trace(HIGH, "day.csv", force=True)
    changed = "day.csv is not the trace that results/te was trained on: put that one back, or train again"
    refused(mamo("evaluate", "te", "--trace", "other.csv", "--name", "x"), 3, changed)
    (folder / "day.csv").unlink()
    gone = "results/te was trained on day.csv: day.csv: cannot be read: No such file or directory"
    refused(mamo("evaluate", "te", "--trace", "other.csv", "--name", "x"), 3, gone)
    assert not (folder / "results" / "x").exists()
    write_trace(DAY, "day.csv")
    pd.testing.assert_frame_equal(evaluated("te", "--trace", "other.csv", name="after"), before)


def test_a_copy_that_was_changed_is_refused(te):
    write_trace(HIGH, te / "trace.csv", force=True)
    message = "results/te/trace.csv is not the trace that results/te was trained on: put that one back, or train again"
    refused(mamo("evaluate", "te"), 3, message)


def test_caps_above_the_trainings_are_cut_and_that_is_said(te):
    text = (te.parent.parent / "other.csv").read_text().splitlines()
    rows = [f"{line},20" for line in text if line[0].isdigit()]
    head = [line for line in text if line.startswith("#")]
    with open("caps20.csv", "w") as file:
        file.write("\n".join([*head, "step,function,expected_rate,actual_rate,max_replicas", *rows, ""]))
    done = mamo("evaluate", "te", "--trace", "caps20.csv", "--name", "x")
    assert (
        "caps of up to 20 replicas are cut to 10, the most that these policies were trained to choose: "
        "the exact answers and the regret are against 10, too\n"
    ) in done.err
    assert pd.read_csv("results/x/evaluation.csv")["replicas"].max() <= 10
    assert pd.read_csv("results/x/frontier.csv")["mean_replicas"].max() <= 10
    assert "caps" not in mamo("evaluate", "te", "--trace", "other.csv").err


def test_another_length_of_step_is_stated_and_said(te):
    write_trace(sinusoidal(mean=40, amplitude=30, steps=24, period=24, step_seconds=600), "ten.csv")
    done = mamo("evaluate", "te", "--trace", "ten.csv", "--name", "x")
    said = (
        "ten.csv has periods of 600 s, where the policies were trained on periods of 300 s: they choose once a period"
    )
    assert f"{said}\n" in done.err
    assert set(pd.read_csv("results/x/summary.csv")["step_seconds"]) == {600.0}


def test_another_tolerance_moves_the_bound_and_not_the_play(te):
    own, other = evaluated("te", name="own"), evaluated("te", "--tolerance", "0.2", name="loose")
    pd.testing.assert_frame_equal(own, other)
    for name, tolerance in (("own", 0.05), ("loose", 0.2)):
        assert set(pd.read_csv(f"results/{name}/summary.csv")["tolerance"]) == {tolerance}
        frontier = pd.read_csv(f"results/{name}/frontier.csv").set_index("kind")
        assert frontier.loc["average", "mean_rejection"] == pytest.approx(tolerance, rel=0.2)


def test_another_noise_is_what_comes(te):
    for noise in (0.0, 0.5):
        rows = evaluated("te", "--noise", str(noise), name=f"n{noise}")
        off = (rows["actual_rate"] / rows["expected_rate"] - 1).abs()
        assert 0.8 * noise <= off.max() <= noise + 1e-12


def test_a_trace_that_carries_deviations_is_played_as_it_is_and_that_is_said(te):
    mamo("generate", "noisy", "--from", "other.csv", "--out", "noisy.csv")
    done = mamo("evaluate", "te", "--trace", "noisy.csv", "--noise", "0.5")
    assert "--noise changes nothing: the trace carries deviations of its own, and is played as it is\n" in done.err


def test_a_setting_that_the_domain_does_not_have_is_refused(folder):
    short = sinusoidal(mean=3, amplitude=0, steps=24, period=24, function="i0")
    write_trace(short, "items.csv")
    tiny = ("--environments", "2", "--batch-size", "4", "--levels", "9", "--trace", "items.csv")
    assert mamo(*TRAIN, "--domain", "inventory", *tiny, "--name", "te").code == 0
    for option, value in (("--noise", "0.1"), ("--rejection-model", "simulation")):
        message = f"{option}: results/te is a run of inventory, which has no such setting"
        refused(mamo("evaluate", "te", option, value), 2, message)
    assert mamo("evaluate", "te", "--tolerance", "0.3").code == 0


def test_the_held_back_part_of_a_trace_and_the_whole_of_it_are_two_evaluations(folder):
    mamo("generate", "noisy", "--from", str(write("day.csv")), "--out", "noisy.csv")
    text = (folder / "noisy.csv").read_text().replace("# period_steps=24\n", "")
    (folder / "week.csv").write_text(text)
    assert mamo(*TRAIN, "--trace", "week.csv", "--name", "te").code == 0
    part, whole = (
        json.loads(mamo("evaluate", "te", *trace, "--json").out)["run"] for trace in ((), ("--trace", "week.csv"))
    )
    assert part != whole
    steps = [pd.read_csv(f"{run}/evaluation.csv")["step"].nunique() for run in (part, whole)]
    assert steps == [7, 24]


def write(name: str) -> str:
    write_trace(DAY, name)
    return name


def test_a_traces_name_is_a_name_and_no_pattern(te):
    write_trace(HIGH, "day1.csv")
    for name in ("day[1].csv", "da?.csv", "*.csv"):
        write_trace(DAY, name)
        done = mamo(*TRAIN, "--trace", name, "--name", "te")
        assert "results/te is complete already" in done.err, name


def test_a_trace_named_in_bytes_that_are_not_utf_8(folder):
    name = os.fsdecode(b"caf\xe9.csv")
    write_trace(DAY, name)
    assert mamo("solve-offline", "--trace", name, "--name", "plan").code == 0
    assert mamo(*TRAIN, "--trace", name, "--name", "te").code == 0
    assert 'trace = "caf\\\\xe9.csv"' in (folder / "results" / "te" / "config.toml").read_text()
    (folder / name).rename("day.csv")
    assert mamo("evaluate", "te").code == 0
    assert "results/te is complete already" in mamo(*TE, "--name", "te").err
