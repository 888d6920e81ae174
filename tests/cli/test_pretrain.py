"""`--pretrain`: agents learn first from the log of a rule."""

import json
import tomllib

import pandas as pd
import pytest

from tests.cli.invoke import MAMO, TRAIN, mamo


def test_steps_of_a_log_count_as_those_of_training(folder):
    (folder / "log.toml").write_text("[pretrain]\nsteps = 30\nupdates = 5\nepsilon = 0.2\n")
    assert mamo(*TRAIN, "--config", "log.toml", "--pretrain", "kubernetes-hpa", "--name", "shown").code == 0
    config = tomllib.loads((folder / "results/shown/config.toml").read_text())
    assert config["pretrain"] == {"rule": "kubernetes-hpa", "steps": 30, "updates": 5, "epsilon": 0.2}
    table = pd.read_csv("results/shown/training.csv")
    assert table["env_steps"].min() == 30 * 2 + 4 * 2  # of two copies each, and four steps of training
    assert mamo("evaluate", "shown", "--json").code == 0


@pytest.mark.parametrize(
    ("command", "given", "line"),
    [
        (TRAIN, ["--pretrain", "hpa"], "a rule to learn from is one of static, erlang"),
        (TRAIN, ["--pretrain", "erlang", "--domain", "battery"], "--domain battery: nobody told of rules"),
        (TRAIN, ["--config", "long.toml"], "pretrain.steps: must be less than or equal to 20000"),
        (TRAIN, ["--config", "none.toml"], "pretrain.rule is needed: it says whose choices are learnt from"),
        (MAMO, ["--pretrain", "erlang", "--te", "exact"], "--te exact learns nothing"),
        (TRAIN, ["--pretrain", "erlang", "--randomise", "load=.9..1.1"], "--randomise is of many: choose"),
        (MAMO, ["--pretrain", "erlang", "--randomise", "load=.9..1.1"], "--randomise is of many: choose"),
        (
            MAMO,
            ["--pretrain", "erlang", "--config", "cap.toml"],
            "on the configured node: it does not go with cap.toml: drift",
        ),
    ],
)
def test_logs_that_cannot_be_are_refused(folder, command, given, line):
    (folder / "none.toml").write_text("[pretrain]\nsteps = 30\n")
    (folder / "long.toml").write_text("[pretrain]\nrule = 'erlang'\nsteps = 20001\n")
    (folder / "cap.toml").write_text("[drift]\ncap = [[0, 2]]\n")
    done = mamo(*command, *given)
    assert (done.code, done.out, len(done.said)) == (2, "", 1)
    assert line in done.err
    assert not (folder / "results").exists()


def test_policies_are_judged_on_a_slower_node_and_on_measurements(folder):
    """At .13 s and all-warm replicas, 90 requests/s are a load of 11.7, and one replica rejects 11.7/12.7."""
    assert mamo(*TRAIN, "--max-replicas", "1", "--rejection-model", "erlang", "--name", "te").code == 0
    slow = mamo("evaluate", "te", "--warm-service-time", "0.13", "--noise", "0", "--json")
    table = pd.read_csv(f"{json.loads(slow.out)['run']}/evaluation.csv")
    load = 0.13 * table["actual_rate"]
    assert load.max() == pytest.approx(11.7)
    assert (table["rejection"] - load / (1 + load)).abs().max() < 2e-4
    rows = [f"{rate},{count},{0.5 / count}" for rate in (5, 40, 120) for count in (1, 10)]
    (folder / "node.csv").write_text("\n".join(["arrival_rate_rps,replicas,rejection_fraction", *rows, ""]))
    measured = mamo("evaluate", "te", "--measurements", "node.csv", "--json")
    table = pd.read_csv(f"{json.loads(measured.out)['run']}/evaluation.csv")
    assert table.loc[table["actual_rate"] > 45, "rejection"].unique() == pytest.approx(0.5)
    assert json.loads(measured.out)["run"] != json.loads(slow.out)["run"]
    kept = mamo(*TRAIN, "--rejection-model", "measured", "--measurements", "node.csv", "--name", "measured")
    assert kept.code == 0
    slower = mamo("evaluate", "measured", "--warm-service-time", "0.1")
    assert (slower.code, len(slower.said)) == (2, 1)
    assert "--warm-service-time changes nothing of a node that was measured" in slower.err
    both = mamo("evaluate", "te", "--measurements", "node.csv", "--warm-service-time", "0.1")
    assert (both.code, len(both.said)) == (2, 1)
    assert "--measurements say how the node rejects, whatever its --warm-service-time" in both.err
