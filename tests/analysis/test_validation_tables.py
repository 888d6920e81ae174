"""What the figure of a validation shows, from a run's tables alone."""

import numpy as np
import pandas as pd
import pytest

from mamo_cli.analysis.selection import AGENTS_TOTAL
from mamo_cli.analysis.validation_tables import validation_table
from mamo_cli.domains.faas.settings import WORDS
from mamo_cli.plots.draw import draw_run
from mamo_cli.plots.style import house_style
from mamo_cli.plots.validation import draw_validation
from tests.analysis.synthetic_runs import start


def written(folder, functions=("f0",), replicas=10, wrong=(5, 0.4)):
    """Two models; the second is off by `wrong[1]` at so many replicas, and speaks only of rates up to 20."""
    start(folder, "validate-model")
    rows = [
        {
            **{"function": function, "model": model, "arrival_rate_rps": rate, "replicas": n},
            "rejection_model": 0.5 - (wrong[1] if (model, n) == ("serverless", wrong[0]) else 0.0),
            **{"rejection_simulated": 0.5, "standard_error": 0.01},
            "supported": int(model == "erlang" or rate <= 20),
            "unsafe": int((model, n) == ("serverless", wrong[0])),
        }
        for function in functions
        for model in ("erlang", "serverless")
        for rate in (10.0, 20.0, 30.0)
        for n in range(1, replicas + 1)
    ]
    pd.DataFrame(rows).to_csv(folder / "validation.csv", index=False)
    each = [{"function": one, "model": "erlang", "tolerance": 0.05 * (at + 1)} for at, one in enumerate(functions)]
    pd.DataFrame(each).to_csv(folder / "summary.csv", index=False)
    return folder


def test_few_replicas_are_shown_the_worst_among_them(tmp_path):
    table = validation_table(written(tmp_path / "run"))
    assert sorted(table["replicas"].unique()) == [1, 5, 7, 10]
    assert sorted(validation_table(written(tmp_path / "few", replicas=2))["replicas"].unique()) == [1, 2]
    assert table["low"].unique() == pytest.approx([0.47])
    assert table["high"].unique() == pytest.approx([0.53])
    unknown = table[(table["model"] == "serverless") & (table["arrival_rate_rps"] == 30)]
    assert np.isnan(unknown["rejection_model"]).all()


def test_of_many_functions_those_are_shown_where_models_err_most(tmp_path):
    table = validation_table(written(tmp_path / "run", tuple("abcdef"), replicas=1))
    assert table["agent"].nunique() == 4
    assert table[AGENTS_TOTAL].unique() == [6]
    assert table.groupby("agent")["tolerance"].first().tolist() == pytest.approx([0.05, 0.1, 0.15, 0.2])


def test_a_panel_holds_the_lines_the_points_and_the_rings(tmp_path):
    table = validation_table(written(tmp_path / "run"))
    with house_style():
        figure = draw_validation(table, WORDS)
    panel = figure.axes[1]
    assert panel.get_title("left") == "n = 5"
    models = {line.get_color(): line.get_ydata().tolist() for line in panel.get_lines()[:2]}
    assert [values[:2] for values in models.values()] == [[0.5, 0.5], pytest.approx([0.1, 0.1])]
    rings = [line for line in panel.get_lines() if line.get_markerfacecolor() == "none"]
    assert [list(ring.get_xdata()) for ring in rings] == [[10.0, 20.0, 30.0]]
    assert [len(figure.axes[0].get_lines()), figure.axes[0].get_title("left")] == [len(panel.get_lines()), "n = 1"]


def test_a_row_of_panels_for_each_function(tmp_path):
    run = written(tmp_path / "run", ("a", "b"))
    with house_style():
        figure = draw_validation(validation_table(run), WORDS)
    assert [panel.get_title("left") for panel in figure.axes] == [f"n = {n}" for n in (1, 1, 5, 5, 7, 7, 10, 10)]
    assert [file.name for file in draw_run(run)] == [f"validation.{kind}" for kind in ("csv", "png", "svg", "pdf")]
