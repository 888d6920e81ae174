"""The learner's update against an independent one, and what it makes of problems whose answer is known."""

import numpy as np
import pytest

from mamo_cli.learners.dqn.parts import NETWORKS, TARGETS
from mamo_cli.learners.protocol import Exploration, Shape
from tests.learners.agents import everything, feed, learner, outcome, through_a_file

SHAPE = Shape(observation=3, agents=2, choices=5, objectives=2)
WEIGHTS = np.array([[[0.9, 0.1], [0.5, 0.5]], [[0.2, 0.8], [0.0, 1.0]]])
VECTORS = ("online", "target", "mean", "square")


def fed(device="cpu", **settings):
    agent = learner((0, 1), SHAPE, device, **settings)
    feed(agent, 2, SHAPE, masked=0.3)
    return agent


def values_of(agent, seed=0):
    observed = np.random.default_rng(seed).normal(size=(2, 7, 2, 3)).astype(np.float32)
    return agent.q_values(observed)


PARTS = [("network", name) for name in NETWORKS] + [("target", name) for name in TARGETS]


@pytest.mark.parametrize("norm", [10.0, 0.01], ids=["unclipped", "clipped"])
@pytest.mark.parametrize(("kind", "name"), PARTS)
def test_compiled_updates_equal_autograd_and_torchs_adam(kind, name, norm):
    # By another name the device is the same processor, but not the compiled update: the whole of it stands in torch,
    # with gradients by autograd, as an independent reference.
    settings = {kind: name, "max_gradient_norm": norm}
    ours, reference = fed(**settings), fed("cpu:0", **settings)
    assert type(ours._networks) is not type(reference._networks)
    for _ in range(3):  # 9 updates in all: the target network is copied to on the way
        losses = [agent.learn(3, WEIGHTS, 0.01) for agent in (ours, reference)]
        np.testing.assert_allclose(*losses, rtol=1e-4)
        found, expected = (agent.state_dict() for agent in (ours, reference))
        np.testing.assert_allclose(
            found["replay"]["priorities"], expected["replay"]["priorities"], rtol=1e-3, atol=1e-5
        )
        for vector in VECTORS:
            np.testing.assert_allclose(found["networks"][vector], expected["networks"][vector], rtol=1e-2, atol=1e-4)
    assert not np.array_equal(found["networks"]["target"], found["networks"]["online"])
    np.testing.assert_allclose(values_of(ours), values_of(reference), rtol=1e-2, atol=1e-3)


@pytest.mark.parametrize("fault", [{"target_interval": 8}, {"discount": 0.49}, {"importance_exponent": 0.5}])
def test_a_planted_fault_is_seen_by_that_comparison(fault):
    # The target network copied to one update too late, a discount one hundredth off, a bias half undone.
    ours, reference = fed(), fed("cpu:0", **fault)
    losses = [agent.learn(9, WEIGHTS, 0.01) for agent in (ours, reference)]
    assert not np.allclose(*losses, rtol=1e-4)


def test_nothing_forbidden_is_bootstrapped_from_in_either_update():
    # Two choices in the state after: the better one, worth 10 to both networks, is forbidden, the other is worth 1.
    # Reward -0.25 and discount 0.5: the goal is -0.25 + 0.5 = 0.25, not -0.25 + 5.
    for device in ("cpu", "cpu:0"):
        shape = Shape(1, 1, 2, 1)
        agent = learner((0,), shape, device, hidden=(1,), batch_size=32, replay_capacity=32, importance_exponent=0.0)
        state = agent.state_dict()
        for vector in ("online", "target"):  # input 1 -> hidden 1 (bias 1) -> outputs 10 and 1 by their biases
            state["networks"][vector][:] = np.array([[0.0, 1.0, 0.0, 0.0, 10.0, 1.0]])
        agent.load_state_dict(state)
        seen = everything(np.ones((1, 32, 1, 1)), 2)
        after = seen._replace(mask=np.tile([False, True], (1, 32, 1, 1)))
        agent.store(seen, np.ones((1, 32, 1), dtype=np.int64), outcome(np.full((1, 32, 1, 1), 0.25), after))
        # The chosen one is worth 1: TD error 0.75, Huber 0.75^2 / 2.
        assert agent.learn(1, np.ones((1, 1, 1)), 0.0).item() == pytest.approx(0.75**2 / 2, rel=1e-6)
        assert agent.act(after).ravel().tolist() == [1] * 32
        assert agent.act(seen).ravel().tolist() == [0] * 32


