"""The fairest single plan within a budget: one choice of each of some groups, by an integer program.

A group is what is chosen at once and apart from all else: a joint choice of a step, or, where agents do not touch one
another, a choice of one agent at a step. The mean of violations is, as in `fair`, the greatest of its tangents: the
program is solved, the plan found tells a tangent, and so on until a plan comes again, which is then the best one.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from mamo_cli.core.arrays import FloatArray, IntArray
from mamo_cli.core.errors import SolverError
from mamo_cli.core.fairness import Mean
from mamo_cli.core.seam import Termination
from mamo_cli.solvers.program import OpenSession, Program, ProgramBuilder, Session

HELD = 1e-7
"""By how much a mean that is held may be larger than what was least: solvers are exact to a tenth of it."""


class FairPlan(NamedTuple):
    """A choice of each group, and what it brings."""

    choices: IntArray  # (G,)
    brought: FloatArray  # (1 + A,): cost and violations
    values: FloatArray  # (L,) the means, the first first


def fairest_plan(
    open_session: OpenSession, means: Sequence[Mean], groups: Sequence[FloatArray], budget: float
) -> FairPlan:
    """The plan that makes the first mean least, of those the second, and so on.

    Args:
        open_session: of a solver, see `sessions`.
        means: of the violations.
        groups: `(C, 1 + A)` each, what a choice adds to the mean cost and violations.
        budget: of the mean cost.

    Raises:
        SolverError: no plan is within the budget, or the solver has not proven the best.
    """
    cheapest = np.array([group[:, 0].argmin() for group in groups])
    if _brought(groups, cheapest)[0] > budget:
        raise SolverError(f"no plan costs {budget:g} or less: the least is {_brought(groups, cheapest)[0]:.4g}")
    tangents: list[list[tuple[FloatArray, float]]] = []
    values: list[float] = []
    choices = cheapest
    with open_session() as session:
        for level, mean in enumerate(means):
            tangents.append([mean.tangent(_brought(groups, choices)[1:])])
            seen: set[bytes] = set()
            while choices.tobytes() not in seen:
                seen.add(choices.tobytes())
                choices = _solved(session, _program(groups, budget, tangents, values), groups)
                violations = _brought(groups, choices)[1:]
                for known, each in zip(tangents, means[: level + 1], strict=True):
                    known.append(each.tangent(violations))
            values.append(float(mean.of(_brought(groups, choices)[1:])))
    return FairPlan(choices, _brought(groups, choices), np.array(values))


def _brought(groups: Sequence[FloatArray], choices: IntArray) -> FloatArray:
    return np.asarray(np.sum([group[choice] for group, choice in zip(groups, choices, strict=True)], 0))


def _program(
    groups: Sequence[FloatArray], budget: float, tangents: Sequence[list[tuple[FloatArray, float]]], held: list[float]
) -> Program:
    """Pick one of each group within the budget, the last mean's greatest tangent least, those before it held."""
    rows, program = np.concatenate(groups), ProgramBuilder()
    chosen, most = program.add_columns(0.0, len(rows), binary=True), program.add_columns(1.0, 1, binary=False)
    group = np.repeat(np.arange(len(groups)), [len(each) for each in groups])
    program.add_rows("one", [(group, chosen, 1.0)], 1.0, 1.0, len(groups))
    first = np.zeros(len(rows), dtype=np.int64)
    program.add_rows("budget", [(first, chosen, rows[:, 0])], -np.inf, budget, 1)
    for level, known in enumerate(tangents):
        for slope, offset in known:
            priced = (first, chosen, rows[:, 1:] @ slope)
            if level == len(held):
                program.add_rows("mean", [priced, (first[:1], most, -1.0)], -np.inf, -offset, 1)
            else:
                program.add_rows("held", [priced], -np.inf, held[level] + HELD - offset, 1)
    return program.build(None)


def _solved(session: Session, program: Program, groups: Sequence[FloatArray]) -> IntArray:
    """The choices of a proven best plan."""
    answer = session.run(program, None)
    if answer.termination is not Termination.OPTIMAL:
        raise SolverError(f"{session.solver} has not proven the fairest plan")
    ends = np.cumsum([len(group) for group in groups])[:-1]
    count = sum(len(group) for group in groups)
    return np.array([values.argmax() for values in np.split(answer.values[:count], ends)])
