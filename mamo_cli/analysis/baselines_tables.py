"""What the figure of today's rules shows: each at its defaults and tuned, beside the exact curve, bounds and agents."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mamo_cli.analysis.frontier_tables import frontier_table, point_of
from mamo_cli.analysis.run_tables import read_command, read_run_table
from mamo_cli.analysis.statistics import bootstrap_interval, mean
from mamo_cli.core.arrays import FloatArray
from mamo_cli.core.seam import Scope
from mamo_cli.core.seeding import stream

RULED = "baselines"
"""The command whose runs are of rules."""

RULE = "rule"
"""Value of the column `kind`, beside those of `frontier_table`."""


def baselines_table(runs: Mapping[str, Path]) -> pd.DataFrame:
    """The exact curve and both bounds of one instance, the agents of all its runs, and the rules of its first.

    Args:
        runs: runs of one instance by name.

    Returns:
        The columns of `frontier_table` without the offline scopes, and of a rule its name, `rule`, and `knobs`
        (`default` or `tuned`); of several plays the mean, with _low and _high of each number of `point_of` its
        interval, and `plays` how many. Nothing where no run is of rules.

    Raises:
        DataError: a table cannot be read.
    """
    ruled = next((folder for folder in runs.values() if read_command(folder) == RULED), None)
    if ruled is None:
        return pd.DataFrame()
    table = frontier_table(runs)
    table = table[~table["kind"].isin([str(Scope.STEP), str(Scope.AVERAGE)])]
    return pd.concat([table, _rules(ruled)], ignore_index=True).assign(tolerance=table["tolerance"].iloc[0])


def _rules(folder: Path) -> pd.DataFrame:
    point = point_of(folder)
    plays = read_run_table(folder, "summary.csv", ["rule", "knobs", *point])
    return pd.DataFrame([_together(own, point) for _, own in plays.groupby(["rule", "knobs"], sort=False)])


def _together(plays: pd.DataFrame, point: Sequence[str]) -> dict[str, Any]:
    """All plays of a rule under one setting."""
    found: dict[str, Any] = {"kind": RULE, **plays.iloc[0][["rule", "knobs"]], "plays": len(plays)}
    for name in point:
        values = plays[name].to_numpy(dtype=np.float64)
        found[name], low, high = over_plays(values)
        found |= {f"{name}_low": low, f"{name}_high": high} if len(values) > 1 else {}
    return found


def over_plays(values: FloatArray) -> tuple[float, float, float]:
    """The mean over plays, and its 95 % bootstrap interval."""
    low, high = bootstrap_interval(values, mean, rng=stream(0, "bootstrap"))
    return float(mean(values)), float(low), float(high)