def test_a_network_of_zeros_loses_the_hubers_of_its_rewards():
    agent = learner((0,), Shape(1, 1, 2, 2), importance_exponent=0.0, batch_size=32)
    blank = agent.state_dict()
    for name in ("online", "target"):
        blank["networks"][name] = np.zeros_like(blank["networks"][name])
    agent.load_state_dict(blank)
    seen = everything(np.zeros((1, 32, 1, 1)), 2)
    costs = np.tile([0.2, 3.0], 16)
    objectives = np.stack((costs, np.full(32, 0.5)), -1)[None, :, None]
    agent.store(seen, np.zeros((1, 32, 1), dtype=np.int64), outcome(objectives, seen))
    # Equal priorities and as many strata as transitions: each is drawn once.
    # alpha = 0.5: rewards -0.35 and -1.75, TD errors 0.35 and 1.75; Huber 0.35^2 / 2 = 0.06125 and 1.75 - 0.5 = 1.25.
    loss = agent.learn(1, np.array([[[0.5, 0.5]]]), 0.0)
    assert loss.item() == pytest.approx((0.06125 + 1.25) / 2, rel=1e-6)
    # The same transitions under alpha = 1 (priorities have changed, so only their kind is compared): |TD| = 0.5.
    assert agent.learn(1, np.array([[[0.0, 1.0]]]), 0.0).item() == pytest.approx(0.125, rel=1e-6)


@pytest.mark.parametrize("device", ["cpu", "cpu:0"])
def test_a_copy_from_a_file_goes_on_bit_identically(device):
    agent = fed(device)
    agent.learn(10, WEIGHTS, 1e-2)  # no multiple of the target's interval: the count matters
    copy = learner((0, 1), SHAPE, device)
    copy.load_state_dict(through_a_file(agent.state_dict()))
    for ours, saved in zip(copy._streams, agent._streams, strict=True):
        ours.load_state_dict(saved.state_dict())
    assert np.array_equal(agent.learn(12, WEIGHTS, 1e-2), copy.learn(12, WEIGHTS, 1e-2))
    states = [one.state_dict()["networks"] for one in (agent, copy)]
    assert states[0].pop("updates") == states[1].pop("updates") == 22
    assert all(np.array_equal(states[0][name], states[1][name]) for name in states[0])


def test_updates_made_at_once_are_those_made_one_by_one():
    once, by_one = fed(), fed()
    once.learn(9, WEIGHTS, 1e-2)
    for _ in range(9):
        by_one.learn(1, WEIGHTS, 1e-2)
    states = [agent.state_dict()["networks"] for agent in (once, by_one)]
    assert all(np.array_equal(states[0][name], states[1][name]) for name in VECTORS)


def test_before_the_warm_up_nothing_is_learnt_but_the_draws_are_made():
    # A member's later draws must not depend on when its replay was full enough.
    early, late = learner((0, 1), SHAPE), learner((0, 1), SHAPE)
    assert early.learn(2, WEIGHTS, 1e-2) is None
    feed(early, 2, SHAPE)
    feed(late, 2, SHAPE)
    for streams in late._streams:
        streams["replay"].random((2, 24))
    assert np.array_equal(early.learn(3, WEIGHTS, 1e-2), late.learn(3, WEIGHTS, 1e-2))


def test_exploration_has_its_probability_and_covers_all_choices():
    agent = learner((0, 1), Shape(2, 2, 4, 1))
    steps = agent.explorations(np.array([0.0, 0.3, 1.0]), 2000)
    assert [step.uniforms.shape for step in steps] == [(2, 2000, 2)] * 3
    explored = [(step.uniforms < step.epsilon).mean() for step in steps]
    np.testing.assert_allclose(explored, [0.0, 0.3, 1.0], atol=0.02)
    choices = np.concatenate([step.choices for step in steps])
    np.testing.assert_allclose(np.bincount(choices.ravel()) / choices.size, 0.25, atol=0.02)
    seen = everything(np.ones((2, 5, 2, 2)), 4)
    greedy = agent.q_values(seen.values).argmax(-1)
    uniforms = np.tile([0.2, 0.4], (2, 5, 1))  # the first agent explores at 0.3, the second does not
    chosen = agent.act(seen, Exploration(uniforms, 0.3, 3 - greedy))
    assert np.array_equal(chosen[..., 0], 3 - greedy[..., 0])
    assert np.array_equal(chosen[..., 1], greedy[..., 1])


