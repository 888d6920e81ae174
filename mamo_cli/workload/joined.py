"""One trace made of several: each function's taken from a trace of its own."""

import math
from collections.abc import Mapping

import numpy as np

from mamo_cli.core.errors import DataError
from mamo_cli.workload.trace import Trace


def column_of(trace: Trace, function: str, path: str) -> Trace:
    """One function of a trace under a name: that of a trace's only function, or the one called so.

    Raises:
        DataError: there are several, and none is called so.
    """
    if len(trace.functions) == 1:
        return trace.only(0, function)
    if function not in trace.functions:
        raise DataError(f"{path}: it has no function {function}; there are {', '.join(trace.functions)}")
    return trace.only(trace.functions.index(function), function)


def joined(parts: Mapping[str, Trace], caps: Mapping[str, int]) -> Trace:
    """Traces of one function each as one trace.

    It is periodic where all are. Where some have caps, the others' are as given.

    Args:
        parts: by the function's name; at least one.
        caps: most replicas of each function whose own trace has none.

    Raises:
        DataError: they differ in their number of steps or in their length, or in the node's memory.
    """
    first, *_ = parts.values()
    for name, part in parts.items():
        if (part.steps, part.step_seconds) != (first.steps, first.step_seconds):
            raise DataError(
                f"all functions need traces of one length: {name} has {part.steps} steps of {part.step_seconds:g} s, "
                f"{next(iter(parts))} has {first.steps} of {first.step_seconds:g} s"
            )
    memories = [part.node_memory_mb for part in parts.values() if part.node_memory_mb is not None]
    if any(not np.array_equal(memory, memories[0]) for memory in memories):
        raise DataError("the functions' traces differ in node_memory, which is the node's: let one of them have it")
    periods = [part.period_steps for part in parts.values()]
    capped = any(part.max_replicas is not None for part in parts.values())
    return Trace(
        functions=tuple(parts),
        expected_rate_rps=np.concatenate([part.expected_rate_rps for part in parts.values()], 1),
        actual_rate_rps=np.concatenate([part.actual_rate_rps for part in parts.values()], 1),
        step_seconds=first.step_seconds,
        max_replicas=np.concatenate([_caps(part, caps[name]) for name, part in parts.items()], 1) if capped else None,
        period_steps=None if None in periods else math.lcm(*(each for each in periods if each is not None)),
        notes=_notes(parts),
        node_memory_mb=memories[0] if memories else None,
    )


def _caps(part: Trace, otherwise: int) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    return np.full((part.steps, 1), otherwise) if part.max_replicas is None else part.max_replicas


def _notes(parts: Mapping[str, Trace]) -> dict[str, str]:
    """What all say alike, once; else whose each is."""
    notes: dict[str, str] = {}
    for key in dict.fromkeys(key for part in parts.values() for key in part.notes):
        said = {name: part.notes[key] for name, part in parts.items() if key in part.notes}
        alike = len(said) == len(parts) and len(set(said.values())) == 1
        notes[key] = next(iter(said.values())) if alike else "; ".join(f"{name}: {note}" for name, note in said.items())
    return notes
