"""Against simfaas, the simulator of the semi-Markov model's authors: constant rates, from an empty pool."""

import numpy as np
import pytest
from simfaas.ServerlessSimulator import ServerlessSimulator

from mamo_cli.domains.faas.simulation import tally as of
from mamo_cli.domains.faas.simulation.pool import Service
from tests.domains.faas.simulation.test_pool import simulated

THEIRS, OURS = 12, 200  # repetitions
# requests/s, warm s, cold s, timeout s, cap, seconds
GRID = [
    (100.0, 0.1, 0.4, 0.05, 10, 40.0),  # SPEC's trap: the timeout is shorter than a service
    (20.0, 0.1, 0.4, 0.2, 5, 60.0),
    (20.0, 0.1, 0.1, 1.0, 10, 60.0),
    (5.0, 0.5, 2.0, 1.0, 8, 200.0),
    (5.0, 0.5, 2.0, 0.0, 3, 200.0),  # every start is cold
    (50.0, 0.065, 0.25, 60.0, 5, 30.0),
    (0.9, 1.991, 2.244, 600.0, 1000, 3000.0),
]


class LastUsedFirst(ServerlessSimulator):
    """Theirs, but for which free replica serves: the one last used, as SPEC has it, in place of the one made last."""

    def schedule_warm_instance(self, t):
        return max((server for server in self.servers if server.is_ready()), key=lambda server: server.next_departure)


def theirs(kind, case, seed):
    """Shares rejected and cold of all requests, and mean replicas existing and serving."""
    rate, warm, cold, timeout, cap, seconds = case
    simulator = kind(
        arrival_rate=rate, warm_service_rate=1 / warm, cold_service_rate=1 / cold, expiration_threshold=timeout,
        max_time=seconds, maximum_concurrency=cap,
    )  # fmt: skip
    rng = np.random.default_rng(seed)  # theirs draws from NumPy's global state, which nothing here may touch
    for process in (simulator.arrival_process, simulator.warm_service_process, simulator.cold_service_process):
        process.generate_trace = lambda rate=process.rate: rng.exponential(1 / rate)
    simulator.generate_trace()
    shares = [count / simulator.total_req_count for count in (simulator.total_reject_count, simulator.total_cold_count)]
    return [*shares, simulator.get_average_server_count(), simulator.get_average_server_running_count()]


def ours(case, seed, seconds=None):
    rate, warm, cold, timeout, cap, length = case
    seconds = seconds or length
    told = simulated([(cap, rate, seconds)], Service(warm, cold, timeout), seed, cap).tally
    return [*(told[[of.REJECTED, of.COLD]] / told[of.ARRIVED]), *(told[[of.WARM_S, of.BUSY_S]] / seconds)]


def distances(case, kind):
    """Differences of the means, in standard errors."""
    mine = np.array([ours(case, seed) for seed in range(OURS)])
    other = np.array([theirs(kind, case, 1000 + seed) for seed in range(THEIRS)])
    error = np.sqrt(mine.var(0, ddof=1) / OURS + other.var(0, ddof=1) / THEIRS)
    # Where neither has a single one, there is nothing to tell apart.
    return np.abs(mine.mean(0) - other.mean(0)) / np.where(error > 0, error, 1.0)


@pytest.mark.parametrize("case", GRID, ids=str)
def test_is_simfaas_up_to_chance(case):
    assert distances(case, LastUsedFirst).max() < 4.0


def test_the_order_of_replicas_would_be_told():
    """A planted fault: simfaas's own order, by when replicas were made, differs where the timeout is short."""
    assert distances(GRID[0], ServerlessSimulator).max() > 5.0


def test_the_case_of_its_readme():
    """Cold .0014, 7.661 replicas, 1.788 serving, as one simulation of 10^6 s says: within what such ones vary by."""
    runs = np.array([ours(GRID[-1], seed, 1e6) for seed in range(20)])[:, 1:]
    published, rounding = np.array([0.0014, 7.661, 1.788]), np.array([5e-5, 5e-4, 5e-4])
    mean, spread = runs.mean(0), runs.std(0, ddof=1)
    assert np.all(np.abs(mean - published) < 3 * spread + rounding)
    assert np.all(3 * spread < [2e-4, 0.1, 0.02])
