"""Strategies on scenarios: one run a cell, one budget, and what becomes of cells that stop, fail or are there."""

import json
import logging

import pandas as pd
import pytest

from mamo_cli.core.errors import DataError, SolverError, SweepError, UsageError
from mamo_cli.core.settings import resolve
from mamo_cli.experiments import compare as experiment
from mamo_cli.experiments import scenarios
from mamo_cli.experiments.compare import compare
from mamo_cli.experiments.configs import CompareConfig, MamoConfig, configured
from mamo_cli.experiments.machines import Machines
from mamo_cli.experiments.run_mamo import run_mamo
from mamo_cli.experiments.session import Place
from mamo_cli.runs import worker
from mamo_cli.training.conditions import DriftConfig
from tests.experiments.mini import write_scenario

HERE = Machines(jobs=1)
STRATEGIES = ("wa-dqn", "fixed")


@pytest.fixture
def config(tmp_path):
    path = write_scenario(tmp_path / "mini.toml")
    return resolve(CompareConfig, {"scenario": [str(path)], "strategy": list(STRATEGIES)})


def runs(tmp_path):
    return sorted(path.name for path in (tmp_path / "results").iterdir())


def manifest(path):
    return json.loads((path / "run.json").read_text())


def test_every_cell_is_the_run_that_the_same_configuration_makes_and_has_the_whole_budget(tmp_path, config):
    outcome = compare(config, Place(tmp_path / "results"), HERE)
    assert outcome.status == "complete"
    for strategy, name in manifest(outcome.path)["cells"].items():
        training = pd.read_csv(tmp_path / "results" / name / "training.csv")
        assert set(training.groupby("seed")["env_steps"].max()) == {96}, strategy  # and 128 that the readout measures
    layers = {"strategy": "fixed", "readout": "mix", "seeds": "1000..1002", "adaptation": {"cycles": 3}}
    phase = {"iterations": 2, "iteration_steps": 4, "environments": 4, "window": 1}
    same = configured(
        MamoConfig, layers, {"phase": phase, "learner": {"batch_size": 16}, "instance": {"tolerance": 0.3}}
    )
    alone = run_mamo(same, Place(tmp_path / "alone"), HERE).path
    cell = tmp_path / "results" / manifest(outcome.path)["cells"]["mini fixed"]
    assert cell.name.startswith("run-mamo-mini-fixed-s1000..1002-")
    assert manifest(cell)["config_digest"] == manifest(alone)["config_digest"]
    assert (cell / "evaluation.csv").read_bytes() == (alone / "evaluation.csv").read_bytes()


def test_what_the_cells_took_is_part_of_what_the_comparison_took(tmp_path, config):
    found = manifest(compare(config, Place(tmp_path / "results"), HERE).path)
    cells = [manifest(tmp_path / "results" / name)["energy"]["cpu_seconds"] for name in found["cells"].values()]
    for each in (found, *(manifest(tmp_path / "results" / name) for name in found["cells"].values())):
        assert [(start["engine"], start["device"]) for start in each["starts"]] == [("local", "cpu")]
    assert all(seconds > 0.0 for seconds in cells)
    assert sum(cells) < found["energy"]["cpu_seconds"]  # which also looks at what came out
    assert found["energy"]["whole"]


def test_the_tables_tell_of_every_cell_seed_and_cycle(tmp_path, config):
    outcome = compare(config, Place(tmp_path / "results"), HERE)
    tables = {path.stem: pd.read_csv(path) for path in outcome.path.glob("*.csv")}
    assert list(tables["leaderboard"]["strategy"]) == list(STRATEGIES)
    assert list(tables["leaderboard"]["env_steps"]) == [224, 224]
    assert [list(rows["seed"]) for _, rows in tables["members"].groupby("strategy")] == [[1000, 1001, 1002]] * 2
    assert len(tables["anytime"]) == 2 * 3
    assert len(tables["cycles"]) == 2 * 3 * 3
    assert [tuple(pair) for pair in tables["improvement"][["strategy", "over"]].to_numpy()] == [
        STRATEGIES, STRATEGIES[::-1],
    ]  # fmt: skip
    assert set(tables["profile"]["agent"]) == {"f0"}
    fixed = tables["members"][tables["members"]["strategy"] == "fixed"]
    at_the_end = pd.read_csv(tmp_path / "results" / manifest(outcome.path)["cells"]["mini fixed"] / "summary.csv")
    pd.testing.assert_series_equal(fixed["mean_cost"], at_the_end["mean_cost"], check_index=False)
    pd.testing.assert_series_equal(
        fixed["mean_violation"], at_the_end["mean_rejection"], check_index=False, check_names=False
    )
    bound = tables["scenarios"]["causal_cost"].item()
    assert list(fixed["cost_over_causal_bound"]) == pytest.approx(list(fixed["mean_cost"] / bound))
    assert outcome.summary[1]["mean_cost"] == tables["leaderboard"]["mean_cost"][1]


