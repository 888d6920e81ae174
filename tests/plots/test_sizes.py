"""Figures of any size can be read: panels keep their height, labels stay apart, nothing leaves the page."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from mamo_cli.analysis import frontier_tables, over_seeds
from mamo_cli.analysis.agent_tables import learning_curves_table, regret_table, te_agents_table
from mamo_cli.analysis.comparison_tables import learning_compared, mamo_compared, regret_compared
from mamo_cli.analysis.decomposition_tables import decomposition_table
from mamo_cli.analysis.frontier_tables import frontier_table
from mamo_cli.analysis.mamo_tables import mamo_table
from mamo_cli.analysis.offline_tables import offline_noise_table, offline_table
from mamo_cli.domains import registry as domains
from mamo_cli.domains.faas.settings import WORDS
from mamo_cli.plots.agents import draw_learning_curves, draw_te_agents
from mamo_cli.plots.compared import draw_learning_compared, draw_mamo_compared
from mamo_cli.plots.decomposition import draw_decomposition
from mamo_cli.plots.frontier import draw_frontier
from mamo_cli.plots.mamo import draw_mamo
from mamo_cli.plots.offline import draw_offline, draw_offline_noise
from mamo_cli.plots.panels import LONGEST_RUN, mean_label, shortened
from mamo_cli.plots.regret import draw_regret
from mamo_cli.plots.style import MOST_RUNS, house_style, run_looks, violation_scale
from tests.analysis.synthetic_runs import write_decomposition, write_mamo, write_offline, write_train

PAGE = 11.0
"""Inches."""


def drawn(draw, table):
    with house_style():
        figure = draw(table, WORDS)
        figure.draw_without_rendering()
    return figure


def assert_legible(figure):
    """No two labels of an axis overlap, panels are an inch high, titles stay over them, and all is on the page."""
    width, height = figure.get_size_inches()
    assert height <= PAGE
    for axes in figure.axes:
        assert axes.get_window_extent().height / figure.dpi > 0.8, "a panel is squeezed"
        for axis in (axes.xaxis, axes.yaxis):
            labels = [label for label in axis.get_ticklabels() if label.get_visible() and label.get_text()]
            boxes = [label.get_window_extent() for label in labels if on_axis(axes, axis, label)]
            assert not any(one.overlaps(other) for one, other in combinations(boxes, 2)), "labels overlap"
    titles = [title.get_window_extent() for title in figure.findobj(Text) if title.get_text() and in_title(title)]
    assert not any(one.overlaps(other) for one, other in combinations(titles, 2)), "titles overlap"
    legend = figure.legends[0].get_window_extent()
    assert not any(legend.overlaps(axes.get_window_extent()) for axes in figure.axes)
    for box in (*titles, legend):
        assert box.x0 >= -1
        assert box.x1 <= width * figure.dpi + 1
        assert -1 <= box.y0 < box.y1 <= height * figure.dpi + 1


@pytest.mark.parametrize("name", domains.DOMAINS)
def test_every_domains_labels_fit_beside_their_panels(name):
    words = domains.about(name).WORDS
    lines = [line for one in (*words.violations, *words.measures) for line in mean_label(one).split("\n")]
    assert all(len(line) <= 20 for line in lines), lines


@pytest.mark.parametrize(
    ("values", "scale", "low", "high"), [((0.75, 0.97), "linear", 0.72, 1.0), ((0.3, 0.97), "symlog", 0.17, 1.0)]
)
def test_a_violation_that_hardly_changes_has_an_axis_of_its_own(values, scale, low, high):
    with house_style():
        axes = Figure().add_subplot()
        axes.plot([0, 1], values)
        violation_scale(axes, "y", pd.Series([0.85, 0.85]), pd.Series(values))
    assert axes.get_yscale() == scale
    assert axes.get_ylim() == pytest.approx((low, high), abs=0.01)


def test_costs_that_hardly_differ_do_not_begin_at_0(tmp_path):
    table = frontier_table({"": write_train(tmp_path / "one")})
    for name in ("mean_cost", "mean_rejection"):
        span = table[name].max() - table[name].min()
        table[name] = 0.75 + 0.2 * (table[name] - table[name].min()) / span
    table["tolerance"] = 0.85
    axes = drawn(draw_frontier, table).axes[0]
    assert 0.7 < axes.get_ylim()[0] < 0.75
    assert axes.get_ylim()[1] > 0.95
    assert axes.get_xscale() == "linear"


def on_axis(axes, axis, label):
    low, high = sorted(axes.get_xlim() if axis is axes.xaxis else axes.get_ylim())
    place = label.get_position()[0 if axis is axes.xaxis else 1]
    return low <= place <= high


def in_title(text):
    axes = text.axes
    return axes is not None and any(text is each for each in (axes.title, axes._left_title))


@pytest.mark.parametrize("alphas", [1, 6, 12, 30])
def test_any_number_of_alphas(tmp_path, alphas):
    run = write_train(tmp_path / "run", np.linspace(0.03, 0.97, alphas).round(3), seeds=2, diverged=[(1, 0.03)])
    for draw, tabulate in ((draw_learning_curves, learning_curves_table), (draw_regret, regret_table)):
        table = tabulate(run)
        assert_legible(drawn(draw, table))
        assert ("seed" in set(table["series"])) == (alphas <= 12)
    agents = te_agents_table(run)
    figure = drawn(draw_te_agents, agents)
    assert_legible(figure)
    assert len(figure.axes) == 2 * min(alphas, 12)
    assert ("12 of 30 alphas" in figure.get_suptitle()) == (alphas == 30)
    assert agents["alpha"].nunique() == min(alphas, 12)  # the numbers beside the figure are those in it


def test_alphas_too_many_for_a_legend_stand_on_a_scale_at_their_own_value(tmp_path):
    run = write_train(tmp_path / "run", np.linspace(0.0, 0.3, 13).round(3), seeds=2)
    regret = drawn(draw_regret, regret_table(run)).axes[0]
    marks = [line.get_xdata()[0] for line in regret.lines if line.get_marker() == "D"]
    assert marks == pytest.approx(np.linspace(0.0, 0.3, 13))
    curves = drawn(draw_learning_curves, learning_curves_table(run))
    assert curves.axes[-1].get_ylabel() == "α"
    assert [text.get_text() for text in curves.legends[0].get_texts()] == ["tolerance ε = 0.05"]


@pytest.mark.parametrize("functions", [1, 3, 31])
def test_any_number_of_functions(tmp_path, functions):
    names = [f"{'0123456789abcdef' * 4}-{n}" for n in range(functions)] if functions > 1 else [""]
    run = write_offline(tmp_path / "run", names)
    for draw, tabulate in ((draw_offline, offline_table), (draw_offline_noise, offline_noise_table)):
        table = tabulate(run)
        figure = drawn(draw, table)
        assert_legible(figure)
        assert ("12 of 31 functions" in figure.get_suptitle()) == (functions == 31)
        assert table["agent"].nunique() == min(functions, 12)


@pytest.mark.parametrize("seeds", [1, 8, 51])
def test_any_number_of_seeds(tmp_path, monkeypatch, seeds):
    if seeds == 51:  # as if these were more than a figure draws one by one
        seeds = 4
        for module in (over_seeds, frontier_tables):
            monkeypatch.setattr(module, "FEW_SEEDS", 3)
    many = seeds == 4
    train = write_train(tmp_path / "train", [0.2, 0.8], seeds=seeds)
    mamo = write_mamo(tmp_path / "mamo", seeds=seeds, cycles=4, rows_each=3)
    tables = {
        draw_te_agents: te_agents_table(train),
        draw_learning_curves: learning_curves_table(train),
        draw_regret: regret_table(train),
        draw_mamo: mamo_table(mamo),
    }
    for draw, table in tables.items():
        figure = drawn(draw, table)
        assert_legible(figure)
        legend = [text.get_text() for text in figure.legends[0].get_texts()]
        assert ("one seed" in legend) == (not many and draw is not draw_learning_curves)
        assert (table["series"] == "seed").any() == (not many)
    for folder in (train, mamo):
        assert_legible(drawn(draw_frontier, frontier_table({"": folder})))


def test_a_mark_of_many_seeds_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(frontier_tables, "FEW_SEEDS", 3)
    many, few = write_train(tmp_path / "many", [0.8], seeds=4), write_train(tmp_path / "few", [0.8], seeds=2)
    assert "IQM over seeds, 95 % interval" in drawn(draw_frontier, frontier_table({"": many})).get_suptitle()
    both = drawn(draw_frontier, frontier_table({"many": many, "few": few}))
    assert "one mark a seed; of many, their IQM" in both.get_suptitle()
    legend = [text.get_text() for text in both.legends[0].get_texts()]
    assert {"many: TE agents (n = 4)", "few: TE agents (n = 2)"} <= set(legend)


def test_as_many_runs_as_can_be_told_apart_are_compared_and_named(tmp_path):
    looks = run_looks([f"run-{n}" for n in range(MOST_RUNS + 1)])
    assert len(looks) == MOST_RUNS == len(set(looks.values()))
    train = write_train(tmp_path / "train", [0.2, 0.8], seeds=2)
    mamo = write_mamo(tmp_path / "mamo", seeds=2, cycles=2, rows_each=2)
    long = {f"a-long-name-that-somebody-typed-for-a-run-of-many-{n:08x}": train for n in range(MOST_RUNS)}
    figures = [
        drawn(draw_learning_compared, learning_compared(long)),
        drawn(draw_regret, regret_compared(long)),
        drawn(draw_mamo_compared, mamo_compared(dict.fromkeys(long, mamo))),
        drawn(draw_frontier, frontier_table(long)),
    ]
    for figure in figures:
        assert_legible(figure)
        legend = " ".join(text.get_text() for text in figure.legends[0].get_texts())
        assert all(shortened(name, LONGEST_RUN) in legend for name in long)
    marks = [line for line in figures[3].axes[0].lines if line.get_label().startswith("a-long")]
    assert all(line.get_fillstyle() == "full" or line.get_markeredgecolor() == line.get_color() for line in marks)


def test_a_node_that_cannot_hold_the_tolerance_is_said_to_in_words(tmp_path):
    run = write_mamo(tmp_path / "run", seeds=3, cycles=2, rows_each=2)
    for name in ("summary.csv", "frontier.csv"):
        table = pd.read_csv(run / name)
        table["mean_rejection"] = np.maximum(table["mean_rejection"], 0.33)
        if name == "summary.csv":
            table = table.assign(exact_alpha=np.nan, cost_over_bound=0.9)
        table.to_csv(run / name, index=False)
    mamo = drawn(draw_mamo, mamo_table(run))
    assert mamo.get_suptitle().splitlines()[1:] == [
        "no alpha holds the tolerance; least mean rejection 0.33",
        "0 of 3 seeds hold the tolerance at the end",
        "final cost over the clairvoyant bound, IQM: -10.0 % [-10.0, -10.0]",
    ]
    frontier = drawn(draw_frontier, frontier_table({"": run}))
    for figure in (mamo, frontier):
        assert "least mean rejection 0.33" in figure.get_suptitle()
        assert not any("nan" in text.get_text().lower() for text in figure.findobj(Text))


@pytest.mark.parametrize(
    ("found", "lines"),
    [
        ({}, ["Offline optimum, scope step: the exact plan"]),
        ({"gap": 0.5}, ["Offline optimum, scope step: the exact plan"]),  # a solver's, of what it has proven
        (
            {"termination": "time limit", "gap": 0.0123},
            ["Offline plan, scope step: within 1.2 % of the optimum"],
        ),
        (
            {"infeasible_steps": 30},
            ["Offline optimum, scope step: the exact plan", "the tolerance is not met at 30 of 288 steps"],
        ),
        (
            {"infeasible_steps": 288, "scope": "average"},
            ["Offline optimum, scope average: the exact plan", "the tolerance is not met on average"],
        ),
    ],
)
def test_what_there_is_to_doubt_of_a_plan_is_in_its_title(tmp_path, found, lines):
    run = write_offline(tmp_path / "run", ["f0", "f1"])
    pd.read_csv(run / "summary.csv").assign(**found).to_csv(run / "summary.csv", index=False)
    figure = drawn(draw_offline, offline_table(run))
    assert figure.get_suptitle().splitlines() == lines
    assert (figure.legends[0].get_texts()[0].get_text() == "exact plan") == ("termination" not in found)


@pytest.mark.parametrize("count", [1, 3, MOST_RUNS])
def test_what_costs_are_made_of_is_legible_and_negative_terms_lie_left_of_zero(tmp_path, count):
    for number in range(count):
        run = write_mamo(tmp_path / f"a-long-name-of-a-run-{number}", seeds=3, cycles=2, rows_each=2)
        write_decomposition(run, [[0.01, 0.02, 0.1, 0.03, -0.08, 0.05, 0.0]] * 2, [0.06, 0.04])
    runs = {run.name: run for run in sorted(tmp_path.iterdir())}
    figure = drawn(draw_decomposition, decomposition_table(runs))
    assert_legible(figure)
    axes = figure.axes[0]
    assert len(axes.patches) == 7 * count
    left, right = (sum(bar.get_width() for bar in axes.patches[:7] if (bar.get_width() < 0) == sign) for sign in (1, 0))
    assert (left, right) == (pytest.approx(-8.0), pytest.approx(21.0))
    assert [bar.get_hatch() is not None for bar in axes.patches[:7]] == [False] * 4 + [True, False, False]
    beside = figure.axes[0].child_axes[0].get_yticklabels()[0].get_text()
    assert beside == "0.05\n1 of 2 hold,\n1 diverged"
    assert ("bisect\nmix" in axes.get_yticklabels()[0].get_text()) == (count == 1)


def test_how_many_seeds_hold_the_tolerance_is_stated(tmp_path):
    run = write_mamo(tmp_path / "run", seeds=3, cycles=2, rows_each=2)
    summary = pd.read_csv(run / "summary.csv")
    summary["mean_rejection"], summary["cost_over_bound"] = [0.04, 0.05, 0.06], [1.1, 1.2, 0.5]
    summary.to_csv(run / "summary.csv", index=False)
    title = drawn(draw_mamo, mamo_table(run)).get_suptitle()
    assert "2 of 3 seeds hold the tolerance at the end\n" in title
    assert "final cost over the clairvoyant bound, IQM: -6.7 % [-50.0, +20.0]" in title
    summary.assign(cost_over_causal_bound=[1.2, 1.3, 0.6]).to_csv(run / "summary.csv", index=False)
    title = drawn(draw_mamo, mamo_table(run)).get_suptitle()
    assert "final cost over the causal bound, IQM: +3.3 % [-40.0, +30.0]" in title
