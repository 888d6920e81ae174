"""Files as people have them: text of many kinds, several files as one, what tools and services write."""

import json
import math
import subprocess
import sys

import numpy as np
import pytest

from mamo_cli.core.errors import DataError
from mamo_cli.workload.importers import import_trace
from mamo_cli.workload.options import Options
from tests.workload.imports import EPOCH, asked, date, load, rates, refusal, rows

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
