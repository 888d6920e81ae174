"""What `mamo runs compare` says of two runs."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mamo_cli.cli.console import print_json, print_lines, print_table
from mamo_cli.cli.output import OUTPUT
from mamo_cli.core.told import shown, spanned

if TYPE_CHECKING:  # NumPy takes its time to import
    from mamo_cli.analysis.break_even import BreakEven, Saved
    from mamo_cli.experiments.two_runs import Beside, Mean, TwoRuns


def print_two_runs(found: "TwoRuns", paths: Sequence[Path], as_json: bool) -> None:
    """Print what two runs have and have not in common, and on stderr what is to be minded with it."""
    if found.not_comparable:
        OUTPUT.warn(found.not_comparable)
    if not as_json:
        _show(found, *(path.name for path in paths))
        return
    print_json(
        {
            "runs": [str(path) for path in paths],
            "differences": [one._asdict() for one in found.differences],
            "outcome": [_beside_facts(one) for one in found.outcome],
            "only_in": found.only,
            "not_comparable": found.not_comparable or None,
            "break_even": None if found.break_even is None else _break_even_facts(found.break_even),
        }
    )


def _beside_facts(one: "Beside") -> dict[str, Any]:
    means = {name: getattr(one, name) for name in ("first", "second", "difference")}
    return {**one._asdict(), **{name: None if each is None else each._asdict() for name, each in means.items()}}


def _break_even_facts(found: "BreakEven") -> dict[str, Any]:
    saved = []
    for one in found.saved:
        hours = None if one.hours is None else [hour if math.isfinite(hour) else None for hour in one.hours]
        mean, interval = one.units or (None, None)
        saved.append({**one._asdict(), "units": mean, "units_interval": interval, "hours": hours})
    return {**found._asdict(), "saved": saved}


def _show_break_even(found: "BreakEven") -> None:
    headings = ["tuned rule", f"{found.unit} saved", "hours until the run is paid for"]
    print_table(headings, [[one.rule, _units(one), _hours(one, found.whole)] for one in found.saved])
    watt_hours, watts = spanned([1000 * each for each in found.kwh]), spanned(found.watts_per_unit)
    held = f"{found.holding} of {found.members} members keep the limit and count"
    print_lines([f"the whole run took {watt_hours} Wh; one of {found.unit} {watts} W; {held}"])


def _units(one: "Saved") -> str:
    if one.units is None:
        return "-"
    value, ends = one.units
    return shown(value) + (", one member, no interval" if ends is None else f" [{shown(ends.low)}, {shown(ends.high)}]")


def _hours(one: "Saved", whole: bool) -> str:
    if one.hours is None:
        return one.why
    low, high = one.hours
    least = "" if whole else "at least "
    return least + (spanned(one.hours) if math.isfinite(high) else f"{low:.3g}, or never")


def _show(found: "TwoRuns", first: str, second: str) -> None:
    if found.break_even is not None:
        _show_break_even(found.break_even)
        return
    if found.differences:
        rows = [[one.of, _value(one.first), _value(one.second)] for one in found.differences]
        print_table(["differs", first, second], rows)
    else:
        print_lines(["nothing differs in configuration, versions and commit"])
    several = len({one.of for one in found.outcome}) > 1
    moved = [one for one in found.outcome if not one.same]
    if moved:
        headings = [*(["of"] if several else []), "mean over seeds", first, second, "difference", "seeds"]
        rows = [[*([one.of] if several else []), *_numbers(one)] for one in moved]
        print_table(headings, rows)
    same = dict.fromkeys(one.quantity for one in found.outcome)
    for one in moved:
        same.pop(one.quantity, None)
    if same:
        print_lines([f"the same in both: {', '.join(same)}"])
    for name, only in zip((first, second), found.only, strict=True):
        if only:
            print_lines([f"only in {name}: {', '.join(only)}"])


def _numbers(one: "Beside") -> list[Any]:
    seeds = [0 if each is None else each.seeds for each in (one.first, one.second, one.difference)]
    counted = str(seeds[0]) if len(set(seeds)) == 1 else f"{seeds[0]}, {seeds[1]}, {seeds[2]} of both"
    return [one.quantity, _mean(one.first), _mean(one.second), _mean(one.difference), counted]


def _mean(mean: "Mean | None") -> str:
    if mean is None:
        return "-"
    interval = "" if mean.low is None else f" [{shown(mean.low)}, {shown(mean.high)}]"
    return shown(mean.value) + interval


def _value(value: Any) -> str:
    """A setting as a person reads it."""
    if value is None:
        return "unset"
    return "a section" if isinstance(value, dict) else value if isinstance(value, str) else repr(value)
