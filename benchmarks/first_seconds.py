"""`python -m benchmarks.first_seconds`: what training on the first seconds of each period does to its rejection."""

import time
from typing import NamedTuple

import numpy as np
from rich.console import Console
from rich.table import Table

from mamo_cli.core.arrays import FloatArray
from mamo_cli.core.seam import Part
from mamo_cli.core.seeding import MemberStreams
from mamo_cli.core.weights import weights_of
from mamo_cli.domains.faas.domain import build, load
from mamo_cli.domains.faas.settings import InstanceConfig

SECONDS = (300.0, 60.0, 30.0, 10.0)
DAYS = 16
ALPHA = 0.8
NODES: dict[str, dict[str, float]] = {
    "the reference instance": {},
    "idle timeout .5 s": {"idle_timeout": 0.5},
    "idle timeout .5 s, cold start 5 s": {"idle_timeout": 0.5, "cold_service_time": 5.0},
}


class Played(NamedTuple):
    """Days of the exact answer at one alpha under the training's noise, the same whatever is simulated of it."""

    rejection: FloatArray  # (T, days)
    cold_start_share: float
    cpu_seconds: float


def main() -> None:
    """Play each node whole and in part, and print how far the parts are from the whole."""
    table = Table("node", "s of 300", "mean rejection", "off by", "spread of a period", "cold starts", "CPU s")
    for name, settings in NODES.items():
        whole = None
        for seconds in SECONDS:
            told = played(InstanceConfig(rejection_model="simulation", simulated_seconds=seconds, **settings))
            whole = whole or told
            away = told.rejection - whole.rejection
            error = away.mean(0).std(ddof=1) / np.sqrt(DAYS)
            numbers = (f"{told.rejection.mean():.5f}", f"{away.mean():+.5f} +- {error:.5f}", f"{away.std():.4f}")
            table.add_row(name, f"{seconds:g}", *numbers, f"{told.cold_start_share:.2g}", f"{told.cpu_seconds:.2f}")
        table.add_row(name, "", "", "", f"{whole.rejection.std():.4f} in all" if whole else "")
    Console(width=None if Console().is_terminal else 140).print(table)


def played(config: InstanceConfig) -> Played:
    domain = build(config, load(config))
    environment = domain.environment(Part.TRAINING, 1, DAYS)
    plan = domain.answer(weights_of(np.array([ALPHA])), Part.TRAINING).plan
    draws = environment.draw(environment.steps, [MemberStreams(0, "te")])
    start = np.arange(DAYS) * environment.steps // DAYS
    began, rejection, cold = time.process_time(), [], []
    for step, draw in enumerate(draws):
        brought = environment.step(plan[(start + step) % environment.steps][None], draw)
        rejection.append(brought.objectives[0, :, 0, 1])
        cold.append(brought.measures[0, :, 0, 1])
    return Played(np.array(rejection), float(np.mean(cold)), time.process_time() - began)


if __name__ == "__main__":
    main()
