"""The priority tree against brute force: running sums of all leaves, searched by numpy."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mamo_cli.learners.dqn import priorities as trees


def filled(priorities):
    """A tree that holds priorities `(capacity,)`."""
    tree = np.zeros(2 << (priorities.size - 1).bit_length())
    trees.set_priorities(tree, np.arange(priorities.size), priorities)
    return tree


def drawn(tree, uniforms):
    places, probability = np.empty(uniforms.size, dtype=np.int64), np.empty(uniforms.size)
    trees.draw(tree, uniforms, places, probability)
    return places, probability


def whole_priorities(capacity, seed, zeros=0.3):
    """Small whole numbers, whose sums are exact in any order; some are 0, never all."""
    rng = np.random.default_rng(seed)
    priorities = rng.integers(1, 9, capacity) * (rng.random(capacity) >= zeros)
    priorities[rng.integers(capacity)] = 3
    return priorities.astype(np.float64)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 3000), st.integers(0, 999))
def test_draws_invert_the_running_sum_of_priorities(capacity, seed):
    priorities = whole_priorities(capacity, seed)
    uniforms = np.random.default_rng(seed).random(64)
    places, probability = drawn(filled(priorities), uniforms)
    ends = np.cumsum(priorities)
    np.testing.assert_array_equal(places, np.searchsorted(ends, uniforms * ends[-1], side="right"))
    np.testing.assert_allclose(probability, priorities[places] / ends[-1], rtol=1e-15)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 2000), st.integers(0, 999))
def test_the_sums_stay_exact_however_often_leaves_change(capacity, seed):
    rng = np.random.default_rng(seed)
    priorities = whole_priorities(capacity, seed)
    tree = filled(priorities)
    for _ in range(10):
        places = rng.integers(0, capacity, 8)  # a place may come twice, as it does in a batch
        changed = rng.integers(0, 9, 8).astype(np.float64)
        trees.set_priorities(tree, places, changed)
        for place, value in zip(places, changed, strict=True):  # of equal places the last counts
            priorities[place] = value
    assert tree[1] == priorities.sum()
    leaves = tree.size // 2
    np.testing.assert_array_equal(tree[leaves : leaves + capacity], priorities)
    np.testing.assert_array_equal(tree[1:leaves], tree[2::2] + tree[3::2])


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 3000), st.integers(0, 999))
def test_no_leaf_of_priority_zero_is_drawn_at_either_end_of_the_range(capacity, seed):
    rng = np.random.default_rng(seed)
    priorities = 10.0 ** rng.uniform(-9, 6, capacity) * (rng.random(capacity) < 0.1)
    priorities[rng.integers(capacity)] = 1e-12
    ends = np.cumsum(priorities) / priorities.sum()
    uniforms = np.concatenate([[0.0, 1.0, 1.0 - 2**-53], ends, rng.random(500)]).clip(0.0, 1.0)
    places, probability = drawn(filled(priorities), uniforms)
    assert np.all(priorities[places] > 0.0)
    assert np.all(probability > 0.0)


def test_priorities_of_any_magnitude_are_found_within_rounding():
    rng = np.random.default_rng(0)
    priorities, uniforms = 10.0 ** rng.uniform(-6, 3, 5000), rng.random(2000)
    places, _ = drawn(filled(priorities), uniforms)
    ends = np.cumsum(priorities) / priorities.sum()
    starts = np.append(0.0, ends[:-1])
    assert np.all(starts[places] <= uniforms + 1e-9)
    assert np.all(uniforms <= ends[places] + 1e-9)


def test_priorities_that_are_not_finite_lead_nowhere_beyond_the_replay():
    for poison in (np.nan, np.inf):
        priorities = whole_priorities(200, seed=0)
        priorities[17] = poison
        places, _ = drawn(filled(priorities), np.random.default_rng(0).random(500))
        assert places.min() >= 0
        assert places.max() < 200