def test_the_causal_bound_of_the_reference_instance_is_what_the_specification_says():
    planned, _ = experiment._planned(CompareConfig(strategy=("fixed",)), HERE)
    domain = experiment.build_domain(experiment.members_of(planned[0].config, planned[0].source))
    judged = experiment.judged_of(domain, planned[0].config.drift, 3)
    assert 10 * judged.judge.bound == pytest.approx(6.229, rel=1e-3)
    assert judged.eras == [0, 0, 0]
    moved = experiment.judged_of(domain, DriftConfig(tolerance=((1, 0.15), (2, 0.02))), 4)
    assert moved.eras == [0, 1, 2, 2]
    assert [judge.limits[0] for judge in moved.judges] == [0.05, 0.15, 0.02, 0.02]
    assert moved.judges[1].bound < judged.judge.bound < moved.judge.bound


def test_a_cell_that_is_complete_is_not_run_again_for_any_comparison(tmp_path, config, monkeypatch):
    first = compare(config, Place(tmp_path / "results"), HERE)
    before = runs(tmp_path)
    monkeypatch.setattr(experiment, "run_mamo", None)  # whoever calls it fails
    again = compare(config, Place(tmp_path / "results"), HERE)
    assert (again, runs(tmp_path)) == (first, before)
    part = compare(config.model_copy(update={"strategy": ("fixed",)}), Place(tmp_path / "results"), HERE)
    assert part.path != first.path
    assert part.summary == [first.summary[1]]
    assert len(runs(tmp_path)) == len(before) + 1


def test_one_pool_of_workers_serves_all_cells_and_changes_nothing(tmp_path, config, monkeypatch):
    started = []
    start = worker._started
    monkeypatch.setattr(worker, "_started", lambda: started.append(start()) or started[-1])
    pooled = compare(config, Place(tmp_path / "pooled"), Machines(jobs=2))
    assert len(started) == 2
    assert all(process.poll() is not None for process, _ in started)
    alone = compare(config, Place(tmp_path / "alone"), HERE)
    assert len(started) == 2
    for name in manifest(alone.path)["cells"].values():
        for table in ("training", "cycles", "evaluation", "delivered"):
            ours, theirs = (tmp_path / where / name / f"{table}.csv" for where in ("pooled", "alone"))
            assert ours.read_bytes() == theirs.read_bytes(), (name, table)
    assert manifest(pooled.path)["cells"] == manifest(alone.path)["cells"]


def test_what_starts_over_has_new_cells_and_goes_on_with_those(tmp_path, config):
    compare(config, Place(tmp_path / "results"), HERE)
    fresh = compare(config, Place(tmp_path / "results", fresh=True), HERE)
    assert [name.endswith("-2") for name in manifest(fresh.path)["cells"].values()] == [True, True]
    assert len(runs(tmp_path)) == 6
    (fresh.path / "run.json").write_text(json.dumps({**manifest(fresh.path), "status": "interrupted"}))
    again = compare(config, Place(tmp_path / "results", name=fresh.path.name), HERE)
    assert manifest(again.path)["cells"] == manifest(fresh.path)["cells"]
    assert len(runs(tmp_path)) == 6


def failing(monkeypatch, strategy):
    def run(config, *rest):
        if config.strategy == strategy:
            raise SolverError("no solver today")
        return run_mamo(config, *rest)

    monkeypatch.setattr(experiment, "run_mamo", run)


