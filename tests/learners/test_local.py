"""Central training and local execution: what acts for an agent reads that agent's observation and mask, nothing else.

All that others see and may do is changed, and what the mixer has learnt, and no choice may change. The perceptron,
which sees all agents, is the planted fault that every such comparison must catch.
"""

import numpy as np
import pytest

from mamo_cli.core.seam import Seen
from mamo_cli.core.seeding import MemberStreams
from mamo_cli.domains.faas.fleet.domain import build, load
from mamo_cli.domains.faas.fleet.settings import FleetConfig
from mamo_cli.learners.protocol import Shape
from mamo_cli.policies.decide import Decider
from mamo_cli.policies.file import Policy
from mamo_cli.training.agents import TaskAgents
from mamo_cli.training.readout import Delivery
from tests.learners.agents import DOMAINS, SHORT, everything, feed, learner, outcome, population, train
from tests.policies.small import about

SHAPE = Shape(observation=4, agents=3, choices=5, objectives=2)
STATES = 200
WEIGHTS = np.full((2, 3, 2), 0.5)
MIXERS = {"perceptron": "sum", "shared": "sum", "apart": "monotone"}
SHARES = np.array([[0.3, 0.5, 0.6], [0.7, 0.5, 0.4]])


def trained(network, device="cpu", **settings):
    """Two members after a few gradient steps."""
    agent = learner((0, 1), SHAPE, device, network=network, mixer=MIXERS[network], **settings)
    feed(agent, 2, SHAPE, masked=0.3)
    agent.learn(6, WEIGHTS, 0.01)
    return agent


def seen_by_all(seed=0):
    """What the agents of one member see in many states, at its copies."""
    rng = np.random.default_rng(seed)
    mask = rng.random((1, STATES, 3, 5)) < 0.7
    mask[..., 0] |= ~mask.any(-1)
    return Seen(rng.normal(size=(1, STATES, 3, 4)).astype(np.float32), mask)


def changed_for_all_but(agent, seen):
    """The same to one agent, and otherwise to the others."""
    other = seen_by_all(seed=1)
    values, mask = other.values * 30, other.mask.copy()
    values[:, :, agent], mask[:, :, agent] = seen.values[:, :, agent], seen.mask[:, :, agent]
    return Seen(values, mask)


def leaking(play):
    """Share of an agent's choices `(STATES, A)` that change where it sees the same and all others do not."""
    seen = seen_by_all()
    before, moved = play(seen), [play(changed_for_all_but(a, seen))[:, a] for a in range(3)]
    assert len(np.unique(before)) > 2
    return float(np.mean(before != np.stack(moved, 1)))


def by_acting(agent):
    """Greedy, and explored with the same draws."""
    exploration = agent.explorations(np.array([0.4]), STATES)[0]

    def play(seen):
        both = Seen(*(part.repeat(2, 0) for part in seen[:2]))
        return np.where(np.arange(STATES)[:, None] % 2, agent.act(both)[1], agent.act(both, exploration)[1])

    return play


class Shown:
    """An environment of one copy that shows one state after another, and keeps what is chosen there."""

    steps = STATES

    def __init__(self, seen):
        self._seen, self.chosen = seen, []

    def observe(self):
        at = len(self.chosen) % STATES
        return Seen(*(part[:, at : at + 1] for part in self._seen[:2]))

    def step(self, actions):
        self.chosen.append(actions[0, 0])
        return outcome(np.zeros((1, 1, 3, 2)), self.observe())


def by_a_mixture(agent):
    """Of two policies that a member was delivered, drawn for each agent."""
    rows = agent.policies()
    alone = TaskAgents(DOMAINS[1], learner((0,), SHAPE, network=agent.config.network), SHORT, [MemberStreams(0, "te")])
    none = np.zeros((2, 1, 3, 2))
    delivery = Delivery(rows[:, None], SHARES[:, None], none, none, np.zeros((2, 1), dtype=np.int64))
    drawn = delivery.drawn(STATES, DOMAINS[1].spec, [0])

    def play(seen):
        shown = Shown(seen)
        alone.follow(shown, delivery, drawn)
        return np.stack(shown.chosen)

    return play


def by_the_file(agent):
    """Of the same policies as a file."""
    names = {"agents": ("f", "g", "h"), "choices": (5, 5, 5), "limits": [[0.1]] * 3, "alpha": [[0.5]] * 3}
    policy = Policy(
        about=about(network=agent.config.network, **names), parameters=agent.policies(), shares=SHARES,
        widths=np.array([12, *agent.config.hidden, 15]), weights=np.ones((2, 3, 2)),
        use=np.zeros((3, 5), dtype=np.int64),
    )  # fmt: skip
    decider = Decider(policy)
    draws = decider.draws(STATES, 1)

    def play(seen):
        return np.stack([decider.decide(seen.values[0, s], seen.mask[0, s], None, draws[s]) for s in range(STATES)])

    return play


