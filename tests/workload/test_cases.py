"""Files as people have them: each kind made small, its rates worked out by hand, or asked about."""

import datetime
import json
import math
import subprocess
import sys

import numpy as np
import pytest

from mamo_cli.core.errors import DataError, UsageError
from mamo_cli.workload.choices import ChoiceError
from mamo_cli.workload.importers import import_trace
from mamo_cli.workload.options import Options
from tests.workload.imports import load, refusal

START = datetime.datetime(2024, 5, 1)
EPOCH = 1_714_521_600  # the same in UTC


def date(minutes, form="%Y-%m-%d %H:%M:%S"):
    return (START + datetime.timedelta(minutes=minutes)).strftime(form)


def rows(*columns, head, separator=","):
    lines = [separator.join(map(str, row)) for row in zip(*columns, strict=True)]
    return "\n".join([head, *lines]) + "\n"


def rates(trace):
    return trace.actual_rate_rps.T.tolist()


def asked(text, folder, *arguments, **options):
    """The options to choose from."""
    with pytest.raises(ChoiceError) as choice:
        load(text, folder, *arguments, **options)
    return [" ".join(words) for words, _ in choice.value.answers], [outcome for _, outcome in choice.value.answers]


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


# --- text of many kinds


def test_semicolons_and_decimal_commas_are_read(tmp_path):
    text = "\ufefftime;rps\r\n" + "".join(f"{date(5 * at)};{at},25\r\n" for at in range(3))
    trace, preview = load(text, tmp_path, preview=True)
    assert rates(trace) == [[0.25, 1.25, 2.25]]
    assert "numbers have a decimal comma" in preview.said


def test_a_comma_that_could_part_thousands_is_not_taken_for_a_point(tmp_path):
    text = "time;rps\n" + "".join(f"{date(5 * at)};{at + 1},250\n" for at in range(3))
    assert "in.csv:2:2: rps must be a finite number >= 0, got '1,250': write 1,000 as 1000" in refusal(
        text, tmp_path, "wide"
    )
    assert rates(load(text, tmp_path, "wide", decimal=",")) == [[1.25, 2.25, 3.25]]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be"])
@pytest.mark.parametrize("name", ["in.csv", "in.csv.gz"])
def test_the_same_table_reads_the_same_however_it_is_written(separator, encoding, name, tmp_path):
    text = rows([date(5 * at) for at in range(3)], [1.5, 2, 3], head="time,größe").replace(",", separator)
    mark = b"\xfe\xff" if encoding == "utf-16-be" else b""
    assert rates(load(mark + text.encode(encoding), tmp_path, name=name)) == [[1.5, 2.0, 3.0]]


def test_a_line_break_within_quotes_is_part_of_its_cell_and_lines_stay_counted(tmp_path):
    text = "timestamp,path\n" + "".join(f'{EPOCH + 5 * at},"GET /\nx"\n' for at in range(61))
    assert rates(load(text, tmp_path, step_seconds=60)) == [[0.2] * 5]
    text += "x,y\n"
    # A header and 61 records of two lines each come before it.
    assert refusal(text, tmp_path, "requests").startswith("in.csv:124:1: timestamp must be a number of seconds")


def test_parquet_is_read_and_its_rows_are_named(tmp_path):
    import duckdb

    path = tmp_path / "in.parquet"
    for bad, name in (("", "good"), (" union all select null, -1.0", "bad")):
        duckdb.sql(f"select {EPOCH} + 300 * range as time, range / 2 as x from range(4){bad}").write_parquet(str(path))
        if name == "good":
            assert rates(import_trace(path, Options(forecast="perfect"))[0]) == [[0.0, 0.5, 1.0, 1.5]]
        else:
            with pytest.raises(DataError, match=r"in.parquet:5:2: x must be a finite number >= 0, got '-1.0'"):
                import_trace(path, Options(format="wide"))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"PK\x03\x04 xl/workbook.xml", "an Excel workbook: save the sheet as CSV"),
        (b"PK\x03\x04 data.csv", "a zip archive: unpack it"),
        (b"\x28\xb5\x2f\xfd0", "compressed with zstd"),
        (b"BZh91AY", "compressed with bzip2"),
        (b"\x1f\x8b\x08\x00broken", "a gzip file that is damaged or cut off"),
        (b"PAR1broken", "a Parquet file that is damaged"),
        (b"a,b\n1,\x00\n", "in.csv:2:2: there is a NUL byte: this is no text"),
        (b"a,b\n1.5,\xe9\n", "in.csv:2:2: not UTF-8 text: save the file as UTF-8"),
        (b'{"a": [1,\n 2]}', "this is JSON, but not one object a line"),
        (b"", "the file is empty"),
    ],
)
def test_what_is_no_table_is_called_what_it_is(data, words, tmp_path):
    with pytest.raises(DataError) as refused:
        load(data, tmp_path, "wide")
    assert words in str(refused.value)


