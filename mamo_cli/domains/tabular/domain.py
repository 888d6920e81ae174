"""A finite constrained Markov decision process behind the seam: one agent, whose plans are by state.

Nothing about what comes can be known before a choice, so whoever is clairvoyant knows what everybody knows; and both
parts of the workload follow the same law.
"""

import functools
from typing import NamedTuple, NoReturn

import numpy as np

from mamo_cli.core.arrays import FloatArray, IntArray
from mamo_cli.core.errors import NothingExactError, UsageError
from mamo_cli.core.seam import Answer, Knowledge, Optimum, Part, Played, Scope, Shift, Spec
from mamo_cli.core.seeding import stream
from mamo_cli.core.settings import Section
from mamo_cli.core.words import Words
from mamo_cli.domains.settings import ProcessSettings
from mamo_cli.domains.tabular.environment import TabularEnvironment, ways
from mamo_cli.domains.tabular.exact import best, means, shares
from mamo_cli.domains.tabular.process import Process
from mamo_cli.workload.trace import Trace

UNKNOWN = -1
"""In a plan: a choice that nobody has seen."""

MOST_UNKNOWN = 0.01
"""Share of time that a plan may spend in states whose choice is unknown."""


def workload(settings: ProcessSettings, agent: str, expected: float) -> Trace:
    """A trace that says what is expected of every period: all that a workload could say of a process."""
    rates = np.full((settings.evaluation_steps, 1), expected)
    return Trace((agent,), rates, rates, step_seconds=1.0, period_steps=settings.evaluation_steps)


def refuse(agent: str, evaluation: Trace | None, planning: Section | None) -> None:
    """End what cannot be done with a process.

    Raises:
        UsageError: a plan by step is asked for, or a trace was given to evaluate on.
    """
    if planning is not None:
        raise UsageError(
            f"solve-offline plans by step, and what a {agent} best does follows its state: no such plan exists"
        )
    if evaluation is not None:
        raise UsageError(f"a {agent} is evaluated under chance alone, not on a --trace: give --noise-seed")


class Proxy(NamedTuple):
    """What training is told in place of the truth: a process that differs in its objectives alone, and how."""

    process: Process
    formula: str


