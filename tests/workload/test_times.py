"""Points in time are exact nanoseconds, or refused."""

import datetime
import warnings
import zoneinfo
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mamo_cli.core.errors import DataError, UsageError
from mamo_cli.workload.choices import ChoiceError
from mamo_cli.workload.engine import Engine, quoted
from mamo_cli.workload.opening import open_table
from mamo_cli.workload.times import Kind, clock_of, number_clock
from tests.workload.imports import load

DAY = 86_400 * 10**9


def read(text, folder, unit=None, time_format=None):
    """The kind of a single time, and its nanoseconds by each way there is."""
    path = folder / "t.csv"
    path.write_text(f"time,x\n{quoted_cell(text)},1\n")
    engine = Engine()
    with open_table(engine, path) as table:
        clock = clock_of(table, "time", unit, time_format, ".")
        ways = [clock.exact] + ([clock.quick] if clock.quick else [])
        return clock.kind, [engine.rows(f"select {way('c0')} from {table.relation}")[0][0] for way in ways]


def quoted_cell(text):
    return f'"{text}"'


@pytest.mark.parametrize(
    ("text", "kind", "nanoseconds"),
    [
        ("10.0000000000000", Kind.NUMBER, 10 * 10**9),
        ("-1.5", Kind.NUMBER, -1_500_000_000),
        ("1970-01-02 00:00:00", Kind.LOCAL, DAY),
        ("1970-01-02 00:05", Kind.LOCAL, DAY + 300 * 10**9),
        ("1970-01-02", Kind.LOCAL, DAY),
        ("1970/01/02 00:00:01", Kind.LOCAL, DAY + 10**9),
        # 2000-03-01 is day 11,017: 30 years of 365 days, 7 leap days up to 1996, then 31 + 29 days.
        ("2000-03-01T00:00:01.5", Kind.LOCAL, 11_017 * DAY + 1_500_000_000),
        ("1970-01-01 00:00:00.9799600", Kind.LOCAL, 979_960_000),
        ("1970-01-01 00:00:00,123", Kind.LOCAL, 123_000_000),
        ("1970-01-01 00:00:00.123456789Z", Kind.ZONED, 123_456_789),
        ("1970-01-01 02:00:00+02:00", Kind.ZONED, 0),
        ("1970-01-01 00:00:00-01:30", Kind.ZONED, 5_400 * 10**9),
        ("1970-01-01T02:00:00+0200", Kind.ZONED, 0),
        ("1970-01-01 00:00:01 +0000 UTC", Kind.ZONED, 10**9),
        ("1970-01-01 00:00:01 UTC", Kind.ZONED, 10**9),
        ("01/Jan/1970:00:00:01 -0100", Kind.ZONED, 3_601 * 10**9),
        ("Thu, 01 Jan 1970 00:00:02 GMT", Kind.ZONED, 2 * 10**9),
        ("31.01.1970 00:00", Kind.LOCAL, 30 * DAY),
        ("1/31/1970 1:00:00 PM", Kind.LOCAL, 30 * DAY + 13 * 3600 * 10**9),
        ("31/1/1970 13:00", Kind.LOCAL, 30 * DAY + 13 * 3600 * 10**9),
        ("19700102T000000Z", Kind.ZONED, DAY),
    ],
)
def test_times_are_exact(text, kind, nanoseconds, tmp_path):
    found, ways = read(text, tmp_path, unit="s" if kind is Kind.NUMBER else None)
    assert (found, set(ways) - {None}) == (kind, {nanoseconds})


@pytest.mark.parametrize(
    "text",
    [
        *("nan", "inf", "1e999", "1_0", "3e10", "2023-02-29 00:00:00", "2023-01-01 24:00:01", "x", "2023-13-01"),
        *("2023-01-01 00:00:60", "9999-01-01 00:00:00", "2023-01-01 00:00:00.1234567890", "32.01.2023 00:00"),
    ],
)
def test_what_is_no_time_is_refused(text, tmp_path):
    try:
        _, ways = read(text, tmp_path, unit="s" if text[0] in "13" and "." not in text else None)
    except DataError as error:
        assert "t.csv:2:1: time must be a date such as" in str(error)  # noqa: PT017 (both outcomes are right)
        return
    assert set(ways) == {None}


