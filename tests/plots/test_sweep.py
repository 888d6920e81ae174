"""Figures of a comparison: all there, legible with ten strategies and ten scenarios, and true to the tables."""

import json

import numpy as np
import pandas as pd
import pytest

from mamo_cli.analysis.sweep_tables import anytime_table, leaderboard_table, profile_table
from mamo_cli.core.errors import DataError
from mamo_cli.plots.draw import draw_run, draw_runs
from mamo_cli.plots.sweep import draw_anytime, draw_leaderboard, draw_profile
from tests.analysis.synthetic_runs import write_mamo
from tests.analysis.synthetic_sweeps import NAMES, write_sweep
from tests.plots.test_sizes import assert_legible, drawn


def test_every_figure_is_drawn_with_its_numbers_and_drawn_again_alike(tmp_path):
    run = write_sweep(tmp_path / "run", strategies=2, agents=2, cycles=3)
    files = draw_run(run)
    names = ("leaderboard", "anytime_scenario-0", "profile_scenario-0_f0", "profile_scenario-0_f1")
    kinds = ("csv", "png", "svg", "pdf")
    assert [path.name for path in files] == [f"{name}.{kind}" for name in names for kind in kinds]
    first = [path.read_bytes() for path in files]
    assert [path.read_bytes() for path in draw_run(run, tmp_path / "again")] == first


@pytest.mark.parametrize("scenarios", [1, 3, 10])
def test_ten_strategies_stand_apart_in_any_number_of_scenarios(tmp_path, scenarios):
    run = write_sweep(tmp_path / "run", scenarios=scenarios)
    figure = drawn(draw_leaderboard, leaderboard_table(run))
    assert_legible(figure)
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == list(NAMES)
    assert len(figure.axes) == 2 * scenarios


def test_ten_strategies_are_told_apart_on_their_way(tmp_path):
    run = write_sweep(tmp_path / "run", agents=2)
    for draw, table in (
        (draw_anytime, anytime_table(run, "scenario-0")),
        (draw_profile, profile_table(run, "scenario-0", "f1")),
    ):
        assert_legible(drawn(draw, table))
    legend = [text.get_text() for text in drawn(draw_anytime, table_of(run)).legends[0].get_texts()]
    assert legend[:10] == list(NAMES)
    profile = drawn(draw_profile, profile_table(run, "scenario-0", "f1"))
    assert "function f1" in profile.get_suptitle()
    assert [axes.get_title(loc="left") for axes in profile.axes[::2]] == list(NAMES)


def table_of(run):
    return anytime_table(run, "scenario-0")


def test_a_strategy_stands_where_its_row_says(tmp_path):
    run = write_sweep(tmp_path / "run", strategies=3)
    left, right = drawn(draw_leaderboard, leaderboard_table(run)).axes
    marks, violations = (next(line for line in axes.lines if line.get_marker() == "o") for axes in (left, right))
    assert marks.get_xdata() == pytest.approx([0.0, 1.2, 2.4])
    assert list(marks.get_ydata()) == [2, 1, 0]  # the first on top
    assert violations.get_xdata() == pytest.approx([0.05] * 3)
    low, high = np.array(left.collections[0].get_segments())[2, :, 0]
    assert (low, high) == pytest.approx((100 * (1.024 * 0.99 - 1), 100 * (1.024 * 1.02 - 1)))


def test_the_way_over_the_profile_is_of_the_runs_own_cycles(tmp_path):
    run = write_sweep(tmp_path / "run", strategies=2, cycles=4)
    table = profile_table(run, "scenario-0", "f0")
    cost = drawn(draw_profile, table).axes[0]
    exact, *quarters = cost.lines
    assert list(exact.get_ydata()) == pytest.approx([0.1 + 0.9 * alpha**2 for alpha in np.linspace(0, 1, 21)])
    cycles = pd.read_csv(run / "cycles.csv").query("strategy == 'wa-dqn'")
    for cycle, marks in enumerate(quarters):  # four cycles, a quarter each
        # Read twice, and not by the same reader of numbers: some versions of pandas differ in the last bit.
        expected = list(cycles[cycles["cycle"] == cycle]["cost"])
        assert list(marks.get_ydata()) == pytest.approx(expected, rel=1e-12)


def test_of_a_world_that_changes_the_profile_is_of_the_end_and_the_change_is_marked(tmp_path):
    run = write_sweep(tmp_path / "run", strategies=1, cycles=6, changed_at=4)
    assert set(profile_table(run, "scenario-0", "f0")["cycle"].dropna()) == {4, 5}
    figure = drawn(draw_anytime, anytime_table(run, "scenario-0"))
    (change,) = [line for line in figure.axes[0].lines if list(line.get_ydata()) == [0, 1]]
    assert change.get_xdata()[0] == 4000.0  # the end of the fourth cycle, counted from one
    assert "conditions change" in [text.get_text() for text in figure.legends[0].get_texts()]


def test_where_nothing_exact_is_known_what_is_known_is_drawn(tmp_path):
    run = write_sweep(tmp_path / "run", strategies=2, exact=False)
    assert {path.stem for path in draw_run(run)} == {"leaderboard"}
    violation = drawn(draw_leaderboard, leaderboard_table(run)).axes[1]
    assert violation.lines[0].get_xdata() == pytest.approx([0.05, 0.05])


def test_a_comparison_is_drawn_beside_other_runs_and_one_of_which_cells_failed_too(tmp_path):
    sweep, mamo = write_sweep(tmp_path / "sweep", strategies=2), write_mamo(tmp_path / "mamo", seeds=2, cycles=2)
    assert {"leaderboard", "mamo"} <= {path.stem for path in draw_runs([sweep, mamo])}
    about = json.loads((sweep / "run.json").read_text())
    (sweep / "run.json").write_text(json.dumps({**about, "status": "failed", "failed": {"a cell": "why"}}))
    assert len(draw_runs([sweep])) == 12
    (sweep / "run.json").write_text(json.dumps({**about, "status": "failed"}))
    with pytest.raises(DataError, match="the run is failed"):
        draw_runs([sweep])
