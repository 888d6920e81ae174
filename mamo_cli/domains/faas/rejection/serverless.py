"""The semi-Markov model of a serverless platform: warm replicas come by cold starts and go by idle expiry.

Source: N. Mahmoudi and H. Khazaei, "Performance Modeling of Serverless Computing Platforms", IEEE Transactions on
Cloud Computing, 2020. Replicas are ordered: a request goes to the first free one, so replica m sees what the m - 1
before it reject. The state is the number of warm replicas, 0..n; a cold start adds one, idle expiry removes one.

With B_m the Erlang-B value of m servers at the warm load, and x_m = lambda B_m the rate that m servers reject:

    birth rate      b_m = 1 / (1 / x_m + s_c)                       a rejected request, then its cold start
    served by m     L_m = x_{m-1} - x_m
    life of m       K_m = tau + (e^{L_m tau} - 1) (1 - (1 + y) e^{-y}) / L_m,   y = L_m (tau + s_w)
    death rate      d_m = 1/K_1 + ... + 1/K_m
    rejection       P(lambda, n) = B_n p_n,   p_n the stationary probability that all n are warm

Neither b_m nor d_m knows n, so one pass over m = 1..N yields P for every n. A cut between the states n - 1 and n gives
p_n = b_{n-1} p_{n-1} / (b_{n-1} p_{n-1} + d_n) with p_0 = 1: again positive terms only.

P falls with n: B_n does, and so does p_n by induction (p_{n-1} <= p_{n-2} means d_{n-1} >= b_{n-2} (1 - p_{n-2}), hence
d_n >= d_{n-1} >= b_{n-1} (1 - p_{n-1}), which is p_n <= p_{n-1}). P rises with lambda, as B_m, b_m and K_m all do.
In floats both hold up to rounding.
"""

import math

import numpy as np
from numpy.typing import ArrayLike

from mamo_cli.domains.faas.rejection.erlang import FloatArray, erlang_b, non_negative

_EXPONENT_WHERE_EXP_IS_ZERO = 750.0


def serverless_rejection(
    arrival_rate_rps: ArrayLike,
    max_replicas: int,
    warm_service_time_s: float,
    cold_service_time_s: float,
    idle_timeout_s: float,
) -> FloatArray:
    """Rejection probability of a node whose replicas start cold and expire when idle, for every n = 1..N at once.

    An idle timeout of infinity gives Erlang-B (nothing expires); one of 0 gives 0 (nothing is ever warm). The model
    is optimistic where the timeout is short, and `mamo_cli.domains.faas.rejection.optimism` says when.

    Args:
        arrival_rate_rps: (...) requests/s, >= 0.
        max_replicas: N.
        warm_service_time_s: Mean seconds of a request on a warm replica, > 0.
        cold_service_time_s: Mean seconds of a request on a replica that starts for it, > 0.
        idle_timeout_s: Seconds of idleness after which a replica ends, >= 0.

    Returns:
        (..., N) rejection probability for n = 1..N replicas, in [0, 1]; 0 where the rate is 0.

    Raises:
        ValueError: A rate is negative or NaN.
    """
    rate = non_negative(arrival_rate_rps, "arrival_rate_rps")
    with np.errstate(over="ignore"):
        load = rate * warm_service_time_s
    if math.isinf(idle_timeout_s):
        return erlang_b(load, max_replicas)
    blocking = np.moveaxis(erlang_b(load, max_replicas), -1, 0)
    rejection = np.empty_like(blocking)
    carried, death_rate = np.zeros_like(rate), np.zeros_like(rate)
    all_warm, blocking_before = np.ones_like(rate), np.ones_like(rate)
    with np.errstate(divide="ignore", over="ignore", under="ignore"):
        for m in range(1, max_replicas + 1):
            overflow = rate * blocking_before
            served = _served_by_last(overflow, carried, m, warm_service_time_s)
            death_rate = death_rate + 1.0 / _replica_life(served, warm_service_time_s, idle_timeout_s)
            all_warm = _all_warm(all_warm, 1.0 / (1.0 / overflow + cold_service_time_s), death_rate)
            carried = m / (m / load + blocking_before)
            blocking_before = blocking[m - 1]
            rejection[m - 1] = blocking_before * all_warm
    return np.moveaxis(rejection, 0, -1)


def _served_by_last(overflow: FloatArray, carried: FloatArray, m: int, warm_service_time_s: float) -> FloatArray:
    """Rate that replica m serves, L_m = x_{m-1} - x_m, in requests/s, without subtracting near-equal rates.

    Erlang-B's recursion turns the difference into x_{m-1} (m - a_{m-1}) / (m + s_w x_{m-1}), where a_{m-1} <= m - 1 is
    the load that the replicas before it carry.
    """
    return (m - carried) / (m / overflow + warm_service_time_s)


def _replica_life(served: FloatArray, warm_service_time_s: float, idle_timeout_s: float) -> FloatArray:
    """Mean seconds from a replica's start to its expiry, K_m; at least the idle timeout, infinite at high rates."""
    exponent = np.minimum(served * (idle_timeout_s + warm_service_time_s), _EXPONENT_WHERE_EXP_IS_ZERO)
    distribution = -np.expm1(-exponent) - exponent * np.exp(-exponent)
    inter_arrival_s = np.divide(distribution, served, out=np.zeros_like(served), where=served > 0.0)
    renewals = np.expm1(served * idle_timeout_s)
    life_s: FloatArray = idle_timeout_s + renewals * inter_arrival_s
    return life_s


def _all_warm(before: FloatArray, birth_rate: FloatArray, death_rate: FloatArray) -> FloatArray:
    """Stationary probability of the top state n, from that of a chain one state shorter; 1 where nothing dies."""
    upward = birth_rate * before
    total = upward + death_rate
    probability: FloatArray = np.divide(upward, total, out=np.zeros_like(total), where=total > 0.0)
    return probability
