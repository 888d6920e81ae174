"""What happened as rows of a run's tables: here are their columns, in the words of the domain.

Rows are member-major: those of several loops, each over a slice of the members, concatenate to those of one loop over
all. A member that has diverged has blanks in place of its numbers.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from mamo_cli.core.arrays import BoolArray, FloatArray
from mamo_cli.core.means import mean_of_known, of_measures
from mamo_cli.core.seam import Domain, Played, Spec
from mamo_cli.core.weights import rewards
from mamo_cli.training.agents import IterationSummary
from mamo_cli.training.readout import Delivery

Row = list[Any]
Tables = dict[str, list[Row]]

TABLES = ("training", "cycles", "delivered", "evaluation")


def columns_of(spec: Spec, strategy_columns: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The head of each table: with several agents, each has a row of its own and its name in it."""
    words = spec.words
    measures, violations = ([one.name for one in each] for each in (words.measures, words.violations))
    conditions = [one.name for one in words.conditions]
    named = [words.agent] if len(spec.agents) > 1 else []
    alphas = words.each("alpha")  # the weights that are written down: the cost's is what is left to 1
    means = [f"mean_{name}" for name in ("cost", *measures, *violations)]
    trained = [f"train_{name}" for name in ("cost", *violations)]
    evaluated = [f"eval_{name}" for name in ("cost", *measures, *violations)]
    return {
        "training": ("seed", *alphas, "iteration", "env_steps", "epsilon", "loss", "mean_reward", *means, *named),
        "cycles": ("seed", "cycle", *alphas, *trained, *evaluated, "feasible", *strategy_columns, *named),
        "delivered": ("seed", "cycle", *alphas, "share", *trained, *named),
        "evaluation": ("seed", *alphas, "step", words.agent, *conditions, *measures, "cost", *violations),
    }


class Records:
    """Rows of the members at hand, gathered until they are taken."""

    def __init__(self, spec: Spec, seeds: Sequence[int], alive: BoolArray) -> None:
        """Args: spec: of the domain. seeds: one a member. alive: `(K,)`, which the loop changes."""
        self._spec, self._seeds, self._alive = spec, list(seeds), alive
        self._named = [[name] for name in spec.agents] if len(spec.agents) > 1 else [[]]
        self._rows = self._none()

    def taken(self) -> Tables:
        """All rows since the last call, member after member."""
        rows, self._rows = self._rows, self._none()
        return {table: [row for member in rows for row in member[table]] for table in TABLES}

    def add_iteration(self, iteration: int, env_steps: int, weights: FloatArray, summary: IterationSummary) -> None:
        """A row of training for each member and agent."""
        reward = rewards(summary.objectives, weights)
        cost, violations = summary.objectives[..., :1], summary.objectives[..., 1:]
        measures = of_measures(summary.measures, self._spec.words)
        means = np.concatenate((reward[..., None], cost, measures, violations), -1)
        for member, agent, named in self._each():
            numbers = self._known(member, [summary.loss[member], *means[member, agent]])
            row = [self._seeds[member], *weights[member, agent, 1:], iteration, env_steps, summary.epsilon, *numbers]
            self._rows[member]["training"].append([*row, *named])

    def add_cycle(
        self,
        cycle: int,
        weights: FloatArray,
        objectives: FloatArray,
        evaluation: Played,
        limits: FloatArray,
        told: Mapping[str, FloatArray],
    ) -> None:
        """A row of cycles for each member and agent.

        Args:
            cycle: counted from 0.
            weights: `(K, A, M)` that it ran under.
            objectives: `(K, A, M)` means over the training window.
            evaluation: of the greedy policies.
            limits: `(A, M - 1)` of the violations, in this cycle.
            told: what the strategy has to say, `(K, A)` for each of its columns.
        """
        cost = mean_over_steps(evaluation.paid[..., None]) / self._spec.cost_scale
        violations = mean_over_steps(evaluation.violations)
        feasible = np.all(violations <= limits, axis=-1)
        measures = of_measures(mean_over_steps(evaluation.measures, mean_of_known), self._spec.words)
        means = np.concatenate((objectives, cost, measures, violations), -1)
        for member, agent, named in self._each():
            own = [column[member, agent] for column in told.values()]
            numbers = self._known(member, [*means[member, agent], int(feasible[member, agent]), *own])
            row = [self._seeds[member], cycle, *weights[member, agent, 1:], *numbers]
            self._rows[member]["cycles"].append([*row, *named])

    def add_delivery(self, delivery: Delivery) -> None:
        """A row of delivered for each policy that an agent of a member plays by: how often, and what it brought."""
        for member, agent, named in self._each():
            for place in np.flatnonzero(delivery.shares[:, member, agent] > 0.0):
                at = (place, member, agent)
                numbers = self._known(member, [delivery.shares[at], *delivery.objectives[at]])
                row = [self._seeds[member], delivery.cycles[place, member], *delivery.weights[at][1:], *numbers]
                self._rows[member]["delivered"].append([*row, *named])

    def add_evaluation(self, domain: Domain, weights: FloatArray, evaluation: Played) -> None:
        """A row of evaluation for each member, step and agent of a domain's evaluation part."""
        conditions, spec = domain.conditions(), domain.spec
        whole = [measure.whole for measure in spec.words.measures]
        for member, rows in enumerate(self._rows):
            for step, agent in np.ndindex(conditions.shape[:2]):
                at = (member, step, agent)
                counted = zip(evaluation.measures[at], whole, strict=True)  # an exact mean is not whole
                measures = [int(n) if once and float(n).is_integer() else n for n, once in counted]
                numbers = self._known(member, [*measures, evaluation.paid[at], *evaluation.violations[at]])
                row = [self._seeds[member], *weights[member, agent, 1:], step, spec.agents[agent]]
                rows["evaluation"].append([*row, *conditions[step, agent], *numbers])

    def _each(self) -> list[tuple[int, int, list[str]]]:
        return [(member, a, named) for member in range(len(self._seeds)) for a, named in enumerate(self._named)]

    def _known(self, member: int, numbers: list[Any]) -> list[Any]:
        """The numbers of a member, or as many blanks once it has diverged."""
        return numbers if self._alive[member] else [None] * len(numbers)

    def _none(self) -> list[Tables]:
        return [{table: [] for table in TABLES} for _ in self._seeds]


def mean_over_steps(values: FloatArray, mean: Callable[[FloatArray, int], FloatArray] = np.mean) -> FloatArray:
    """`(K, T, A, numbers)` to `(K, A, numbers)`, each by itself: NumPy's order of adding depends on the layout."""
    means = [mean(np.ascontiguousarray(values[..., i]), 1) for i in range(values.shape[-1])]
    return np.stack(means, -1) if means else np.zeros((*values[:, 0].shape[:2], 0))
