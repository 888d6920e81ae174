"""The workload trace: what a controller expects and what comes, by control period and function."""

import hashlib
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from mamo_cli.core.errors import DataError
from mamo_cli.workload.arrays_npz import Arrays
from mamo_cli.workload.measurements import Measurements

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

FUNCTION_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
NOTE_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")
MAX_REPLICAS = 1_000_000_000
MAX_MEMORY_MB = 1_000_000_000
RESERVED_KEYS = ("step_seconds", "period_steps")


@dataclass(frozen=True, eq=False)
class Trace:
    """Arrival rates of F functions over T control periods, valid and read-only from the moment it exists.

    Attributes:
        functions: F distinct names.
        expected_rate_rps: (T, F) requests/s, what a controller sees before it acts.
        actual_rate_rps: (T, F) requests/s, what comes.
        step_seconds: length of a control period.
        max_replicas: (T, F) replica caps in 1..MAX_REPLICAS, or None where the trace gives none.
        period_steps: set only for a synthetic trace that repeats after so many steps. Such a trace is evaluated on
            noise of its own instead of being split in time.
        notes: provenance (source, forecast, scaled_to_peak, ...), kept in the comment lines of a trace file.
        measured: what was measured where the workload is to run, by the file's name in the settings; in files of its
            own, which no trace file names.
        node_memory_mb: (T,) memory of the node in whole MB, 1..MAX_MEMORY_MB, or None where the trace gives none.
        arrays: what the domain itself is made of, where a file holds that, which no trace file names.

    Raises:
        DataError: a field has the wrong shape or a value that no workload can have.
    """

    functions: tuple[str, ...]
    expected_rate_rps: FloatArray
    actual_rate_rps: FloatArray
    step_seconds: float = 300.0
    max_replicas: IntArray | None = None
    period_steps: int | None = None
    notes: Mapping[str, str] = field(default_factory=dict)
    measured: Mapping[str, Measurements] = field(default_factory=dict)
    node_memory_mb: IntArray | None = None
    arrays: Arrays | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "functions", _names(self.functions))
        for name in ("expected_rate_rps", "actual_rate_rps"):
            object.__setattr__(self, name, _rates(name, getattr(self, name), len(self.functions)))
        if self.expected_rate_rps.shape != self.actual_rate_rps.shape:
            raise DataError(
                f"expected and actual rates must cover the same steps, "
                f"got {len(self.expected_rate_rps)} and {len(self.actual_rate_rps)}"
            )
        if not (math.isfinite(self.step_seconds) and self.step_seconds > 0):
            raise DataError(f"step_seconds must be a finite number > 0, got {self.step_seconds!r}")
        object.__setattr__(self, "step_seconds", float(self.step_seconds))
        if self.max_replicas is not None:
            caps = _whole("max_replicas", self.max_replicas, self.expected_rate_rps.shape, MAX_REPLICAS)
            object.__setattr__(self, "max_replicas", caps)
        if self.node_memory_mb is not None:
            memory = _whole("node_memory_mb", self.node_memory_mb, (self.steps,), MAX_MEMORY_MB)
            object.__setattr__(self, "node_memory_mb", memory)
        if self.period_steps is not None and (self.period_steps < 1 or self.steps % self.period_steps):
            raise DataError(f"period_steps must divide the {self.steps} steps of the trace, got {self.period_steps}")
        object.__setattr__(self, "period_steps", None if self.period_steps is None else int(self.period_steps))
        object.__setattr__(self, "notes", _checked_notes(self.notes))

    @property
    def steps(self) -> int:
        """Number of control periods T."""
        return len(self.expected_rate_rps)

    @property
    def carries_deviations(self) -> bool:
        """Whether what comes differs anywhere from what is expected."""
        return not np.array_equal(self.expected_rate_rps, self.actual_rate_rps)

    def slice(self, start: int, stop: int) -> "Trace":
        """Return the steps `start` to `stop - 1` as a trace of its own, whose steps count from 0 again.

        It stays periodic only where it still holds whole periods.

        Raises:
            DataError: the range is empty or reaches outside the trace.
        """
        if not 0 <= start < stop <= self.steps:
            raise DataError(f"no steps {start} to {stop} in a trace of {self.steps} steps")
        period = self.period_steps
        return replace(
            self,
            expected_rate_rps=self.expected_rate_rps[start:stop],
            actual_rate_rps=self.actual_rate_rps[start:stop],
            max_replicas=None if self.max_replicas is None else self.max_replicas[start:stop],
            node_memory_mb=None if self.node_memory_mb is None else self.node_memory_mb[start:stop],
            period_steps=period if period is not None and (stop - start) % period == 0 else None,
        )

    def repeated(self, times: int) -> "Trace":
        """Return the trace so many times over, one after another."""
        caps, memory = self.max_replicas, self.node_memory_mb
        return replace(
            self,
            expected_rate_rps=np.tile(self.expected_rate_rps, (times, 1)),
            actual_rate_rps=np.tile(self.actual_rate_rps, (times, 1)),
            max_replicas=None if caps is None else np.tile(caps, (times, 1)),
            node_memory_mb=None if memory is None else np.tile(memory, times),
        )

    def at_load(self, factor: float) -> "Trace":
        """Return the trace with every rate multiplied by a factor."""
        if factor == 1.0:
            return self
        rates = {name: getattr(self, name) * factor for name in ("expected_rate_rps", "actual_rate_rps")}
        return replace(self, **rates)

    def at_shape(self, factor: float) -> "Trace":
        """Return the trace with the deviations of its rates from their means multiplied by a factor, cut off at 0."""
        if factor == 1.0:
            return self

        def shaped(rates: FloatArray) -> FloatArray:
            mean = np.ascontiguousarray(rates.T).mean(1)
            return np.asarray(np.maximum(mean + factor * (rates - mean), 0.0))

        return replace(
            self,
            expected_rate_rps=shaped(self.expected_rate_rps),
            actual_rate_rps=shaped(self.actual_rate_rps),
        )

    def only(self, column: int, name: str) -> "Trace":
        """Return the trace of one of its functions, under a name."""
        return replace(
            self,
            functions=(name,),
            expected_rate_rps=self.expected_rate_rps[:, [column]],
            actual_rate_rps=self.actual_rate_rps[:, [column]],
            max_replicas=None if self.max_replicas is None else self.max_replicas[:, [column]],
        )

    def ordered_as(self, functions: Sequence[str]) -> "Trace":
        """Return the trace with its functions in another order.

        Raises:
            DataError: it has others.
        """
        if set(functions) != set(self.functions):
            raise DataError(f"the functions are {', '.join(self.functions)}, not {', '.join(functions)}")
        order = [self.functions.index(name) for name in functions]
        return replace(
            self,
            functions=tuple(functions),
            expected_rate_rps=self.expected_rate_rps[:, order],
            actual_rate_rps=self.actual_rate_rps[:, order],
            max_replicas=None if self.max_replicas is None else self.max_replicas[:, order],
        )

    def split(self, train_share: float) -> tuple["Trace", "Trace"]:
        """Return the first `train_share` of the steps, to train on, and the rest, to evaluate on.

        Raises:
            DataError: one of the two would be empty.
        """
        cut = round(self.steps * train_share) if 0 < train_share < 1 else 0
        if not 0 < cut < self.steps:
            raise DataError(
                f"a train share of {train_share} of {self.steps} steps leaves nothing to train on or nothing to "
                "evaluate: give a longer trace or another --train-share"
            )
        return self.slice(0, cut), self.slice(cut, self.steps)

    def digest(self) -> str:
        """Return the sha256 (hex) of all that can change a result; the notes cannot."""
        head = (self.functions, self.steps, self.step_seconds, self.period_steps, self.max_replicas is not None)
        sha = hashlib.sha256(repr(head).encode())
        sha.update(self.expected_rate_rps.astype("<f8").tobytes())
        sha.update(self.actual_rate_rps.astype("<f8").tobytes())
        if self.max_replicas is not None:
            sha.update(self.max_replicas.astype("<i8").tobytes())
        for measurements in self.measured.values():
            sha.update(measurements.digest().encode())
        if self.node_memory_mb is not None:
            sha.update(b"node_memory")
            sha.update(self.node_memory_mb.astype("<i8").tobytes())
        if self.arrays is not None:
            sha.update(self.arrays.digest().encode())
        return sha.hexdigest()


