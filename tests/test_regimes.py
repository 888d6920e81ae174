"""A table of weights by regime: the search is that of all tables, and what the manual says of it is so."""

import itertools

import numpy as np
import pytest

from benchmarks.regimes import cheapest, gains, one_weight, regimes_of
from mamo_cli.experiments.members import members
from mamo_cli.experiments.scenarios import configuration_of, read_scenario, source_of
from mamo_cli.training.shards import build_domain


def test_terciles_are_of_what_is_expected_and_equal_loads_are_of_one_regime():
    assert regimes_of(np.array([9.0, 1.0, 5.0, 2.0, 8.0, 4.0])).tolist() == [2, 0, 1, 0, 2, 1]
    assert regimes_of(np.full(5, 3.0)).tolist() == [0] * 5


@pytest.mark.parametrize("seed", range(20))
def test_the_search_finds_what_trying_all_tables_finds(seed):
    rng = np.random.default_rng(seed)
    costs, violations = rng.integers(0, 9, (2, 6, 3)).astype(float)
    limit = float(rng.integers(3, 15))
    tables = [(list(rows), [0, 1, 2]) for rows in itertools.product(range(6), repeat=3)]
    within = [costs[table].sum() for table in tables if violations[table].sum() <= limit]
    assert cheapest(costs, violations, limit) == min(within, default=np.inf)
    same = costs.sum(1)[violations.sum(1) <= limit]
    if same.size:
        assert cheapest(costs, violations, limit) <= one_weight(costs, violations, limit) == same.min()


def test_on_the_reference_node_a_mixture_on_the_same_grid_does_better_and_none_is_below_the_bound():
    scenario = read_scenario("reference")
    source = source_of(scenario)
    domain = build_domain(members(configuration_of(scenario, "bisect", source), source))
    (coarse,), (fine,) = ([*gains(domain, step)] for step in (0.1, 0.02))
    over = [[100 * (cost / gain.bound - 1) for cost in gain[:3]] for gain in (coarse, fine)]
    np.testing.assert_allclose(over, [[10.45, 1.14, 0.77], [1.92, 0.02, 0.02]], atol=0.005)
