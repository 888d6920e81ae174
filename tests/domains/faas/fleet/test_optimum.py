"""Plans by step against trying everything, by every solver; and what is said of them against the truth."""

import contextlib
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mamo_cli.core.errors import NothingExactError, SolverError
from mamo_cli.core.seam import Knowledge, Part, Scope, Termination
from mamo_cli.core.settings import Section
from mamo_cli.core.weights import weights_of
from mamo_cli.domains.faas.fleet.domain import build, load
from mamo_cli.domains.faas.fleet.outlook import Outlook
from mamo_cli.domains.faas.fleet.settings import FleetConfig, Planning
from mamo_cli.solvers.program import Answer, Session
from mamo_cli.solvers.sessions import SESSIONS
from mamo_cli.workload.trace import Trace
from tests.domains.faas.fleet.brute_force import best_by_step, best_on_average, every, random_fleet, tolerances

SEEDS = st.integers(0, 10**6)


def planned(domain, plan):
    """`(T,)` cost in sum, and `(T, M)` what is lost, of a plan at the rates that it was made for."""
    played = domain.replayed(plan)[0]
    return played.paid.sum(1), played.violations[..., 0]


@settings(max_examples=15)
@given(SEEDS, st.sampled_from([("star", 3), ("ring", 3), ("ring", 2)]), st.booleans())
def test_by_step_nothing_violates_less_or_costs_less(seed, shape, own):
    topology, nodes = shape
    domain = random_fleet(seed, nodes, topology, own=own)
    _, cost, lost = every(domain)
    tolerance = tolerances(domain)
    least, cheapest = best_by_step(cost, lost, tolerance)
    for solver in ("auto", "highs"):
        found = domain.optimum(Scope.STEP, solver=solver)
        paid, own_lost = planned(domain, found.plan)
        beyond = np.where(own_lost > tolerance + 1e-7, own_lost - tolerance, 0).sum(1)
        np.testing.assert_allclose(beyond, least, atol=2e-6)
        np.testing.assert_allclose(paid, cheapest, atol=1e-6)
        assert found.termination is Termination.OPTIMAL
        assert found.objective == pytest.approx(cheapest.mean(), abs=1e-6)
        assert found.bound == pytest.approx(cheapest.mean(), abs=1e-6)
        np.testing.assert_array_equal(found.feasible, own_lost <= tolerance + 1e-6)


@settings(max_examples=25)
@given(SEEDS, st.sampled_from([("star", 3), ("ring", 2)]), st.booleans())
def test_on_average_the_best_lies_between_bound_and_plan(seed, shape, own):
    topology, nodes = shape
    domain = random_fleet(seed, nodes, topology, own=own)
    _, cost, lost = every(domain)
    cheapest = best_on_average(cost, lost, tolerances(domain))
    found = domain.optimum(Scope.AVERAGE)
    paid, own_lost = planned(domain, found.plan)
    assert found.objective == pytest.approx(paid.mean(), rel=1e-12)
    assert found.feasible.all() == (own_lost.mean(0) <= tolerances(domain) + 1e-6).all()
    assert found.bound <= cheapest + 1e-6
    if found.feasible.all():
        assert cheapest <= found.objective + 1e-6
    else:
        assert found.constraint_residual > 0
        assert found.notices


@settings(max_examples=15)
@given(SEEDS, st.floats(0.05, 0.99), st.booleans())
def test_what_alpha_weighs_is_least(seed, alpha, own):
    domain = random_fleet(seed, own=own)
    _, cost, lost = every(domain)
    weights = weights_of(np.full(3, alpha))
    weighed = (1 - alpha) * cost / domain.spec.cost_scale + alpha * lost.sum(-1)
    found = domain.optimum(Scope.ALPHA, weights)
    assert found.objective == pytest.approx(weighed.min(1).mean() / 3, abs=1e-9)
    assert found.termination is Termination.OPTIMAL


@pytest.mark.parametrize("pooled", [False, True])
def test_of_no_requests_nothing_is_lost_and_the_plan_is_proven(pooled):
    config, rates = FleetConfig(topology="ring", rejection_model="erlang"), np.zeros((2, 3))
    source = Trace(("node1", "node2", "node3"), rates, rates, step_seconds=300.0, period_steps=2)
    domain = build(config, source, source, Planning(pooled=pooled))
    for alpha, solver in itertools.product((0.5, 1.0), ("auto", "highs")):
        found = domain.optimum(Scope.ALPHA, weights_of(np.full(3, alpha)), solver)
        assert found.objective == pytest.approx((1 - alpha) / 8, abs=1e-12)  # one replica of eight
        assert (found.bound, found.gap) == (pytest.approx(found.objective, abs=1e-9), pytest.approx(0.0, abs=1e-9))
        assert found.termination is Termination.OPTIMAL


