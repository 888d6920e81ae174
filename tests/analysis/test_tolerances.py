"""Figures mark what each agent is allowed: its own in its own panel, their mean beside means over agents."""

import pandas as pd
import pytest

from mamo_cli.analysis.comparison_tables import difference
from mamo_cli.analysis.frontier_tables import frontier_table
from mamo_cli.analysis.mamo_tables import mamo_table
from mamo_cli.analysis.offline_tables import offline_noise_table, offline_table
from mamo_cli.analysis.sweep_tables import leaderboard_table, profile_table
from mamo_cli.analysis.tolerances import read_tolerances
from mamo_cli.domains.faas.settings import WORDS
from mamo_cli.plots.frontier import draw_frontier
from mamo_cli.plots.offline import draw_offline
from mamo_cli.plots.style import MARK
from mamo_cli.plots.sweep import draw_leaderboard
from tests.analysis.synthetic_runs import write_mamo, write_offline, write_table
from tests.analysis.synthetic_sweeps import write_sweep


def with_limits(folder, limits, seeds=(0,), holds=1):
    """A run whose functions have tolerances of their own."""
    summary = pd.read_csv(folder / "summary.csv").assign(tolerance=None)
    summary.to_csv(folder / "summary.csv", index=False)
    rows = [
        {"seed": seed, "function": name, "tolerance": limit, "holds": holds if name == "ocr" else 1}
        for seed in seeds
        for name, limit in limits.items()
    ]
    write_table(folder / "agents.csv", rows)
    return folder


LIMITS = {"resize": 0.06, "ocr": 0.02}


def dashed(axes):
    return [line.get_ydata()[0] for line in axes.lines if line.get_linestyle() == "--" and line.get_color() == MARK]


def test_each_panel_has_its_own_tolerance(tmp_path):
    run = with_limits(write_offline(tmp_path / "run", list(LIMITS)), LIMITS)
    table = offline_table(run)
    assert dict(table.groupby("agent")["tolerance"].first()) == LIMITS
    figure = draw_offline(table, WORDS)
    assert [dashed(axes) for axes in figure.axes[1::2]] == [[0.02], [0.06]]  # ocr comes first
    assert figure.legends[0].get_texts()[-1].get_text() == "tolerance ε, from 0.02 to 0.06"
    noise = offline_noise_table(run)
    above = noise[noise["above_tolerance"] == 1].groupby("agent")["rejection"].min()
    assert 0.02 < above["ocr"] < 0.06 < above["resize"]


def test_means_over_agents_stand_beside_the_mean_tolerance(tmp_path):
    run = with_limits(write_mamo(tmp_path / "run", seeds=3, cycles=2, rows_each=1), LIMITS, seeds=range(3))
    table = frontier_table({"": run})
    assert table["tolerance"].to_numpy() == pytest.approx(0.04)
    assert draw_frontier(table, WORDS).legends[0].get_texts()[-1].get_text() == (
        "mean tolerance ε = 0.04, of 0.02 to 0.06"
    )


def test_a_seed_holds_where_every_agent_does(tmp_path):
    run = write_mamo(tmp_path / "run", seeds=3, cycles=2, rows_each=1)
    held = mamo_table(with_limits(run, LIMITS, range(3)))["seeds_holding"].iloc[0]
    lost = mamo_table(with_limits(run, LIMITS, range(3), holds=0))["seeds_holding"].iloc[0]
    assert (held, lost) == (3, 0)


def test_other_tolerances_are_another_instance(tmp_path):
    one, two = (write_offline(tmp_path / name, list(LIMITS)) for name in ("one", "two"))
    with_limits(one, LIMITS)
    assert difference(one, two) == "tolerance 0.06; 0.02, not 0.05"
    with_limits(two, LIMITS)
    assert read_tolerances(one) == read_tolerances(two)
    assert difference(one, two) == ""


def test_scenarios_whose_agents_have_their_own_are_drawn_beside_others(tmp_path):
    folder = write_sweep(tmp_path / "sweep", scenarios=2, strategies=2, agents=2)
    for name in ("scenarios", "leaderboard"):
        table = pd.read_csv(folder / f"{name}.csv")
        table.loc[table["scenario"] == "scenario-1", "tolerance"] = None
        table.to_csv(folder / f"{name}.csv", index=False)
    limits = {
        ("scenario-0", "f0"): 0.05,
        ("scenario-0", "f1"): 0.05,
        ("scenario-1", "f0"): 0.02,
        ("scenario-1", "f1"): 0.1,
    }
    write_table(
        folder / "agents.csv",
        [{"scenario": scenario, "agent": agent, "tolerance": limit} for (scenario, agent), limit in limits.items()],
    )
    board = leaderboard_table(folder)
    assert dict(board.groupby("scenario")["tolerance"].first()) == {
        "scenario-0": 0.05,
        "scenario-1": pytest.approx(0.06),
    }
    assert "tolerance, mean over agents" in [
        text.get_text() for text in draw_leaderboard(board, WORDS).legends[0].get_texts()
    ]
    for (scenario, agent), limit in limits.items():
        assert set(profile_table(folder, scenario, agent)["tolerance"]) == {limit}
