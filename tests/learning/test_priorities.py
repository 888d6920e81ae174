"""The priority tree against brute force: running sums of all leaves, searched by numpy."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mamo_cli.learning.priorities import PriorityTree


def filled(priorities):
    """A tree that holds priorities `(K, capacity)`."""
    tree = PriorityTree(*priorities.shape)
    indices = torch.arange(priorities.shape[1]).expand(*priorities.shape)
    tree.set(indices, torch.from_numpy(priorities))
    return tree


def whole_priorities(members, capacity, seed, zeros=0.3):
    """Small whole numbers, whose sums are exact in any order; some are 0, never all of a member."""
    rng = np.random.default_rng(seed)
    priorities = rng.integers(1, 9, (members, capacity)) * (rng.random((members, capacity)) >= zeros)
    priorities[:, rng.integers(capacity)] = 3
    return priorities.astype(np.float64)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 4), st.integers(1, 3000), st.integers(0, 999))
def test_draws_invert_the_running_sum_of_priorities(members, capacity, seed):
    priorities = whole_priorities(members, capacity, seed)
    uniforms = np.random.default_rng(seed).random((members, 64))
    indices, probability = filled(priorities).sample(torch.from_numpy(uniforms))
    totals = priorities.sum(1, keepdims=True)
    for member in range(members):
        ends = np.cumsum(priorities[member])
        expected = np.searchsorted(ends, uniforms[member] * ends[-1], side="right")
        np.testing.assert_array_equal(indices[member], expected)
    drawn = np.take_along_axis(priorities, indices.numpy(), 1)
    np.testing.assert_allclose(probability, drawn / totals, rtol=1e-15)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 3), st.integers(1, 2000), st.integers(0, 999))
def test_the_total_stays_exact_however_often_leaves_change(members, capacity, seed):
    rng = np.random.default_rng(seed)
    priorities = whole_priorities(members, capacity, seed)
    tree = filled(priorities)
    for _ in range(10):
        indices = rng.integers(0, capacity, (members, 8))  # an index may come twice, as it does in a batch
        changed = (indices * 7 % 5).astype(np.float64)
        tree.set(torch.from_numpy(indices), torch.from_numpy(changed))
        np.put_along_axis(priorities, indices, changed, 1)
    np.testing.assert_array_equal(tree.total, priorities.sum(1, keepdims=True))
    np.testing.assert_array_equal(tree.state_dict()["leaves"][:, :capacity], priorities)


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 3000), st.integers(0, 999))
def test_no_leaf_of_priority_zero_is_drawn_at_either_end_of_the_range(capacity, seed):
    rng = np.random.default_rng(seed)
    priorities = 10.0 ** rng.uniform(-9, 6, (1, capacity)) * (rng.random((1, capacity)) < 0.1)
    priorities[0, rng.integers(capacity)] = 1e-12
    ends = np.cumsum(priorities[0]) / priorities.sum()
    uniforms = np.concatenate([[0.0, 1.0, 1.0 - 2**-53], ends, rng.random(500)]).clip(0.0, 1.0)
    indices, probability = filled(priorities).sample(torch.from_numpy(uniforms)[None])
    assert np.all(priorities[0, indices[0]] > 0.0)
    assert torch.all(probability > 0.0)


def test_priorities_of_any_magnitude_are_found_within_rounding():
    rng = np.random.default_rng(0)
    priorities = 10.0 ** rng.uniform(-6, 3, (2, 5000))
    uniforms = rng.random((2, 2000))
    indices, _ = filled(priorities).sample(torch.from_numpy(uniforms))
    for member in range(2):
        ends = np.cumsum(priorities[member]) / priorities[member].sum()
        starts = np.append(0.0, ends[:-1])
        found = indices[member].numpy()
        assert np.all(starts[found] <= uniforms[member] + 1e-9)
        assert np.all(uniforms[member] <= ends[found] + 1e-9)


def test_a_tree_rebuilt_from_its_leaves_draws_bit_for_bit_the_same():
    rng = np.random.default_rng(1)
    tree = filled(10.0 ** rng.uniform(-6, 3, (3, 1000)))
    changed = torch.from_numpy(10.0 ** rng.uniform(-6, 3, (3, 40)))
    tree.set(torch.from_numpy(rng.integers(0, 500, (3, 1)) + np.arange(40)), changed)
    copy = PriorityTree(3, 1000)
    copy.load_state_dict(tree.state_dict())
    uniforms = torch.from_numpy(rng.random((3, 500)))
    assert torch.equal(copy.total, tree.total)
    assert all(torch.equal(a, b) for a, b in zip(copy.sample(uniforms), tree.sample(uniforms), strict=True))


def test_a_member_that_is_not_finite_disturbs_no_other():
    priorities = whole_priorities(3, 200, seed=0)
    uniforms = torch.from_numpy(np.random.default_rng(0).random((3, 50)))
    sound = filled(priorities).sample(uniforms)
    priorities[1] = np.nan
    indices, probability = filled(priorities).sample(uniforms)
    assert indices.min() >= 0
    assert indices.max() < 200
    assert torch.equal(indices[[0, 2]], sound[0][[0, 2]])
    assert torch.equal(probability[[0, 2]], sound[1][[0, 2]])
