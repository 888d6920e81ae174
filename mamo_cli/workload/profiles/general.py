"""The two formats that have no publisher: a row a request, and a table of values; and how to tell them apart."""

import re
from collections.abc import Sequence
from dataclasses import replace

from mamo_cli.workload.choices import ChoiceError
from mamo_cli.workload.meaning import Meaning
from mamo_cli.workload.options import DEFAULT_STEP_SECONDS, Options
from mamo_cli.workload.overlaps import named_for_all, only
from mamo_cli.workload.profiles.events import ask_of_phases, others_left_out
from mamo_cli.workload.profiles.look import (
    ARRIVALS,
    ENDS,
    Holds,
    holds,
    holds_times,
    kinds,
    of_else,
    rises_evenly,
    times_of,
    unique,
    usual,
    varying,
)
from mamo_cli.workload.profiles.profile import Profile, named
from mamo_cli.workload.series import LIKE_METRICS
from mamo_cli.workload.stamps import kept
from mamo_cli.workload.tables import Table

FUNCTIONS = ("func", "function")
_MOST_ANSWERS = 8
_SAYS_NOTHING = ("value", "values", "val", "v", "y")
UNNAMED = re.compile(r"(Unnamed: [0-9]+)?")


def never(table: Table) -> str | None:
    """Recognise nothing: these formats are told apart in another way."""
    return None


# --- a row a request


def _requests_meaning(table: Table, options: Options) -> Meaning:
    """Return what columns mean; rows that are no requests are left out, or asked about.

    Raises:
        ChoiceError: several columns could be the time, or a request has a row for its start and one for its end.
        DataError: likewise, and no option could choose.
    """
    meaning = _times_of_requests(table, options)
    if meaning.time is None or meaning.time not in table.columns or options.values is not None:
        return meaning
    ask_of_phases(table, meaning.time, options)
    return replace(meaning, excluded=others_left_out(table, meaning.time))


def _times_of_requests(table: Table, options: Options) -> Meaning:
    """Which column has the time: one by its usual name, else one of ends, else one of dates.

    Raises:
        ChoiceError: any of several could be it.
    """
    functions = tuple(named(table, FUNCTIONS)[:1])
    if functions:
        functions = (*named(table, ("app",))[:1], *functions)
    meaning = Meaning(values="requests", functions=functions)
    if options.time_column is not None:
        return replace(meaning, time=options.time_column)
    dated = [name for name in table.columns if holds_times(table, name)]
    for found in (usual(table, ARRIVALS), usual(table, ENDS), dated):
        if len(found) > 1:
            raise ChoiceError(
                f"{table.path}:{max(table.header_line, 1)}:1: any of {', '.join(found)} could be the time of a request",
                [(["--time-column", name], "") for name in found],
            )
        if found:
            ends = found == usual(table, ENDS)
            duration = next(iter(named(table, ("duration",))), None) if ends else None
            return replace(meaning, time=found[0], duration=duration)
    return meaning


# --- a table of values


def wide_meaning(table: Table, options: Options) -> Meaning:
    """Return what columns mean: one has the time, by its name or by what it holds, and all others are functions.

    Where rows of several series stand at one time, the column that names them tells functions apart.

    Raises:
        ChoiceError: some columns are named as something else than requests, or several could tell functions apart.
    """
    times = times_of(table, options)
    unnamed = [name for name in table.columns if UNNAMED.fullmatch(name) and name not in times[:1]]
    meaning = Meaning(time=times[0] if times else None, ignored=(*unnamed, *times[1:]))
    if options.value_column is not None:
        return meaning
    if not times:
        _ask_of_ordinals(table, options)
        ask_of_else(table, [name for name in table.columns if holds(table, name) is Holds.NUMBERS], options)
        return meaning
    keep = kept(table, Meaning(where=options.where))
    free = free_columns(table, meaning, options)
    texts = [name for name in free if not table.cells(name) or holds(table, name) is Holds.TEXT]
    telling = varying(table, texts, keep)
    meaning = replace(meaning, ignored=(*meaning.ignored, *(name for name in texts if name not in telling)))
    numbers = [name for name in free if name not in texts]
    by_column = options.function and any(_wanted(name, options) for name in numbers)
    if telling and numbers and not by_column and unique(table, [times[0], *telling], keep):
        return _long_meaning(table, meaning, telling, numbers, options)
    ask_of_else(table, [name for name in numbers if _wanted(name, options)], options)
    return meaning


