"""Files of measurements: `arrival_rate_rps,replicas,rejection_fraction[,requests][,trace]`, one row a period.

Rates are in requests/s; further columns are left alone. A row counts as many times as it has `requests`, or once; rows
of one `trace` were measured one after another. Replicas may be a mean over a period in which their number changed.
"""

from pathlib import Path

import numpy as np

from mamo_cli.core.errors import DataError
from mamo_cli.core.storage import replace_text
from mamo_cli.workload.dialect import Layout
from mamo_cli.workload.engine import Engine
from mamo_cli.workload.measurements import MOST_REPLICAS, Measurements
from mamo_cli.workload.opening import open_table
from mamo_cli.workload.tables import NUMBER, Table

REQUIRED = ("arrival_rate_rps", "replicas", "rejection_fraction")
WEIGHT, SERIES = "requests", "trace"


def read_measurements(path: str | Path) -> Measurements:
    """Return the measurements in a file, having checked every field of it that is read.

    Raises:
        DataError: the file is unreadable or anything in it is wrong; one line `path:line:column: ...` for each fault.
    """
    engine = Engine()
    try:
        with open_table(engine, Path(path)) as table:
            _check_header(table)
            table.require_rows()
            _check_cells(table)
            return _measurements(table, str(path))
    finally:
        engine.close()


def write_measurements(measured: Measurements, path: Path) -> None:
    """Write what `read_measurements` returns, to the digest.

    Raises:
        StorageError: the disk is full, read-only or failing.
    """
    named = bool(measured.series_names)
    lines = [",".join((*REQUIRED, WEIGHT, *([SERIES] if named else [])))]
    for row in range(measured.rows):
        arrays = (measured.arrival_rate_rps, measured.replicas, measured.rejection, measured.weight)
        cells = [repr(float(values[row])) for values in arrays]
        lines.append(",".join([*cells, *([str(measured.series[row])] if named else [])]))
    replace_text(path, "\n".join([*lines, ""]))


def _check_header(table: Table) -> None:
    known = f"measurements are {','.join(REQUIRED)}[,{WEIGHT}][,{SERIES}], and may have more"
    if table.layout is not Layout.CELLS:
        raise DataError(f"{table.path}: {known}, in comma-separated text; this is {table.layout.value}")
    for name in REQUIRED:
        if name not in table.columns:
            table.header_fault(len(table.columns), f"column {name} is missing: {known}")
    table.check()


def _check_cells(table: Table) -> None:
    rules = {
        "arrival_rate_rps": ("{} >= 0 and isfinite({})", "must be a finite number >= 0"),
        "replicas": (f"{{}} > 0 and {{}} <= {MOST_REPLICAS}", f"must be a number above 0, at most {MOST_REPLICAS}"),
        "rejection_fraction": ("{} between 0 and 1", "must be a number from 0 to 1"),
        WEIGHT: ("{} > 0 and {} <= 1e15", "must be a number above 0, at most 1e15"),
    }
    tests = []
    for name, (rule, message) in rules.items():
        if name in table.columns:
            cell = table.place(name)
            number = f"try_cast(case when regexp_full_match({cell}, '{NUMBER}') then {cell} end as double)"
            tests.append((name, rule.replace("{}", number), message))
    if SERIES in table.columns:
        tests.append((SERIES, f"{table.place(SERIES)} != ''", "must be a name"))
    for name, test, message in tests:
        bad = f"not coalesce({test}, false)"
        if table.count(bad):
            table.faults(name, bad, message)
    table.check()


def _measurements(table: Table, name: str) -> Measurements:
    columns = [f"{table.place(column)}::double as {column}" for column in REQUIRED]
    columns.append(f"{table.place(WEIGHT)}::double as weight" if WEIGHT in table.columns else "1.0::double as weight")
    found = table.arrays(f"select r, {', '.join(columns)} from {table.numbered} order by r")
    names: tuple[str, ...] = ()
    series = np.arange(len(found["r"]), dtype=np.int64)
    if SERIES in table.columns:
        cells = [cell for (cell,) in table.rows(f"select {table.place(SERIES)} from {table.numbered} order by r")]
        names = tuple(dict.fromkeys(cells))
        number_of = dict(zip(names, range(len(names)), strict=True))
        series = np.array([number_of[cell] for cell in cells], dtype=np.int64)
    rate, replicas, rejection, weight = (found[column].astype(np.float64) for column in (*REQUIRED, "weight"))
    return Measurements(name, rate, replicas, rejection, weight, series, names)
