"""The seam between what is controlled and how it is learnt: everything above a domain sees this and nothing else.

Axes, the same everywhere: K members (independent seeds x weights), E copies of the environment a member plays in,
A agents (what acts: the functions of a node, the items of a stock), C choices of an agent, O numbers an agent observes,
M objectives (the cost first, then one violation for each constraint), Q measures, T steps.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple, Protocol

import numpy as np

from mamo_cli.core.arrays import BoolArray, Float32Array, FloatArray, IntArray
from mamo_cli.core.seeding import MemberStreams
from mamo_cli.core.words import Words


class Spec(NamedTuple):
    """What kind of problem this is."""

    agents: tuple[str, ...]  # ("f0", "f1")
    words: Words
    limits: FloatArray  # (A, M - 1): what each violation may be on average
    observation: int  # O
    choices: tuple[int, ...]  # of each agent
    cost_scale: (
        float  # cost in the domain's own unit, over this, is the normalised cost: its mean over agents is in [0, 1]
    )
    step_seconds: float
    block: int = 1
    """Periods for which one policy of a mixture plays on: 1 where no period depends on the choices before it."""
    use: IntArray | None = None
    """`(A, C)` whole units that each choice takes of what agents share; None where they share nothing."""
    priorities: FloatArray | None = None
    """`(A,)` shares of the joint reward, which sum to 1; None where they are equal."""
    proxy: str | None = None
    """What training is told in place of the objectives, as a formula in words; None where it is told the truth."""
    team: bool = False
    """Whether all agents are told the same objectives, whoever's choices these follow from, within the same limits.

    They have one weight then; where weights differ nevertheless, their mean counts.
    """
    touching: bool = False
    """Whether what an agent chooses changes the objectives of others, each of which has limits of its own."""

    @property
    def objectives(self) -> int:
        """M."""
        return 1 + len(self.words.violations)

    @property
    def coupled(self) -> bool:
        """Whether agents share a budget, or touch one another's objectives: their plays are joint."""
        return self.use is not None or self.touching

    @property
    def joint(self) -> bool:
        """Whether one policy of a mixture is drawn for all agents at a time."""
        return self.coupled or self.team


class Seen(NamedTuple):
    """What is known before an action."""

    values: Float32Array  # (K, E, A, O)
    mask: BoolArray  # (K, E, A, C): what may be chosen now; always False beyond an agent's own choices
    budget: IntArray | None = None  # (K, E): units that all agents' choices may take together; None: they share nothing


class Step(NamedTuple):
    """What a period brings."""

    objectives: FloatArray  # (K, E, A, M): the normalised cost, then the violations
    paid: FloatArray  # (K, E, A): the cost in the domain's own unit
    measures: FloatArray  # (K, E, A, Q); NaN where a period has nothing to measure, which means leave out
    continues: Float32Array  # (K, E): 0 where the episode terminated, so that nothing follows
    over: BoolArray  # (K, E): whether the episode is over, terminated or cut short
    after: Seen  # what followed
    seen: Seen  # what the next action is chosen by: `after`, but for episodes that began anew


class Played(NamedTuple):
    """What choices brought, step by step; (..., T) stands for T steps of one play, or of one for each member."""

    paid: FloatArray  # (..., T, A)
    measures: FloatArray  # (..., T, A, Q)
    violations: FloatArray  # (..., T, A, M - 1)


class Copy(NamedTuple):
    """One of several copies of an environment, by itself."""

    number: int  # from 0
    of: int


def begin_at(copies: int | Copy, steps: int) -> IntArray:
    """`(E,)` the step of a trace that each copy begins at: copy e of E, e/E of the trace later than copy 0."""
    if isinstance(copies, Copy):
        return begin_at(copies.of, steps)[[copies.number]]
    return np.arange(copies) * steps // copies


class Environment(Protocol):
    """E copies of the domain for each of K members, advanced together."""

    steps: int
    """T, control periods of one play from the beginning to the end of a trace."""

    def draw(self, steps: int, streams: Sequence[MemberStreams]) -> Any:
        """The noise of the coming steps, an entry each, every member's from its own stream "environment"."""
        ...

    def observe(self) -> Seen:
        """What is known before the action of the current period."""
        ...

    def step(self, actions: IntArray, draw: Any = None) -> Step:
        """Play one period under choices `(K, E, A)` and one entry of `draw`; without one, as the part says itself."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """All that a bit-identical continuation needs."""
        ...

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Put back what `state_dict` returned."""
        ...


class Part(StrEnum):
    """What agents train on, and what they are judged on: never the same."""

    TRAINING = "training"
    EVALUATION = "evaluation"


class Scope(StrEnum):
    """What a plan must achieve: the limit at every step, on average, or a weighted reward."""

    STEP = "step"
    AVERAGE = "average"
    ALPHA = "alpha"


class Knowledge(StrEnum):
    """What an exact answer may know of a period before it chooses."""

    CLAIRVOYANT = "clairvoyant"  # what comes
    CAUSAL = "causal"  # what the agents see


class Answer(NamedTuple):
    """The best play under some weights, and what it brings on average.

    Of equal plays it is one; mixtures of answers at neighbouring weights meet every limit between them.
    """

    plan: IntArray  # choices as `Domain.expected` takes them: `(T, A)` by step, or `(S, A)` by state
    objectives: FloatArray  # (A, M): mean normalised cost, then mean violations


