"""The weight-adaptation agent: a double DQN that learns which alpha makes the task agents cheapest yet feasible."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from mamo_cli.adaptation.strategy import CycleReport, FloatArray
from mamo_cli.compiled import put_back
from mamo_cli.config import AdaptationConfig, LearnerConfig
from mamo_cli.learning.learner import PopulationLearner
from mamo_cli.learning.schedules import piecewise_linear
from mamo_cli.seeding import MemberStreams


def wa_reward(cost: FloatArray, rejection: FloatArray, tolerance: float, kappa: float) -> FloatArray:
    """0 where mean rejection is above the tolerance, else 1 - cost + kappa: cheaper is better, feasible is positive.

    The paper has the reward "equal to the execution cost, so that lower-cost configurations are preferred"; read
    literally that would reward cost. Its figures and its own account need this sign.

    Args:
        cost: `(K, F)` normalised mean cost.
        rejection: `(K, F)` mean rejection probability.
        tolerance: most rejection allowed.
        kappa: keeps the reward of the dearest feasible alpha positive.
    """
    return np.where(rejection > tolerance, 0.0, 1.0 - cost + kappa)


def alpha_grid(step: float) -> FloatArray:
    """The alphas to choose from: 0, step, 2 step, ... and 1."""
    return np.unique(np.append(np.round(np.arange(0.0, 1.0, step), 12), 1.0))


class WeightAdaptationAgent:
    """K agents; each observes (cost, rejection) of every function and picks an alpha for every function.

    It is the task agents' learner with one branch a function and one objective, its reward. Exploratory alphas come
    as shuffled rounds of the whole grid, so that a short run has tried every alpha; their distribution is uniform as
    usual.
    """

    def __init__(
        self,
        adaptation: AdaptationConfig,
        learner: LearnerConfig,
        tolerance: float,
        functions: int,
        streams: Sequence[MemberStreams],
        device: str = "cpu",
    ) -> None:
        self._config, self._tolerance, self._functions = adaptation, tolerance, functions
        self._streams = list(streams)
        self._grid = alpha_grid(adaptation.alpha_step)
        self._learner = PopulationLearner(learner, 2 * functions, functions, len(self._grid), 1, self._streams, device)
        self._weights = np.ones((len(self._streams), functions, 1))
        self._state = np.zeros((len(self._streams), 1, 2 * functions), dtype=np.float32)
        self._actions: NDArray[np.int64] | None = None
        self._rounds = [[np.empty(0, dtype=np.int64)] * functions for _ in self._streams]

    def observe(self, report: CycleReport) -> FloatArray:
        """Store the cycle as a transition, learn from the replay, and return the reward `(K, F)`.

        The first cycle's alpha was given, not chosen: it is observed but not stored.
        """
        reward = wa_reward(report.cost, report.rejection, self._tolerance, self._config.kappa)
        state = np.concatenate((report.cost, report.rejection), 1).astype(np.float32)[:, None]
        if self._actions is not None:
            self._learner.replay.add(self._state, self._actions, reward[:, None, :, None], state)
            uniforms = self._learner.draw_replay(self._config.updates)
            self._learner.learn(uniforms, self._weights, self._config.learning_rate)
        self._state = state
        return reward

    def propose(self, cycle: int) -> FloatArray:
        """Alphas `(K, F)` of a coming cycle, by epsilon-greedy choice from the last observed state."""
        if cycle == 0:
            return np.full((len(self._streams), self._functions), self._config.initial_alpha)
        explore, _ = self._learner.draw_exploration(np.array([self.epsilon(cycle)]), 1)
        self._actions = self._learner.act(self._state, explore[0], self._next_exploratory(explore[0]))
        return self._grid.take(self._actions[:, 0])

    def epsilon(self, cycle: int) -> float:
        """Probability of an exploratory alpha."""
        progress = np.array([cycle / self._config.cycles])
        return float(piecewise_linear(self._config.epsilon, progress)[0])

    def best(self) -> FloatArray:
        """Greedy alphas `(K, F)` in the last observed state."""
        alphas: FloatArray = self._grid.take(self._learner.q_values(self._state).argmax(-1)[:, 0])
        return alphas

    def _next_exploratory(self, explore: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Actions `(K, 1, F)`: the next of each function's shuffled round, used up only where it is explored."""
        actions = np.zeros(explore.shape, dtype=np.int64)
        for member, functions in enumerate(self._rounds):
            for f, left in enumerate(functions):
                if not len(left):
                    left = self._streams[member]["exploration"].permutation(len(self._grid))  # noqa: PLW2901
                actions[member, 0, f] = left[0]
                functions[f] = left[1:] if explore[member, 0, f] else left
        return actions

    def state_dict(self) -> dict[str, Any]:
        """All that a bit-identical continuation needs."""
        return {
            "learner": self._learner.state_dict(),
            "state": torch.from_numpy(self._state),
            "actions": None if self._actions is None else torch.from_numpy(self._actions),
            "rounds": [[torch.from_numpy(left) for left in functions] for functions in self._rounds],
            "streams": [streams.state_dict() for streams in self._streams],
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Put back what `state_dict` returned."""
        self._learner.load_state_dict(state["learner"])
        put_back(self._state, state["state"])
        self._actions = None
        if state["actions"] is not None:
            self._actions = np.zeros((*self._state.shape[:2], self._functions), dtype=np.int64)
            put_back(self._actions, state["actions"])
        self._rounds = [[left.numpy() for left in functions] for functions in state["rounds"]]
        chosen = [left for functions in self._rounds for left in functions]
        for numbers in (*chosen, *([] if self._actions is None else [self._actions])):
            if not np.all((numbers >= 0) & (numbers < len(self._grid))):
                raise ValueError(f"an agent chose beyond its {len(self._grid)} alphas")
        for streams, saved in zip(self._streams, state["streams"], strict=True):
            streams.load_state_dict(saved)