def test_outside_solve_offline_plans_by_step_alone_are_too_many():
    config = FleetConfig(nodes=4, topology="ring")
    source = load(config).slice(0, 24)
    domain, planning = (build(config, source, source, planned) for planned in (None, Section()))
    weights = weights_of(np.full(4, 0.5))
    for scope in (Scope.STEP, Scope.AVERAGE):
        with pytest.raises(NothingExactError, match="by solve-offline alone"):
            domain.optimum(scope)
    assert domain.optimum(Scope.ALPHA, weights).objective == planning.optimum(Scope.ALPHA, weights).objective


def test_three_nodes_by_each_solver():
    """64,000 joint choices a period: enumeration and program say the same."""
    domain = fleet(topology="full", steps=48)
    few, by_highs = (domain.optimum(Scope.STEP, solver=solver) for solver in ("auto", "highs"))
    assert (few.solver, by_highs.solver) == ("enumeration", "highs")
    assert few.objective == pytest.approx(by_highs.objective, rel=1e-9)
    for found in (few, by_highs):
        assert found.gap < 1e-9
        assert found.feasible.all()
    average = domain.optimum(Scope.AVERAGE)
    assert average.bound < average.objective < few.objective
    assert average.gap < 2e-3


def fleet(steps=288, **chosen):
    config = FleetConfig(**chosen)
    source = load(config).slice(0, steps)
    return build(config, source, source, Section())


def test_a_solver_that_lies_is_caught(monkeypatch):
    """The program's answer keeps all requests at every node, at what the true answer costs."""
    domain, opened = random_fleet(4, 3, "ring", replicas=3), SESSIONS["highs"]

    def lying(session):
        def run(program, seconds):
            true = session.run(program, seconds)
            firsts = [program.row_column[program.row_start[row]] for row in range(3)]  # of rows option_0..2
            values = np.where(np.arange(len(true.values)) < max(firsts) + 5, 0.0, true.values)
            values[firsts] = 1.0
            return Answer(values, true.termination, true.objective, true.bound)

        return Session("highs", session.version, run)

    @contextlib.contextmanager
    def session():
        with opened() as honest:
            yield lying(honest)

    assert domain.optimum(Scope.STEP, solver="highs").solver == "highs"
    monkeypatch.setitem(SESSIONS, "highs", session)
    with pytest.raises(SolverError, match=r"highs's plan costs .* than it says"):
        domain.optimum(Scope.STEP, solver="highs")


def test_a_plan_is_worth_the_same_by_laws_as_by_tables():
    domain = random_fleet(0, 4, "ring", replicas=3, steps=6)
    for noise in (0.0, 0.3):
        known = domain._outlook(Part.EVALUATION, noise, came=False)
        rng = np.random.default_rng(1)
        plan = rng.integers(0, domain.spec.choices, (6, 4))
        served = known.fleet.options_of(plan), known.fleet.replicas_of(plan), np.arange(6)
        np.testing.assert_allclose(known.by_laws(*served), known.looked_up(*served), atol=1e-13)


def test_where_too_many_touch_one_another_it_is_said_and_plans_are_judged_all_the_same():
    domain = fleet(nodes=10, topology="star", steps=24)
    for scope in Scope:
        with pytest.raises(NothingExactError, match="node1, which has 9 neighbours"):
            domain.optimum(scope, weights_of(np.full(10, 0.5)))
    plan = np.random.default_rng(0).integers(0, domain.spec.choices, (24, 10))
    planned_, came = domain.replayed(plan)
    for played in (planned_, came, domain.expected(plan)):
        assert np.isfinite(played.violations).all()
    with pytest.raises(NothingExactError):
        domain.outlook(Part.EVALUATION, Knowledge.CAUSAL).best(np.ones(2))


def test_that_too_many_touch_one_another_is_found_once(monkeypatch):
    domain, asked = fleet(nodes=10, topology="star", steps=2), []

    def rejection(self):
        asked.append(self)
        raise NothingExactError("too many")

    monkeypatch.setattr(Outlook, "rejection", property(rejection))
    known = domain.outlook(Part.EVALUATION, Knowledge.CAUSAL)
    for _ in range(3):
        known.objectives(np.zeros((2, 10), dtype=np.int64))
    assert len(asked) == 1
