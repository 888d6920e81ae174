"""Several functions in a configuration file: what is refused, what a run is called, and the example that is shipped."""

import json
from pathlib import Path

import numpy as np
import pytest

from mamo_cli.analysis.bounds import bounds_of
from mamo_cli.core.seam import Scope
from mamo_cli.core.settings import read_toml
from mamo_cli.core.weights import weights_of
from mamo_cli.domains.faas.domain import build, load
from mamo_cli.domains.faas.offline.known import known
from mamo_cli.experiments.configs import SolveOfflineConfig, configured
from mamo_cli.workload.generators import sinusoidal
from mamo_cli.workload.trace_csv import write_trace
from tests.cli.invoke import TRAIN, mamo

EXAMPLES = Path(__file__).parents[2]
DAY, NIGHT = (sinusoidal(mean=mean, steps=12, period=12, phase=phase) for mean, phase in ((50, 0), (45, 6)))
TWO = """
[function.web]
trace = "day.csv"
memory_per_replica = 100

[function.mail]
trace = "night.csv"
memory_per_replica = 150
tolerance = 0.1

[instance]
node_memory = 1500
"""


@pytest.fixture
def two(folder):
    write_trace(DAY, "day.csv")
    write_trace(NIGHT, "night.csv")
    Path("two.toml").write_text(TWO)
    return folder


def run_of(*arguments):
    done = mamo(*arguments, "--json")
    assert done.code == 0, done.err
    return json.loads(done.out)["run"]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("[function.web]", "function.web: the trace has no such function; there are f0"),
        ("[function.f0]\ntolerance = 2", "a.toml: function.f0.tolerance: must be less than or equal to 1, got 2"),
        (
            "[function.f0]\nwarm_service_tim = 1",
            "a.toml: function.f0.warm_service_tim: no such setting; did you mean function.f0.warm_service_time?",
        ),
        ("[function]\nf0 = 3", "a.toml: function.f0: must be a table of settings, got 3"),
        (
            "[function.f0]\nmemory_per_replica = 1.5",
            "a.toml: function.f0.memory_per_replica: must be a valid integer, got a number with a fractional part, "
            "got 1.5",
        ),
        (
            "[function.f0]\nmemory_per_replica = 64",
            "--memory-per-replica and --node-memory go together; a column node_memory of the trace may stand for the "
            "latter",
        ),
        ('domain = "inventory"\n[function.f0]', "a.toml: function: no such setting"),
    ],
)
def test_what_cannot_be_is_one_line_and_leaves_nothing(folder, lines, message):
    Path("a.toml").write_text(lines)
    done = mamo("solve-offline", "--config", "a.toml")
    assert (done.code, done.out, done.err) == (2, "", f"mamo: {message}\n")
    assert not Path("results").exists()


def test_a_trace_of_a_function_that_is_wrong_is_bad_data(two):
    Path("night.csv").write_text(Path("night.csv").read_text().replace("0,f0,45.0", "0,f0,-1"))
    done = mamo("solve-offline", "--config", "two.toml")
    assert done.code == 3
    assert done.err.startswith("mamo: night.csv:5:3: expected_rate must be a finite number >= 0, got '-1")


def test_a_run_is_what_the_functions_traces_hold(two):
    command = ("solve-offline", "--scope", "alpha", "--solver", "highs", "--config")
    first = run_of(*command, "two.toml")
    assert run_of(*command, f"{first}/config.toml") == first
    Path("day.csv").rename("renamed.csv")
    Path("two.toml").write_text(TWO.replace("day.csv", "renamed.csv"))
    assert run_of(*command, "two.toml") == first
    write_trace(NIGHT, "renamed.csv", force=True)
    assert run_of(*command, "two.toml") != first
    plan = np.genfromtxt(f"{first}/plan.csv", delimiter=",", names=True, dtype=None, encoding="utf-8")
    used = np.where(plan["function"] == "web", 100, 150) * plan["replicas"]
    assert used.reshape(-1, 2).sum(1).max() <= 1500


def test_a_run_keeps_its_workload_and_grows_without_the_files(two):
    command = (*TRAIN, "--alpha", "0.5", "--config", "two.toml")
    assert mamo(*command, "--seeds", "1", "--name", "one").code == 0
    assert mamo(*command, "--seeds", "2", "--name", "both").code == 0
    Path("day.csv").unlink()
    Path("night.csv").unlink()
    grown = mamo("train", "--grow", "one", "--seeds", "2", "--name", "grown")
    assert grown.code == 0, grown.err
    for table in ("training", "evaluation", "agents"):
        one, other = (Path(f"results/{name}/{table}.csv").read_bytes() for name in ("grown", "both"))
        assert one == other
    evaluated = mamo("evaluate", "one", "--tolerance", "0.2", "--name", "seen")
    assert evaluated.code == 0, evaluated.err
    agents = np.genfromtxt("results/seen/agents.csv", delimiter=",", names=True, dtype=None, encoding="utf-8")
    assert agents["function"].tolist() == ["web", "mail"]
    assert agents["tolerance"].tolist() == [0.2, 0.2]  # what is asked for on the command line is for all


def test_in_the_example_memory_binds_at_peak_and_every_limit_can_be_kept(monkeypatch):
    monkeypatch.chdir(EXAMPLES)
    config = configured(SolveOfflineConfig, read_toml(Path("examples/three_functions.toml")))
    domain = build(config.instance, load(config.instance))
    memory, bounds = domain.case.evaluation.memory, bounds_of(domain)
    assert np.all(bounds.causal.objectives[:, 1] <= domain.spec.limits[:, 0] + 1e-9)
    step = known(domain.problem, Scope.STEP)
    full = memory.taken(step.plan - 1) > memory.budgets - memory.use[:, 0].min()
    assert 0.2 < full.mean() < 0.5
    assert step.exact
    assert step.violation.sum() > 0.0
    assert known(domain._weighted(weights_of(np.full(3, 0.8))), Scope.ALPHA).exact
    average = known(domain.problem, Scope.AVERAGE)
    assert average.violation.sum() == 0.0
    assert average.cost <= 1.002 * average.bound  # a solver closes the rest, in seconds
