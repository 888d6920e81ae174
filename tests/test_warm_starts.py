"""What is told of warm starts: which nodes, and from which step on."""

import numpy as np
import pytest

from benchmarks.warm import REFERENCE, Way, for_good, nodes, settings, start_from, told, trained

SMALL = {"learner": {"hidden": [8]}, "phase": {"iterations": 2, "iteration_steps": 2, "window": 1}}


def test_nodes_are_those_of_their_seed_within_their_ranges():
    drawn = nodes(4)
    assert drawn == nodes(4)
    assert drawn != nodes(4, drawn_by=14)
    assert str(drawn[0]) == "64.7 ms, 40.8 +- 21.2 requests/s, limit 0.079"
    low, high = np.array(drawn).min(0), np.array(drawn).max(0)
    assert (low >= [0.045, 35.0, 0.3, 0.02]).all()
    assert (high <= [0.09, 70.0, 0.95, 0.08]).all()


@pytest.mark.parametrize(("holds", "first"), [("0101", 3), ("0111", 1), ("1111", 0), ("1110", None), ("0000", None)])
def test_for_good_is_from_the_first_after_which_it_never_fails(holds, first):
    assert for_good(np.array([one == "1" for one in holds])) == first


def test_a_warm_start_of_the_benchmark_is_that_of_the_command():
    done = trained(settings("dqn", REFERENCE, "4..5", adaptation={"cycles": 1}, **SMALL), REFERENCE)
    start = start_from(done)
    assert np.array_equal(start.of([5, 4], np.array([0.5, 0.5])), done.loop.policies()[[1, 0]])


def test_ratios_are_paired_and_who_never_gets_there_counts_as_the_budget():
    cold = [Way(np.array([100.0, np.inf, 400.0]), np.array([0.01, 0.05, 0.02]))]
    warm = [Way(np.array([50.0, 100.0, 400.0]), np.array([0.01, 0.02, 0.01]))]
    rows = {(row.engine, row.unit): row for row in told("dqn", cold, warm, 1000, [REFERENCE])}
    assert rows["dqn, from nothing", "steps"].median == 400.0  # of 100, 1000, 400
    assert "1 of 3 runs never get there, nor does the median of 0 nodes" in rows["dqn, from nothing", "steps"].note
    assert rows["dqn, warm / from nothing", "x"].median == 0.5  # of .5, .1, 1
    assert rows["dqn, warm - from nothing", "% regret"].median == pytest.approx(-1.0)  # of 0, -3, -1
