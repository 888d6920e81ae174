"""A domain of which nothing exact is known runs through every command, and stands alone: no bound, no regret."""

import csv

import pytest

from mamo_cli.analysis.decomposition import TERMS
from mamo_cli.analysis.fronts import Quality
from mamo_cli.analysis.summaries import BOUNDS
from mamo_cli.core.errors import NothingExactError, SolverError
from mamo_cli.domains.faas.domain import FaasDomain
from mamo_cli.experiments.configs import MamoConfig, SolveOfflineConfig, TrainConfig, configured
from mamo_cli.experiments.machines import Machines
from mamo_cli.experiments.run_mamo import run_mamo
from mamo_cli.experiments.session import Place
from mamo_cli.experiments.solve_offline import solve_offline
from mamo_cli.experiments.train import train
from mamo_cli.plots.draw import draw_runs

TINY = {"seeds": 1, "phase": {"iterations": 2, "iteration_steps": 4, "environments": 2}}


@pytest.fixture
def nothing(monkeypatch):
    def unknown(*_):
        raise NothingExactError("nobody knows")

    for answer in ("optimum", "answer", "perfect", "expected"):
        monkeypatch.setattr(FaasDomain, answer, unknown)


def rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_baselines_and_loop_end_and_are_drawn(tmp_path, nothing, caplog):
    place, here = Place(tmp_path), Machines(jobs=1)
    baselines = train(configured(TrainConfig, {**TINY, "alpha": [0.5]}), place, here)
    loop = run_mamo(configured(MamoConfig, {**TINY, "adaptation": {"cycles": 2}}), place, here)
    assert (baselines.status, loop.status) == ("complete", "complete")
    assert "nobody knows: no bound, no exact alpha and no regret" in caplog.text
    (one,) = rows(baselines.path / "summary.csv")
    assert (one["regret"], one["optimal_reward"]) == ("", "")
    assert 1 <= float(one["mean_replicas"]) <= 10
    (one,) = rows(loop.path / "summary.csv")
    assert {one[name] for name in ("exact_alpha", *BOUNDS, *TERMS, *Quality._fields)} == {""}
    assert one["holds"] == str(int(float(one["mean_rejection"]) <= 0.05))
    assert not (loop.path / "decomposition.csv").exists()
    drawn = {path.name for path in draw_runs([baselines.path, loop.path]) if path.suffix == ".png"}
    assert drawn == {"te_agents.png", "learning_curves.png", "mamo.png"}


def test_an_offline_plan_is_refused(tmp_path, nothing):
    with pytest.raises(SolverError, match="nobody knows"):
        solve_offline(configured(SolveOfflineConfig), Place(tmp_path))
