"""Cells that hold values: what is a number, what stands for none, and what to do about anything else."""

import re
import shlex
from collections.abc import Sequence

from mamo_cli.workload.engine import quoted
from mamo_cli.workload.meaning import Meaning
from mamo_cli.workload.stamps import Stamped
from mamo_cli.workload.tables import MAX_PROBLEMS_KEPT, NUMBER

# What exports write where there is no value.
MISSING = ("", "na", "n/a", "nan", "null", "none", "-", "undefined")


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
    value = value_sql(cell, decimal)
    return f"not {missing_sql(cell)} and not coalesce({value} >= 0 and isfinite({value}), false)"


def refuse_values(rows: Stamped, columns: Sequence[str], meaning: Meaning) -> None:
    """Raise for cells that hold something and no value, with a remedy that fits."""
    table = rows.table
    for name in columns:
        cell = table.place(name)
        bad = f"{rows.keep} and {bad_sql(cell, meaning.decimal)}"
        found = table.rows(f"select {cell} from {table.relation} where {bad} limit 1")
        if found:
            remedy, text = _remedy(name, found[0][0], meaning)
            table.faults(
                name,
                bad,
                "holds text" if text else "must be a finite number >= 0",
                remedy,
                1 if text else MAX_PROBLEMS_KEPT,
            )
    table.check()


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
