"""The two-phase loop: a strategy fixes the weights, the task agents train under them, the strategy is told.

A cycle: (1) the strategy fixes alpha; (2) the task agents train for a phase under it, going on from their present
policies; (3) they are summarised over the phase's last window and evaluated greedily; (4) the strategy is rewarded and
chooses again. Baselines at fixed alphas are the same loop with one cycle and a strategy that never changes its mind.
"""

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from mamo_cli.adaptation.strategy import CycleReport, WeightStrategy
from mamo_cli.compiled import put_back
from mamo_cli.learning.population import Evaluation, IterationSummary, TaskPopulation
from mamo_cli.scaling.instance import ScalingInstance

Row = list[Any]
Tables = dict[str, list[Row]]

TRAINING_COLUMNS = (
    "seed", "alpha", "iteration", "env_steps", "epsilon", "loss",
    "mean_reward", "mean_cost", "mean_replicas", "mean_rejection",
)  # fmt: skip
CYCLE_COLUMNS = (
    "seed", "cycle", "alpha", "train_cost", "train_rejection", "eval_cost", "eval_replicas", "eval_rejection",
    "feasible", "wa_reward", "wa_epsilon", "wa_choice",
)  # fmt: skip
EVALUATION_COLUMNS = (
    "seed", "alpha", "step", "function", "expected_rate", "actual_rate", "replicas", "cost", "rejection",
)  # fmt: skip


