"""What the weight-adaptation agent hands to its learner, which here writes everything down and learns nothing."""

import numpy as np
import pytest

from mamo_cli.core.seeding import MemberStreams
from mamo_cli.core.weights import weights_of
from mamo_cli.learners.dqn.settings import LearnerConfig
from mamo_cli.learners.protocol import Exploration, Shape
from mamo_cli.strategies.protocol import CycleReport
from mamo_cli.strategies.wa_dqn import agent as module
from mamo_cli.strategies.wa_dqn.settings import AdaptationConfig

LIMITS = np.array([[0.125], [0.25]])  # of two agents
FIRST = np.array([[[0.5, 0.125], [0.25, 0.5]], [[0.75, 0.0], [1.0, 0.25]]])  # (K, A, M): rewards .75 0, .5 .25
SECOND = FIRST / 2  # rewards 1 1.125, .875 .75


class Notes:
    """A learner of two members and two agents that prefers choices 1 and 2, and 3 and 4."""

    def __init__(self, config, shape, streams, device, warm_up):
        self.made = (config, shape, len(streams), device, warm_up)
        self.uniforms, self.epsilons, self.seen = np.zeros((2, 1, 2)), [], []
        self.stored, self.learnt, self.random = [], [], []

    def explorations(self, epsilon, copies):
        self.epsilons.append((epsilon.tolist(), copies))
        return [Exploration(self.uniforms, float(epsilon[0]), np.full((2, 1, 2), 99))]

    def act(self, seen, exploration=None):
        self.seen.append(seen)
        greedy = np.array([[[1, 2]], [[3, 4]]])
        if exploration is None:
            return greedy
        self.random.append(exploration.choices.tolist())
        return np.where(exploration.uniforms < exploration.epsilon, exploration.choices, greedy)

    def store(self, seen, actions, step):
        self.stored.append((seen, actions.tolist(), step))

    def learn(self, updates, weights, rate):
        self.learnt.append((updates, weights.tolist(), rate))

    def state_dict(self):
        return {}

    def load_state_dict(self, state):
        pass


@pytest.fixture
def agent(monkeypatch):
    monkeypatch.setattr(module, "DQN", Notes)
    settings = {"alpha_step": 0.25, "kappa": 0.25, "updates": 7, "learning_rate": 0.125, "initial_alpha": 0.375}
    adaptation = AdaptationConfig(cycles=8, epsilon=((0.0, 1.0), (1.0, 0.0)), **settings)
    streams = [MemberStreams(seed, "wa") for seed in (1, 2)]
    return module.WeightAdaptationAgent(adaptation, LearnerConfig(), len(LIMITS), streams, "cpu:3")


def reported(agent, cycle, objectives):
    return agent.observe(CycleReport(cycle, agent.propose(cycle), objectives, np.zeros_like(objectives), LIMITS))


def test_its_learner_sees_two_numbers_of_each_agent_and_chooses_among_the_grid(agent):
    assert agent._learner.made == (LearnerConfig(), Shape(2, 2, 5, 1), 2, "cpu:3", 1)


def test_the_first_cycle_is_given_seen_and_not_stored(agent):
    assert agent.propose(0).tolist() == [[[0.625, 0.375]] * 2] * 2
    told = agent.observe(CycleReport(0, agent.propose(0), FIRST, np.zeros_like(FIRST), LIMITS))
    # Feasible are costs .5, .75 and 1 (at its limit of .25): 1 - cost + .25; epsilon has just begun to fall.
    assert told["wa_reward"].tolist() == [[0.75, 0.0], [0.5, 0.25]]
    assert told["wa_epsilon"].tolist() == [[1.0, 1.0], [1.0, 1.0]]
    assert told["wa_choice"].tolist() == [[0.25, 0.5], [0.75, 1.0]]  # 1, 2 and 3, 4 of 0, .25, .5, .75, 1
    learner = agent._learner
    assert (learner.stored, learner.learnt, learner.epsilons) == ([], [], [])
    assert agent.settled().tolist() == weights_of(np.array([[0.25, 0.5], [0.75, 1.0]])).tolist()