class TabularDomain:
    """One agent in a process whose states it sees."""

    def __init__(
        self,
        process: Process,
        words: Words,
        agent: str,
        limit: float,
        block: int,
        settings: ProcessSettings,
        warned: tuple[str, ...] = (),
        proxy: Proxy | None = None,
    ) -> None:
        """Build it.

        Args:
            process: what is played.
            words: what it calls its things.
            agent: the one agent's name.
            limit: on the mean violation.
            block: periods for which one policy of a mixture plays on.
            settings: of the evaluation.
            warned: of what, besides a limit that is out of reach.
            proxy: what training is told; None: the truth.
        """
        self.process, self._told = process, process if proxy is None else proxy.process
        self._warned = warned
        self._answers: dict[tuple[Part, bytes], Answer] = {}
        self._coming = ways(process, stream(settings.noise_seed, "evaluation"), (settings.evaluation_steps,))
        self.spec = Spec(
            agents=(agent,),
            words=words,
            limits=np.array([[limit]]),
            observation=process.observed.shape[1],
            choices=(process.allowed.shape[1],),
            cost_scale=process.cost_scale,
            step_seconds=1.0,
            block=block,
            proxy=None if proxy is None else proxy.formula,
        )

    @functools.cached_property
    def warnings(self) -> tuple[str, ...]:
        """What is to be warned of, and that the limit is out of reach, where it is."""
        violation, least = self.spec.words.violations[0], float(self.answer(np.array([[0.0, 1.0]])).objectives[0, 1])
        if least <= self.spec.limits[0, 0]:
            return self._warned
        out_of_reach = (
            f"mean {violation.spoken or violation.name} is at least {least:.6g}, above {self.spec.limits[0, 0]:g}"
        )
        return (*self._warned, out_of_reach)

    def shifted(self, shift: Shift, steps: tuple[int, int] | None = None) -> NoReturn:
        """Nothing can."""
        raise UsageError(f"nothing of a {self.spec.agents[0]} can shift")

    def environment(self, part: Part, members: int, copies: int = 1) -> TabularEnvironment:
        """The training's chance is drawn anew all the time; the evaluation's is as it was drawn once."""
        return TabularEnvironment(self._of(part), self._coming, members, copies)

    def _of(self, part: Part) -> Process:
        return self._told if part is Part.TRAINING else self.process

    def conditions(self) -> FloatArray:
        """`(T, 1, 2)` what is expected of every period, and what came."""
        came = self.process.came[self._coming]
        return np.stack((np.full_like(came, self.process.chance @ self.process.came), came), -1)[:, None]

    def optimum(
        self, scope: Scope, weights: FloatArray | None = None, solver: str = "auto", time_limit_s: float | None = None
    ) -> Optimum:
        """There is none: a plan by step would have to know every state beforehand."""
        raise NothingExactError(f"no plan by step is best for a {self.spec.agents[0]}, whose choices follow its state")

    def answer(
        self, weights: FloatArray, part: Part = Part.EVALUATION, knowledge: Knowledge = Knowledge.CAUSAL
    ) -> Answer:
        """The plan `(S, 1)` of least weighted mean in the long run, by policy iteration, see `best`."""
        key, process = (part, weights.tobytes()), self._of(part)
        if key not in self._answers:
            plan = best(process, weights[0])
            self._answers[key] = Answer(plan[:, None], means(process, plan, process.objectives)[None])
        return self._answers[key]

    def believed(self, weights: FloatArray) -> IntArray:
        """The plan `(S, 1)` of the training's answer: the states are those of both parts."""
        return self.answer(weights, Part.TRAINING).plan

    def perfect(self, weights: FloatArray) -> IntArray:
        """The plan `(S, 1)` of the answer."""
        return self.answer(weights).plan

    def choices_of(self, measures: FloatArray) -> IntArray:
        """The plan `(S, 1)` that a play's measures tell of, `UNKNOWN` where it never was.

        Raises:
            NothingExactError: they are of no single plan, but of several or of means.
        """
        known = {
            tuple(row): place
            for place, row in enumerate(self.process.measures.reshape(-1, measures.shape[-1]).tolist())
        }
        plan = np.full(self.process.states, UNKNOWN)
        for row in {tuple(row) for row in measures[:, 0].tolist()}:
            state, choice = divmod(known.get(row, -1), self.process.allowed.shape[1])
            if state < 0 or plan[state] not in (UNKNOWN, choice):
                raise NothingExactError("no single policy was played")
            plan[state] = choice
        return plan[:, None]

    def expected(self, plan: IntArray) -> Played:
        """The exact long-run means of a plan `(S, 1)`, as one step: T = 1.

        What it may not choose is played as always. Where a choice is unknown, that of the answer at equal weights
        stands in, if the plan hardly ever comes there.

        Raises:
            NothingExactError: it comes there often.
            ValueError: it is no plan of this process.
        """
        chosen = self._completed(plan)
        brought = means(self.process, chosen, self.process.objectives)
        return Played(
            paid=brought[None, None, 0] * self.process.cost_scale,
            measures=means(self.process, chosen, self.process.measures)[None, None],
            violations=brought[None, None, 1:],
        )

    def replayed(self, plan: IntArray) -> tuple[Played, Played]:
        """What a plan `(S, 1)` brings in the long run, and in the evaluation that came."""
        environment, chosen = self.environment(Part.EVALUATION, 1), self._completed(plan)
        told = [environment.step(chosen[environment.states][..., None]) for _ in range(environment.steps)]
        paid, measures, objectives = (
            np.stack(part)[:, 0, 0] for part in zip(*((s.paid, s.measures, s.objectives) for s in told), strict=True)
        )
        return self.expected(plan), Played(paid, measures, objectives[..., 1:])

    def _completed(self, plan: IntArray) -> IntArray:
        states, choices = self.process.allowed.shape
        unknown = plan[:, 0] == UNKNOWN
        if plan.shape != (states, 1) or plan.min() < UNKNOWN or plan.max() >= choices:
            raise ValueError(f"a plan has shape {(states, 1)} and choices below {choices}, got {plan.shape}: {plan}")
        asked = np.where(unknown, self._elsewhere, plan[:, 0]) if unknown.any() else plan[:, 0]
        chosen = self.process.played(np.arange(states), asked)
        if unknown.any() and shares(self.process, chosen)[unknown].sum() > MOST_UNKNOWN:
            raise NothingExactError("the policy is known in too few states")
        return chosen

    @functools.cached_property
    def _elsewhere(self) -> IntArray:
        return best(self.process, np.array([0.5, 0.5]))
