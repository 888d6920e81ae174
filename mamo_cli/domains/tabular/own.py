"""A finite process of the user's own, from three arrays in an .npz file: nothing is known of it but these.

| array | shape | holds |
|---|---|---|
| `transitions` | `(S, C, S)` | probability of each next state after each choice in each state |
| `cost` | `(S, C)` | of a period, in a unit of its own, at least 0 |
| `violations` | `(S, C)` | of a period, whose mean `--tolerance` limits, at least 0 |

A play begins in state 0. Observed: the state, one-hot. All states can be reached from one another, or a mean would
depend on where a play begins.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from pydantic import Field
from scipy.sparse.csgraph import connected_components

from mamo_cli.core.arrays import FloatArray
from mamo_cli.core.errors import DataError, UsageError
from mamo_cli.core.settings import CONTENT, FileName, Section
from mamo_cli.core.words import Quantity, Words
from mamo_cli.domains.settings import ProcessSettings
from mamo_cli.domains.tabular.domain import TabularDomain, refuse, workload
from mamo_cli.domains.tabular.process import Process
from mamo_cli.workload.arrays_npz import read_arrays
from mamo_cli.workload.trace import Trace

ARRAYS = ("transitions", "cost", "violations")
AGENT = "process"
MOST_STATES = 1000
MOST_SUCCESSORS = 20_000_000
"""Entries of the table that says what follows each choice in each state, whichever way chance has it."""

SUM_ROUNDING = 1e-6
"""What probabilities of a file may be off 1 by, before they are divided by their sum."""

SAME = 1e-12
"""Probabilities, or ends of them on [0, 1], that differ by less are one."""

WORDS = Words(
    agent=AGENT,
    violations=(Quantity("violation", "Violation V\n(per period)", symbol="V"),),
    measures=(Quantity("state", "State", whole=True), Quantity("action", "Action", whole=True)),
    conditions=(Quantity("expected_chance", "expected chance"), Quantity("chance", "chance")),
    control="Chance\n(share of all it could be)",
    cost="Mean cost (share of the largest)",
)
# Nothing is known of how far ahead it pays to look.
DEFAULTS: Mapping[str, Any] = {
    "learner": {"hidden": (64, 64), "discount": 0.95, "batch_size": 64, "priority_exponent": 0.0},
    "phase": {"environments": 64},
}
BLOCK = 100
"""Periods for which one policy of a mixture plays on."""


class OwnConfig(ProcessSettings):
    """Which process, and what is asked of it."""

    process: FileName | None = Field(
        default=None,
        description="The process, .npz: transitions (S, C, S), cost (S, C), violations (S, C).",
        json_schema_extra=CONTENT,
    )
    tolerance: float = Field(default=0.05, ge=0.0, description="Most violation of a period, on average.")


SETTINGS, PLANNING = OwnConfig, Section


def load(settings: OwnConfig) -> Trace:
    """The process travels with what stands in for a workload.

    Raises:
        UsageError: no process is named.
        DataError: its file cannot be read.
    """
    if settings.process is None:
        raise UsageError("--domain tabular needs --process FILE.npz, with arrays transitions, cost and violations")
    return replace(workload(settings, AGENT, 0.5), arrays=read_arrays(settings.process, ARRAYS))


def build(
    settings: OwnConfig, source: Trace, evaluation: Trace | None = None, planning: Section | None = None
) -> TabularDomain:
    """The process of a configuration; see `registry.build`.

    Raises:
        DataError: the arrays are of no process.
    """
    refuse(AGENT, evaluation, planning)
    read = source.arrays
    assert read is not None
    transitions, cost, violations = checked(read.name, *(read.arrays[name] for name in ARRAYS))
    return TabularDomain(
        process=process(transitions, cost, violations),
        words=WORDS,
        agent=AGENT,
        limit=settings.tolerance,
        block=BLOCK,
        settings=settings,
    )


def checked(
    name: str, transitions: FloatArray, cost: FloatArray, violations: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """The arrays of a process, the probabilities to sum to 1 exactly.

    Raises:
        DataError: they are of none; names the array, the index and the value.
    """
    states, choices = transitions.shape[:2] if transitions.ndim == 3 else (0, 0)
    if transitions.shape != (states, choices, states) or min(states, choices) < 1:
        raise DataError(f"{name}: transitions must have the shape (S, C, S), got {transitions.shape}")
    if states > MOST_STATES:
        raise DataError(f"{name}: at most {MOST_STATES} states, got {states}")
    for what, values in (("cost", cost), ("violations", violations)):
        if values.shape != (states, choices):
            raise DataError(f"{name}: {what} must have the shape {(states, choices)}, got {values.shape}")
    for what, values in (("transitions", transitions), ("cost", cost), ("violations", violations)):
        for place in np.argwhere(values < 0.0)[:1]:
            raise DataError(f"{name}: {what}[{_place(place)}] must be at least 0, got {values[tuple(place)]:g}")
    total = transitions.sum(-1)
    for place in np.argwhere(np.abs(total - 1.0) > SUM_ROUNDING)[:1]:
        raise DataError(
            f"{name}: transitions[{_place(place)}] is no distribution: it must sum to 1, got {total[tuple(place)]:g}"
        )
    _require_one_class(name, transitions)
    return transitions / total[..., None], cost, violations


def process(transitions: FloatArray, cost: FloatArray, violations: FloatArray) -> Process:
    """The process of checked arrays. Chance draws one number in [0, 1), and every row says what that number leads to.

    Its ways are the stretches of [0, 1) in which no row's next state changes.

    Raises:
        DataError: there are too many.
    """
    states, choices = cost.shape
    ends = transitions.cumsum(-1)
    edges = np.unique(np.clip(ends, 0.0, 1.0))
    edges = edges[np.diff(edges, prepend=0.0) > SAME]
    edges[-1] = 1.0
    if edges.size * cost.size > MOST_SUCCESSORS:
        raise DataError(
            f"transitions: {edges.size} different sums of probabilities in {states} states times {choices} choices are "
            f"too many, at most {MOST_SUCCESSORS} in all: round them, or leave out rare next states"
        )
    starts = np.r_[0.0, edges[:-1]]
    middle = (starts + edges) / 2.0
    successor = np.stack([[np.searchsorted(row, middle, side="right") for row in state] for state in ends])
    scale = float(cost.max())
    return Process(
        successor=np.minimum(successor, states - 1),
        chance=edges - starts,
        allowed=np.ones((states, choices), dtype=np.bool_),
        objectives=np.stack((cost / (scale or 1.0), violations), -1),
        cost_scale=scale or 1.0,
        starts=np.array([0]),
        ends=np.zeros(len(edges), dtype=np.bool_),
        came=middle,
        observed=np.eye(states, dtype=np.float32),
        measures=np.stack((*np.indices((states, choices)),), -1).astype(np.float64),
    )


def _require_one_class(name: str, transitions: FloatArray) -> None:
    possible = transitions.max(axis=1) > SAME
    count, label = connected_components(possible, connection="strong")
    if count > 1:
        other = int(np.flatnonzero(label != label[0])[0])
        raise DataError(
            f"{name}: states 0 and {other} cannot both be reached from one another, whatever is chosen: a mean would "
            "depend on where a play begins"
        )


def _place(index: Any) -> str:
    return ", ".join(map(str, index))
