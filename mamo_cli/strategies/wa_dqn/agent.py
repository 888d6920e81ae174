"""The weight-adaptation agent: a double DQN that learns which alpha makes the task agents cheapest yet feasible."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mamo_cli.core.arrays import BoolArray, FloatArray, IntArray
from mamo_cli.core.compiled import put_back
from mamo_cli.core.seam import Seen, Spec, Step
from mamo_cli.core.seeding import MemberStreams
from mamo_cli.core.weights import alpha_grid, weights_of
from mamo_cli.learners.dqn.learner import DQN
from mamo_cli.learners.dqn.settings import LearnerConfig
from mamo_cli.learners.protocol import Exploration, Shape
from mamo_cli.learners.schedules import piecewise_linear
from mamo_cli.strategies.protocol import CycleReport, Strategy
from mamo_cli.strategies.wa_dqn.settings import AdaptationConfig

CHOICE = "wa_choice"
COLUMNS = ("wa_reward", "wa_epsilon", CHOICE)


def build(
    settings: Mapping[str, Any], spec: Spec, seeds: Sequence[int], device: str = "cpu"
) -> "WeightAdaptationAgent":
    """The agents of these members, from their sections; see `registry`."""
    streams = [MemberStreams(seed, "wa") for seed in seeds]
    return WeightAdaptationAgent(settings["adaptation"], settings["wa_learner"], spec.limits, streams, device)


def wa_reward(objectives: FloatArray, limits: FloatArray, kappa: float) -> FloatArray:
    """0 where a mean violation is above its limit, else 1 - cost + kappa: cheaper is better, feasible is positive.

    The paper has the reward "equal to the execution cost, so that lower-cost configurations are preferred"; read
    literally that would reward cost. Its figures and its own account need this sign.

    Args:
        objectives: `(K, A, M)` normalised mean cost, then mean violations.
        limits: `(A, M - 1)` what they may be.
        kappa: keeps the reward of the dearest feasible alpha positive.
    """
    exceeded = (objectives[..., 1:] > limits).any(-1)
    return np.where(exceeded, 0.0, 1.0 - objectives[..., 0] + kappa)


class WeightAdaptationAgent(Strategy):
    """K agents; each observes the objectives of every task agent and picks an alpha for every one of them.

    It is the task agents' learner with one objective, its reward. Exploratory alphas come as shuffled rounds of the
    whole grid, so that a short run has tried every alpha; their distribution is uniform as usual.
    """

    columns: tuple[str, ...] = COLUMNS

    def __init__(
        self,
        adaptation: AdaptationConfig,
        learner: LearnerConfig,
        limits: FloatArray,
        streams: Sequence[MemberStreams],
        device: str = "cpu",
    ) -> None:
        """Args: adaptation, learner: settings. limits: `(A, 1)` of the violation. streams, device: of the learner."""
        self._config, self._limits = adaptation, limits
        self._streams = list(streams)
        self._grid = alpha_grid(adaptation.alpha_step)
        members, agents = len(self._streams), len(limits)
        shape = Shape(observation=2, agents=agents, choices=len(self._grid), objectives=1)
        self._learner = DQN(learner, shape, self._streams, device, warm_up=1)
        self._weights = np.full((members, agents, 1), -1.0)  # its one objective is a reward
        self._seen = Seen(
            np.zeros((members, 1, agents, 2), dtype=np.float32),
            np.ones((members, 1, agents, len(self._grid)), dtype=np.bool_),
        )
        self._actions: IntArray | None = None
        self._rounds = [[np.empty(0, dtype=np.int64)] * agents for _ in self._streams]

    def propose(self, cycle: int) -> FloatArray:
        """Weights of a coming cycle, by epsilon-greedy choice of alpha from the last observed state."""
        if cycle == 0:
            return weights_of(np.full(self._weights.shape[:2], self._config.initial_alpha))
        exploration = self._learner.explorations(np.array([self._epsilon(cycle)]), 1)[0]
        rounds = self._next_exploratory(exploration.uniforms < exploration.epsilon)
        self._actions = self._learner.act(self._seen, Exploration(exploration.uniforms, exploration.epsilon, rounds))
        return weights_of(self._grid.take(self._actions[:, 0]))

    def observe(self, report: CycleReport) -> Mapping[str, FloatArray]:
        """Store the cycle as a transition and learn from the replay.

        The first cycle's alpha was given, not chosen: it is observed but not stored.

        Returns:
            The reward, the probability with which the cycle's alpha was exploratory, and the alpha preferred now.
        """
        reward = wa_reward(report.objectives, self._limits, self._config.kappa)
        seen = self._seen._replace(values=report.objectives.astype(np.float32)[:, None])
        if self._actions is not None:
            self._learner.store(self._seen, self._actions, _outcome(reward, seen))
            self._learner.learn(self._config.updates, self._weights, self._config.learning_rate)
        self._seen = seen
        epsilon = np.full_like(reward, self._epsilon(report.cycle))
        return dict(zip(self.columns, (reward, epsilon, self._best()), strict=True))

    def settled(self) -> FloatArray:
        """The greedy weights in the last observed state."""
        return weights_of(self._best())

    def diverged(self) -> BoolArray:
        """`(K,)` whose networks hold a number that is not finite: their alpha would silently be the first."""
        return self._learner.diverged()

    def freeze(self, members: BoolArray) -> None:
        """Learn nothing more for these members."""
        self._learner.freeze(members)

    def _best(self) -> FloatArray:
        alphas: FloatArray = self._grid.take(self._learner.act(self._seen)[:, 0])
        return alphas

    def _epsilon(self, cycle: int) -> float:
        """Probability of an exploratory alpha."""
        progress = np.array([cycle / self._config.cycles])
        return float(piecewise_linear(self._config.epsilon, progress)[0])

    def _next_exploratory(self, explore: BoolArray) -> IntArray:
        """Actions `(K, 1, A)`: the next of each agent's shuffled round, used up only where it is explored."""
        actions = np.zeros(explore.shape, dtype=np.int64)
        for member, agents in enumerate(self._rounds):
            for a, left in enumerate(agents):
                if not len(left):
                    left = self._streams[member]["exploration"].permutation(len(self._grid))  # noqa: PLW2901
                actions[member, 0, a] = left[0]
                agents[a] = left[1:] if explore[member, 0, a] else left
        return actions

    def state_dict(self) -> dict[str, Any]:
        """All that a bit-identical continuation needs."""
        return {
            "learner": self._learner.state_dict(),
            "state": self._seen.values,
            "actions": self._actions,
            "rounds": [[left.copy() for left in agents] for agents in self._rounds],
            "streams": [streams.state_dict() for streams in self._streams],
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Put back what `state_dict` returned."""
        self._learner.load_state_dict(state["learner"])
        put_back(self._seen.values, state["state"])
        self._actions = None
        if state["actions"] is not None:
            self._actions = np.zeros(self._seen.values.shape[:3], dtype=np.int64)
            put_back(self._actions, state["actions"])
        self._rounds = [[np.asarray(left) for left in agents] for agents in state["rounds"]]
        chosen = [left for agents in self._rounds for left in agents]
        for numbers in (*chosen, *([] if self._actions is None else [self._actions])):
            if not np.all((numbers >= 0) & (numbers < len(self._grid))):
                raise ValueError(f"an agent chose beyond its {len(self._grid)} alphas")
        for streams, saved in zip(self._streams, state["streams"], strict=True):
            streams.load_state_dict(saved)


def _outcome(reward: FloatArray, seen: Seen) -> Step:
    """A cycle as a transition: its reward `(K, A)`, and what is seen after it."""
    members, agents = reward.shape
    return Step(
        objectives=reward[:, None, :, None],
        paid=np.zeros((members, 1, agents)),
        measures=np.zeros((members, 1, agents, 0)),
        continues=np.ones((members, 1), dtype=np.float32),
        over=np.zeros((members, 1), dtype=np.bool_),
        after=seen,
        seen=seen,
    )
