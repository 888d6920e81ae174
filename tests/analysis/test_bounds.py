"""Bounds are values of linear programs: against the programs written out, and on pumps worked out by hand.

One pump's plays, as alpha rises (see test_exact): cost and drought (.25, .45), (.375, .25), (.5, .15), (.75, .05) and
(1, 0); the second one's, whose droughts are half: (.25, .225), (.375, .125), (.5, .075), (.75, .025) and (1, 0). Within
.1 the first mixes halves of (.5, .15) and (.75, .05), which are equally good at alpha 5/7: .625. The second mixes
halves of (.375, .125) and (.5, .075), at the same alpha: .4375.
"""

import numpy as np
import pytest
from scipy.optimize import linprog

from mamo_cli.analysis.bounds import Grid, bound, bounds_of, on_grid, single
from mamo_cli.analysis.perfect import UnreachableError, played
from mamo_cli.core.seam import Knowledge, Part
from mamo_cli.core.weights import alpha_grid, weights_of
from mamo_cli.domains import registry
from mamo_cli.domains.faas.rejection.erlang import erlang_b
from mamo_cli.domains.faas.settings import InstanceConfig
from tests.analysis.tiny_domain import Pumps
from tests.domains.inventory.stocks import domain_of
from tests.workload.test_real_files import import_trace, real

TENTHS = weights_of(alpha_grid(0.1))


def test_the_bound_of_two_pumps_by_hand():
    found = bound(Pumps(agents=2))
    np.testing.assert_allclose(found.objectives, [[0.625, 0.1], [0.4375, 0.1]], rtol=1e-12)
    np.testing.assert_allclose(found.weights, np.tile([2 / 7, 5 / 7], (2, 2, 1)), rtol=1e-12)
    np.testing.assert_allclose(found.prices, [[2.5], [2.5]], rtol=1e-12)
    np.testing.assert_allclose(found.shares, np.full((2, 2), 0.5), rtol=1e-12)
    assert found.cost == pytest.approx(0.53125, rel=1e-12)


def test_without_mixing_each_takes_the_cheapest_that_keeps_its_limit():
    np.testing.assert_allclose(single(Pumps(agents=2)).objectives, [[0.75, 0.05], [0.5, 0.075]], rtol=1e-12)
    np.testing.assert_allclose(bound(Pumps(limit=0.5)).objectives, [[0.25, 0.45]], rtol=1e-12)  # all keep it


def test_alphas_of_a_grid_mix_among_themselves():
    # .5 is between the first pump's kinks at 5/13 and 5/9: (.375, .25); .9 beyond its last, 5/6: (1, 0).
    grid = Grid(weights_of(np.array([0.5, 0.9])))
    mixture, alone = on_grid(Pumps(), grid), on_grid(Pumps(), grid, mix=False)
    np.testing.assert_allclose(mixture.shares, [[0.4, 0.6]], rtol=1e-12)
    np.testing.assert_allclose(mixture.objectives, [[0.4 * 0.375 + 0.6, 0.1]], rtol=1e-12)
    assert (alone.weights[..., 1].tolist(), alone.objectives.tolist()) == ([[0.9]], [[1.0, 0.0]])
    np.testing.assert_allclose(played(Pumps(), mixture.weights, mixture.shares).objectives, mixture.objectives)


def test_a_grid_is_laid_anew_between_the_two_alphas_that_bracket_each_limit():
    # The limit is crossed at 5/7 = .714 by both: between .7 and .8, then between .71 and .72.
    for refinements, alpha in ((0, 0.8), (1, 0.72), (2, 0.715)):
        grid = Grid(TENTHS, refinements)
        alone = on_grid(Pumps(agents=2), grid, mix=False)
        np.testing.assert_allclose(alone.weights[..., 1], [[alpha]] * 2, rtol=1e-12)
        assert on_grid(Pumps(agents=2), grid).cost == pytest.approx(0.53125, rel=1e-12)  # by the plays of the bound
    assert on_grid(Pumps(limit=0.5), grid, mix=False).weights[..., 1].tolist() == [[0.0]]  # nothing brackets it


