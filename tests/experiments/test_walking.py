"""A walk from a call to its tables and its figure."""

import numpy as np
import pandas as pd
import pytest

from mamo_cli.analysis.bounds import bound
from mamo_cli.analysis.walk import walk_bound
from mamo_cli.analysis.walk_tables import walk_table
from mamo_cli.core.errors import UsageError
from mamo_cli.domains.faas.baselines.erlang import erlang_inversion
from mamo_cli.experiments.configs import EvaluateConfig, MamoConfig, configured
from mamo_cli.experiments.evaluate import evaluate
from mamo_cli.experiments.machines import Machines
from mamo_cli.experiments.members import members
from mamo_cli.experiments.run_mamo import run_mamo
from mamo_cli.experiments.session import Place
from mamo_cli.plots.draw import draw_run
from mamo_cli.training.conditions import WalkConfig
from mamo_cli.training.shards import build_domain, build_walk
from mamo_cli.workload.trace_csv import write_trace
from tests.domains.faas.nodes import made_trace
from tests.training.runs import PHASE

SMALL = {
    "strategy": "dual",
    "readout": "mix",
    "continual": True,
    "seeds": 2,
    "learner": {"hidden": [16], "replay_capacity": 128},
    "phase": PHASE.model_dump(),
    "adaptation": {"cycles": 2},
    "walk": {"window": 8, "updates": 3, "periods": 2},
    "drift": {"tolerance": [[2, 0.6]], "load": [[3, 1.2]]},
}

STILL = {"tolerance": [], "load": []}


def small(folder, functions=1, **changes):
    path = folder / f"trace{functions}.csv"
    write_trace(made_trace(functions, period=20), path, force=True)
    return configured(MamoConfig, SMALL, {"instance": {"trace": str(path)}, **changes})


@pytest.fixture(scope="module")
def walked(tmp_path_factory):
    """A run, its configuration and its walk: 40 steps in windows of 8."""
    folder = tmp_path_factory.mktemp("walk")
    config = small(folder)
    outcome = run_mamo(config, Place(folder, "walk"), Machines(1))
    spec = members(config, made_trace(1, period=20))
    return outcome, config, build_domain(spec), build_walk(spec, spec.walk)


def test_references_are_the_bound_of_each_window_and_what_the_rule_brings_there(walked):
    outcome, _, domain, walk = walked
    table = pd.read_csv(outcome.path / "references.csv")
    bounds, rule = (table[table["reference"] == name] for name in ("bound", "erlang"))
    assert bounds["limit"].tolist() == [0.05, 0.05, 0.6, 0.6, 0.6]
    assert bounds["load"].tolist() == [1.0, 1.0, 1.0, 1.2, 1.2]
    assert bounds["steps"].tolist() == rule["steps"].tolist() == [8, 16, 24, 32, 40]
    for window, (_, told) in enumerate(bounds.iterrows()):
        best = bound(walk.at(window))
        assert [told["cost"], told["rejection"]] == pytest.approx(best.objectives[0].tolist(), abs=1e-12)
        assert told["replicas"] == pytest.approx(10 * told["cost"], abs=1e-9)  # a replica of 10 costs 1
    believed = domain.shifted(walk.shift(4)._replace(load=1.0))
    played = walk.at(4).replayed(erlang_inversion(believed, walk.at(4)))[1]
    last = rule.iloc[-1]
    assert last["replicas"] == pytest.approx(played.measures.mean(), rel=1e-12)
    assert last["rejection"] == pytest.approx(played.violations.mean(), rel=1e-12)


def test_the_summary_adds_up_what_was_walked(walked):
    outcome, _, _, walk = walked
    table = pd.read_csv(outcome.path / "continual.csv")
    for row in outcome.summary:
        for player in ("learning", "frozen"):
            own = table[(table["seed"] == row["seed"]) & (table["player"] == player)]
            assert row[f"{player}_cost"] == pytest.approx(own["cost"].mean(), rel=1e-12)  # windows of equal length
            assert row[f"{player}_cost"] == pytest.approx(own["cumulative_cost"].iloc[-1], rel=1e-12)
            assert row[f"{player}_rejection"] == pytest.approx(own["cumulative_rejection"].iloc[-1], rel=1e-12)
            # Changes come with windows 2 and 3, steps 16 and 24: within .6 at once, as is told for each change.
            assert (own["rejection"] <= own["limit"]).tolist()[2:] == [True, True, True]
            assert row[f"{player}_steps_to_recover"] == "8 8"
        assert row["walk_tolerance"] == pytest.approx((2 * 0.05 + 3 * 0.6) / 5, rel=1e-12)
        assert row["walk_bound_cost"] == pytest.approx(walk_bound(walk).cost, rel=1e-12)
        assert row["walk_bound_cost"] < row["learning_cost"] or row["learning_rejection"] > row["walk_tolerance"]