@settings(max_examples=40, deadline=None)
@given(micros=st.integers(-3 * 10**15, 3 * 10**15), unit=st.sampled_from(["s", "ms"]))
def test_the_quick_way_is_the_exact_one(micros, unit):
    places, power = {"s": (6, 9), "ms": (3, 6)}[unit]
    number = Decimal(micros).scaleb(-places)
    clock = number_clock(unit, ".", [str(Decimal(1).scaleb(-places))])
    engine, cell = Engine(), quoted(f"{number:f}")
    assert clock.quick is not None
    assert engine.rows(f"select {clock.exact(cell)}, {clock.quick(cell)}") == [(int(number.scaleb(power)),) * 2]


def test_a_time_of_more_decimals_than_the_first_ones_is_still_exact(tmp_path):
    # The first rows have one decimal, so that all are read the quick way; the last one would be rounded to 0.3.
    trace = load("time\n0.1\n0.2\n0.25\n0.29999999\n0.4\n", tmp_path, "requests", step_seconds=0.1)
    assert trace.actual_rate_rps[:, 0].tolist() == [10.0, 30.0, 0.0]


@pytest.mark.parametrize(
    ("first", "unit"),
    [("1700000000", "seconds"), ("1700000000000", "milliseconds"), ("1700000000000000", "microseconds")],
)
def test_the_unit_of_a_date_in_numbers_is_found_and_said(first, unit, tmp_path):
    scale = int(first) // 1_700_000_000
    text = "time\n" + "".join(f"{(1_700_000_000 + second) * scale}\n" for second in range(20))
    trace, preview = load(text, tmp_path, "requests", step_seconds=10, preview=True)
    assert trace.actual_rate_rps[:, 0].tolist() == [1.0]
    assert f"{unit} since 1970" in preview.times


def test_whole_numbers_from_some_origin_are_asked_about(tmp_path):
    # 1000 requests, 300 apart: 299.7 s of milliseconds, 299,700 s of seconds.
    text = "time\n" + "".join(f"{300 * at}\n" for at in range(1000))
    with pytest.raises(ChoiceError) as asked:
        load(text, tmp_path, "requests", step_seconds=60)
    assert [" ".join(words) for words, _ in asked.value.answers] == ["--time-unit s", "--time-unit ms"]
    assert [outcome.split(",")[0] for _, outcome in asked.value.answers] == ["299700 s in all", "299.7 s in all"]
    trace = load(text, tmp_path, "requests", step_seconds=60, time_unit="ms")
    assert trace.actual_rate_rps[:, 0].tolist() == [200 / 60] * 4


@pytest.mark.parametrize(("name", "steps"), [("time_ms", 1), ("t (s)", 1000)])
def test_a_unit_in_the_columns_name_is_taken(name, steps, tmp_path):
    text = f"{name}\n" + "".join(f"{at}\n" for at in range(0, 1001, 10))
    step = 1 if steps == 1 else 1.0
    assert load(text, tmp_path, "requests", step_seconds=step, time_column=name).steps == steps


def test_day_and_month_are_asked_about_unless_one_is_above_twelve(tmp_path):
    text = "time\n05/06/2024 00:00\n05/06/2024 00:10\n"
    with pytest.raises(ChoiceError, match="day/month or month/day"):
        load(text, tmp_path, "requests", step_seconds=60)
    told = load(text, tmp_path, "requests", step_seconds=60, time_format="%d/%m/%Y %H:%M", preview=True)[1]
    assert "from 2024-06-05 00:00:00" in told.times
    assert load("time\n05/13/2024 00:00\n05/13/2024 00:10\n", tmp_path, "requests", step_seconds=60).steps == 10


def test_a_form_of_ones_own_is_taken_and_a_wrong_one_refused(tmp_path):
    text = "time\n2024|001|00:00:00\n2024|001|00:10:00\n"
    assert load(text, tmp_path, "requests", step_seconds=60, time_format="%Y|%j|%H:%M:%S").steps == 10
    with pytest.raises(UsageError, match="--time-format"):
        load(text, tmp_path, "requests", step_seconds=60, time_format="%Q")
    with pytest.raises(UsageError, match="--time-unit is for numbers"):
        load("time\n2024-01-01\n", tmp_path, "requests", time_unit="s")


@pytest.mark.parametrize("time_format", ["%H:%M", "%I:%M %p", "%T", "%H%%d"])
def test_a_form_without_a_day_is_refused_since_times_after_midnight_would_come_first(time_format, tmp_path):
    text = "time,f\n" + "".join(f"{at // 12:02}:{at % 12 * 5:02},{at}\n" for at in [*range(240, 288), *range(240)])
    with pytest.raises(UsageError, match=r"has no day: put the date before each time in the file"):
        load(text, tmp_path, "wide", values="count", time_format=time_format)
    with pytest.raises(DataError, match=r"in.csv:2:1: time has times of day without their date: put the date before"):
        load(text, tmp_path, values="count")


