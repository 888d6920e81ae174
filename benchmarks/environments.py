"""Environment steps per second: the batch of environments against one with Gymnasium's interface."""

import gymnasium
import numpy as np

from benchmarks.problem import domain, make_environment
from benchmarks.rows import Row, measured, ratio
from benchmarks.timing import seconds_each
from mamo_cli.core.seam import Part
from mamo_cli.domains.faas.environment import ScalingEnvironment

BATCHES = ((1, 1), (16, 16), (256, 16))  # members, copies
STEPS = 500


def run(repeats: int) -> list[Row]:
    """Rows by size of the batch, and the ratio of the largest to Gymnasium's."""
    rows = []
    for members, copies in BATCHES:
        environment = domain().environment(Part.TRAINING, members, copies)
        shape = (members, copies, 1)
        actions, deviations = np.random.default_rng(0).integers(0, 10, shape), np.zeros(shape)

        def play(environment: ScalingEnvironment = environment, drawn: tuple = (actions, deviations)) -> None:
            for _ in range(STEPS):
                environment.step(*drawn)

        rates = [STEPS * members * copies / each for each in seconds_each(play, repeats)]
        rows.append(row("mamo, batched", rates, members, f"{members * copies} at once"))
    single = row(
        "mamo, Gymnasium", gymnasium_rates(repeats), 1, "one environment", f"gymnasium {gymnasium.__version__}"
    )
    return [*rows, single, ratio("mamo batched / Gymnasium", rows[-1], single, "environment steps")]


def gymnasium_rates(repeats: int) -> list[float]:
    """Steps per second of one environment in a Python loop."""
    environment = make_environment()

    def play() -> None:
        environment.reset(seed=0)
        for step in range(STEPS):
            if environment.step(step % 10)[3]:
                environment.reset()

    return [STEPS / each for each in seconds_each(play, repeats)]


def row(engine: str, rates: list[float], members: int, note: str, version: str = "") -> Row:
    return measured("environment", engine, "steps/s", rates, version=version, members=members, cores=1, note=note)
