"""Rejection probabilities per second: our table and our models against pacsltk, a point at a time as it works."""

import importlib.metadata
import warnings

import numpy as np

import mamo_cli
from benchmarks.problem import INSTANCE, domain
from benchmarks.rows import Row, measured, ratio
from benchmarks.timing import seconds_each

POINTS = 100_000
CALLS = 10
THEIR_POINTS = 50


def run(repeats: int) -> list[Row]:
    """Rows of our table and of pacsltk, and their ratio."""
    table = domain().case.training.table
    rng = np.random.default_rng(0)
    rates = rng.uniform(1.0, table.max_rate_rps, (POINTS, 1))
    replicas = rng.integers(1, table.max_replicas + 1, (POINTS, 1))

    def play(points: int) -> list[float]:
        """Nanoseconds a point, each over enough calls that a turn of the scheduler is no excuse."""
        calls = CALLS if points > 1 else 1000
        chosen = (rates[:points], replicas[:points])
        seconds = seconds_each(lambda: [table.lookup(*chosen) for _ in range(calls)], repeats)
        return [1e9 * each / points / calls for each in seconds]

    ours = row("mamo", play(POINTS), mamo_cli.__version__, f"table, {POINTS:,} points a call")
    one = row("mamo", play(1), mamo_cli.__version__, "table, one point a call")
    theirs = pacsltk_row(rates[:THEIR_POINTS, 0], replicas[:THEIR_POINTS, 0], repeats)
    return [
        ours,
        one,
        theirs,
        ratio("mamo / pacsltk", ours, theirs, f"lookups, per point, {ours.note}", less_is_more=True),
        ratio("mamo / pacsltk", one, theirs, f"lookups, per point, {one.note}", less_is_more=True),
    ]


def pacsltk_row(rates: np.ndarray, replicas: np.ndarray, repeats: int) -> Row:
    """The authors' own implementation, on as many points as are not slow."""
    try:
        from pacsltk import perfmodel

        version = importlib.metadata.version("pacsltk")
    except ImportError as error:
        return row("pacsltk", [], "", f"peer unavailable: {error}")

    def play() -> None:
        for rate, cap in zip(rates.tolist(), replicas.tolist(), strict=True):
            perfmodel.get_sls_warm_count_dist(
                rate, INSTANCE.warm_service_time, INSTANCE.cold_service_time, INSTANCE.idle_timeout, cap
            )

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # theirs: division by zero where a probability underflows
        seconds = seconds_each(play, repeats)
    return row("pacsltk", [1e9 * each / len(rates) for each in seconds], version, "model, one point a call")


def row(engine: str, values: list[float], version: str, note: str) -> Row:
    return measured("lookup", engine, "ns/point", values, version=version, cores=1, note=note)
