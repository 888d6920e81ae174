"""The learner that knows the weights: the same update twice, what it makes of a problem whose values are known."""

import numpy as np
import pytest

from mamo_cli.core.seeding import MemberStreams, stream
from mamo_cli.core.weights import weights_of
from mamo_cli.learners.dqn.conditioned import ConditionedDQN
from mamo_cli.learners.dqn.update import show
from mamo_cli.learners.protocol import Shape
from tests.learners.agents import SMALL, everything, feed, learner, outcome, through_a_file

SHAPE = Shape(observation=3, agents=2, choices=5, objectives=3)
NONE = np.full((2, 2, 3), np.nan)  # the present weights, which it must not look at
VECTORS = ("online", "target", "mean", "square")


def conditioned(seeds=(0, 1), shape=SHAPE, device="cpu", **settings):
    streams = [MemberStreams(seed, "te") for seed in seeds]
    return ConditionedDQN(SMALL.model_copy(update=settings), shape, streams, device)


def fed(device="cpu", **settings):
    agent = conditioned(device=device, **settings)
    feed(agent, 2, SHAPE, masked=0.3)
    return agent


def differences(ours, reference):
    """The largest of losses, priorities and parameters after three times three updates, by either."""
    losses = [agent.learn(9, NONE, 0.01) for agent in (ours, reference)]
    found, expected = (agent.state_dict() for agent in (ours, reference))
    pairs = [losses, [one["replay"]["priorities"] for one in (found, expected)]]
    pairs += [[one["networks"][vector] for one in (found, expected)] for vector in VECTORS]
    return max(np.abs(one - other).max() for one, other in pairs)


def test_compiled_updates_equal_autograd_and_torchs_adam():
    assert differences(fed(), fed("cpu:0")) < 1e-3
    assert differences(fed(max_gradient_norm=0.01), fed("cpu:0", max_gradient_norm=0.01)) < 1e-3
    mixed = {"mixer": "monotone", "chooser": "knapsack"}  # whose state is all that the network sees, weights too
    assert differences(fed(**mixed), fed("cpu:0", **mixed)) < 1e-3


@pytest.mark.parametrize("axis", [1, 2, 3], ids=["update", "row", "agent"])
def test_weights_of_another_are_seen_by_that_comparison(axis, monkeypatch):
    ours, reference = fed(), fed("cpu:0")
    right = ours.weighed
    monkeypatch.setattr(ours, "weighed", lambda *given: np.ascontiguousarray(np.roll(right(*given), 1, axis)))
    assert differences(ours, reference) > 1e-2


def test_the_weights_of_all_are_those_of_each():
    # A learner that is given one weight for all, and one that is given it row by row, see the same.
    weights = np.random.default_rng(0).dirichlet(np.ones(3), (2, 2))
    states = []
    for shape in ((2, 1, 1, 2, 3), (2, 9, 1, 2, 3), (2, 1, 24, 2, 3), (2, 9, 24, 2, 3)):
        agent = learner((0, 1), SHAPE)
        feed(agent, 2, SHAPE)
        agent.weighed = lambda *_, shape=shape: np.ascontiguousarray(np.broadcast_to(weights[:, None, None], shape))
        agent.learn(9, weights, 0.01)
        states.append(agent.state_dict()["networks"])
    assert all(np.array_equal(states[0][name], state[name]) for name in VECTORS for state in states[1:])


def test_both_states_of_a_transition_are_seen_with_its_own_weights():
    # Two transitions of two agents with two violations; three numbers of a state are there already.
    weights = np.array([[[0.5, 0.2, 0.3], [0.1, 0.6, 0.3]], [[0.0, 1.0, 0.0], [0.75, 0.0, 0.25]]])
    states = np.full((4, 7), 9, dtype=np.float32)
    show(weights, states, 3)
    told = np.array([[9, 9, 9, 0.2, 0.6, 0.3, 0.3], [9, 9, 9, 1, 0, 0, 0.25]], dtype=np.float32)
    assert np.array_equal(states, np.tile(told, (2, 1)))
    show(weights[:1], states, 3)
    assert np.array_equal(states, np.tile(told[:1], (4, 1)))


