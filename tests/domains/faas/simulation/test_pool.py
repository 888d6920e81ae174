"""The compiled simulator against a slow one that is fed the same numbers, against laws, and against Erlang-B."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mamo_cli.domains.faas.rejection.erlang import erlang_b
from mamo_cli.domains.faas.simulation import tally as of
from mamo_cli.domains.faas.simulation.numbers import exponential, mixed
from mamo_cli.domains.faas.simulation.pool import Pools, Service, empty_pools, play, put_back_pools
from mamo_cli.domains.faas.simulation.tally import BINS, TALLY, bin_of, percentile, served, share
from tests.domains.faas.simulation.reference import Node

REFERENCE = Service(0.065, 0.25, 60.0)
PERIODS = st.lists(
    st.tuples(st.integers(0, 8), st.sampled_from((0.0, 0.3, 5.0, 40.0)), st.sampled_from((0.5, 3.0, 20.0))),
    min_size=1,
    max_size=8,
)
SERVICES = st.builds(
    Service,
    st.sampled_from((0.05, 0.5)),
    st.sampled_from((0.2, 2.0)),
    st.sampled_from((0.0, 0.1, 1.0, math.inf)),
    st.sampled_from((0.1, math.inf)),
)
SEEDS = st.integers(0, 2**64 - 1)


def simulated(periods, service, seed=0, most=8, start=None):
    """Play (cap, rate, seconds) one after another; returns tally, histogram and the pool."""
    pools = start or empty_pools(1, most)
    tally, histogram = np.zeros(TALLY), np.zeros(BINS, dtype=np.int64)
    row = [array[0] for array in pools]
    for period, (cap, rate, seconds) in enumerate(periods):
        play(*row, cap, rate, seconds, service, np.uint64((seed + period) % 2**64), tally, histogram)
    return SimpleNamespace(tally=tally, histogram=histogram, pools=pools)


def reference(periods, service, seed=0, latest_first=True):
    node = Node(service, latest_first)
    for period, (cap, rate, seconds) in enumerate(periods):
        node.play(cap, rate, seconds, (seed + period) % 2**64)
    return node


def agree(ours, node):
    """Whether all that is counted and the pool itself are equal to the last bit, and integrals up to rounding."""
    busy, idle = ours.pools.counts[0]
    counted = [node.arrived, node.rejected, node.cold, node.slow, sum(node.responses)]
    exact = ours.tally[: of.RESPONSE_S + 1].tolist() == counted
    until = sorted(ours.pools.until[0, :busy].tolist()) == sorted(r.time for r in node.replicas if r.busy)
    since = ours.pools.since[0, :idle].tolist() == sorted(r.time for r in node.replicas if not r.busy)
    integrals = np.allclose(ours.tally[of.BUSY_S :], [node.busy_s, node.warm_s], rtol=1e-9, atol=1e-9)
    return exact and until and since and integrals


@settings(max_examples=150, deadline=None)
@given(periods=PERIODS, service=SERVICES, seed=SEEDS)
def test_equals_the_slow_simulator_to_the_bit(periods, service, seed):
    ours, node = simulated(periods, service, seed), reference(periods, service, seed)
    assert agree(ours, node)
    assert ours.histogram.sum() == len(node.responses)


def test_the_slow_simulator_would_tell_another_order_of_replicas():
    """A planted fault: where the longest idle serves first, fewer end, and fewer requests find none."""
    periods, service = [(8, 5.0, 200.0)], Service(0.1, 0.4, 1.0)
    assert agree(simulated(periods, service), reference(periods, service))
    assert not agree(simulated(periods, service), reference(periods, service, latest_first=False))


@settings(max_examples=100, deadline=None)
@given(periods=PERIODS, service=SERVICES, seed=SEEDS)
def test_keeps_its_laws(periods, service, seed):
    pools = empty_pools(1, 8)
    for period in periods:
        before = int(pools.counts.sum())
        ours = simulated([period], service, seed, start=pools)
        tally, (cap, _, seconds) = ours.tally, period
        assert tally[of.ARRIVED] == tally[of.REJECTED] + ours.histogram.sum()
        assert 0 <= tally[of.COLD] <= served(tally)
        assert 0 <= tally[of.SLOW] <= served(tally)
        assert 0.0 <= tally[of.BUSY_S] <= tally[of.WARM_S] + 1e-9
        assert tally[of.WARM_S] <= max(cap, before) * seconds + 1e-9
        busy, idle = pools.counts[0]
        assert busy + idle <= max(cap, busy)  # beyond the cap, only those that still serve
        assert np.all(pools.until[0, :busy] > 0.0)
        assert np.all(pools.since[0, :idle] <= 0.0)
        assert np.all(np.diff(pools.since[0, :idle]) >= 0.0)


def pool(until=(), since=(), most=4):
    made = empty_pools(1, most)
    made.counts[0] = len(until), len(since)
    made.until[0, : len(until)], made.since[0, : len(since)] = until, since
    return made


def test_a_lowered_cap_ends_the_longest_idle_and_lets_the_busy_serve():
    """Two busy for 1 and 3 s, idle for 5 and 2 s; at a cap of 3, who was idle for 5 s ends at once.

    2 busy and 1 idle for 4 s are 4 x 3 existing, of which 1 + 3 busy, who then are idle since 3 s and 1 s ago.
    """
    ours = simulated([(3, 0.0, 4.0)], REFERENCE, start=pool((1.0, 3.0), (-5.0, -2.0)))
    assert ours.pools.counts.tolist() == [[0, 3]]
    assert ours.pools.since[0, :3].tolist() == [-6.0, -3.0, -1.0]
    assert ours.tally.tolist() == [0, 0, 0, 0, 0, 4.0, 12.0]


def test_the_busy_beyond_a_cap_end_when_they_have_served():
    """Busy for 1, 2 and 6 s at a cap of 1: the first two end after 1 and 2 s; busy and existing 1 + 2 + 4 in 4 s."""
    ours = simulated([(1, 0.0, 4.0)], REFERENCE, start=pool((1.0, 2.0, 6.0)))
    assert ours.pools.counts.tolist() == [[1, 0]]
    assert ours.pools.until[0, 0] == 2.0
    assert ours.tally.tolist() == [0, 0, 0, 0, 0, 7.0, 7.0]
    later = simulated([(1, 0.0, 4.0)], REFERENCE, start=ours.pools)
    assert later.pools.since[0, :1].tolist() == [-2.0]  # the last one stays, within the cap


def test_an_idle_replica_ends_after_its_timeout():
    """Idle for 59 s with a timeout of 60 s: it exists for 1 s more; what is free after .5 s, for the 3.5 s left."""
    ours = simulated([(4, 0.0, 4.0)], REFERENCE, start=pool((0.5,), (-59.0,)))
    assert ours.pools.counts.tolist() == [[0, 1]]
    assert ours.tally[of.WARM_S] == 5.0
    assert ours.tally[of.BUSY_S] == 0.5


def test_is_erlang_b_where_replicas_stay_warm():
    """At load 3.25, .1318 of requests for 5 replicas and .0013 for 10, within four standard errors of 20 batches."""
    for cap in (5, 10):
        service = Service(0.065, 0.25, math.inf)
        batches = [simulated([(cap, 50.0, 300.0)] * 20, service, 100 * batch, cap).tally for batch in range(20)]
        shares = [share(tally[of.REJECTED], tally[of.ARRIVED]) for tally in batches]
        expected = erlang_b(50.0 * 0.065, cap)[-1]
        assert abs(np.mean(shares) - expected) < 4 * np.std(shares, ddof=1) / math.sqrt(20) < 0.1 * expected
        running = np.mean([tally[of.BUSY_S] for tally in batches]) / (20 * 300.0)
        assert running == pytest.approx(3.25 * (1.0 - expected), rel=0.005)  # Little's law


def test_a_short_timeout_rejects_what_the_semi_markov_model_misses():
    """SPEC section 3: .357, where the semi-Markov model says 0 and Erlang-B .215; three million requests."""
    ours = simulated([(10, 100.0, 300.0)] * 100, Service(0.1, 0.4, 0.05), most=10)
    assert share(ours.tally[of.REJECTED], ours.tally[of.ARRIVED]) == pytest.approx(0.357, abs=0.0015)


def test_ticks_are_one_call_by_law():
    """A bursty node, 600 s at a time or in 300 ticks of 2 s: the same up to the statistics of 20 repetitions."""
    service = Service(0.1, 0.4, 1.0)

    def played(ticks):
        runs = [simulated([(8, 40.0, 600.0 / ticks)] * ticks, service, 10_000 * (ticks + seed)) for seed in range(20)]
        return np.array([run.tally for run in runs])

    whole, ticked = played(1), played(300)
    spread = np.sqrt((whole.var(0, ddof=1) + ticked.var(0, ddof=1)) / 20)
    distance = np.abs(whole.mean(0) - ticked.mean(0)) / np.where(spread > 0, spread, 1.0)
    assert distance.max() < 4.0
    assert np.all(spread[: of.SLOW] < 0.01 * whole.mean(0)[: of.SLOW] + 5)  # or nothing would be told


def test_response_times_are_exponential():
    """Of mean 1 s: the median and the 95th percentile are ln 2 and ln 20, and e^-2 of them take longer than 2 s."""
    ours = simulated([(8, 5.0, 100_000.0)], Service(1.0, 1.0, math.inf, 2.0))
    count = served(ours.tally)
    assert ours.tally[of.RESPONSE_S] / count == pytest.approx(1.0, abs=4 / math.sqrt(count))
    assert share(ours.tally[of.SLOW], count) == pytest.approx(math.exp(-2.0), abs=4 * 0.35 / math.sqrt(count))
    assert percentile(ours.histogram, 0.5) == pytest.approx(math.log(2.0), rel=0.01)
    assert percentile(ours.histogram, 0.95) == pytest.approx(math.log(20.0), rel=0.01)


@given(seconds=st.floats(1e-15, 1e15))
def test_a_bin_holds_its_times(seconds):
    histogram = np.zeros(BINS, dtype=np.int64)
    histogram[bin_of(seconds)] = 1
    assert percentile(histogram, 1e-12) <= seconds * (1 + 1e-11)
    assert seconds <= percentile(histogram, 1.0)
    assert percentile(histogram, 1.0) <= percentile(histogram, 1e-12) * (1 + 1 / 31)


def test_percentiles_by_hand():
    """Three times of 1 s and one of 4 s: the bins are [1, 1 + 1/32) and [4, 4 + 1/8)."""
    histogram = np.zeros(BINS, dtype=np.int64)
    assert percentile(histogram, 0.95) == 0.0
    histogram[bin_of(1.0)], histogram[bin_of(4.0)] = 3, 1
    assert percentile(histogram, 0.75) == 1.0 + 1 / 32
    assert percentile(histogram, 0.375) == 1.0 + 1 / 64
    assert percentile(histogram, 0.875) == 4.0 + 1 / 16
    histogram[:] = 0
    histogram[[bin_of(1e-300), bin_of(1e300)]] = 1
    assert histogram[0] == histogram[-1] == 1  # beyond the range it counts as its end


def test_the_numbers_are_splitmix64s():
    """The first outputs of SplitMix64 from seed 1234567, as published with its reference implementation."""
    published = [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431]
    states = [(1234567 + (i + 1) * 0x9E3779B97F4A7C15) % 2**64 for i in range(4)]
    assert [int(mixed(np.uint64(state))) for state in states] == published
    assert exponential(np.uint64(states[0])) == -math.log((published[0] // 2**12 + 0.5) / 2**52)


def test_pools_are_put_back_whole_or_not_at_all():
    ours = simulated([(8, 40.0, 3.0)], Service(0.5, 2.0, 1.0)).pools
    again = empty_pools(1, 8)
    put_back_pools(again, ours._asdict())
    assert all(np.array_equal(mine, theirs) for mine, theirs in zip(again, ours, strict=True))
    for name, wrong in [("counts", [[9, 0]]), ("counts", [[-1, 0]]), ("until", [[np.nan] * 8]), ("since", [[0.0] * 7])]:
        kind = np.int64 if name == "counts" else np.float64
        with pytest.raises(ValueError, match=r"replicas|finite|shape"):
            put_back_pools(again, {**ours._asdict(), name: np.array(wrong, dtype=kind)})
    assert isinstance(again, Pools)
