"""Trace files: `# key=value` lines, then the tidy table `step,function,expected_rate,actual_rate`.

Columns `max_replicas` and `node_memory` may follow. The first line is `# step_seconds=300`; rates are in requests/s and
round-trip exactly, the node's memory is in MB. pandas reads it with `comment="#"`.
"""

import math
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mamo_cli.core.errors import DataError, UsageError
from mamo_cli.core.storage import replace_file, storage_errors
from mamo_cli.workload.dialect import SEPARATORS, Layout
from mamo_cli.workload.engine import Engine
from mamo_cli.workload.opening import open_table
from mamo_cli.workload.tables import MAX_PROBLEMS_KEPT, NUMBER, WHOLE, Table, shown
from mamo_cli.workload.trace import (
    FUNCTION_NAME,
    MAX_MEMORY_MB,
    MAX_REPLICAS,
    RESERVED_KEYS,
    FloatArray,
    IntArray,
    Trace,
)

REQUIRED = ("step", "function", "expected_rate", "actual_rate")
OPTIONAL = {"max_replicas": MAX_REPLICAS, "node_memory": MAX_MEMORY_MB}
"""Columns of whole numbers that a trace may have, and the largest there may be."""


@dataclass(frozen=True)
class _Columns:
    """The rows of a trace file as typed columns; `row` is their number in the file (from 1), `code` their function."""

    functions: tuple[str, ...]
    row: IntArray
    step: IntArray
    code: IntArray
    expected: FloatArray
    actual: FloatArray
    whole: Mapping[str, IntArray]  # the optional columns that there are


def read_trace(path: str | Path) -> Trace:
    """Return the trace in the file `path`, having checked every field of it.

    Rows may stand in any order; functions keep the order in which they first appear.

    Raises:
        DataError: the file is unreadable or anything in it is wrong; one line `path:line:column: ...` for each fault.
    """
    engine = Engine()
    try:
        with open_table(engine, Path(path)) as table:
            _check_header(table)
            step_seconds = _step_seconds(table)
            period_steps = _period_steps(table)
            columns = _columns(table)
            order = _complete_order(table, columns)
            memory = _node_memory(table, columns, order)
    finally:
        engine.close()
    try:
        return Trace(
            functions=columns.functions,
            expected_rate_rps=columns.expected[order],
            actual_rate_rps=columns.actual[order],
            step_seconds=step_seconds,
            max_replicas=columns.whole["max_replicas"][order] if "max_replicas" in columns.whole else None,
            node_memory_mb=memory,
            period_steps=period_steps,
            notes={key: value for key, (_, value) in table.comments.items() if key not in RESERVED_KEYS},
        )
    except DataError as error:
        raise DataError([f"{path}: {problem}" for problem in error.problems]) from error


def _columns(table: Table) -> _Columns:
    """Return the rows, every cell of which is what it must be."""
    table.require_rows()
    optional = [name for name in OPTIONAL if name in table.columns]
    _check_cells(table, optional)
    cells = {name: table.place(name) for name in table.columns}
    numbers = f"{cells['function']} as function, {cells['step']}::bigint as step"
    numbers += f", {cells['expected_rate']}::double as expected, {cells['actual_rate']}::double as actual"
    numbers += "".join(f", {cells[name]}::bigint as {name}" for name in optional)
    table.rows(f"create or replace temp table trace as select r, {numbers} from {table.numbered}")
    known = table.engine.rows("select function from trace group by function order by min(r)")
    codes = "select function, row_number() over (order by min(r)) - 1 as code from trace group by function"
    found = table.engine.arrays(f"select trace.*, code from trace join ({codes}) using (function) order by r")
    whole = {name: found[name].astype(np.int64) for name in ("r", "step", "code", *optional)}
    return _Columns(
        tuple(name for (name,) in known),
        whole["r"],
        whole["step"],
        whole["code"],
        found["expected"],
        found["actual"],
        {name: whole[name] for name in optional},
    )


