"""What a page says of a run's problem: the files that are played, and no rates where there are none."""

from dataclasses import replace

import numpy as np
import pytest

from mamo_cli.core.settings import digest
from mamo_cli.domains import registry as domains
from mamo_cli.experiments.configs import MamoConfig, SolveOfflineConfig, configured
from mamo_cli.experiments.problem import facts_of, problem_of, workload_of
from mamo_cli.workload.generators import sinusoidal
from mamo_cli.workload.trace import Trace
from mamo_cli.workload.trace_csv import write_trace

RATES = np.array([[10.0, 1.0], [30.0, 3.0], [20.0, 2.0]])
TWO = Trace(("a", "b"), RATES, RATES, step_seconds=60.0, notes={"source": "own"})


def test_of_a_workload_its_least_most_and_mean_rate():
    told = dict(problem_of("faas", configured(SolveOfflineConfig), facts_of(TWO)))
    assert told == {  # of 10, 1, 30, 3, 20 and 2 the mean is 66 / 6
        "domain": "faas",
        "trace": "the domain's own",
        "2 agents": "a, b",
        "control periods": "3 of 60 s",
        "expected rates": "1 to 30, 11 on average",
        "source": "own",
    }


def test_functions_with_traces_of_their_own_are_told_with_these():
    own = {"function": {"a": {"trace": "a.csv"}, "b": {"trace": "b.csv"}}}
    told = dict(problem_of("faas", configured(SolveOfflineConfig, own), None))
    assert told == {"domain": "faas", "trace of a": "a.csv", "trace of b": "b.csv"}
    one = {"function": {"a": {"trace": "a.csv"}, "b": {}}, "instance": {"trace": "all.csv"}}
    told = dict(problem_of("faas", configured(SolveOfflineConfig, one), None))
    assert told == {"domain": "faas", "trace": "all.csv", "trace of a": "a.csv"}


def test_a_process_is_named_and_has_no_rates(tmp_path):
    file = tmp_path / "own.npz"
    np.savez(file, transitions=np.ones((1, 1, 1)), cost=np.ones((1, 1)), violations=np.zeros((1, 1)))
    config = configured(MamoConfig, {"domain": "tabular", "instance": {"process": str(file)}})
    told = dict(problem_of("tabular", config, facts_of(domains.load_source("tabular", config.instance))))
    assert told == {"domain": "tabular", "process": str(file), "agent": "process"}


def test_a_run_is_told_by_its_copy_then_its_record_then_the_file_it_names_if_it_is_the_same(tmp_path):
    write_trace(sinusoidal(50.0, 40.0, 24, 24), tmp_path / "named.csv")
    config = configured(SolveOfflineConfig, {"instance": {"trace": str(tmp_path / "named.csv")}})
    recorded = digest(config, domains.load_source("faas", config.instance).digest())
    assert workload_of(tmp_path, {"config_digest": "another"}, config) is None
    assert workload_of(tmp_path, {}, None) is None
    assert workload_of(tmp_path, {"config_digest": recorded}, config)["steps"] == 24
    assert workload_of(tmp_path, {"workload": facts_of(TWO), "config_digest": recorded}, config)["steps"] == 3
    write_trace(replace(TWO, notes={}), tmp_path / "trace.csv")
    assert workload_of(tmp_path, {"workload": {}}, None)["step_seconds"] == pytest.approx(60.0)
