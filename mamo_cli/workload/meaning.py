"""What the columns of a table mean: the one thing that an import must know and no engine can."""

from dataclasses import dataclass

VALUES = ("rate", "count", "counter", "requests")
FILLS = ("zero", "hold", "refuse")


@dataclass(frozen=True)
class Meaning:
    """What the columns of a table mean.

    Attributes:
        values: what a row or a cell holds: `requests`, one request a row; `rate`, requests/s; `count`, requests since
            the time of the row until that of the next; `counter`, requests since some start, which a restart sets back
            to 0. None where the file does not say.
        time: the column with the time; None where a row is one period and says no more.
        time_unit: s, ms, us or ns, of times that are numbers; None where it is to be found out.
        time_format: as of strptime; None for the usual forms.
        timezone: of local times; None takes them as of a clock that is never set back.
        duration: a column of seconds to take from the time, where that is when a request ended.
        functions: the columns that tell functions apart; a function goes by what the last of them has.
        value: the column of the values, where each row speaks of one function; None where each column is a function.
        columns: the columns that are functions; None for all that are nothing else.
        period_s: the columns are functions' counts in consecutive periods of so many seconds, named by their number;
            each row is a function. None for all other tables.
        where: (column, value) that rows must have, all of them.
        excluded: (column, value) of rows that are left out, such as sums of all others; "" stands for an empty cell.
        ignored: columns that say nothing here.
        fill: what stands where there is no value: `zero`, `hold` (the one before), or `refuse`.
        decimal: the point of numbers.
    """

    values: str | None = None
    time: str | None = None
    time_unit: str | None = None
    time_format: str | None = None
    timezone: str | None = None
    duration: str | None = None
    functions: tuple[str, ...] = ()
    value: str | None = None
    columns: tuple[str, ...] | None = None
    period_s: int | None = None
    where: tuple[tuple[str, str], ...] = ()
    excluded: tuple[tuple[str, str], ...] = ()
    ignored: tuple[str, ...] = ()
    fill: str = "refuse"
    decimal: str = "."