def _check_cells(table: Table, optional: Sequence[str]) -> None:
    step, function = table.place("step"), table.place("function")
    tests = [("step", f"regexp_full_match({step}, '{WHOLE}')", "must be a whole number >= 0")]
    tests.append(
        ("function", f"regexp_full_match({function}, '{FUNCTION_NAME.pattern}')", f"must match {FUNCTION_NAME.pattern}")
    )
    for name in ("expected_rate", "actual_rate"):
        cell = table.place(name)
        number = f"try_cast(case when regexp_full_match({cell}, '{NUMBER}') then {cell} end as double)"
        tests.append((name, f"{number} >= 0 and isfinite({number})", "must be a finite number >= 0"))
    for name in optional:
        cell, most = table.place(name), OPTIONAL[name]
        whole = f"try_cast(case when regexp_full_match({cell}, '{WHOLE}') then {cell} end as bigint)"
        tests.append((name, f"{whole} between 1 and {most}", f"must be a whole number in 1..{most}"))
    bad = " or ".join(f"not coalesce({test}, false)" for _, test, _ in tests)
    ((count,),) = table.rows(f"select count(*) from {table.relation} where {bad}")
    if count:
        for name, test, message in tests:
            table.faults(name, f"not coalesce({test}, false)", message)
        table.check()


def write_trace(trace: Trace, path: str | Path, force: bool = False) -> None:
    """Write `trace` to the file `path`: wholly, or not at all and what was there before stays.

    Args:
        trace: the trace.
        path: where to; missing folders are made.
        force: replace a file that is already there.

    Raises:
        UsageError: the file is there and `force` is not given, or `path` is a folder or a device.
        StorageError: the disk is full, read-only or failing.
    """
    target = Path(path)
    with storage_errors(target):
        if target.exists() and not target.is_file():
            raise UsageError(f"{target} is a folder or a device: name a file")
        if target.exists() and not force:
            raise UsageError(f"{target} is already there: use --force to replace it")
        target.parent.mkdir(parents=True, exist_ok=True)
    text = "".join(_lines(trace)).encode()
    replace_file(target, lambda file: file.writelines([text]), lambda path: _digest_on_disk(path) == trace.digest())


def _check_header(table: Table) -> None:
    known = f"the columns are {','.join(REQUIRED)}{''.join(f'[,{name}]' for name in OPTIONAL)}"
    if table.layout is not Layout.CELLS:
        raise DataError(
            f"{table.path}: a trace is comma-separated text, this is {table.layout.value}; "
            f"{shlex.join(['mamo', 'import', str(table.path)])} makes a trace of it"
        )
    if table.separator != "," and len(table.columns) > 1:
        seem = SEPARATORS.get(table.separator, "another mark")
        table.header_fault(0, f"columns must be separated by commas, these seem to be by {seem}")
        table.check()
    for index, name in enumerate(table.columns):
        if name not in (*REQUIRED, *OPTIONAL):
            table.header_fault(index, f"unknown column {shown(name)}: {known}")
    for name in REQUIRED:
        if name not in table.columns:
            table.header_fault(len(table.columns), f"column {name} is missing: {known}")
    table.check()


def _step_seconds(table: Table) -> float:
    if "step_seconds" not in table.comments:
        raise DataError(
            f"{table.path}:1:1: the control period is missing: put a first line such as '# step_seconds=300' above "
            "the header"
        )
    line, text = table.comments["step_seconds"]
    seconds = float(text) if re.fullmatch(NUMBER, text) else math.nan
    if not 0 < seconds < math.inf:
        raise DataError(f"{table.path}:{line}:1: step_seconds must be a finite number > 0, got {shown(text)}")
    return seconds


