"""Every command about a battery, in its own words."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mamo_cli.domains.battery.domain import load
from mamo_cli.domains.battery.settings import BatteryConfig
from mamo_cli.workload.trace_csv import write_trace
from tests.cli.invoke import MAMO, TRAIN, mamo

ABOUT = ("--domain", "battery", "--trace", "week.csv", "-q")
NEIGHBOURS = re.compile(r"function|replica|rejection|item|stock")


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> Path:
    """A folder with the runs step, average, alpha, te and wa, evaluated and drawn."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("batteries"))
        write_trace(load(BatteryConfig()).slice(0, 168), Path("week.csv"))
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
def test_tables_speak_of_homes_charge_and_excess(results, run):
    tables = list((results / run).glob("*.csv"))
    assert len(tables) >= 3
    assert not [path for path in tables if NEIGHBOURS.search(",".join(head(path)))]
    found = head(results / run / ("plan.csv" if (results / run / "plan.csv").exists() else "evaluation.csv"))
    start = found.index("home")
    names = ["home", "expected_load", "load", "charge", "change", "grid", "cost"]
    assert found[start : start + 7] == names


def test_an_evaluation_is_a_home_whose_energy_adds_up(results):
    played = pd.read_csv(results / "te" / "evaluation.csv")
    for _, member in played.groupby(["seed", "alpha"]):
        np.testing.assert_allclose(member["change"].cumsum(), member["charge"], atol=1e-12)
        at_meter = np.where(member["change"] > 0, member["change"] / 0.95, member["change"] * 0.95)
        np.testing.assert_allclose(member["grid"], np.maximum(member["load"] + at_meter, 0))
        price = np.array(BatteryConfig().tariff)[member["step"] % 24]
        np.testing.assert_allclose(member["cost"], price * member["grid"])
        np.testing.assert_allclose(member["excess"], np.maximum(member["grid"] - 1.5, 0) / (21.13 / 24), atol=1e-12)


def test_a_plan_is_written_as_meant_and_as_it_came(results):
    plan, summary = (pd.read_csv(results / "average" / name) for name in ("plan.csv", "summary.csv"))
    assert summary["solver"].item() == "lagrangian"
    assert summary["mean_excess_expected"].item() <= 0.02 + 1e-9
    assert summary["mean_excess_actual"].item() == pytest.approx(plan["excess_actual"].mean())
    assert plan["charge"].between(0, 9).all()
    step = pd.read_csv(results / "step" / "summary.csv")
    assert step["solver"].item() == "dynamic programming"
    assert step["objective"].item() >= summary["objective"].item()
    curve = pd.read_csv(results / "step" / "frontier.csv").query("kind == 'alpha'")
    assert curve["mean_excess"].is_monotonic_decreasing
    assert curve["mean_cost"].is_monotonic_increasing


def test_regret_is_never_below_nothing(results):
    summary = pd.read_csv(results / "te" / "summary.csv")
    assert (summary["regret"] >= -1e-12).all()
    assert (summary["regret"] > 0).any()


def test_figures_are_drawn_of_every_kind_of_run(results):
    assert {path.relative_to(results).parts[0] for path in results.glob("*/figures/*.png")} == {
        "step",
        "te",
        "wa",
        "te-again",
    }
    assert (results / "wa" / "figures" / "frontier_compared.svg").exists()


def test_exact_agents_and_a_mixture_deliver_the_causal_optimum(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    command = ("run-mamo", "--domain", "battery", "--strategy", "bisect", "--te", "exact", "--cycles", "12")
    (member,) = json.loads(mamo(*command, "--seeds", "1", "--json", "-q").out)["members"]
    assert member["mean_excess"] == pytest.approx(0.02, abs=1e-9)
    assert 0 <= member["cost_over_causal_bound"] - 1 < 1e-4
    assert round(member["causal_bound_cost"], 5) == 0.09112


def test_help_shows_the_batterys_own_options():
    shown = mamo("train", "--domain", "battery", "--help").out
    assert "--peak-limit" in shown
    assert "--tariff" in shown
    assert not NEIGHBOURS.search(shown)


def test_a_tariff_of_its_own_and_one_that_cannot_be(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    command = ("solve-offline", "--domain", "battery", "--json", "-q")
    flat = json.loads(mamo(*command, *["--tariff", "0.3"] * 24).out)
    assert flat["objective"] == pytest.approx(0.3 * flat["mean_grid"])
    wrong = mamo("solve-offline", "--domain", "battery", "--capacity", "10")
    assert wrong.code == 2
    assert wrong.err.count("\n") == 1
    assert "--capacity 10 must be 1 to 1000 times --change-step 0.75" in wrong.err
