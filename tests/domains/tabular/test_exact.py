"""Laws of the exact answers over random processes, where all plans can be tried."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mamo_cli.core.errors import SolverError
from mamo_cli.core.mixtures import mixed
from mamo_cli.core.weights import weights_of
from mamo_cli.domains.tabular.exact import best, means, shares
from mamo_cli.domains.tabular.occupancy import constrained_optimum
from tests.domains.tabular.processes import bracketing, process, processes

ALPHAS = st.sampled_from([0.0, 0.2, 0.5, 0.77, 1.0])


def every_plan(of):
    """All plans of a process."""
    return np.array(list(product(*(np.flatnonzero(row) for row in of.allowed))))


def in_the_long_run(of, plan, periods=1 << 12):
    """`(S,)` shares of time by a plan's chances themselves: a mean over many periods, by doubling."""
    follow = of.following(plan).toarray()
    mean, power, length = np.eye(len(follow)), follow, 1
    while length < periods:
        mean, power, length = (mean + power @ mean) / 2, power @ power, length * 2
    return sum(mean[start] for start in of.starts) / len(of.starts)


@given(of=processes(), data=st.data())
@settings(max_examples=80, deadline=None)
def test_shares_of_time_are_those_of_the_chain_wherever_it_may_end(of, data):
    plan = data.draw(st.sampled_from(every_plan(of).tolist()))
    found = shares(of, np.array(plan))
    assert found.sum() == pytest.approx(1.0, abs=1e-12)
    np.testing.assert_allclose(found @ of.following(np.array(plan)), found, atol=1e-12)
    np.testing.assert_allclose(found, in_the_long_run(of, np.array(plan)), atol=5e-2)


def test_a_plan_that_may_end_in_either_of_two_places_is_weighed_by_how_often_it_does():
    # From 0 one goes to 1 (chance .25) or 2 (.75) and stays there; from 3 always to 2. Half the plays begin in 3.
    successor = np.array([[[1, 2]], [[1, 1]], [[2, 2]], [[2, 2]]])
    of = process(successor, [0.25, 0.75], np.arange(8.0).reshape(4, 1, 2), starts=(0, 3))
    plan = np.zeros(4, dtype=np.int64)
    np.testing.assert_allclose(shares(of, plan), [0, 0.125, 0.875, 0])
    np.testing.assert_allclose(means(of, plan, of.objectives), [0.125 * 2 + 0.875 * 4, 0.125 * 3 + 0.875 * 5])


@given(of=processes(), alpha=ALPHAS)
@settings(max_examples=60, deadline=None)
def test_no_plan_is_better_than_the_best(of, alpha):
    weights = weights_of(np.array(alpha))
    plan = best(of, weights)
    assert of.under(plan, of.allowed).all()
    least = min(means(of, each, of.objectives) @ weights for each in every_plan(of))
    # From wherever it begins: the first state, the last, and both.
    assert means(of, plan, of.objectives) @ weights == pytest.approx(least, abs=1e-7 if alpha in (0, 1) else 1e-9)


@given(of=processes(), which=st.integers(0, 1))
@settings(max_examples=40, deadline=None)
def test_what_weighs_nothing_decides_between_equals(of, which):
    plan = best(of, np.eye(2)[which])
    tried = np.array([means(of, each, of.objectives) for each in every_plan(of)])
    equal = tried[tried[:, which] <= tried[:, which].min() + 1e-9]
    found = means(of, plan, of.objectives)
    assert found[1 - which] <= equal[:, 1 - which].min() + 1e-6


@given(of=processes(most=9), share=st.floats(0, 1))
@settings(max_examples=80, deadline=None)
def test_the_constrained_optimum_is_a_mixture_of_two_answers(of, share):
    least, free = (means(of, best(of, weights_of(np.array(alpha))), of.objectives)[1] for alpha in (1.0, 0.0))
    limit = least + share * (free - least) + 1e-9
    objectives, found = bracketing(of, limit), constrained_optimum(of, limit)
    assert mixed(objectives, np.array([limit])) @ objectives[:, 0] == pytest.approx(found.cost, abs=1e-7)
    spent = (found.shares[..., None] * of.objectives).sum((0, 1))
    assert spent[0] == pytest.approx(found.cost, abs=1e-9)
    assert spent[1] <= limit + 1e-9
    assert (found.shares[~of.allowed] == 0).all()


def test_a_limit_that_nobody_keeps_is_no_answer():
    of = process(np.zeros((1, 2, 1), dtype=np.int64), [1.0], np.array([[[0.0, 0.5], [1.0, 0.4]]]))
    assert constrained_optimum(of, 0.45).cost == pytest.approx(0.5)
    with pytest.raises(SolverError, match=r"0\.3 was found"):
        constrained_optimum(of, 0.3)


def test_states_that_cannot_be_reached_from_one_another_are_no_process_to_answer():
    apart = process(np.array([[[0]], [[1]]]), [1.0], np.zeros((2, 1, 2)))
    with pytest.raises(ValueError, match="cannot be reached"):
        best(apart, np.array([0.5, 0.5]))


@pytest.mark.parametrize(
    "changed",
    [
        {"chance": [0.5, 0.4]},
        {"chance": [1.0, 0.0]},
        {"chance": [1.0]},
        {"starts": (2,)},
        {"allowed": np.array([[True, True], [False, False]])},
        {"successor": np.full((2, 2, 2), 2)},
        {"objectives": np.zeros((2, 2, 3))},
        {"measures": np.zeros((2, 2, 1))},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_arrays_of_no_process_are_refused(changed):
    sound = {"successor": np.zeros((2, 2, 2), dtype=np.int64), "chance": [0.5, 0.5], "objectives": np.zeros((2, 2, 2))}
    assert process(**sound).states == 2
    with pytest.raises(ValueError, match=r"has shape|chances|states are|nothing may|do not tell"):
        process(**(sound | changed))
