"""Homes for the tests of the battery, and what happens to one in plain Python."""

import numpy as np

from mamo_cli.domains.battery.domain import build
from mamo_cli.domains.battery.settings import BatteryConfig
from mamo_cli.workload.trace import Trace

# Four periods a day, a step of 1 kWh: small enough to enumerate.
TINY = {
    "tariff": (0.2, 0.1, 0.4, 0.3),
    "change_step": 1.0,
    "most_change": 1.0,
    "capacity": 2.0,
    "efficiency": 0.8,
    "peak_limit": 2.0,
}


def load_trace(mean, *, periodic=True, expected=None, day=4):
    """A trace of mean loads `(T, A)` or `(T,)`, kWh in each of so many periods a day."""
    mean = np.asarray(mean, dtype=float)
    mean = mean if mean.ndim == 2 else mean[:, None]
    return Trace(
        functions=tuple(f"h{index}" for index in range(mean.shape[1])),
        expected_rate_rps=mean if expected is None else np.asarray(expected, dtype=float),
        actual_rate_rps=mean,
        step_seconds=86_400.0 / day,
        period_steps=len(mean) if periodic else None,
    )


def tiny(mean, **settings):
    """A domain of tiny homes."""
    return build(BatteryConfig(**{**TINY, **settings}), load_trace(mean))


def reference(settings, loads, choices, clock=0, scale=1.0):
    """Bill, charge, change, energy from the grid and excess `(T, 5)` of one home, period by period."""
    charge, told = 0.0, []
    parts = len(settings.tariff)
    for t, (came, choice) in enumerate(zip(loads, choices, strict=True)):
        wanted = charge + choice * settings.change_step - settings.most_change
        after = min(max(wanted, 0.0), settings.capacity)
        change = after - charge
        at_meter = change / settings.efficiency if change > 0 else change * settings.efficiency
        grid = came + at_meter
        if grid < 0:
            grid = 0.0
        price = settings.tariff[(clock + t) % parts]
        excess = grid - settings.peak_limit if grid > settings.peak_limit else 0.0
        charge = after
        told.append((price * grid, charge, change, grid, excess / scale))
    return np.array(told)