def test_acting_and_learning_show_the_network_the_same_inputs():
    # The network adds its inputs up, each times another number; a loss of 0 says that learning saw what acting saw.
    shape = Shape(1, 2, 2, 2)
    agent = conditioned((0,), shape, hidden=(4,), batch_size=32, replay_capacity=32, importance_exponent=0.0)
    state = agent.state_dict()
    numbers = np.arange(1.0, 5.0)  # of 1 2 and alphas .25 .5: 1 + 2 * 2 + 3 * .25 + 4 * .5 = 7.75
    layers = [np.tile(numbers[:, None], 4) * [1, 0, 0, 0], np.zeros(4), np.eye(4) * 1.0, np.zeros(4)]
    layers[2][0] = [1, 0, 1, 0]  # the first choice of either agent is worth that sum, the second 0
    for vector in ("online", "target"):
        state["networks"][vector][0] = np.concatenate([layer.ravel() for layer in layers])
    agent.load_state_dict(state)
    agent.weigh(weights_of(np.array([[0.25, 0.5]])))
    seen = everything(np.tile([[1.0], [2.0]], (1, 32, 1, 1)), 2)
    found = []
    agent.q_values = lambda *given, q_values=agent.q_values: found.append(q_values(*given)) or found[-1]
    assert agent.act(seen).ravel().tolist() == [0] * 64
    np.testing.assert_allclose(found[0][0, 0], [[7.75, 0], [7.75, 0]])
    # A reward of 7.75 that ends the episode, of the cost alone: it is -7.75 / (1 - alpha).
    cost = -7.75 / (1 - np.array([0.25, 0.5]))
    objectives = np.tile(np.stack((cost, [0, 0]), -1), (1, 32, 1, 1))
    ends = np.zeros((1, 32), dtype=np.float32)
    agent.store(seen, np.zeros((1, 32, 2), dtype=np.int64), outcome(objectives, seen, ends, ends == 0))
    agent.weighed = lambda *_: weights_of(np.array([[0.25, 0.5]]))[:, None, None]
    assert agent.learn(1, NONE, 0.0).item() == pytest.approx(0.0, abs=1e-10)


def known_values(alpha, costs, violations, discount):
    """`(2, 2)` by iteration: choice 0 leads to state 0, choice 1 to state 1."""
    values = np.zeros((2, 2))
    for _ in range(60):
        values = -(1 - alpha) * costs - alpha * violations + discount * values.max(-1)
    return values


def test_learns_the_values_of_a_two_state_problem_under_all_weights_at_once():
    costs, violations = np.array([[0.1, 0.9], [0.3, 1.0]]), np.array([[1.0, 0.2], [0.6, 0.0]])
    alphas = np.linspace(0.0, 1.0, 9)
    known = np.stack([known_values(alpha, costs, violations, 0.5) for alpha in alphas])
    assert len(np.unique(known.argmax(-1), axis=0)) >= 3  # what is best changes with the weight
    agent, rng = conditioned((0, 1), Shape(2, 1, 2, 2), discount=0.5, replay_capacity=512), np.random.default_rng(0)
    place, action = rng.integers(0, 2, (2, 2, 400))
    one_hot = np.eye(2, dtype=np.float32)[:, None]
    objectives = np.stack((costs[place, action], violations[place, action]), -1)[:, :, None]
    agent.store(everything(one_hot[place], 2), action[..., None], outcome(objectives, everything(one_hot[action], 2)))
    for rate in (5e-3, 1e-3):
        agent.learn(1500, NONE, rate)
    observed = np.array([[*state, alpha] for alpha in alphas for state in np.eye(2)], dtype=np.float32)
    values = agent.q_values(np.tile(observed[:, None], (2, 1, 1, 1))).reshape(2, 9, 2, 2)
    np.testing.assert_allclose(values, np.tile(known, (2, 1, 1, 1)), rtol=0, atol=0.03)


def test_weights_are_uniform_and_each_members_from_its_own_stream():
    agent = conditioned((4, 7))
    weights = agent.weighed(500, NONE)
    assert weights.shape == (2, 500, 24, 2, 3)
    np.testing.assert_allclose(weights.sum(-1), 1.0)
    # Uniform over a triangle: of each weight the mean is 1/3, and it is below 1/2 with probability 3/4.
    np.testing.assert_allclose(weights.mean((1, 2)), 1 / 3, atol=0.01)
    np.testing.assert_allclose((weights < 0.5).mean((1, 2)), 0.75, atol=0.02)
    own = stream(7, "te", "replay").dirichlet(np.ones(3), (500, 24, 2))
    assert np.array_equal(weights[1], own)
    agent.roam(6)
    own = stream(7, "te", "exploration").dirichlet(np.ones(3), (6, 2))
    assert np.array_equal(agent._acting[1], own)


