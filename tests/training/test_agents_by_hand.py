"""An iteration of training and an evaluation, in an environment that counts and with a learner that writes down."""

import numpy as np
import pytest

from mamo_cli.core.seam import Part, Seen, Step
from mamo_cli.core.seeding import MemberStreams
from mamo_cli.training.agents import TaskAgents
from mamo_cli.training.readout import Delivery
from mamo_cli.training.settings import PhaseConfig
from tests.analysis.tiny_domain import Pumps

PHASE = PhaseConfig(
    iterations=4,
    iteration_steps=2,
    environments=3,
    updates_per_step=5,
    epsilon=((0.0, 1.0), (1.0, 0.0)),
    learning_rate=((0.0, 0.5), (1.0, 0.1)),
)
WEIGHTS = np.full((2, 2, 2), 0.5)


class Counting:
    """Two agents; the n-th step, from 1, of member k, copy e and agent a has the cost n + 10 k + 100 e + 1000 a."""

    steps = 3

    def __init__(self, part, members, copies=1):
        self.made, self.shape, self.count, self.told = (part, members, copies), (members, copies), 0, []

    def draw(self, steps, streams):
        return [("draw", step, len(streams)) for step in range(steps)]

    def observe(self):
        return self.seen(self.count)

    def seen(self, count):
        return Seen(np.full((*self.shape, 2, 1), count, dtype=np.float32), np.ones((*self.shape, 2, 3), dtype=np.bool_))

    def step(self, actions, draw=None):
        self.count += 1
        self.told.append((actions, draw))
        members, copies = self.shape
        k, e, a = np.ogrid[:members, :copies, :2]
        cost = (self.count + 10.0 * k + 100 * e + 1000 * a)[..., None]
        nothing = np.zeros(self.shape, dtype=np.bool_)
        return Step(
            np.concatenate((cost, cost / 2), -1), cost[..., 0] * 4, cost * 8, ~nothing, nothing,
            after=self.seen(-1), seen=self.seen(self.count),
        )  # fmt: skip


class Notes:
    """A learner that can learn from its second step on, with losses of 2, 3, ... and ten times that."""

    def __init__(self):
        self.acted, self.stored, self.learnt, self.explored = [], [], [], []

    def explorations(self, epsilon, copies):
        self.explored.append((epsilon.tolist(), copies))
        return [("explore", rate) for rate in epsilon]

    def act(self, seen, exploration=None):
        self.acted.append((seen.values.ravel()[0], exploration))
        return len(self.acted)

    def store(self, seen, actions, step):
        self.stored.append((seen.values.ravel()[0], actions, step.objectives[0, 0, 0, 0]))

    def learn(self, updates, weights, rate):
        self.learnt.append((updates, weights.tolist(), rate))
        return None if len(self.learnt) == 1 else len(self.learnt) * np.array([1.0, 10.0])


class Domain(Pumps):
    def environment(self, part, members, copies=1):
        self.latest = Counting(part, members, copies)
        return self.latest


@pytest.fixture
def parts():
    domain, learner = Domain(agents=2), Notes()
    return domain, learner, TaskAgents(domain, learner, PHASE, ["one", "other"])


def test_every_step_is_explored_played_stored_and_learnt_from(parts):
    domain, learner, agents = parts
    assert domain.latest.made == (Part.TRAINING, 2, 3)
    agents.train_iteration(1, WEIGHTS)
    # The second iteration of four: steps 2 and 3 of 8.
    assert learner.explored == [([0.75, 0.625], 3)]
    assert learner.acted == [(0.0, ("explore", 0.75)), (1.0, ("explore", 0.625))]
    assert domain.latest.told == [(1, ("draw", 0, 2)), (2, ("draw", 1, 2))]
    assert learner.stored == [(0.0, 1, 1.0), (1.0, 2, 2.0)]
    # The rate falls from .5 to .1: by .4 x 2/8 and .4 x 3/8.
    assert [(updates, weights) for updates, weights, _ in learner.learnt] == [(5, WEIGHTS.tolist())] * 2
    assert [rate for _, _, rate in learner.learnt] == pytest.approx([0.4, 0.35], rel=1e-12)


def test_an_iteration_is_summed_up_by_means_over_steps_and_copies(parts):
    _, _, agents = parts
    first = agents.train_iteration(0, WEIGHTS)
    # Steps 1 and 2 are 1.5 on average, copies 0, 100 and 200 are 100; 10 more of the second member, 1000 of the agent.
    cost = np.array([[101.5, 1101.5], [111.5, 1111.5]])
    np.testing.assert_allclose(first.objectives, np.stack((cost, cost / 2), -1), rtol=1e-14)
    np.testing.assert_allclose(first.measures, 8 * cost[..., None], rtol=1e-14)
    assert first.epsilon == (1.0 + 0.875) / 2
    assert first.loss.tolist() == [2.0, 20.0]  # the one update that there was
    second = agents.train_iteration(1, WEIGHTS)
    np.testing.assert_allclose(second.objectives[..., 0], cost + 2, rtol=1e-14)
    assert second.loss.tolist() == [3.5, 35.0]  # of 3 and 4