def test_a_refined_grid_comes_close_to_the_bound_on_the_reference_node():
    settings = InstanceConfig()
    domain = registry.build("faas", settings, registry.load_source("faas", settings))
    over = [on_grid(domain, Grid(TENTHS, times)).cost / bound(domain).cost - 1 for times in range(3)]
    assert over == [pytest.approx(0.0077156, rel=1e-3), pytest.approx(5.4547e-5, rel=1e-3), pytest.approx(0, abs=1e-6)]


@pytest.mark.parametrize("find", [bound, single, lambda domain: on_grid(domain, Grid(TENTHS, 1))])
def test_a_limit_out_of_reach_is_told_with_the_least_there_is(find):
    with pytest.raises(UnreachableError, match=r"evaluation part keeps the mean drought of left within -0.01: .* is 0"):
        find(Pumps(limit=-0.01))


def program(cost, violation, limit):
    """The least mean cost of distributions over choices `(T, N)`, one a step, at a mean violation within a limit."""
    steps, choices = cost.shape
    one_each = np.kron(np.eye(steps), np.ones(choices))
    found = linprog(cost.ravel() / steps, violation.ravel()[None] / steps, [limit], one_each, np.ones(steps))
    return found.fun


def test_both_bounds_of_the_reference_node_are_those_of_the_programs_written_out():
    settings = InstanceConfig(rejection_model="erlang")
    domain = registry.build("faas", settings, registry.load_source("faas", settings))
    expected, came = domain.conditions()[..., 0].T.copy()[0], domain.conditions()[..., 1].T.copy()[0]
    nodes, weights = np.polynomial.legendre.leggauss(48)
    seen = sum(w / 2 * erlang_b(expected * (1 + 0.2 * u) * 0.065, 10) for u, w in zip(nodes, weights, strict=True))
    cost = np.broadcast_to(np.arange(1, 11) / 10, seen.shape)
    found = bounds_of(domain)
    assert found.clairvoyant.cost == pytest.approx(program(cost, erlang_b(came * 0.065, 10), 0.05), abs=1e-9)
    assert found.causal.cost == pytest.approx(program(cost, seen, 0.05), abs=1e-9)
    assert 1.005 < found.causal.cost / found.clairvoyant.cost < 1.01
    for each in found:
        np.testing.assert_allclose(each.objectives[:, 1], 0.05, rtol=1e-9)


def test_the_reference_instance_stands_beside_these_two_numbers():
    settings = InstanceConfig()
    found = bounds_of(registry.build("faas", settings, registry.load_source("faas", settings)))
    assert 10 * found.clairvoyant.cost == pytest.approx(6.18357, abs=5e-6)
    assert 10 * found.causal.cost == pytest.approx(6.22769, abs=5e-6)


def test_a_lagged_rate_costs_a_fifth_on_the_azure_llm_code_trace():
    trace = import_trace(real("AzureLLMInferenceTrace_code.csv"), "requests", step_seconds=10.0)
    settings = InstanceConfig(warm_service_time=0.2, cold_service_time=1.0)
    found = bounds_of(registry.build("faas", settings, trace))
    assert 10 * found.clairvoyant.cost == pytest.approx(1.232, abs=5e-4)
    assert 10 * found.causal.cost == pytest.approx(1.485, abs=5e-4)


@pytest.mark.parametrize("knowledge", Knowledge)
def test_a_stocks_bounds_are_those_of_a_program_over_levels(knowledge):
    domain = domain_of(5 + 3 * np.sin(np.arange(24)), levels=40, lead_time=2)
    known = domain.prospect if knowledge is Knowledge.CAUSAL else domain._known_prospect
    first, later = known.first[:, 0], known.later[: known.effective, 0]
    steps = len(first) + len(later)
    limit = (domain.spec.limits[0, 0] * steps - first[:, 1].sum()) / len(later)
    least = program(later[..., 0] / known.cost_scale, later[..., 1], limit)
    mean = (first[:, 0].sum() / known.cost_scale + len(later) * least) / steps
    assert bound(domain, Part.EVALUATION, knowledge).cost == pytest.approx(mean, abs=1e-9)