def _period_steps(table: Table) -> int | None:
    if "period_steps" not in table.comments:
        return None
    line, text = table.comments["period_steps"]
    if not re.fullmatch(WHOLE, text) or int(text) < 1:
        raise DataError(f"{table.path}:{line}:1: period_steps must be a whole number >= 1, got {shown(text)}")
    return int(text)


def _complete_order(table: Table, columns: _Columns) -> IntArray:
    """Return the (T, F) indices of the rows, having checked that each step of each function is there exactly once.

    Memory stays in proportion to the rows, however large a step number one of them names.
    """
    names, step, code = columns.functions, columns.step, columns.code
    by_function = np.lexsort((step, code))
    sorted_step, sorted_code = step[by_function], code[by_function]
    twice = 1 + np.flatnonzero((np.diff(sorted_step) == 0) & (np.diff(sorted_code) == 0))
    problems = [(row, f"step {step[row]} of {names[code[row]]} is given twice") for row in by_function[twice]]
    _refuse(table, columns, problems)
    counts = np.bincount(code)
    first = np.cumsum(counts) - counts
    rank = np.arange(len(step)) - first[sorted_code]
    gaps = np.flatnonzero(sorted_step != rank)
    problems = []
    for at in gaps[np.unique(sorted_code[gaps], return_index=True)[1]]:
        row, missing = by_function[at], rank[at]
        problems.append((row, f"step {missing} of {names[code[row]]} is missing before step {step[row]}"))
    _refuse(table, columns, problems)
    problems = []
    for short in np.flatnonzero(counts < counts.max()):
        last = by_function[first[short] + counts[short] - 1]
        problem = f"{names[short]} ends after step {step[last]}, another function goes on to step {counts.max() - 1}"
        problems.append((last, problem))
    _refuse(table, columns, problems)
    return np.lexsort((code, step)).reshape(-1, len(names))


def _node_memory(table: Table, columns: _Columns, order: IntArray) -> IntArray | None:
    """Return the node's memory (T,), having checked that the functions of a step agree on it; None without a column."""
    memory = columns.whole.get("node_memory")
    if memory is None:
        return None
    each, same = memory[order], "node_memory must be the same for all functions of a step"
    problems = [
        (int(order[at, of]), f"{same}, got {each[at, of]} beside {each[at, 0]}")
        for at, of in np.argwhere(each != each[:, :1])
    ]
    _refuse(table, columns, problems, "node_memory")
    return each[:, 0]


def _refuse(table: Table, columns: _Columns, problems: Sequence[tuple[int, str]], name: str = "step") -> None:
    for index, problem in problems[:MAX_PROBLEMS_KEPT]:
        table.fault(int(columns.row[index]), name, problem)
    table.check()


def _digest_on_disk(path: Path) -> str:
    try:
        return read_trace(path).digest()
    except DataError:
        return "unreadable"


def _lines(trace: Trace) -> Iterator[str]:
    seconds = trace.step_seconds
    yield f"# step_seconds={int(seconds) if seconds.is_integer() else repr(seconds)}\n"
    if trace.period_steps is not None:
        yield f"# period_steps={trace.period_steps}\n"
    yield from (f"# {key}={value}\n" for key, value in trace.notes.items())
    given = (trace.max_replicas is not None, trace.node_memory_mb is not None)
    yield ",".join((*REQUIRED, *(name for name, there in zip(OPTIONAL, given, strict=True) if there))) + "\n"
    yield from _rows(trace)


def _rows(trace: Trace) -> Iterator[str]:
    for step in range(trace.steps):
        expected, actual = trace.expected_rate_rps[step].tolist(), trace.actual_rate_rps[step].tolist()
        caps = None if trace.max_replicas is None else trace.max_replicas[step].tolist()
        memory = "" if trace.node_memory_mb is None else f",{trace.node_memory_mb[step]}"
        for index, function in enumerate(trace.functions):
            cap = "" if caps is None else f",{caps[index]}"
            yield f"{step},{function},{expected[index]!r},{actual[index]!r}{cap}{memory}\n"
