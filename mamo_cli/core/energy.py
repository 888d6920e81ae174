"""From CPU-seconds to kWh and g of CO2, by numbers that the user declares; each is an interval, as nobody knows better.

What a machine draws and what its power is made of are facts of the place, not of a run: they are declared once, in the
environment, and are no part of a run's identity.
"""

import math
import os
from collections.abc import Mapping
from typing import NamedTuple

from mamo_cli.core.errors import UsageError

JOULES_PER_KWH = 3.6e6


class Interval(NamedTuple):
    """From the least to the most that a number may be."""

    low: float
    high: float


WATTS_PER_CORE, CO2_G_PER_KWH, WATTS_PER_UNIT = "MAMO_WATTS_PER_CORE", "MAMO_CO2_G_PER_KWH", "MAMO_WATTS_PER_UNIT"
DEFAULTS: Mapping[str, Interval] = {
    WATTS_PER_CORE: Interval(5.0, 20.0),
    CO2_G_PER_KWH: Interval(11.0, 820.0),
    WATTS_PER_UNIT: Interval(5.0, 20.0),
}
"""What is taken where nothing is declared.

Watts are assumptions: 5 W is about a core's share of a many-core processor's rated power, 20 W allows for a machine of
few cores with memory, board, power supply and cooling. A unit, such as a replica, is taken for a core. CO2 is that of
wind (onshore) and of coal, medians over the life cycle: IPCC, Fifth Assessment Report, Working Group III (2014), Annex
III, Table A.III.2.
"""


class Declared(NamedTuple):
    """What the user declares, or `DEFAULTS`."""

    watts_per_core: Interval
    co2_g_per_kwh: Interval
    watts_per_unit: Interval  # of the measure that takes power in a domain, such as a replica


def declared(environment: Mapping[str, str] | None = None) -> Declared:
    """What is declared in the environment.

    Raises:
        UsageError: it is neither a number nor an interval.
    """
    given = os.environ if environment is None else environment
    return Declared(*(_interval(name, given) for name in (WATTS_PER_CORE, CO2_G_PER_KWH, WATTS_PER_UNIT)))


def _interval(name: str, given: Mapping[str, str]) -> Interval:
    text = given.get(name, "")
    if not text.strip():
        return DEFAULTS[name]
    low, dots, high = text.partition("..")
    try:
        found = Interval(float(low), float(high if dots else low))
    except ValueError:
        found = Interval(math.nan, math.nan)
    if not 0.0 <= found.low <= found.high < math.inf or (found.low == 0.0 and name != CO2_G_PER_KWH):
        least = ">= 0" if name == CO2_G_PER_KWH else "> 0"
        raise UsageError(f"{name} is a number {least} or an interval such as 5..20, got {text!r}")
    return found


def kwh(seconds: float, watts: Interval) -> Interval:
    """What so many seconds take at so many W, kWh."""
    return Interval(*(seconds * each / JOULES_PER_KWH for each in watts))


def co2_g(energy_kwh: Interval, intensity: Interval) -> Interval:
    """What so many kWh emit at so many g/kWh, g."""
    return Interval(energy_kwh.low * intensity.low, energy_kwh.high * intensity.high)