ROW = {"t": "2024-05-01T00:00:00Z", "n": 1}


@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize(
    ("value", "remedy"),
    [
        ([ROW, ROW], "jq -c '.[]' FILE > in.jsonl)"),
        ({"Label": "x", "Datapoints": [ROW]}, "jq -c '.Datapoints[]' FILE > in.jsonl)"),
        ({"v": [{"unit": "c", "by": [{"data data": [ROW]}]}]}, "jq -c '.v[].by[][\"data data\"][]' FILE > in.jsonl)"),
        ({"Records": [{**ROW, "of": {"f": "a"}}]}, "'.Records[]' FILE > in.jsonl), and give what is in of keys of its"),
        ({"data": {"result": [{"metric": {}, "values": [[1, "2"]]}]}}, ": flatten it to one object a line"),
    ],
)
def test_json_that_is_no_table_is_refused_with_the_place_of_its_rows(value, indent, remedy, tmp_path):
    with pytest.raises(DataError) as refused:
        load(json.dumps(value, indent=indent), tmp_path)
    assert remedy.replace("FILE", str(tmp_path / "in.csv")) in str(refused.value)


def test_json_objects_over_several_lines_and_a_damaged_line_are_told_apart(tmp_path):
    with pytest.raises(DataError, match=r"in.csv:1:1: .*jq -c '\.' "):
        load("\n".join(json.dumps(ROW, indent=1) for _ in range(3)), tmp_path)
    assert (
        refusal(f"{json.dumps(ROW)}\n[1\n", tmp_path) == "in.csv:2:1: this is no JSON object, as the lines before are"
    )


@pytest.mark.parametrize(
    ("cell", "remedy"),
    [
        ("12.5 req/s", "give the number alone, without a unit or mark"),
        ("1.2k", "give the number alone"),
        ('"1,234"', "1000"),
    ],
)
def test_a_number_with_a_unit_is_not_answered_with_where(cell, remedy, tmp_path):
    message = refusal(f"time,x\n0,{cell}\n300,{cell}\n", tmp_path, "wide")
    assert remedy in message
    assert "--where" not in message


# --- several files


def azure(first, counts, owner="o"):
    minutes = ",".join(str(first + at) for at in range(len(next(iter(counts.values())))))
    lines = [f"{owner},a,{name},http,{','.join(map(str, row))}" for name, row in counts.items()]
    return "\n".join([f"HashOwner,HashApp,HashFunction,Trigger,{minutes}", *lines]) + "\n"


def several(folder, files, **options):
    paths = []
    for name, text in files.items():
        (folder / name).write_text(text)
        paths.append(folder / name)
    return import_trace(paths, Options(forecast="perfect", **options))[0]


def test_any_run_of_minutes_is_taken(tmp_path):
    trace = load(azure(541, {"f": range(1, 11)}), tmp_path)
    # 1 + ... + 5 = 15 and 6 + ... + 10 = 40 in 300 s.
    assert rates(trace) == [[15 / 300, 40 / 300]]


def test_days_follow_one_another_by_name_and_functions_are_matched(tmp_path):
    day = [0] * 1439
    files = {"d02.csv": azure(1, {"g": [7, *day], "f": [3, *day]}), "d01.csv": azure(1, {"f": [1, *day]})}
    trace = several(tmp_path, files, step_seconds=86_400.0)
    assert (trace.functions, trace.steps) == (("f", "g"), 2)
    np.testing.assert_allclose(trace.actual_rate_rps * 86_400, [[1, 0], [3, 7]], rtol=1e-12)


