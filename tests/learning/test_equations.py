"""The equations against numbers worked out by hand, with traps where a wrong variant would look."""

import numpy as np
import pytest
import torch

from mamo_cli.learning import equations
from mamo_cli.learning.population import reward_weights


def test_double_q_target_takes_the_online_choice_at_the_targets_value():
    # One member, three transitions, one function, three actions.
    r_t = torch.tensor([[[1.0], [-2.0], [0.5]]])
    discount_t = torch.tensor([[0.9, 0.0, 0.9]])  # the second transition terminated
    q_t_online = torch.tensor([[[[1.0, 5.0, 2.0]], [[7.0, 0.0, 0.0]], [[-3.0, -2.0, -1.0]]]])
    q_t_target = torch.tensor([[[[10.0, 3.0, 20.0]], [[100.0, 1.0, 1.0]], [[4.0, 4.0, -5.0]]]])
    # 1: online picks action 1, the target values it at 3:  1 + 0.9 * 3 = 3.7
    #    (plain DQN would say 1 + 0.9 * 20 = 19, the online network alone 1 + 0.9 * 5 = 5.5)
    # 2: terminated: the reward alone, whatever the networks say of what follows: -2
    # 3: online picks action 2, the target values it at -5: 0.5 - 4.5 = -4
    target = equations.double_q_target(r_t, discount_t, q_t_online, q_t_target)
    torch.testing.assert_close(target, torch.tensor([[[3.7], [-2.0], [-4.0]]]))


def test_double_q_target_chooses_for_every_member_and_function_apart():
    # Two members, one transition, two functions, two actions; discount 1 and reward 0 leave the chosen value.
    q_t_online = torch.tensor([[[[1.0, 0.0], [0.0, 1.0]]], [[[0.0, 1.0], [1.0, 0.0]]]])
    q_t_target = torch.tensor([[[[11.0, 12.0], [13.0, 14.0]]], [[[21.0, 22.0], [23.0, 24.0]]]])
    target = equations.double_q_target(torch.zeros(2, 1, 2), torch.ones(2, 1), q_t_online, q_t_target)
    assert target.tolist() == [[[11.0, 14.0]], [[22.0, 23.0]]]


def test_stored_objectives_are_weighed_anew_by_every_alpha():
    # cost 0.4 and rejection 0.9: reward -(1 - alpha) 0.4 - alpha 0.9.
    objectives = torch.tensor([[[[0.4, 0.9]]]])
    #   alpha 0: -0.4;   alpha 0.1: -0.36 - 0.09 = -0.45;   alpha 1: -0.9
    for alpha, reward in ((0.0, -0.4), (0.1, -0.45), (1.0, -0.9)):
        weights = reward_weights(np.array([[alpha]]))
        assert equations.scalarize(objectives, weights).item() == pytest.approx(reward, abs=1e-7)


def test_every_member_and_function_has_its_own_weights():
    # (K, F) = (2, 2), one transition, cost 1 and rejection 0 everywhere: the reward is -(1 - alpha).
    objectives = torch.tensor([1.0, 0.0]).expand(2, 1, 2, 2)
    reward = equations.scalarize(objectives, reward_weights(np.array([[0.0, 0.25], [0.5, 1.0]])))
    torch.testing.assert_close(reward, -torch.tensor([[[1.0, 0.75]], [[0.5, 0.0]]]))


def test_importance_weights_undo_the_sampling_up_to_the_batchs_largest():
    # Four stored. 1 / (4 p) of p = 1/2, 1/4, 1/8 is 1/2, 1, 2; over the largest: 1/4, 1/2, 1.
    probability = torch.tensor([[0.5, 0.25, 0.125], [0.25, 0.25, 0.25]])
    full = equations.importance_weights(probability, 4, 1.0)
    torch.testing.assert_close(full, torch.tensor([[0.25, 0.5, 1.0], [1.0, 1.0, 1.0]]))
    # Half the correction is its square root, none of it is 1. Members do not share their largest.
    half = equations.importance_weights(probability, 4, 0.5)
    torch.testing.assert_close(half[0], torch.tensor([0.5, 2**-0.5, 1.0]))
    assert equations.importance_weights(probability, 4, 0.0).tolist() == [[1.0] * 3] * 2


def test_huber_is_quadratic_within_one_and_linear_beyond():
    error = torch.tensor([-3.0, -1.0, -0.5, 0.0, 0.5, 1.0, 3.0])
    # e^2 / 2 up to 1: 0.125 at 0.5, 0.5 at 1; then |e| - 1/2: 2.5 at 3. Its slope is e, clipped to [-1, 1].
    assert equations.huber_loss(error).tolist() == [2.5, 0.5, 0.125, 0.0, 0.125, 0.5, 2.5]
    assert equations.huber_slope(error).tolist() == [-1.0, -1.0, -0.5, 0.0, 0.5, 1.0, 1.0]


def test_the_hubers_slope_is_its_derivative():
    error = torch.linspace(-2.5, 2.5, 41, dtype=torch.float64, requires_grad=True)
    equations.huber_loss(error).sum().backward()
    torch.testing.assert_close(error.grad, equations.huber_slope(error.detach()))
    torch.testing.assert_close(
        equations.huber_loss(error), torch.nn.functional.huber_loss(error, torch.zeros(41).double(), reduction="none")
    )