@pytest.mark.parametrize("by", [by_acting, by_a_mixture, by_the_file])
@pytest.mark.parametrize("network", MIXERS)
def test_no_choice_follows_from_what_others_see_or_may(network, by):
    found = leaking(by(trained(network)))
    assert found > 0.2 if network == "perceptron" else found == 0.0


def test_so_it_is_on_another_device():
    assert leaking(by_acting(trained("apart", "cpu:0"))) == 0.0
    assert leaking(by_acting(trained("perceptron", "cpu:0"))) > 0.2


@pytest.mark.parametrize("device", ["cpu", "cpu:0"])
def test_no_choice_follows_from_a_mixers_parameters_and_no_policy_has_them(device):
    agent = trained("apart", device)
    own = 3 * (4 * 30 + 30 + 30 * 16 + 16 + 16 * 5 + 5)  # three networks of 4 numbers, 30 and 16 units, 5 choices
    mixers = (3 * 4 + 1) * (3 + 3) * 32 + 32 + 1  # made of the state, the 4 numbers of all three
    assert agent.policies().shape == (2, own)
    state, seen = agent.state_dict(), Seen(*(part.repeat(2, 0) for part in seen_by_all()[:2]))
    assert state["networks"]["online"].shape == (2, own + mixers)
    chosen, policies = agent.act(seen), agent.policies()
    for name in ("online", "target"):
        state["networks"][name][:, own:] = 1e3
    agent.load_state_dict(state)
    np.testing.assert_array_equal(agent.act(seen), chosen)
    np.testing.assert_array_equal(agent.policies(), policies)
    state["networks"]["online"][:, :own] *= -1
    agent.load_state_dict(state)
    assert (agent.act(seen) != chosen).mean() > 0.2


@pytest.mark.parametrize(("mixer", "central"), [("independent", False), ("monotone", True)])
def test_in_training_a_mixer_knows_what_all_observe_and_nobody_else_does(mixer, central):
    """What the first agent saw is changed in the replay; what the others learnt of it is another by the mixer alone."""
    learnt = []
    for seed in (0, 1):
        agent = learner((0,), SHAPE, network="apart", mixer=mixer, priority_exponent=0.0, max_gradient_norm=1e9)
        rng, first = np.random.default_rng(0), np.random.default_rng(10 + seed)
        before, after = rng.normal(size=(2, 1, 60, 3, 4)).astype(np.float32)
        before[:, :, 0] = first.normal(size=(1, 60, 4))
        chosen, objectives = rng.integers(0, 5, (1, 60, 3)), rng.normal(size=(1, 60, 3, 2))
        agent.store(everything(before, 5), chosen, outcome(objectives, everything(after, 5)))
        agent.learn(4, WEIGHTS[:1], 0.01)
        learnt.append(agent.policies()[0].reshape(3, -1))
    own, *others = (not np.array_equal(*pair) for pair in zip(*learnt, strict=True))
    assert own
    assert others == [central, central]


@pytest.mark.parametrize("network", ["shared", "apart"])
def test_compiled_updates_equal_autograd_and_torchs_adam(network):
    ours, reference = (trained(network, device) for device in ("cpu", "cpu:0"))
    for _ in range(2):  # 12 updates in all: the target network is copied to on the way
        losses = [agent.learn(3, WEIGHTS, 0.01) for agent in (ours, reference)]
        np.testing.assert_allclose(*losses, rtol=1e-4)
        found, expected = (agent.state_dict()["networks"] for agent in (ours, reference))
        for vector in ("online", "target", "mean", "square"):
            np.testing.assert_allclose(found[vector], expected[vector], rtol=1e-2, atol=1e-4)
    assert not np.array_equal(found["target"], found["online"])
    other = trained("perceptron" if network == "shared" else "shared", "cpu:0")
    assert not np.allclose(other.learn(3, WEIGHTS, 0.01), losses[0], rtol=1e-3)


def test_a_fleet_begins_as_it_does_on_the_processor():
    settings = FleetConfig(topology="ring", messages="full")
    domain, seeds = build(settings, load(settings)), [3, 4]
    parts = {"domain": domain, "network": "apart", "mixer": "monotone"}
    agents = [population(seeds, device=device, **parts) for device in ("cpu", "cpu:0")]
    ours, theirs = (train(each, seeds, range(1), functions=3)[0] for each in agents)
    np.testing.assert_allclose(theirs.loss, ours.loss, rtol=1e-3)
    np.testing.assert_array_equal(theirs.measures, ours.measures)
    found = [each.state_dict()["learner"]["networks"]["online"] for each in agents]
    np.testing.assert_allclose(*found, rtol=1e-2, atol=1e-4)
