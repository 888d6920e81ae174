"""What the figure of a walk shows: cost and violation by window, the violation so far, and when conditions changed."""

from pathlib import Path

import numpy as np
import pandas as pd

from mamo_cli.analysis.over_seeds import CENTRE, by_group
from mamo_cli.analysis.run_tables import AGENT, read_run_table, read_words
from mamo_cli.analysis.walk import BOUND
from mamo_cli.core.arrays import FloatArray
from mamo_cli.core.errors import DataError
from mamo_cli.core.seam import Shift

LIMIT, CHANGE = "limit", "change"
"""Who is shown besides those that walk, the rules and the bound: the limit, and changes at the step they came with."""

SHIFTED = (*Shift._fields[:3], LIMIT)
"""What may change."""


def walk_table(folder: Path) -> pd.DataFrame:
    """Cost, violation and mean violation so far at the end of every window.

    Returns:
        Of each `agent` and `player` the columns of `over_seeds` over `steps`, without single seeds; the players are
        those of continual.csv, the references of references.csv, the limit, and changes, whose quantity is what
        changed and whose value is what it became.

    Raises:
        DataError: a table cannot be read, or every seed diverged.
    """
    violation = read_words(folder).violations[0].name
    numbers = ["cost", violation, f"cumulative_{violation}"]
    walked = read_run_table(folder, "continual.csv", ["seed", AGENT, "player", "steps", *numbers])
    table = by_group(walked, [AGENT, "player"], "steps", numbers, each=False)
    if not table["seeds"].max():
        raise DataError(f"{folder}: every seed diverged, there is nothing to draw")
    beside = read_run_table(folder, "references.csv", ["reference", AGENT, "steps", *SHIFTED, "cost", violation])
    parts = [table]
    for _, own in beside.groupby([AGENT, "reference"], sort=False):
        agent, name = own[AGENT].iloc[0], own["reference"].iloc[0]
        parts.append(_lines(agent, name, own, {each: own[each] for each in ("cost", violation)}, violation))
        if name == BOUND:
            parts += [_lines(agent, LIMIT, own, {violation: own[LIMIT]}, violation), *_changes(agent, own)]
    return pd.concat(parts, ignore_index=True)


def _lines(
    agent: str, player: str, own: pd.DataFrame, by_window: dict[str, "pd.Series[float]"], violation: str
) -> pd.DataFrame:
    """Of one without seeds, with the mean violation so far."""
    steps = own["steps"].to_numpy(dtype=np.float64)
    lengths = np.diff(steps, prepend=0.0)
    values: dict[str, FloatArray] = {
        name: np.asarray(column.to_numpy(dtype=np.float64)) for name, column in by_window.items()
    }
    values[f"cumulative_{violation}"] = np.asarray(np.cumsum(values[violation] * lengths) / steps)
    return pd.concat([_rows(agent, player, steps, name, column) for name, column in values.items()], ignore_index=True)


def _changes(agent: str, own: pd.DataFrame) -> list[pd.DataFrame]:
    """What changed, at the first step of the window that it changed with."""
    found = []
    steps = own["steps"].to_numpy(dtype=np.float64)
    for name in SHIFTED:
        values = own[name].to_numpy(dtype=np.float64)
        moved = 1 + np.flatnonzero(~np.isclose(values[1:], values[:-1], rtol=0, atol=0, equal_nan=True))
        found.append(_rows(agent, CHANGE, steps[moved - 1], name, values[moved]))
    return [rows for rows in found if len(rows)]


def _rows(agent: str, player: str, steps: FloatArray, quantity: str, values: FloatArray) -> pd.DataFrame:
    told = {AGENT: agent, "player": player, "steps": steps, "quantity": quantity, "series": CENTRE, "value": values}
    return pd.DataFrame(told)
