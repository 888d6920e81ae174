"""Values and requests as people have them: each kind made small, its rates worked out by hand, or asked about."""

import pytest

from mamo_cli.core.errors import DataError, UsageError
from tests.workload.imports import EPOCH, asked, date, load, rates, refusal, rows

# --- rates, counts, counters

SUMS = [3000, 3300, 600]


@pytest.mark.parametrize("form", ["%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d %H:%M"])
def test_cloudwatch_sums_are_counts_of_a_period_in_any_order(form, tmp_path):
    # 3000 / 300 s = 10, 3300 / 300 s = 11, 600 / 300 s = 2 requests/s.
    times = [date(5 * at, form) for at in range(3)]
    text = rows([times[2], times[0], times[1]], [SUMS[2], SUMS[0], SUMS[1]], head="Timestamp,Invocations")
    trace, preview = load(text, tmp_path, preview=True)
    assert rates(trace) == [[10.0, 11.0, 2.0]]
    assert (preview.requests, preview.mean_rps, preview.peak_rps) == (6900.0, pytest.approx(23 / 3), 11.0)
    assert preview.taken_for.startswith("cloudwatch: it has the columns Timestamp and Invocations")


def test_a_named_format_does_not_take_counts_for_rates_in_silence(tmp_path):
    text = rows([date(5 * at) for at in range(3)], SUMS, head="Timestamp,Invocations")
    options, outcomes = asked(text, tmp_path, "wide")
    assert options == ["--values rate", "--values count"]
    assert ["2300" in outcomes[0], "7.667" in outcomes[1]] == [True, True]
    assert rates(load(text, tmp_path, "wide", values="count")) == [[10.0, 11.0, 2.0]]
    assert rates(load(text, tmp_path, "wide", values="rate")) == [[3000.0, 3300.0, 600.0]]


@pytest.mark.parametrize("name", ["Sum", "count", "requests", "http_requests_total", "load"])
def test_whole_numbers_far_apart_are_asked_about_whatever_their_name(name, tmp_path):
    assert asked(rows([0, 300, 600], [5, 3, 4], head=f"time,{name}"), tmp_path, "wide")[0][0] == "--values rate"


@pytest.mark.parametrize(
    ("name", "values", "apart"), [("rps", [5, 3, 4], 300), ("req/s", [5, 3, 4], 300), ("load", [5.5, 3, 4], 300)]
)
def test_what_is_named_as_a_rate_or_has_fractions_is_taken_for_rates(name, values, apart, tmp_path):
    text = rows([0, apart, 2 * apart], values, head=f"time,{name}")
    assert rates(load(text, tmp_path, "wide", step_seconds=apart)) == [[float(value) for value in values]]


def test_a_counter_rises_by_what_came_and_starts_anew_as_prometheus_takes_it(tmp_path):
    # Rises of 3000 and 1500; then a restart: 600 came since; then 900. Over 300 s each.
    text = rows([EPOCH + 300 * at for at in range(5)], [100_000, 103_000, 104_500, 600, 1500], head="time,x_total")
    trace, preview = load(text, tmp_path, preview=True)
    assert rates(trace) == [[10.0, 5.0, 2.0, 3.0]]
    assert preview.taken_for.startswith("prometheus: x_total is named as a counter is, and rises")
    assert rates(load(text, tmp_path, "wide", values="counter")) == rates(trace)


def test_a_rising_counter_is_asked_about_with_its_own_rate(tmp_path):
    text = rows([EPOCH + 300 * at for at in range(10)], [10**5 + 3000 * at for at in range(10)], head="time,served")
    options, outcomes = asked(text, tmp_path, "wide")
    assert options == ["--values rate", "--values count", "--values counter"]
    assert outcomes[2] == "requests since a start: 10 requests/s"


def test_a_counter_spreads_evenly_what_came_while_nothing_was_written(tmp_path):
    # 1200 requests over three missing rows and the next: 4 periods of 300 each.
    at = [0, 300, 1500, 1800]
    text = rows([EPOCH + one for one in at], [0, 300, 1500, 1800], head="time,x_total")
    trace, preview = load(text, tmp_path, preview=True)
    assert rates(trace) == [[1.0] * 6]
    assert preview.filled == 3


# --- rows and periods


