"""What one served decision costs, part by part, and how large a policy file is.

A decision is taken as a server takes it, from the body's values to the line in the log, without any network between.
The log is on whatever disk the folder of temporary files is on, which is waited for once a second, as a server does.
"""

import tempfile
import time
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import numpy as np

import mamo_cli
from benchmarks.rows import Row, measured
from mamo_cli.core.readings import Past
from mamo_cli.domains import registry as domains
from mamo_cli.experiments.configs import MamoConfig, configured
from mamo_cli.experiments.export import policy_of_run
from mamo_cli.experiments.machines import Machines
from mamo_cli.experiments.run_mamo import run_mamo
from mamo_cli.experiments.scenarios import FOLDER
from mamo_cli.experiments.session import Place
from mamo_cli.policies.decide import Decider
from mamo_cli.policies.file import Policy
from mamo_cli.serving.decisions import Service
from mamo_cli.serving.log import DecisionLog

DECISIONS = 5000
NOW = 1_700_000_000.0
PARTS = ("reading", "network", "shield", "log")
SHORT = {
    "seeds": 1,
    "strategy": "bisect",
    "adaptation": {"cycles": 3},
    "phase": {"iterations": 2, "iteration_steps": 8, "environments": 4, "window": 1},
}
"""A run of a moment: how long its policies learnt changes neither their size nor what they take."""


def run(quick: bool, repeats: int) -> list[Row]:
    """Rows of a decision and its parts, for the reference instance and for three functions under all that there is."""
    rows = []
    shared = {"trace": str(FOLDER / "three.csv"), "memory_per_replica": 128, "node_memory": 2048, "shield": 0.05}
    cases: dict[str, dict[str, Any]] = {"one function": {}, "three functions, a memory, a shield": shared}
    for name, instance in cases.items():
        with tempfile.TemporaryDirectory() as folder:
            policy, told = _policy(instance, Path(folder))
            rows += _rows(name, policy, told, DECISIONS // 10 if quick else DECISIONS, repeats, Path(folder))
    return rows


def _policy(instance: dict[str, Any], folder: Path) -> tuple[Policy, list[dict[str, Any]]]:
    """A policy, and what is measured before each period of a day."""
    config = configured(MamoConfig, SHORT, {"instance": instance})
    policy = policy_of_run(run_mamo(config, Place(folder, "run"), Machines(jobs=1)).path)
    domain = domains.build(config.domain, config.instance, domains.load_source(config.domain, config.instance))
    window = policy.scales.get("shield_window_s")

    def measured_at(rate: float) -> dict[str, float]:
        counted = {} if window is None else {"counted": rate * float(window), "counted_seconds": float(window)}
        return {"rate_rps": rate, "rejection": 0.01, **counted}

    each = domain.conditions()[..., 0].tolist()
    told = [dict(zip(policy.about.agents, map(measured_at, rates), strict=True)) for rates in each]
    return policy, [{"functions": functions} for functions in told]


def _rows(
    name: str, policy: Policy, told: list[dict[str, Any]], decisions: int, repeats: int, folder: Path
) -> list[Row]:
    whole = [_microseconds(policy, told, decisions, folder / f"whole{turn}.jsonl") for turn in range(repeats)]
    parts = [_parts(policy, told, decisions, folder / f"parts{turn}.jsonl") for turn in range(repeats)]
    found = {f"decision, p{share}": [float(np.percentile(turn, share)) for turn in whole] for share in (50, 99)}
    found |= {f"of it: {part}": [turn[at] for turn in parts] for at, part in enumerate(PARTS)}
    rows = [
        measured("serving", what, "us", values, version=mamo_cli.__version__, cores=1, note=name)
        for what, values in found.items()
    ]
    size = [len(policy.to_bytes()) / 1e3]
    return [*rows, measured("serving", "policy file", "kB", size, version=mamo_cli.__version__, note=name)]


def _microseconds(policy: Policy, told: list[dict[str, Any]], decisions: int, path: Path) -> list[float]:
    """Of each decision."""
    spent = []
    with DecisionLog(path) as log:
        service = Service(policy, log)
        for body in islice(cycle(told), decisions):
            start = time.perf_counter_ns()
            service.decide(body, NOW)
            spent.append((time.perf_counter_ns() - start) / 1e3)
    return spent


def _parts(policy: Policy, told: list[dict[str, Any]], decisions: int, path: Path) -> list[float]:
    """Medians of the parts, one after another as they are in a decision."""
    about, spent = policy.about, []
    reader = domains.reader_of(about.domain, about.agents, about.choices, about.observation, policy.use, policy.scales)
    decider, past = Decider(policy), Past(np.zeros(len(about.agents), dtype=np.int64))
    with DecisionLog(path) as log:
        for body in islice(cycle(told), decisions):
            times = [time.perf_counter_ns()]
            reading = reader.read(body, past)
            times.append(time.perf_counter_ns())
            chosen = decider.decide(reading.observed, reading.allowed, reading.budget)
            times.append(time.perf_counter_ns())
            played = reader.play(reading, chosen)
            times.append(time.perf_counter_ns())
            log.append({"observation": reading.told, "policy": policy.about.config_digest, "actions": played.tolist()})
            times.append(time.perf_counter_ns())
            spent.append(np.diff(times) / 1e3)
            past = Past(played, reading.told)
    return np.median(spent, 0).tolist()