def test_a_cycle_is_stored_with_what_was_seen_before_it_and_learnt_from_as_a_reward(agent):
    reported(agent, 0, FIRST)
    agent._learner.uniforms = np.array([[[0.75, 0.9]], [[0.875, 0.5]]])  # below 7/8 the first and the last explore
    weights = agent.propose(1)
    rounds = agent.state_dict()["rounds"]
    assert [[len(left) for left in agents] for agents in rounds] == [[4, 5], [5, 4]]
    (drawn,) = agent._learner.random
    assert weights.tolist() == weights_of(np.array([[drawn[0][0][0] / 4, 0.5], [0.75, drawn[1][0][1] / 4]])).tolist()
    # What is used up does not come back before its round is over.
    assert drawn[0][0][0] not in rounds[0][0]
    assert drawn[1][0][1] not in rounds[1][1]
    assert drawn[0][0][1] == rounds[0][1][0]
    told = agent.observe(CycleReport(1, weights, SECOND, np.zeros_like(SECOND), LIMITS))
    learner = agent._learner
    assert learner.epsilons == [([0.875], 1)]
    ((seen, actions, step),) = learner.stored
    assert seen.values.tolist() == FIRST[:, None].tolist()
    assert (seen.values.dtype, seen.mask.shape, seen.mask.all()) == (np.float32, (2, 1, 2, 5), True)
    assert actions == [[[drawn[0][0][0], 2]], [[3, drawn[1][0][1]]]]
    assert step.objectives.tolist() == [[[[1.0], [1.125]]], [[[0.875], [0.75]]]]
    assert step.objectives[:, 0, :, 0].tolist() == told["wa_reward"].tolist()
    assert step.seen.values.tolist() == step.after.values.tolist() == SECOND[:, None].tolist()
    assert (step.continues.tolist(), step.over.tolist()) == ([[1.0], [1.0]], [[False], [False]])
    assert (step.paid.tolist(), step.measures.shape) == ([[[0.0, 0.0]]] * 2, (2, 1, 2, 0))
    # Objectives are made small and a reward is to be large: its weight is -1.
    assert learner.learnt == [(7, [[[-1.0]] * 2] * 2, 0.125)]


def test_before_anything_was_seen_a_choice_is_made_from_nothing(agent):
    agent.propose(1)
    seen = agent._learner.seen[0]
    assert seen.values.tolist() == np.zeros((2, 1, 2, 2)).tolist()
    assert seen.mask.tolist() == np.ones((2, 1, 2, 5), dtype=bool).tolist()


def test_a_round_is_over_when_every_alpha_was_drawn_once(agent):
    drawn = []
    for _ in range(10):
        agent.propose(1)
        drawn.append(agent._learner.random[-1])
    rounds = np.array(drawn).reshape(2, 5, 4)
    assert np.sort(rounds, axis=1).tolist() == [[[n] * 4 for n in range(5)]] * 2
    assert [[len(left) for left in agents] for agents in agent.state_dict()["rounds"]] == [[0, 0], [0, 0]]


@pytest.mark.parametrize(
    ("actions", "left", "fits"),
    [
        ([0, 4, 0, 4], [0, 4], True),
        (None, [0, 4], True),
        ([0, 4, 5, 4], [0, 4], False),
        ([0, -1, 0, 4], [0, 4], False),
        ([0, 4, 0, 4], [0, 5], False),
        ([0, 4, 0, 4], [-1, 4], False),
        (None, [5], False),
    ],
)
def test_a_saved_choice_is_one_of_the_grids_five(agent, actions, left, fits):
    agent.propose(1)
    state = agent.state_dict()
    state["actions"] = None if actions is None else np.array(actions).reshape(2, 1, 2)
    state["rounds"][1][1] = np.array(left)
    if not fits:
        with pytest.raises(ValueError, match="beyond its 5 alphas"):
            agent.load_state_dict(state)
        return
    agent.load_state_dict(state)
    found = agent.state_dict()
    assert np.array_equal(found["actions"], state["actions"]) if actions else found["actions"] is None
    assert found["rounds"][1][1].tolist() == left
    reported_now = agent.observe(CycleReport(3, np.zeros((2, 2, 2)), FIRST, np.zeros_like(FIRST), LIMITS))
    assert len(agent._learner.stored) == (actions is not None)
    assert reported_now["wa_epsilon"].tolist() == [[0.625, 0.625]] * 2


def test_who_was_saved_for_another_population_is_refused(agent):
    agent.propose(1)
    state = agent.state_dict()
    with pytest.raises(ValueError, match="shorter"):
        agent.load_state_dict({**state, "streams": state["streams"][:1]})
