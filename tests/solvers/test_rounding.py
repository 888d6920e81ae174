"""A plan pieced together, by hand and against every way of doing it."""

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mamo_cli.solvers.rounding import pieced


def test_by_hand():
    """Dear costs 3 a step and violates nothing; cheap costs 1, 2, 1 and violates by .1, .1 and .4 where .2 may be.

    Step 0 saves 2 for .1, step 1 saves 1 for .1, step 2 saves 2 for .4, which does not fit.
    """
    costs = np.array([[3.0, 3.0, 3.0], [1.0, 2.0, 1.0]])
    violations = np.array([[0.0, 0.0, 0.0], [0.1, 0.1, 0.4]])[..., None]
    np.testing.assert_array_equal(pieced(costs, violations, np.array([0.21]), np.ones(1)), [1, 1, 0])
    assert pieced(costs[1:], violations[1:], np.array([0.21]), np.ones(1)) is None


@given(st.integers(0, 2**32 - 1))
def test_it_keeps_the_limits_costs_no_more_than_a_plan_alone_and_no_step_improves_it(seed):
    rng = np.random.default_rng(seed)
    costs, violations, limits = rng.random((3, 4)), rng.random((3, 4, 2)), rng.uniform(1.0, 3.0, 2)
    chosen = pieced(costs, violations, limits, rng.random(2))
    alone = (violations.sum(1) <= limits).all(1)
    if chosen is None:
        assert not alone.any()
        return
    steps = np.arange(4)
    assert (violations[chosen, steps].sum(0) <= limits).all()
    assert costs[chosen, steps].sum() <= costs[alone].sum(1).min() + 1e-12
    for step, which in itertools.product(steps, range(3)):
        other = chosen.copy()
        other[step] = which
        cheaper = costs[other, steps].sum() < costs[chosen, steps].sum() - 1e-8
        assert not (cheaper and (violations[other, steps].sum(0) <= limits - 1e-8).all())