def _names(functions: tuple[str, ...]) -> tuple[str, ...]:
    names = tuple(functions)
    if not names:
        raise DataError("a trace needs at least one function")
    for name in names:
        if not FUNCTION_NAME.fullmatch(name):
            raise DataError(f"function name must match {FUNCTION_NAME.pattern}, got {name!r}")
    if len(set(names)) < len(names):
        raise DataError(f"function names must differ, got {', '.join(names)}")
    return names


def _rates(name: str, values: FloatArray, function_count: int) -> FloatArray:
    """Return a read-only float64 copy, row by row; adding 0.0 makes -0.0 the 0.0 it means, so that digests agree."""
    rates = np.array(values, dtype=np.float64, order="C") + 0.0
    if rates.ndim != 2 or rates.shape[0] == 0 or rates.shape[1] != function_count:
        raise DataError(f"{name} must have the shape (steps >= 1, {function_count}), got {rates.shape}")
    bad = np.argwhere(~(np.isfinite(rates) & (rates >= 0)))
    if len(bad):
        step, column = bad[0]
        raise DataError(f"{name} must be finite and >= 0, got {rates[step, column]} at step {step}, column {column}")
    rates.setflags(write=False)
    return rates


def _whole(name: str, values: IntArray, shape: tuple[int, ...], most: int) -> IntArray:
    """Return a read-only int64 copy of whole numbers in 1..most."""
    given = np.asarray(values)
    if given.shape != shape or given.dtype.kind not in "iu":
        raise DataError(f"{name} must hold integers in the shape {shape}, got {given.dtype} in {given.shape}")
    if given.min() < 1 or given.max() > most:
        raise DataError(f"{name} must be in 1..{most}, got {given.min()} to {given.max()}")
    whole = np.array(given, dtype=np.int64, order="C")
    whole.setflags(write=False)
    return whole


def _checked_notes(notes: Mapping[str, str]) -> dict[str, str]:
    """Return a copy of the notes, each of which fits a comment line `# key=value` and reads back the same."""
    for key, value in notes.items():
        if not NOTE_KEY.fullmatch(key) or key in RESERVED_KEYS:
            raise DataError(f"a note's key must match {NOTE_KEY.pattern} and not be reserved, got {key!r}")
        if not value.isprintable() or value != value.strip():
            raise DataError(f"note {key!r} must be printable text without surrounding spaces, got {value!r}")
    return dict(notes)
