"""Bounds are solved before anything is trained, by whom the user asked, and a solver's failure costs nobody a run."""

import csv
import logging

import numpy as np
import pytest

from mamo_cli.core.seam import Scope
from mamo_cli.domains.faas.domain import FaasDomain
from mamo_cli.experiments import run_mamo, train
from mamo_cli.experiments.configs import MamoConfig, SolveOfflineConfig, TrainConfig, configured
from mamo_cli.experiments.machines import Machines
from mamo_cli.experiments.session import Place
from mamo_cli.experiments.solve_offline import solve_offline
from mamo_cli.solvers import cbc
from mamo_cli.solvers.program import NoPlanError
from mamo_cli.workload.trace import Trace
from mamo_cli.workload.trace_csv import write_trace

TINY = {"seeds": 1, "phase": {"iterations": 2, "iteration_steps": 4, "environments": 2}}
HERE = Machines(jobs=1)


def rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def asked(monkeypatch):
    """Scope, solver and time limit of every exact answer that is asked for."""
    calls, original = [], FaasDomain.optimum

    def spied(self, scope, weights=None, solver="auto", time_limit_s=None):
        calls.append((str(scope), solver, time_limit_s))
        return original(self, scope, weights, solver, time_limit_s)

    monkeypatch.setattr(FaasDomain, "optimum", spied)
    return calls


@pytest.mark.parametrize(
    ("scope", "others"), [("step", ["average"]), ("average", ["step"]), ("alpha", ["step", "average"])]
)
def test_bounds_beside_a_plan_are_solved_as_the_plan_is_and_no_plan_twice(tmp_path, asked, caplog, scope, others):
    config = configured(SolveOfflineConfig, {"scope": scope, "solver": "highs", "time_limit": 60.0})
    outcome = solve_offline(config, Place(tmp_path))
    assert asked == [(each, "highs", 60.0) for each in (scope, *others)]
    assert outcome.summary["solver"] == "highs"
    assert "solved with" not in caplog.text
    kinds = {row["kind"]: float(row["mean_cost"]) for row in rows(outcome.path / "frontier.csv")}
    assert (kinds["step"], kinds["average"]) == pytest.approx((1939 / 2880, 1783 / 2880), rel=1e-12)


@pytest.mark.parametrize("command", ["train", "run-mamo"])
def test_nothing_is_trained_before_the_bounds_are_known(tmp_path, monkeypatch, command):
    module, config = {
        "train": (train, configured(TrainConfig, TINY)),
        "run-mamo": (run_mamo, configured(MamoConfig, TINY)),
    }[command]
    there = []
    monkeypatch.setattr(module, "train_members", lambda run, *_: there.append((run.path / "frontier.csv").exists()))
    with pytest.raises(Exception, match=r"cycles\.csv|evaluation\.csv"):  # nothing was trained
        getattr(module, command.replace("-", "_"))(config, Place(tmp_path), HERE)
    assert there == [True]


def test_a_solver_that_fails_costs_no_trained_run(tmp_path, monkeypatch, caplog):
    def crashed(*_):
        raise NoPlanError("CBC ended without an answer (exit status -11); try another solver")

    monkeypatch.setitem(__import__("sys").modules, "gurobipy", None)
    monkeypatch.setattr(cbc, "_run", crashed)
    outcome = run_mamo.run_mamo(configured(MamoConfig, {**TINY, "adaptation": {"cycles": 2}}), Place(tmp_path), HERE)
    assert outcome.status == "complete"
    assert outcome.summary[0]["bound_cost"] == pytest.approx(0.618356580670, rel=1e-11)
    assert outcome.summary[0]["causal_bound_cost"] == pytest.approx(0.622768926493, rel=1e-11)
    lines = [record.message for record in caplog.records if "stand in" in record.message]
    assert lines == [
        f"the {method}'s certified plan and bound stand in: CBC ended without an answer (exit status -11); try another "
        "solver"
        for method in ("enumeration", "lagrangian")
    ]


@pytest.fixture
def overloaded(tmp_path):
    """Thirty steps of 80 to 280 requests/s, expected as they come; ten replicas serve 154 at most."""
    rates = 180 + 100 * np.sin(np.arange(30))[:, None]
    write_trace(Trace(("f0",), np.roll(rates, 1), rates), tmp_path / "t.csv")
    return str(tmp_path / "t.csv")


@pytest.mark.parametrize("scope", ["step", "average", "alpha"])
@pytest.mark.parametrize("solver", ["auto", "cbc", "highs"])
def test_a_node_beyond_its_cap_has_a_plan_in_every_scope(tmp_path, overloaded, caplog, scope, solver):
    caplog.set_level(logging.WARNING)
    config = configured(SolveOfflineConfig, {"instance": {"trace": overloaded}, "scope": scope, "solver": solver})
    outcome = solve_offline(config, Place(tmp_path))
    assert (outcome.status, outcome.summary["termination"]) == ("complete", "optimal")
    plan = rows(outcome.path / "plan.csv")
    replicas = np.array([int(row["replicas"]) for row in plan])
    missed = np.array([row["feasible"] for row in plan]) == "0"
    if scope == "average":  # the least rejection there is, at every step
        assert (replicas == 10).all()
    if scope != "alpha":
        assert missed.sum() == outcome.summary["infeasible_steps"] > 15
        assert (replicas[missed] == 10).all()
    assert len([line for line in caplog.messages if "cannot keep rejection within 0.05" in line]) == 1


def test_a_run_on_a_node_beyond_its_cap_ends_and_says_so_once(tmp_path, overloaded, caplog):
    config = configured(MamoConfig, {**TINY, "instance": {"trace": overloaded}, "adaptation": {"cycles": 2}})
    outcome = run_mamo.run_mamo(config, Place(tmp_path), HERE)
    assert outcome.status == "complete"
    assert len([line for line in caplog.messages if "no alpha can on average, least reachable is" in line]) == 1


def test_the_objective_of_scope_alpha_comes_back_from_the_summary(tmp_path):
    # Erlang-B on 50 replicas: at 40 steps the plan is not the argmin at the expected rate, but over the noise.
    instance = {"rejection_model": "erlang", "max_replicas": 50}
    config = configured(SolveOfflineConfig, {"scope": "alpha", "alpha": 0.9, "instance": instance, "solver": "cbc"})
    summary = solve_offline(config, Place(tmp_path)).summary
    weighed = 0.1 * summary["mean_cost"] + 0.9 * summary["mean_rejection_over_noise"]
    assert weighed == pytest.approx(summary["objective"], rel=1e-12)
    assert summary["objective"] == pytest.approx(0.0210488, abs=5e-8)
    assert 0.1 * summary["mean_cost"] + 0.9 * summary["mean_rejection_expected"] < 0.9851 * summary["objective"]
    assert Scope(summary["scope"]) is Scope.ALPHA