def test_windows_follow_one_another_by_their_minutes_without_a_gap(tmp_path):
    files = {"a.csv": azure(61, {"f": [2] * 60}), "b.csv": azure(1, {"f": [1] * 60})}
    assert rates(several(tmp_path, files, step_seconds=3600.0)) == [[60 / 3600, 120 / 3600]]
    files["a.csv"] = azure(62, {"f": [2] * 60})
    with pytest.raises(DataError, match=r"a.csv: begins with column 62 where b.csv goes on to 60"):
        several(tmp_path, files)


def test_the_busiest_functions_are_kept_in_the_files_order(tmp_path):
    counts = {"a": [1] * 5, "b": [9] * 5, "c": [5] * 5, "d": [7] * 5}
    trace, preview = load(azure(1, counts), tmp_path, busiest=2, preview=True)
    assert trace.functions == ("b", "d")
    assert preview.dropped == [(30, "requests of 2 functions that were not chosen")]
    # 9 periods of 10 s: four requests of y, five of others before the last period, one in it.
    log = rows([EPOCH + at for at in range(9)] + [EPOCH + 99], list("zyxyzyxyww"), head="timestamp,func")
    trace, preview = load(log, tmp_path, busiest=1, step_seconds=10, preview=True)
    assert trace.functions == ("y",)
    assert preview.dropped == [
        (1, "requests of the last period, seen in part"),
        (5, "requests of 3 functions that were not chosen"),
    ]


def test_logs_in_several_files_are_one_log(tmp_path):
    files = {
        "b.csv": rows([EPOCH + 10 + at for at in range(11)], head="timestamp"),
        "a.csv": rows([EPOCH + at for at in range(10)], head="timestamp"),
    }
    assert rates(several(tmp_path, files, step_seconds=10.0)) == [[1.0, 1.0]]
    files["a.csv"] = files["a.csv"].replace("timestamp", "time")
    with pytest.raises(DataError, match="its columns are not those of"):
        several(tmp_path, files)


# --- what tools and services write


def test_mooncake_is_in_milliseconds(tmp_path):
    # A request each 300 ms: 200 a minute.
    lines = [{"timestamp": 300 * at, "input_length": 9, "output_length": 9, "hash_ids": [1, 2]} for at in range(401)]
    trace, preview = load("".join(json.dumps(line) + "\n" for line in lines), tmp_path, step_seconds=60, preview=True)
    assert rates(trace) == [[200 / 60] * 2]
    assert "Mooncake" in preview.citation
    table = rows([300 * at for at in range(401)], [9] * 401, [9] * 401, head="timestamp,input_length,output_length")
    assert load(table, tmp_path, step_seconds=60).digest() == trace.digest()


