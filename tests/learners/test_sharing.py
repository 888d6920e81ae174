"""Rewards between own and the team's: by hand, by autograd, and by what agents learn who are told the mean."""

import numpy as np
import pytest

from mamo_cli.core.errors import UsageError
from mamo_cli.learners import registry
from mamo_cli.learners.dqn import double_q, greedy, independent
from mamo_cli.learners.dqn.equations import Rules
from mamo_cli.learners.dqn.replay import Batch
from mamo_cli.learners.dqn.settings import LearnerConfig
from mamo_cli.learners.dqn.update import make_temporal_difference
from mamo_cli.learners.protocol import Shape
from tests.learners.agents import BANDIT, FREE, SMALL, UNMIXED, feed, learner

SHAPE = Shape(observation=3, agents=3, choices=4, objectives=2, priorities=np.array([0.6, 0.3, 0.1]))
WEIGHTS = np.array([[[0.9, 0.1], [0.5, 0.5], [0.2, 0.8]], [[0.2, 0.8], [0.0, 1.0], [1.0, 0.0]]])
VECTORS = ("online", "target", "mean", "square")


def fed(device="cpu", shape=SHAPE, weights=None, **settings):
    agent = learner((0, 1), shape, device, **settings)
    feed(agent, 2, shape, masked=0.3)
    return agent


def test_a_shared_reward_by_hand():
    # Every value is 0, so an error is what a transition weighs: own (3/4 + 1, 1 + 4), their mean 27/8.
    batch = Batch(
        places=np.arange(1),
        probability=np.full(1, 0.1),
        states=np.empty((2, 1), dtype=np.float32),
        actions=np.zeros((1, 2), dtype=np.int64),
        objectives=np.array([[[1, 4], [2, 8]]], dtype=np.float32),
        discounts=np.zeros(1),
        allowed=np.ones((1, 2, 1), dtype=np.bool_),
        budgets=np.zeros(1, dtype=np.int64),
    )
    zeros, slope, priority = np.zeros((2, 2), dtype=np.float32), np.empty((1, 2), dtype=np.float32), np.empty(1)
    weights = np.array([[[0.75, 0.25], [0.5, 0.5]]])
    temporal_difference = make_temporal_difference(double_q, greedy, independent)
    # A share 0: 1.75 and 5. Of 1/4: 69/32 and 147/32. Of 1: 27/8 twice. Beyond 1 the loss is the error less a half.
    for sharing, errors in ((0.0, (1.75, 5.0)), (0.25, (69 / 32, 147 / 32)), (1.0, (27 / 8, 27 / 8))):
        rules = Rules(0.5, 0.0, 1.0, 10.0, 1000, sharing)
        loss = temporal_difference(zeros, zeros[:1], batch, weights, FREE[:, :1], rules, UNMIXED, slope, priority)
        assert loss == pytest.approx((sum(errors) - 1.0) / 2, rel=1e-12)
        np.testing.assert_allclose(priority, [max(errors) + 0.001], rtol=1e-12)


@pytest.mark.parametrize("sharing", [0.3, 1.0])
def test_compiled_updates_equal_autograd(sharing):
    ours, reference = fed(sharing=sharing), fed("cpu:0", sharing=sharing)
    for _ in range(2):
        losses = [agent.learn(3, WEIGHTS, 0.01) for agent in (ours, reference)]
        np.testing.assert_allclose(*losses, rtol=1e-4)
    for vector in VECTORS:
        found, expected = (agent.state_dict()["networks"][vector] for agent in (ours, reference))
        np.testing.assert_allclose(found, expected, rtol=1e-2, atol=1e-4)
    apart = fed()
    assert not np.allclose(apart.learn(3, WEIGHTS, 0.01), losses[0], rtol=0.01)


@pytest.mark.parametrize("sharing", [0.3, 1.0])
def test_whose_priority_is_larger_counts_as_much_more_in_what_is_shared(sharing):
    # Told the same in place of its objectives, an agent that shares nothing learns the same.
    told = Shape(observation=3, agents=3, choices=4, objectives=1)
    whole, plain = fed(sharing=sharing), fed(shape=told)
    memory, spoken = whole.replay.memory, plain.replay.memory
    objectives = memory.outcomes[:, :, 3:-1].reshape(2, -1, 3, 2)  # stored times three times the priorities
    own = np.einsum("knam,kam->kna", objectives, WEIGHTS)
    counts = 3 * SHAPE.priorities
    joint = np.einsum("kna,a->kn", own / counts, SHAPE.priorities)
    spoken.outcomes[:, :, 3:-1] = (1.0 - sharing) * own + sharing * joint[..., None]
    spoken.outcomes[:, :, :3], spoken.outcomes[:, :, -1:] = memory.outcomes[:, :, :3], memory.outcomes[:, :, -1:]
    for name in ("states", "masks"):
        getattr(spoken, name)[:] = getattr(memory, name)
    losses = [whole.learn(6, WEIGHTS, 0.01), plain.learn(6, np.ones((2, 3, 1)), 0.01)]
    np.testing.assert_allclose(*losses, rtol=1e-4)
    np.testing.assert_allclose(whole.policies(), plain.policies(), rtol=1e-2, atol=1e-4)


@pytest.mark.parametrize("name", ["dqn", "conditioned", "sb3"])
def test_one_agent_shares_with_nobody(name):
    with pytest.raises(UsageError, match=r"learner.sharing is of rewards between agents, and .* one.*: leave it out"):
        registry.refuse(name, SMALL.model_copy(update={"sharing": 0.5}), BANDIT)
    registry.refuse(name, SMALL, BANDIT)


@pytest.mark.parametrize("mixer", ["sum", "monotone"])
def test_what_is_learnt_as_one_is_shared_already(mixer):
    with pytest.raises(ValueError, match=f"mixer {mixer} learns the agents' total reward: sharing is for independent"):
        LearnerConfig(mixer=mixer, sharing=0.1)
    assert LearnerConfig(mixer=mixer, sharing=0.0).sharing == 0.0
