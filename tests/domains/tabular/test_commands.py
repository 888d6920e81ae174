"""Every command about a gridworld and a junction."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mamo_cli.experiments.configs import EvaluateConfig
from mamo_cli.experiments.evaluate import evaluate
from mamo_cli.experiments.session import Place
from tests.cli.invoke import MAMO, TRAIN, mamo

# A junction of 64 states, and plays that are long enough to tell a policy.
ABOUT = {
    "gridworld": ("--domain", "gridworld", "--evaluation-steps", "2000", "-q"),
    "junction": ("--domain", "junction", "--places", "3", "--evaluation-steps", "2000", "-q"),
}
BOTH = pytest.mark.parametrize("name", ABOUT)


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> Path:
    """A folder with runs of both, trained, found, evaluated and drawn."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("tabular"))
        for name, about in ABOUT.items():
            for command, kind in ((TRAIN, "te"), (MAMO, "wa")):
                assert mamo(*command, *about, "--name", f"{name}-{kind}").code == 0
            assert mamo("evaluate", f"{name}-te", "--noise-seed", "1", "--name", f"{name}-again", "-q").code == 0
        assert mamo("plot", *(f"{name}-{kind}" for name in ABOUT for kind in ("te", "wa")), "-q").code == 0
        return Path.cwd() / "results"


@BOTH
def test_an_evaluation_tells_cost_and_violation_of_every_period(results, name):
    played = pd.read_csv(results / f"{name}-te" / "evaluation.csv")
    if name == "junction":
        assert (played["cost"] == played["queue_1"] + played["queue_2"]).all()
        assert (played["switches"] == ((played["phase"] < 2) & (played["phase"] != played["next_phase"]))).all()
    else:
        np.testing.assert_allclose(played["missed"], 1 - played["cell"].map({3: 1.0, 1: 0.1}).fillna(0.0))
        assert (played["cost"][played["cell"] == 1] == 0).all()


def conflicts(played):
    """Slots of green right after the other's green, in an evaluation."""
    phase = played["phase"].to_numpy()
    return int(((phase[:-1] < 2) & (phase[1:] < 2) & (phase[:-1] != phase[1:])).sum())


def always_the_others_green(game):
    """In place of who decides by the policy of a file: it looks at no mask."""
    return lambda seen: np.array([1, 0, 1, 0])[seen.values[0, :, :, 2:].argmax(-1)][None]


@pytest.mark.parametrize("safety", ["--safety", "--no-safety"])
def test_a_policy_file_in_the_hands_of_an_adversary_does_harm_where_the_layer_is_taken_away_alone(
    safety, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    trained = mamo(*TRAIN, *ABOUT["junction"][:-1], safety, "--name", "run")
    assert trained.code == 0
    assert ("no safety layer: one approach" in trained.err) == (safety == "--no-safety")
    assert mamo("export", "run", "--out", "policy.npz", "-q").code == 0
    place = Place(name="attacked")
    evaluate(Path("policy.npz"), EvaluateConfig(noise_seed=1), place, always_the_others_green)
    played = pd.read_csv("results/attacked/evaluation.csv")
    assert len(played) == 2000
    assert conflicts(played) == {"--safety": 0, "--no-safety": 1999}[safety]
    assert ("conflicts" in played) == (safety == "--no-safety")
    if safety == "--no-safety":
        assert (played["conflicts"] == 1).all()
    else:
        assert (played["next_phase"] == 0).all()  # what was played, not what was asked for


@BOTH
def test_regret_is_that_of_the_policy_in_the_long_run_whatever_came(results, name):
    own, again = (pd.read_csv(results / f"{name}-{run}" / "summary.csv") for run in ("te", "again"))
    assert (own["regret"].dropna() >= -1e-9).all()
    assert own["regret"].notna().any()
    assert (own["optimal_reward"] == again["optimal_reward"]).all()
    both = own["regret"].notna() & again["regret"].notna()
    # In states that only one of the plays met, another choice stands in.
    np.testing.assert_allclose(own["expected_reward"][both], again["expected_reward"][both], rtol=1e-2)
    assert (own["mean_cost"] != again["mean_cost"]).any()


@BOTH
def test_figures_are_drawn(results, name):
    assert (results / f"{name}-te" / "figures" / "te_agents.png").exists()
    assert list((results / f"{name}-wa" / "figures").glob("*.svg"))


@BOTH
def test_exact_agents_and_a_mixture_deliver_the_constrained_optimum(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    command = (
        "run-mamo",
        "--strategy",
        "bisect",
        "--te",
        "exact",
        "--readout",
        "mix",
        "--cycles",
        "16",
        "--seeds",
        "1",
    )
    shown = mamo(*command, *ABOUT[name][:-1], *(("--places", "12") if name == "junction" else ()), "--json", "-q")
    assert shown.code == 0
    (member,) = json.loads(shown.out)["members"]
    if name == "gridworld":
        assert round((10 - 11 * member["mean_cost"]) / 0.1, 4) == 16.5272
        assert member["mean_missed"] == pytest.approx(0.85, abs=1e-9)
    else:
        assert round(24 * member["mean_cost"], 4) == 2.2090
        assert member["mean_switches"] == pytest.approx(0.10, abs=1e-9)


@BOTH
def test_a_plan_by_step_is_refused_in_one_line_and_nothing_is_written(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    refused = mamo("solve-offline", "--domain", name)
    assert refused.code == 2
    assert refused.err.count("\n") == 1
    assert "follows its state" in refused.err
    assert list(tmp_path.iterdir()) == []


@BOTH
def test_help_shows_what_can_be_set_and_no_trace(name):
    shown = mamo("run-mamo", "--domain", name, "--help").out
    assert {"gridworld": "--visits", "junction": "--arrivals"}[name] in shown
    assert "--trace" not in shown
    assert "--train-share" not in shown


def test_traffic_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    command = ("train", "--domain", "junction", "--places", "2", "--iterations", "1", "--seeds", "1", "--alpha", "1")
    given = ("--arrivals", "0.4", "--arrivals", "0.1", "--evaluation-steps", "50", "--name", "own", "-q")
    assert mamo(*command, *given).code == 0
    assert pd.read_csv("results/own/evaluation.csv")["expected_arrivals"].iloc[0] == pytest.approx(0.5)
    one = mamo(*command, "--arrivals", "0.4")
    assert one.code == 2
    assert "--arrivals" in one.err
