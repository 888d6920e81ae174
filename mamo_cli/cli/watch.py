"""`mamo watch`: a live view of a run, from another terminal than the one that makes it."""

import os
import shutil
import sys
import textwrap
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer

from mamo_cli.cli.charts import ASCII, BRAILLE, Kind, Values, chart
from mamo_cli.cli.completing import run_names
from mamo_cli.cli.console import print_json, print_lines
from mamo_cli.cli.options import AsJson, Results, elsewhere
from mamo_cli.cli.runs import find_run
from mamo_cli.cli.stdout import STDOUT
from mamo_cli.core.errors import DataError, UsageError
from mamo_cli.core.told import shown
from mamo_cli.experiments.watch import Picture, Series, Watched
from mamo_cli.runs.listed import duration, violations_told
from mamo_cli.runs.manifest import RESULTS, list_runs, read_manifest
from mamo_cli.runs.outcomes import Outcome
from mamo_cli.runs.stopping import Stopped

WIDTH, HEIGHT = 80, 4
"""Of a picture that no terminal shows, and of each of its plots."""
LEAST, MOST = 2, 6
"""Lines of a plot."""
WITHOUT_BRAILLE = ("linux", "dumb")
"""Terminals, as TERM names them, whose letters are few whatever the encoding."""

Run = Annotated[
    str | None,
    typer.Argument(
        metavar="[RUN]",
        autocompletion=run_names,
        help="Name or folder of a run.  [default: the newest, running ones first]",
    ),
]
Interval = Annotated[float, typer.Option(metavar="SECONDS", help="Look again after so many s, at least 0.1.")]


def watch(run: Run = None, *, interval: Interval = 1.0, results: Results = RESULTS, as_json: AsJson = False) -> None:
    """Watch a run while it trains, from another terminal.

    Shows how far it is, how fast, and what it brings: alpha and cost as medians over the members that did not diverge,
    violations as their means, beside what is allowed. Only the run's tables are read. Ends by itself when the run does,
    and with Ctrl-C (exit code 0). Where no terminal shows it, or with --json, one picture is printed.
    """
    if not interval >= 0.1:
        raise UsageError(f"--interval must be at least 0.1 s, got {interval:g}")
    watched = Watched(_newest(results) if run is None else find_run(run, results))
    if as_json:
        print_json(_facts(watched.look()))
        return
    with STDOUT.data():
        live = sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
        kind = _kind(sys.stdout.encoding)
    if live:
        _live(watched, interval, kind)
    else:
        print_lines(drawn(watched.look(), WIDTH, None, kind))


def _newest(results: Path) -> Path:
    """The run that changed last, of those that are running if any is.

    Raises:
        UsageError: there is none.
    """
    runs = list_runs(results)
    if not runs:
        raise UsageError(f"no run under {results}/ to watch; next: mamo run-mamo{elsewhere(results)}")
    return next(filter(_is_running, runs), runs[0])


def _is_running(folder: Path) -> bool:
    try:
        return bool(read_manifest(folder)["status"] == "running")
    except DataError:
        return False


def _kind(encoding: str | None) -> Kind:
    """What the terminal, or whoever reads, can show."""
    unicode = (encoding or "").lower().replace("-", "") == "utf8" and os.environ.get("TERM") not in WITHOUT_BRAILLE
    return BRAILLE if unicode else ASCII


def _live(watched: Watched, interval: float, kind: Kind) -> None:
    """Show the run until it ends, or whoever watches has seen enough."""
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    try:
        with STDOUT.data():
            console = Console(highlight=False, markup=False, emoji=False)
            with Live(console=console, auto_refresh=False, vertical_overflow="crop") as live:
                while True:
                    picture = watched.look()
                    size = shutil.get_terminal_size()
                    lines = drawn(picture, size.columns, size.lines, kind)
                    live.update(Text("\n".join(lines), no_wrap=True), refresh=True)
                    if picture.status != "running":
                        return
                    time.sleep(interval)
    except Stopped as stopped:
        if stopped.signal_name != "SIGINT":
            raise


def drawn(picture: Picture, width: int, lines: int | None, kind: Kind) -> list[str]:
    """A picture as lines of text.

    Args:
        picture: of a run.
        width: in characters.
        lines: that the terminal has; None for as many as there are.
        kind: of characters.
    """
    head = [line for told in _head(picture) for line in textwrap.wrap(told, width, subsequent_indent="  ") or [""]]
    panels = [panel for series in picture.series for panel in _panels(picture, series)]
    height, most = _room(panels, None if lines is None else lines - len(head) - 1)
    plots = [line for panel in panels[:most] for line in (panel.title[:width], *panel.drawn(width, height, kind))]
    left = [f"... and {len(panels) - most} more plots: --json has all"[:width]] if len(panels) > most else []
    return [*head, *plots, *left]


