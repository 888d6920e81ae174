"""What the decomposition's figure shows: of each run the terms of its middle seeds, and what they come to."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mamo_cli.analysis.decomposition import FIRST, TERMS
from mamo_cli.analysis.frontier_tables import RUN
from mamo_cli.analysis.run_tables import read_run_table, read_words
from mamo_cli.analysis.statistics import bootstrap_interval, interquartile_mean
from mamo_cli.analysis.tolerances import read_tolerances
from mamo_cli.core.seeding import stream
from mamo_cli.core.settings import read_toml
from mamo_cli.runs.folder import CONFIG

DECOMPOSITION = "decomposition.csv"

TOTAL = "total"
"""Value of the column `stage` beside `TERMS`: all of them, the cost over the clairvoyant bound."""


def decomposition_table(runs: Mapping[str, Path]) -> pd.DataFrame:
    """Terms in percent of the clairvoyant bound, by run: means over the half of the seeds whose cost is in the middle.

    So they add up to the interquartile mean of the cost over the bound.

    Returns:
        Columns run, strategy and readout, stage (of `TERMS`, or `TOTAL`), percent, low and high (of the total: 95 %
        bootstrap interval), violation (interquartile mean after the stage), bought (how many seeds' term lowers cost
        by violating more than they may), seeds, seeds_holding (at the end), seeds_total, tolerance. Of a stage that is
        missing, percent and violation are NaN.

    Raises:
        DataError: a table cannot be read.
    """
    return pd.DataFrame([row for name, folder in runs.items() for row in _rows(name, folder)])


def has_decomposition(folder: Path) -> bool:
    """Whether a run's cost over the bound was taken apart: something exact is known, and the run is no older."""
    return (folder / DECOMPOSITION).exists()


def _rows(name: str, folder: Path) -> list[dict[str, Any]]:
    violation = f"mean_{read_words(folder).violations[0].name}"
    table = read_run_table(folder, DECOMPOSITION, ["seed", "stage", "term", violation, "holds", "bought"])
    by = {column: table.pivot(index="seed", columns="stage", values=column) for column in ("term", violation)}
    over = 100.0 * by["term"].drop(columns=FIRST)
    totals = over.sum(axis=1).to_numpy()
    cut = len(totals) // 4
    middle = over.iloc[np.argsort(totals, kind="stable")[cut : len(totals) - cut]].mean()
    low, high = bootstrap_interval(totals, interquartile_mean, rng=stream(0, "bootstrap"))
    last = table[table["stage"] == TERMS[-1]]
    about = {
        **_strategy(folder),
        "seeds": len(totals),
        "seeds_holding": int(last["holds"].sum()),
        "seeds_total": read_run_table(folder, "summary.csv", ["seed"])["seed"].nunique(),
        **read_tolerances(folder).beside_means(),
    }
    bought = table.groupby("stage")["bought"].sum()
    rows = [
        {"stage": term, "percent": middle[term], "low": np.nan, "high": np.nan, "bought": int(bought[term]),
         "violation": np.nan if by[violation][term].isna().all() else float(interquartile_mean(by[violation][term]))}
        for term in TERMS
    ]  # fmt: skip
    rows.append({"stage": TOTAL, "percent": middle.sum(), "low": float(low), "high": float(high),
                 "bought": int(bought.sum()), "violation": rows[-1]["violation"]})  # fmt: skip
    return [{RUN: name, **row, **about} for row in rows]


def _strategy(folder: Path) -> dict[str, str]:
    """Who picked the weights of a run, and what was delivered."""
    config = read_toml(folder / CONFIG)
    return {"strategy": str(config["strategy"]), "readout": str(config["readout"])}
