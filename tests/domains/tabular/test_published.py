"""Both processes against figures that were computed apart from them, to the digits that were printed."""

import numpy as np
import pytest

from mamo_cli.core.mixtures import mixed
from mamo_cli.domains.tabular import gridworld, junction
from mamo_cli.domains.tabular.occupancy import constrained_optimum
from tests.domains.tabular.processes import bracketing

# gamma, discounted visits asked for, value, multiplier: value lost by a visit more.
GRIDS = [
    (0.90, 1.50, 16.5272, 1.7323),
    (0.85, 1.00, 10.3050, 2.0809),
    (0.80, 0.70, 7.3097, 2.4352),
    (0.75, 0.50, 5.5940, 2.7916),
    (0.70, 0.38, 4.4433, 3.1457),
]
# Switches a slot, mean sum of both queues, multiplier: by how much that falls for a switch a slot more.
JUNCTIONS = [(0.15, 1.8376, 5.10), (0.10, 2.2090, 15.59), (0.05, 3.6779, 70.13)]


def value(cost, gamma):
    """Discounted return of a normalised mean cost (10 - reward) / 11."""
    return (10 - 11 * cost) / (1 - gamma)


def limits():
    """Every published process with its limit: of the grid, 1 - (1 - gamma) b."""
    cases = [pytest.param(gridworld.process(g), 1 - (1 - g) * b, id=f"grid-{g}") for g, b, *_ in GRIDS]
    crossing = junction.process((0.30, 0.20), 12)
    return cases + [pytest.param(crossing, limit, id=f"junction-{limit}") for limit, *_ in JUNCTIONS]


@pytest.mark.parametrize(("gamma", "visits", "best", "multiplier"), GRIDS)
def test_the_gridworlds_constrained_value_and_its_multiplier(gamma, visits, best, multiplier):
    found = constrained_optimum(gridworld.process(gamma), 1 - (1 - gamma) * visits)
    assert round(value(found.cost, gamma), 4) == best
    # d cost / d limit = (dV / db) / 11: both scale with 1 - gamma.
    assert round(found.multiplier * 11, 4) == multiplier


def test_the_gridworlds_value_without_a_limit_and_its_best_single_weight():
    process = gridworld.process(0.9)
    free = constrained_optimum(process, 1.0)
    assert round(value(free.cost, 0.9), 4) == 17.3286
    assert free.multiplier == 0
    within, _ = bracketing(process, 1 - 0.1 * 1.5)
    assert round(value(within[0], 0.9), 3) == 16.062


@pytest.mark.parametrize(("limit", "queues", "multiplier"), JUNCTIONS)
def test_the_junctions_constrained_queues_and_their_multiplier(limit, queues, multiplier):
    found = constrained_optimum(junction.process((0.30, 0.20), 12), limit)
    assert round(found.cost * 24, 4) == queues
    assert found.multiplier * 24 == pytest.approx(multiplier, abs=0.0051)  # 15.59504 was printed as 15.59


def test_the_junctions_least_queues():
    process = junction.process((0.30, 0.20), 12)
    beyond = bracketing(process, 1.0)[1]
    assert round(beyond[0] * 24, 4) == 1.7556
    assert round(beyond[1], 4) == 0.1661


@pytest.mark.parametrize(("process", "limit"), limits())
def test_the_linear_program_is_the_mixture_of_two_answers(process, limit):
    objectives, found = bracketing(process, limit), constrained_optimum(process, limit)
    brought = mixed(objectives, np.array([limit])) @ objectives
    np.testing.assert_allclose(brought, [found.cost, limit], rtol=0, atol=1e-9)
    assert np.ptp(objectives[:, 1]) > 1e-3  # two plans, neither of which is the optimum
    weights = np.array([1.0, found.multiplier])
    np.testing.assert_allclose(*(objectives @ weights), rtol=0, atol=1e-9)
