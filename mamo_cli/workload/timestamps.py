"""Points in time as exact nanoseconds, from dates or from plain seconds."""

import datetime
import re
from decimal import ROUND_HALF_EVEN, Decimal
from enum import Enum

from mamo_cli.workload.tables import parse_number

# In nanoseconds a time less a duration, and the span between two such, then fit 64 bits.
MAX_SECONDS = 3_000_000_000
_DAY_SECONDS = 86_400
_EPOCH_DAY = datetime.date(1970, 1, 1).toordinal()
_DATE = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[ T]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,9}))?"
    r"(Z|[+-][0-9]{2}:[0-9]{2})?"
)


class TimeKind(Enum):
    """How a point in time is written; points of different kinds cannot be compared."""

    SECONDS = "plain seconds"
    LOCAL = "a date without a time zone"
    ZONED = "a date with a time zone"


def parse_time(text: str) -> tuple[TimeKind, int] | None:
    """Return the kind and the nanoseconds of `2023-11-16 18:17:03.9799600[Z|+02:00]` or of plain seconds like `10.25`.

    Seconds count from an origin of their own, dates from 1970 (in UTC where they carry a zone). Anything else, and
    seconds beyond +-MAX_SECONDS (milliseconds since 1970 are), gives None.
    """
    match = _DATE.fullmatch(text)
    if match is None:
        return _parse_seconds(text)
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    try:
        days = datetime.date(year, month, day).toordinal() - _EPOCH_DAY
        datetime.time(hour, minute, second)
    except ValueError:
        return None
    seconds = days * _DAY_SECONDS + hour * 3600 + minute * 60 + second - _offset_seconds(match[8])
    if abs(seconds) > MAX_SECONDS:
        return None
    kind = TimeKind.LOCAL if match[8] is None else TimeKind.ZONED
    return kind, seconds * 10**9 + int((match[7] or "").ljust(9, "0"))


def parse_duration(text: str) -> int | None:
    """Return the nanoseconds of a number of seconds in 0..MAX_SECONDS, else None."""
    parsed = _parse_seconds(text)
    return parsed[1] if parsed is not None and parsed[1] >= 0 else None


def _parse_seconds(text: str) -> tuple[TimeKind, int] | None:
    if not abs(parse_number(text)) <= MAX_SECONDS:
        return None
    return TimeKind.SECONDS, int(Decimal(text).scaleb(9).to_integral_value(ROUND_HALF_EVEN))


def _offset_seconds(zone: str | None) -> int:
    if zone is None or zone == "Z":
        return 0
    sign = -1 if zone[0] == "-" else 1
    return sign * (int(zone[1:3]) * 3600 + int(zone[4:6]) * 60)