def test_k6_counts_its_requests_alone(tmp_path):
    names = ["http_reqs", "http_req_duration", "vus"] * 31
    times = [EPOCH + 2 * (at // 3) for at in range(93)]
    text = rows(names, times, [1.0] * 93, ["GET"] * 93, head="metric_name,timestamp,metric_value,method")
    trace, preview = load(text, tmp_path, step_seconds=30, preview=True)
    assert rates(trace) == [[0.5, 0.5]]
    assert trace.notes["where"] == "metric_name=http_reqs"
    assert preview.dropped == [(62, "rows that do not count"), (1, "requests of the last period, seen in part")]


def test_locust_tells_rates_of_its_requests_and_not_of_all_together(tmp_path):
    # Each second: / at 1.5, /cart at 0.5, and Aggregated, which is both.
    seconds = [EPOCH + at // 3 for at in range(60)]
    text = rows(
        seconds,
        [10] * 60,
        ["GET", "GET", ""] * 20,
        ["/", "/cart", "Aggregated"] * 20,
        [1.5, 0.5, 2.0] * 20,
        head="Timestamp,User Count,Type,Name,Requests/s",
    )
    trace = load(text, tmp_path, step_seconds=10)
    assert (trace.functions, rates(trace)) == (("f_", "f_cart"), [[1.5] * 2, [0.5] * 2])
    alone = "\n".join(line for line in text.splitlines() if "GET" not in line) + "\n"
    assert rates(load(alone, tmp_path, step_seconds=10)) == [[2.0, 2.0]]


@pytest.mark.parametrize(
    ("text", "known"),
    [
        (
            rows(
                ["http_reqs", "vus"] * 20, range(EPOCH, EPOCH + 40), [1] * 40, head="metric_name,timestamp,metric_value"
            ),
            "k6",
        ),
        (
            rows(
                range(EPOCH, EPOCH + 40),
                [1] * 40,
                ["GET"] * 40,
                ["/"] * 40,
                [52.5] * 40,
                head="Timestamp,User Count,Type,Name,Requests/s",
            ),
            "locust",
        ),
        (rows([EPOCH + 60 * at for at in range(9)], range(9), head="Timestamp,Sum"), "cloudwatch"),
    ],
)
def test_rows_that_are_no_requests_are_not_counted_in_silence(text, known, tmp_path):
    assert asked(text, tmp_path, "requests", step_seconds=10)[0] == [f"--format {known}", "--values requests"]
    assert load(text, tmp_path, "requests", step_seconds=10, values="requests").actual_rate_rps.max() > 0


def test_jmeter_is_in_milliseconds_with_functions_by_label(tmp_path):
    times = [EPOCH * 1000 + 500 * at for at in range(121)]
    text = rows(times, [99] * 121, ["home", "cart"] * 60 + ["home"], head="timeStamp,elapsed,label")
    trace = load(text, tmp_path, name="in.jtl", step_seconds=30)
    assert (trace.functions, rates(trace)) == (("cart", "home"), [[1.0, 1.0], [1.0, 1.0]])


@pytest.mark.parametrize("tail", ["", ' "-" "Mozilla/5.0 (X11; \\"x\\")"'])
def test_an_access_log_is_a_request_a_line(tail, tmp_path):
    line = '10.0.0.1 - bob [01/Jul/1995:00:{}:{:02d} -0400] "GET /a{}.html?x=1 HTTP/1.0" 200 {}'
    lines = [line.format(f"0{at // 60}", at % 60, at % 2, "-") + tail for at in range(121)]
    trace, preview = load("\n".join(lines) + "\n", tmp_path, name="access.log", step_seconds=60, preview=True)
    assert rates(trace) == [[1.0, 1.0]]
    assert preview.times.startswith("from 1995-07-01 04:00:00 to 1995-07-01 04:02:00 UTC")
    by_path = load("\n".join(lines), tmp_path, name="access.log", step_seconds=60, function_column=("path",))
    assert rates(by_path) == [[0.5, 0.5], [0.5, 0.5]]
    lines[3] = "nonsense"
    with pytest.raises(DataError, match=r"access.log:4:4: time must be a date such as .* got ''"):
        load("\n".join(lines), tmp_path, name="access.log")


def test_a_prometheus_series_with_labels_is_told(tmp_path):
    text = rows([EPOCH + 15 * at for at in range(21)], [0.5] * 21, head='Time,"{job=""x"", path=""/""}"')
    trace, preview = load(text, tmp_path, preview=True)
    assert rates(trace) == [[0.5]]
    assert preview.taken_for.startswith("prometheus")


def test_a_preview_reckons_its_own_numbers_and_holds_no_control_characters(tmp_path):
    trace, preview = load(
        rows([date(5 * at) for at in range(4)], [1.5, 2, 3, 4], head="Time,a\u2028b"),
        tmp_path,
        preview=True,
        forecast="persistence",
    )
    assert (trace.steps, preview.periods) == (3, 4)
    assert preview.requests == 10.5 * 300
    assert math.isclose(preview.mean_rps, 10.5 / 4)
    assert preview.first == {trace.functions[0]: [1.5, 2.0, 3.0, 4.0]}
    assert preview.dropped == [(1, "period at the start, before which nothing was seen (--forecast persistence)")]
    assert all(line.isprintable() for line in preview.lines())


def test_a_large_counter_beside_the_time_is_no_second_time(tmp_path):
    text = rows(
        [EPOCH + 60 * at for at in range(9)], [1_700_000_000 + 600 * at for at in range(9)], head="time,x_total"
    )
    assert rates(load(text, tmp_path, step_seconds=60)) == [[10.0] * 8]


def test_the_engine_is_not_imported_before_a_table_is_read():
    code = "import sys, mamo_cli.workload.importers, mamo_cli.workload.trace_csv; print('duckdb' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "False\n"
