"""What commands do can be called from Python: without a command line, a console, or the main thread's signals."""

import csv
import logging
from concurrent.futures import ThreadPoolExecutor

import pytest

from mamo_cli.core.errors import UsageError
from mamo_cli.experiments.configs import EvaluateConfig, MamoConfig, SolveOfflineConfig, TrainConfig, configured
from mamo_cli.experiments.evaluate import evaluate
from mamo_cli.experiments.machines import Machines
from mamo_cli.experiments.run_mamo import run_mamo
from mamo_cli.experiments.session import Place
from mamo_cli.experiments.solve_offline import solve_offline
from mamo_cli.experiments.train import train

PHASE = {"iterations": 2, "iteration_steps": 4, "environments": 2}
HERE = Machines(jobs=1)


class Told:
    """A progress that remembers."""

    def __init__(self):
        self.rounds, self.agents, self.total = [], None, None

    def start(self, rounds, spec):
        self.total, self.agents = rounds, spec.agents

    def __call__(self, rounds, rows):
        self.rounds.append(rounds)


def called(function, *arguments):
    """The call's outcome, made in a thread, where no signal can be handled."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(function, *arguments).result()


def rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_baseline_is_trained_by_a_call(tmp_path, capfd, monkeypatch):
    monkeypatch.setattr("sys.argv", ["a", "sweep", "--of", "somebody's"])
    config = configured(TrainConfig, {"seeds": 1, "alpha": [0.3], "phase": PHASE})
    told = Told()
    outcome = called(train, config, Place(tmp_path / "elsewhere", name="x"), HERE, told)
    assert outcome.path == tmp_path / "elsewhere" / "x"
    assert outcome.status == "complete"
    assert [row["alpha"] for row in outcome.summary] == [0.3]
    assert (told.total, told.rounds, told.agents) == (2, [0, 1, 2], ("f0",))
    assert capfd.readouterr() == ("", "")
    assert len(rows(outcome.path / "evaluation.csv")) == 288


def test_the_same_call_again_finds_the_run_complete(tmp_path, caplog):
    config = configured(MamoConfig, {"seeds": 1, "phase": PHASE, "adaptation": {"cycles": 2}})
    place = Place(tmp_path)
    first = called(run_mamo, config, place, HERE)
    with caplog.at_level(logging.INFO, logger="mamo_cli"):
        again = called(run_mamo, config, place, HERE)
    assert again == first
    assert "is complete already" in caplog.text
    judged = called(evaluate, first.path, configured(EvaluateConfig, {"noise_seed": 3}), place)
    assert rows(judged.path / "evaluation.csv") != rows(first.path / "evaluation.csv")


def test_a_plan_is_solved_by_a_call(tmp_path):
    outcome = called(solve_offline, configured(SolveOfflineConfig, {"solver": "cbc"}), Place(tmp_path))
    assert outcome.summary["replica_steps"] == 1939
    assert outcome.summary["share_above_tolerance"] == sum(
        float(row["rejection_actual"]) > 0.05 for row in rows(outcome.path / "plan.csv")
    ) / 288  # fmt: skip


def test_a_configuration_is_composed_of_what_it_is_about():
    config = configured(MamoConfig, {"strategy": "wa-dqn", "adaptation": {"kappa": 0.2}})
    assert config.sections()["adaptation"].kappa == 0.2
    assert config.instance.max_replicas == 10
    with pytest.raises(UsageError, match=r"--domain is one of faas, .*inventory.*, got 'nowhere'"):
        configured(TrainConfig, {"domain": "nowhere"})
    with pytest.raises(UsageError, match=r"--strategy is one of wa-dqn.*, got 'guess'"):
        configured(MamoConfig, {"strategy": "guess"})
    with pytest.raises(UsageError, match=r"instance\.max_replicas: no such setting"):
        configured(TrainConfig, {"domain": "inventory", "instance": {"max_replicas": 3}})
