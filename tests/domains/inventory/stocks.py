"""Stocks for the tests of the inventory."""

import numpy as np

from mamo_cli.domains.inventory.domain import build
from mamo_cli.domains.inventory.environment import Stock
from mamo_cli.domains.inventory.settings import StockConfig
from mamo_cli.workload.trace import Trace


def demand_trace(mean, *, periodic=True, expected=None):
    """A trace of mean demands `(T, A)` or `(T,)`, units a period."""
    mean = np.asarray(mean, dtype=float)
    mean = mean if mean.ndim == 2 else mean[:, None]
    return Trace(
        functions=tuple(f"i{index}" for index in range(mean.shape[1])),
        expected_rate_rps=mean if expected is None else np.asarray(expected, dtype=float),
        actual_rate_rps=mean,
        step_seconds=3600.0,
        period_steps=len(mean) if periodic else None,
    )


def domain_of(mean, **settings):
    return build(StockConfig(**settings), demand_trace(mean))


def stock(mean, *, levels=10, lead_time=2, demand=None):
    """One item or several, `mean` is `(T, A)`; the demand is the mean where none is given."""
    mean = np.asarray(mean, dtype=float)
    return Stock(
        expected=mean,
        mean=mean,
        demand=(mean if demand is None else np.asarray(demand)).astype(np.int64),
        demand_scale=mean.mean(axis=0),
        levels=levels,
        lead_time=lead_time,
        holding_cost=1.0,
    )


def played(environment, actions, demands):
    """Level, stock on hand and unmet demand (over its scale) `(n, ...)` of choices and demands `(n, K, E, A)`."""
    steps = [
        environment.step(np.asarray(action), np.asarray(demand))
        for action, demand in zip(actions, demands, strict=True)
    ]
    measures = np.stack([step.measures for step in steps])
    return measures[..., 0], measures[..., 1], np.stack([step.objectives[..., 1] for step in steps])
