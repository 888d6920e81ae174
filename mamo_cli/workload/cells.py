"""Cells that hold values: what is a number, what stands for none, and what to do about anything else."""

import itertools
import re
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence

from mamo_cli.workload.engine import quoted
from mamo_cli.workload.meaning import Meaning
from mamo_cli.workload.stamps import Stamped
from mamo_cli.workload.tables import MAX_PROBLEMS_KEPT, NUMBER, Table

# What exports write where there is no value.
MISSING = ("", "na", "n/a", "nan", "null", "none", "-", "undefined")

AT_ONCE = 50
"""Columns that one query looks at: what it costs to plan one rises faster than their number."""


def missing_sql(cell: str) -> str:
    """Return the condition that a cell holds no value."""
    return f"({cell} is null or lower(trim({cell})) in ({', '.join(map(quoted, MISSING))}))"


def value_sql(cell: str, decimal: str) -> str:
    """Return the expression of the number in a cell, NULL where it is none."""
    text = f"trim({cell})"
    if decimal == ",":
        text = f"replace(case when not contains({cell}, '.') then {text} end, ',', '.')"
    return f"try_cast(case when regexp_full_match({text}, {quoted(NUMBER)}) then {text} end as double)"


def bad_sql(cell: str, decimal: str) -> str:
    """Return the condition that a cell holds something and no finite number >= 0."""
    finite = f"{value_sql(cell, decimal)} between 0 and {sys.float_info.max!r}"  # NaN and infinity are above
    return f"not {missing_sql(cell)} and not coalesce({finite}, false)"


def refuse_values(rows: Stamped, columns: Sequence[str], meaning: Meaning) -> None:
    """Raise for cells that hold something and no value, with a remedy that fits."""
    table = rows.table
    bads = {name: f"{rows.keep} and {bad_sql(table.place(name), meaning.decimal)}" for name in columns}
    for name in list(_with_any(table, bads))[:MAX_PROBLEMS_KEPT]:
        cell, bad = table.place(name), bads[name]
        found = table.rows(f"select {cell} from {table.relation} where {bad} limit 1")
        remedy, text = _remedy(name, found[0][0], meaning)
        table.faults(
            name,
            bad,
            "holds text" if text else "must be a finite number >= 0",
            remedy,
            1 if text else MAX_PROBLEMS_KEPT,
        )
    table.check()


def _with_any(table: Table, conditions: Mapping[str, str]) -> Iterator[str]:
    """Yield the names of the conditions that any row meets: many are asked at once, as each query reads the file."""
    names = list(conditions)
    for start in range(0, len(names), AT_ONCE):
        some = names[start : start + AT_ONCE]
        asked = ", ".join(f"bool_or({conditions[name]})" for name in some)
        (found,) = table.rows(f"select {asked} from {table.relation}")
        yield from itertools.compress(some, found)


def _remedy(name: str, cell: str, meaning: Meaning) -> tuple[str, bool]:
    """Return what to do about a cell that is no value, and whether it is text, which a remedy for all rows cures."""
    text = cell.strip()
    if re.fullmatch(r"[0-9]{1,3}(,[0-9]{3})+(\.[0-9]+)?", text):
        return ": write 1,000 as 1000", False
    if meaning.decimal == "." and re.fullmatch(r"[0-9]+,[0-9]+", text):
        return ": with --decimal comma it would be one", False
    if re.match(r"[<>~]?[0-9.]", text):
        return ": give the number alone, without a unit or mark", False
    if name == meaning.value or not text or re.match(r"[+-]|inf", text, re.I):
        return "", False
    where = text if len(text) <= 30 else text[:27] + "..."
    return f": choose columns with --function, or rows with --where {shlex.quote(f'{name}={where}')}", True


def refuse_empty(rows: Sequence[Stamped], meaning: Meaning, name: str) -> None:
    """Raise for the empty cells of a column, by their places."""
    for one in rows:
        column = name if meaning.value is None else meaning.value
        empty = f"{one.keep} and {missing_sql(one.table.place(column))}"
        one.table.faults(column, empty, "must be a finite number >= 0", ": use --fill zero or --fill hold")
        one.table.check()