def test_learns_a_bandit_whose_best_arm_depends_on_what_is_seen():
    agent, rng = learner((0, 1, 2), discount=0.0, replay_capacity=512), np.random.default_rng(0)
    worth = np.array([[0.1, 0.9, 0.3, 0.5], [0.8, 0.2, 0.6, 0.0]])
    context, arms = rng.integers(0, 2, (3, 400)), rng.integers(0, 4, (3, 400, 1))
    reward = worth[context, arms[..., 0]] + rng.normal(0, 0.1, (3, 400))
    seen = everything(np.eye(2)[context][:, :, None], 4)
    agent.store(seen, arms, outcome(-reward[..., None, None], seen))
    agent.learn(400, np.ones((3, 1, 1)), 5e-3)
    values = agent.q_values(np.tile(np.eye(2, dtype=np.float32)[:, None], (3, 1, 1, 1)))[:, :, 0]
    np.testing.assert_allclose(values, np.tile(worth, (3, 1, 1)), rtol=0, atol=0.15)
    assert values.argmax(-1).tolist() == [[1, 0]] * 3


def test_learns_a_chain_that_ends_and_nothing_beyond_its_end():
    # Five places; choice 1 goes right, choice 0 left. Going right from the last place is worth 1 and ends the episode.
    agent, rng = learner((0, 1), Shape(5, 1, 2, 1), discount=0.9, replay_capacity=1024), np.random.default_rng(1)
    place, action = rng.integers(0, 5, (2, 2, 600))
    action %= 2
    ends = (place == 4) & (action == 1)
    following = (place + 2 * action - 1).clip(0, 4)
    one_hot = np.eye(5, dtype=np.float32)[:, None]
    cost = -ends.astype(np.float64)[..., None, None]
    step = outcome(cost, everything(one_hot[following], 2), (~ends).astype(np.float32), ends)
    agent.store(everything(one_hot[place], 2), action[..., None], step)
    agent.learn(900, np.ones((2, 1, 1)), 3e-3)
    values = agent.q_values(np.tile(one_hot, (2, 1, 1, 1)))[:, :, 0]
    # Right from place s is worth 0.9^(4 - s); without the end it would be 1 / (1 - 0.9) = 10 at the last place.
    np.testing.assert_allclose(values[..., 1], np.tile(0.9 ** np.arange(4.0, -1.0, -1.0), (2, 1)), rtol=0, atol=0.1)
    assert np.all(values.argmax(-1) == 1)


def test_the_network_sees_the_agents_numbers_one_after_another():
    # Two agents observe (1, 10) and (2, 20): the row is 1 2 10 20, whose weights a network of one layer shows.
    agent = learner((0,), Shape(2, 2, 1, 1), hidden=(2,))
    state = agent.state_dict()
    layers = [np.array([[1, 0], [0, 1], [0.1, 0], [0, 0.1]]), np.zeros(2), np.eye(2), np.zeros(2)]
    state["networks"]["online"][0] = np.concatenate([layer.ravel() for layer in layers])
    agent.load_state_dict(state)
    values = agent.q_values(np.array([[[[1.0, 10.0], [2.0, 20.0]]]], dtype=np.float32))
    np.testing.assert_allclose(values[0, 0, :, 0], [1 + 1, 2 + 2])


@pytest.mark.parametrize("allowed", [[1, 1, 1, 1, 1], [0, 1, 0, 1, 1], [0, 0, 1, 0, 0]])
def test_exploration_takes_each_choice_that_may_be_made_equally_often_and_no_other(allowed):
    agent = learner((0,), Shape(1, 1, 5, 1))
    seen = everything(np.ones((1, 30_000, 1, 1)), 5)
    seen = seen._replace(mask=np.tile(np.array(allowed, dtype=np.bool_), (1, 30_000, 1, 1)))
    counts = np.zeros(5)
    for step in agent.explorations(np.array([1.0, 0.25]), 30_000):  # a second draw is independent of whether to explore
        explored = step.uniforms < step.epsilon
        counts += np.bincount(agent.act(seen, step)[explored], minlength=5)
    shares = np.array(allowed) / sum(allowed)
    assert not counts[shares == 0].any()
    scatter = np.sqrt(shares * (1 - shares) * counts.sum())
    assert np.all(np.abs(counts - shares * counts.sum()) <= 4 * scatter)
