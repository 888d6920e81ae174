"""`mamo evaluate` of a fleet whose nodes are attacked as they were not in training."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mamo_cli.domains import registry as domains
from mamo_cli.domains.faas.fleet.settings import OwnConfig
from mamo_cli.experiments.restored import restored
from mamo_cli.experiments.trained import read_trained
from tests.cli.invoke import TRAIN, mamo

FLEET = ("--domain", "fleet", "--nodes", "2", "--topology", "ring", "--messages", "ring", "--name", "te")


def rows_of(*arguments):
    done = mamo("evaluate", "te", "--name", "judged", "--fresh", *arguments)
    assert done.code == 0, done.err
    return pd.read_csv(
        max(Path("results").glob("judged*"), key=lambda path: path.stat().st_mtime_ns) / "evaluation.csv"
    )


def test_policies_are_judged_in_a_fleet_that_is_attacked(folder):
    assert mamo(*TRAIN, *FLEET).code == 0
    calm = rows_of()
    pd.testing.assert_frame_equal(calm, pd.read_csv("results/te/evaluation.csv"))
    assert not np.allclose(calm["actual_rate"] / calm["expected_rate"], 1.2)
    worst = rows_of("--load", "worst")
    np.testing.assert_allclose(worst["actual_rate"] / worst["expected_rate"], 1.2, rtol=1e-9)
    vain = mamo("evaluate", "te", "--load", "worst", "--noise", "0")
    assert (vain.code, vain.err) == (2, "mamo: --load worst is the most within +- --noise, and --noise is 0\n")
    guarded = rows_of("--isolate-after", "1000000")
    pd.testing.assert_frame_equal(guarded.drop(columns="isolated"), calm)
    assert (guarded["isolated"] == 0).all()

    (folder / "attacked.toml").write_text("[own.node1]\nsensor = 0.5\n[own.node2]\nlies = true\ntolerance = 0.2\n")
    told = rows_of("--config", "attacked.toml")
    before = read_trained(Path("results/te"))
    own = {"node1": OwnConfig(sensor=0.5), "node2": OwnConfig(lies=True, tolerance=0.2)}
    domain = domains.build("fleet", before.config.instance.having(own), before.source)
    assert domain.spec.limits.ravel().tolist() == [0.05, 0.2]
    played = [row for _, shard in restored(before) for row in shard.evaluate(domain)]
    for name in ("replicas", "rejection", "arriving"):
        place = list(told.columns).index(name)
        assert sorted(told[name]) == pytest.approx(sorted(row[place] for row in played), abs=1e-12)
    assert not told["replicas"].equals(calm["replicas"])


REFUSED = {
    "[own.node9]\nlies = true\n": "own.node9: there is no such node, but node1, node2",
    "[own.node2]\nlie = true\n": "attacked.toml: own.node2.lie: no such setting; did you mean own.node2.lies?",
    "[own.node2]\nsensor = 0\n": "attacked.toml: own.node2.sensor: must be greater than 0, got 0",
}


def test_what_no_node_has_is_refused(folder):
    assert mamo(*TRAIN, *FLEET).code == 0
    for table, message in REFUSED.items():
        (folder / "attacked.toml").write_text(table)
        done = mamo("evaluate", "te", "--config", "attacked.toml")
        assert (done.code, done.out, done.err) == (2, "", f"mamo: {message}\n")
    assert [path.name for path in Path("results").iterdir() if path.is_dir()] == ["te"]


def test_other_domains_have_nothing_of_the_kind(folder):
    assert mamo(*TRAIN, "--name", "te").code == 0
    (folder / "attacked.toml").write_text("[own.f0]\nsensor = 0.5\n")
    done = mamo("evaluate", "te", "--config", "attacked.toml")
    assert (done.code, done.err) == (2, "mamo: own.f0: a function of faas has no sensor\n")
    done = mamo("evaluate", "te", "--load", "worst")
    assert done.code == 2
    assert "--load: results/te is a run of faas, which has no such setting" in done.err
    (folder / "attacked.toml").write_text("[own.f0]\ntolerance = 0.5\nwarm_service_time = 0.2\n")
    done = mamo("evaluate", "te", "--config", "attacked.toml", "--name", "slower")
    assert done.code == 0, done.err
    slower, te = (pd.read_csv(f"results/{name}/evaluation.csv") for name in ("slower", "te"))
    assert (slower["rejection"] > te["rejection"]).all()


def test_agents_that_have_nothing_of_their_own_are_told_nothing_else(folder):
    assert mamo(*TRAIN, "--domain", "gridworld", "--name", "te").code == 0
    (folder / "attacked.toml").write_text("[own.walker]\ntolerance = 0.5\n")
    done = mamo("evaluate", "te", "--config", "attacked.toml")
    assert (done.code, done.err) == (
        2,
        "mamo: own: results/te is a run of gridworld, whose agents have nothing of their own\n",
    )
