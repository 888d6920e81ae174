"""The learner's update against an independent one, and what it makes of problems whose answer is known."""

import numpy as np
import pytest
import torch

from tests.learners.agents import feed, learner, through_a_file

SHAPE = (2, 3, 2, 5, 2)  # members, observation, branches, actions, objectives
WEIGHTS = -np.array([[[0.9, 0.1], [0.5, 0.5]], [[0.2, 0.8], [0.0, 1.0]]])


def fed(device="cpu", **settings):
    agent = learner((0, 1), *SHAPE[1:], device=device, **settings)
    feed(agent, SHAPE)
    return agent


@pytest.mark.parametrize("norm", [10.0, 0.01], ids=["unclipped", "clipped"])
def test_compiled_updates_equal_autograd_and_torchs_adam(norm):
    # By another name the device is the same processor, but not the compiled kernels: the tensor operations meant for a
    # GPU, with gradients by autograd, make an independent reference.
    ours, reference = fed(max_gradient_norm=norm), fed("cpu:0", max_gradient_norm=norm)
    assert type(ours._networks) is not type(reference._networks)
    for uniforms in ours.draw_replay(9).reshape(3, 3, 2, -1):  # 9 updates: the target network is copied to on the way
        losses = [agent.learn(uniforms, WEIGHTS, 0.01) for agent in (ours, reference)]
        np.testing.assert_allclose(*losses, rtol=1e-4)
        found, expected = (agent.state_dict() for agent in (ours, reference))
        torch.testing.assert_close(
            found["replay"]["priorities"], expected["replay"]["priorities"], rtol=1e-3, atol=1e-5
        )
        for name in ("online", "target", "adam_mean", "adam_square"):
            torch.testing.assert_close(found["networks"][name], expected["networks"][name], rtol=1e-2, atol=1e-4)
    assert not torch.equal(found["networks"]["target"], found["networks"]["online"])
    observations = np.random.default_rng(0).normal(size=(2, 7, 3)).astype(np.float32)
    np.testing.assert_allclose(ours.q_values(observations), reference.q_values(observations), rtol=1e-2, atol=1e-3)


def test_a_planted_fault_is_seen_by_that_comparison():
    ours, reference = fed(), fed("cpu:0", target_interval=8)  # copied to the target network one update too late
    uniforms = ours.draw_replay(9)
    losses = [agent.learn(uniforms, WEIGHTS, 0.01) for agent in (ours, reference)]
    assert not np.allclose(*losses, rtol=1e-4)


def test_a_network_of_zeros_loses_the_hubers_of_its_rewards():
    agent = learner((0,), 1, 1, 2, 2, importance_exponent=0.0, batch_size=32)
    blank = agent.state_dict()
    for name in ("online", "target"):
        blank["networks"][name] = torch.zeros_like(blank["networks"][name])
    agent.load_state_dict(blank)
    seen = np.zeros((1, 32, 1), dtype=np.float32)
    costs = np.tile([0.2, 3.0], 16)
    objectives = np.stack((costs, np.full(32, 0.5)), -1)[None, :, None]
    agent.replay.add(seen, np.zeros((1, 32, 1), dtype=np.int64), objectives, seen)
    uniforms = np.full((1, 1, 32), 0.5)  # equal priorities: each transition once
    # alpha = 0.5: rewards -0.35 and -1.75, TD errors 0.35 and 1.75; Huber 0.35^2 / 2 = 0.06125 and 1.75 - 0.5 = 1.25.
    loss = agent.learn(uniforms, np.array([[[-0.5, -0.5]]]), 0.0)
    assert loss.item() == pytest.approx((0.06125 + 1.25) / 2, rel=1e-6)
    # The same transitions under alpha = 1 (priorities have changed, so only their kind is compared): |TD| = 0.5.
    assert agent.learn(uniforms, np.array([[[0.0, -1.0]]]), 0.0).item() == pytest.approx(0.125, rel=1e-6)


