"""The equations against numbers worked out by hand, with traps where a wrong variant would look."""

import numpy as np
import pytest
import torch

from mamo_cli.core.weights import rewards, scalarize, weights_of
from mamo_cli.learners.dqn import double_q, equations, greedy, independent
from mamo_cli.learners.dqn.equations import Rules
from mamo_cli.learners.dqn.replay import Batch
from mamo_cli.learners.dqn.update import make_temporal_difference
from tests.learners.agents import FREE, UNMIXED

RULES = Rules(
    discount=0.5, importance_exponent=1.0, priority_exponent=0.5, max_gradient_norm=10.0, target_interval=1000
)


def single(*numbers):
    return np.array(numbers, dtype=np.float32)


def test_double_q_takes_the_online_choice_at_the_targets_value():
    # Online picks choice 1, which the target network values at 3
    # (plain DQN would take the target's own best, 20; the online network alone 5).
    chosen, worth = np.empty((1, 1), dtype=np.int64), np.empty((1, 1), dtype=np.float32)
    online, target = single([[1, 5, 2]]), single([[10, 3, 20]])
    greedy.choose(online, np.array([[[True, True, True]]]), FREE[:1], np.zeros(1, dtype=np.int64), chosen)
    assert chosen.tolist() == [[1]]
    double_q.bootstrap(online, target, chosen, worth)
    assert worth.tolist() == [[3.0]]


@pytest.mark.parametrize(
    ("allowed", "chosen"),
    [([1, 1, 1, 1], 2), ([1, 1, 0, 1], 1), ([1, 0, 0, 0], 0), ([1, 0, 0, 1], 3), ([0, 0, 0, 1], 3), ([0, 0, 0, 0], 0)],
)
def test_what_may_not_be_chosen_is_not_chosen_and_of_equals_the_first_is(allowed, chosen):
    # Values 1, 5, 7, 5: the best is 2; without it the first of the two fives; of nothing, 0.
    found = np.empty((1, 1), dtype=np.int64)
    q, mask = single([[1, 5, 7, 5]]), np.array([[allowed]], dtype=np.bool_)
    greedy.choose(q, mask, FREE[:1], np.zeros(1, dtype=np.int64), found)
    assert found.item() == chosen
    if any(allowed):
        assert greedy.in_torch(torch.from_numpy(q), torch.from_numpy(mask), None, None).item() == chosen


def test_stored_objectives_are_weighed_anew_by_every_alpha():
    # cost 0.4 and violation 0.9: reward -(1 - alpha) 0.4 - alpha 0.9.
    #   alpha 0: -0.4;   alpha 0.1: -0.36 - 0.09 = -0.45;   alpha 1: -0.9
    for alpha, reward in ((0.0, -0.4), (0.1, -0.45), (1.0, -0.9)):
        weights = weights_of(np.array(alpha))
        assert scalarize(single(0.4, 0.9), weights) == pytest.approx(reward, abs=1e-7)
        assert rewards(np.array([0.4, 0.9]), weights) == pytest.approx(reward, abs=1e-15)
        # In the domain's own unit the cost is 8 where 20 is the dearest.
        assert rewards(np.array([8.0, 0.9]), weights, cost_scale=20.0) == pytest.approx(reward, abs=1e-15)


def test_the_compiled_reward_and_the_arrays_are_one_for_any_number_of_objectives():
    rng = np.random.default_rng(0)
    for count in (1, 2, 3, 5):
        objectives, weights = rng.random((7, count)).astype(np.float32), rng.dirichlet(np.ones(count), 7)
        one_by_one = [scalarize(each, weight) for each, weight in zip(objectives, weights, strict=True)]
        np.testing.assert_allclose(rewards(objectives, weights), one_by_one, rtol=1e-14)


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


def test_a_batch_of_two_transitions_and_two_agents_by_hand():
    # Two agents of two choices; columns of q: a0c0 a0c1 a1c0 a1c1. Discount 1/2, alpha 0 (reward = -cost).
    q = single(
        [1.0, 0.0, 0.5, 0.0],  # before, transition 0: choices 0 and 1 are worth 1 and 0
        [0.0, 3.0, 0.0, 0.0],  # before, transition 1: choices 1 and 0 are worth 3 and 0
        [0.0, 1.0, 1.0, 8.0],  # after, transition 0: online picks 1 and, as 1 is forbidden to the second agent, 0
        [1.0, 0.0, 0.0, 1.0],  # after, transition 1, which terminated
    )
    q_t_target = single([9.0, 2.0, 4.0, 9.0], [9.0, 9.0, 9.0, 9.0])
    batch = Batch(
        places=np.arange(2),
        probability=np.array([0.5, 0.25]),
        states=np.empty((4, 1), dtype=np.float32),
        actions=np.array([[0, 1], [1, 0]]),
        objectives=single([[0.5, 7], [0.25, 7]], [[0.5, 7], [0.25, 7]]),
        discounts=np.array([0.5, 0.0]),
        allowed=np.array([[[True, True], [True, False]], [[True, True], [True, True]]]),
        budgets=np.zeros(2, dtype=np.int64),
    )
    slope, priority = np.full((2, 4), 9.0, dtype=np.float32), np.empty(2)
    temporal_difference = make_temporal_difference(double_q, greedy, independent)
    weights = np.array([[[1.0, 0.0], [1.0, 0.0]]])
    loss = temporal_difference(q, q_t_target, batch, weights, FREE[:, :2], RULES, UNMIXED, slope, priority)
    # Targets: 0: -0.5 + 2/2 = 0.5 and -0.25 + 4/2 = 1.75; 1: -0.5 and -0.25.
    # Errors:  0: 1 - 0.5 = 0.5 and 0 - 1.75 = -1.75;      1: 3.5 and 0.25. Importance: 1/2 and 1; four terms.
    np.testing.assert_allclose(slope, [[0.5 * 0.5 / 4, 0, 0, 0.5 * -1 / 4], [0, 1 / 4, 0.25 / 4, 0]])
    # Huber: 0.125 and 1.25; 3.0 and 0.03125.
    assert loss == pytest.approx((0.5 * (0.125 + 1.25) + 3.0 + 0.03125) / 4)
    np.testing.assert_allclose(priority, [(1.75 + 1e-3) ** 0.5, (3.5 + 1e-3) ** 0.5])
