"""`mamo generate`: synthetic traces."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mamo_cli.cli.console import print_facts, print_json
from mamo_cli.cli.options import AsJson
from mamo_cli.cli.output import OUTPUT
from mamo_cli.core.errors import UsageError

if TYPE_CHECKING:
    from mamo_cli.workload.trace import Trace

Out = Annotated[Path | None, typer.Option(help="File to write.  [default: traces/NAME.csv]")]
Force = Annotated[bool, typer.Option("--force", help="Replace a file that is there.")]


def sinusoidal(
    *,
    mean: Annotated[float, typer.Option(help="Mean rate, requests/s.")] = 50.0,
    amplitude: Annotated[float, typer.Option(help="Amplitude, requests/s; rates are clipped at 0.")] = 40.0,
    period: Annotated[int, typer.Option(help="Control periods in a cycle of the sinusoid.")] = 288,
    steps: Annotated[int, typer.Option(help="Control periods in the trace.")] = 288,
    phase: Annotated[int, typer.Option(help="Control periods by which the sinusoid is ahead.")] = 0,
    step_seconds: Annotated[float, typer.Option(help="Length of a control period, s.")] = 300.0,
    node_memory: Annotated[
        int | None, typer.Option(help="Mean memory of the node, whole MB, as a column of the trace.")
    ] = None,
    node_memory_amplitude: Annotated[
        int, typer.Option(help="By how much it falls where the rate is highest, and rises where it is lowest, MB.")
    ] = 0,
    out: Out = None,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Write a sinusoidal trace.

    Its rate is mean + amplitude * sin(2 pi (t + phase) / period), expected and actual alike.
    """
    from mamo_cli.workload.generators import sinusoidal as make

    trace = make(
        mean,
        amplitude,
        period,
        steps,
        phase=phase,
        step_seconds=step_seconds,
        node_memory_mb=node_memory,
        node_memory_amplitude_mb=node_memory_amplitude,
    )
    report_trace(trace, out or Path("traces") / "sinusoidal.csv", force, as_json)


def noisy(
    *,
    source: Annotated[
        Path | None, typer.Option("--from", help="Trace to perturb.  [default: the reference sinusoid]")
    ] = None,
    noise: Annotated[float, typer.Option(help="Relative deviation of the actual rate, uniform in +- this.")] = 0.2,
    seed: Annotated[int, typer.Option(help="Seed of the deviations, at least 0.")] = 0,
    out: Out = None,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Perturb a trace's actual rate.

    It is multiplied by 1 + U(-noise, noise); the expected rate stays.
    """
    from mamo_cli.workload.generators import noisy as make
    from mamo_cli.workload.generators import sinusoidal as reference
    from mamo_cli.workload.trace_csv import read_trace

    if seed < 0:
        raise UsageError(f"--seed must be at least 0, got {seed}")
    trace = make(reference() if source is None else read_trace(source), noise, seed)
    name = "noisy.csv" if source is None else f"{source.stem}-noisy.csv"
    report_trace(trace, out or Path("traces") / name, force, as_json)


COMMANDS = {"sinusoidal": sinusoidal, "noisy": noisy}


def report_trace(
    trace: "Trace", path: Path | None, force: bool, as_json: bool, extra: Mapping[str, Any] | None = None
) -> None:
    """Write a trace, unless there is no path for it, and say what is in it."""
    from mamo_cli.workload.trace_csv import write_trace

    if path is not None:
        write_trace(trace, path, force)
    facts = {
        "path": None if path is None else str(path),
        "steps": trace.steps,
        "functions": len(trace.functions),
        "step_seconds": trace.step_seconds,
        "mean_rate_rps": float(trace.actual_rate_rps.mean()),
        "peak_rate_rps": float(trace.actual_rate_rps.max()),
        "zero_share": float((trace.actual_rate_rps == 0.0).mean()),
        **dict(trace.notes),
        **(extra or {}),
    }
    if as_json:
        print_json(facts)
    elif path is not None:
        print_facts(facts)
        OUTPUT.note(f"next: mamo solve-offline --trace {path}")
