"""Writes small run folders that look like real ones: the exact answers of the reference instance, agents near them."""

import csv
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from mamo_cli.domains.faas.rejection.erlang import erlang_b

STEPS, CAP, TOLERANCE, SERVICE = 288, 10, 0.05, 0.065
REPLICAS = np.arange(1, CAP + 1)
EXPECTED = 50 + 40 * np.sin(2 * np.pi * np.arange(STEPS) / STEPS)
DEVIATIONS = np.linspace(-0.2, 0.2, 41)
P_EXPECTED = erlang_b(EXPECTED * SERVICE, CAP)
P_NOISY = erlang_b(EXPECTED[:, None] * (1 + DEVIATIONS) * SERVICE, CAP).mean(axis=1)
INSTANCE = {"tolerance": TOLERANCE, "step_seconds": 300.0}


def write_table(path: Path, rows: Sequence[dict]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def optimal_replicas(alpha: float) -> np.ndarray:
    return 1 + np.argmin((1 - alpha) * REPLICAS / CAP + alpha * P_NOISY, axis=1)


def start(folder: Path, command: str, status: str = "complete") -> None:
    folder.mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps({"command": command, "status": status, "starts": []}), encoding="utf-8")
    plans = [("alpha", round(alpha, 2), optimal_replicas(alpha)) for alpha in np.linspace(0, 1, 11)]
    plans += [("step", "", 1 + (P_EXPECTED > TOLERANCE).sum(axis=1)), ("average", "", optimal_replicas(0.73))]
    rows = [point(replicas, kind=kind, alpha=alpha) for kind, alpha, replicas in plans]
    write_table(folder / "frontier.csv", rows)


def point(replicas: np.ndarray, **names) -> dict:
    rejection = P_NOISY[np.arange(STEPS), np.asarray(replicas, dtype=int) - 1].mean()
    mean = float(np.mean(replicas))
    return {**names, "mean_cost": mean / CAP, "mean_replicas": mean, "mean_rejection": float(rejection)}


def noisy_rates(seed: int) -> np.ndarray:
    return EXPECTED * (1 + np.random.default_rng([9, seed]).uniform(-0.2, 0.2, STEPS))


def write_offline(folder: Path, functions: Sequence[str] = ("",)) -> Path:
    start(folder, "solve-offline")
    rows = []
    for number, function in enumerate(functions):
        actual = np.roll(noisy_rates(number), 40 * number)
        replicas = np.roll(1 + (P_EXPECTED > TOLERANCE).sum(axis=1), 40 * number)
        planned = np.roll(P_EXPECTED, 40 * number, axis=0)[np.arange(STEPS), replicas - 1]
        came = erlang_b(actual * SERVICE, CAP)[np.arange(STEPS), replicas - 1]
        for t in range(STEPS):
            rates = {"expected_rate": float(np.roll(EXPECTED, 40 * number)[t]), "actual_rate": float(actual[t])}
            named = {"function": function} if function else {}
            plan = {"replicas": int(replicas[t]), "cost": replicas[t] / CAP}
            rejection = {"rejection_expected": float(planned[t]), "rejection_actual": float(came[t])}
            rows.append({"step": t, **named, **rates, **plan, **rejection, "feasible": 1})
    write_table(folder / "plan.csv", rows)
    columns = {
        name: np.array([row[name] for row in rows]) for name in ("replicas", "rejection_expected", "rejection_actual")
    }
    means = {f"mean_{name}": float(values.mean()) for name, values in columns.items()}
    share = float((columns["rejection_actual"] > TOLERANCE).mean())
    proof = {"termination": "optimal", "gap": 0.0, "infeasible_steps": 0}
    summary = {"scope": "step", "alpha": "", **INSTANCE, **proof, **means, "mean_cost": means["mean_replicas"] / CAP}
    write_table(folder / "summary.csv", [{**summary, "share_above_tolerance": share}])
    return folder


def agent_replicas(alpha: float, seed: int) -> np.ndarray:
    rng = np.random.default_rng([int(100 * alpha), seed])
    wobble = (rng.random(STEPS) < 0.12) * rng.choice([-1, 1], STEPS)
    return np.clip(optimal_replicas(alpha) + wobble, 1, CAP)


def evaluation_rows(alpha: float, seed: int, diverged: bool) -> list[dict]:
    replicas, actual = agent_replicas(alpha, seed), noisy_rates(100)
    rejection = erlang_b(actual * SERVICE, CAP)[np.arange(STEPS), replicas - 1]
    nan = float("nan")
    return [
        {
            **{"seed": seed, "alpha": alpha, "step": t, "expected_rate": EXPECTED[t], "actual_rate": actual[t]},
            "replicas": nan if diverged else int(replicas[t]),
            "cost": nan if diverged else replicas[t] / CAP,
            "rejection": nan if diverged else float(rejection[t]),
        }
        for t in range(STEPS)
    ]


def training_rows(alphas: Sequence[float], seed: int, rows_each: int, diverged: bool) -> list[dict]:
    """Starts near 5 replicas and moves to the optimum of each alpha in turn."""
    rng, rows, replicas = np.random.default_rng([7, seed, len(alphas)]), [], 5.0
    for alpha in alphas:
        goal = point(optimal_replicas(alpha))
        for _ in range(rows_each):
            replicas += 0.3 * (goal["mean_replicas"] - replicas) + rng.normal(0, 0.1)
            rejection = float(np.interp(replicas, REPLICAS, erlang_b(3.25, CAP)) * rng.uniform(0.9, 1.1))
            n = len(rows) + 1
            values = {"mean_cost": replicas / CAP, "mean_replicas": replicas, "mean_rejection": rejection}
            values = {"loss": 1 / n, "mean_reward": -(1 - alpha) * replicas / CAP - alpha * rejection, **values}
            if diverged and n > 5:
                values = dict.fromkeys(values, float("nan"))
            rows.append({"seed": seed, "alpha": alpha, "iteration": n, "env_steps": 288 * n, "epsilon": 0.1, **values})
    return rows


