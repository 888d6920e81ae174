"""What is exactly achievable, on a domain worked out by hand.

One pump at alpha: (1 - a) x 1/4, 2/4, 4/4 of the dearest cost + a x drought, for choices 0, 1, 2.
    period 1: (1-a)/4 + .6a   (1-a)/2 + .2a   1-a        0 -> 1 where .4a > (1-a)/4: a > 5/13;  1 -> 2 at a > 5/7
    period 2: (1-a)/4 + .3a   (1-a)/2 + .1a   1-a        0 -> 1 where .2a > (1-a)/4: a > 5/9;   1 -> 2 at a > 5/6
"""

import numpy as np
import pytest

from mamo_cli.analysis.exact import everywhere, exact_alpha, expected_reward, frontier, frontier_columns, regret
from mamo_cli.core.errors import NothingExactError
from mamo_cli.core.seam import Answer
from mamo_cli.core.weights import alpha_grid
from tests.analysis.tiny_domain import WORDS, Pumps

GRID = alpha_grid(0.1)


def test_regret_is_the_share_of_the_optimum_by_which_a_reward_falls_short():
    # Rewards are negative: -0.33 falls 0.03 short of -0.3, a tenth of it.
    assert regret(-0.33, -0.3) == pytest.approx(0.1, rel=1e-12)
    assert regret(-0.3, -0.3) == 0.0
    assert regret(-0.27, -0.3) == pytest.approx(-0.1, rel=1e-12)  # better than what was thought best: shown as such
    assert regret(-0.02, 0.0) == 0.02  # nothing to be a share of: the difference itself


@pytest.mark.parametrize(
    ("limit", "alpha"),
    [
        (0.45, 0.0),  # choices 0 and 0: (.6 + .3) / 2 = .45
        (0.26, 0.4),  # 1 and 0 from 5/13 on: (.2 + .3) / 2 = .25
        (0.24, 0.6),  # 1 and 1 from 5/9 on: .15
        (0.1, 0.8),  # 2 and 1 from 5/7 on: .05
        (0.04, 0.9),  # 2 and 2 from 5/6 on: 0
    ],
)
def test_the_exact_alpha_is_the_smallest_that_holds_the_limit_on_average(limit, alpha):
    assert exact_alpha(Pumps(limit=limit), GRID) == alpha


def test_the_exact_alpha_must_hold_for_every_agent_and_may_not_exist():
    # The second pump's drought is half as large, so it pumps less at the same alpha: at .8 they leave .05 and .075.
    both = Pumps(agents=2, limit=0.04)
    means = [both.expected(both.perfect(everywhere(both, alpha))).violations.mean(0)[:, 0] for alpha in (0.8, 0.9)]
    np.testing.assert_allclose(means, [[0.05, 0.075], [0.0, 0.025]], atol=1e-12)
    assert exact_alpha(both, GRID) == 0.9
    assert exact_alpha(Pumps(limit=-0.01), GRID) is None


def test_the_expected_reward_by_hand():
    # Plan 1, 0 at alpha .4: costs 2/4 and 1/4, droughts .2 and .3:
    # -(.6 x .5 + .4 x .2 + .6 x .25 + .4 x .3) / 2 = -(.3 + .08 + .15 + .12) / 2 = -.325.
    domain = Pumps()
    weights = everywhere(domain, 0.4)
    assert expected_reward(domain, np.array([[1], [0]]), weights) == pytest.approx(-0.325, rel=1e-12)
    assert domain.perfect(weights).tolist() == [[1], [0]]
    # Any other plan is worth less.
    others = [np.array([[first], [second]]) for first in range(3) for second in range(3)]
    assert max(expected_reward(domain, plan, weights) for plan in others) == pytest.approx(-0.325, rel=1e-12)


def test_the_frontier_holds_the_curve_and_both_scopes():
    assert frontier_columns(WORDS) == ("kind", "alpha", "mean_cost", "mean_litres", "mean_drought")
    plans, bounds = {"step": np.array([[2], [1]]), "average": np.array([[1], [1]])}, {"causal": np.array([[0.5, 0.1]])}
    rows = frontier(Pumps(), np.array([0.0, 0.4, 1.0]), plans, bounds)
    expected = [
        ("alpha", 0.0, 10 / 40, 1.0, 0.45),
        ("alpha", 0.4, 15 / 40, 1.5, 0.25),
        ("alpha", 1.0, 40 / 40, 4.0, 0.0),
        ("step", None, 30 / 40, 3.0, 0.05),
        ("average", None, 20 / 40, 2.0, 0.15),
    ]
    *rows, last = rows
    assert [row[:2] for row in rows] == [list(row[:2]) for row in expected]
    np.testing.assert_allclose([row[2:] for row in rows], [row[2:] for row in expected], rtol=1e-12, atol=1e-15)
    assert last == ["causal", None, 0.5, None, 0.1]


class ByState(Pumps):
    """Of whose answers no plan by step is known."""

    def perfect(self, weights):
        raise NothingExactError("a play is a choice for each state")

    def answer(self, weights, *of):
        return Answer(np.zeros((1, 1), int), Pumps().answer(weights, *of).objectives)


def test_where_no_plan_is_known_the_answer_says_what_a_perfect_agent_brings():
    # At .6 choices 1 and 1: half the dearest cost at a drought of .15.
    domain = ByState()
    assert frontier(domain, np.array([0.6]), {}, {}) == [["alpha", 0.6, 0.5, None, pytest.approx(0.15, rel=1e-12)]]
    assert exact_alpha(domain, GRID) == exact_alpha(Pumps(), GRID) == 0.8


def test_the_frontiers_means_are_over_steps_and_agents():
    row, bound = frontier(Pumps(agents=2), np.array([0.6]), {}, {"causal": np.array([[0.5, 0.1], [0.25, 0.0]])})
    # At .6 the first pump chooses 1, 1; the second, whose gains are half, 1 (.2 x .6 > .1) and 0 (.1 x .6 < .1):
    # litres 2, 2, 2, 1; droughts .2, .1, .1, .15.
    np.testing.assert_allclose(row[2:], [70 / 4 / 40, 7 / 4, 0.55 / 4], rtol=1e-12)
    assert bound == ["causal", None, 0.375, None, 0.05]
