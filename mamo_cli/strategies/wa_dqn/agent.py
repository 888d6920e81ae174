"""The weight-adaptation agent: a double DQN that learns which alpha makes the task agents cheapest yet feasible.

The paper's: "A Multi-Agent system for Multi-Objective constrained optimization" (AAMAS 2026).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mamo_cli.core.arrays import BoolArray, FloatArray, IntArray
from mamo_cli.core.compiled import put_back
from mamo_cli.core.seam import Seen, Spec, Step
from mamo_cli.core.seeding import MemberStreams
from mamo_cli.core.weights import alpha_grid, alpha_of, weights_of
from mamo_cli.learners.dqn.learner import DQN
from mamo_cli.learners.dqn.settings import LearnerConfig
from mamo_cli.learners.protocol import Exploration, Shape
from mamo_cli.learners.schedules import piecewise_linear
from mamo_cli.strategies.multipliers import require_one_limit
from mamo_cli.strategies.protocol import CycleReport, Strategy
from mamo_cli.strategies.wa_dqn.settings import AdaptationConfig

CHOICE = "wa_choice"
COLUMNS = ("wa_reward", "wa_epsilon", CHOICE)


def build(
    settings: Mapping[str, Any], spec: Spec, seeds: Sequence[int], device: str = "cpu"
) -> "WeightAdaptationAgent":
    """The agents of these members, from their sections; see `registry`.

    Raises:
        UsageError: a task agent has several limits.
    """
    require_one_limit("wa-dqn", spec)
    streams = [MemberStreams(seed, "wa") for seed in seeds]
    return WeightAdaptationAgent(settings["adaptation"], settings["wa_learner"], len(spec.agents), streams, device)


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


def last_bracket(violations: FloatArray, limit: float) -> int:
    """The last of neighbouring alphas, known to violate, whose next is known not to; -1 where there is none.

    Args:
        violations: `(G,)` by rising alpha, NaN where unknown.
        limit: what they may be.
    """
    found = np.flatnonzero((violations[:-1] > limit) & (violations[1:] <= limit))
    return int(found[-1]) if len(found) else -1


class WeightAdaptationAgent(Strategy):
    """K agents; each observes the objectives of every task agent and picks an alpha for every one of them.

    The alphas to choose from are those of a grid. Refined, once a member has seen the limit bracketed for all its
    agents, each by two neighbours of its grid, the grid is laid anew between the two; what was learnt of the old one's
    choices is forgotten, and exploration begins another round.

    It is the task agents' learner with one objective, its reward. Exploratory alphas come as shuffled rounds of the
    whole grid, so that a short run has tried every alpha; their distribution is uniform as usual.
    """

    columns: tuple[str, ...] = COLUMNS

    def __init__(
        self,
        adaptation: AdaptationConfig,
        learner: LearnerConfig,
        agents: int,
        streams: Sequence[MemberStreams],
        device: str = "cpu",
    ) -> None:
        """Args: adaptation, learner: settings. agents: A. streams, device: of the learner."""
        self._config = adaptation
        self._streams = list(streams)
        members = len(self._streams)
        self._grid = np.tile(alpha_grid(adaptation.alpha_step), (members, agents, 1))
        self._choices = self._grid.shape[-1]
        self._violations = np.full_like(self._grid, np.nan)  # what each alpha of the grid brought last
        self._refined = np.zeros(members, dtype=np.int64)
        shape = Shape(observation=2, agents=agents, choices=self._choices, objectives=1)
        self._learner = DQN(learner, shape, self._streams, device, warm_up=1)
        self._weights = np.full((members, agents, 1), -1.0)  # its one objective is a reward
        self._seen = Seen(
            np.zeros((members, 1, agents, 2), dtype=np.float32),
            np.ones((members, 1, agents, self._choices), dtype=np.bool_),
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
        return weights_of(self._alphas(self._actions))

    def observe(self, report: CycleReport) -> Mapping[str, FloatArray]:
        """Store the cycle as a transition and learn from the replay.

        The first cycle's alpha was given, not chosen: it is observed but not stored.

        Returns:
            The reward, the probability with which the cycle's alpha was exploratory, and the alpha preferred now.
        """
        reward = wa_reward(report.objectives, report.limits, self._config.kappa)
        seen = self._seen._replace(values=report.objectives.astype(np.float32)[:, None])
        if self._actions is not None:
            self._learner.store(self._seen, self._actions, _outcome(reward, seen))
            self._learner.learn(self._config.updates, self._weights, self._config.learning_rate)
        self._seen = seen
        epsilon = np.full_like(reward, self._epsilon(report.cycle))
        self._refine(report)
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
        return self._alphas(self._learner.act(self._seen))

    def _alphas(self, actions: IntArray) -> FloatArray:
        """`(K, A)` that choices `(K, 1, A)` stand for."""
        alphas: FloatArray = np.take_along_axis(self._grid, actions[:, 0, :, None], 2)[..., 0]
        return alphas

    def _refine(self, report: CycleReport) -> None:
        """Lay a member's grids anew where all its agents' limits are bracketed."""
        alphas, violations = alpha_of(report.weights)[..., None], report.objectives[..., 1:2]
        self._violations = np.where(self._grid == alphas, violations, self._violations)
        self._reopen(report.limits[:, 0])
        for k in np.flatnonzero(self._refined < self._config.refinements).tolist():
            ends = [last_bracket(*seen) for seen in zip(self._violations[k], report.limits[:, 0], strict=True)]
            if min(ends) < 0:
                continue
            for a, low in enumerate(ends):
                self._grid[k, a] = np.linspace(self._grid[k, a, low], self._grid[k, a, low + 1], self._choices)
                self._violations[k, a, [0, -1]] = self._violations[k, a, low : low + 2]
            self._violations[k, :, 1:-1] = np.nan
            self._refined[k] += 1
            self._begin_anew(k)

    def _reopen(self, limits: FloatArray) -> None:
        """Lay the first grid again where all that is known of a finer one lies on one side: conditions have changed."""
        within = (self._violations <= limits[:, None]) | np.isnan(self._violations)
        beyond = (self._violations > limits[:, None]) | np.isnan(self._violations)
        lost: BoolArray = np.any(within.all(2) | beyond.all(2), axis=1) & (self._refined > 0)
        for k in np.flatnonzero(lost).tolist():
            self._grid[k], self._violations[k] = alpha_grid(self._config.alpha_step), np.nan
            self._refined[k] = 0
            self._begin_anew(k)

    def _begin_anew(self, member: int) -> None:
        """Forget what choices meant and brought, and explore another round of them."""
        self._rounds[member] = [np.empty(0, dtype=np.int64)] * self._grid.shape[1]
        self._learner.forget(member)

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
                    left = self._streams[member]["exploration"].permutation(self._choices)  # noqa: PLW2901
                actions[member, 0, a] = left[0]
                agents[a] = left[1:] if explore[member, 0, a] else left
        return actions

    def state_dict(self) -> dict[str, Any]:
        """All that a bit-identical continuation needs."""
        return {
            "learner": self._learner.state_dict(),
            "state": self._seen.values,
            "actions": self._actions,
            "grid": self._grid.copy(),
            "violations": self._violations.copy(),
            "refined": self._refined.copy(),
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
        for place in ("grid", "violations", "refined") if "grid" in state else ():  # earlier versions had one grid
            put_back(getattr(self, f"_{place}"), state[place])
        self._rounds = [[np.asarray(left) for left in agents] for agents in state["rounds"]]
        chosen = [left for agents in self._rounds for left in agents]
        for numbers in (*chosen, *([] if self._actions is None else [self._actions])):
            if not np.all((numbers >= 0) & (numbers < self._choices)):
                raise ValueError(f"an agent chose beyond its {self._choices} alphas")
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
