"""The certified total: convex by hand and at random, and both ends against trying everything."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mamo_cli.core.errors import NothingExactError, SolverError, UsageError
from mamo_cli.core.seam import Scope, Termination
from mamo_cli.core.weights import weights_of
from mamo_cli.domains.faas.fleet import pooled as module
from mamo_cli.domains.faas.fleet.domain import build, load
from mamo_cli.domains.faas.fleet.pooled import Total, bracket, loss, service_times
from mamo_cli.domains.faas.fleet.settings import FleetConfig, Planning
from mamo_cli.domains.faas.rejection.models import make_model
from mamo_cli.solvers.sessions import SESSIONS
from tests.domains.faas.fleet.brute_force import every, random_fleet

RATES = st.floats(0.0, 500.0)


def test_what_is_lost_by_hand():
    """Load 3 on 2 replicas: B = (9/2) / (1 + 3 + 9/2) = 9/17, of 6 requests/s of 1/2 s 54/17 are lost.

    The slope of a B over a is B (1 + 2 - 3 (1 - B)) = 9/17 (3 - 24/17) = 9/17 27/17, and of rate B over rate the same.
    """
    lost, slope = loss(np.array(6.0), 0.5, 2)
    assert lost[1] == pytest.approx(54 / 17, rel=1e-12)
    assert slope[1] == pytest.approx(243 / 289, rel=1e-12)


@settings(max_examples=200)
@given(RATES, RATES, st.floats(0.001, 2.0), st.integers(1, 60))
def test_tangents_of_what_is_lost_lie_below_it(at, elsewhere, service_s, replicas):
    (here, there), (slope, _) = (each[:, -1] for each in loss(np.array([at, elsewhere]), service_s, replicas))
    assert there >= here + slope * (elsewhere - at) - 1e-9 * max(1.0, elsewhere, at)


def test_a_share_is_not_convex():
    """So nothing is certified of it: a chord lies below the curve in its middle."""
    share = make_model("erlang", 0.065, 0.25, 60.0).rejection_probability(np.array([20.0, 60.0, 100.0]), 3)[:, 2]
    assert share[1] > (share[0] + share[2]) / 2 + 0.01


@settings(max_examples=12)
@given(st.integers(0, 10**6), st.sampled_from([("star", 3), ("ring", 3), ("ring", 2)]), st.floats(0.1, 0.95))
def test_the_least_total_lies_between_both_ends_which_meet(seed, shape, alpha):
    topology, nodes = shape
    domain = random_fleet(seed, nodes, topology, model="erlang", pooled=True)
    rates = domain.case.known_rate_rps
    _, cost, lost = every(domain)
    share = (lost * rates[:, None]).sum(-1) / rates.sum(1).mean()
    least = ((1 - alpha) * cost / (nodes * domain.spec.cost_scale) + alpha * share).min(1).mean()
    for solver in ("auto", "highs"):
        found = domain.optimum(Scope.ALPHA, weights_of(np.full(nodes, alpha)), solver)
        assert (found.solver, found.termination) == ({"auto": "elimination"}.get(solver, solver), Termination.OPTIMAL)
        assert found.bound - 1e-6 <= least <= found.objective + 1e-6
        assert found.gap <= 2e-6


def period(nodes, topology, price=0.7):
    """A period of the sinusoids' fleet, and one of its nodes apart."""
    config = FleetConfig(nodes=nodes, topology=topology, rejection_model="erlang")
    domain = build(config, load(config))
    fleet, service_s = domain.evaluation, service_times(domain.case.models)
    return Total(fleet, domain.case.known_rate_rps[0], fleet.node.max_replicas[0], service_s, 1.0, price)


def test_four_nodes_that_all_forward_to_all_in_four_programs_as_by_elimination():
    total = period(4, "full")
    with SESSIONS["highs"]() as session:
        found = bracket(total, session, None)
    config = FleetConfig(nodes=4, topology="full", rejection_model="erlang", noise=0.0)
    known = build(config, load(config))
    weights = np.stack((np.full((4,), known.spec.cost_scale), total.price * total.rates), 1)
    plan = known._outlook("evaluation", 0.0, came=False).best(weights)[0]
    best = total.of(known.evaluation.options_of(plan), plan % 8 + 1)
    assert found.lower <= best * (1 + 1e-6)
    assert best <= found.upper * (1 + 1e-6)
    assert found.proven
    assert found.rounds <= 6
    assert found.upper < total.of(*total.alone()) * 0.99


def test_without_time_the_ends_are_apart_and_hold():
    total = period(10, "full")
    with SESSIONS["highs"]() as session:
        found = bracket(total, session, 0.3)
    assert 0.0 <= found.lower <= found.upper <= total.of(*total.alone())
    assert not found.proven


def test_tangents_that_cut_into_the_loss_are_caught(monkeypatch):
    def steeper(rate, service_s, most):
        lost, slope = loss(rate, service_s, most)
        return lost * 1.05, slope * 1.05

    total = period(3, "full")
    true = Total.of
    monkeypatch.setattr(module.Total, "of", lambda self, *plan: honest(true, self, plan))
    monkeypatch.setattr(module, "loss", steeper)

    def honest(of, self, plan):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, "loss", loss)
            return of(self, *plan)

    with SESSIONS["highs"]() as session, pytest.raises(SolverError, match="highs states the bound"):
        bracket(total, session, None)


def test_what_cannot_be_certified_is_refused_and_says_why():
    config = FleetConfig(nodes=10, topology="star")
    source = load(config).slice(0, 12)
    domain = build(config, source, source, Planning(pooled=True))
    with pytest.raises(NothingExactError, match="certified under rejection model erlang alone"):
        domain.optimum(Scope.ALPHA, weights_of(np.full(10, 0.5)))
    with pytest.raises(UsageError, match="the same weights for all nodes"):
        domain.optimum(Scope.ALPHA, weights_of(np.linspace(0.1, 0.9, 10)))