def test_the_bound_of_a_walk_without_windows_to_choose_between_is_that_of_the_evaluation(walked):
    _, config, domain, walk = walked
    spec = members(config.model_copy(update={"drift": type(config.drift)()}), made_trace(1, period=20))
    once = build_walk(spec, WalkConfig(window=3))  # the last of seven is shorter
    assert walk_bound(once).objectives == pytest.approx(bound(domain).objectives, abs=1e-9)
    # Saving rejection in one window for another is cheaper than keeping every window's limit by itself.
    each = [bound(walk.at(window)).cost for window in range(walk.windows)]
    assert walk_bound(walk).cost < np.mean(each)


def test_a_second_start_changes_nothing_and_the_figure_shows_the_tables(walked):
    outcome, config, _, _ = walked
    before = (outcome.path / "continual.csv").read_bytes()
    again = run_mamo(config, Place(outcome.path.parent, "walk"), Machines(1))
    assert (again.path / "continual.csv").read_bytes() == before
    assert {"continual.png", "continual.csv"} <= {file.name for file in draw_run(outcome.path)}
    table, told = walk_table(outcome.path), pd.read_csv(outcome.path / "continual.csv")
    learning = table[(table["player"] == "learning") & (table["quantity"] == "rejection")]
    own = told[told["player"] == "learning"].groupby("steps")["rejection"].mean()  # of two seeds the IQM is the mean
    assert learning["value"].tolist() == pytest.approx(own.tolist(), rel=1e-12)
    limits = table[(table["player"] == "limit") & (table["quantity"] == "cumulative_rejection")]["value"]
    assert limits.tolist() == pytest.approx([0.05, 0.05, 0.7 / 3, 1.3 / 4, 1.9 / 5], rel=1e-12)
    changes = table[table["player"] == "change"]
    assert list(zip(changes["quantity"], changes["steps"], changes["value"], strict=True)) == [
        ("load", 24.0, 1.2),
        ("limit", 16.0, 0.6),
    ]


def test_several_functions_walk_and_are_drawn(tmp_path):
    config = small(tmp_path, functions=2, drift={**STILL, "cap": [[1, 6]]}, walk={"periods": 1})
    outcome = run_mamo(config, Place(tmp_path, "walk"), Machines(1))
    assert pd.read_csv(outcome.path / "continual.csv")["function"].unique().tolist() == ["f0", "f1"]
    assert any(file.name == "continual.svg" for file in draw_run(outcome.path))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"te": "exact"}, "only task agents that learn walk"),
        ({"drift": {"load": [[5, 2.0]]}}, "load changes at 5, and there are windows 0 to 4 alone"),
        ({"drift": {"cap": [[1, 11]]}}, "a cap of 11 is above the 10 replicas"),
        ({"continual": False}, "walk is how --continual walks"),
        ({"domain": "inventory", "instance": {}, "drift": STILL}, "a stock cannot be walked in windows"),
        ({"domain": "junction", "instance": {}, "drift": STILL}, "nothing of a"),
    ],
)
def test_what_cannot_be_walked_is_refused_before_anything_is_written(tmp_path, changes, said):
    with pytest.raises(UsageError, match=said):
        run_mamo(small(tmp_path, **changes), Place(tmp_path / "results"), Machines(1))
    assert not (tmp_path / "results").exists()


def evaluation_of(folder, without=()):
    table = pd.read_csv(folder / "evaluation.csv")
    return table[[name for name in table if name not in without]]


def test_evaluated_again_a_walk_is_what_was_delivered_before_it(walked):
    outcome, _, _, _ = walked
    again = evaluate(outcome.path, configured(EvaluateConfig, {"run": "walk"}), Place(outcome.path.parent, "again"))
    pd.testing.assert_frame_equal(evaluation_of(again.path), evaluation_of(outcome.path), check_exact=True)


def test_evaluated_again_a_run_under_drift_is_judged_under_its_last_conditions(tmp_path):
    drift = {"load": [[1, 1.5]], "tolerance": [[1, 0.9]]}
    config = small(tmp_path, continual=False, walk=WalkConfig().model_dump(), drift=drift)
    outcome = run_mamo(config, Place(tmp_path, "drift"), Machines(1))
    table, rates = evaluation_of(outcome.path), made_trace(1, period=20).expected_rate_rps[:, 0]
    assert table["expected_rate"].tolist()[:20] == pytest.approx((1.5 * rates).tolist(), rel=1e-12)
    assert [row["tolerance"] for row in outcome.summary] == [0.9, 0.9]
    again = evaluate(outcome.path, configured(EvaluateConfig, {"run": "drift"}), Place(tmp_path, "again"))
    pd.testing.assert_frame_equal(evaluation_of(again.path), table, check_exact=True)
    assert [row["tolerance"] for row in again.summary] == [0.9, 0.9]
    asked = configured(EvaluateConfig, {"run": "drift", "tolerance": 0.3})
    assert evaluate(outcome.path, asked, Place(tmp_path, "asked")).summary[0]["tolerance"] == 0.3
