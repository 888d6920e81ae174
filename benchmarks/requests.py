"""Requests a second of the request-level simulator, beside simfaas on the same node."""

import importlib.metadata

import numpy as np

import mamo_cli
from benchmarks.problem import INSTANCE
from benchmarks.rows import Row, measured, ratio
from benchmarks.timing import seconds_each
from mamo_cli.domains.faas.simulation.pool import Service, empty_pools, play
from mamo_cli.domains.faas.simulation.tally import ARRIVED, BINS, TALLY

RATE_RPS, PERIOD_S, PERIODS = 50.0, 300.0, 200
THEIR_SECONDS = 200.0


def run(repeats: int) -> list[Row]:
    """Rows of ours and of simfaas at the reference instance's mean load, and their ratio."""
    ours = row("mamo", own_rates(repeats), mamo_cli.__version__, f"{PERIODS} periods of {PERIOD_S:g} s")
    theirs = simfaas_row(repeats)
    return [ours, theirs, ratio("mamo / simfaas", ours, theirs, "simulated requests")]


def own_rates(repeats: int) -> list[float]:
    service = Service(INSTANCE.warm_service_time, INSTANCE.cold_service_time, INSTANCE.idle_timeout)
    seeds = np.random.default_rng(0).integers(0, 2**64, PERIODS, dtype=np.uint64)
    tally, histogram = np.zeros(TALLY), np.zeros(BINS, dtype=np.int64)

    def once() -> None:
        tally[:] = 0.0
        pool = [array[0] for array in empty_pools(1, INSTANCE.max_replicas)]
        for seed in seeds:
            play(*pool, INSTANCE.max_replicas, RATE_RPS, PERIOD_S, service, seed, tally, histogram)

    seconds = seconds_each(once, repeats)
    return [tally[ARRIVED] / each for each in seconds]


def simfaas_row(repeats: int) -> Row:
    """The third party's simulator of a constant rate."""
    try:
        from simfaas.ServerlessSimulator import ServerlessSimulator
    except ImportError as error:
        return row("simfaas", [], "", f"peer unavailable: {error}")
    requests = 0

    def once() -> None:
        nonlocal requests
        simulator = ServerlessSimulator(
            arrival_rate=RATE_RPS,
            warm_service_rate=1 / INSTANCE.warm_service_time,
            cold_service_rate=1 / INSTANCE.cold_service_time,
            expiration_threshold=INSTANCE.idle_timeout,
            max_time=THEIR_SECONDS,
            maximum_concurrency=INSTANCE.max_replicas,
        )
        simulator.generate_trace(debug_print=False, progress=False)
        requests = simulator.total_req_count

    seconds = seconds_each(once, repeats)
    version = importlib.metadata.version("simfaas")
    return row("simfaas", [requests / each for each in seconds], version, f"{THEIR_SECONDS:g} s at once")


def row(engine: str, values: list[float], version: str, note: str) -> Row:
    return measured("simulation", engine, "requests/s", values, version=version, cores=1, note=note)
