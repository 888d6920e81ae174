"""Logs whose rows are not all requests: two rows for one, its start and its end, and rows of something else."""

import re
from collections.abc import Sequence

from mamo_cli.core.errors import DataError
from mamo_cli.workload.choices import ChoiceError
from mamo_cli.workload.meaning import Meaning
from mamo_cli.workload.options import Options
from mamo_cli.workload.profiles.look import Holds, holds, kinds, of_requests
from mamo_cli.workload.stamps import kept
from mamo_cli.workload.tables import Table

_STARTS = re.compile(
    r"(?<![a-z])(start|started|begin|began|begun|open|opened|enter|entered|received|incoming)(?![a-z])", re.I
)
_ENDS = re.compile(
    r"(?<![a-z])(end|ended|finish|finished|complete|completed|stop|stopped|close|closed|exit|exited|done|report|sent)"
    r"(?![a-z])",
    re.I,
)
_MOST_KINDS = 8


def others_left_out(table: Table, time: str) -> tuple[tuple[str, str], ...]:
    """Return what leaves out rows that have nothing of what all requests have, as `Meaning.excluded` says it."""
    names = [name for name in table.columns if name != time and of_requests(name) and table.cells(name)]
    names = [name for name in names if holds(table, name) is Holds.NUMBERS]
    nothing = " and ".join(f"{table.place(name)} is null" for name in names)
    if len(names) < 2 or not table.count(nothing):
        return ()
    all_requests_have = [name for name in names if table.count(f"{table.place(name)} is null") == table.count(nothing)]
    return ((all_requests_have[0], ""),) if all_requests_have else ()


def ask_of_phases(table: Table, time: str, options: Options) -> None:
    """Ask which rows are requests where some are starts and others ends.

    Raises:
        ChoiceError: a column says so.
        DataError: rows of text begin so.
    """
    keep = kept(table, Meaning(where=options.where))
    for name in table.columns:
        if name == time or holds(table, name) is not Holds.TEXT:
            continue
        found = kinds(table, name, keep, _MOST_KINDS + 1)
        if len(found) <= _MOST_KINDS and _phases(found):
            raise ChoiceError(
                f"{table.path}: the column {name} tells starts and ends apart: which rows are requests?",
                [(["--where", f"{name}={kind}"], f"only rows of {kind}") for kind in found],
            )
        words = {cell.split(maxsplit=1)[0] for cell in table.cells(name) if cell.strip()}
        if len(found) > _MOST_KINDS >= len(words) and _phases(sorted(words)):
            some = ", ".join(sorted(words))
            raise DataError(
                f"{table.path}: a request has several rows: those of {name} begin with {some}: keep the rows of one of "
                "them in the file, as grep does"
            )


def _phases(kinds: Sequence[str]) -> bool:
    return any(_STARTS.search(kind) for kind in kinds) and any(_ENDS.search(kind) for kind in kinds)