@pytest.mark.parametrize("time_format", ["%b %d %H:%M:%S", "%d.%m. %H:%M"])
def test_a_form_without_a_year_is_refused_since_times_after_new_year_would_come_first(time_format, tmp_path):
    with pytest.raises(UsageError, match=r"has no year: put it before each time in the file"):
        load("time,f\nDec 31 23:55:00,1\nJan 01 00:00:00,2\n", tmp_path, values="count", time_format=time_format)


def test_months_are_refused_however_they_are_told(tmp_path):
    text = "Month,f\n" + "".join(f"2020-{month:02},{month}\n" for month in range(1, 13))
    with pytest.raises(UsageError, match="has no day, and months are not of one length: give the rows by day"):
        load(text, tmp_path, values="count", time_column="Month", time_format="%Y-%m")
    with pytest.raises(DataError, match="has months, which are not of one length: give the rows by day"):
        load(text, tmp_path)


@pytest.mark.parametrize(
    ("months", "days"),
    [
        (range(1, 13), 31),
        ((7, 8, 9), 31),
        ((2, 3), 29),
        ((1, 4, 7, 10), 91),
    ],
)
@pytest.mark.parametrize("zone", [None, "Europe/Rome"])
def test_rows_a_month_apart_are_refused_even_where_those_at_hand_are_of_one_length(months, days, zone, tmp_path):
    text = "time,f\n" + "".join(f"2020-{month:02}-01,1000\n" for month in months)
    with pytest.raises(
        DataError, match=f"in.csv: its rows stand months apart, mostly {days} days, and months are not of"
    ):
        load(text, tmp_path, values="count", timezone=zone)


def test_years_of_months_are_refused_without_a_warning_and_rows_of_four_weeks_taken(tmp_path):
    # Fifty times the middle four fifths of six years is more nanoseconds than 64 bits hold.
    text = "time,f\n" + "".join(f"{2020 + at // 12}-{at % 12 + 1:02}-01,1000\n" for at in range(72))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(DataError, match="mostly 31 days, and months are not of one length: give the rows by day"):
            load(text, tmp_path, values="count")
    days = [datetime.date(2020, 1, 1) + datetime.timedelta(days=28 * at) for at in range(72)]
    trace = load("time,f\n" + "".join(f"{day},{28 * 86_400}\n" for day in days), tmp_path, values="count")
    assert (trace.step_seconds, trace.actual_rate_rps.tolist()) == (28 * 86_400, [[1.0]] * 72)


@pytest.mark.parametrize(
    ("form", "minutes"), [("%Y%m%d", 1440), ("%Y%m%d%H", 60), ("%Y%m%d%H%M", 5), ("%Y%m%d%H%M%S", 5)]
)
def test_numbers_that_are_dates_without_marks_are_such_or_asked_about(form, minutes, tmp_path):
    start = datetime.datetime(2026, 1, 31, 22)
    stamps = [(start + datetime.timedelta(minutes=minutes * at)).strftime(form) for at in range(40)]
    text = "timestamp,f\n" + "".join(f"{stamp},{minutes * 60}\n" for stamp in stamps)
    chosen = {}
    if form == "%Y%m%d%H":  # 2026013122 is also a second of the year 2034; of the others none is of 1990 to 2065
        with pytest.raises(ChoiceError, match="a date without marks, or a number of seconds") as asked:
            load(text, tmp_path)
        assert [words for words, _ in asked.value.answers] == [["--time-format", form], ["--time-unit", "s"]]
        chosen = {"time_format": form}
    trace, preview = load(text, tmp_path, values="count", preview=True, **chosen)
    assert (trace.step_seconds, trace.actual_rate_rps.tolist()) == (max(minutes * 60, 300), [[1.0]] * 40)
    assert "from 2026-01-31" in preview.times


# --- zones


