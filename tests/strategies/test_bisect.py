"""Root finding: its steps by hand, what noise may do to it, and what it finds where the answer is known."""

import math

import numpy as np
import pytest
from hypothesis import given

from mamo_cli.core.errors import UsageError
from mamo_cli.core.weights import alpha_of
from mamo_cli.strategies.bisect import BisectSettings, Search, searched
from mamo_cli.strategies.protocol import CycleReport
from tests.strategies.exact_learner import (
    Stairs,
    keeps_members_apart,
    mixture,
    noise_of,
    play,
    resumes,
    stairs,
    strategy_of,
)

BY_HAND = BisectSettings(
    confidence=2.0, repeats=3, resolution=0.125, stride=1.0, margin=0.25, multiplier_bound=math.exp(4.0)
)
THREE = Stairs([[0.1, 0.6], [0.3, 0.2], [0.7, 0.0]], [[0.1]])  # kinks at multipliers .2 / .4 and .4 / .2


def walk(search, *reports):
    """The places that are asked after each report, an excess or an excess with its error."""
    places = []
    for report in reports:
        excess, error = report if isinstance(report, tuple) else (report, 0.0)
        search = searched(search, excess, error, BY_HAND)
        places.append(search.place)
    return search, places


def test_strides_double_until_the_limit_is_crossed_and_the_secant_goes_between():
    # Up by 1 to 1, by 2 to 3, where the limit holds by as much as it was exceeded at 1: the middle of the two, 2.
    search, places = walk(Search(0.0, stride=1.0), 0.3, 0.1, -0.1)
    assert places == [1.0, 3.0, 2.0]
    # At 2 it holds by .3: of 1 to 2 the secant's root is .1 / .4 = .25 on. At 1.25 it holds by .9, so that the root
    # would be .1 of 1 to 1.25 on: kept away by .25 of it. There it is exceeded by .3; the root of 1.0625 to 1.25
    # is .3 / 1.2 = .25 on.
    search, places = walk(search, -0.3, -0.9, 0.3)
    assert places == [1.25, 1.0625, 1.109375]
    assert (search.low, search.high, search.low_excess, search.high_excess) == (1.0625, 1.25, 0.3, -0.9)
    # At most .75 on, however near the root is to the upper end: 1.0625 + .75 * .1875.
    assert walk(search._replace(place=1.25), -0.0001)[1] == [1.203125]


def test_strides_go_down_where_the_limit_holds():
    assert walk(Search(0.0, stride=1.0), -0.1, -0.1, 0.3)[1] == pytest.approx([-1.0, -3.0, -1.5])  # .75 of -3 to -1


def test_nothing_is_asked_beyond_the_bounds():
    up, places = walk(Search(0.0, stride=1.0), 0.3, 0.3, 0.3, 0.3)
    assert places == [1.0, 3.0, 4.0, 4.0]
    assert math.isnan(up.high)
    assert walk(Search(0.0, stride=1.0), 0.0, -0.1, -0.1, -0.1)[1] == [-1.0, -3.0, -4.0, -4.0]


def test_a_place_is_asked_again_while_the_limit_is_within_the_estimates_interval():
    # .02 is within two errors of .01. Two of .02 sum to .04 against 2 * sqrt(2) * .01 = .0283: decided.
    search, places = walk(Search(0.0, stride=1.0), (0.02, 0.01), (0.02, 0.01))
    assert places == [0.0, 1.0]
    assert search.low_excess == 0.02
    assert (search.total, search.variance, search.asked) == (0.0, 0.0, 0.0)
    # .01 each: sums .01, .02, .03 against .02, .0283, .0346. After the third its side is taken as it is.
    search, places = walk(Search(0.0, stride=1.0), *[(0.01, 0.01)] * 3)
    assert places == [0.0, 0.0, 1.0]
    assert search.low_excess == pytest.approx(0.01)
    # Opposite reports are pooled, too: .05 - .056 + .003 over 3 is -.001.
    search, places = walk(Search(0.0, stride=1.0), (0.05, 0.03), (-0.056, 0.03), (0.003, 0.03))
    assert places == [0.0, 0.0, -1.0]
    assert search.high_excess == pytest.approx(-0.001)


