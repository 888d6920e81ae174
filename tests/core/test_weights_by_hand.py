"""Weights, rewards and the grid of alphas by hand, for several objectives and any axes before them."""

import numpy as np
import pytest

from mamo_cli.core.weights import alpha_grid, alpha_of, rewards, scalarize, weights_of


def test_alpha_is_the_weight_of_the_constraint_on_the_last_axis():
    alpha = np.array([[0.25, 0.0, 1.0], [0.5, 0.75, 0.125]])
    weights = weights_of(alpha)
    assert weights.shape == (2, 3, 2)
    assert weights[0].tolist() == [[0.75, 0.25], [1.0, 0.0], [0.0, 1.0]]
    assert alpha_of(weights).tolist() == alpha.tolist()


@pytest.mark.parametrize(
    ("step", "grid"),
    [
        (0.1, [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]),  # 3 x 0.1 is 0.30000000000000004 unrounded
        (0.25, [0.0, 0.25, 0.5, 0.75, 1.0]),
        (0.4, [0.0, 0.4, 0.8, 1.0]),  # a step that does not divide 1 still offers 1
        (1.0, [0.0, 1.0]),
    ],
)
def test_the_grid_holds_each_alpha_once_and_always_both_ends(step, grid):
    assert alpha_grid(step).tolist() == grid


def test_three_objectives_of_two_agents_by_hand():
    # 1/4 x 4 + 1/2 x 2 + 1/4 x 1 = 2.25 and 1 x 8 + 0 + 2 x 1/2 = 9.
    objectives = np.array([[4.0, 2.0, 1.0], [8.0, 16.0, 0.5]])
    weights = np.array([[0.25, 0.5, 0.25], [1.0, 0.0, 2.0]])
    assert rewards(objectives, weights).tolist() == [-2.25, -9.0]
    assert [scalarize(*pair) for pair in zip(objectives, weights, strict=True)] == [-2.25, -9.0]
    # Costs of which 2 are 1: 1/4 x 2 + 1/2 x 2 + 1/4 = 1.75 and 4 + 1 = 5; the violations are as they are.
    assert rewards(objectives, weights, cost_scale=2.0).tolist() == [-1.75, -5.0]
    # One weight for all agents.
    assert rewards(objectives, weights[0]).tolist() == [-2.25, -(2.0 + 8.0 + 0.125)]
