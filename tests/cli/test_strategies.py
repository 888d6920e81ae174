"""Every strategy from the command line, with perfect agents on a day's trace of two functions."""

import csv
from pathlib import Path

import numpy as np
import pytest

from mamo_cli.strategies import registry as strategies
from mamo_cli.workload.trace import Trace
from mamo_cli.workload.trace_csv import write_trace
from tests.cli.invoke import mamo

RUN = ("run-mamo", "--te", "exact", "--trace", "day.csv", "--seeds", "2", "--cycles", "8", "--jobs", "1", "--name", "r")


@pytest.fixture(autouse=True)
def day(folder):
    rates = 50 + 40 * np.sin(np.arange(24)[:, None] * np.pi / 12 + np.array([0.0, 2.0]))
    write_trace(Trace(("f0", "f1"), rates, rates, step_seconds=300.0, period_steps=24), "day.csv")


def rows(name):
    with (Path("results/r") / name).open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("strategy", sorted({*strategies.STRATEGIES} - {"wa-dqn", "fixed"}))
def test_a_strategy_runs_tells_its_columns_and_delivers_a_mixture(strategy):
    result = mamo(*RUN, "--strategy", strategy)
    assert result.code == 0, result.err
    cycles = rows("cycles.csv")
    assert len(cycles) == 8 * 2 * 2
    assert set(strategies.columns_of(strategy)) < cycles[0].keys()
    assert 0.0 <= float(cycles[-1][strategies.choice_of(strategy)]) <= 1.0
    # It has moved, and what is delivered of each function is one policy or two that are mixed.
    assert len({row["alpha"] for row in cycles}) > 4
    shares = {}
    for row in rows("delivered.csv"):
        shares.setdefault((row["seed"], row["function"]), []).append(float(row["share"]))
    assert len(shares) == 4
    for each in shares.values():
        assert sum(each) == pytest.approx(1.0)
        most = 3 if strategy == "fair" else 2  # it mixes for both functions together
        assert 1 <= len([share for share in each if share > 0.0]) <= most


def test_a_blank_stands_where_no_alpha_holds_the_limit():
    result = mamo(*RUN, "--strategy", "bisect", "--max-replicas", "1")
    assert result.code == 0, result.err
    last = rows("cycles.csv")[-1]
    assert (last["high"], last["feasible"]) == ("", "0")
    assert float(last["low"]) == pytest.approx(1000 / 1001)
