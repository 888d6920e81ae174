"""`[federation]`: agents that train apart and average their networks, from a file."""

import json
import tomllib

import pandas as pd
import pytest

from mamo_cli.training.federation.privacy import epsilon
from tests.cli.invoke import MAMO, mamo

FLEET = (*MAMO, "--domain", "fleet", "--nodes", "5", "--strategy", "fixed")
LEARNER = '[learner]\nnetwork = "apart"\npriority_exponent = 0.0\nhidden = [4]\nbatch_size = 4\n'
FEDERATION = '[federation]\nevery = 2\naggregate = "trimmed"\nfaulty = 1\nclip = 0.5\nnoise = 2.0\n'


def test_a_federation_says_what_it_sent_and_told(folder):
    (folder / "own.toml").write_text(LEARNER + FEDERATION)
    ended = mamo(*FLEET, "--config", "own.toml", "--name", "own", "--json")
    assert ended.code == 0, ended.err
    kept = json.loads((folder / "results/own/run.json").read_text())
    facts = {"averages": 2, "aggregate": "trimmed", "attack": None, "poisoned": 0}
    assert kept["federation"] == {**facts, "epsilon": epsilon(2, 2.0), "delta": 1e-5}
    # Two averages at noise 2: rho 1, and 2 sqrt(ln 100,000) = 6.78614.
    assert "federation: averages 2, aggregate trimmed, poisoned 0, epsilon 7.78614, delta 1e-05\n" in ended.err
    config = tomllib.loads((folder / "results/own/config.toml").read_text())
    assert config["federation"]["every"] == 2
    table = pd.read_csv("results/own/cycles.csv").set_index(["cycle", "seed", "node"])
    columns = ["update_norm", "update_bytes", "update_epsilon"]
    assert table.loc[[0, 2], columns].isna().all(axis=None)
    assert table.loc[[1, 3], columns].notna().all(axis=None)
    # Four inputs, a hidden layer of 4, 8 replicas: 4 x 5 + 8 x 5 numbers of 4 bytes, out and back, twice.
    assert table.loc[3, "update_bytes"].unique().tolist() == [2 * 2 * 4 * 60]
    assert table.loc[1, "update_epsilon"].unique() == pytest.approx(epsilon(1, 2.0))


def test_without_the_section_nothing_is_said(folder):
    (folder / "own.toml").write_text(LEARNER)
    ended = mamo(*FLEET, "--config", "own.toml", "--name", "own")
    assert "federation" not in ended.err
    assert "federation" not in json.loads((folder / "results/own/run.json").read_text())
    assert "update_norm" not in pd.read_csv("results/own/cycles.csv")


EVERY = "[federation]\nevery = 1\n"


@pytest.mark.parametrize(
    ("written", "given", "line"),
    [
        (EVERY, [], "needs learner.network apart, learner.mixer independent and learner.sharing 0"),
        (EVERY + LEARNER.replace("priority_exponent = 0.0\n", ""), [], "it needs learner.priority_exponent 0"),
        (EVERY + LEARNER, ["--nodes", "1"], "federation is of several agents, and there is one"),
        (EVERY + LEARNER, ["--te", "exact"], "task agents dqn, whose networks can be averaged, not exact"),
        (
            EVERY + LEARNER,
            ["--readout", "mix"],
            "federation delivers what was averaged last: it goes without --readout mix",
        ),
        (EVERY + LEARNER, ["--continual"], "continual learns on without: choose"),
        (EVERY + LEARNER, ["--from", "start.npz"], "--from brings their own: choose"),
        (EVERY + "noise = 1.0\n" + LEARNER, [], "federation.noise needs federation.clip"),
        (
            EVERY + 'aggregate = "krum"\nfaulty = 2\n' + LEARNER,
            [],
            "krum with faulty 2 needs 7 agents, and there are 5",
        ),
        (EVERY + 'aggregate = "mode"\n', [], "must be one of mean, median, trimmed, krum, geometric"),
        ("[federation]\nclip = 1.0\n" + LEARNER, [], "every is needed"),
        (FEDERATION + LEARNER, ["--cycles", "3"], "federation.every 2 with 3 cycles: the last would go without"),
        (EVERY.replace("1", "9") + LEARNER, [], "federation.every 9 with 4 cycles: the last would go without"),
    ],
)
def test_what_cannot_be_averaged_is_refused(folder, written, given, line):
    (folder / "own.toml").write_text(written)
    (folder / "start.npz").touch()
    ended = mamo(*FLEET, "--config", "own.toml", *given)
    assert ended.code == 2
    assert line in ended.err
    assert len(ended.said) == 1
    assert not (folder / "results").exists()


def test_what_grows_is_averaged_last_as_well(folder):
    (folder / "own.toml").write_text(LEARNER + FEDERATION)
    short = (*FLEET, "--config", "own.toml", "--cycles", "2")
    assert mamo(*short, "--name", "short").code == 0
    refused = mamo(*short, "--cycles", "3", "--grow", "short", "--name", "long")
    assert (refused.code, len(refused.said)) == (2, 1)
    assert "federation.every 2 with 3 cycles" in refused.err
    assert not (folder / "results/long").exists()
    assert mamo(*short, "--cycles", "4", "--grow", "short", "--name", "grown").code == 0
    assert mamo(*short, "--cycles", "4", "--name", "whole").code == 0
    for table in ("cycles", "evaluation"):
        grown, whole = ((folder / f"results/{name}/{table}.csv").read_bytes() for name in ("grown", "whole"))
        assert grown == whole, table


def test_a_preset_s_cycles_count(folder):
    (folder / "own.toml").write_text(LEARNER + EVERY.replace("1", "7"))
    refused = mamo(*FLEET[:1], "--domain", "fleet", "--strategy", "dual", "--readout", "last", "--config", "own.toml")
    assert (refused.code, len(refused.said)) == (2, 1)
    assert "federation.every 7 with 20 cycles" in refused.err
    assert not (folder / "results").exists()