def write_train(
    folder: Path,
    alphas: Sequence[float] = (0.1, 0.9),
    seeds: int = 8,
    diverged: Iterable[tuple[int, float]] = (),
    command: str = "train",
) -> Path:
    lost = set(diverged)
    start(folder, command, "diverged" if lost else "complete")
    members = [(seed, alpha) for alpha in alphas for seed in range(seeds)]
    evaluation = [row for seed, alpha in members for row in evaluation_rows(alpha, seed, (seed, alpha) in lost)]
    write_table(folder / "evaluation.csv", evaluation)
    if command == "train":
        training = [row for seed, alpha in members for row in training_rows([alpha], seed, 40, (seed, alpha) in lost)]
        write_table(folder / "training.csv", training)
    write_table(folder / "summary.csv", [train_summary(seed, alpha, (seed, alpha) in lost) for seed, alpha in members])
    return folder


def train_summary(seed: int, alpha: float, diverged: bool) -> dict:
    reached, best = point(agent_replicas(alpha, seed)), point(optimal_replicas(alpha))
    rewards = [-(1 - alpha) * p["mean_cost"] - alpha * p["mean_rejection"] for p in (reached, best)]
    regret = {"regret": (rewards[1] - rewards[0]) / abs(rewards[1])}
    values = {**reached, "expected_reward": rewards[0], "optimal_reward": rewards[1], **regret}
    if diverged:
        values = dict.fromkeys(values, float("nan"))
    return {"seed": seed, "alpha": alpha, **INSTANCE, **values}


def mamo_alphas(seed: int, cycles: int) -> list[float]:
    rng = np.random.default_rng([5, seed])
    explored = rng.choice(np.linspace(0, 1, 11), cycles)
    explored[0] = 0.1
    settled = rng.random(cycles) > np.exp(-np.arange(cycles) / (0.25 * cycles))
    return [float(round(alpha, 1)) for alpha in np.where(settled, 0.8, explored)]


def write_mamo(
    folder: Path, seeds: int = 8, cycles: int = 30, rows_each: int = 10, diverged: Iterable[int] = ()
) -> Path:
    lost = set(diverged)
    start(folder, "run-mamo", "diverged" if lost else "complete")
    alphas = {seed: mamo_alphas(seed, cycles) for seed in range(seeds)}
    training = [row for seed in alphas for row in training_rows(alphas[seed], seed, rows_each, seed in lost)]
    write_table(folder / "training.csv", training)
    cycle_rows = [cycle_row(seed, k, a, seed in lost) for seed in alphas for k, a in enumerate(alphas[seed])]
    write_table(folder / "cycles.csv", cycle_rows)
    write_table(folder / "summary.csv", [mamo_summary(seed, alphas[seed][-1], seed in lost) for seed in alphas])
    return folder


def write_decomposition(folder: Path, terms: Sequence[Sequence[float]], violations: Sequence[float]) -> Path:
    """What a run of MAMO costs more than its bound: seven terms a seed, and its rejection from the fifth stage on."""
    stages = ("clairvoyant", "information", "grid", "determinism", "transfer", "strategy", "te", "model")
    rows = []
    for seed, (shares, last) in enumerate(zip(terms, violations, strict=True)):
        for place, (stage, term) in enumerate(zip(stages, (0.0, *shares), strict=True)):
            rejection = last if place >= 5 else TOLERANCE
            held, bought = int(rejection <= TOLERANCE), int(place == 5 and term < 0 and rejection > TOLERANCE)
            row = {"seed": seed, "stage": stage, "term": term, "mean_cost": 0.6, "mean_rejection": rejection}
            rows.append({**row, "holds": held, "bought": bought})
    write_table(folder / "decomposition.csv", rows)
    (folder / "config.toml").write_text('strategy = "bisect"\nreadout = "mix"\n', encoding="utf-8")
    return folder


def cycle_row(seed: int, cycle: int, alpha: float, diverged: bool) -> dict:
    reached = point(agent_replicas(alpha, seed + cycle))
    values = {
        **{"train_cost": reached["mean_cost"], "train_rejection": reached["mean_rejection"]},
        **{f"eval_{name}": reached[f"mean_{name}"] for name in ("cost", "replicas", "rejection")},
    }
    if diverged:
        values = dict.fromkeys(values, float("nan"))
    feasible = int(values["eval_rejection"] <= TOLERANCE)
    return {
        "seed": seed,
        "cycle": cycle,
        "alpha": alpha,
        **values,
        "feasible": feasible,
        "wa_reward": 0,
        "wa_epsilon": 0,
    }


def mamo_summary(seed: int, alpha: float, diverged: bool) -> dict:
    reached, bound = point(agent_replicas(alpha, seed)), point(optimal_replicas(0.73))["mean_replicas"]
    over = {"bound_cost": bound, "cost_over_bound": reached["mean_replicas"] / bound}
    values = {**reached, "feasible_share": 0.6, **over}
    if diverged:
        values = dict.fromkeys(values, float("nan"))
    return {"seed": seed, "alpha": alpha, "final_alpha": alpha, "exact_alpha": 0.8, **INSTANCE, **values}
