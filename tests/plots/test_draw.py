import os

import matplotlib
import pandas as pd
import pytest

from mamo_cli.analysis.agent_tables import te_agents_table
from mamo_cli.analysis.frontier_tables import frontier_table
from mamo_cli.analysis.mamo_tables import mamo_table
from mamo_cli.analysis.offline_tables import offline_noise_table, offline_table
from mamo_cli.core.errors import DataError, StorageError
from mamo_cli.domains.faas.settings import WORDS
from mamo_cli.plots.agents import draw_te_agents
from mamo_cli.plots.draw import draw_run, draw_runs
from mamo_cli.plots.frontier import draw_frontier
from mamo_cli.plots.mamo import draw_mamo
from mamo_cli.plots.offline import draw_offline, draw_offline_noise
from mamo_cli.plots.style import DOUBLE_COLUMN
from tests.analysis.synthetic_runs import write_decomposition, write_mamo, write_offline, write_train

SUFFIXES = ("csv", "png", "svg", "pdf")
KINDS = {
    "solve-offline": (write_offline, {"offline", "offline_noise", "frontier"}),
    "train": (lambda folder: write_train(folder, seeds=3), {"te_agents", "learning_curves", "regret", "frontier"}),
    "run-mamo": (lambda folder: write_mamo(folder, seeds=3, cycles=4), {"mamo", "frontier"}),
    "evaluate": (lambda folder: write_train(folder, [0.8], seeds=2, command="evaluate"), {"te_agents"}),
}


@pytest.mark.parametrize("command", KINDS)
def test_every_figure_of_a_kind_is_drawn_and_drawn_again_alike(tmp_path, command):
    write, figures = KINDS[command]
    run = write(tmp_path / "run")
    files = draw_run(run)
    assert {file.name for file in files} == {
        f"{name}.{kind}" for name in figures for kind in ("csv", "png", "svg", "pdf")
    }
    assert sorted(files) == sorted((run / "figures").iterdir())
    first = [file.read_bytes() for file in files]
    again = draw_run(run, tmp_path / "elsewhere")
    assert [file.read_bytes() for file in again] == first
    assert not any(b"matplotlib" in content.lower() for content in first if not content.startswith(b"<?xml"))


def test_the_users_own_settings_change_nothing(tmp_path, monkeypatch):
    run = write_train(tmp_path / "run", [0.8], seeds=2, command="evaluate")
    before = [file.read_bytes() for file in draw_run(run)]
    monkeypatch.setitem(matplotlib.rcParams, "lines.linewidth", 9.0)
    monkeypatch.setitem(matplotlib.rcParams, "svg.hashsalt", "other")
    assert [file.read_bytes() for file in draw_run(run)] == before
    assert matplotlib.rcParams["lines.linewidth"] == 9.0


def test_the_numbers_beside_a_figure_are_exactly_the_plotted_ones(tmp_path):
    run = write_train(tmp_path / "run", [0.8], seeds=3, command="evaluate")
    draw_run(run)
    beside = pd.read_csv(run / "figures" / "te_agents.csv", dtype=str)
    plotted = te_agents_table(run)
    assert list(beside.columns) == [{"agent": "function"}.get(name, name) for name in plotted.columns]
    pd.testing.assert_series_equal(beside["value"].astype(float), plotted["value"], check_exact=True)


def test_many_functions_and_alphas_are_wrapped_and_nothing_is_cut_off(tmp_path):
    offline = draw_offline(offline_table(write_offline(tmp_path / "offline", [f"f{n}" for n in range(5)])), WORDS)
    assert offline.get_size_inches()[0] == DOUBLE_COLUMN
    run = write_train(tmp_path / "train", [0.1, 0.2, 0.3, 0.4, 0.9], seeds=1, diverged=[(0, 0.3)])
    agents = draw_te_agents(te_agents_table(run), WORDS)
    assert len(agents.axes) == 10
    assert all(axes.get_ylim() == (0.0, agents.axes[8].get_ylim()[1]) for axes in agents.axes[::2])
    assert agents.axes[8].get_ylim()[1] >= 10.0  # alpha = 0.9 is drawn last and needs the most replicas


def test_one_seed_and_one_cycle_can_be_drawn(tmp_path):
    mamo = draw_mamo(mamo_table(write_mamo(tmp_path / "mamo", seeds=1, cycles=1, rows_each=1)), WORDS)
    assert "n = 1 seeds" in mamo.get_suptitle()


def test_dropped_seeds_are_stated_in_the_figure(tmp_path):
    mamo = draw_mamo(mamo_table(write_mamo(tmp_path / "mamo", seeds=4, cycles=2, rows_each=4, diverged=[2])), WORDS)
    assert "n = 3 of 4 seeds" in mamo.get_suptitle()
    train = write_train(tmp_path / "train", seeds=4, diverged=[(1, 0.9)])
    titles = [
        axes.get_title(loc) for axes in draw_te_agents(te_agents_table(train), WORDS).axes for loc in ("left", "center")
    ]
    assert {"α = 0.1, n = 4 seeds", "α = 0.9, n = 3 of 4 seeds"} <= set(titles)


def test_a_figure_speaks_the_domains_words(tmp_path):
    words = WORDS._replace(
        violations=(WORDS.violations[0]._replace(label="Requests\nturned away"),), control="Load", cost="Money"
    )
    run = write_train(tmp_path / "train", seeds=2)
    frontier = draw_frontier(frontier_table({"": run}), words)
    assert frontier.get_suptitle() == "Cost against rejection, one mark a seed"
    assert [axes.get_ylabel() for axes in frontier.axes] == ["Money"]
    assert draw_te_agents(te_agents_table(run), words).axes[1].get_ylabel() == "Requests\nturned away"
    plan = draw_offline_noise(offline_noise_table(write_offline(tmp_path / "offline")), words)
    assert [axes.get_ylabel() for axes in plan.axes] == ["Load", "Requests\nturned away"]


