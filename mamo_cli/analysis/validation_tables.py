"""What the figure of a validation shows: each model over the rate, beside the simulation, for a few replicas."""

from pathlib import Path

import numpy as np
import pandas as pd

from mamo_cli.analysis.run_tables import AGENT, read_run_table
from mamo_cli.analysis.selection import AGENTS_TOTAL

MOST_REPLICAS_SHOWN, MOST_FUNCTIONS_SHOWN = 4, 4
STANDARD_ERRORS = 3.0


def validation_table(folder: Path) -> pd.DataFrame:
    """Rejection by model and by simulation, over the rate, for up to four numbers of replicas of each function.

    They are spread evenly, the one where some model errs most among them. Where a model speaks of what it does not
    know, its value is left out. Of more than four functions, those with the largest errors are shown.

    Raises:
        DataError: `validation.csv` or `summary.csv` cannot be read.
    """
    numbers = ["arrival_rate_rps", "replicas", "rejection_model", "rejection_simulated", "standard_error"]
    table = read_run_table(folder, "validation.csv", [AGENT, "model", *numbers, "supported", "unsafe"])
    table["low"] = (table["rejection_simulated"] - STANDARD_ERRORS * table["standard_error"]).clip(lower=0.0)
    table["high"] = (table["rejection_simulated"] + STANDARD_ERRORS * table["standard_error"]).clip(upper=1.0)
    table.loc[table.pop("supported") == 0, "rejection_model"] = np.nan
    table["error"] = (table["rejection_model"] - table["rejection_simulated"]).abs()
    total = table[AGENT].nunique()
    worst = table.groupby(AGENT)["error"].max().nlargest(MOST_FUNCTIONS_SHOWN).index
    shown = [_few_replicas(rows) for name, rows in table.groupby(AGENT) if name in worst]
    tolerances = read_run_table(folder, "summary.csv", [AGENT, "tolerance"]).groupby(AGENT)["tolerance"].first()
    chosen = pd.concat(shown, ignore_index=True).drop(columns=["error", "standard_error"])
    chosen[["replicas", "unsafe"]] = chosen[["replicas", "unsafe"]].astype(int)
    chosen["tolerance"] = chosen[AGENT].map(tolerances)
    return chosen if total <= MOST_FUNCTIONS_SHOWN else chosen.assign(**{AGENTS_TOTAL: total})


def _few_replicas(rows: pd.DataFrame) -> pd.DataFrame:
    """A function's rows, of few numbers of replicas."""
    most = int(rows["replicas"].max())
    kept = np.unique(np.rint(np.linspace(1, most, MOST_REPLICAS_SHOWN)).astype(int))
    worst = int(rows.dropna(subset="error").sort_values("error")["replicas"].iloc[-1])
    if worst not in kept:
        inner = kept[1:-1]
        kept[1 + int(np.abs(inner - worst).argmin())] = worst
    return rows[rows["replicas"].isin(kept)]