def test_every_member_and_copy_acts_under_its_own_weights():
    # One choice is worth alpha of the first agent, the other a half.
    agent = conditioned((0, 1), Shape(1, 1, 2, 2), hidden=(1,))
    state = agent.state_dict()
    state["networks"]["online"][:] = [0.0, 1.0, 0.0, 1.0, 0.0, 0.0, 0.5]  # hidden: alpha; outputs: it, and the bias
    agent.load_state_dict(state)
    agent.weigh(weights_of(np.array([[0.4], [0.6]])))
    seen = everything(np.zeros((2, 3, 1, 1)), 2)
    assert agent.act(seen)[..., 0].tolist() == [[1, 1, 1], [0, 0, 0]]
    kept = agent.policies()
    agent.roam(3)
    alphas = agent._acting[..., 0, 1]
    assert len(np.unique(alphas)) == 6
    assert np.array_equal(agent.act(seen)[..., 0] == 0, alphas > 0.5)
    # A policy is the network and the weights: one that was kept is not touched by what is told or learnt since.
    state = agent.state_dict()
    state["networks"]["online"][:, -1] = -1.0
    agent.load_state_dict(state)
    assert agent.act(seen, policies=kept)[..., 0].tolist() == [[1, 1, 1], [0, 0, 0]]
    assert agent.act(seen, policies=kept[::-1])[..., 0].tolist() == [[0, 0, 0], [1, 1, 1]]
    assert not agent.act(seen).any()


def story(seeds, member):
    agent = conditioned(seeds)
    rng = np.random.default_rng(0)  # every member is fed the same
    values = np.tile(rng.normal(size=(1, 60, 2, 3)), (len(seeds), 1, 1, 1))
    seen = everything(values, 5)
    agent.roam(60)
    chosen = agent.act(seen, agent.explorations(np.array([0.5]), 60)[0])
    objectives = np.tile(rng.normal(size=(1, 60, 2, 3)), (len(seeds), 1, 1, 1))
    agent.store(seen, chosen, outcome(objectives, seen))
    losses = agent.learn(8, np.tile(NONE[:1], (len(seeds), 1, 1)), 1e-2)
    return losses[member], chosen[member], agent.state_dict()["networks"]["online"][member]


def test_a_member_is_bit_identical_in_any_company():
    alone = story([7], 0)
    for seeds in ([2, 7], [7, 5, 2], [*range(20, 37), 7]):
        assert all(map(np.array_equal, alone, story(seeds, seeds.index(7))))
    assert not np.array_equal(alone[2], story([2, 7], 0)[2])


@pytest.mark.parametrize("device", ["cpu", "cpu:0"])
def test_a_copy_from_a_file_goes_on_bit_identically(device):
    agent = fed(device)
    agent.learn(10, NONE, 1e-2)
    copy = conditioned(device=device)
    copy.load_state_dict(through_a_file(agent.state_dict()))
    for ours, saved in zip(copy._streams, agent._streams, strict=True):
        ours.load_state_dict(saved.state_dict())
    assert np.array_equal(agent.learn(12, NONE, 1e-2), copy.learn(12, NONE, 1e-2))
    states = [one.state_dict()["networks"] for one in (agent, copy)]
    assert all(np.array_equal(states[0][name], states[1][name]) for name in VECTORS)


def test_whatever_the_weights_a_shared_budget_is_kept():
    use = np.array([[0, 1, 2, 3, 4], [0, 2, 4, 6, 8]])
    agent, rng = conditioned(shape=SHAPE._replace(use=use)), np.random.default_rng(0)
    agent.roam(60)
    budget = rng.integers(0, 13, (2, 60))
    seen = everything(rng.normal(size=(2, 60, 2, 3)), 5)._replace(budget=budget)
    for epsilon in (0.0, 0.5):
        chosen = agent.act(seen, agent.explorations(np.array([epsilon]), 60)[0])
        assert (use[[0, 1], chosen].sum(-1) <= budget).all()
        assert len(np.unique(chosen[..., 1])) > 1
