"""Trace files: `# key=value` lines, then the tidy table `step,function,expected_rate,actual_rate[,max_replicas]`.

The first line is `# step_seconds=300`; rates are in requests/s and round-trip exactly. pandas reads it with
`comment="#"`.
"""

from array import array
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mamo_cli.core.errors import DataError, UsageError
from mamo_cli.core.storage import replace_file, storage_errors
from mamo_cli.workload.tables import TableReader, parse_count, parse_number, shown
from mamo_cli.workload.trace import FUNCTION_NAME, MAX_REPLICAS, RESERVED_KEYS, IntArray, Trace

REQUIRED = ("step", "function", "expected_rate", "actual_rate")
OPTIONAL = ("max_replicas",)


class _Columns:
    """The rows of a trace file as typed columns, each row with the line it came from."""

    def __init__(self, table: TableReader) -> None:
        self.functions: dict[str, int] = {}
        self.line, self.step, self.code, self.cap = array("q"), array("q"), array("q"), array("q")
        self.expected, self.actual = array("d"), array("d")
        place = {name: table.header.index(name) for name in (*REQUIRED, *OPTIONAL) if name in table.header}
        for line, fields in table.rows():
            self.line.append(line)
            self.step.append(table.whole(line, fields, place["step"]))
            self.code.append(self._function(table, line, fields, place["function"]))
            self.expected.append(table.rate(line, fields, place["expected_rate"]))
            self.actual.append(table.rate(line, fields, place["actual_rate"]))
            if "max_replicas" in place:
                self.cap.append(table.whole(line, fields, place["max_replicas"], 1, MAX_REPLICAS))
        table.check()

    def _function(self, table: TableReader, line: int, fields: list[str], index: int) -> int:
        name = fields[index]
        if not FUNCTION_NAME.fullmatch(name):
            table.fault(line, index + 1, f"function must match {FUNCTION_NAME.pattern}, got {shown(name)}")
        return self.functions.setdefault(name, len(self.functions))


def read_trace(path: str | Path) -> Trace:
    """Return the trace in the file `path`, having checked every field of it.

    Rows may stand in any order; functions keep the order in which they first appear.

    Raises:
        DataError: the file is unreadable or anything in it is wrong; one line `path:line:column: ...` for each fault.
    """
    table = TableReader(Path(path))
    _check_header(table)
    step_seconds = _step_seconds(table)
    period_steps = _period_steps(table)
    columns = _Columns(table)
    order = _complete_order(table, columns)
    try:
        return Trace(
            functions=tuple(columns.functions),
            expected_rate_rps=np.array(columns.expected)[order],
            actual_rate_rps=np.array(columns.actual)[order],
            step_seconds=step_seconds,
            max_replicas=np.array(columns.cap)[order] if columns.cap else None,
            period_steps=period_steps,
            notes={key: value for key, (_, value) in table.comments.items() if key not in RESERVED_KEYS},
        )
    except DataError as error:
        raise DataError([f"{path}: {problem}" for problem in error.problems]) from error


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


def _check_header(table: TableReader) -> None:
    known = f"the columns are {','.join(REQUIRED)}[,max_replicas]"
    for index, name in enumerate(table.header):
        if name not in (*REQUIRED, *OPTIONAL):
            table.fault(table.header_line, index + 1, f"unknown column {shown(name)}: {known}")
    for name in REQUIRED:
        if name not in table.header:
            table.fault(table.header_line, len(table.header) + 1, f"column {name} is missing: {known}")
    table.check()


def _step_seconds(table: TableReader) -> float:
    if "step_seconds" not in table.comments:
        raise DataError(
            f"{table.path}:1:1: the control period is missing: put a first line such as '# step_seconds=300' above "
            "the header"
        )
    line, text = table.comments["step_seconds"]
    seconds = parse_number(text)
    if not seconds > 0:
        raise DataError(f"{table.path}:{line}:1: step_seconds must be a finite number > 0, got {shown(text)}")
    return seconds


def _period_steps(table: TableReader) -> int | None:
    if "period_steps" not in table.comments:
        return None
    line, text = table.comments["period_steps"]
    if parse_count(text) < 1:
        raise DataError(f"{table.path}:{line}:1: period_steps must be a whole number >= 1, got {shown(text)}")
    return parse_count(text)


def _complete_order(table: TableReader, columns: _Columns) -> IntArray:
    """Return the (T, F) indices of the rows, having checked that each step of each function is there exactly once.

    Memory stays in proportion to the rows, however large a step number one of them names.
    """
    names = list(columns.functions)
    step, code = np.array(columns.step, dtype=np.int64), np.array(columns.code, dtype=np.int64)
    place = table.header.index("step") + 1
    by_function = np.lexsort((step, code))
    sorted_step, sorted_code = step[by_function], code[by_function]
    twice = 1 + np.flatnonzero((np.diff(sorted_step) == 0) & (np.diff(sorted_code) == 0))
    for row in by_function[twice]:
        table.fault(columns.line[row], place, f"step {step[row]} of {names[code[row]]} is given twice")
    table.check()
    counts = np.bincount(code)
    first = np.cumsum(counts) - counts
    rank = np.arange(len(step)) - first[sorted_code]
    gaps = np.flatnonzero(sorted_step != rank)
    for at in gaps[np.unique(sorted_code[gaps], return_index=True)[1]]:
        row, missing = by_function[at], rank[at]
        problem = f"step {missing} of {names[code[row]]} is missing before step {step[row]}"
        table.fault(columns.line[row], place, problem)
    table.check()
    for short in np.flatnonzero(counts < counts.max()):
        last = by_function[first[short] + counts[short] - 1]
        problem = f"{names[short]} ends after step {step[last]}, another function goes on to step {counts.max() - 1}"
        table.fault(columns.line[last], place, problem)
    table.check()
    return np.lexsort((code, step)).reshape(-1, len(names))


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
    yield ",".join(REQUIRED if trace.max_replicas is None else REQUIRED + OPTIONAL) + "\n"
    yield from _rows(trace)


def _rows(trace: Trace) -> Iterator[str]:
    for step in range(trace.steps):
        expected, actual = trace.expected_rate_rps[step].tolist(), trace.actual_rate_rps[step].tolist()
        caps = None if trace.max_replicas is None else trace.max_replicas[step].tolist()
        for index, function in enumerate(trace.functions):
            cap = "" if caps is None else f",{caps[index]}"
            yield f"{step},{function},{expected[index]!r},{actual[index]!r}{cap}\n"
