"""The workload of a node: one trace of all its functions, or of each its own."""

from dataclasses import replace
from pathlib import Path

from mamo_cli.core.errors import UsageError
from mamo_cli.domains.faas.functions import check_functions
from mamo_cli.domains.faas.rejection.measured import MeasuredModel
from mamo_cli.domains.faas.settings import InstanceConfig
from mamo_cli.workload.generators import sinusoidal
from mamo_cli.workload.joined import column_of, joined
from mamo_cli.workload.measurements_csv import read_measurements
from mamo_cli.workload.trace import Trace
from mamo_cli.workload.trace_csv import read_trace


def load(settings: InstanceConfig) -> Trace:
    """The configured trace, or the reference sinusoid, and what was measured of the node.

    A function whose own trace is named is as that has it.

    Raises:
        UsageError: a function is named that is in no trace, or there are measurements that no model reads.
        DataError: a file cannot be read, or traces do not fit one another.
    """
    trace = _trace(settings)
    if settings.measurements is None:
        return trace
    if settings.rejection_model != MeasuredModel.name:
        raise UsageError(f"--measurements is what --rejection-model {MeasuredModel.name} reads: give both, or neither")
    return replace(trace, measured={settings.measurements: read_measurements(Path(settings.measurements))})


def _trace(settings: InstanceConfig) -> Trace:
    traces = {name: getattr(own, "trace", None) for name, own in settings.own.items()}
    files: dict[str, str] = {name: file for name, file in traces.items() if file is not None}
    if settings.trace is None and files:
        functions = tuple(settings.own)
        for name in functions:
            if name not in files:
                raise UsageError(f"function.{name} needs a trace, as others have: its own, or the instance's --trace")
        return _joined(settings, functions, files)
    source = sinusoidal() if settings.trace is None else read_trace(Path(settings.trace))
    check_functions(settings, source.functions)
    return _joined(settings, source.functions, files, source) if files else source


def _joined(
    settings: InstanceConfig, functions: tuple[str, ...], files: dict[str, str], source: Trace | None = None
) -> Trace:
    """One trace of these functions, those without a file as the source has them."""
    read = {path: read_trace(Path(path)) for path in dict.fromkeys(files.values())}
    parts = {name: column_of(read[files[name]], name, files[name]) for name in functions if name in files}
    if source is not None:
        parts |= {name: column_of(source, name, "--trace") for name in functions if name not in files}
    return joined(
        {name: parts[name] for name in functions}, {name: settings.of(name).max_replicas for name in functions}
    )
