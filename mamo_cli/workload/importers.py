"""Real workloads brought into the trace schema: read strictly, rescaled on request only, all noted."""

import math
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mamo_cli.core.errors import DataError
from mamo_cli.workload.across import read_across
from mamo_cli.workload.dialect import Layout
from mamo_cli.workload.engine import Engine
from mamo_cli.workload.imported import Imported, function_names, note_text
from mamo_cli.workload.meaning import Meaning
from mamo_cli.workload.opening import open_table
from mamo_cli.workload.options import Options
from mamo_cli.workload.preview import Preview, preview_of
from mamo_cli.workload.profiles.profile import Advice, Profile
from mamo_cli.workload.profiles.registry import profile_of, without_companions
from mamo_cli.workload.request_log import read_requests
from mamo_cli.workload.samples import read_samples
from mamo_cli.workload.stamps import left_out
from mamo_cli.workload.tables import Table
from mamo_cli.workload.trace import FloatArray, Trace


@dataclass(frozen=True)
class _Read:
    """What files hold, what they were taken for and why."""

    imported: Imported
    profile: Profile
    why: str
    meaning: Meaning


def import_trace(paths: Path | Sequence[Path], options: Options | None = None) -> tuple[Trace, Preview]:
    """Return the workload in one or more files as one trace; its notes say where it is from and what was done to it.

    With the forecast `persistence` a controller expects the rate of the period before. The first period is then
    dropped, because nothing was seen before it. With `perfect` it expects the truth.

    Args:
        paths: the file, or the files that together are one workload.
        options: what the user says about them.

    Raises:
        UsageError: an option is out of range, unknown, not for this format, or asks for what the file has not.
        DataError: the file is not in the format; one line `path:line:column: ...` for each fault.
        ChoiceError: the file can be read in more than one way.
    """
    options = options or Options()
    files = [paths] if isinstance(paths, Path) else list(paths)
    read = _read(files, options)
    imported = read.imported
    expected, actual = _forecast(files[0], imported.rate_rps, options.forecast)
    factor, scale_notes = _scale(files[0], actual, options)
    with np.errstate(over="ignore"):  # the trace itself refuses what is no longer finite
        expected, actual = expected * factor, actual * factor
    where = note_text(" and ".join("=".join(one) for one in read.meaning.where))
    trace = Trace(
        functions=function_names(imported.names),
        expected_rate_rps=expected,
        actual_rate_rps=actual,
        step_seconds=imported.step_seconds,
        notes={
            "source": note_text(", ".join(file.name for file in files)),
            "format": read.profile.name,
            **({"where": where} if where else {}),
            **imported.notes,
            "forecast": options.forecast,
            **scale_notes,
        },
    )
    return trace, preview_of(imported, trace, read.profile, read.why, read.meaning.timezone)


def _read(files: Sequence[Path], options: Options) -> _Read:
    engine = Engine()
    try:
        with ExitStack() as opened:
            all_tables = [opened.enter_context(open_table(engine, file, options.separator)) for file in files]
            for table in all_tables:
                table.require_rows()
            tables, companions = without_companions(all_tables)
            profile, why = profile_of(tables[0], options)
            said = profile.meaning(tables[0], options)
            tables = [table.below(profile.above(table)) for table in tables]
            if tables[0].decimal_comma():
                said = replace(said, decimal=",")
            meaning = options.applied(said)
            _check_alike(tables, meaning)
            imported = _reader(meaning)(tables, meaning, options)
            told, notes = _advice(profile, tables, companions, imported)
            dropped = [(left_out(tables, meaning), "rows that do not count"), *imported.dropped]
    finally:
        engine.close()
    told = [*_left_out(tables[0], meaning), *imported.said, *told]
    imported = replace(imported, said=told, notes={**imported.notes, **notes}, dropped=dropped)
    return _Read(imported, profile, why, meaning)


def _advice(profile: Profile, tables: Sequence[Table], companions: Sequence[Table], imported: Imported) -> Advice:
    if not companions:
        return [], {}
    if profile.advice is None or not all(profile.companion(table) for table in companions):
        raise DataError(f"{companions[0].path}: this goes with files of another format than {profile.name}")
    return profile.advice(tables, companions, imported.names)


def _left_out(table: Table, meaning: Meaning) -> list[str]:
    """What is said of columns that are not read, and of how numbers are."""
    said = []
    if "" in meaning.ignored:
        first = table.columns[0] == ""
        said.append(f"the {'first' if first else 'empty'} column has no name and is left out{', as an index' * first}")
    columns = [name for name in meaning.ignored if name]
    if columns and meaning.period_s is None:
        said.append(f"left out: the columns {', '.join(columns)}")
    said += [f"only rows with {name}={value} count" for name, value in meaning.where]
    said += [
        f"rows with {name}={value} are left out" if value else f"rows without {name} are left out, as no requests"
        for name, value in meaning.excluded
    ]
    if meaning.decimal == ",":
        said.append("numbers have a decimal comma")
    if table.header_line == 0 and table.layout in (Layout.CELLS, Layout.LIST):
        said.append("there is no header: the first row is data")
    return said


def _reader(meaning: Meaning) -> Callable[[Sequence[Table], Meaning, Options], Imported]:
    if meaning.period_s is not None:
        return read_across
    return read_requests if meaning.values == "requests" else read_samples


def _check_alike(tables: Sequence[Table], meaning: Meaning) -> None:
    for table in tables[1:]:
        if meaning.period_s is None and table.columns != tables[0].columns:
            raise DataError(f"{table.path}: its columns are not those of {tables[0].path}")


def _forecast(path: Path, rate: FloatArray, forecast: str) -> tuple[FloatArray, FloatArray]:
    """Return what is expected and what comes, (T, F) or with persistence (T - 1, F)."""
    if forecast == "perfect":
        return rate, rate
    if len(rate) < 2:
        raise DataError(
            f"{path}: one control period is too short for the forecast persistence, which looks at the one before: "
            "use a shorter --step-seconds or --forecast perfect"
        )
    return rate[:-1], rate[1:]


def _scale(path: Path, actual: FloatArray, options: Options) -> tuple[float, dict[str, str]]:
    """Return the one factor for all rates, and the notes that record it."""
    with np.errstate(over="ignore"):
        total = actual.sum(axis=1)
        peak, mean = float(total.max()), float(total.mean())
    if options.scale_to_peak is not None:
        name, target, present = "peak", options.scale_to_peak, peak
    elif options.scale_to_mean is not None:
        name, target, present = "mean", options.scale_to_mean, mean
    else:
        return 1.0, {}
    factor = target / present if present > 0 else math.inf
    if not 0 < factor < math.inf:
        raise DataError(f"{path}: the {name} rate is {present:g} requests/s: it cannot be scaled to {target:g}")
    return factor, {f"scaled_to_{name}": repr(float(target)), "scale_factor": repr(factor)}
