"""`--randomise`: training in many worlds, from the command line and from a file."""

import json
import tomllib

import numpy as np
import pandas as pd
import pytest

from mamo_cli.training.conditions import RandomiseConfig
from mamo_cli.workload.trace import Trace
from mamo_cli.workload.trace_csv import write_trace
from tests.cli.invoke import MAMO, TRAIN, mamo

RANGES = ("--randomise", "service=0.7..1.4", "--randomise", "load=0.8..1.2")
FILE = "[randomise]\nservice = [0.7, 1.4]\nload = [0.8, 1.2]\n"


def test_a_run_says_which_worlds_it_was_trained_in(folder):
    assert mamo(*TRAIN, *RANGES, "--name", "many").code == 0
    kept = json.loads((folder / "results/many/run.json").read_text())
    # Two copies: 0 and 1/2, a quarter up; 0 and 1/3, a quarter up.
    by_hand = [(0.7 + 0.7 / 4, 0.8 + 0.4 / 4), (0.7 + 0.7 * 3 / 4, 0.8 + 0.4 * 7 / 12)]
    told = [(world["service"], world["load"]) for world in kept["worlds"]]
    assert [pytest.approx(world) for world in by_hand] == told
    config = tomllib.loads((folder / "results/many/config.toml").read_text())
    assert config["randomise"] == {"service": [0.7, 1.4], "load": [0.8, 1.2]}
    (folder / "worlds.toml").write_text(FILE)
    again = mamo(*TRAIN, "--config", "worlds.toml", "--json")
    first = pd.read_csv("results/many/training.csv")
    pd.testing.assert_frame_equal(pd.read_csv(f"{json.loads(again.out)['run']}/training.csv"), first)
    assert mamo(*TRAIN, "--name", "one").code == 0
    assert "worlds" not in json.loads((folder / "results/one/run.json").read_text())
    assert not pd.read_csv("results/one/training.csv").equals(first)


@pytest.mark.parametrize(
    ("written", "ends"), [(".7..1.4", (0.7, 1.4)), ("1...4", None), (".5...75", (0.5, 0.75)), ("1e-1..2.", (0.1, 2.0))]
)
def test_a_range_is_read_whatever_its_points(written, ends):
    if ends is None:
        with pytest.raises(ValueError, match="from its lower end to its upper"):
            RandomiseConfig(load=written)
    else:
        assert RandomiseConfig(load=written).ranges() == {"load": ends}


def test_policies_of_many_worlds_are_judged_in_the_configured_one(folder):
    assert mamo(*MAMO, *RANGES, "--readout", "mix", "--name", "many").code == 0
    assert mamo("evaluate", "many", "--name", "after").code == 0
    after, before = (pd.read_csv(f"results/{name}/evaluation.csv") for name in ("after", "many"))
    pd.testing.assert_frame_equal(after, before)


@pytest.mark.parametrize(
    ("given", "line"),
    [
        (["service=2..1"], "--randomise service: must go from its lower end to its upper"),
        (["service"], "--randomise: give WHAT=A..B once for each, such as service=0.7..1.4, got 'service'"),
        (["load=1..2", "load=1..3"], "--randomise: give WHAT=A..B once for each"),
        (["rates=1..2"], "--randomise: WHAT is one of service, load, noise, shape, got 'rates'"),
        (["service=a..b"], "--randomise service: must be a valid number"),
        (["service=0..1"], "--randomise service: must be greater than 0"),
        (["service=1"], "--randomise service: must be a range A..B, such as 0.7..1.4"),
        (["service=.."], "--randomise service: must be a range A..B, such as 0.7..1.4"),
        (["service=1.."], "--randomise service: must be a range A..B, such as 0.7..1.4"),
        (["noise=1..9"], "noise 0.2 times 7: it must stay below 1"),
    ],
)
def test_ranges_that_cannot_be_are_refused(folder, given, line):
    done = mamo(*TRAIN, *(part for one in given for part in ("--randomise", one)))
    assert (done.code, done.out, len(done.said)) == (2, "", 1)
    assert line in done.err
    assert not (folder / "results").exists()


@pytest.mark.parametrize(
    ("what", "others", "line"),
    [
        ("noise=0..3", ["--noise", "0"], "noise cannot shift: it is 0"),
        ("noise=0..3", ["--noise", "0", "--domain", "battery"], "noise cannot shift: it is 0"),
        ("noise=0..1", ["--trace", "own.csv"], "noise cannot shift: the trace carries deviations of its own"),
        ("shape=0.5..2", ["--trace", "flat.csv"], "--randomise shape moves nothing: the rates never deviate"),
        ("shape=0.5..2", ["--domain", "inventory"], "--randomise shape moves nothing: the rates never deviate"),
    ],
)
def test_ranges_that_would_move_nothing_are_refused(folder, what, others, line):
    flat = np.full((8, 1), 0.3)  # of which the mean is another number
    write_trace(Trace(("f0",), flat, flat, period_steps=8), folder / "flat.csv")
    write_trace(Trace(("f0",), flat, flat * 1.5, period_steps=8), folder / "own.csv")
    done = mamo(*TRAIN, "--randomise", what, *others)
    assert (done.code, done.out, len(done.err.splitlines())) == (2, "", 1)
    assert line in done.err
    assert not (folder / "results").exists()


@pytest.mark.parametrize(
    ("others", "line"),
    [
        (["--continual"], "--randomise is of many worlds at once, drift and continual of one that changes: choose"),
        (["--te", "exact"], "--randomise is of what agents learn in, and --te exact learns nothing"),
        (["--domain", "gridworld"], "nothing of a walker can shift"),
        (["--domain", "inventory"], "a stock has no service times, noise or cap"),
    ],
)
def test_what_does_not_go_with_many_worlds_is_refused(folder, others, line):
    done = mamo(*MAMO, *RANGES[:2], *others)
    assert (done.code, len(done.said)) == (2, 1)
    assert line in done.err


def test_a_single_copy_is_no_many_worlds(folder):
    ended = mamo(*TRAIN, "--environments", "1", "--randomise", "load=0.8..1.2")
    assert (ended.code, list(folder.glob("results/*"))) == (2, [])
    assert "--environments 1 is one world" in ended.err
