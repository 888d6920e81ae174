"""`mamo compare` as it is typed: stopped and gone on with, of cells that fail, and told in one table."""

import json
import signal
from pathlib import Path

import pandas as pd

from tests.cli.invoke import mamo
from tests.cli.killing import contents
from tests.cli.test_signals import UNTIL_ASKED, stopped
from tests.experiments.mini import write_scenario

MINI = ("compare", "mini.toml", "--strategy", "fixed", "--strategy", "wa-dqn", "--jobs", "1")


def test_it_stops_within_5_seconds_and_the_same_command_goes_on_with_the_cell_that_it_stopped_at(folder):
    write_scenario(Path("mini.toml"))
    code, err = stopped(UNTIL_ASKED, (*MINI, "--name", "x"), signal.SIGTERM)
    assert code == 143
    resume = f"Resume with: mamo {' '.join(MINI)} --name x"
    assert err.splitlines()[-1] == f"mamo: stopped by SIGTERM; results/x keeps what is saved. {resume}"
    begun = json.loads(Path("results/x/run.json").read_text())
    assert begun["status"] == "interrupted"
    assert not Path("results", begun["cells"]["mini wa-dqn"]).exists()
    assert mamo(*MINI, "--name", "x").code == mamo(*MINI, "--name", "x", "--results", "whole").code == 0
    for name in begun["cells"].values():
        assert contents(Path("results", name)) == contents(Path("whole", name))
    ours, theirs = (pd.read_csv(f"{one}/x/members.csv") for one in ("results", "whole"))
    timed = ["seconds_to_feasible", "seconds_to_2_percent"]
    pd.testing.assert_frame_equal(ours.drop(columns=timed), theirs.drop(columns=timed), check_exact=True)


def test_9_some_cells_failed(folder):
    write_scenario(Path("mini.toml"))
    wild = "[phase]\nlearning_rate = [[0.0, 1e38]]\nupdates_per_step = 8\n"
    write_scenario(Path("wild.toml"), ("[phase]\n", wild), ("environments = 4", "environments = 16"), ("224", "896"))
    done = mamo("compare", "wild.toml", "mini.toml", "--strategy", "fixed", "--jobs", "1", "--json", "-q")
    assert done.code == 9
    first, last = done.err.splitlines()
    assert first.startswith("wild fixed failed: results/run-mamo-wild-fixed-")
    assert "every member diverged" in first
    assert last.endswith("1 of 2 cells failed; the same command tries them again")
    assert [row["scenario"] for row in json.loads(done.out)["leaderboard"]] == ["mini"]
    assert mamo("plot", json.loads(done.out)["run"]).code == 0


def test_what_was_typed_wrong_is_one_line_before_anything_is_run(folder):
    write_scenario(Path("mini.toml"))
    for words, said in (
        (("nowhere",), "mamo: no scenario 'nowhere': there are battery, bursty, "),
        (("mini.toml", "--strategy", "guess"), "mamo: --strategy: must be one of wa-dqn, "),
        (("mini.toml", "--seeds", "many"), "mamo: --seeds: must be a valid integer, such as 8, or a range"),
        (("mini.toml", "--readout", "worst"), "mamo: --readout: must be one of last, best, mix, got 'worst'"),
        (("mini.toml", "--te", "nobody"), "mamo: --te: must be one of dqn"),
        (("mini.toml", "--jobs", "0"), "mamo: --jobs must be at least 1, got 0"),
    ):
        done = mamo("compare", *words)
        assert (done.code, done.out, done.err.count("\n")) == (2, "", 1), done.err
        assert done.err.startswith(said), done.err
    assert not Path("results").exists()


def test_a_comparison_is_told_in_a_table_and_its_progress_names_the_cell(folder):
    write_scenario(Path("mini.toml"))
    done = mamo(*MINI, "--seeds", "2")
    lines = [line.split() for line in done.out.splitlines()]
    assert lines[0][:2] == ["scenario", "strategy"]
    assert [line[:2] for line in lines[2:]] == [["mini", "fixed"], ["mini", "wa-dqn"]]
    assert "next: mamo plot compare-mini-" in done.err
    again = mamo(*MINI, "--seeds", "2")
    assert (again.out, "is complete already" in again.err) == (done.out, True)
