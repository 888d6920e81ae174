"""Fairness from the command line: what a fair run tells, and who is worst off wherever agents play together."""

import csv
from pathlib import Path

import numpy as np
import pytest

from mamo_cli.analysis.fair import fairest_mixture
from mamo_cli.core.fairness import means_of
from mamo_cli.domains import registry as domains
from mamo_cli.experiments.configs import MamoConfig, configured
from mamo_cli.workload.trace import Trace
from mamo_cli.workload.trace_csv import write_trace
from tests.cli.invoke import mamo

FLEET = ("--domain", "fleet", "--trace", "day.csv", "--topology", "ring", "--rejection-model", "erlang")
FAIR = ("run-mamo", *FLEET, "--strategy", "fair", "--te", "exact", "--seeds", "1", "--jobs", "1", "--name", "r")


@pytest.fixture(autouse=True)
def day(folder):
    rates = np.array([40.0, 15.0, 25.0]) * (1 + 0.5 * np.sin(np.arange(12)[:, None] * np.pi / 6 + np.arange(3)))
    write_trace(Trace(("east", "west", "north"), rates, rates, step_seconds=300.0, period_steps=12), "day.csv")


def rows(name, run="r"):
    with (Path("results") / run / name).open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_fair_run_tells_the_worst_off_jains_index_and_the_fairest_there_is():
    result = mamo(*FAIR, "--fairness", "max-min", "--budget", "0.4", "--cycles", "30")
    assert result.code == 0, result.err
    assert "weights answer to a budget, not to the limits" in result.err
    (told,) = rows("summary.csv")
    rejected = {row["node"]: float(row["mean_rejection"]) for row in rows("agents.csv")}
    worst = max(rejected, key=rejected.get)
    assert (told["worst"], float(told["worst_rejection"])) == (worst, pytest.approx(rejected[worst], rel=1e-12))
    served = 1.0 - np.array([*rejected.values()])
    assert float(told["jain"]) == pytest.approx(served.sum() ** 2 / (3 * (served**2).sum()), rel=1e-12)
    assert float(told["budget"]) == 0.4
    assert float(told["mean_cost"]) == pytest.approx(0.4, rel=1e-3)
    assert float(told["fair_mean"]) == pytest.approx(rejected[worst], rel=1e-12)
    instance = {"trace": "day.csv", "topology": "ring", "rejection_model": "erlang"}
    config = configured(MamoConfig, {"domain": "fleet", "instance": instance})
    domain = domains.build("fleet", config.instance, domains.load_source("fleet", config.instance))
    least = fairest_mixture(domain, means_of("max-min", 3), 0.4)
    assert float(told["least_fair_mean"]) == pytest.approx(least.values[0], rel=1e-9)
    # Thirty cycles of exact agents are as fair as can be: evaluation and training differ by the noise alone.
    assert float(told["fair_mean"]) == pytest.approx(least.values[0], rel=0.01)
    for heading in ("worst node", "Jain's index", "budget", "least fair mean"):
        assert heading in result.out, heading


def test_a_budget_below_the_cheapest_play_leaves_the_least_blank_and_delivers_that_play():
    result = mamo(*FAIR, "--budget", "0.01", "--cycles", "12")
    assert result.code == 0, result.err
    assert "no play of the evaluation part has a mean cost of 0.01 or less: the least is 0.1196:" in result.err
    (told,) = rows("summary.csv")
    assert told["least_fair_mean"] == ""
    assert float(told["mean_cost"]) == pytest.approx(1 / 8, rel=0.05)  # one replica of eight, and little is forwarded


def test_who_trains_or_plays_together_is_told_the_worst_off_too():
    small = ("--seeds", "1", "--iterations", "1", "--iteration-steps", "2", "--jobs", "1")
    result = mamo("train", *FLEET, "--alpha", "0.5", *small, "--name", "r")
    assert result.code == 0, result.err
    (told,) = rows("summary.csv")
    rejected = {row["node"]: float(row["mean_rejection"]) for row in rows("agents.csv")}
    assert float(told["worst_rejection"]) == pytest.approx(max(rejected.values()), rel=1e-12)
    assert "worst node" in result.out
    assert mamo("evaluate", "r", "--name", "again").code == 0
    (again,) = rows("summary.csv", "again")
    assert again["worst"] == told["worst"]


def test_of_a_plan_too():
    shared = ("--trace", "day.csv", "--node-memory", "12", "--memory-per-replica", "1", "--rejection-model", "erlang")
    result = mamo("solve-offline", *shared, "--scope", "average", "--tolerance", "0.3", "--name", "r")
    assert result.code == 0, result.err
    (told,) = rows("summary.csv")
    rejected = {row["function"]: float(row["mean_rejection_actual"]) for row in rows("agents.csv")}
    assert told["worst"] == max(rejected, key=rejected.get)
    assert float(told["worst_rejection"]) == pytest.approx(max(rejected.values()), rel=1e-9)
    assert "worst_rejection" in result.out
    # Functions that share nothing are not compared.
    assert mamo("solve-offline", "--trace", "day.csv", "--scope", "average", "--name", "apart").code == 0
    assert "worst" not in rows("summary.csv", "apart")[0]


def test_fairness_is_not_compared_by_the_cost_within_limits():
    result = mamo("compare", "reference", "--strategy", "fair", "--strategy", "dual", "--seeds", "2")
    assert result.code == 2
    assert "--strategy: must be one of wa-dqn, bisect, dual" in result.err
    assert "fair" not in result.err.partition("must be one of")[2].partition("got")[0]
