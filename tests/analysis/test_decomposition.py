"""What the cost over the bound is made of: each error planted alone is found in its own term."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mamo_cli.analysis.bounds import Grid, bounds_of, on_grid, single
from mamo_cli.analysis.decomposition import FIRST, TERMS, best_weights, decomposed, shared_stages, terms
from mamo_cli.analysis.perfect import UnreachableError, played
from mamo_cli.core.errors import NothingExactError
from mamo_cli.core.seam import Part
from mamo_cli.core.weights import alpha_grid, weights_of
from mamo_cli.domains import registry
from mamo_cli.domains.faas.settings import InstanceConfig
from mamo_cli.workload.trace import Trace
from tests.analysis.tiny_domain import Pumps

SETTINGS = InstanceConfig()
NODE = registry.build("faas", SETTINGS, registry.load_source("faas", SETTINGS))


def told(domain, grid, mix, settled=None, learnt=None):
    """The terms by name, for a strategy that settles on `settled` (the best weights of all) and a perfect agent."""
    best = best_weights(domain, Part.TRAINING, grid, mix)
    weights, shares = (best.weights, best.shares) if settled is None else settled
    perfect = played(domain, weights, shares).objectives
    shared = shared_stages(domain, bounds_of(domain), grid, mix)
    stages = decomposed(domain, shared, perfect, perfect if learnt is None else learnt(perfect))
    assert [stage.name for stage in stages] == [FIRST, *TERMS]
    found = {stage.name: stage.term for stage in stages[1:]}
    over = stages[-1].objectives[:, 0].mean() / stages[0].objectives[:, 0].mean()
    assert sum(found.values()) == pytest.approx(over - 1.0, abs=1e-12)
    return found, stages


def apart_from(found, *names):
    return {name: term for name, term in found.items() if name not in (*names, "information")}


def test_a_perfect_agent_at_the_best_mixture_lacks_information_alone():
    found, stages = told(NODE, None, mix=True)
    assert found["information"] == pytest.approx(6.22769 / 6.18357 - 1, abs=2e-6)
    assert apart_from(found) == dict.fromkeys(apart_from(found), pytest.approx(0.0, abs=1e-12))
    assert not any(stage.bought for stage in stages)


@pytest.mark.parametrize(("step", "cost"), [(0.1, 6.275741), (0.5, None)])
def test_a_coarse_grid_is_the_grids_fault(step, cost):
    found, _ = told(NODE, Grid(weights_of(alpha_grid(step))), mix=True)
    mixture = on_grid(NODE, Grid(weights_of(alpha_grid(step))))
    assert cost is None or 10 * mixture.cost == pytest.approx(cost, abs=1e-6)
    assert found["grid"] == pytest.approx((10 * mixture.cost - 6.22769) / 6.18357, abs=2e-6)
    assert found["grid"] > 0.007
    assert apart_from(found, "grid") == dict.fromkeys(apart_from(found, "grid"), pytest.approx(0.0, abs=1e-12))


def test_a_single_weight_is_the_price_of_determinism():
    found, _ = told(NODE, Grid(weights_of(alpha_grid(0.1))), mix=False)
    # At .8: 6.878472 replicas, against 6.275741 of the mixture of .7 and .8.
    assert found["determinism"] == pytest.approx((6.878472 - 6.275741) / 6.18357, abs=2e-6)
    assert {name: found[name] for name in ("transfer", "strategy", "te", "model")} == {
        name: pytest.approx(0.0, abs=1e-12) for name in ("transfer", "strategy", "te", "model")
    }
    alone, _ = told(NODE, None, mix=False)
    assert alone["determinism"] == pytest.approx(single(NODE).cost / 0.618357 - 6.22769 / 6.18357, abs=2e-6)


def test_an_agent_that_always_adds_a_replica_is_the_te_agents_fault():
    found, stages = told(NODE, None, mix=True, learnt=lambda perfect: np.add(perfect, [[0.1, -0.01]]))
    assert found["te"] == pytest.approx(1 / 6.18357, abs=1e-6)
    assert apart_from(found, "te") == dict.fromkeys(apart_from(found, "te"), pytest.approx(0.0, abs=1e-12))
    assert not stages[-1].bought


@pytest.mark.parametrize(("alpha", "cost", "bought"), [(0.9, None, False), (0.7, 6.013889, True)])
def test_a_strategy_one_step_off_is_the_strategys_fault_and_cheapness_by_violation_is_marked(alpha, cost, bought):
    off = weights_of(np.array([[alpha]])), np.ones((1, 1))
    found, stages = told(NODE, Grid(weights_of(alpha_grid(0.1))), mix=False, settled=off)
    reached = 10 * played(NODE, *off).cost
    assert cost is None or reached == pytest.approx(cost, abs=1e-6)
    assert found["strategy"] == pytest.approx((reached - 6.878472) / 6.18357, abs=2e-6)
    assert abs(found["strategy"]) > 0.1
    assert (found["transfer"], found["te"]) == (pytest.approx(0.0, abs=1e-12), 0.0)
    by_name = {stage.name: stage for stage in stages}
    assert by_name["strategy"].bought == bought
    assert by_name["strategy"].holds(NODE.spec.limits) != bought
    assert not by_name["te"].bought  # it changes nothing


def loaded(times):
    """A node whose training part, the first 70 %, is loaded so many times as much as its evaluation part."""
    rate = 25 + 12 * np.sin(np.arange(400) / 9.0)
    rate[:280] *= times
    return registry.build("faas", InstanceConfig(), Trace(("f0",), rate[:, None], rate[:, None]))


@pytest.mark.parametrize("mix", [True, False])
def test_a_training_part_twice_as_loaded_is_the_transfers_fault(mix):
    alike, _ = told(loaded(1.0), None, mix)
    found, _ = told(loaded(2.0), None, mix)
    assert abs(found["transfer"]) > 10 * abs(alike["transfer"])
    assert found["transfer"] > 0.01
    assert {name: found[name] for name in ("grid", "strategy", "te", "model")} == {
        name: pytest.approx(0.0, abs=1e-12) for name in ("grid", "strategy", "te", "model")
    }
    assert found["determinism"] == pytest.approx(alike["determinism"], abs=1e-9)


def test_by_hand_with_two_pumps():
    # See test_bounds: .53125 within .1, single plays .75 and .5. At .6: the first 1, 1 (.5), the second 1, 0 (.375).
    found, stages = told(Pumps(agents=2), None, False, (weights_of(np.full((2, 1), 0.6)), np.ones((2, 1))))
    assert found["determinism"] == pytest.approx((0.625 - 0.53125) / 0.53125, rel=1e-9)
    assert found["strategy"] == pytest.approx((0.4375 - 0.625) / 0.53125, rel=1e-9)
    assert [stage.bought for stage in stages] == [False] * 5 + [True, False, False]  # droughts .15 and .125
    assert stages[-1].objectives[:, 1].tolist() == pytest.approx([0.15, 0.125])


@given(arrays(float, st.integers(2, 9), elements=st.floats(1e-3, 1e3)))
def test_terms_add_up_whatever_the_stages_cost(costs):
    assert terms(costs).sum() == pytest.approx(costs[-1] / costs[0] - 1.0, rel=1e-9, abs=1e-9)


@given(arrays(float, (7, 2, 2), elements=st.floats(0.01, 1.0)))
def test_a_members_terms_add_up_and_none_is_bought_that_costs_more(stages):
    domain = Pumps(agents=2)
    found = decomposed(domain, stages[:5], stages[5], stages[6])
    over = found[-1].objectives[:, 0].mean() / found[0].objectives[:, 0].mean()
    assert sum(stage.term for stage in found) == pytest.approx(over - 1.0, abs=1e-9 * over)
    assert all(stage.term < 0 and not stage.holds(domain.spec.limits) for stage in found if stage.bought)


def test_where_the_training_cannot_hold_the_limit_there_are_no_terms():
    rate = np.full((100, 1), 30.0)
    rate[:70] = 400.0
    node = registry.build("faas", InstanceConfig(), Trace(("f0",), rate, rate))
    bounds = bounds_of(node)
    with pytest.raises(UnreachableError, match=r"no play of the training part keeps the mean rejection of f0 within"):
        shared_stages(node, bounds, None, mix=True)


def test_a_bound_that_costs_nothing_is_no_unit():
    free = bounds_of(Pumps())
    nothing = free.clairvoyant._replace(objectives=np.zeros((1, 2)))
    with pytest.raises(NothingExactError, match="costs nothing"):
        shared_stages(Pumps(), free._replace(clairvoyant=nothing), None, mix=True)
