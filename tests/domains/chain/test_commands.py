"""Every command about a chain, in its own words."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.cli.invoke import MAMO, TRAIN, mamo

SMALL = ("--levels", "10", "--levels", "13", "--levels", "18", "--mean-demand", "2", "--evaluation-steps", "400", "-q")
ABOUT = ("--domain", "chain", *SMALL)


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> Path:
    """A folder with runs, trained, found, evaluated and drawn."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("chains"))
        for command, name in ((TRAIN, "te"), ((*MAMO, "--strategy", "bisect"), "wa")):
            assert mamo(*command, *ABOUT, "--name", name).code == 0
            assert mamo("evaluate", name, "--noise-seed", "1", "--name", f"{name}-again", "-q").code == 0
        assert mamo("plot", "te", "wa", "-q").code == 0
        return Path.cwd() / "results"


def test_tables_speak_of_points_positions_and_waits_the_same_for_all(results):
    played = pd.read_csv(results / "wa" / "evaluation.csv")
    start = list(played.columns).index("point")
    names = ["point", "expected_demand", "demand", "position", "on_hand", "cost", "wait"]
    assert list(played.columns[start : start + 7]) == names
    each = played.set_index(["seed", "step", "point"]).unstack("point")
    for column in ("demand", "cost", "wait"):
        assert (each[column].nunique(axis=1) == 1).all()
    prices = each["on_hand"] @ pd.Series({"point1": 3.0, "point2": 2.0, "point3": 1.0})
    np.testing.assert_allclose(prices, each["cost"]["point1"])
    cycles = pd.read_csv(results / "wa" / "cycles.csv")
    assert (cycles.groupby(["seed", "cycle"])["alpha"].nunique() == 1).all()


def test_one_policy_is_delivered_to_all_points(results):
    shares = pd.read_csv(results / "wa" / "delivered.csv").groupby(["seed", "cycle"])["share"]
    assert (shares.nunique() == 1).all()
    assert (shares.count() == 3).all()


def test_regret_is_blank_as_no_play_tells_its_policy(results):
    assert pd.read_csv(results / "te" / "summary.csv")["regret"].isna().all()


def test_figures_are_drawn(results):
    assert (results / "te" / "figures" / "te_agents.png").exists()
    assert list((results / "wa" / "figures").glob("*.svg"))


def test_another_demand_is_another_evaluation_of_the_same_policies(results):
    own, again = (pd.read_csv(results / run / "summary.csv") for run in ("wa", "wa-again"))
    assert (own["alpha"] == again["alpha"]).all()
    assert (own["mean_cost"] != again["mean_cost"]).all()


def test_a_policy_file_plays_what_its_run_played(results, tmp_path):
    file = tmp_path / "policy.npz"
    home = ("--results", str(results))
    assert mamo("export", "wa", "--seed", "0", "--out", str(file), *home, "-q").code == 0
    assert mamo("evaluate", str(file), "--name", "by-file", *home, "-q").code == 0
    played, before = (pd.read_csv(results / run / "evaluation.csv") for run in ("by-file", "wa"))
    before = before[before["seed"] == 0].reset_index(drop=True)
    pd.testing.assert_frame_equal(played[["position", "cost", "wait"]], before[["position", "cost", "wait"]])


def test_exact_points_and_a_mixture_wait_the_limit_at_the_bounds_cost(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    command = ("run-mamo", "--domain", "chain", "--strategy", "bisect", "--te", "exact", "--cycles", "12")
    (member,) = json.loads(mamo(*command, "--seeds", "1", "--json", "-q").out)["members"]
    assert member["mean_wait"] == pytest.approx(0.02, abs=1e-9)
    assert member["cost_over_causal_bound"] == pytest.approx(1.0, abs=1e-9)
    assert round(135 * member["causal_bound_cost"], 3) == 14.034


def test_a_plan_by_step_is_refused_in_one_line_and_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    refused = mamo("solve-offline", "--domain", "chain")
    assert (refused.code, refused.err.count("\n")) == (2, 1)
    assert "follows its state" in refused.err
    wrong = mamo("train", "--domain", "chain", "--lead-time", "1", "--lead-time", "2")
    assert (wrong.code, wrong.err.count("\n")) == (2, 1)
    assert "lead_time" in wrong.err or "--lead-time" in wrong.err
    assert list(tmp_path.iterdir()) == []