@pytest.mark.parametrize("device", ["cpu", "cpu:0"])
def test_a_copy_from_a_file_goes_on_bit_identically(device):
    agent = fed(device)
    agent.learn(agent.draw_replay(10), WEIGHTS, 1e-2)  # no multiple of the target's interval: the count matters
    copy = learner((0, 1), *SHAPE[1:], device=device)
    copy.load_state_dict(through_a_file(agent.state_dict()))
    uniforms = np.random.default_rng(8).random((12, 2, 24))
    assert np.array_equal(agent.learn(uniforms, WEIGHTS, 1e-2), copy.learn(uniforms, WEIGHTS, 1e-2))
    states = [one.state_dict()["networks"] for one in (agent, copy)]
    assert states[0].pop("updates") == states[1].pop("updates") == 22
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_updates_made_at_once_are_those_made_one_by_one():
    once, by_one = fed(), fed()
    uniforms = once.draw_replay(9)
    once.learn(uniforms, WEIGHTS, 1e-2)
    for one in uniforms:
        by_one.learn(one[None], WEIGHTS, 1e-2)
    states = [agent.state_dict()["networks"] for agent in (once, by_one)]
    assert all(torch.equal(states[0][name], states[1][name]) for name in ("online", "target", "adam_square"))


def test_exploration_has_its_probability_and_covers_all_actions():
    agent = learner((0, 1), 2, 2, 4)
    explore, actions = agent.draw_exploration(np.array([0.0, 0.3, 1.0]), 2000)
    assert explore.shape == actions.shape == (3, 2, 2000, 2)
    np.testing.assert_allclose(explore.mean((1, 2, 3)), [0.0, 0.3, 1.0], atol=0.02)
    np.testing.assert_allclose(np.bincount(actions.ravel()) / actions.size, 0.25, atol=0.02)
    seen = np.ones((2, 5, 2), dtype=np.float32)
    greedy = agent.q_values(seen).argmax(-1)
    chosen = agent.act(seen, np.tile([True, False], (2, 5, 1)), 3 - greedy)
    assert np.array_equal(chosen[..., 0], 3 - greedy[..., 0])
    assert np.array_equal(chosen[..., 1], greedy[..., 1])


def test_learns_a_bandit_whose_best_arm_depends_on_what_is_seen():
    agent, rng = learner((0, 1, 2), 2, 1, 4, discount=0.0, replay_capacity=512), np.random.default_rng(0)
    worth = np.array([[0.1, 0.9, 0.3, 0.5], [0.8, 0.2, 0.6, 0.0]])
    context, arms = rng.integers(0, 2, (3, 400)), rng.integers(0, 4, (3, 400, 1))
    reward = worth[context, arms[..., 0]] + rng.normal(0, 0.1, (3, 400))
    seen = np.eye(2, dtype=np.float32)[context]
    agent.replay.add(seen, arms, reward[..., None, None], seen)
    agent.learn(agent.draw_replay(400), np.ones((3, 1, 1)), 5e-3)
    values = agent.q_values(np.tile(np.eye(2, dtype=np.float32), (3, 1, 1)))[:, :, 0]
    np.testing.assert_allclose(values, np.tile(worth, (3, 1, 1)), rtol=0, atol=0.15)
    assert values.argmax(-1).tolist() == [[1, 0]] * 3


def test_learns_a_chain_that_ends_and_nothing_beyond_its_end():
    # Five places; action 1 goes right, action 0 left. Going right from the last place is worth 1 and ends the episode.
    agent, rng = learner((0, 1), 5, 1, 2, discount=0.9, replay_capacity=1024), np.random.default_rng(1)
    place, action = rng.integers(0, 5, (2, 2, 600))
    action %= 2
    ends = (place == 4) & (action == 1)
    following = (place + 2 * action - 1).clip(0, 4)
    one_hot = np.eye(5, dtype=np.float32)
    reward = ends.astype(np.float64)[..., None, None]
    agent.replay.add(one_hot[place], action[..., None], reward, one_hot[following], (~ends).astype(np.float32))
    agent.learn(agent.draw_replay(900), np.ones((2, 1, 1)), 3e-3)
    values = agent.q_values(np.tile(one_hot, (2, 1, 1)))[:, :, 0]
    # Right from place s is worth 0.9^(4 - s); without the end it would be 1 / (1 - 0.9) = 10 at the last place.
    np.testing.assert_allclose(values[..., 1], np.tile(0.9 ** np.arange(4.0, -1.0, -1.0), (2, 1)), rtol=0, atol=0.1)
    assert np.all(values.argmax(-1) == 1)