def _ask_of_ordinals(table: Table, options: Options) -> None:
    """Ask whether a column that rises by the same from row to row has the time."""
    if options.values is not None or len(table.columns) < 2:
        return
    stands_for = [] if table.header_line or options.step_seconds else ["--step-seconds", f"{DEFAULT_STEP_SECONDS:g}"]
    for name in table.columns:
        if rises_evenly(table, name):
            raise ChoiceError(
                f"{table.path}: the column {name} rises by the same from row to row: does it tell the time?",
                [
                    (["--time-column", name], "it has the time"),
                    (["--values", "rate", *stands_for], "it holds requests/s, as all other columns do"),
                ],
            )


def free_columns(table: Table, meaning: Meaning, options: Options) -> list[str]:
    """Return the columns that are neither the time nor ignored nor asked for by --where."""
    spent = {meaning.time, *meaning.ignored, *(name for name, _ in options.where)}
    return [name for name in table.columns if name not in spent]


def _wanted(name: str, options: Options) -> bool:
    return not options.function or any(name.startswith(text) for text in options.function)


def ask_of_else(table: Table, numbers: Sequence[str], options: Options) -> None:
    """Ask which columns are functions where some are named as latencies, sizes, failures and the like."""
    stem = table.path.name.partition(".")[0]
    other = [name for name in numbers if of_else(stem if name.lower() in _SAYS_NOTHING else name)]
    if not other or options.function:
        return
    good = [name for name in numbers if name not in other]
    named_by = "is by the file's name" if other[0].lower() in _SAYS_NOTHING else "is named as"
    question = f"{table.path}: {other[0]} {named_by} something else than a number of requests"
    if good:
        for_all = [name for name in good if named_for_all(name)]
        meant = {", ".join(names): names for names in (for_all, good) if names}
        answers = [(only(names), f"only {said}") for said, names in meant.items()]
        raise ChoiceError(f"{question}: which columns are functions?", [*answers, (only(numbers), "all of them")])
    if options.values is None:
        raise ChoiceError(
            f"{question}, and so are all others: what do the values say?",
            [
                (["--values", "rate"], "requests/s, all the same"),
                (["--values", "count"], "requests in a period"),
                (["--values", "counter"], "requests since a start"),
            ],
        )


def _long_meaning(
    table: Table, meaning: Meaning, telling: Sequence[str], numbers: Sequence[str], options: Options
) -> Meaning:
    """Return the meaning of a table with a row for each time and series.

    Raises:
        ChoiceError: it has several columns of values, of names, or of quantities.
    """
    values = numbers if len(numbers) == 1 else [name for name in numbers if not of_else(name)] or list(numbers)
    metrics = [name for name in telling if LIKE_METRICS.search(name)]
    series = [name for name in telling if name not in metrics] or list(telling)
    functions = options.function_column or tuple(series)
    said = [] if options.function_column else ["--function-column", functions[0]]
    if len(values) > 1:
        _ask_of_several(table, values, functions[0], said, options)
    value = ["--value-column", values[0]]
    quantities = [name for name in metrics if name not in functions]
    if quantities:
        found = kinds(table, quantities[0], kept(table, Meaning(where=options.where)), _MOST_ANSWERS)
        raise ChoiceError(
            f"{table.path}: the column {quantities[0]} tells quantities apart that do not add up: which is meant?",
            [([*value, *said, "--where", f"{quantities[0]}={kind}"], f"only rows of {kind}") for kind in found],
        )
    if len(functions) > 1 and not options.function_column:
        answers = [([*value, "--function-column", name], f"a function a {name}") for name in series[:_MOST_ANSWERS]]
        raise ChoiceError(f"{table.path}: which column tells functions apart?", answers)
    if len(functions) == 1:
        ask_of_else(table, kinds(table, functions[0], kept(table, Meaning(where=options.where)), 100), options)
    return replace(meaning, value=values[0], functions=functions)


def _ask_of_several(table: Table, values: Sequence[str], series: str, said: Sequence[str], options: Options) -> None:
    """Ask whether columns are functions, for rows of one kind, or rows are, with their requests in one column."""
    some = kinds(table, series, kept(table, Meaning(where=options.where)), _MOST_ANSWERS // 2)
    rows = [(["--where", f"{series}={kind}"], f"a column a function, only rows of {kind}") for kind in some]
    columns = [
        (["--value-column", name, *said], f"a function a {series}, its requests in {name}")
        for name in values[: _MOST_ANSWERS // 2]
    ]
    raise ChoiceError(
        f"{table.path}: the column {series} holds text, and several columns hold numbers: what is a function?",
        [*rows, *columns],
    )


REQUESTS, WIDE = "requests", "wide"
PROFILES = (
    Profile(REQUESTS, "a row a request", never, _requests_meaning),
    Profile(WIDE, "a column a function, rates or counts", never, wide_meaning),
)
