"""When what trained agents save against the rules of today has paid for their training."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from mamo_cli.analysis.perfect import reached
from mamo_cli.analysis.statistics import bootstrap_interval, mean
from mamo_cli.core.energy import Interval
from mamo_cli.core.seeding import stream
from mamo_cli.core.words import Words
from mamo_cli.domains.rules import TUNED

Row = Mapping[str, Any]


class Saved(NamedTuple):
    """What agents save against one rule.

    Attributes:
        rule: tuned.
        rule_holds: whether it keeps the limits, in every play of it.
        units: fewer on average over time, of all agents together; over the members that hold with a 95 % bootstrap
            interval, which one member alone has not (None). None where no member holds.
        hours: until the training is paid for: infinite where that may never be; of one member, with what it saves
            taken as it is. None where it is not to be said.
        why: in that case, the reason; else empty.
    """

    rule: str
    rule_holds: bool
    units: tuple[float, Interval | None] | None
    hours: Interval | None
    why: str = ""


class BreakEven(NamedTuple):
    """The training of all members of a run, beside what those that keep the limits save.

    Attributes:
        unit: the measure that takes power.
        kwh: what the whole run took.
        whole: whether that is all of it; else hours are at least so many.
        watts_per_unit: of a unit, W.
        members: of the run that did not diverge.
        holding: of these, how many keep every limit.
        saved: rule by rule.
    """

    unit: str
    kwh: Interval
    whole: bool
    watts_per_unit: Interval
    members: int
    holding: int
    saved: list[Saved]


def break_even(
    trained: Sequence[Row], ruled: Sequence[Row], words: Words, agents: int, energy: Row, watts_per_unit: Interval
) -> BreakEven:
    """Hours until units saved against each tuned rule have paid for a run.

    Args:
        trained: rows of the summary of a run with agents.
        ruled: rows of that of a run of rules on the same problem.
        words: of both.
        agents: how many, A: means of summaries are over them.
        energy: the ledger of the first.
        watts_per_unit: what a unit of the measure that takes power takes, W.
    """
    members = [row for row in trained if row["mean_cost"] is not None]
    holding, column = [row for row in members if holds(row, words)], f"mean_{words.powered}"
    kwh, own = Interval(*energy["kwh"]), np.array([agents * row[column] for row in holding])
    saved = []
    for rule in dict.fromkeys(row["rule"] for row in ruled if row["knobs"] == TUNED):
        plays = [row for row in ruled if (row["rule"], row["knobs"]) == (rule, TUNED)]
        of_rule = agents * float(np.mean([row[column] for row in plays]))
        saved.append(_saved(rule, of_rule, all(row["holds"] for row in plays), own, kwh, watts_per_unit))
    return BreakEven(words.powered, kwh, energy["whole"], watts_per_unit, len(members), len(holding), saved)


def holds(row: Row, words: Words) -> bool:
    """Whether a row of a summary keeps every limit: as it says, or by its means where it says nothing.

    Raises:
        TypeError: it says nothing, and agents have limits of their own.
    """
    if "holds" in row:
        return bool(row["holds"])
    limits = [row[column] for column in words.each("tolerance")]
    means = [row[f"mean_{one.name}"] for one in words.violations]
    return bool((np.array(means) <= reached(np.array(limits))).all())


def _saved(rule: str, of_rule: float, rule_holds: bool, own: Any, kwh: Interval, watts: Interval) -> Saved:
    if not len(own):
        return Saved(rule, rule_holds, None, None, "no member keeps the limit")
    less = of_rule - own
    middle, ends = float(mean(less)), None
    if len(own) > 1:
        ends = Interval(*map(float, bootstrap_interval(less, mean, rng=stream(0, "bootstrap"))))
    units = middle, ends
    if not rule_holds:
        return Saved(rule, rule_holds, units, None, "it does not keep the limit, the members that count do")
    if middle <= 0.0:
        return Saved(rule, rule_holds, units, None, "never: nothing is saved")
    return Saved(rule, rule_holds, units, hours(kwh, ends or Interval(middle, middle), watts))


def hours(kwh: Interval, units: Interval, watts: Interval) -> Interval:
    """Until so many units, of so many W each, have taken so many kWh, h; infinite where units may be none."""
    most = kwh.high * 1000.0 / (units.low * watts.low) if units.low > 0.0 else math.inf
    return Interval(kwh.low * 1000.0 / (units.high * watts.high), most)
