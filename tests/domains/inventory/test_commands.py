"""Every command about a stock, in its own words."""

import json
import re
from pathlib import Path

import pandas as pd
import pytest

from tests.cli.invoke import MAMO, TRAIN, mamo

ABOUT = ("--domain", "inventory", "--levels", "60", "--lead-time", "1", "-q")
NEIGHBOURS = re.compile(r"function|replica|rejection")


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> Path:
    """A folder with the runs step, average, alpha, te and wa, evaluated and drawn."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("stocks"))
        for scope in ("step", "average", "alpha"):
            assert mamo("solve-offline", *ABOUT, "--scope", scope, "--name", scope).code == 0
        for command, name in ((TRAIN, "te"), (MAMO, "wa")):
            assert mamo(*command, *ABOUT, "--name", name).code == 0
            assert mamo("evaluate", name, "--noise-seed", "1", "--name", f"{name}-again", "-q").code == 0
        assert mamo("plot", "step", "te", "wa", "te-again", "-q").code == 0
        return Path.cwd() / "results"


def head(path):
    return path.read_text().splitlines()[0].split(",")


@pytest.mark.parametrize("run", ["step", "average", "alpha", "te", "wa", "te-again", "wa-again"])
def test_tables_speak_of_items_levels_and_unmet_demand(results, run):
    tables = list((results / run).glob("*.csv"))
    assert len(tables) >= 3
    assert not [path for path in tables if NEIGHBOURS.search(",".join(head(path)))]
    steps = "plan.csv" if (results / run / "plan.csv").exists() else "evaluation.csv"
    names = ["item", "expected_demand", "demand", "level", "on_hand", "cost"]
    found = head(results / run / steps)
    start = found.index("item")
    assert found[start : start + 6] == names
    assert pd.read_csv(results / run / steps)["level"].dtype == "int64"


def test_a_plan_is_written_as_meant_and_as_it_came(results):
    plan, summary = (pd.read_csv(results / "average" / name) for name in ("plan.csv", "summary.csv"))
    assert summary["solver"].item() == "lagrangian"
    assert summary["mean_unmet_expected"].item() == pytest.approx(0.1, abs=1e-3)
    assert summary["mean_unmet_actual"].item() == pytest.approx(plan["unmet_actual"].mean())
    assert summary["mean_on_hand"].item() == pytest.approx(plan["on_hand"].mean())
    assert plan["on_hand"].mean() % 1 != 0
    frontier = pd.read_csv(results / "step" / "frontier.csv")
    curve = frontier[frontier["kind"] == "alpha"]
    assert curve["mean_unmet"].is_monotonic_decreasing
    assert curve["mean_cost"].is_monotonic_increasing


def test_evaluation_under_another_seed_meets_another_demand_of_the_same_mean(results):
    own, again = (pd.read_csv(results / name / "evaluation.csv") for name in ("te", "te-again"))
    assert (own["expected_demand"] == again["expected_demand"]).all()
    assert (own["demand"] != again["demand"]).any()
    unmet = own.groupby(["seed", "alpha"])["unmet"].mean()
    summary = pd.read_csv(results / "te" / "summary.csv").set_index(["seed", "alpha"])
    pd.testing.assert_series_equal(summary["mean_unmet"].sort_index(), unmet.sort_index(), check_names=False)


def test_figures_are_drawn_of_every_kind_of_run(results):
    drawn = {path.relative_to(results).parts[0] for path in results.glob("*/figures/*.png")}
    assert drawn == {"step", "te", "wa", "te-again"}
    assert (results / "wa" / "figures" / "frontier_compared.svg").exists()
    assert head(results / "te" / "figures" / "te_agents.csv")[1] == "item"


def test_help_shows_the_stocks_own_options():
    shown = mamo("train", "--domain", "inventory", "--help").out
    assert "--lead-time" in shown
    assert not NEIGHBOURS.search(shown)


def test_json_and_a_tolerance_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    strict, loose = (
        json.loads(mamo("solve-offline", *ABOUT, "--tolerance", each, "--json").out) for each in ("0.02", "0.2")
    )
    assert strict["mean_level"] > loose["mean_level"]
    assert strict["termination"] == loose["termination"] == "optimal"
