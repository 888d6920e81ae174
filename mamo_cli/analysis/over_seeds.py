"""From one value a seed to what is plotted: every seed of a few, their centre, its interval, and their number."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from mamo_cli.analysis.statistics import FEW_SEEDS, FloatArray, Statistic, bootstrap_interval, interquartile_mean
from mamo_cli.core.errors import DataError
from mamo_cli.core.seeding import stream

SEED, CENTRE = "seed", "centre"
"""The two values of the column `series`: one seed's own line, and the statistic over all of them."""


def over_seeds(
    table: pd.DataFrame,
    point: str,
    quantities: Sequence[str],
    statistic: Statistic = interquartile_mean,
    each: bool = True,
) -> pd.DataFrame:
    """Each seed's values and their statistic at every point, in long form, with 95 % bootstrap intervals.

    A seed that diverged is dropped from all quantities. With no seed left the centre is NaN. Of more seeds than
    `FEW_SEEDS` there are only centres: as lines they would hide them.

    Args:
        table: One row a seed and point, with columns `seed`, `point` and the quantities.
        point: What the values stand over: a column such as hours or cycle.
        quantities: The columns to summarise.
        statistic: The centre over seeds.
        each: Whether the seeds themselves are wanted, if they are few.

    Returns:
        Columns: the point, quantity, series (`seed` or `centre`), seed, value, low, high, seeds (those kept) and
        seeds_total (those in the table).

    Raises:
        DataError: A seed has two values at one point.
    """
    if table.duplicated(["seed", point]).any():
        seed, where = table.loc[table.duplicated(["seed", point]), ["seed", point]].iloc[0]
        raise DataError(f"seed {seed:g} has two rows at {point} {where:g}: the run's table is broken")
    healthy = healthy_seeds(table, point, quantities)
    kept = table[table["seed"].isin(healthy)]
    points = np.unique(table[point].to_numpy(dtype=np.float64))
    parts = []
    for quantity in quantities:
        values = kept.pivot(index="seed", columns=point, values=quantity)
        lines = [_each_seed(values, point)] if each and len(healthy) <= FEW_SEEDS else []
        for part in (*lines, _centre(values, points, point, statistic)):
            part.insert(1, "quantity", quantity)
            parts.append(part)
    counts = {"seeds": len(healthy), "seeds_total": table["seed"].nunique()}
    return pd.concat(parts, ignore_index=True).assign(**counts)


def by_group(
    table: pd.DataFrame,
    groups: Sequence[str],
    point: str,
    quantities: Sequence[str],
    statistic: Statistic = interquartile_mean,
    each: bool = True,
) -> pd.DataFrame:
    """What `over_seeds` says of each group by itself, the group's names in the first columns."""
    parts = []
    for _, rows in table.groupby(list(groups)):
        part = over_seeds(rows, point, quantities, statistic, each)
        for position, group in enumerate(groups):
            part.insert(position, group, rows[group].iloc[0])
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def healthy_seeds(table: pd.DataFrame, point: str, quantities: Sequence[str]) -> list[int]:
    """The seeds with a finite value of every quantity at every point; the others diverged."""
    finite = table[np.isfinite(table[list(quantities)].to_numpy(dtype=np.float64)).all(axis=1)]
    points = finite.groupby("seed")[point].nunique()
    return [int(seed) for seed in points.index[points == table[point].nunique()]]


def _each_seed(values: pd.DataFrame, point: str) -> pd.DataFrame:
    seeds, points = values.shape
    return pd.DataFrame(
        {
            point: np.tile(values.columns.to_numpy(dtype=np.float64), seeds),
            "series": SEED,
            "seed": pd.array(np.repeat(values.index.to_numpy(), points), dtype="Int64"),
            "value": values.to_numpy(dtype=np.float64).ravel(),
            "low": np.nan,
            "high": np.nan,
        }
    )


def _centre(values: pd.DataFrame, points: FloatArray, point: str, statistic: Statistic) -> pd.DataFrame:
    centre = low = high = np.full(len(points), np.nan)
    if len(values):
        array = values.to_numpy(dtype=np.float64)
        centre = statistic(array)
        low, high = bootstrap_interval(array, statistic, rng=stream(0, "bootstrap"))
    seed = pd.array([pd.NA] * len(points), dtype="Int64")
    return pd.DataFrame({point: points, "series": CENTRE, "seed": seed, "value": centre, "low": low, "high": high})