def test_an_estimate_without_error_is_not_asked_again_and_the_limit_itself_holds():
    assert walk(Search(0.0, stride=1.0), 0.0)[1] == [-1.0]


def test_the_ends_of_a_narrow_bracket_are_asked_in_turn():
    ends = {"low": 1.0, "low_excess": 0.1, "high": 1.125, "high_excess": -0.1, "stride": 0.25}
    _, places = walk(Search(1.0, **ends), 0.1, -0.2, 0.3, -0.1)
    assert places == [1.125, 1.0, 1.125, 1.0]


def test_an_end_that_is_contradicted_is_forgotten_and_strides_begin_as_wide_as_the_bracket_was():
    ends = {"low": 1.0, "low_excess": 0.1, "high": 1.125, "high_excess": -0.1, "stride": 0.125}
    search, places = walk(Search(1.0, **ends), -0.1)  # it holds at the lower end after all
    assert math.isnan(search.low)
    assert (search.high, places) == (1.0, [0.875])
    search, places = walk(search, -0.1, 0.1)  # strides .125, .25
    assert places == [0.625, 0.75]
    search, places = walk(Search(1.125, **ends), 0.2)  # it is exceeded at the upper end
    assert (search.low, places) == (1.125, [1.25])
    assert math.isnan(search.high)


def test_every_agent_has_a_search_of_its_own():
    problem = Stairs(THREE.points, [[0.1], [0.4]])
    strategy = strategy_of("bisect", problem)
    _, objectives, told = play(strategy, problem, range(14))
    # The first agent's limit is crossed at the second kink, mu = 2; the other's at the first, mu = .5.
    for agent, alpha in enumerate((2 / 3, 1 / 3)):
        assert told["low"][-1, 0, agent] < alpha <= told["high"][-1, 0, agent] == told["choice"][-1, 0, agent]
        assert told["high"][-1, 0, agent] - told["low"][-1, 0, agent] < 0.1 / 4  # d alpha <= d log mu / 4
    assert alpha_of(strategy.settled()).tolist() == told["choice"][-1].tolist()
    # Mixtures of two neighbours: .3 * .5 + .7 * .5 at limit .1; .1 / 2 + .3 / 2 at .4.
    assert mixture(objectives[:, 0, 0], np.array([0.1])) == pytest.approx([0.5, 0.1])
    assert mixture(objectives[:, 0, 1], np.array([0.4])) == pytest.approx([0.2, 0.4])


def test_a_limit_that_nothing_reaches_is_looked_for_at_the_largest_multiplier_and_no_end_is_told():
    problem = Stairs([[0.1, 0.6], [0.9, 0.3]], [[0.1]])
    weights, _, told = play(strategy_of("bisect", problem), problem, range(8))
    assert weights[-1, 0, 0] == pytest.approx([1 / 1001, 1000 / 1001])
    assert np.isnan(told["high"]).all()
    assert told["low"][-1, 0, 0] == told["choice"][-1, 0, 0] == weights[-1, 0, 0, 1]


def test_a_limit_that_nothing_exceeds_leaves_the_cheapest():
    problem = Stairs(THREE.points, [[1.0]])
    weights, objectives, told = play(strategy_of("bisect", problem), problem, range(8))
    assert weights[-1, 0, 0, 1] == pytest.approx(1 / 1001)
    assert objectives[-1, 0, 0].tolist() == [0.1, 0.6]
    assert np.isnan(told["low"]).all()


@pytest.mark.parametrize(("alpha", "first"), [(0.25, 0.25), (0.0, 1 / 1001), (1.0, 1000 / 1001)])
def test_it_begins_at_the_initial_alpha_within_its_bounds(alpha, first):
    strategy = strategy_of("bisect", THREE, initial_alpha=alpha)
    assert strategy.propose(0) == pytest.approx(np.array([[[1 - first, first]]]))
    assert strategy.settled() == pytest.approx(strategy.propose(0))


