"""The equations against numbers worked out by hand, with traps where a wrong variant would look."""

import numpy as np
import pytest
import torch

from mamo_cli.learners.dqn import equations
from mamo_cli.learners.dqn.equations import Rules
from mamo_cli.training.agents import reward_weights

RULES = Rules(
    discount=0.5, importance_exponent=1.0, priority_exponent=0.5, max_gradient_norm=10.0, target_interval=1000
)


def single(*numbers):
    return np.array(numbers, dtype=np.float32)


def test_double_q_target_takes_the_online_choice_at_the_targets_value():
    # Online picks action 1, the target values it at 3:  1 + 0.9 * 3 = 3.7
    # (plain DQN would say 1 + 0.9 * 20 = 19, the online network alone 1 + 0.9 * 5 = 5.5).
    assert equations.double_q_target(1.0, 0.9, single(1, 5, 2), single(10, 3, 20)) == pytest.approx(3.7)
    # Terminated: the reward alone, whatever the networks say of what follows.
    assert equations.double_q_target(-2.0, 0.0, single(7, 0, 0), single(100, 1, 1)) == -2.0
    # Online picks action 2, the target values it at -5: 0.5 - 4.5 = -4.
    assert equations.double_q_target(0.5, 0.9, single(-3, -2, -1), single(4, 4, -5)) == pytest.approx(-4.0)


def test_stored_objectives_are_weighed_anew_by_every_alpha():
    # cost 0.4 and rejection 0.9: reward -(1 - alpha) 0.4 - alpha 0.9.
    #   alpha 0: -0.4;   alpha 0.1: -0.36 - 0.09 = -0.45;   alpha 1: -0.9
    for alpha, reward in ((0.0, -0.4), (0.1, -0.45), (1.0, -0.9)):
        weights = reward_weights(np.array([[alpha]]))
        assert equations.scalarize(single(0.4, 0.9), weights[0, 0]) == pytest.approx(reward, abs=1e-7)


def test_importance_weights_undo_the_sampling_up_to_the_batchs_largest():
    # 1 / p of p = 1/2, 1/4, 1/8 is 2, 4, 8; over the largest: 1/4, 1/2, 1.
    for probability, weight in ((0.5, 0.25), (0.25, 0.5), (0.125, 1.0)):
        assert equations.importance_weight(probability, 0.125, 1.0) == pytest.approx(weight)
    # Half the correction is its square root, none of it is 1.
    assert equations.importance_weight(0.25, 0.125, 0.5) == pytest.approx(2**-0.5)
    assert equations.importance_weight(0.5, 0.125, 0.0) == 1.0


def test_huber_is_quadratic_within_one_and_linear_beyond():
    # e^2 / 2 up to 1: 0.125 at 0.5, 0.5 at 1; then |e| - 1/2: 2.5 at 3. Its slope is e, clipped to [-1, 1].
    errors = (-3.0, -1.0, -0.5, 0.0, 0.5, 1.0, 3.0)
    assert [equations.huber_loss(error) for error in errors] == [2.5, 0.5, 0.125, 0.0, 0.125, 0.5, 2.5]
    assert [equations.huber_slope(error) for error in errors] == [-1.0, -1.0, -0.5, 0.0, 0.5, 1.0, 1.0]


def test_the_hubers_slope_is_its_derivative():
    error = torch.linspace(-2.5, 2.5, 41, dtype=torch.float64, requires_grad=True)
    reference = torch.nn.functional.huber_loss(error, torch.zeros(41).double(), reduction="none")
    reference.sum().backward()
    found = [(equations.huber_loss(e), equations.huber_slope(e)) for e in error.tolist()]
    np.testing.assert_allclose(found, torch.stack((reference.detach(), error.grad), 1), atol=1e-12)


def test_a_batch_of_two_transitions_and_two_functions_by_hand():
    # Two functions of two actions; columns of q: f0a0 f0a1 f1a0 f1a1. Discount 1/2, alpha 0 (reward = -cost).
    q = single(
        [1.0, 0.0, 0.5, 0.0],  # before, transition 0: actions 0 and 1 are worth 1 and 0
        [0.0, 3.0, 0.0, 0.0],  # before, transition 1: actions 1 and 0 are worth 3 and 0
        [0.0, 1.0, 1.0, 0.0],  # after, transition 0: online picks 1 and 0
        [1.0, 0.0, 0.0, 1.0],  # after, transition 1, which terminated
    )
    q_t_target = single([9.0, 2.0, 4.0, 9.0], [9.0, 9.0, 9.0, 9.0])
    # actions, then (cost, rejection) of each function, then whether the episode goes on
    outcomes = single([0, 1, 0.5, 7, 0.25, 7, 1], [1, 0, 0.5, 7, 0.25, 7, 0])
    slope, priority = np.full((2, 4), 9.0, dtype=np.float32), np.empty(2)
    probability, weights = np.array([0.5, 0.25]), -np.array([[1.0, 0.0], [1.0, 0.0]])
    loss = equations.temporal_difference(q, q_t_target, outcomes, probability, weights, RULES, slope, priority)
    # Targets: 0: -0.5 + 2/2 = 0.5 and -0.25 + 4/2 = 1.75; 1: -0.5 and -0.25.
    # Errors:  0: 1 - 0.5 = 0.5 and 0 - 1.75 = -1.75;      1: 3.5 and 0.25. Importance: 1/2 and 1; four terms.
    np.testing.assert_allclose(slope, [[0.5 * 0.5 / 4, 0, 0, 0.5 * -1 / 4], [0, 1 / 4, 0.25 / 4, 0]])
    # Huber: 0.125 and 1.25; 3.0 and 0.03125.
    assert loss == pytest.approx((0.5 * (0.125 + 1.25) + 3.0 + 0.03125) / 4)
    np.testing.assert_allclose(priority, [(1.75 + 1e-3) ** 0.5, (3.5 + 1e-3) ** 0.5])
