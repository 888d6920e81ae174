"""Optimistic linear support: its corners by hand, and beside a published front."""

import mo_gymnasium
import numpy as np
import pytest
from hypothesis import given

from mamo_cli.core.errors import UsageError
from mamo_cli.core.weights import weights_of
from mamo_cli.strategies.ols import best_corner, convex_hull
from tests.strategies.exact_learner import Stairs, keeps_members_apart, mixture, play, resumes, stairs, strategy_of

THREE = Stairs([[0.1, 0.6], [0.3, 0.2], [0.7, 0.0]], [[0.1]])
DISCOUNT = 0.99


def corner(tried, points, limit=0.1, least=1e-9):
    return best_corner(np.array(tried, dtype=float), np.array(points, dtype=float), limit, least)


def test_the_extremes_come_first():
    assert corner([0.4], [[0.3, 0.2]]) == (0.0, 1.0)
    assert corner([0.4, 0.0], [[0.3, 0.2], [0.1, 0.6]]) == (1.0, 1.0)
    assert corner([1.0], [[0.3, 0.2]]) == (0.0, 1.0)


def test_next_is_the_corner_of_greatest_optimistic_improvement():
    # (.1, .6) and (.7, 0) are worth the same, (1 - a) .1 + .6 a = .7 (1 - a), at a = .5: .35. By the extremes, where
    # the best are worth .1 and 0, it could be as little as .05.
    assert corner([0.0, 1.0], [[0.1, 0.6], [0.7, 0.0]]) == pytest.approx((0.5, 0.3))
    # (.3, .2) is found there, worth .25. Corners: with (.1, .6) at 1/3, worth .2667, against the chord from .1 at 0 to
    # .25 at .5, .2; with (.7, 0) at 2/3, worth .2333, against the one from .25 at .5 to 0 at 1, .1667. Both improve by
    # .0667; with (.28, .2) instead the lower by .0683, the upper, at .42 / .62, worth .2258 against .1548, by .0710.
    tried, points = [0.0, 1.0, 0.5], [[0.1, 0.6], [0.7, 0.0], [0.3, 0.2]]
    assert corner(tried, points).improvement == pytest.approx(1 / 15)
    assert corner(tried, [*points[:2], [0.28, 0.2]]) == pytest.approx((21 / 31, 0.44 / 6.2))
    assert corner([*tried, 1 / 3], [*points, [0.1, 0.6]]) == pytest.approx((2 / 3, 1 / 15))


def test_once_nothing_improves_the_corner_around_the_limit_is_tried_again():
    tried, points = [0.0, 1.0, 0.5, 1 / 3, 2 / 3], [[0.1, 0.6], [0.7, 0.0], *[[0.3, 0.2]] * 3]
    for limit, alpha in ((0.1, 2 / 3), (0.2, 1 / 3), (0.3, 1 / 3), (0.6, 1 / 3), (0.9, 1 / 3), (0.0, 2 / 3)):
        assert corner(tried, points, limit) == pytest.approx((alpha, 0.0)), limit
    # An improvement below the least is none; before the last two, both corners improve by 1/15.
    assert corner(tried[:3], points[:3], least=0.07).improvement == 0.0
    assert corner(tried[:3], points[:3], least=0.06).improvement == pytest.approx(1 / 15)
    # Of one policy that is best everywhere there is no corner.
    assert corner([0.0, 1.0, 0.3], [[0.1, 0.0]] * 3) == (0.3, 0.0)


def test_the_hull_holds_what_is_best_at_some_alpha():
    points = np.array([[0.3, 0.2], [0.7, 0.0], [0.1, 0.6], [0.5, 0.15], [0.1, 0.7], [0.7, 0.3], [0.2, 0.4]])
    # (.5, .15) lies above the line from (.3, .2) to (.7, 0), and (.2, .4) on that from (.1, .6) to (.3, .2).
    assert convex_hull(points).tolist() == [[0.1, 0.6], [0.3, 0.2], [0.7, 0.0]]


def test_every_agent_has_corners_of_its_own_and_settles_within_its_limit():
    problem = Stairs(THREE.points, [[0.1], [0.4]])
    strategy = strategy_of("ols", problem)
    weights, objectives, told = play(strategy, problem, range(9))
    assert told["improvement"][:2, 0].tolist() == [[1.0, 1.0], [pytest.approx(0.3)] * 2]
    assert told["improvement"][-1].tolist() == [[0.0, 0.0]]
    assert weights[-1, 0, :, 1] == pytest.approx([2 / 3, 1 / 3])
    assert mixture(objectives[:, 0, 0], np.array([0.1])) == pytest.approx([0.5, 0.1])
    settled = problem.answer(strategy.settled()[0])
    assert settled.tolist() == [[0.7, 0.0], [0.3, 0.2]]


def front(name):
    """A deep-sea treasure's front as costs and violations in [0, 1]: treasure missed, and time."""
    with pytest.warns(UserWarning, match="precision lowered"):  # of their own spaces
        points = np.array(mo_gymnasium.make(name).unwrapped.pareto_front(gamma=DISCOUNT))
    return 1.0 - (points - points.min(0)) / np.ptp(points, axis=0)


@pytest.mark.parametrize(
    ("name", "cycles", "found"), [("deep-sea-treasure-v0", 19, 10), ("deep-sea-treasure-concave-v0", 3, 2)]
)
def test_it_finds_the_convex_part_of_mo_gymnasiums_fronts(name, cycles, found):
    # Ten policies are known after 2 extremes, 8 corners that found one, and 9 that found none; two after 2 and 1.
    points = front(name)
    assert len(points) == 10
    problem = Stairs(points, [[0.5]])
    _, objectives, told = play(strategy_of("ols", problem, least_improvement=1e-9), problem, range(cycles))
    assert len(np.unique(objectives.reshape(-1, 2), axis=0)) == found == len(convex_hull(points))
    assert told["improvement"][-1] == 0.0
    assert told["improvement"][-2] > 0.0


@given(stairs())
def test_no_policy_that_could_improve_the_weighted_sum_is_left(problem):
    # J policies are known after 2 extremes, J - 2 corners that find one each and J - 1 that find none; a corner at
    # which less than the least improvement is left is not tried, and nowhere is more left than at a corner.
    policies = len(problem.points)
    strategy = strategy_of("ols", problem, least_improvement=1e-6)
    _, objectives, told = play(strategy, problem, range(2 * policies - 1))
    assert told["improvement"][-1] == 0.0
    weights = weights_of(np.linspace(0.0, 1.0, 401))
    worth = (weights @ objectives[:, 0, 0].T).min(1)
    best = (weights @ problem.points.T).min(1)
    assert -1e-12 <= (worth - best).max() <= 1e-6


def test_it_resumes_to_the_last_bit_and_members_do_not_touch_one_another():
    resumes("ols", THREE)
    keeps_members_apart("ols", THREE)


def test_a_state_whose_parts_do_not_fit_is_refused():
    state = strategy_of("ols", THREE, (0, 1)).state_dict()
    with pytest.raises(ValueError, match="shape"):
        strategy_of("ols", THREE, (0,)).load_state_dict(state)


def test_several_limits_of_an_agent_are_refused():
    with pytest.raises(UsageError, match="--strategy ols picks one alpha an agent, and here each has 2 limits"):
        strategy_of("ols", Stairs(np.ones((2, 3)), [[0.1, 0.2]]))
