"""What MAMO's figure shows: alpha, violations and measures over the cycles, and the cost over a bound."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mamo_cli.analysis.believed import BELIEVED, TRUE, quantities
from mamo_cli.analysis.frontier_tables import least_violation, read_frontier
from mamo_cli.analysis.over_seeds import by_group, healthy_seeds, over_seeds
from mamo_cli.analysis.run_tables import (
    AGENT,
    ALPHA,
    has_answers,
    quantities_of,
    read_heads,
    read_run_table,
    read_words,
)
from mamo_cli.analysis.selection import fitting
from mamo_cli.analysis.statistics import median
from mamo_cli.analysis.tolerances import AGENTS, read_tolerances, with_tolerance
from mamo_cli.core.errors import DataError
from mamo_cli.runs.manifest import read_manifest

BESIDE = ((BELIEVED, BELIEVED), (TRUE, "mean_"))
"""What columns of this table begin with, and those of the summary that they are made of."""

OVER_BOUND = {"cost_over_causal_bound_percent": "causal", "cost_over_bound_percent": "clairvoyant"}
"""Quantities of which the first that is known is shown, and whose bound each is over: the causal one, of who sees what
agents see, as what only foresight could save may be nearly all that there is to pay."""


def mamo_table(folder: Path) -> pd.DataFrame:
    """Alpha, violations and measures over the training cycles, over seeds, and the cost over a bound.

    Cycle k, counted from 0, reaches from k to k + 1, and all cycles train for equally many steps. A row of training
    stands at the end of its window. Alpha lies on a grid, so its centre is the median.

    Returns:
        The columns of `over_seeds` over `cycle`, by `agent`, for the quantities alpha (of each violation), those of
        `quantities_of` (eval_: greedy, one a cycle; mean_: in training) and one of `OVER_BOUND` (of all agents
        together, at the end; also of seeds that do not hold the tolerance), with
        exact_alpha, tolerance and how many seeds hold every agent's at the end (seeds_holding); where no alpha holds
        it, also the least mean violation that one reaches (least_). Where training was told a proxy, also that
        (proxy), and medians over seeds of what training believed (believed_) of the cost and each violation, and of
        what is true (true_).
        Of more agents than a figure has room for, some are left out.

    Raises:
        DataError: A table cannot be read, or every seed diverged.
    """
    names, alphas = quantities_of(folder), list(read_words(folder).each(ALPHA))
    greedy, trained = ([f"{kind}_{name}" for name in names] for kind in ("eval", "mean"))
    cycles, training, totals = _aligned(folder, alphas, greedy, trained)
    told = [name.removesuffix("_percent") for name in OVER_BOUND]
    ratios = [name for name in told if name in read_heads(folder, "summary.csv")]  # runs of old have one
    summary = read_run_table(folder, "summary.csv", ["seed", "exact_alpha", *ratios, trained[-1]])
    summary["cycle"] = cycles["cycle"].max() + 1
    ratio = next((name for name in ratios if summary[name].notna().any()), told[-1])
    summary[f"{ratio}_percent"] = 100.0 * (summary[ratio] - 1.0)
    exact_alpha = summary["exact_alpha"].max()
    about: dict[str, Any] = {"seeds_holding": _holding(folder, summary, trained[-1]), **totals}
    parts = [
        by_group(cycles, [AGENT], "cycle", alphas, median),
        by_group(cycles, [AGENT], "cycle", greedy),
        by_group(training, [AGENT], "cycle", trained),
    ]
    if has_answers(folder):
        parts.append(over_seeds(summary, "cycle", [f"{ratio}_percent"]))
        if np.isnan(exact_alpha) and len(names) == 2:  # with several violations there is none to name
            about[f"least_{trained[-1]}"] = least_violation(read_frontier(folder), trained[-1])
    about |= _believed(folder)
    return with_tolerance(pd.concat(parts, ignore_index=True).assign(exact_alpha=exact_alpha), folder, **about)


def _believed(folder: Path) -> dict[str, Any]:
    """The proxy that training was told, and what it believed beside what is true; nothing where it was told none."""
    proxy = read_manifest(folder).get("proxy")
    if proxy is None:
        return {}
    names = quantities(read_words(folder))
    told = {f"{start}{name}": f"{column}{name}" for name in names for start, column in BESIDE}
    medians = read_run_table(folder, "summary.csv", list(told.values())).median()
    return {"proxy": proxy, **{name: float(medians[column]) for name, column in told.items()}}


def _holding(folder: Path, summary: pd.DataFrame, violation: str) -> int:
    """How many seeds hold the tolerance of every agent; in runs of old, that of the mean of the agents."""
    if (folder / AGENTS).exists():
        table = read_run_table(folder, AGENTS, ["seed", "holds"])
        return int((table.groupby("seed")["holds"].min() == 1).sum())
    if "holds" in read_heads(folder, "summary.csv"):  # a limit that is met but for rounding is met there
        return int((read_run_table(folder, "summary.csv", ["holds"])["holds"] == 1).sum())
    return int((summary[violation] <= read_tolerances(folder).mean[0]).sum())


def _before(env_steps: pd.Series) -> int:
    """Environment steps that were played before the first cycle: afterwards every iteration has the same number."""
    told = np.unique(env_steps)
    return int(told[0] - (told[-1] - told[0]) // (len(told) - 1)) if len(told) > 1 else 0


def _aligned(
    folder: Path, alphas: list[str], greedy: list[str], trained: list[str]
) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, int]]:
    """Cycles and training on one axis; a diverged seed's alphas, which are still chosen for it, are blanked."""
    cycles = read_run_table(folder, "cycles.csv", ["seed", "cycle", AGENT, *alphas, *greedy])
    training = read_run_table(folder, "training.csv", ["seed", AGENT, "env_steps", *trained])
    cycles["cycle"] -= cycles["cycle"].min()
    steps = training.pop("env_steps")
    played = steps - _before(steps)
    training["cycle"] = played * (cycles["cycle"].nunique() / played.max())
    healthy = healthy_seeds(cycles, "cycle", greedy)
    if not healthy:
        raise DataError(f"{folder}: every seed diverged, there is nothing to draw")
    cycles[alphas] = cycles[alphas].where(cycles["seed"].isin(healthy))
    cycles, totals = fitting(cycles, greedy[-1], panels=1 + len(greedy))
    return cycles, training[training[AGENT].isin(cycles[AGENT].unique())], totals
