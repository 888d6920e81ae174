"""Files without a publisher: what is taken, what is refused and with what words, and questions whose answers work."""

import datetime
import random
from dataclasses import replace

import pytest

from mamo_cli.core.errors import DataError, UsageError
from mamo_cli.workload.choices import ChoiceError
from mamo_cli.workload.importers import import_trace
from mamo_cli.workload.options import Options
from tests.workload.imports import load, refusal

START = datetime.datetime(2024, 5, 1)
RANDOM = random.Random(5)
UNEVEN = sorted(round(RANDOM.uniform(0, 900), 3) for _ in range(60))


def at(seconds, form="%Y-%m-%d %H:%M:%S"):
    return (START + datetime.timedelta(seconds=seconds)).strftime(form)


def even(head, line, rows=12, apart=300, form="%Y-%m-%d %H:%M:%S"):
    """A table whose rows stand evenly; `line` has {t} for the time and {i} for the number of the row."""
    return head + "\n" + "".join(line.format(t=at(apart * i, form), i=i) + "\n" for i in range(rows))


def uneven(head, line):
    return (
        head
        + "\n"
        + "".join(line.format(t=at(one, "%Y-%m-%d %H:%M:%S.%f"), i=i) + "\n" for i, one in enumerate(UNEVEN))
    )


