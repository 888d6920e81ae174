"""Points in time are exact nanoseconds, or refused."""

import pytest

from mamo_cli.workload.timestamps import TimeKind, parse_duration, parse_time


@pytest.mark.parametrize(
    ("text", "kind", "nanoseconds"),
    [
        ("10.0000000000000", TimeKind.SECONDS, 10 * 10**9),
        ("-1.5", TimeKind.SECONDS, -1_500_000_000),
        ("1e-05", TimeKind.SECONDS, 10_000),
        ("1970-01-02 00:00:00", TimeKind.LOCAL, 86_400 * 10**9),
        # 2000-03-01 is day 11,017: 30 years of 365 days, 7 leap days up to 1996, then 31 + 29 days.
        ("2000-03-01T00:00:01.5", TimeKind.LOCAL, (11_017 * 86_400 + 1) * 10**9 + 500_000_000),
        ("1970-01-01 00:00:00.9799600", TimeKind.LOCAL, 979_960_000),
        ("1970-01-01 00:00:00.123456789Z", TimeKind.ZONED, 123_456_789),
        ("1970-01-01 02:00:00+02:00", TimeKind.ZONED, 0),
        ("1970-01-01 00:00:00-01:30", TimeKind.ZONED, 5_400 * 10**9),
    ],
)
def test_times_are_exact(text, kind, nanoseconds):
    assert parse_time(text) == (kind, nanoseconds)


@pytest.mark.parametrize(
    "text",
    [
        *("", "x", "nan", "inf", "1e999", "1_0", "3e10", "2023-02-29 00:00:00", "2023-01-01 24:00:00", "2023-01-01"),
        *("2023-01-01 00:00:60", "9999-01-01 00:00:00", "2023-01-01 00:00:00.1234567890", "01/02/2023 00:00:00"),
    ],
)
def test_what_is_no_time_is_none(text):
    assert parse_time(text) is None
    assert parse_duration(text) is None
