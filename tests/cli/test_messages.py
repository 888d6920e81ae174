"""Whole runs of a fleet with messages under way: silence, other members, and a kill change no bit of them."""

import pytest

from mamo_cli.domains.faas.fleet import environment
from mamo_cli.workload.generators import sinusoidal
from mamo_cli.workload.joined import joined
from mamo_cli.workload.trace_csv import write_trace
from tests.cli.invoke import mamo
from tests.cli.killing import contents, forked, kill_before_checkpoint

FLEET = ("--domain", "fleet", "--trace", "t.csv", "--messages", "full", "--late", "--counted", "0.5")
SHORT = ("--iterations", "2", "--iteration-steps", "4", "--environments", "2", "--cycles", "3", "--jobs", "1")
COMMAND = ("run-mamo", *FLEET, *SHORT, "--config", "shared.toml", "--readout", "mix")
LOSSY = ("--loss", "0.5", "--burst", "3", "--dropout", "0.2")


@pytest.fixture(autouse=True)
def _small(folder):
    waves = [sinusoidal(steps=24, period=24, phase=-8 * m, function=f"node{m}") for m in range(3)]
    write_trace(joined({wave.functions[0]: wave for wave in waves}, {}), folder / "t.csv")
    (folder / "shared.toml").write_text('[learner]\nnetwork = "shared"\nhidden = [8]\n')


def played(folder, name, *more):
    done = mamo(*COMMAND, "--name", name, *more)
    assert done.code == 0, done.err
    return contents(folder / "results" / name)


def test_loss_of_all_is_silence_through_a_whole_run(folder, monkeypatch):
    """Nothing is told at all, in place of the loss of all: every table and the checkpoint are the same."""
    lost = played(folder, "lost", "--seeds", "2", "--loss", "1")
    heard = played(folder, "heard", "--seeds", "2", "--loss", "0.5")
    monkeypatch.setattr(environment, "tell", lambda *_: None)
    silent = played(folder, "silent", "--seeds", "2")
    for found in (lost, silent):
        for state in _states(found):  # whether a message was lost is known to nobody who plays
            state.pop("lost")
    assert silent == lost
    assert heard["training.csv"] != lost["training.csv"]


def _states(value):
    """The states of environments in a checkpoint."""
    if isinstance(value, dict):
        if "underway" in value:
            yield value
        value = list(value.values())
    for each in value if isinstance(value, list) else ():
        yield from _states(each)


def test_a_member_alone_is_the_same_member_among_others(folder):
    alone = played(folder, "alone", "--seeds", "1..1", *LOSSY)
    among = played(folder, "among", "--seeds", "3", *LOSSY)
    for table in ("cycles.csv", "training.csv", "evaluation.csv", "summary.csv"):
        head, *rows = among[table].splitlines()
        assert alone[table].splitlines() == [head, *(row for row in rows if row.startswith(b"1,"))]


def test_killed_with_messages_under_way_and_resumed_it_ends_the_same(folder):
    whole = played(folder, "whole", "--seeds", "2", *LOSSY)
    arguments = (*COMMAND, "--name", "x", "--seeds", "2", *LOSSY)
    assert forked(arguments, kill_before_checkpoint(3)) == -9
    assert played(folder, "x", "--seeds", "2", *LOSSY) == whole


def test_policies_are_judged_under_another_loss(folder):
    own = played(folder, "own", "--seeds", "2", "--dropout", "0.5")
    for loss in ("0", "1"):
        assert mamo("evaluate", "own", "--loss", loss, "--name", f"at{loss}").code == 0
    same, other = ((folder / "results" / f"at{loss}" / "evaluation.csv").read_bytes() for loss in "01")
    assert same == own["evaluation.csv"]
    assert other != same
    mute = mamo("run-mamo", "--domain", "fleet", "--trace", "t.csv", *SHORT, "--seeds", "1", "--name", "mute")
    assert mute.code == 0, mute.err
    refused = mamo("evaluate", "mute", "--loss", "0.5")
    assert refused.code == 2
    assert "loss, burst, late and dropout are of messages, and messages is none" in refused.err
