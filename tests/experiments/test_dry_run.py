"""A trace played through the very server, over its sockets, is what `evaluate` plays: digit by digit."""

import numpy as np
import pytest

from mamo_cli.core.errors import DataError
from mamo_cli.experiments import dry_run as module
from mamo_cli.experiments.configs import EvaluateConfig
from mamo_cli.experiments.dry_run import dry_run
from mamo_cli.experiments.evaluate import evaluate
from mamo_cli.experiments.export import policy_of_run, write_policy
from mamo_cli.experiments.run_mamo import run_mamo
from mamo_cli.experiments.session import Place
from mamo_cli.workload.generators import sinusoidal
from mamo_cli.workload.trace import Trace
from mamo_cli.workload.trace_csv import write_trace
from tests.experiments.test_export import HERE, loop, shared

CASES = {
    "a mixture, on another trace": lambda folder: loop(readout="mix"),
    "under a shield that counts": lambda folder: loop(instance={"shield": 0.05, "max_replicas": 16}, readout="mix"),
    "two functions in one memory": lambda folder: loop(instance=shared(folder), readout="mix"),
}


def exported(case, folder):
    """The policy of one seed of a run of a moment, and the trace to play."""
    policy = policy_of_run(run_mamo(CASES[case](folder), Place(folder, "run"), HERE).path, seed=1)
    write_policy(policy, folder / "p.npz")
    if len(policy.about.agents) > 1:
        return policy, folder / "two.csv"
    write_trace(sinusoidal(mean=40.0, amplitude=30.0, period=24, steps=24), folder / "other.csv")
    return policy, folder / "other.csv"


@pytest.mark.parametrize("case", CASES)
def test_the_table_is_that_of_evaluate(case, tmp_path):
    policy, trace = exported(case, tmp_path)
    played = evaluate(tmp_path / "p.npz", EvaluateConfig(run="p", trace=str(trace)), Place(tmp_path, "played"))
    with dry_run(policy, trace) as dry:
        table = (dry.outcome.path / "evaluation.csv").read_bytes()
        assert (table, dry.outcome.summary) == ((played.path / "evaluation.csv").read_bytes(), played.summary)
    steps = (len(table.splitlines()) - 1) / len(policy.about.agents)
    assert (dry.decisions, len(dry.head), dry.beyond) == (steps, 64, 0)
    assert not dry.outcome.path.exists()


def test_steps_beyond_training_are_counted(tmp_path):
    policy, _ = exported("a mixture, on another trace", tmp_path)
    (most,) = policy.scales["trained_rps"]
    load = np.array([most, 1.5 * most, 3.0 * most, 0.5 * most, 1.001 * most])[:, None]
    write_trace(Trace(policy.about.agents, load, load), tmp_path / "beyond.csv")
    with dry_run(policy, tmp_path / "beyond.csv") as dry:
        assert (dry.decisions, dry.beyond) == (5, 3)


def test_what_is_planted_between_server_and_table_is_found(tmp_path, monkeypatch):
    policy, trace = exported("a mixture, on another trace", tmp_path)
    polled = module.Client.polled
    monkeypatch.setattr(module.Client, "polled", lambda *asked: polled(*asked) + 1)
    with pytest.raises(RuntimeError, match=r"row 0 of the evaluation has \d+ replicas, and the server said \d+"):
        dry_run(policy, trace).__enter__()
    monkeypatch.setattr(module.domains, "measured_in", lambda name, environment: {"rate_rps": -1.0})
    with pytest.raises(DataError, match=r"the server refuses .*rate_rps must be greater than or equal to 0, got -1.0"):
        dry_run(policy, trace).__enter__()
    with pytest.raises(DataError, match="none"):
        dry_run(policy, tmp_path / "none.csv").__enter__()