def test_a_cell_that_fails_is_told_the_others_go_on_and_it_is_tried_again(tmp_path, config, monkeypatch, caplog):
    failing(monkeypatch, "wa-dqn")
    place = Place(tmp_path / "results")
    with (
        caplog.at_level(logging.ERROR, logger="mamo_cli"),
        pytest.raises(SweepError, match="1 of 2 cells failed") as told,
    ):
        compare(config, place, HERE)
    assert caplog.messages == ["mini wa-dqn failed: no solver today"]
    assert told.value.exit_code == 9
    assert [row["strategy"] for row in told.value.outcome.summary] == ["fixed"]
    path = told.value.outcome.path
    assert list(pd.read_csv(path / "leaderboard.csv")["strategy"]) == ["fixed"]
    assert (manifest(path)["status"], manifest(path)["failed"]) == ("failed", {"mini wa-dqn": "no solver today"})
    failing(monkeypatch, "fixed")  # which is complete
    again = compare(config, place, HERE)
    assert (again.path, again.status, len(again.summary)) == (path, "complete", 2)
    assert manifest(path)["failed"] == {}


def test_where_every_cell_fails_the_tables_are_there_and_empty(tmp_path, config, monkeypatch):
    failing(monkeypatch, "fixed")
    with pytest.raises(SweepError, match="1 of 1 cells failed") as told:
        compare(config.model_copy(update={"strategy": ("fixed",)}), Place(tmp_path / "results"), HERE)
    assert pd.read_csv(told.value.outcome.path / "leaderboard.csv").empty


def test_a_trace_that_is_not_here_is_an_error_where_it_was_asked_for_and_skipped_where_not(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=r"scenario bursty needs traces/azure_llm\.csv"):
        compare(CompareConfig(scenario=("reference", "bursty")), Place(tmp_path / "results"), HERE)
    assert not (tmp_path / "results").exists()
    planned, skipped = experiment._planned(CompareConfig(scenario=("all",), strategy=("fixed",)), HERE)
    assert "bursty" not in {cell.scenario.name for cell in planned}
    assert "reference" in {cell.scenario.name for cell in planned}
    assert len(skipped) == 1
    assert "mamo import" in skipped[0]


def test_two_scenarios_of_one_name_are_refused(tmp_path):
    (tmp_path / "other").mkdir()
    paths = [str(write_scenario(folder / "mini.toml")) for folder in (tmp_path, tmp_path / "other")]
    with pytest.raises(UsageError, match="two scenarios of one name"):
        compare(CompareConfig(scenario=tuple(paths)), Place(tmp_path / "results"), HERE)


def test_readout_and_task_agents_are_those_asked_for_in_every_cell(tmp_path, config):
    asked = config.model_copy(update={"te": "exact", "readout": "best"})
    outcome = compare(asked, Place(tmp_path / "results"), HERE)
    assert [(row["te"], row["readout"]) for row in outcome.summary] == [("exact", "best")] * 2
    for name in manifest(outcome.path)["cells"].values():
        assert manifest(tmp_path / "results" / name)["status"] == "complete"
        assert 'readout = "best"' in (tmp_path / "results" / name / "config.toml").read_text()


def test_strategies_of_other_phases_do_not_have_one_budget(tmp_path, config, monkeypatch):
    def presets(strategy, name):
        return {"phase": {"environments": 5 if strategy == "fixed" else 4}}

    monkeypatch.setattr(scenarios.strategies, "preset", presets)
    path = write_scenario(tmp_path / "w.toml", ("environments = 4\n", ""))
    with pytest.raises(UsageError, match=r"not make equally many environment steps \(wa-dqn 224, fixed 200\)"):
        compare(config.model_copy(update={"scenario": (str(path),)}), Place(tmp_path / "results"), HERE)


def test_how_long_a_run_took_is_unknown_where_a_start_of_it_was_killed():
    seconds = experiment.seconds_of
    assert seconds({"starts": [{"seconds": 1.5}, {"seconds": 2.0}]}) == 3.5
    assert seconds({"starts": [{"status": "crashed"}, {"seconds": 2.0}]}) != seconds({"starts": []})