def local_times(zone, start, count, minutes):
    """`count` local times without their zone, `minutes` apart in truth."""
    moments = [start + datetime.timedelta(minutes=minutes * index) for index in range(count)]
    return [moment.astimezone(zoneinfo.ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M:%S") for moment in moments]


@pytest.mark.parametrize(
    ("zone", "night"),
    [
        ("Europe/Rome", datetime.datetime(2024, 10, 26, 22, tzinfo=datetime.UTC)),
        ("Europe/Rome", datetime.datetime(2024, 3, 30, 22, tzinfo=datetime.UTC)),
        ("America/New_York", datetime.datetime(2024, 11, 3, 3, tzinfo=datetime.UTC)),
        ("Australia/Lord_Howe", datetime.datetime(2024, 4, 6, 11, tzinfo=datetime.UTC)),
        ("Asia/Kathmandu", datetime.datetime(2024, 4, 6, 11, tzinfo=datetime.UTC)),
    ],
)
def test_the_hours_around_a_change_of_the_clocks_are_all_there_once(zone, night, tmp_path):
    # A request a minute for six hours: six periods of an hour, each of 60, and the last row alone.
    text = "time\n" + "".join(f"{one}\n" for one in local_times(zone, night, 361, 1))
    trace, preview = load(text, tmp_path, "requests", step_seconds=3600, timezone=zone, preview=True)
    assert f"from {night:%Y-%m-%d %H:%M:%S} to" in preview.times
    assert preview.times.endswith(f"UTC (times are dates of {zone})")
    assert (trace.actual_rate_rps[:, 0] * 3600).tolist() == [60.0] * 6


def test_an_hour_that_there_is_twice_is_asked_about_where_no_zone_is_given(tmp_path):
    night = datetime.datetime(2024, 10, 26, 22, tzinfo=datetime.UTC)
    text = "time\n" + "".join(f"{one}\n" for one in local_times("Europe/Rome", night, 361, 1))
    # 180 rows before 01:00 UTC, when 03:00 becomes 02:00: row 181 is on line 182.
    with pytest.raises(ChoiceError, match=r"in.csv:182:1: time goes back by about an hour") as asked:
        load(text, tmp_path, "requests", step_seconds=3600)
    assert [words for words, _ in asked.value.answers] == [["--timezone", "ZONE"], ["--timezone", "UTC"]]


@pytest.mark.parametrize(("head", "more"), [("time,f", ""), ("time,service,n", "a,")])
def test_a_zone_without_changes_is_no_answer_where_values_of_one_time_are_given_twice(head, more, tmp_path):
    night = datetime.datetime(2024, 10, 26, 22, tzinfo=datetime.UTC)
    times = local_times("Europe/Rome", night, 12, 30)
    text = f"{head}\n" + "".join(f"{one},{more}1800\n" for one in times)
    long = {"value_column": "n", "function_column": ("service",)} if more else {}
    with pytest.raises(DataError, match=r"in.csv:8:1: time goes back by about an hour.* --timezone Europe/Rome$") as no:
        load(text, tmp_path, values="count", **long)
    assert not isinstance(no.value, ChoiceError)
    trace = load(text, tmp_path, values="count", timezone="Europe/Rome", **long)
    assert trace.actual_rate_rps.tolist() == [[1.0]] * 12


def test_a_zone_without_changes_is_an_answer_where_series_of_one_time_differ(tmp_path):
    # Rows of b an hour behind those of a: each series is once at each time.
    times = [f"2024-10-27 {hour:02}:{half}" for hour in range(6) for half in ("00", "30")]
    text = "time,service,n\n" + "".join(f"{one},a,1800\n" for one in times[2:]) + f"{times[9]},b,1800\n"
    chosen = {"values": "count", "value_column": "n", "function_column": ("service",), "fill": "zero"}
    with pytest.raises(ChoiceError, match="goes back by about an hour"):
        load(text, tmp_path, **chosen)
    assert load(text, tmp_path, timezone="UTC", **chosen).actual_rate_rps.sum() == 11.0


def test_an_hour_that_there_never_was_is_refused_by_its_place(tmp_path):
    text = "time\n2024-03-31 01:59:00\n2024-03-31 02:30:00\n2024-03-31 03:10:00\n"
    with pytest.raises(DataError, match=r"in.csv:3:1: time was never there in Europe/Rome"):
        load(text, tmp_path, "requests", step_seconds=60, timezone="Europe/Rome")


def test_an_hour_that_nothing_tells_from_the_other_is_refused(tmp_path):
    text = "time\n2024-10-27 01:00:00\n2024-10-27 02:30:00\n2024-10-27 04:00:00\n"
    with pytest.raises(DataError, match=r"in.csv:3:1: '2024-10-27 02:30:00' was there twice in Europe/Rome"):
        load(text, tmp_path, "requests", step_seconds=60, timezone="Europe/Rome")


def test_a_zone_is_for_times_without_one(tmp_path):
    with pytest.raises(UsageError, match="--timezone is for dates without a zone"):
        load("time\n2024-01-01T00:00:00Z\n", tmp_path, "requests", timezone="Europe/Rome")
    with pytest.raises(UsageError, match="must be a zone such as"):
        load("time\n2024-01-01T00:00:00\n", tmp_path, "requests", timezone="Mars/Olympus")
