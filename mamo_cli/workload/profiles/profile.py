"""A format: what its columns mean, and how it is told from all others."""

from collections.abc import Callable
from dataclasses import dataclass

from mamo_cli.workload.meaning import Meaning
from mamo_cli.workload.tables import Table


@dataclass(frozen=True)
class Profile:
    """A format that can be imported.

    Attributes:
        name: as `--format` takes it.
        about: what it is, for the help, in a few words.
        recognised: why a table looks like this format, in words; None where it does not.
        meaning: what the columns of such a table mean.
        citation: what to cite, and under which licence the data are; empty for what is nobody's.
    """

    name: str
    about: str
    recognised: Callable[[Table], str | None]
    meaning: Callable[[Table], Meaning]
    citation: str = ""


def has(*columns: str) -> Callable[[Table], str | None]:
    """Return a test for a table that has all these columns."""

    def recognised(table: Table) -> str | None:
        return f"it has the columns {', '.join(columns)}" if set(columns) <= set(table.columns) else None

    return recognised


def always(meaning: Meaning) -> Callable[[Table], Meaning]:
    """Return a meaning that is the same for every table of a format."""
    return lambda table: meaning


def named(table: Table, usual: tuple[str, ...]) -> list[str]:
    """Return the columns that have one of the usual names, whatever their case."""
    return [name for name in table.columns if name.strip().lower() in usual]
