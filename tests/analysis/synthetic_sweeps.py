"""Writes the folder of a comparison that looks like a real one."""

import json
from pathlib import Path

import numpy as np

from mamo_cli.analysis.leaderboard import (
    ANYTIME,
    CYCLES,
    IMPROVEMENT,
    INTERVALS,
    LEADERBOARD,
    MEMBERS,
    PROFILE,
    SCENARIOS,
)
from mamo_cli.runs.tables import write_table

NAMES = ("wa-dqn", "bisect", "dual", "pid", "rcpo", "bayes", "ols", "grid", "random", "fixed")


def write_sweep(
    folder: Path,
    scenarios: int = 1,
    strategies: int = 10,
    agents: int = 1,
    cycles: int = 12,
    exact: bool = True,
    changed_at: int = 0,
) -> Path:
    folder.mkdir(parents=True)
    about = {"command": "compare", "status": "complete", "starts": []}
    (folder / "run.json").write_text(json.dumps(about), encoding="utf-8")
    names = [f"scenario-{number}" for number in range(scenarios)]
    rng, rows = np.random.default_rng(1), {name: [] for name in TABLES}
    for scenario in names:
        title = f"{scenario}, a title of some length"
        rows["scenarios"].append([scenario, title, "faas", 0.05, 0.6 if exact else None, changed_at])
        if exact:
            rows["profile"] += [
                [scenario, f"f{a}", alpha, 0.1 + 0.9 * alpha**2, 0.8 * (1 - alpha) ** 2 + 0.01]
                for alpha in np.linspace(0, 1, 21)
                for a in range(agents)
            ]
        for place, strategy in enumerate(NAMES[:strategies]):
            over = 0.16 if strategy == "fixed" else 1.0 + 0.012 * place
            centres = {
                "cost_over_causal_bound": over,
                "regret": over - 1,
                "mean_cost": 0.6,
                "mean_violation": 0.7 if strategy == "fixed" else 0.05,
            }
            ends = [number for name in INTERVALS for number in spread(centres[name], exact or name.startswith("mean"))]
            rows["leaderboard"].append(
                [scenario, strategy, "dqn", "mix", 8, 8, 0.05, 1000 * cycles, 30.0 + place, *ends, 0.5, *[None] * 4]
            )
            for cycle in range(cycles):
                regret = spread(2.0 * 0.6**cycle * (1 + place) + 0.01, exact)
                rows["anytime"].append([scenario, strategy, cycle, 1000.0 * (cycle + 1), 2.5 * (cycle + 1), 8, *regret])
                rows["cycles"] += [
                    [scenario, strategy, 1000 + seed, cycle, f"f{a}", *rng.uniform(0.02, 1.0, 3)]
                    for seed in range(8)
                    for a in range(agents)
                ]
    for name, head in TABLES.items():
        write_table(folder / f"{name}.csv", head, rows[name])
    return folder


def spread(value: float, known: bool) -> list:
    return [value, value - 0.01 * abs(value), value + 0.02 * abs(value)] if known else [None] * 3


TABLES = {
    "scenarios": SCENARIOS,
    "profile": PROFILE,
    "leaderboard": LEADERBOARD,
    "members": MEMBERS,
    "improvement": IMPROVEMENT,
    "anytime": ANYTIME,
    "cycles": CYCLES,
}
