"""The importers on real files, each number counted a second time in another way."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mamo_cli.core.errors import DataError
from mamo_cli.workload.choices import ChoiceError
from mamo_cli.workload.importers import import_trace as read_import
from mamo_cli.workload.options import Options
from mamo_cli.workload.trace_csv import read_trace, write_trace

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"


def import_trace(path, format_name, **options):
    return read_import(path, Options(format=format_name, **options))[0]


def real(name):
    path = DATA / name
    if not path.exists():
        pytest.skip(f"the real file ../shared/data/{name} is absent")
    return path


def test_azure_2019_holds_every_invocation_of_the_day(tmp_path):
    path = real("azure2019_sample_invocations.csv")
    trace = import_trace(path, "azure-2019", forecast="perfect")
    minutes = pd.read_csv(path).iloc[:, 4:].to_numpy()
    np.testing.assert_allclose(trace.actual_rate_rps * 300, minutes.reshape(4, 288, 5).sum(axis=2).T, rtol=1e-12)
    write_trace(trace, tmp_path / "t.csv")
    assert read_trace(tmp_path / "t.csv").digest() == trace.digest()


def test_azure_2019_is_chosen_by_the_beginning_of_a_hash():
    trace = import_trace(real("azure2019_sample_invocations.csv"), "azure-2019", function=("c13acdc",))
    assert trace.functions == ("c13acdc7567b",)
    assert trace.steps == 287


def test_azure_llm_requests_match_a_count_by_pandas():
    path = real("AzureLLMInferenceTrace_code.csv")
    trace = import_trace(path, "requests", step_seconds=60, forecast="perfect")
    arrivals = pd.to_datetime(pd.read_csv(path)["TIMESTAMP"])
    minute = ((arrivals - arrivals.min()) // pd.Timedelta(minutes=1)).to_numpy()
    counts = np.bincount(minute)
    np.testing.assert_allclose(trace.actual_rate_rps[:, 0] * 60, counts[:-1], rtol=1e-12)
    assert trace.notes["dropped"].startswith(f"{counts[-1]} requests")
    assert counts.sum() == 8819


def test_azure_2021_is_binned_by_arrival():
    # Ends 10, 11, 21, 31, ..., 131 ... 132.5, each 9 s long: arrivals 1, 2, 12, ..., 112, then 16 in 122 to 123.5.
    # Periods of 30 s from 1 on: 4 arrivals in [1, 31), 3 in each of [31, 61), [61, 91), [91, 121); the rest is dropped.
    trace = import_trace(real("azure2021_sample.csv"), "requests", step_seconds=30, forecast="perfect")
    assert (trace.actual_rate_rps * 30).sum(axis=1).round(9).tolist() == [4.0, 3.0, 3.0, 3.0]
    assert trace.notes["dropped"].startswith("16 requests")
    # 13 functions of one application, and one of the same name as the first in another.
    assert len(trace.functions) == 14
    assert (trace.functions[0], trace.functions[-1]) == ("11111f8758c8", "11111f8758c8-2")


def test_openfaas_profiles_are_told_apart_by_where():
    path = real("openfaas_load_traces.csv")
    trace = import_trace(path, "wide", step_seconds=60, where=(("trace_type", "pwr_25"),), forecast="perfect")
    table = pd.read_csv(path).query("trace_type == 'pwr_25'")
    assert trace.functions == tuple("0123456789")
    np.testing.assert_allclose(trace.actual_rate_rps, table[list("0123456789")].to_numpy(), rtol=1e-14)


def test_openfaas_profiles_together_are_refused_with_the_remedy():
    path = real("openfaas_load_traces.csv")
    with pytest.raises(
        ChoiceError, match=r"the column trace_type holds text, and several columns hold numbers"
    ) as asked:
        import_trace(path, "wide", step_seconds=60)
    assert [words for words, _ in asked.value.answers[:2]] == [
        ["--where", "trace_type=pwr_25"],
        ["--where", "trace_type=pwr_50"],
    ]
    with pytest.raises(DataError, match=r"csv:102:11: time 0 s is given twice"):
        import_trace(path, "wide", step_seconds=60, function=("0",))
