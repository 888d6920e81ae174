"""The price of fairness: what the table, the page and the figure say, and whence the exact part of it comes."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.fairness import (
    BUDGET,
    COLUMNS,
    EXACT_POINTS,
    LEARNT_POINTS,
    LOADS_RPS,
    NODES,
    drawn,
    exact_rows,
    instance,
    over_seeds,
    priced,
)
from mamo_cli.domains import registry as domains
from mamo_cli.experiments.configs import MamoConfig, configured

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "results" / "fairness.md").read_text(encoding="utf-8")
BY_POINT = ["who", "fairness", "parameter"]


@pytest.fixture(scope="module")
def table():
    return pd.read_csv(ROOT / "benchmarks" / "fairness.csv")


def one(table, who, fairness, parameter=np.nan):
    at = (table["who"] == who) & (table["fairness"] == fairness)
    return table[at & (table["parameter"].eq(parameter) | (table["parameter"].isna() & np.isnan(parameter)))]


def test_exact_rows_are_what_is_computed_today(table, tmp_path):
    config = configured(MamoConfig, instance(tmp_path / "trace.csv"))
    rows = priced([*exact_rows(domains.build("fleet", config.instance, domains.load_source("fleet", config.instance)))])
    kept = table[table["who"] == "exact"]
    assert len(rows) == len(kept) == len(EXACT_POINTS)
    for column in COLUMNS[4:]:
        np.testing.assert_allclose(rows[column].to_numpy(float), kept[column].to_numpy(), rtol=1e-3)
    assert (kept["cost"] <= BUDGET + 1e-9).all()


def test_every_seed_is_there_and_derived_columns_are_of_the_others(table):
    learnt = table[table["who"] == "learnt"]
    for point in LEARNT_POINTS:
        own = one(learnt, "learnt", point.fairness, np.nan if point.parameter is None else point.parameter)
        assert own["seed"].tolist() == [*range(1000, 1008)]
    rejected = table[list(NODES)].to_numpy()
    np.testing.assert_allclose(table["worst"], rejected.max(1), rtol=1e-12)
    served = 1.0 - rejected
    np.testing.assert_allclose(table["jain"], served.sum(1) ** 2 / (3 * (served**2).sum(1)), rtol=1e-9)
    lost = rejected @ np.array(LOADS_RPS)
    np.testing.assert_allclose(table["price"], lost / lost[0], rtol=1e-9)


def test_the_pages_table_is_that_of_all_rows(table):
    lines = re.findall(r"^\| (exact|learnt) \| (\S+) \| (\S*) \| (.*) \|$", PAGE, re.MULTILINE)
    assert len(lines) == len(EXACT_POINTS) + len(LEARNT_POINTS)
    for who, fairness, parameter, cells in lines:
        own = one(table, who, fairness, float(parameter or "nan"))
        for column, cell in zip(("cost", "price", *NODES, "jain"), cells.split(" | "), strict=True):
            told = [float(number) for number in re.findall(r"[\d.]+", cell)]
            expected = over_seeds(own, column)
            assert told == [round(x, 3) for x in expected][: len(told)], (who, fairness, column)
            assert len(told) == (1 if who == "exact" else 3)


def test_the_pages_sentences_are_of_its_table(table):
    def mean(quantity, *point):
        return float(one(table, *point)[quantity].mean())

    utilitarian, four, least = ("exact", "utilitarian"), ("exact", "alpha-fair", 4.0), ("exact", "max-min")
    said = " ".join(PAGE.split())
    spared = 100 * (1 - mean("worst", *four) / mean("worst", *utilitarian))
    assert f"rejected {spared:.0f} % less than under utilitarian, for {100 * (mean('price', *four) - 1):.1f} %" in said
    dear, cheap = ("exact", "ggf", 0.5), ("exact", "ggf", 0.7)
    more, less = (100 * (mean(q, *a) - mean(q, *b)) for q, a, b in (("price", dear, cheap), ("worst", cheap, dear)))
    assert f"loses another {more:.0f} points and spares them {less:.1f}" in said
    two = table[(table["who"] == "exact") & (table["fairness"] == "ggf")]
    np.testing.assert_allclose(two["middle"], two["slow"], rtol=1e-6)
    learnt = {fairness: ("learnt", fairness) for fairness in ("utilitarian", "max-min")}
    assert f"utilitarian loses {100 * (mean('price', *learnt['utilitarian']) - 1):.1f} % more requests" in said
    beyond = 100 * (mean("worst", *learnt["max-min"]) - mean("worst", *least))
    assert f"worst node is rejected {beyond:.1f} points more, at a Jain's index of" in said
    assert f"Jain's index of {mean('jain', *learnt['max-min']):.3f}" in said
    costs = table[table["who"] == "learnt"].groupby(BY_POINT, dropna=False)["cost"].mean()
    assert abs(costs / BUDGET - 1).max() < 0.002
    assert f"by up to {100 * (table['cost'].max() / BUDGET - 1):.1f} %" in said
    own = ("learnt", "alpha-fair", 4.0)
    more, less = (
        100 * (mean("price", *own) - mean("price", *four)),
        100 * (mean("worst", *four) - mean("worst", *own)),
    )
    assert f"loses {more:.1f} points more than the exact mixture, and the worst node is rejected {less:.1f}" in said


def test_the_figure_is_drawn_twice_the_same(table, tmp_path):
    for name in ("one.png", "two.png"):
        drawn(table, tmp_path / name)
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()
