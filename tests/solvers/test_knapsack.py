"""The best joint choice within a budget, against every joint choice that there is."""

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mamo_cli.solvers.knapsack import best_within

AGENTS, CHOICES = 3, 4


def chosen_of(values, allowed, use, budgets):
    chosen = np.full(values.shape[:2], -7)
    best_within(values, allowed, use, budgets, chosen)
    return chosen


def by_brute_force(values, allowed, use, budget):
    """The lexicographically least of the best joint choices; None where nothing fits."""
    best, value = None, -np.inf
    for joint in itertools.product(*(np.flatnonzero(each) for each in allowed)):  # in lexicographic order
        at = range(len(joint)), joint
        if use[at].sum() <= budget and values[at].sum() > value:
            best, value = joint, values[at].sum()
    return best


def test_ten_thousand_random_integer_tables_are_solved_as_by_brute_force():
    rng = np.random.default_rng(11)
    rows = 10_000
    values = rng.integers(-4, 5, (rows, AGENTS, CHOICES)).astype(np.float64)
    allowed = rng.random((rows, AGENTS, CHOICES)) < 0.7
    allowed[np.arange(rows)[:, None], np.arange(AGENTS), rng.integers(0, CHOICES, (rows, AGENTS))] = True
    use = rng.integers(0, 5, (AGENTS, CHOICES))
    budgets = rng.integers(0, 13, rows)
    found, none = chosen_of(values, allowed, use, budgets), 0
    for row in range(rows):
        joint = by_brute_force(values[row], allowed[row], use, budgets[row])
        if joint is None:
            none += 1
            each = np.where(allowed[row], use, 99)
            assert (use[range(AGENTS), found[row]] == each.min(1)).all()
        else:
            assert tuple(found[row]) == joint
    assert 100 < none < rows / 2


def test_the_value_of_a_replica_goes_where_it_is_worth_most():
    """Units 1, 2 of 128 MB a replica; 3 units for two agents: (0, 1) takes 1 + 2 and is worth 5, (1, 0) only 4."""
    values = np.array([[[0.0, 4.0], [0.0, 5.0]]], dtype=np.float32)
    use = np.array([[1, 2], [1, 2]])
    allowed = np.ones((1, 2, 2), dtype=np.bool_)
    assert chosen_of(values, allowed, use, np.array([3])).tolist() == [[0, 1]]
    assert chosen_of(values, allowed, use, np.array([4])).tolist() == [[1, 1]]
    assert chosen_of(values, allowed, use, np.array([2])).tolist() == [[0, 0]]


@given(
    budget=st.integers(0, 40),
    seed=st.integers(0, 2**32 - 1),
    unit=st.integers(1, 7),
)
@settings(max_examples=50, deadline=None)
def test_only_the_ratio_of_use_to_budget_counts(budget, seed, unit):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(1, AGENTS, CHOICES))
    use = rng.integers(0, 9, (AGENTS, CHOICES))
    allowed = np.ones(values.shape, dtype=np.bool_)
    once = chosen_of(values, allowed, use, np.array([budget]))
    scaled = chosen_of(values, allowed, use * unit, np.array([budget * unit + unit - 1]))
    assert (once == scaled).all()
