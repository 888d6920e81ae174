"""What the offline figures show: the exact plan, its rejection as planned, and its rejection under noise."""

from pathlib import Path

import pandas as pd

from mamo_cli.analysis.run_tables import AGENT, read_run_table, read_words
from mamo_cli.analysis.selection import fitting
from mamo_cli.analysis.tolerances import with_tolerance
from mamo_cli.core.seam import Termination

SECONDS_PER_HOUR = 3600.0


def offline_table(folder: Path) -> pd.DataFrame:
    """The plan as it was meant: measures and violations by step and agent, with each agent's means.

    What there is to doubt of it stands beside it: the solver's gap, where it was not proven optimal, and the number of
    steps that do not meet the tolerance, with that of all, where there are any.

    Raises:
        DataError: `plan.csv` or `summary.csv` cannot be read.
    """
    words = read_words(folder)
    violations = {f"{one.name}_expected": one.name for one in words.violations}
    names = [one.name for one in words.averaged]
    table = _plan(folder, [*names, *violations]).rename(columns=violations)
    means = table.groupby(AGENT)[[*names, *violations.values()]].transform("mean")
    return table.join(means.add_prefix("mean_")).assign(**_doubts(folder))


def _doubts(folder: Path) -> dict[str, float]:
    row = read_run_table(folder, "summary.csv", ["termination", "gap", "infeasible_steps"]).iloc[0]
    found: dict[str, float] = {} if row["termination"] == Termination.OPTIMAL else {"gap": row["gap"]}
    if row["infeasible_steps"]:
        steps = read_run_table(folder, "plan.csv", ["step"])["step"].nunique()
        found |= {"infeasible_steps": int(row["infeasible_steps"]), "steps": steps}
    return found


def offline_noise_table(folder: Path) -> pd.DataFrame:
    """The same plan as it came: conditions and violation by step and agent, steps above the tolerance marked.

    Raises:
        DataError: `plan.csv` or `summary.csv` cannot be read.
    """
    words = read_words(folder)
    name = words.violations[0].name
    table = _plan(folder, [*(one.name for one in words.conditions), f"{name}_actual"])
    table = table.rename(columns={f"{name}_actual": name})
    table["above_tolerance"] = (table[name] > table["tolerance"]).astype(int)
    by_agent = table.groupby(AGENT)
    table[f"mean_{name}"] = by_agent[name].transform("mean")
    table["share_above_tolerance"] = by_agent["above_tolerance"].transform("mean")
    return table


def _plan(folder: Path, columns: list[str]) -> pd.DataFrame:
    """The plan's columns over hours instead of steps, with the scope and the agent's tolerance beside every row.

    The last column is a violation. Of more agents than a figure has room for, some are left out.
    """
    plan = read_run_table(folder, "plan.csv", ["step", AGENT, *columns])
    plan, totals = fitting(plan, columns[-1], panels=2)
    row = read_run_table(folder, "summary.csv", ["scope", "step_seconds"]).iloc[0]
    plan = plan.reset_index(drop=True)
    plan.insert(0, "hours", plan.pop("step") * (row["step_seconds"] / SECONDS_PER_HOUR))
    return with_tolerance(plan.assign(scope=row["scope"]), folder, **totals)
