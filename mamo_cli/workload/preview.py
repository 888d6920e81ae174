"""What an import came to, for a look before it is trusted."""

from dataclasses import dataclass

import numpy as np

from mamo_cli.workload.imported import Imported, note_text
from mamo_cli.workload.profiles.profile import Profile
from mamo_cli.workload.stamps import moment
from mamo_cli.workload.times import Kind
from mamo_cli.workload.trace import Trace

FIRST_PERIODS = 5
_SHOWN_FUNCTIONS = 6


@dataclass(frozen=True)
class Preview:
    """What came out, and how.

    Attributes:
        taken_for: the format and why.
        citation: what to cite; empty for nobody's data.
        times: the span and the zone.
        periods: control periods in the file, before the forecast takes one.
        step_seconds: length of a control period.
        functions: their names.
        requests: in all whole periods.
        mean_rps: of all functions together.
        peak_rps: of all functions together.
        filled: values that were missing and put in.
        dropped: (how many, what and why) of all that was left out.
        said: all else that was decided on the way.
        first: the first rates, by function.
    """

    taken_for: str
    citation: str
    times: str
    periods: int
    step_seconds: float
    functions: tuple[str, ...]
    requests: float
    mean_rps: float
    peak_rps: float
    filled: int
    dropped: list[tuple[int, str]]
    said: list[str]
    first: dict[str, list[float]]

    def lines(self) -> list[str]:
        """Return what a person reads."""
        names = ", ".join(self.functions[:_SHOWN_FUNCTIONS])
        more = len(self.functions) - _SHOWN_FUNCTIONS
        others = f" and {more} more" if more > 0 else ""
        shown = [
            f"taken for {self.taken_for}",
            *([f"cite: {self.citation}"] if self.citation else []),
            *self.said,
            self.times,
            f"{self.periods} periods of {self.step_seconds:g} s, functions: {names}{others}",
            f"{self.requests:,.0f} requests in all, mean {self.mean_rps:.4g}, peak {self.peak_rps:.4g} requests/s",
            f"{self.filled} missing values filled" if self.filled else "nothing was missing",
            *([f"dropped: {count:,} {why}" for count, why in self.dropped] or ["nothing was dropped"]),
        ]
        for name, rates in list(self.first.items())[:_SHOWN_FUNCTIONS]:
            shown.append(f"first periods of {name}, requests/s: {', '.join(f'{rate:.4g}' for rate in rates)}")
        return [note_text(line) for line in shown]


def preview_of(imported: Imported, trace: Trace, profile: Profile, why: str, timezone: str | None) -> Preview:
    """Return the preview of an import, of the rates before any scaling.

    Args:
        imported: the rates of the file.
        trace: what was made of it.
        profile: the format.
        why: why the file was taken for it.
        timezone: of its times, where the user says so.
    """
    with np.errstate(over="ignore"):
        total = imported.rate_rps.sum(axis=1)
    dropped = [(count, why) for count, why in imported.dropped if count]
    if trace.notes["forecast"] == "persistence":
        dropped.append((1, "period at the start, before which nothing was seen (--forecast persistence)"))
    return Preview(
        taken_for=f"{profile.name}: {why}",
        citation=profile.citation,
        times=_times(imported, timezone),
        periods=len(total),
        step_seconds=imported.step_seconds,
        functions=trace.functions,
        requests=float(total.sum() * imported.step_seconds),
        mean_rps=float(total.mean()),
        peak_rps=float(total.max()),
        filled=imported.filled,
        dropped=dropped,
        said=imported.said,
        first={
            name: imported.rate_rps[:FIRST_PERIODS, index].tolist()
            for index, name in enumerate(trace.functions[:_SHOWN_FUNCTIONS])
        },
    )


def _times(imported: Imported, timezone: str | None) -> str:
    span = len(imported.rate_rps) * imported.step_seconds
    if imported.start_ns is None or imported.clock is None:
        return f"{span:g} s in all, without times"
    end_ns = imported.start_ns + round(span * 1e9)
    zone = {Kind.NUMBER: "", Kind.LOCAL: ", of a clock without a zone", Kind.ZONED: " UTC"}[imported.clock.kind]
    words = imported.clock.words
    if timezone is not None:
        zone, words = " UTC", f"dates of {timezone}"
    start, end = (moment(ns, imported.clock) for ns in (imported.start_ns, end_ns))
    return f"from {start} to {end}{zone} (times are {words})"