def test_several_runs_meet_in_one_frontier_beside_the_run_that_learned_most(tmp_path):
    mamo, train = write_mamo(tmp_path / "mamo", seeds=2, cycles=2), write_train(tmp_path / "train", seeds=2)
    files = draw_runs([mamo, train])
    assert [file.parent.parent.name for file in files if file.stem == "frontier_compared"] == ["mamo"] * 4
    common = pd.read_csv(tmp_path / "mamo" / "figures" / "frontier_compared.csv")
    assert dict(common["kind"].value_counts()) == {"alpha": 11, "te_agent": 4, "mamo": 2, "step": 1, "average": 1}
    assert list(common.groupby("run")["kind"].first()) == ["mamo", "te_agent"]


def test_costs_are_taken_apart_of_the_runs_that_say_so_and_of_several_in_one_figure(tmp_path):
    runs = [write_mamo(tmp_path / f"m{number}", seeds=2, cycles=2, rows_each=1) for number in range(3)]
    for run in runs[:2]:
        write_decomposition(run, [[0.1, 0.0, 0.1, 0.0, 0.0, 0.1, 0.0]] * 2, [0.04, 0.05])
    drawn = {(path.parent.parent.name, path.stem) for path in draw_runs(runs) if "decomposition" in path.stem}
    assert drawn == {("m0", "decomposition"), ("m1", "decomposition"), ("m0", "decomposition_compared")}
    table = pd.read_csv(runs[0] / "figures" / "decomposition_compared.csv")
    assert set(table["run"]) == {"m0", "m1"}


def test_whatever_the_order_runs_that_can_be_compared_are_and_named(tmp_path):
    for name in ("d0", "d95", "t10"):
        write_train(tmp_path / name, [0.1, 0.9], seeds=2)
    summary = tmp_path / "t10" / "summary.csv"
    summary.write_text(summary.read_text().replace(",0.05,300.0", ",0.1,300.0"))
    compared = ("frontier_compared", "learning_curves_compared", "regret_compared")
    for order in (("d0", "d95", "t10"), ("t10", "d95", "d0")):
        out = tmp_path / "out" / order[0]
        files = draw_runs([tmp_path / name for name in order], out)
        host = next(name for name in order if name != "t10")
        assert {path.stem for path in files if path.stem.endswith("_compared")} == set(compared)
        for name in compared:
            assert set(pd.read_csv(out / host / f"{name}.csv")["run"].dropna()) == {"d0", "d95"}
        for kind in ("learning_curves", "regret", "frontier"):
            assert "d95" in (out / host / f"{kind}_compared.svg").read_text()


def test_an_alpha_that_one_run_alone_has_is_left_out_and_named(tmp_path, caplog):
    runs = [write_train(tmp_path / "one", [0.1, 0.5], seeds=1), write_train(tmp_path / "two", [0.1], seeds=1)]
    draw_runs(runs)
    assert caplog.messages == ["alpha 0.5: left out of learning_curves_compared, only one has it"]


def test_figures_go_where_they_are_wanted_and_runs_of_one_name_stay_apart(tmp_path):
    first, second = (write_mamo(tmp_path / name / "run", seeds=1, cycles=1, rows_each=1) for name in ("one", "two"))
    before = {run: sorted(run.iterdir()) for run in (first, second)}
    alone = draw_runs([first], tmp_path / "alone")
    assert {file.parent for file in alone} == {tmp_path / "alone"}
    files = draw_runs([first, second, first], tmp_path / "both")
    assert len(set(files)) == len(files) == 2 * 8 + 2 * 4
    assert {str(file.parent.relative_to(tmp_path / "both")) for file in files} == {"one/run", "two/run"}
    assert {run: sorted(run.iterdir()) for run in (first, second)} == before
    assert all((tmp_path / "both" / "one" / "run" / file.name).read_bytes() == file.read_bytes() for file in alone)


def test_a_run_of_another_instance_is_left_out_and_named(tmp_path, caplog):
    one, other = (write_mamo(tmp_path / name, seeds=2, cycles=2) for name in ("one", "other"))
    summary = other / "summary.csv"
    summary.write_text(summary.read_text().replace(",0.05,", ",0.06,"))
    assert not any(file.stem == "frontier_compared" for file in draw_runs([one, other]))
    assert "other: not compared with one: tolerance 0.06, not 0.05" in caplog.text


def test_a_missing_column_is_one_line_and_a_missing_run_another(tmp_path):
    run = write_offline(tmp_path / "run")
    plan = pd.read_csv(run / "plan.csv")
    plan.drop(columns="replicas").to_csv(run / "plan.csv", index=False)
    with pytest.raises(DataError, match=r"^[^\n]*plan\.csv: column replicas is missing[^\n]*$"):
        draw_run(run)
    with pytest.raises(DataError, match="is not a run folder"):
        draw_run(tmp_path)


def test_what_was_there_survives_a_disk_that_refuses(tmp_path, monkeypatch):
    run = write_train(tmp_path / "run", [0.8], seeds=2, command="evaluate")
    before = {file: file.read_bytes() for file in draw_run(run)}

    def refuse(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(StorageError, match="no space left"):
        draw_run(run)
    assert {file: file.read_bytes() for file in sorted((run / "figures").iterdir())} == dict(sorted(before.items()))
