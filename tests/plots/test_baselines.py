"""The figure of today's rules: what is in its table, and where its marks are."""

import pandas as pd
import pytest
from matplotlib.text import Text

from mamo_cli.analysis.baselines_tables import baselines_table
from mamo_cli.domains.faas.settings import WORDS
from mamo_cli.plots.baselines import draw_baselines
from mamo_cli.plots.draw import draw_run, draw_runs
from tests.analysis.synthetic_runs import INSTANCE, start, write_mamo, write_table, write_train

PLAYS = [("static", "default", 0.8, 0.03), ("static", "tuned", 0.8, 0.03), ("hpa", "default", 0.3, 0.4)]
PLAYS += [("hpa", "tuned", 0.7, 0.04), ("kpa", "default", 0.31, 0.4), ("kpa", "tuned", 0.7, 0.04)]


def write_baselines(folder, seeds=1):
    """Rules near the reference instance; every further seed costs .01 more and rejects .001 less."""
    start(folder, "baselines")
    rows = [
        {"rule": rule, "knobs": knobs, "seed": seed, "setting": "x=1", **INSTANCE,
         "mean_replicas": 10 * (cost + 0.01 * seed), "mean_cost": cost + 0.01 * seed,
         "mean_rejection": rejection - 0.001 * seed, "holds": 1}
        for rule, knobs, cost, rejection in PLAYS for seed in range(seeds)
    ]  # fmt: skip
    write_table(folder / "summary.csv", rows)
    return folder


def test_a_rule_of_one_play_is_where_it_is_and_of_several_at_their_mean(tmp_path):
    one = baselines_table({"": write_baselines(tmp_path / "one")})
    assert set(one["kind"]) == {"alpha", "rule"}  # scopes are left out, and this run has no bounds
    rules = one[one["kind"] == "rule"]
    assert rules[["rule", "knobs", "mean_cost", "mean_rejection"]].values.tolist() == [list(play) for play in PLAYS]
    many = baselines_table({"": write_baselines(tmp_path / "many", seeds=5)})
    hpa = many[(many["rule"] == "hpa") & (many["knobs"] == "tuned")].iloc[0]
    assert hpa["plays"] == 5
    assert hpa["mean_cost"] == pytest.approx(0.72)
    assert hpa["mean_rejection"] == pytest.approx(0.038)
    assert 0.70 < hpa["mean_cost_low"] < 0.72 < hpa["mean_cost_high"] < 0.74


def test_without_a_run_of_rules_there_is_no_such_figure(tmp_path):
    runs = {name: write_train(tmp_path / name, [0.8], seeds=2) for name in ("one", "other")}
    assert baselines_table(runs).empty
    assert not [path for path in draw_runs(list(runs.values())) if "baselines" in path.name]


def test_marks_are_hollow_at_defaults_and_filled_where_tuned(tmp_path):
    table = baselines_table({"": write_baselines(tmp_path / "run")})
    figure = draw_baselines(table, WORDS)
    left, right = figure.axes
    for axes, hollow in ((left, 3), (right, 0)):
        marks = [line for line in axes.get_lines() if line.get_marker() in "sPd" and line.get_linestyle() == "None"]
        assert sum(mark.get_markerfacecolor() == "white" for mark in marks) == hollow
        filled = [mark.get_xydata()[0].tolist() for mark in marks if mark.get_markerfacecolor() != "white"]
        assert filled == [[0.03, 0.8], [0.04, 0.7], [0.04, 0.7]]
    assert right.get_xlim()[0] < 0.03
    assert right.get_xlim()[1] > 0.05


def test_every_rule_is_named_in_both_panels_and_no_two_names_cover_each_other(tmp_path):
    figure = draw_baselines(baselines_table({"": write_baselines(tmp_path / "run")}), WORDS)
    figure.draw_without_rendering()
    for axes in figure.axes:
        names = [text for text in axes.texts if text.get_text() in ("static", "hpa", "kpa")]
        assert len(names) == 3
        boxes = [Text.get_window_extent(name) for name in names]  # without the lines to their marks
        assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


def test_rules_are_drawn_alone_and_with_agents_beside_the_run_that_learned_most(tmp_path):
    rules, agents = write_baselines(tmp_path / "rules", seeds=3), write_mamo(tmp_path / "mamo", seeds=3, cycles=4)
    assert {path.name for path in draw_run(rules)} == {f"baselines.{kind}" for kind in ("csv", "png", "svg", "pdf")}
    drawn = draw_runs([rules, agents])
    assert agents / "figures" / "baselines_compared.png" in drawn
    beside = pd.read_csv(agents / "figures" / "baselines_compared.csv")
    assert beside["kind"].value_counts().to_dict() == {"alpha": 11, "rule": 6, "mamo": 3}
    first = [path.read_bytes() for path in drawn]
    assert [path.read_bytes() for path in draw_runs([rules, agents])] == first