def test_rows_of_15_s_make_periods_of_300_s(tmp_path):
    # 40 rows: the means of 0..19 and of 20..39, each by a half.
    text = rows([EPOCH + 15 * at for at in range(41)], [at / 2 for at in range(41)], head="timestamp,frontend")
    trace, preview = load(text, tmp_path, preview=True)
    assert rates(trace) == [[4.75, 14.75]]
    assert preview.dropped == [(1, "rows of the last period, seen in part")]
    assert "20 rows of 15 s make one control period of 300 s" in preview.said


def test_counts_in_rows_add_up_over_a_period(tmp_path):
    text = rows([EPOCH + 60 * at for at in range(6)], [60, 120, 180, 0, 60, 600], head="time,x")
    assert rates(load(text, tmp_path, values="count", step_seconds=180)) == [[2.0, 660 / 180]]
    message = refusal(text, tmp_path, values="count", step_seconds=100)
    assert message.startswith("in.csv: control periods of 100 s do not hold a whole number of its rows, 60 s apart")


def test_rows_wider_than_the_default_period_set_it_and_a_shorter_one_is_refused(tmp_path):
    text = rows([EPOCH + 3600 * at for at in range(3)], [1.5, 2, 3], head="time,x")
    trace, preview = load(text, tmp_path, preview=True)
    assert trace.step_seconds == 3600.0
    assert "the control period is 3600 s, since --step-seconds is not given" in preview.said
    assert "use --step-seconds 3600 or longer" in refusal(text, tmp_path, step_seconds=300)


@pytest.mark.parametrize("name", ["unixtime", "ds", "ts", "epoch", "zeit", "@timestamp", "Datum"])
@pytest.mark.parametrize("form", ["epoch", "date"])
def test_a_time_column_of_any_name_is_no_function(name, form, tmp_path):
    times = [EPOCH + 60 * at if form == "epoch" else date(at) for at in range(4)]
    trace = load(rows(times, [1.5, 2, 3, 4], head=f"{name},y"), tmp_path, step_seconds=60)
    assert (trace.functions, rates(trace)) == (("y",), [[1.5, 2.0, 3.0, 4.0]])


def test_an_index_without_a_name_is_left_out_and_said(tmp_path):
    text = rows(range(3), [date(5 * at) for at in range(3)], [1.5, 2, 3], head=",time,rps")
    trace, preview = load(text, tmp_path, preview=True)
    assert (trace.functions, rates(trace)) == (("rps",), [[1.5, 2.0, 3.0]])
    assert preview.said[0] == "the first column has no name and is left out, as an index"


@pytest.mark.parametrize("text", ["50 51 52.5 49", "50\n51\n52.5\n49\n", "50,51,52.5,49\n", "50; 51; 52.5; 49"])
def test_a_list_of_numbers_is_rates_of_a_stated_period(text, tmp_path):
    assert rates(load(text, tmp_path, step_seconds=1)) == [[50.0, 51.0, 52.5, 49.0]]
    with pytest.raises(UsageError, match="numbers without times: use --step-seconds"):
        load(text, tmp_path)


def test_a_long_line_of_numbers_is_no_header_and_a_bad_one_has_its_place(tmp_path):
    numbers = [str(at % 97) for at in range(60_000)]
    trace = load(" ".join(numbers), tmp_path, "wide", step_seconds=1)
    assert (trace.steps, trace.actual_rate_rps.sum()) == (60_000, sum(map(int, numbers)))
    numbers[777] = "-3"
    assert refusal(" ".join(numbers), tmp_path, "wide", step_seconds=1).startswith("in.csv:1:778: f0 must be a finite")


def test_a_first_row_of_dates_and_numbers_is_data(tmp_path):
    text = "".join(f"{date(5 * at)},{at}.5\n" for at in range(3))
    assert rates(load(text, tmp_path)) == [[0.5, 1.5, 2.5]]


# --- what is missing

GAPS = rows([date(5 * at) for at in range(4)], [1.5, 2, 3, 4], [5, "", "NaN", 8], head="Time,a,b")


def test_empty_cells_are_refused_by_place_or_filled_as_asked(tmp_path):
    with pytest.raises(DataError) as refused:
        load(GAPS, tmp_path)
    places = [problem.rpartition("/")[2] for problem in refused.value.problems]
    assert places == [
        "in.csv:3:3: b must be a finite number >= 0, got '': use --fill zero or --fill hold",
        "in.csv:4:3: b must be a finite number >= 0, got 'NaN': use --fill zero or --fill hold",
    ]
    assert rates(load(GAPS, tmp_path, fill="zero"))[1] == [5.0, 0.0, 0.0, 8.0]
    trace, preview = load(GAPS, tmp_path, fill="hold", preview=True)
    assert (rates(trace)[1], preview.filled) == ([5.0, 5.0, 5.0, 8.0], 2)


