"""The decomposition's figure shows numbers that add up to the interquartile mean over seeds."""

import numpy as np
import pytest

from mamo_cli.analysis.decomposition import TERMS
from mamo_cli.analysis.decomposition_tables import TOTAL, decomposition_table, has_decomposition
from mamo_cli.domains.faas.settings import WORDS
from mamo_cli.plots.decomposition import draw_decomposition
from tests.analysis.synthetic_runs import write_decomposition, write_mamo

# Totals .29, .01, .11, .09, .40: of five seeds the first and the last are cut off, and .29, .11 and .09 are left.
SHARES = [
    [0.01, 0.02, 0.05, 0.01, 0.10, 0.10, 0.0],
    [0.01, 0.02, 0.05, 0.01, -0.18, 0.10, 0.0],
    [0.01, 0.02, 0.05, 0.01, 0.02, 0.00, 0.0],
    [0.01, 0.02, 0.05, 0.01, -0.01, 0.01, 0.0],
    [0.01, 0.02, 0.05, 0.01, 0.30, 0.01, 0.0],
]
VIOLATIONS = [0.04, 0.09, 0.05, 0.06, 0.01]


@pytest.fixture
def run(tmp_path):
    folder = write_mamo(tmp_path / "run", seeds=6, cycles=2, rows_each=1)
    assert not has_decomposition(folder)
    return write_decomposition(folder, SHARES, VIOLATIONS)


def test_terms_of_the_middle_seeds_add_up_to_the_interquartile_mean(run):
    assert has_decomposition(run)
    table = decomposition_table({"here": run}).set_index("stage")
    assert list(table.index) == [*TERMS, TOTAL]
    expected = [1.0, 2.0, 5.0, 1.0, 11 / 3, 11 / 3, 0.0]  # of seeds 0, 2 and 3
    np.testing.assert_allclose(table.loc[[*TERMS], "percent"], expected, rtol=1e-12)
    total = table.loc[TOTAL]
    assert total["percent"] == pytest.approx((29 + 11 + 9) / 3, rel=1e-12)
    assert 1.0 <= total["low"] < total["percent"] < total["high"] <= 40.0
    assert table.loc[[*TERMS], "low"].isna().all()


def test_violation_seeds_and_what_was_bought_stand_beside(run):
    table = decomposition_table({"here": run}).set_index("stage")
    assert table.loc["transfer", "violation"] == pytest.approx(0.05, rel=1e-12)
    assert table.loc["te", "violation"] == pytest.approx((0.04 + 0.05 + 0.06) / 3, rel=1e-12)
    assert table["bought"].to_dict() == {**dict.fromkeys(TERMS, 0), "strategy": 2, TOTAL: 2}
    last = table.loc[TOTAL]
    assert (last["seeds"], last["seeds_total"], last["seeds_holding"]) == (5, 6, 3)  # one of six diverged
    assert (last["run"], last["strategy"], last["readout"], last["tolerance"]) == ("here", "bisect", "mix", 0.05)


def test_stages_of_which_nothing_is_known_add_nothing_and_are_drawn_as_nothing(run):
    rows = (run / "decomposition.csv").read_text().splitlines()
    missing = [row.split(",")[1] in ("grid", "determinism") for row in rows]
    kept = [",".join(row.split(",")[:2]) + 5 * "," if gone else row for row, gone in zip(rows, missing, strict=True)]
    (run / "decomposition.csv").write_text("\n".join(kept) + "\n")
    table = decomposition_table({"here": run}).set_index("stage")
    assert table.loc[["grid", "determinism"], ["percent", "violation"]].isna().all().all()
    assert table.loc[TOTAL, "percent"] == pytest.approx((29 + 11 + 9) / 3 - 7.0, rel=1e-12)
    figure = draw_decomposition(decomposition_table({"here": run}), WORDS)
    assert {"grid", "determinism"}.isdisjoint(text.get_text() for text in figure.legends[0].get_texts())