def test_before_anything_can_be_learnt_there_is_no_loss():
    agents = TaskAgents(Domain(agents=2), Notes(), PHASE.model_copy(update={"iteration_steps": 1}), ["one", "other"])
    assert np.isnan(agents.train_iteration(0, WEIGHTS).loss).tolist() == [True, True]


def test_an_evaluation_is_one_greedy_play_from_the_first_step(parts):
    domain, learner, agents = parts
    played = agents.evaluate(domain)
    assert domain.latest.made == (Part.EVALUATION, 2, 1)
    assert learner.acted == [(0.0, None), (1.0, None), (2.0, None)]
    assert domain.latest.told == [(1, None), (2, None), (3, None)]
    assert (learner.stored, learner.learnt) == ([], [])
    # (K, T, A): periods 1, 2, 3; 10 more of the second member, 1000 more of the second agent.
    cost = np.array([[[1.0, 1001], [2, 1002], [3, 1003]], [[11, 1011], [12, 1012], [13, 1013]]])
    assert played.paid.tolist() == (4 * cost).tolist()
    assert played.measures.tolist() == (8 * cost[..., None]).tolist()
    assert played.violations.tolist() == (cost[..., None] / 2).tolist()


class Kept:
    """Anything with a state, which is its name."""

    def __init__(self, name):
        self.name = name

    def state_dict(self):
        return {"name": self.name}

    def load_state_dict(self, state):
        self.name = state["name"]


def test_every_part_is_put_back_where_it_stood():
    def agents_of(*names):
        domain = Domain(agents=2)
        domain.environment = lambda part, members, copies: Kept(names[0])
        return TaskAgents(domain, Kept(names[1]), PHASE, [Kept(name) for name in names[2:]])

    saved = agents_of("environment", "learner", "one", "other").state_dict()
    copy = agents_of("a", "b", "c", "d")
    copy.load_state_dict(saved)
    assert copy.state_dict() == saved
    assert [each["name"] for each in (saved["environment"], saved["learner"], *saved["streams"])] == [
        "environment",
        "learner",
        "one",
        "other",
    ]
    with pytest.raises(ValueError, match="shorter"):
        agents_of("a", "b", "c").load_state_dict({**saved, "streams": []})


class Chosen(Notes):
    """A learner that chooses what a policy's row says."""

    def act(self, seen, exploration=None, policies=None):
        self.acted.append(policies[:, 0].tolist())
        members, copies, agents, _ = seen.values.shape
        return np.broadcast_to(policies[:, 0].astype(np.int64)[:, None, None], (members, copies, agents)).copy()


def mixing():
    domain, learner = Domain(agents=2), Chosen()
    return domain, learner, TaskAgents(domain, learner, PHASE, [MemberStreams(seed, "te") for seed in (3, 4)])


def test_policies_are_replayed_for_two_windows_without_exploring_or_learning():
    domain, learner, agents = mixing()
    objectives = agents.replayed(np.array([[[1.0], [2.0]], [[5.0], [6.0]]]))
    assert domain.latest.made == (Part.TRAINING, 2, 3)
    # Two windows of six iterations of two steps.
    assert learner.acted == [[1.0, 2.0]] * 24 + [[5.0, 6.0]] * 24
    assert [draw for _, draw in domain.latest.told] == [("draw", step, 2) for step in range(24)]
    assert (learner.stored, learner.learnt, learner.explored) == ([], [], [])
    # Steps 1 to 24 are 12.5 on average, copies 100; both policies were played from the first step on.
    cost = np.array([[112.5, 1112.5], [122.5, 1122.5]])
    np.testing.assert_allclose(objectives, np.stack([np.stack((cost, cost / 2), -1)] * 2), rtol=1e-14)


def test_in_a_mixture_each_agent_plays_by_the_policy_drawn_for_it():
    domain, _, agents = mixing()
    policies = np.array([[[1.0], [2.0]], [[5.0], [6.0]]])
    shares = np.array([[[1.0, 0.0], [0.5, 0.0]], [[0.0, 1.0], [0.5, 1.0]]])  # (J, K, A)
    nothing = np.zeros((2, 2, 2, 2))
    delivery = Delivery(policies, shares, nothing, nothing, np.zeros((2, 2), dtype=np.int64))
    agents.evaluate(domain, delivery)
    chosen = np.stack([actions[:, 0] for actions, _ in domain.latest.told])  # (T, K, A)
    drawn = delivery.drawn(3, domain.spec, (3, 4))
    assert chosen[:, 0].tolist() == [[1, 5]] * 3
    assert chosen[:, 1].tolist() == [[2 if first == 0 else 6, 6] for first in drawn[:, 1, 0]]
