"""Which of the two general formats a table has, told by its times and by what its columns hold and are named."""

import re
from collections.abc import Sequence

from mamo_cli.core.errors import DataError
from mamo_cli.workload.choices import ChoiceError
from mamo_cli.workload.dialect import Layout
from mamo_cli.workload.formats import without_day
from mamo_cli.workload.meaning import Meaning
from mamo_cli.workload.options import Options
from mamo_cli.workload.profiles.general import UNNAMED, free_columns
from mamo_cli.workload.profiles.look import (
    Holds,
    Spacing,
    holds,
    holds_clock,
    of_requests,
    spacing,
    times_of,
    unique,
    varying,
)
from mamo_cli.workload.stamps import kept
from mamo_cli.workload.tables import Table, shown


def told(table: Table, options: Options) -> tuple[str, str] | None:
    """Return which of the two formats a table has, and why; None where it seems to have neither.

    Raises:
        ChoiceError: it may be either.
        DataError: its cells are neither times nor numbers as they stand.
    """
    if options.values is not None or options.value_column is not None:
        which = "requests" if options.values == "requests" else "wide"
        return which, "--values says so" if options.values is not None else "--value-column says so"
    times = times_of(table, options)
    if not times:
        _refuse_unknown_times(table)
        if not table.header_line and table.layout in (Layout.CELLS, Layout.LIST):
            return "wide", "it is a list of numbers without a header"
        numeric = all(holds(table, name) is Holds.NUMBERS for name in table.columns if name)
        return ("wide", "its columns hold numbers, and none the time") if numeric else None
    return _by_rows(table, times, options)


def _by_rows(table: Table, times: Sequence[str], options: Options) -> tuple[str, str]:
    """Tell by how rows follow one another in time, and by what else they hold."""
    time = times[0]
    _refuse_two_columns(table, time)
    unnamed = (name for name in table.columns if UNNAMED.fullmatch(name))
    free = free_columns(table, Meaning(time=time, ignored=(*times[1:], *unnamed)), options)
    kinds = {name: holds(table, name) for name in free if table.cells(name)}
    found = spacing(table, time, options)
    _refuse_marked(table, kinds, found)
    numbers = [name for name, kind in kinds.items() if kind is not Holds.TEXT]
    texts = [name for name, kind in kinds.items() if kind is Holds.TEXT]
    if not numbers:
        return _only_times(table, time, found)
    requests = all(of_requests(name) for name in numbers)
    keep = kept(table, Meaning(where=options.where))
    telling = varying(table, texts, keep) if found.even else texts
    series = found.even and bool(telling) and unique(table, [time, *telling], keep)
    evenly = f"its rows are evenly apart by {time or 'the unnamed column'}"
    if series and not requests:
        return "wide", f"{evenly}, of several {telling[0]}"
    if found.even and not telling and (found.measured or not (requests or found.repeated)):
        return "wide", f"{evenly} and all other columns hold numbers"
    if requests and not found.measured and (texts or not found.even):
        return "requests", f"its rows are of single requests, with their {', '.join(numbers[:4])}"
    return _ask(table, time, numbers, series or not (telling or found.repeated or found.gaps))


def _only_times(table: Table, time: str, found: Spacing) -> tuple[str, str]:
    if found.measured and not found.repeated:
        raise DataError(
            f"{table.path}: its rows stand {found.seconds:g} s apart by {time}, as measurements do and requests do "
            "not, but no column holds numbers: if each row is one request all the same, use --format requests"
        )
    return "requests", f"the column {time} has the time and no other holds numbers"


def _ask(table: Table, time: str, numbers: Sequence[str], fits: bool) -> tuple[str, str]:
    """Ask which of the two formats is meant, or say why it is none where a table of values cannot be."""
    some = ", ".join(numbers[:5])
    if not fits:
        raise DataError(
            f"{table.path}: it is not known what a row is: the column {numbers[0]} holds numbers, but rows do not "
            f"stand one by one and evenly by {time}, as those of values do: if each is a request, use --format requests"
        )
    raise ChoiceError(
        f"{table.path}: is each row a request, or has each row the rates of functions?",
        [
            (["--format", "requests"], f"a request a row, at its {time}"),
            (["--format", "wide"], f"rates or counts in the columns: {some}"),
        ],
    )


def _refuse_unknown_times(table: Table) -> None:
    """Raise where a column seems to have the time in a form that is not known."""
    for name in table.columns:
        cells = table.cells(name)
        dayless = {without_day(cell) for cell in cells[:20]}
        if len(dayless) == 1 and None not in dayless:
            raise DataError(f"{table.path}: the column {name!r} has {dayless.pop()}, got {shown(cells[0])}")
        if cells and all(re.search(r"[0-9]:[0-9]{2}|[0-9]{1,4}[-/.][0-9]{1,2}[-/.][0-9]", cell) for cell in cells[:20]):
            raise DataError(
                f"{table.path}: the column {name!r} seems to hold the time, such as {shown(cells[0])}, in a form that "
                "is not known: say it with --time-format, such as '%d/%m/%Y %H:%M:%S', and --time-column"
            )


def _refuse_two_columns(table: Table, time: str) -> None:
    """Raise where one column has the day and another the time of day."""
    clocks = [name for name in table.columns if name != time and holds_clock(table, name)]
    if not clocks or not all(len(cell.strip()) <= len("2024-05-01") for cell in table.cells(time)[:20]):
        return
    mark = {"\t": r"\t", "|": "[|]"}.get(table.separator, table.separator)
    example = ""
    if table.columns[:2] == (time, clocks[0]) and table.separator:
        # A space in place of a space would join nothing.
        edit = "/^#/d; s/ /T/" if table.separator == " " else f"s/{mark}/ /"
        example = f", such as with: sed '{edit}' {table.path} > joined.csv"
        example += " (which leaves out the lines that begin with #, too)" if table.separator == " " else ""
    raise DataError(
        f"{table.path}: the time stands in two columns, {time} and {clocks[0]}: join them into one{example}"
    )


def _refuse_marked(table: Table, kinds: dict[str, Holds], found: Spacing) -> None:
    """Raise where evenly spaced rows hold numbers with a unit or with marks between their digits."""
    marked = [name for name, kind in kinds.items() if kind is Holds.MARKED]
    if not marked or not found.even:
        return
    for row, cells in enumerate(table.sample, 1):
        cell = cells[table.columns.index(marked[0])]
        if cell:
            table.fault(
                row,
                marked[0],
                f"{marked[0]} holds a number with a unit or marks, {shown(cell)}: give numbers alone, as 1234.5 (in "
                "Grafana: switch 'Formatted data' off)",
            )
            table.check()