def test_missing_rows_are_refused_or_filled(tmp_path):
    text = rows([date(at) for at in (0, 5, 20, 25)], [1.5, 2, 3, 4], head="Time,a")
    assert "rows are missing in 1 places, first between 2024-05-01 00:05:00 and 2024-05-01 00:20:00" in refusal(
        text, tmp_path, "wide"
    )
    assert rates(load(text, tmp_path, "wide", fill="hold")) == [[1.5, 2.0, 2.0, 2.0, 3.0, 4.0]]


@pytest.mark.parametrize("far", ["0", "1", "9000000000000000000"])
def test_a_time_far_off_among_many_is_refused_by_its_line(far, tmp_path):
    times = [str(EPOCH + 3 * at) for at in range(1000)]
    times[500] = far
    assert refusal(rows(times, head="timestamp"), tmp_path, "requests").startswith("in.csv:502:1: timestamp ")


@pytest.mark.parametrize("far", ["1970-01-01 00:00:00", "2099-12-31 00:00:00", "1899-12-30 00:00:00"])
def test_a_far_off_date_is_refused_in_a_table_of_values_too(far, tmp_path):
    times = [date(5 * at) for at in range(100)]
    times[7] = far
    message = refusal(rows(times, [at / 2 for at in range(100)], head="time,x"), tmp_path, "wide", fill="zero")
    if far < "1900":
        assert message.startswith("in.csv:9:1: time must be a date such as") or "is far from all other rows" in message
    else:
        assert message.startswith(f"in.csv:9:1: time '{far}' is far from all other rows")


def test_two_bursts_a_month_apart_are_no_fault(tmp_path):
    times = [EPOCH + at for at in range(100)] + [EPOCH + 40 * 86_400 + at for at in range(100)]
    assert load(rows(times, head="timestamp"), tmp_path, "requests", step_seconds=3600).steps == 960


# --- rows of many kinds

LONG = rows(
    [60 * (at // 4) for at in range(12)],
    ["cart", "cart", "user", "user"] * 3,
    ["rps", "p95_ms"] * 6,
    [1.5, 900, 2.5, 800, 3, 901, 4, 801, 5, 902, 6, 802],
    head="timestamp,service,metric,value",
)


def test_all_conditions_must_hold(tmp_path):
    said = {"value_column": "value", "step_seconds": 60}
    both = (("service", "cart"), ("metric", "rps"))
    assert rates(load(LONG, tmp_path, "wide", where=both, **said)) == [[1.5, 3.0, 5.0]]
    with pytest.raises(
        UsageError, match=r"no row has service='cart' and metric='x': service has 'cart', 'user'; metric"
    ):
        load(LONG, tmp_path, "wide", where=(("service", "cart"), ("metric", "x")), **said)


def test_a_row_a_value_becomes_a_column_a_function(tmp_path):
    trace = load(
        LONG, tmp_path, value_column="value", function_column=("service",), where=(("metric", "rps"),), step_seconds=60
    )
    assert (trace.functions, rates(trace)) == (("cart", "user"), [[1.5, 3.0, 5.0], [2.5, 4.0, 6.0]])


def test_quantities_of_different_kinds_are_never_added_up(tmp_path):
    options, _ = asked(LONG, tmp_path, value_column="value", function_column=("service",), step_seconds=60)
    assert options == ["--where metric=p95_ms", "--where metric=rps"]


def test_instances_of_a_function_add_up_and_that_is_said(tmp_path):
    text = rows(
        [60 * (at // 3) for at in range(6)],
        ["a", "a", "b"] * 2,
        ["a_i0", "a_i1", "b_i0"] * 2,
        [1.5, 2, 4, 3, 5, 8],
        head="timestamp,msname,msinstanceid,value",
    )
    trace, preview = load(
        text, tmp_path, preview=True, value_column="value", function_column=("msname",), step_seconds=60
    )
    assert (trace.functions, rates(trace)) == (("a", "b"), [[3.5, 8.0], [4.0, 8.0]])
    assert preview.said[0] == "3 series, told apart by msinstanceid, are added up into 2 functions"


def test_quantities_of_one_table_are_asked_about(tmp_path):
    options, _ = asked(LONG, tmp_path)
    long = "--value-column value --function-column service --where metric="
    assert options == [f"{long}p95_ms", f"{long}rps"]
