"""`mamo plot`: what it says, and where its files go."""

from pathlib import Path

import pytest

from tests.analysis.synthetic_runs import write_mamo
from tests.cli.invoke import mamo


@pytest.fixture
def runs():
    for name in ("one", "two"):
        write_mamo(Path("results") / name, seeds=1, cycles=1, rows_each=1)


@pytest.mark.usefixtures("runs")
def test_figures_are_drawn_elsewhere_where_a_run_may_not_be_written_to():
    Path("results/one/figures").write_text("in the way of a folder")
    before = sorted(Path("results/one").iterdir())
    refused = mamo("plot", "one")
    assert refused.code == 8
    assert refused.err.count("\n") == 1
    assert refused.err.endswith("choose another folder, or draw elsewhere with --out\n")
    for taken in ("results/one/figures", "results/one/figures/within"):
        refused = mamo("plot", "one", "--out", taken)
        assert (refused.code, refused.out) == (8, "")
        assert (
            refused.err
            == f"mamo: cannot write {taken}: a file stands where a folder is needed: choose another folder\n"
        )
    drawn = mamo("plot", "one", "--out", "figures")
    assert drawn.code == 0
    assert sorted(drawn.out.split()) == sorted(map(str, Path("figures").iterdir()))
    assert len(drawn.out.split()) == 8
    assert sorted(Path("results/one").iterdir()) == before


@pytest.mark.usefixtures("runs")
def test_what_is_left_out_of_a_comparison_is_said_on_stderr_and_stdout_holds_files_alone():
    summary = Path("results/two/summary.csv")
    summary.write_text(summary.read_text().replace(",0.05,300.0", ",0.1,300.0"))
    drawn = mamo("plot", "one", "two")
    assert drawn.code == 0
    assert drawn.err.splitlines()[0] == "two: not compared with one: tolerance 0.1, not 0.05"
    assert all(Path(file).is_file() for file in drawn.out.split())
    assert "compared" not in drawn.out