class Termination(StrEnum):
    """Why a solver stopped; OPTIMAL only where optimality was proven."""

    OPTIMAL = "optimal"
    TIME_LIMIT = "time limit"
    BOUNDED = "bounded"  # a plan and a bound apart from it, and nothing more to try


@dataclass(frozen=True, eq=False)
class Optimum:
    """An exact answer with everything needed to trust it; costs are means over steps, in the domain's own unit.

    Attributes:
        plan: (T, A) the choices.
        feasible: (T, A) whether what the scope asks is met: at the step, or on the agent's average (the same at every
            step); scope alpha asks for nothing.
        solver: who solved it: "gurobi", "cbc", "highs", or the name of an exact method.
        solver_version: its version.
        termination: OPTIMAL only where optimality was proven.
        objective: cost of the plan, summed over agents and recomputed from it.
        bound: no plan of least violation costs less; 0 where nothing is proven, not even the least violation.
        gap: (objective - bound) / objective.
        seconds: wall time of building and solving.
        objective_residual: distance between the solver's objective and the recomputed one; from what the method left
            out of account, if it did.
        constraint_residual: largest excess over any constraint.
        notices: one line for each solver passed over on the way, and for what stands in for one.
    """

    plan: IntArray
    feasible: BoolArray
    solver: str
    solver_version: str
    termination: Termination
    objective: float
    bound: float
    gap: float
    seconds: float
    objective_residual: float
    constraint_residual: float
    notices: tuple[str, ...] = ()


class Shift(NamedTuple):
    """What has changed against an instance as it is configured; of itself nothing."""

    load: float = 1.0  # what the workload's rates are multiplied by, expected and actual alike
    service: float = 1.0  # what every service time is multiplied by
    cap: int | None = None  # choices are cut to this
    tolerance: float | None = None  # the limit in place of the configured one
    noise: float = 1.0  # what the setting `noise` is multiplied by; a trace's own deviations cannot shift
    shape: float = 1.0  # what the rates' deviations from their mean are multiplied by; none falls below 0


AS_CONFIGURED = Shift()


class Domain(Protocol):
    """What is controlled: a workload, its dynamics, its exact answers, its words.

    Where nothing exact is known, `optimum`, `answer`, `perfect` and `expected` raise `NothingExactError`, and its
    results stand alone.
    """

    spec: Spec
    warnings: tuple[str, ...]
    """What the user should know of this instance."""

    def shifted(self, shift: Shift, steps: tuple[int, int] | None = None) -> "Domain":
        """The instance as it is configured, but for what has shifted.

        What agents observe and learn by keeps its scales, and its environments take one another's `state_dict`.

        Args:
            shift: against the configuration, whatever this one has shifted by.
            steps: first and last + 1 of the evaluation's steps that are left; none means all.

        Raises:
            UsageError: nothing of the kind can shift here, or it cannot go so far; or steps cannot be left out.
        """
        ...

    def environment(self, part: Part, members: int, copies: int | Copy = 1) -> Environment:
        """Environments on a part of the workload; those of the evaluation carry its noise.

        Args:
            part: which.
            members: K.
            copies: E; or, where something can shift, one of several by itself: what that one of them would be.
        """
        ...

    def conditions(self) -> FloatArray:
        """`(T, A, 2)` of the evaluation: what is expected of each period, and what comes."""
        ...

    def optimum(
        self, scope: Scope, weights: FloatArray | None = None, solver: str = "auto", time_limit_s: float | None = None
    ) -> Optimum:
        """The exact optimum of the evaluation part; weights `(A, M)` for scope alpha.

        Raises:
            SolverError: no solver can answer.
        """
        ...

    def answer(
        self, weights: FloatArray, part: Part = Part.EVALUATION, knowledge: Knowledge = Knowledge.CAUSAL
    ) -> Answer:
        """The best play of a part under weights `(A, M)`; except in a team, no choice touches another's objectives.

        Causal, where what comes deviates from what is expected by a known law: the least expected weighted cost. Where
        there is no such law, in hindsight: the best nondecreasing function of what is expected. Agents that share a
        budget play together: the least sum of their weighted costs, each times its priority; so does a team, whose
        choices touch the others' objectives. Weights need not sum to 1.
        """
        ...

    def believed(self, weights: FloatArray) -> IntArray:
        """The plan of `answer` by the objectives that training is told; asked for only where `Spec.proxy` says so."""
        ...

    def perfect(self, weights: FloatArray) -> IntArray:
        """The choices `(T, A)` of a perfect task agent under weights `(A, M)`, on the evaluation part."""
        ...

    def choices_of(self, measures: FloatArray) -> IntArray:
        """The choices `(T, A)` that measures `(T, A, Q)` tell of."""
        ...

    def expected(self, plan: IntArray) -> Played:
        """What a plan `(T, A)` brings on the evaluation part, in expectation over its noise."""
        ...

    def replayed(self, plan: IntArray) -> tuple[Played, Played]:
        """What a plan `(T, A)` brings at the conditions that `optimum` knows, and at those that came."""
        ...
