"""Each format that has a name, recognised, and its numbers worked out from the same rows by other means."""

import itertools
import random

import numpy as np
import pandas as pd
import pytest

from mamo_cli.core.errors import DataError
from mamo_cli.workload.choices import ChoiceError
from mamo_cli.workload.importers import import_trace
from mamo_cli.workload.options import Options
from mamo_cli.workload.profiles.registry import KNOWN
from tests.workload.imports import load, refusal

RANDOM = random.Random(7)
EPOCH = 1_714_521_600  # 2024-05-01 in UTC


def csv(rows, *columns):
    return pd.DataFrame(rows, columns=list(columns)).to_csv(index=False)


def binned(times_s, step_s):
    """Requests/s by period from the first time on, the last period left out, as `requests` says."""
    at = np.sort(np.asarray(times_s, dtype=float))
    period = ((at - at[0]) // step_s).astype(int)
    return (np.bincount(period)[: period[-1]] / step_s).tolist()


def rates(trace):
    return dict(zip(trace.functions, trace.actual_rate_rps.T.tolist(), strict=True))


def arrivals(count, span_s):
    return sorted(round(RANDOM.uniform(0, span_s), 3) for _ in range(count))


# --- published traces


def test_azure_2021_is_binned_by_arrival_which_is_the_end_less_the_duration(tmp_path):
    came = arrivals(300, 100)
    rows = [("a", f"f{at % 2}", one + at % 40, at % 40) for at, one in enumerate(came)]
    trace, preview = load(
        csv(rows, "app", "func", "end_timestamp", "duration"), tmp_path, step_seconds=10, preview=True
    )
    assert preview.taken_for.startswith("azure-2021: it has the columns app, func")
    assert "Harvested Resources, SOSP 2021" in preview.citation
    assert trace.actual_rate_rps.sum(axis=1).tolist() == pytest.approx(binned(came, 10))
    even = [(one - came[0]) // 10 for one in came[::2]]
    assert rates(trace)["f0"] == pytest.approx([even.count(at) / 10 for at in range(trace.steps)])


def test_azure_llm_counts_requests_whatever_their_tokens(tmp_path):
    came = arrivals(200, 60)
    rows = [(pd.Timestamp(EPOCH + one, unit="s"), 4808, 10) for one in came]
    text = csv(rows, "TIMESTAMP", "ContextTokens", "GeneratedTokens")
    trace, preview = load(text, tmp_path, step_seconds=5, preview=True)
    assert preview.taken_for.startswith("azure-llm")
    assert "Splitwise" in preview.citation
    assert rates(trace)["f0"] == pytest.approx(binned(came, 5))


def huawei(day, period, minutes=6):
    rows = [(day, day * 86_400 + at * period, *(3 * at + day, 60)) for at in range(minutes * 60 // period)]
    return csv(rows, "day", "time", "0", "1")


@pytest.mark.parametrize("period", [60, 1])
def test_huawei_counts_a_minute_or_a_second_become_rates(period, tmp_path):
    trace, preview = load(huawei(2, period), tmp_path, step_seconds=120, preview=True)
    assert preview.taken_for.startswith("huawei-2023")
    rows = 120 // period
    totals = [sum(3 * (step * rows + at) + 2 for at in range(rows)) for step in range(3)]
    assert rates(trace)["0"] == pytest.approx([total / 120 for total in totals])
    assert rates(trace)["1"] == pytest.approx([60 / period] * 3)


def test_huawei_days_follow_one_another_by_their_times(tmp_path):
    for day in (0, 1):
        (tmp_path / f"day_{day}.csv").write_text(huawei(day, 60, minutes=1440))
    files = [tmp_path / "day_1.csv", tmp_path / "day_0.csv"]
    trace, _ = import_trace(files, Options(forecast="perfect", step_seconds=3600))
    hours = [sum(3 * (hour * 60 + at) + day for at in range(60)) / 3600 for day in (0, 1) for hour in range(24)]
    assert rates(trace)["0"] == pytest.approx(hours)
    (tmp_path / "day_0.csv").write_text(huawei(3, 60, minutes=1440))
    with pytest.raises(DataError, match="rows are missing"):
        import_trace(files, Options())


def test_huawei_delays_which_have_the_same_columns_are_not_taken_for_requests(tmp_path):
    text = huawei(0, 60).replace("60\n", "0.5\n")
    assert "so these are delays or loads and no requests" in refusal(text, tmp_path)


@pytest.mark.parametrize("name", ["metric", "metrics"])
def test_alibaba_adds_up_the_instances_of_a_service_and_takes_calls_not_their_times(name, tmp_path):
    kinds = ("providerRPC_MCR", "providerRPC_RT", "consumerRPC_MCR")
    rows = [
        (minute * 60_000, f"ms_{service}", f"i{service}{instance}", kind, round(RANDOM.uniform(0, 9), 3))
        for minute, service, instance, kind in itertools.product(range(10), "ab", range(3), kinds)
        if (minute, instance) != (4, 2)  # an instance that is not there for a minute
    ]
    RANDOM.shuffle(rows)
    columns = ("timestamp", "msname", "msinstanceid", name, "value")
    trace, preview = load(csv(rows, *columns), tmp_path, step_seconds=120, preview=True)
    assert "of its metrics providerRPC_MCR is taken" in preview.taken_for
    assert any("has no value, it counts as nothing" in line for line in preview.said)
    for service in "ab":
        minutes = [
            sum(row[4] for row in rows if row[:2] == (at * 60_000, f"ms_{service}") and row[3] == kinds[0])
            for at in range(10)
        ]
        assert rates(trace)[f"ms_{service}"] == pytest.approx(np.reshape(minutes, (5, 2)).mean(axis=1).tolist())


def test_alibaba_of_2022_is_normalised_and_must_be_scaled(tmp_path):
    rows = [(60_000 * at, "MS_1", f"POD_{pod}", 10.5, 1e-5 * (at + 1)) for at in range(10) for pod in range(2)]
    text = csv(rows, "timestamp", "msname", "msinstanceid", "providerrpc_rt", "providerrpc_mcr")
    with pytest.raises(DataError, match=r"normalised to 0\.\.1 and no requests/s"):
        load(text, tmp_path)
    trace = load(text, tmp_path, scale_to_mean=20)
    assert rates(trace)["MS_1"] == pytest.approx([20 * 3 / 5.5, 20 * 8 / 5.5])


def test_burstgpt_counts_requests_by_model_failed_ones_too(tmp_path):
    came = sorted(RANDOM.randrange(600) for _ in range(400))
    rows = [(one, ("ChatGPT", "GPT-4")[at % 2], 10, at % 3, 10 + at % 3, "API log") for at, one in enumerate(came)]
    columns = ("Timestamp", "Model", "Request tokens", "Response tokens", "Total tokens", "Log Type")
    trace, preview = load(csv(rows, *columns), tmp_path, step_seconds=60, preview=True)
    assert "BurstGPT" in preview.citation
    assert trace.functions == ("ChatGPT", "GPT-4")
    assert trace.actual_rate_rps.sum(axis=1).tolist() == pytest.approx(binned(came, 60))


IDENTITY = ("HashOwner", "HashApp", "HashFunction")


def azure_files(folder):
    counts = {("o", "a", "f"): 6, ("o", "a", "g"): 3, ("o", "b", "h"): 1}
    minutes = [(*key, "http", *[count] * 10) for key, count in counts.items()]
    texts = {
        "inv": csv(minutes, *IDENTITY, "Trigger", *map(str, range(1, 11))),
        "dur": csv(
            [
                ("o", "a", "f", 100, 600, 1, 900, 5),
                ("o", "a", "g", 400, 300, 1, 900, 5),
                ("o", "b", "x", 9e6, 9, 1, 2, 3),
            ],
            *(*IDENTITY, "Average", "Count", "Minimum", "Maximum", "percentile_Average_0"),
        ),
        "mem": csv(
            [("o", "a", 10, 120.0, 100), ("o", "b", 30, 160.0, 100), ("o", "c", 9, 9e6, 1)],
            *("HashOwner", "HashApp", "SampleCount", "AverageAllocatedMb", "AverageAllocatedMb_pct1"),
        ),
    }
    for name, text in texts.items():
        (folder / f"{name}.csv").write_text(text)
    return [folder / f"{name}.csv" for name in texts]


def test_azure_2019_durations_and_memory_are_joined_as_advice_and_notes(tmp_path):
    # (100 ms * 600 + 400 ms * 300) / 900 = 200 ms of f and g; (120 * 10 + 160 * 30) / 40 = 150 MB of a and b.
    files = azure_files(tmp_path)
    trace, preview = import_trace([files[1], files[0], files[2]], Options(forecast="perfect"))
    assert rates(trace) == {"f": [0.1] * 2, "g": [0.05] * 2, "h": [1 / 60] * 2}
    said = "\n".join(preview.said)
    assert "takes 0.2 s on average, by the durations of 2 of 3: mamo solve-offline --warm-service-time 0.2" in said
    assert "allocate 150 MB on average, by the memory of 2 of 2: mamo solve-offline --memory-per-replica 150" in said
    assert (trace.notes["mean_service_time_s"], trace.notes["mean_memory_mb"]) == ("0.1 0.4 ?", "120 120 160")
    only_f, preview = import_trace(files, Options(forecast="perfect", function=("f",)))
    assert only_f.notes["mean_service_time_s"] == "0.1"
    assert "--warm-service-time 0.1" in "\n".join(preview.said)


def test_azure_2019_companions_are_checked_and_need_the_invocations(tmp_path):
    files = azure_files(tmp_path)
    with pytest.raises(DataError, match=r"dur.csv: this goes with invocations of azure-2019, and holds none itself"):
        import_trace(files[1:], Options())
    files[1].write_text(files[1].read_text().replace(",400.0,", ",-4,"))
    with pytest.raises(DataError, match=r"dur.csv:3:4: Average must be a finite number >= 0, got '-4'"):
        import_trace(files, Options())
    (tmp_path / "log.csv").write_text("timestamp,input_length,output_length\n0,1,1\n900000,1,1\n")
    with pytest.raises(DataError, match="goes with files of another format than mooncake"):
        import_trace([tmp_path / "log.csv", azure_files(tmp_path)[1]], Options())


def test_mooncake_times_are_milliseconds(tmp_path):
    came = arrivals(200, 90)
    text = csv([(round(one * 1000), 5, 6) for one in came], "timestamp", "input_length", "output_length")
    assert rates(load(text, tmp_path, step_seconds=20))["f0"] == pytest.approx(binned(came, 20))


# --- services

CONSOLE = """Full label,RequestCount
MetricName,RequestCount
Namespace,AWS/ApplicationELB
Statistic,{}
Period,300
"",
2024/05/01 00:00:00,3000
2024/05/01 00:05:00,600
2024/05/01 00:10:00,900
"""


def test_the_download_of_the_cloudwatch_console_is_read_below_its_rows_about_columns(tmp_path):
    trace, preview = load(CONSOLE.format("Sum"), tmp_path, preview=True)
    assert (rates(trace), preview.taken_for[:10]) == ({"RequestCount": [10.0, 2.0, 3.0]}, "cloudwatch")
    with pytest.raises(ChoiceError, match="rates or counts"):
        load(CONSOLE.format("Average"), tmp_path)
    assert refusal(CONSOLE.format("Sum").replace(",600", ",x"), tmp_path).startswith("in.csv:8:2: RequestCount holds")


def test_cloudwatch_sums_of_anything_but_counts_are_refused(tmp_path):
    text = "Timestamp,Sum,Unit\n" + "".join(f"2024-05-01T00:0{at}:00Z,600.0,Bytes\n" for at in range(9))
    assert "the column Unit has Bytes, which is no number of requests" in refusal(text, tmp_path)
    assert rates(load(text.replace("Bytes", "Count"), tmp_path, step_seconds=60))["Sum"] == [10.0] * 9


def test_grafana_series_stand_in_columns_or_in_rows(tmp_path):
    values = {"web": [1.5, 2.5, 4.0], "cart": [0.5, 0.25, 1.0]}
    times = [f"2024-05-01 00:{5 * at:02}:00" for at in range(3)]
    wide = pd.DataFrame({"Time": times, **values}).to_csv(index=False)
    trace, preview = load(wide, tmp_path, preview=True)
    assert (rates(trace), preview.taken_for.partition(":")[0]) == (values, "grafana")
    long = [(name, at, value) for name, series in values.items() for at, value in zip(times, series, strict=True)]
    text = pd.DataFrame(long, columns=["Series", "Time", "Value"]).to_csv(index=False, sep=";", quoting=1)
    trace, preview = load(text, tmp_path, preview=True)
    assert (rates(trace), preview.taken_for.partition(":")[0]) == (dict(sorted(values.items())), "grafana")


def test_influxdb_annotated_rows_are_read_and_fields_asked_about(tmp_path):
    head = "#group,false,false,true,false,false\n#default,_result,,,,\n,result,table,_field,_time,_value\n"
    line = ",,0,{},2024-05-01T00:0{}:00Z,{}\n"
    one = head + "".join(line.format("rate", at, at / 2) for at in range(4))
    assert rates(load(one, tmp_path, step_seconds=60))["f0"] == [0.0, 0.5, 1.0, 1.5]
    with pytest.raises(ChoiceError, match="_field tells quantities apart"):
        load(one + "".join(line.format("latency", at, 900.5) for at in range(4)), tmp_path, step_seconds=60)


def test_prometheus_metrics_of_several_names_are_not_added_up(tmp_path):
    rows = [(name, EPOCH + 60 * at, 60 * at) for name in ("a_total", "b_total") for at in range(9)]
    with pytest.raises(ChoiceError, match="__name__ tells quantities apart") as asked:
        load(csv(rows, "__name__", "timestamp", "value"), tmp_path, step_seconds=60)
    assert asked.value.answers[0][0] == ["--where", "__name__=a_total"]


# --- load generators


def test_hey_counts_its_requests_by_their_offset(tmp_path):
    came = arrivals(300, 30)
    rows = [(0.0123, 0.0001, 200, one) for one in came]
    trace = load(csv(rows, "response-time", "DNS+dialup", "status-code", "offset"), tmp_path, step_seconds=3)
    assert rates(trace)["f0"] == pytest.approx(binned(came, 3))


def test_jmeter_transactions_are_not_counted_beside_their_requests(tmp_path):
    rows = []
    for at in range(100):
        rows += [(1000 * (EPOCH + at), 20, label, "OK") for label in ("/a", "/b")]
        rows.append((1000 * (EPOCH + at), 41, "order", "Number of samples in transaction : 2, number of failing : 0"))
    text = csv(rows, "timeStamp", "elapsed", "label", "responseMessage")
    trace, preview = load(text, tmp_path, step_seconds=30, preview=True)
    assert rates(trace) == {"/a".replace("/", "f_"): [1.0] * 3, "f_b": [1.0] * 3}
    assert "rows with label=order are left out" in preview.said


@pytest.mark.parametrize("profile", KNOWN, ids=lambda profile: profile.name)
def test_no_format_recognises_a_plain_log_or_table(profile, tmp_path):
    """What has no publisher is never taken for something published."""
    for text in ("timestamp,function\n0.5,a\n1.5,b\n400,c\n", "time,a,b\n0,1,2\n300,3,4\n600,3,4\n"):
        (tmp_path / "in.csv").write_text(text)
        _, preview = import_trace(
            tmp_path / "in.csv", Options(forecast="perfect", values=None if "func" in text else "rate")
        )
        assert not preview.taken_for.startswith(profile.name)