def _room(panels: Sequence["Panel"], lines: int | None) -> tuple[int, int]:
    """How high plots may be, and how many there may be, in so many lines."""
    if lines is None:
        return HEIGHT, len(panels)
    height = min(MOST, lines // max(1, len(panels)) - 1)
    return (height, len(panels)) if height >= LEAST else (LEAST, max(0, lines - 1) // (LEAST + 1))


def _head(picture: Picture) -> list[str]:
    """What is told in words."""
    told = [f"{picture.run}: {picture.command}, {picture.status}{picture.doing and f'; {picture.doing}'}"]
    if picture.unit:
        share = f" ({picture.over / picture.total:.0%})" if picture.total else ""
        of = f" of {picture.total}" if picture.total else ""
        told.append(f"{picture.over}{of} {picture.unit}s are over{share}")
    if picture.env_steps is not None:
        pace, average = picture.env_steps_per_second, " on average" if picture.on_average else ""
        told.append(
            f"{picture.env_steps:,} environment steps" + ("" if pace is None else f", {pace:,.0f} a second{average}")
        )
    if picture.seconds is not None:
        taken, left = duration(picture.seconds, picture.all_seconds_known), picture.seconds_left
        goes_on = f"{taken} so far" + ("" if left is None else f", {duration(left)} of training left")
        told.append(goes_on if picture.status == "running" else f"took {taken}")
    if picture.members is not None:
        told.append(_members(picture))
    return [*told, *(_came_out(outcome) for outcome in picture.outcomes)]


def _members(picture: Picture) -> str:
    told = f"{picture.members} members" + (f", {picture.diverged} diverged" if picture.diverged is not None else "")
    last = [series.points[-1] for series in picture.series]
    within = [point.within for point in last if point.within is not None]
    if not within:
        return told
    healthy = sum(point.members - point.diverged for point in last)
    return f"{told}; in the last {picture.unit} {sum(within)} of {healthy} within the limits"


def _came_out(outcome: Outcome) -> str:
    over, held = outcome.cost_over_causal_bound, outcome.holds_of
    told = [
        "" if over is None else f"{shown(over)} times the causal bound",
        violations_told([outcome]) or "",
        "" if held is None else f"{outcome.holds} of {held} hold",
    ]
    return f"{outcome.title or 'outcome'}: {', '.join(filter(None, told)) or 'no number is left'}"


class Panel(NamedTuple):
    """A plot, and what stands above it."""

    title: str
    values: Values
    limits: Values = ()

    def drawn(self, width: int, height: int, kind: Kind) -> list[str]:
        """Its lines."""
        return chart(self.values, self.limits, width, height, kind)


def _panels(picture: Picture, series: Series) -> list[Panel]:
    """The plots of a group of members."""
    points, names = series.points, picture.violations
    before = f"alpha {' '.join(series.alphas)}: " if series.alphas else ""
    curves = [] if before else [_named("alpha", name, names) for name in names]
    panels = [
        Panel(f"{title} {shown(points[-1].alphas[i])} (median)", [point.alphas[i] for point in points])
        for i, title in enumerate(curves)
    ]
    panels.append(Panel(f"{before}cost {shown(points[-1].cost)} (median)", [point.cost for point in points]))
    for i, name in enumerate(names):
        allowed = [point.limits[i] for point in points]
        panels.append(
            Panel(
                f"{before}{name} {shown(points[-1].violations[i])}{_allowed(allowed[-1])} (mean)",
                [point.violations[i] for point in points],
                [None if each is None or each[0] != each[1] else each[0] for each in allowed],
            )
        )
    return panels


def _named(what: str, name: str, names: Sequence[str]) -> str:
    return what if len(names) == 1 else f"{what} of {name}"


def _allowed(limit: tuple[float, float] | None) -> str:
    if limit is None:
        return ""
    least, greatest = limit
    return f" of {least:g}" if least == greatest else f" of {least:g} to {greatest:g}"


def _facts(picture: Picture) -> dict[str, Any]:
    """The same for a program."""
    series = [{"alphas": one.alphas, "points": [point._asdict() for point in one.points]} for one in picture.series]
    outcomes = [outcome._asdict() for outcome in picture.outcomes]
    return {**picture._asdict(), "run": str(picture.run), "series": series, "outcomes": outcomes}
