"""The benchmark of federations: who is averaged, how honest nodes are judged, and what its tables hold."""

import csv
import re
from pathlib import Path

import numpy as np
import pytest

from benchmarks.federation import (
    ATTACKS,
    HONEST,
    LEVELS,
    NODES,
    NOISES,
    SETTINGS,
    UNEQUAL,
    Case,
    by_case,
    cases,
    load_of,
    regrets,
)
from mamo_cli.experiments.configs import MamoConfig, configured
from mamo_cli.training.federation.settings import AGGREGATES


def test_regrets_are_of_honest_nodes_by_hand():
    best = np.full(NODES, -0.5)
    best[3] = -0.25
    achieved = best.copy()
    achieved[0] -= 0.1
    achieved[3] -= 0.1
    achieved[HONEST:] -= 7.0  # of the poisoned nothing counts
    together, worst = regrets(achieved, best)
    assert together == pytest.approx(100 * 0.2 / (15 * 0.5 + 0.25))
    assert worst == pytest.approx(40.0)


def test_every_case_can_be_and_each_control_is_there():
    every = list(cases())
    assert len(every) == len(set(every)) == 1 + len(ATTACKS) * len(AGGREGATES) + 1 + 2 * len(AGGREGATES) + 6
    for case in every:
        federation = configured(MamoConfig, SETTINGS, case.federation()).federation
        assert (federation.every is None) == (not case.aggregate)
        assert (federation.poisoned > 0) == (case.attack != "none")
    assert {Case("equal"), Case("unequal"), Case("equal", "mean"), Case("unequal", "krum")} <= set(every)


def test_the_nodes_that_differ_under_unequal_loads_are_honest():
    equal, unequal = (load_of(loads).expected_rate_rps for loads in ("equal", "unequal"))
    shares = (unequal / equal).mean(0)
    np.testing.assert_allclose(shares, np.tile(LEVELS, NODES // len(LEVELS)))
    assert np.flatnonzero(shares < 0.5).tolist() == [0, 5, 10, 15]
    assert HONEST == 16


def test_rows_of_a_case_stand_together():
    rows = [("equal", "mean", "none", None, None, seed, 1.0 + seed, 2.0) for seed in (0, 1)]
    rows.append(("equal", "mean", "none", 0.1, 9.0, 0, 5.0, 6.0))
    found = by_case(rows)
    assert found["equal", "mean", "none", None].tolist() == [[1.0, 2.0], [2.0, 2.0]]
    assert found["equal", "mean", "none", 0.1].tolist() == [[5.0, 6.0]]


ROOT = Path(__file__).parent.parent


def test_the_pages_tables_are_those_of_the_kept_seeds():
    with (ROOT / "benchmarks/federation.csv").open(encoding="utf-8", newline="") as file:
        kept = [[cell or None for cell in row] for row in csv.reader(file)][1:]
    means = {case: values.mean(0) for case, values in by_case(kept).items()}
    assert len(kept) == 8 * len(list(cases()))
    names = ("apart", *AGGREGATES)
    tables = [("equal", name, attack, None, 0) for name in names for attack in ATTACKS]
    tables += [("unequal", name, attack, None, place) for name in names for attack in UNEQUAL for place in (0, 1)]
    tables += [("equal", "mean", "none", str(noise), 0) for noise in NOISES]
    expected = [means[tuple(case)][place] for *case, place in tables if tuple(case) in means]
    page = (ROOT / "docs/results/federation.md").read_text(encoding="utf-8")
    shown = [float(found) for found in re.findall(r"\| ([\d.]+) \[", page)]
    np.testing.assert_allclose(shown, expected, rtol=0.03)  # of two digits