REFUSED = {
    "thousands of requests": (
        even("time,kreq/s", "{t},1.5"),
        "in.csv: the column kreq/s is named as another unit than",
    ),
    "uneven numbers": (uneven("time,a,b", "{t},1.5,2.5"), "in.csv: it is not known what a row is: the column a holds"),
    "values with a unit": (
        even('"Time","web"', '"{t}","{i} req/s"'),
        "in.csv:2:2: web holds a number with a unit or marks, '0 req/s': give numbers alone",
    ),
    "thousands": (even("time,f", '{t},"1,234.5"'), "in.csv:2:2: f holds a number with a unit or marks, '1,234.5'"),
    "thousands without a point": (
        even("time,f", '{t},"1,234"'),
        "in.csv:2:2: f must be a finite number >= 0, got '1,234'",
    ),
    "K for thousands": (even("Time,f", "{t},1.5K"), "in.csv:2:2: f holds a number with a unit or marks, '1.5K'"),
    "evenly spaced times alone": (even("timestamp", "{t}"), "in.csv: its rows stand 300 s apart by timestamp, as meas"),
    "date and time in two columns": (
        even("date,time,requests", "{t},5", form="%Y-%m-%d,%H:%M:%S"),
        "in.csv: the time stands in two columns, date and time: join them into one, such as with: sed 's/,/ /'",
    ),
    "date and time between spaces, as IIS has them": (
        "#Fields: date time uri\n" + even("2024-05-01 00:00:00 /a", "{t} /a"),
        "in.csv: the time stands in two columns, f0 and f1: join them into one, such as with: sed '/^#/d; s/ /T/'",
    ),
    "times in brackets": (
        even("[2024-05-01T00:00:00.2Z] GET 204", "[{t}] GET 204", form="%Y-%m-%dT%H:%M:%S.2Z"),
        "in.csv:1:1: '[2024-05-01T00:00:00.2Z]' is no name of a column: there seems to be no header line: put one "
        "above, with a name for each of the 3 columns, separated by spaces, such as: time status path",
    ),
    "a load balancer's log": (
        even("http 2024-05-01T00:00:00.1Z app 200", "http {t} app 200", form="%Y-%m-%dT%H:%M:%S.1Z"),
        "in.csv:1:2: '2024-05-01T00:00:00.1Z' is no name of a column: there seems to be no header line",
    ),
    "a log by nanoseconds": ("1714521600000000000,200,,GET\n" * 5, "in.csv:1:1: '1714521600000000000' is no name of"),
    "dates of an unknown form": (
        even('"@timestamp per 5 minutes",n', '"{t}",5', form="%b %d, %Y @ %H:%M:%S.000"),
        "in.csv: the column '@timestamp per 5 minutes' seems to hold the time, such as 'May 01, 2024 @ 00:00:00.000'",
    ),
    "requests a minute": (
        even("time,Throughput (rpm)", "{t},600.5"),
        "in.csv: the column Throughput (rpm) is named as another unit than requests/s",
    ),
    "a time beyond all": (
        "timestamp\n" + "".join(f"{1714521600 + i}\n" for i in range(60)) + "9223372036\n",
        "in.csv:62:1: timestamp is far from all other rows, beyond any time in seconds since 1970, got",
    ),
    "rows of counts at any time": (uneven("time,service,count", "{t},s,{i}"), "in.csv: it is not known what a row is"),
    "an hour that was not": (
        "time,f\n" + "".join(f"2024-03-31 {hour:02}:{m:02},1.5\n" for hour in (0, 1, 3) for m in range(0, 60, 5)),
        "in.csv: rows are missing in 1 places, first between 2024-03-31 01:55:00 and 2024-03-31 03:00:00, 3900 s apart "
        "where others are 300 s: use --fill zero or --fill hold, or complete the file, or, where clocks were set",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_neither_is_refused_with_what_to_do(case, tmp_path):
    text, message = REFUSED[case]
    with pytest.raises(DataError) as caught:
        load(text, tmp_path)
    assert message in caught.value.problems[0]


LONG = "time,service,metric,value\n" + "".join(
    f"{at(300 * i)},{service},{metric},{value}\n"
    for i in range(4)
    for service, metric, value in (("cart", "rps", 12.5), ("pay", "rps", 3.5), ("cart", "p95", 904), ("pay", "p95", 2))
)
ASKED = {
    "seconds or rows": (
        "time,f\n" + "".join(f"{i},1.5\n" for i in range(700)),
        ["--time-unit s", "--step-seconds 300"],
    ),
    "a counter of bytes": (
        even("time,net_bytes_total", "{t},{i}000"),
        ["--values rate", "--values count", "--values counter"],
    ),
    "a latency with labels": (
        even('Time,"p95{{job=""x""}}"', "{t},0.25").replace("{{", "{").replace("}}", "}"),
        ["--values rate", "--values count", "--values counter"],
    ),
    "a series of latencies": (
        "Series,Time,Value\n" + "".join(f"{name},{at(300 * i)},0.5\n" for i in range(9) for name in ("p95", "rps")),
        ["--function rps", "--function p95 --function rps"],
    ),
    "day or month first": (
        even("date,f", "{t},1.5", form="%d/%m/%Y %H:%M"),
        ["--time-format %d/%m/%Y %H:%M", "--time-format %m/%d/%Y %H:%M"],
    ),
    "half days": (
        even("Time,f", "{t},1.5", form="%m/%d/%Y %I:%M:%S %p"),
        ["--time-format %d/%m/%Y %I:%M:%S %p", "--time-format %m/%d/%Y %I:%M:%S %p"],
    ),
    "latencies beside rates": (
        even("time,rps,latency_p95", "{t},12.5,904.5"),
        ["--function rps", "--function rps --function latency_p95"],
    ),
    "a span beside counts": (
        even("_time,count,_span", "{t},3000,300"),
        ["--function count", "--function count --function _span"],
    ),
    "loads of machines": (even("time,cpu,mem", "{t},1.5,2.5"), ["--values rate", "--values count", "--values counter"]),
    "quantities": (
        LONG,
        [f"--value-column value --function-column service --where metric={metric}" for metric in ("p95", "rps")],
    ),
    "numbers that may be times": (
        "t,rate\n" + "".join(f"{5 * i},4.5\n" for i in range(200)),
        ["--time-column t", "--values rate"],
    ),
    "numbers that may be times, no header": (
        "".join(f"{5 * i},4.5\n" for i in range(200)),
        ["--time-column f0", "--values rate --step-seconds 300"],
    ),
    "values or requests, not quite even": (
        "time,a,b\n" + "".join(f"{1714521600 + 15 * i + i % 3},1.5,2.5\n" for i in range(99)),
        ["--format requests", "--format wide"],
    ),
    "two times of a trip": (
        uneven("pickup,dropoff,status", "{t},{t},200").replace("pickup", "tpep_pickup"),
        ["--time-column tpep_pickup", "--time-column dropoff"],
    ),
    "kinds of rows": (
        "f,g,time,kind\n" + "".join(f"1.5,2.5,{60 * i},{kind}\n" for kind in "xy" for i in range(12)),
        [
            "--where kind=x",
            "--where kind=y",
            "--value-column f --function-column kind",
            "--value-column g --function-column kind",
        ],
    ),
    "counts, or a counter": (
        even("timestamp,value", "{t},{i}08"),
        ["--values rate", "--values count", "--values counter"],
    ),
}


def answered(options, words):
    """The options with an answer typed after them."""
    found = {}
    for option, value in zip(words[::2], words[1::2], strict=True):
        name = option[2:].replace("-", "_")
        if name in ("where", "function", "function_column"):
            found[name] = (
                *found.get(name, getattr(options, name)),
                tuple(value.split("=")) if name == "where" else value,
            )
        else:
            found[name] = float(value) if name == "step_seconds" else value
    return replace(options, **found)


def every_way(path, options, asked=0):
    """All traces that come of answering in any way; no answer is refused, and none is asked for again."""
    try:
        return [import_trace(path, options)[0]]
    except ChoiceError as choice:
        ways = [answered(options, words) for words, _ in choice.answers]
    assert asked < 4
    assert len(ways) >= 2
    assert options not in ways
    return [trace for way in ways for trace in every_way(path, way, asked + 1)]


@pytest.mark.parametrize("case", ASKED)
def test_what_may_be_more_than_one_thing_is_asked_about_and_every_answer_works(case, tmp_path):
    text, answers = ASKED[case]
    (tmp_path / "in.csv").write_text(text)
    with pytest.raises(ChoiceError) as asked:
        import_trace(tmp_path / "in.csv", Options(forecast="perfect"))
    assert [" ".join(words) for words, _ in asked.value.answers] == answers
    assert len(every_way(tmp_path / "in.csv", Options(forecast="perfect"))) >= 2


@pytest.mark.parametrize(
    ("case", "words", "rates"),
    [
        ("latencies beside rates", ["--function", "rps"], {"rps": 12.5}),
        (
            "quantities",
            ["--value-column", "value", "--function-column", "service", "--where", "metric=rps"],
            {"cart": 12.5, "pay": 3.5},
        ),
        ("numbers that may be times", ["--time-column", "t"], {"rate": 4.5}),
        ("kinds of rows", ["--where", "kind=x", "--step-seconds", "60"], {"f": 1.5, "g": 2.5}),
    ],
)
def test_an_answer_gives_the_stated_number(case, words, rates, tmp_path):
    (tmp_path / "in.csv").write_text(ASKED[case][0])
    trace, _ = import_trace(tmp_path / "in.csv", answered(Options(forecast="perfect"), words))
    assert dict(zip(trace.functions, trace.actual_rate_rps[0].tolist(), strict=True)) == rates


TAKEN = {
    "minutes by number": ("minute,rate\n" + "".join(f"{i},{i % 5 / 2}\n" for i in range(60)), "wide", 1.0),
    "hours by number": ("hour,rate\n" + "".join(f"{i},2.5\n" for i in range(24)), "wide", 2.5),
    "days of eight digits": (even("Date,rate", "{t},2.5", 40, 86400, "%Y%m%d"), "wide", 2.5),
    "days, month first": (even("Date,rate", "{t},2.5", 40, 86400, "%m/%d/%Y"), "wide", 2.5),
    "statuses of a log": (uneven("time,url,status,response_time", "{t},/a,200,0.{i}"), "requests", None),
    "statuses alone": (uneven("time,status", "{t},200"), "requests", None),
    "JSON lines": (
        "".join(f'{{"time_iso8601":"{at(3 * i)}","status":200,"uri":"/a"}}\n' for i in range(400)),
        "requests",
        1 / 3,
    ),
    "JSON lines of a function": (
        "".join(f'{{"ts":{1714521600 + i / 2},"fn":"a"}}\n' for i in range(2400)),
        "requests",
        2.0,
    ),
    "an index of dates without a name": (even(",f", "{t},2.5"), "wide", 2.5),
    "a comma at the end of lines": (even("time,rate (req/s),", "{t},2.5,"), "wide", 2.5),
    "an index beside": (even("Unnamed: 0,time,f", "{i},{t},2.5"), "wide", 2.5),
    "a constant beside": (even("time,host,f", "{t},h1,2.5"), "wide", 2.5),
    "services one after another": (
        even("time,f,svc", "{t},2.5,a", 40) + even("", "{t},1.5,b", 40).lstrip(),
        "wide",
        4.0,
    ),
    "seconds since 1970, no header": ("".join(f"{1714521600 + 300 * i},2.5\n" for i in range(9)), "wide", 2.5),
}


@pytest.mark.parametrize("case", TAKEN)
def test_what_can_be_only_one_thing_is_taken_for_it(case, tmp_path):
    text, format_name, mean = TAKEN[case]
    trace, preview = load(text, tmp_path, preview=True)
    assert trace.notes["format"] == format_name
    if mean is None:  # 60 rows, the last period left out
        whole = [one for one in UNEVEN if one < UNEVEN[0] + trace.steps * 300]
        mean = len(whole) / (trace.steps * 300)
    assert preview.mean_rps == pytest.approx(mean, rel=1e-9)


def test_a_column_without_a_name_must_be_empty_or_first(tmp_path):
    assert refusal(even("time,f,", "{t},2.5,x"), tmp_path) == "in.csv:1:3: a column must have a name, got ''"
    _, preview = load(TAKEN["a comma at the end of lines"][0], tmp_path, preview=True)
    assert "the empty column has no name and is left out" in preview.said


@pytest.mark.parametrize(
    ("case", "step"), [("minutes by number", 300), ("hours by number", 3600), ("days of eight digits", 86400)]
)
def test_numbers_of_minutes_hours_and_days_are_that_long(case, step, tmp_path):
    trace = load(TAKEN[case][0], tmp_path)
    assert trace.step_seconds == step
    assert trace.steps == {300: 12, 3600: 24, 86400: 40}[step]


def test_where_all_is_said_nothing_is_asked(tmp_path):
    text = REFUSED["uneven numbers"][0]
    with pytest.raises(UsageError, match="no column 'c' for --value-column"):
        load(text, tmp_path, value_column="c")
    assert load(text, tmp_path, values="requests").notes["format"] == "requests"
