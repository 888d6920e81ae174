"""A format: what its columns mean, and how it is told from all others."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mamo_cli.workload.meaning import Meaning
from mamo_cli.workload.options import Options
from mamo_cli.workload.tables import Table

Advice = tuple[list[str], dict[str, str]]


@dataclass(frozen=True)
class Profile:
    """A format that can be imported.

    Attributes:
        name: as `--format` takes it.
        about: what it is, for the help, in a few words.
        recognised: why a table looks like this format, in words; None where it does not.
        meaning: what the columns of such a table mean, given what the user says of it.
        citation: what to cite, and under which licence the data are; empty for what is nobody's.
        above: how many rows below the header speak of the columns, before the first that is data.
        companion: whether a table is no workload, but goes with one of this format.
        advice: what companions tell of the functions of the given names: sentences, and notes for the trace; from the
            tables of the workload and the companions.
    """

    name: str
    about: str
    recognised: Callable[[Table], str | None]
    meaning: Callable[[Table, Options], Meaning]
    citation: str = ""
    above: Callable[[Table], int] = lambda table: 0
    companion: Callable[[Table], bool] = lambda table: False
    advice: Callable[[Sequence[Table], Sequence[Table], Sequence[str]], Advice] | None = None


def has(*columns: str) -> Callable[[Table], str | None]:
    """Return a test for a table that has all these columns."""

    def recognised(table: Table) -> str | None:
        return f"it has the columns {', '.join(columns)}" if set(columns) <= set(table.columns) else None

    return recognised


def always(meaning: Meaning) -> Callable[[Table, Options], Meaning]:
    """Return a meaning that is the same for every table of a format."""
    return lambda table, options: meaning


def named(table: Table, usual: tuple[str, ...]) -> list[str]:
    """Return the columns that have one of the usual names, whatever their case."""
    return [name for name in table.columns if name.strip().lower() in usual]
