"""Mixers: what is learnt of several agents' values together, against modules of torch and numbers by hand."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from mamo_cli.learners.dqn import double_q, knapsack, summed
from mamo_cli.learners.dqn.equations import Rules
from mamo_cli.learners.dqn.parts import MIXERS, part
from mamo_cli.learners.dqn.replay import Batch
from mamo_cli.learners.dqn.update import make_temporal_difference
from mamo_cli.learners.protocol import Shape
from tests.learners.agents import UNMIXED, everything, feed, learner, outcome, through_a_file

USE = np.array([[0, 1, 2, 3, 4], [1, 1, 2, 5, 0]])
SHAPE = Shape(observation=3, agents=2, choices=5, objectives=2, use=USE, priorities=np.array([0.7, 0.3]))
WEIGHTS = np.array([[[0.9, 0.1], [0.5, 0.5]], [[0.2, 0.8], [0.0, 1.0]]])
VECTORS = ("online", "target", "mean", "square")
PAIRS = [("independent", "knapsack"), ("sum", "repair"), ("monotone", "knapsack")]


def made(mixer, inputs, agents, rows, seed):
    """A mixer with parameters, states and values of its agents, and what it makes of them."""
    rng = np.random.default_rng(seed)
    parameters = mixer.initial(inputs, agents, rng)
    states, values = (rng.normal(size=(rows, wide)).astype(np.float32) for wide in (inputs, agents))
    kept = np.full(mixer.kept_size(inputs, agents, rows), np.nan, dtype=np.float32)
    mixed = np.empty((rows, mixer.learnt(agents)), dtype=np.float32)
    mixer.mix(parameters, states, values, kept, mixed)
    return parameters, states, values, kept, mixed


@pytest.mark.parametrize("name", MIXERS)
@settings(max_examples=30, deadline=None)
@given(st.integers(1, 12), st.integers(1, 4), st.integers(1, 40), st.integers(0, 99))
def test_mix_and_unmix_are_what_autograd_says(name, inputs, agents, rows, seed):
    mixer = part(MIXERS, name)
    parameters, states, values, kept, mixed = made(mixer, inputs, agents, rows, seed)
    module, free = mixer.in_torch(inputs, agents), torch.from_numpy(values).requires_grad_()
    if parameters.size:
        vector_to_parameters(torch.from_numpy(parameters.copy()), module.parameters())
    expected = module(free, torch.from_numpy(states))
    np.testing.assert_allclose(mixed, expected.detach(), rtol=1e-4, atol=1e-5)

    slope = np.random.default_rng(seed).normal(size=mixed.shape).astype(np.float32)
    back, gradient = np.full_like(values, 7.0), np.full_like(parameters, 7.0)  # overwritten, not added to
    mixer.unmix(parameters, states, values, kept, slope, back, gradient)
    (expected * torch.from_numpy(slope)).sum().backward()
    np.testing.assert_allclose(back, free.grad, rtol=1e-3, atol=1e-4)
    if parameters.size:
        expected_gradient = parameters_to_vector([one.grad for one in module.parameters()])
        np.testing.assert_allclose(gradient, expected_gradient, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", MIXERS)
def test_what_is_mixed_rises_with_every_agents_value(name):
    mixer = part(MIXERS, name)
    parameters, states, values, kept, before = made(mixer, 6, 3, 200, 0)
    for a in range(3):
        raised, mixed = values.copy(), np.empty_like(before)
        raised[:, a] += 0.5
        mixer.mix(parameters, states, raised, kept, mixed)
        assert (mixed >= before).all()
        assert (mixed > before).any(-1).mean() > 0.9


def test_the_sum_of_two_agents_by_hand():
    # Two transitions, two agents of two choices; columns of q: a0c0 a0c1 a1c0 a1c1. Discount 1/2, of the cost alone.
    q = np.array([[1, 0, 0.5, 0], [0, 3, 0, 0], [0, 1, 1, 8], [1, 0, 0, 1]], dtype=np.float32)
    q_t_target = np.array([[9, 2, 4, 9], [9, 9, 9, 9]], dtype=np.float32)
    batch = Batch(
        places=np.arange(2),
        probability=np.array([0.5, 0.25]),
        states=np.empty((4, 1), dtype=np.float32),
        actions=np.array([[0, 1], [1, 0]]),
        objectives=np.array([[[0.5, 7], [0.25, 7]], [[0.5, 7], [0.25, 7]]], dtype=np.float32),
        discounts=np.array([0.5, 0.0]),
        allowed=np.ones((2, 2, 2), dtype=np.bool_),
        budgets=np.array([1, 9]),
    )
    slope, priority = np.full((2, 4), 9.0, dtype=np.float32), np.empty(2)
    use, weights = np.array([[1, 0], [1, 2]]), np.array([[[1.0, 0.0], [1.0, 0.0]]])
    loss = make_temporal_difference(double_q, knapsack, summed)(
        q, q_t_target, batch, weights, use, Rules(0.5, 1.0, 0.5, 10.0, 1000), UNMIXED, slope, priority
    )
    # After the first transition the second's 8 takes 2 units of 1: the best that fits is (1, 0), worth 2 + 4 to the
    # target network. Goals -.75 + 6/2 = 2.25 and, at the end, -.75. What was chosen is worth 1 + 0 and 3 + 0.
    # Errors -1.25 and 3.75; importance 1/2 and 1; two terms. Huber: .75 and 3.25, slopes -1 and 1, alike for both.
    assert loss == pytest.approx((0.5 * 0.75 + 3.25) / 2)
    np.testing.assert_allclose(slope, [[-0.25, 0, 0, -0.25], [0, 0.5, 0.5, 0]])
    np.testing.assert_allclose(priority, [1.251**0.5, 3.751**0.5])


def fed(device="cpu", shape=SHAPE, seeds=(0, 1), **settings_):
    agent = learner(seeds, shape, device, **settings_)
    feed(agent, len(seeds), shape, masked=0.3)
    return agent


@pytest.mark.parametrize("norm", [10.0, 0.01], ids=["unclipped", "clipped"])
@pytest.mark.parametrize(("mixer", "chooser"), PAIRS)
def test_compiled_updates_equal_autograd_and_torchs_adam(mixer, chooser, norm):
    settings_ = {"mixer": mixer, "chooser": chooser, "max_gradient_norm": norm}
    ours, reference = fed(**settings_), fed("cpu:0", **settings_)
    for _ in range(3):  # 9 updates in all: the target network is copied to on the way
        losses = [agent.learn(3, WEIGHTS, 0.01) for agent in (ours, reference)]
        np.testing.assert_allclose(*losses, rtol=1e-4)
        found, expected = (agent.state_dict() for agent in (ours, reference))
        priorities = [each["replay"]["priorities"] for each in (found, expected)]
        np.testing.assert_allclose(*priorities, rtol=1e-3, atol=1e-5)
        for vector in VECTORS:
            np.testing.assert_allclose(found["networks"][vector], expected["networks"][vector], rtol=1e-2, atol=1e-4)
    own = ours.policies().shape[1]
    assert (found["networks"]["online"].shape[1] > own) == (mixer == "monotone")
    assert not np.array_equal(found["networks"]["target"], found["networks"]["online"])


@pytest.mark.parametrize("fault", [{"mixer": "sum"}, {"chooser": "repair"}])
def test_another_part_is_seen_by_that_comparison(fault):
    losses = [agent.learn(9, WEIGHTS, 0.01) for agent in (fed(), fed("cpu:0", **fault))]
    assert not np.allclose(*losses, rtol=1e-3)


def test_one_agents_sum_is_its_own_value_to_the_last_bit():
    states = []
    for mixer, chooser in (("independent", "greedy"), ("sum", "repair")):  # without a budget there is nothing to repair
        agent = fed(shape=Shape(3, 1, 5, 2), mixer=mixer, chooser=chooser)
        states.append((agent.learn(9, WEIGHTS[:, :1], 0.01), agent.state_dict()))
    assert np.array_equal(*(losses for losses, _ in states))
    assert all(np.array_equal(*(state["networks"][name] for _, state in states)) for name in VECTORS)


def test_priorities_scale_an_agents_share_of_the_joint_reward_and_equal_ones_move_nothing():
    objectives = np.full((2, 30, 2, 2), [1.0, 0.5])
    kept = {}
    for name, priorities in {"none": None, "equal": (0.5, 0.5), "other": (0.75, 0.25)}.items():
        shape = SHAPE._replace(priorities=None if priorities is None else np.array(priorities))
        agent = learner((0, 1), shape)
        seen = everything(np.zeros((2, 30, 2, 3)), 5)._replace(budget=np.full((2, 30), 9))
        agent.store(seen, np.zeros((2, 30, 2), dtype=np.int64), outcome(objectives, seen))
        kept[name] = agent.state_dict()["replay"]["outcomes"][0, 0, 2:6]
    # Two agents' shares of .75 and .25 are 1.5 and .5 times those of equals.
    assert kept["none"].tolist() == kept["equal"].tolist() == [1, 0.5, 1, 0.5]
    assert kept["other"].tolist() == [1.5, 0.75, 0.5, 0.25]


def story(seeds, member):
    """All that a member under a budget did: its choices, explored and not, its losses and its numbers."""
    agent = learner(seeds, SHAPE, mixer="monotone")
    rng = np.random.default_rng(0)  # every member is fed the same
    values = np.tile(rng.normal(size=(1, 60, 2, 3)), (len(seeds), 1, 1, 1))
    seen = everything(values, 5)._replace(budget=np.tile(rng.integers(0, 8, (1, 60)), (len(seeds), 1)))
    chosen = agent.act(seen, agent.explorations(np.array([0.5]), 60)[0])
    objectives = np.tile(rng.normal(size=(1, 60, 2, 2)), (len(seeds), 1, 1, 1))
    agent.store(seen, chosen, outcome(objectives, seen))
    losses = agent.learn(8, np.tile(WEIGHTS[:1], (len(seeds), 1, 1)), 1e-2)
    return losses[member], chosen[member], agent.act(seen)[member], agent.state_dict()["networks"]["online"][member]


def test_a_member_is_bit_identical_in_any_company():
    alone = story([7], 0)
    for seeds in ([2, 7], [7, 5, 2], [*range(20, 37), 7]):
        assert all(map(np.array_equal, alone, story(seeds, seeds.index(7))))
    assert not np.array_equal(alone[3], story([2, 7], 0)[3])


@pytest.mark.parametrize("device", ["cpu", "cpu:0"])
def test_a_copy_from_a_file_goes_on_bit_identically_and_acts_without_its_mixer(device):
    agent, copy = (fed(device, mixer="monotone") for _ in range(2))
    agent.learn(10, WEIGHTS, 1e-2)
    copy.load_state_dict(through_a_file(agent.state_dict()))
    for ours, saved in zip(copy._streams, agent._streams, strict=True):
        ours.load_state_dict(saved.state_dict())
    assert np.array_equal(agent.learn(12, WEIGHTS, 1e-2), copy.learn(12, WEIGHTS, 1e-2))
    states = [one.state_dict()["networks"] for one in (agent, copy)]
    assert all(np.array_equal(states[0][name], states[1][name]) for name in VECTORS)
    seen = everything(np.random.default_rng(3).normal(size=(2, 40, 2, 3)), 5)._replace(budget=np.full((2, 40), 4))
    chosen, kept = agent.act(seen), agent.policies()
    agent.learn(30, WEIGHTS, 1e-1)
    assert not np.array_equal(agent.act(seen), chosen)
    assert np.array_equal(agent.act(seen, policies=kept), chosen)


def test_a_nan_in_a_mixer_is_a_members_end():
    agent = fed(mixer="monotone")
    state = agent.state_dict()
    state["networks"]["online"][1, -1] = np.nan
    agent.load_state_dict(state)
    assert agent.diverged().tolist() == [False, True]
