"""What every importer of a real format hands over, and how raw function names are chosen and made fit for a trace."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mamo_cli.core.errors import UsageError
from mamo_cli.workload.options import Options
from mamo_cli.workload.times import Clock
from mamo_cli.workload.trace import FUNCTION_NAME, FloatArray

_HASH = re.compile(r"[0-9a-f]{32,}")


@dataclass(frozen=True)
class Imported:
    """Rates as a file gives them.

    Attributes:
        names: F raw names, which may repeat (two applications can each have a function of the same name).
        rate_rps: (T, F) requests/s.
        step_seconds: length of a control period.
        start_ns: when the first period begins, nanoseconds since 1970 or since what times count from; None without.
        clock: how the times are written; None without times.
        notes: what was decided on the way, for the trace's notes.
        said: what was decided on the way, in whole sentences, for the user.
        dropped: (rows, minutes or requests that were left out, why).
        filled: how many values were missing and put in.
    """

    names: list[str]
    rate_rps: FloatArray
    step_seconds: float
    start_ns: int | None = None
    clock: Clock | None = None
    notes: dict[str, str] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)
    dropped: list[tuple[int, str]] = field(default_factory=list)
    filled: int = 0


def select(path: Path, names: Sequence[str], wanted: Sequence[str] | None) -> list[int]:
    """Return the indices of the `wanted` names, in the file's order; None or nothing wanted means all.

    A wanted text chooses the names equal to it or, where there is none, all names that begin with it.

    Raises:
        UsageError: a wanted text chooses nothing.
    """
    if not wanted:
        return list(range(len(names)))
    chosen: set[int] = set()
    for text in wanted:
        equal = [index for index, name in enumerate(names) if name == text]
        found = equal or [index for index, name in enumerate(names) if text and name.startswith(text)]
        if not found:
            some = ", ".join(name[:12] for name in names[:10])
            raise UsageError(f"{path}: no function is named {text!r} or begins so: there are {some}, ...")
        chosen.update(found)
    return sorted(chosen)


def chosen_functions(path: Path, names: Sequence[str], totals: FloatArray, options: Options) -> list[int]:
    """Return the indices of the functions to keep, in the file's order.

    Args:
        path: the file.
        names: of its functions.
        totals: requests of each.
        options: what the user wants.
    """
    if options.busiest is None:
        return select(path, names, options.function)
    return sorted(np.argsort(-totals, kind="stable")[: options.busiest].tolist())


def not_chosen(names: Sequence[str], chosen: Sequence[int], totals: FloatArray) -> list[tuple[int, str]]:
    """Return what is left out with the functions that were not chosen, as `Imported.dropped` has it.

    Args:
        names: of all functions.
        chosen: indices of those that stay.
        totals: requests of each.
    """
    others = np.setdiff1d(np.arange(len(names)), chosen)
    return [(round(float(totals[others].sum())), f"requests of {len(others)} functions that were not chosen")]


def note_text(text: str) -> str:
    """Return `text` as a note can hold it: printable, on one line, without spaces around it."""
    return "".join(character if character.isprintable() else "?" for character in text).strip()


def function_names(raw: Sequence[str]) -> tuple[str, ...]:
    """Return one valid and distinct function name for each raw name, the same ones for the same input.

    A long hash is cut to its first 12 digits, other names keep as much as is allowed, and a name taken already gets
    `-2`, `-3`, ... appended.
    """
    names: dict[str, None] = {}
    repeats: dict[str, int] = {}
    for text in raw:
        base = name = _function_name(text)
        while name in names:
            repeats[base] = repeats.get(base, 1) + 1
            name = f"{base[:50]}-{repeats[base]}"
        names[name] = None
    return tuple(names)


def _function_name(text: str) -> str:
    if _HASH.fullmatch(text):
        return text[:12]
    name = re.sub(r"[^A-Za-z0-9._-]", "_", text)
    if not FUNCTION_NAME.match(name):
        name = f"f{name}"
    if len(name) > 64:
        name = f"{name[:51]}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"
    return name