@given(stairs())
def test_the_mixture_of_what_was_seen_costs_no_more_than_the_brackets_length_allows(problem):
    limit = problem.spec.limits[0]
    _, objectives, told = play(strategy_of("bisect", problem, confidence=0.0), problem, range(40))
    low, high = (told[end][-1, 0, 0] for end in ("low", "high"))
    assert math.log(high / (1 - high)) - math.log(low / (1 - low)) <= 0.1 + 1e-9
    optimum = mixture(problem.points, limit)[0]
    found = mixture(objectives[:, 0, 0], limit)
    # With the policies at both ends, c_hi - c_lo <= mu_hi (v_lo - v_hi) as the upper one is best at mu_hi, and
    # c* >= c_lo + mu_lo (v_lo - limit) by duality: their mixture costs at most (v_lo - limit) (mu_hi - mu_lo) more.
    excess = problem.answer(np.array([[1 - low, low]]))[0, 1] - limit[0]
    assert found[1] <= limit[0] + 1e-12
    assert -1e-9 <= found[0] - optimum <= excess * (high / (1 - high) - low / (1 - low)) + 1e-9


class Slope:
    """A violation that falls along a logistic curve of log mu, from 1 to 0; the limit .3 is at log(7 / 3)."""

    def __init__(self):
        self.spec = THREE.spec._replace(limits=np.array([[0.3]]))

    def answer(self, weights):
        violation = weights[:, 0]  # 1 / (1 + mu)
        return np.stack((1.0 - violation, violation), -1)


def test_under_noise_it_ends_near_the_root():
    # At the root the violation falls by .3 * .7 = .21 a unit of log mu. Errors of .01 shift a decision by .048 units;
    # a side is taken wrongly only within some three of these, .14, and an end is at most the resolution, .1, away.
    seeds, problem = range(60), Slope()
    strategy = strategy_of("bisect", problem, seeds)
    play(strategy, problem, range(14), noise_of(seeds, (1, 2), 0.01))
    alpha = alpha_of(strategy.settled())[:, 0]
    off = np.log(alpha / (1 - alpha)) - math.log(7 / 3)
    assert np.abs(off).max() < 0.25
    assert np.mean(np.abs(off) < 0.15) > 0.9
    # On average they stand about half a bracket above the root: within three standard errors of 0 to .1.
    error = off.std(ddof=1) / math.sqrt(len(off))
    assert -3 * error < off.mean() < 0.1 + 3 * error


def test_noise_is_answered_by_asking_again_and_certainty_by_steps():
    problem = Slope()
    weights, _, _ = play(strategy_of("bisect", problem, repeats=4), problem, range(12))
    assert len(np.unique(weights[:5, 0, 0, 1])) == 5  # from then on two ends in turn
    noisy, _, _ = play(strategy_of("bisect", problem, repeats=4), problem, range(12), noise_of((0,), (1, 2), 1.0))
    assert len(np.unique(noisy[:5, 0, 0, 1])) < 5


def test_early_reports_that_were_wrong_are_overcome():
    # For three cycles an untrained agent violates everything: the bracket opens beyond the root, and finds back.
    problem = Slope()
    strategy = strategy_of("bisect", problem)
    lie = np.array([[[0.0, 0.6]]])
    for cycle in range(25):
        weights = strategy.propose(cycle)
        answers = problem.answer(weights[0])[None] + (lie if cycle < 3 else 0.0)
        strategy.observe(CycleReport(cycle, weights, answers, np.zeros_like(answers), problem.spec.limits))
    alpha = alpha_of(strategy.settled()).item()
    assert 0.0 <= math.log(alpha / (1 - alpha)) - math.log(7 / 3) <= 0.1


def test_it_resumes_to_the_last_bit_and_members_do_not_touch_one_another():
    resumes("bisect", Slope())
    keeps_members_apart("bisect", Slope())


def test_a_state_of_another_population_is_refused():
    state = strategy_of("bisect", THREE, (0, 1)).state_dict()
    with pytest.raises(ValueError, match="shape"):
        strategy_of("bisect", THREE, (0,)).load_state_dict(state)


def test_several_limits_of_an_agent_are_refused():
    with pytest.raises(UsageError, match=r"--strategy bisect picks one alpha an agent, and here each has 2 limits"):
        strategy_of("bisect", Stairs(np.ones((2, 3)), [[0.1, 0.2]]))
