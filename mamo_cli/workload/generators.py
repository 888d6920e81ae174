"""Synthetic workloads: a sinusoid, and seeded deviations from any trace."""

import math
from dataclasses import replace

import numpy as np

from mamo_cli.core.errors import UsageError
from mamo_cli.core.seeding import stream
from mamo_cli.workload.trace import FUNCTION_NAME, MAX_MEMORY_MB, FloatArray, IntArray, Trace

MAX_STEPS = 10_000_000


def sinusoidal(
    mean: float = 50.0,
    amplitude: float = 40.0,
    period: int = 288,
    steps: int = 288,
    *,
    phase: float = 0.0,
    step_seconds: float = 300.0,
    function: str = "f0",
    node_memory_mb: int | None = None,
    node_memory_amplitude_mb: int = 0,
) -> Trace:
    """Return the rate mean + amplitude * sin(2 pi (t + phase) / period), clipped at 0, expected and actual alike.

    The trace counts as periodic only where it holds whole periods.

    Args:
        mean: requests/s, >= 0.
        amplitude: requests/s, >= 0.
        period: control periods in a full wave, >= 1.
        steps: control periods of the trace, >= 1.
        phase: control periods by which the wave is ahead.
        step_seconds: length of a control period in seconds, > 0.
        function: the one function's name.
        node_memory_mb: mean memory of the node, whole MB, 1..MAX_MEMORY_MB; None for a trace that tells of none.
        node_memory_amplitude_mb: by how much it falls where the rate is highest, and rises where it is lowest, >= 0 and
            below the mean: what other services leave that are busy when this one is.

    Raises:
        UsageError: a parameter is out of range.
    """
    _require(math.isfinite(mean) and mean >= 0, "--mean", "a finite number of requests/s >= 0", mean)
    _require(
        math.isfinite(amplitude) and amplitude >= 0, "--amplitude", "a finite number of requests/s >= 0", amplitude
    )
    _require(math.isfinite(mean + amplitude), "--mean + --amplitude", "finite", mean + amplitude)
    _require(period >= 1, "--period", "a number of steps >= 1", period)
    _require(1 <= steps <= MAX_STEPS, "--steps", f"in 1..{MAX_STEPS}", steps)
    _require(math.isfinite(phase), "--phase", "a finite number of steps", phase)
    _require(math.isfinite(step_seconds) and step_seconds > 0, "--step-seconds", "a finite number > 0", step_seconds)
    _require(FUNCTION_NAME.fullmatch(function) is not None, "function", f"like {FUNCTION_NAME.pattern}", function)
    # The remainder keeps every wave bit-identical to the first, which sin() of ever larger angles would not.
    position = np.mod(np.mod(np.arange(steps), period) + phase, period)
    rate = np.maximum(mean + amplitude * np.sin(2 * np.pi * position / period), 0.0)[:, None]
    return Trace(
        functions=(function,),
        expected_rate_rps=rate,
        actual_rate_rps=rate,
        step_seconds=step_seconds,
        node_memory_mb=_memory(node_memory_mb, node_memory_amplitude_mb, np.sin(2 * np.pi * position / period)),
        period_steps=period if steps % period == 0 else None,
        notes={"source": f"sinusoidal mean {mean:g} amplitude {amplitude:g} period {period} phase {phase:g}"},
    )


def _memory(mean: int | None, amplitude: int, wave: FloatArray) -> IntArray | None:
    """Whole MB `(T,)`, rounded down, that fall where the wave rises."""
    if mean is None:
        _require(amplitude == 0, "--node-memory-amplitude", "given with --node-memory", amplitude)
        return None
    _require(1 <= mean <= MAX_MEMORY_MB, "--node-memory", f"in 1..{MAX_MEMORY_MB} MB", mean)
    _require(0 <= amplitude < mean, "--node-memory-amplitude", "at least 0 and below --node-memory", amplitude)
    return np.floor(mean - amplitude * wave).astype(np.int64)


def perturb(rate: FloatArray, noise: float, rng: np.random.Generator) -> FloatArray:
    """Return rate * (1 + u) with u ~ U(-noise, noise) drawn afresh for every element, in the shape of `rate`."""
    return rate * (1.0 + rng.uniform(-noise, noise, size=rate.shape))


def noisy(trace: Trace, noise: float = 0.2, seed: int = 0) -> Trace:
    """Return `trace` with its actual rate perturbed; what is expected stays, so the controller is surprised.

    The result carries its own deviations and therefore counts as a trace that does not repeat.

    Args:
        trace: any trace.
        noise: largest relative deviation, in [0, 1].
        seed: names the stream the deviations come from, >= 0.

    Raises:
        UsageError: `noise` or `seed` is out of range.
    """
    _require(0 <= noise <= 1, "--noise", "in [0, 1]", noise)
    _require(seed >= 0, "--seed", ">= 0", seed)
    with np.errstate(over="ignore"):  # the trace itself refuses what is no longer finite
        actual = perturb(trace.actual_rate_rps, noise, stream(seed, "workload"))
    added = f"{noise:g} seed {seed}"
    before = trace.notes.get("noise")
    notes = {**trace.notes, "noise": added if before is None else f"{before}, {added}"}
    return replace(trace, actual_rate_rps=actual, period_steps=None, notes=notes)


def _require(holds: bool, name: str, what: str, value: object) -> None:
    if not holds:
        raise UsageError(f"{name} must be {what}, got {value!r}")