class TwoPhaseLoop:
    """K members through all their cycles, one round of iterations at a time, leaving rows of the run's tables.

    A round's rows are member-major: the rounds of several loops, each over a slice of the members, concatenate to the
    round of one loop over all.
    """

    def __init__(
        self,
        *,
        seeds: Sequence[int],
        tasks: TaskPopulation,
        strategy: WeightStrategy,
        evaluation: ScalingInstance,
        cycles: int,
        phase_iterations: int,
        round_iterations: int,
        window: int,
        steps_per_iteration: int,
        tolerance: float,
        replica_cost: float,
    ) -> None:
        self._seeds = list(seeds)
        self._tasks, self._strategy, self._evaluation = tasks, strategy, evaluation
        self._cycles, self._phase, self._round = cycles, phase_iterations, round_iterations
        self._window, self._steps = window, steps_per_iteration
        self._tolerance, self._replica_cost = tolerance, replica_cost
        self._iteration = 0
        self._alive: NDArray[np.bool_] = np.ones(len(self._seeds), dtype=np.bool_)
        self._alpha = strategy.propose(0)
        self._recent: list[tuple[NDArray[np.float64], NDArray[np.float64]]] = []

    @property
    def done(self) -> bool:
        """Whether the last cycle is over."""
        return self._iteration >= self._cycles * self._phase

    @property
    def diverged_seeds(self) -> list[int]:
        """Seeds of members that were frozen because a number of theirs ceased to be finite."""
        return [seed for seed, alive in zip(self._seeds, self._alive, strict=True) if not alive]

    def advance(self) -> Tables:
        """Train for one round, and close the cycle when its phase is over."""
        by_member: list[dict[str, list[Row]]] = [{"training": [], "cycles": [], "evaluation": []} for _ in self._seeds]
        for _ in range(self._round):
            summary = self._tasks.train_iteration(self._iteration % self._phase, self._alpha)
            self._alive &= ~self._tasks.diverged()
            self._recent = [*self._recent[1 - self._window :], (summary.cost, summary.rejection)][-self._window :]
            self._iteration += 1
            self._add_training_rows(by_member, summary)
            if self._iteration % self._phase == 0:
                self._close_cycle(by_member)
                break
        return {table: [row for rows in by_member for row in rows[table]] for table in by_member[0]}

    def _close_cycle(self, by_member: list[dict[str, list[Row]]]) -> None:
        cycle = self._iteration // self._phase - 1
        # One after another: how np.mean orders its sums depends on how many members there are.
        sums = (functools.reduce(np.add, part) for part in zip(*self._recent, strict=True))
        cost, rejection = (np.nan_to_num(total / len(self._recent)) for total in sums)
        reward = self._strategy.observe(CycleReport(cycle, self._alpha, cost, rejection))
        evaluation = self._tasks.evaluate(self._evaluation)
        replicas, rejected = evaluation.replicas.mean(1), evaluation.rejection.mean(1)
        choices = self._strategy.best()
        limit = self._evaluation.replica_choices
        for member, seed in enumerate(self._seeds):
            for f, name in enumerate(self._function_cells()):
                numbers = [
                    cost[member, f], rejection[member, f], replicas[member, f] / limit, replicas[member, f],
                    rejected[member, f], int(rejected[member, f] <= self._tolerance), reward[member, f],
                ]  # fmt: skip
                row = [seed, cycle, self._alpha[member, f], *self._known(member, numbers)]
                row += [self._strategy.epsilon(cycle), *self._known(member, [choices[member, f]])]
                by_member[member]["cycles"].append([*row, *name])
        if self.done:
            for member, rows in enumerate(self._evaluation_rows(self._evaluation, evaluation)):
                by_member[member]["evaluation"] = rows
        else:
            self._alpha = self._strategy.propose(cycle + 1)

    def _add_training_rows(self, by_member: list[dict[str, list[Row]]], summary: IterationSummary) -> None:
        reward = -((1.0 - self._alpha) * summary.cost + self._alpha * summary.rejection)
        for member, seed in enumerate(self._seeds):
            for f, name in enumerate(self._function_cells()):
                numbers = [
                    summary.loss[member], reward[member, f], summary.cost[member, f], summary.replicas[member, f],
                    summary.rejection[member, f],
                ]  # fmt: skip
                row = [seed, self._alpha[member, f], self._iteration - 1, self._iteration * self._steps]
                by_member[member]["training"].append([*row, summary.epsilon, *self._known(member, numbers), *name])

    def evaluate(self, instance: ScalingInstance) -> list[Row]:
        """Rows of evaluation.csv for the present greedy policies on another instance."""
        by_member = self._evaluation_rows(instance, self._tasks.evaluate(instance))
        return [row for rows in by_member for row in rows]

    def _evaluation_rows(self, instance: ScalingInstance, evaluation: Evaluation) -> list[list[Row]]:
        trace = instance.trace
        by_member: list[list[Row]] = []
        for member, seed in enumerate(self._seeds):
            by_member.append([])
            for step in range(trace.steps):
                for f, function in enumerate(trace.functions):
                    replicas = int(evaluation.replicas[member, step, f])
                    numbers = [replicas, replicas * self._replica_cost, evaluation.rejection[member, step, f]]
                    rates = [trace.expected_rate_rps[step, f], trace.actual_rate_rps[step, f]]
                    row = [seed, self._alpha[member, f], step, function, *rates, *self._known(member, numbers)]
                    by_member[-1].append(row)
        return by_member

    def _known(self, member: int, numbers: list[Any]) -> list[Any]:
        """The numbers of a member, or as many blanks once it has diverged."""
        return numbers if self._alive[member] else [None] * len(numbers)

    def _function_cells(self) -> list[list[str]]:
        """What each function adds to a row: its name, where there is more than one."""
        functions = self._evaluation.trace.functions
        return [[name] for name in functions] if len(functions) > 1 else [[]]

    def state_dict(self) -> dict[str, Any]:
        """All that a bit-identical continuation needs."""
        return {
            "iteration": self._iteration,
            "alive": torch.from_numpy(self._alive),
            "alpha": torch.from_numpy(self._alpha),
            "recent": [[torch.from_numpy(part) for part in parts] for parts in self._recent],
            "tasks": self._tasks.state_dict(),
            "strategy": self._strategy.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Put back what `state_dict` returned."""
        self._iteration = state["iteration"]
        put_back(self._alive, state["alive"])
        put_back(self._alpha, state["alpha"])
        self._recent = [(np.empty_like(self._alpha), np.empty_like(self._alpha)) for _ in state["recent"]]
        for ours, saved in zip(self._recent, state["recent"], strict=True):
            for place, part in zip(ours, saved, strict=True):
                put_back(place, part)
        self._tasks.load_state_dict(state["tasks"])
        self._strategy.load_state_dict(state["strategy"])
