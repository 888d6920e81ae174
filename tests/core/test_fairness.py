"""What is fair: laws that every mean of violations keeps, and numbers by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mamo_cli.core.fairness import KINDS, Served, jain, means_of

AGENTS = 4
SHARES = arrays(float, AGENTS, elements=st.integers(0, 63).map(lambda n: n / 64))
LOADS = (1.0, 2.0, 3.0, 4.0)
ALIKE = [mean for kind in KINDS for mean in means_of(kind, AGENTS)]
MEANS = [*ALIKE, *(means_of("alpha-fair", AGENTS, aversion=a, loads=LOADS)[0] for a in (0.0, 0.5, 1.0, 3.0, 30.0))]
UNEQUAL = [*means_of("ggf", AGENTS), *(means_of("alpha-fair", AGENTS, aversion=a)[0] for a in (0.5, 1.0, 3.0))]


def by_hand(kind, violations, **settings):
    return [float(mean.of(np.array(violations))) for mean in means_of(kind, len(violations), **settings)]


def test_each_kind_by_hand():
    three = [0.1, 0.4, 0.2]
    assert by_hand("utilitarian", three) == pytest.approx([0.7 / 3], rel=1e-12)
    assert by_hand("utilitarian", three, loads=(1, 2, 5)) == pytest.approx([(0.1 + 0.8 + 1.0) / 8], rel=1e-12)
    assert by_hand("max-min", three) == pytest.approx([0.4, 0.3, 0.7 / 3], rel=1e-12)  # the worst, worst two, all
    assert by_hand("ggf", three) == pytest.approx([(4 * 0.4 + 2 * 0.2 + 0.1) / 7], rel=1e-12)  # weights 1, 1/2, 1/4
    assert by_hand("ggf", three, rank_discount=1.0) == pytest.approx([0.7 / 3], rel=1e-12)
    half = [0.5, 0.0]  # served: .5 and 1
    assert by_hand("alpha-fair", half, aversion=0.0) == pytest.approx([0.25], rel=1e-12)
    assert by_hand("alpha-fair", half, aversion=1.0) == pytest.approx([1 - 0.5**0.5], rel=1e-12)  # geometric
    assert by_hand("alpha-fair", half, aversion=2.0) == pytest.approx([1 / 3], rel=1e-12)  # harmonic, 2 / (2 + 1)
    assert by_hand("alpha-fair", half, aversion=1.0, loads=(1, 3)) == pytest.approx([1 - 0.5**0.25], rel=1e-12)
    assert by_hand("alpha-fair", half, aversion=200.0) == pytest.approx([0.5], rel=0.01)  # nearly the worst


def test_who_is_served_nothing_counts_as_all_of_it_from_proportional_fairness_on():
    assert by_hand("alpha-fair", [1.0, 0.0], aversion=0.5) == pytest.approx([0.75], rel=1e-12)  # 1 - (1/2)^2
    for aversion in (1.0, 2.0, 40.0):
        assert by_hand("alpha-fair", [1.0, 0.0], aversion=aversion) == [1.0]
    assert by_hand("alpha-fair", [1.0, 1.0], aversion=0.5) == by_hand("alpha-fair", [1.0, 1.0]) == [1.0]


def test_jain_by_hand():
    assert jain(np.array([1.0, 1.0, 0.0])) == pytest.approx(2 / 3, rel=1e-12)
    np.testing.assert_allclose(jain(np.array([[3.0, 3.0], [1.0, 0.0], [0.0, 0.0], [1.0, 0.5]])), [1, 0.5, 1, 0.9])


@given(SHARES, SHARES)
def test_tangents_are_below_and_meet_the_mean(violations, others):
    for mean in MEANS:
        slope, offset = mean.tangent(violations)
        assert slope @ violations + offset == pytest.approx(float(mean.of(violations)), abs=1e-9)
        assert slope @ others + offset <= mean.of(others) + 1e-9
        assert (slope >= 0.0).all()


@given(st.integers(0, 63))
def test_of_equal_violations_it_is_that_one(sixtyfourths):
    share = sixtyfourths / 64
    for mean in MEANS:
        assert mean.of(np.full(AGENTS, share)) == pytest.approx(share, abs=1e-12)


@given(SHARES, st.permutations(range(AGENTS)), st.integers(1, 64))
def test_names_do_not_count_nor_does_the_scale(violations, order, sixtyfourths):
    for mean in ALIKE:
        assert mean.of(violations[order]) == pytest.approx(float(mean.of(violations)), abs=1e-12)
    scale = sixtyfourths / 64
    for mean in MEANS:  # of what is served where that is what counts, and of what is violated otherwise
        if isinstance(mean, Served):
            least = 1.0 - mean.of(1.0 - scale * (1.0 - violations))
            assert least == pytest.approx(scale * (1.0 - float(mean.of(violations))), abs=1e-12)
        else:
            assert mean.of(scale * violations) == pytest.approx(scale * float(mean.of(violations)), abs=1e-12)


@given(SHARES, st.integers(0, AGENTS - 1), st.integers(0, AGENTS - 1), st.integers(1, 32))
def test_what_the_worse_off_is_given_by_the_better_off_is_an_improvement(violations, one, other, sixtyfourths):
    """Pigou and Dalton: no transfer between two that keeps their order makes any mean larger."""
    given_up = sixtyfourths / 64
    if violations[one] - violations[other] < 2 * given_up:
        return
    after = violations.copy()
    after[one], after[other] = after[one] - given_up, after[other] + given_up
    for mean in ALIKE:
        assert mean.of(after) <= mean.of(violations) + 1e-12
    for mean in UNEQUAL:
        assert mean.of(after) < mean.of(violations)
    assert jain(1.0 - after) > jain(1.0 - violations)


@given(SHARES, SHARES, st.sampled_from([0.25, 0.5, 2.0, 3.0]))
def test_it_orders_plays_as_the_sum_of_utilities_does(first, second, aversion):
    (mean,) = means_of("alpha-fair", AGENTS, aversion=aversion)
    utility = [float(np.sum((1.0 - each) ** (1.0 - aversion) / (1.0 - aversion))) for each in (first, second)]
    if abs(utility[0] - utility[1]) > 1e-9 * abs(utility[0]):
        assert (mean.of(first) < mean.of(second)) == (utility[0] > utility[1])
