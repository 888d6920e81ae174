"""PID control of multipliers: its steps by hand."""

import numpy as np
import pytest

from mamo_cli.strategies.multipliers import multipliers_of
from mamo_cli.strategies.protocol import CycleReport
from tests.strategies.exact_learner import Stairs, keeps_members_apart, play, resumes, strategy_of

THREE = Stairs([[0.1, 0.6], [0.3, 0.2], [0.7, 0.0]], [[0.1]])
TWO_LIMITS = Stairs([[0.1, 0.5, 0.5], [0.4, 0.1, 0.5], [0.6, 0.5, 0.0], [1.0, 0.0, 0.0]], [[0.25, 0.25]])
GAINS = {"initial_alpha": 0.5, "proportional": 2.0, "integral": 4.0, "derivative": 8.0, "largest_multiplier": 5.0}


def multipliers(strategy, cycle, *violations):
    """What is proposed next after one member's mean violations of one agent."""
    objectives = np.array([[[0.3, *violations]]])
    limits = (THREE if len(violations) == 1 else TWO_LIMITS).spec.limits
    strategy.observe(CycleReport(cycle, strategy.propose(cycle), objectives, np.zeros_like(objectives), limits))
    return multipliers_of(strategy.propose(cycle + 1), 100.0)[0, 0].tolist()


def test_the_three_terms():
    strategy = strategy_of("pid", TWO_LIMITS, **GAINS)
    # Both begin at .5, the integral too. The excesses .25 and -.125: integrals 1.5 and 0, proportional .5 and -.25;
    # there is nothing before to have grown from, and nothing goes below 0.
    assert multipliers(strategy, 0, 0.5, 0.125) == pytest.approx([2.0, 0.0])
    # .125 and .125: integrals 2 and .5 (from 0: it does not wind up below), proportional .25 and .25; the first fell,
    # which the derivative leaves alone, the second grew by .25: 2.
    assert multipliers(strategy, 1, 0.375, 0.375) == pytest.approx([2.25, 2.75])
    # .75 and 0: integrals 5 and .5, proportional 1.5 and 0, growth .625 and none: 5 + 1.5 + 5 is beyond the largest.
    assert multipliers(strategy, 2, 1.0, 0.25) == pytest.approx([5.0, 0.5])
    # The integral did not go beyond either: 5 - 4 * .25 - 2 * .25.
    assert multipliers(strategy, 3, 0.0, 0.25) == pytest.approx([3.5, 0.5])


def test_without_its_other_terms_it_is_dual_ascent_of_constant_steps():
    alone = {"proportional": 0.0, "derivative": 0.0, "integral": 3.0}
    weights, _, _ = play(strategy_of("pid", THREE, **alone), THREE, range(12))
    plain, _, _ = play(strategy_of("dual", THREE, step=3.0, decay=0.0), THREE, range(12))
    assert weights == pytest.approx(plain, abs=1e-12)
    damped, _, _ = play(strategy_of("pid", THREE, **{**alone, "proportional": 1.0}), THREE, range(12))
    assert not np.allclose(damped, plain)


def test_it_says_so_at_the_largest_multiplier_and_shows_all_weight():
    problem = Stairs([[0.1, 0.6], [0.9, 0.3]], [[0.1]])
    _, _, told = play(strategy_of("pid", problem, largest_multiplier=9.0), problem, range(12))
    assert (told["multiplier"][-1], told["at_largest"][-1], told["choice"][-1]) == (9.0, 1.0, 0.9)


def test_it_resumes_to_the_last_bit_and_members_do_not_touch_one_another():
    for problem in (THREE, TWO_LIMITS):
        resumes("pid", problem, first=3)
        keeps_members_apart("pid", problem)


def test_a_report_that_is_not_finite_moves_nothing():
    strategy = strategy_of("pid", THREE)
    assert multipliers(strategy, 0, np.nan) == [1.0]
    assert np.isfinite(multipliers(strategy, 1, 0.2)).all()
