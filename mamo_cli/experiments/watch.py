"""A run as its growing tables tell of it, from another process than the one that makes it: what `mamo watch` shows.

The run's folder is only ever read, and its lock never held: whether a process works there is asked as `mamo runs list`
asks.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from mamo_cli.analysis.curves import Columns, Curves, Limits, Point
from mamo_cli.core.errors import DataError
from mamo_cli.core.settings import read_toml, resolve
from mamo_cli.runs.folder import CONFIG, GROWING
from mamo_cli.runs.following import GrowingTable
from mamo_cli.runs.logs import LOGGER
from mamo_cli.runs.manifest import read_manifest
from mamo_cli.runs.outcomes import Outcome, outcomes_of, seconds_taken, words_of
from mamo_cli.training.conditions import WALKED, DriftConfig

LOOKS = 20
"""So many times that a table has grown are remembered, for the rate."""


class Series(NamedTuple):
    """Curves of one group of members."""

    alphas: tuple[str, ...]  # of a group at fixed ones
    points: list[Point]


class Picture(NamedTuple):
    """A run at a look; None for what is not known.

    Attributes:
        run: its folder.
        command: that makes it.
        status: as it is now.
        doing: what a running one does that its tables do not show.
        unit: what is counted: cycle, iteration, cell; empty for a command that counts nothing.
        over: so many are.
        total: of so many.
        env_steps: that all members have played together.
        env_steps_per_second: at the pace of the last looks, else on average over the whole run.
        on_average: whether it is that.
        seconds: that all starts have taken.
        all_seconds_known: whether no start was killed, of which nobody knows how long it took.
        seconds_left: of training, at that rate.
        members: how many there are.
        diverged: so many of them were frozen.
        violations: their names.
        series: the curves.
        outcomes: what came out, once it has ended.
    """

    run: Path
    command: str
    status: str
    doing: str = ""
    unit: str = ""
    over: int = 0
    total: int | None = None
    env_steps: int | None = None
    env_steps_per_second: float | None = None
    on_average: bool = False
    seconds: float | None = None
    all_seconds_known: bool = False
    seconds_left: float | None = None
    members: int | None = None
    diverged: int | None = None
    violations: tuple[str, ...] = ()
    series: Sequence[Series] = ()
    outcomes: Sequence[Outcome] = ()


class Watched:
    """A run that is looked at again and again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._begun: tuple[Path, int] | None = None
        self._tables: Tables | None = None

    def look(self, now: datetime | None = None) -> Picture:
        """The run as it is now.

        Args:
            now: the time, if not that of the clock.

        Raises:
            MamoError: there is no such run any more, or its run.json or configuration cannot be read.
        """
        now = now or datetime.now(UTC)
        manifest = read_manifest(self._folder)
        seconds, known = seconds_taken(manifest, now)
        picture = Picture(
            self._folder,
            manifest["command"],
            manifest["status"],
            seconds=seconds,
            all_seconds_known=known,
            outcomes=self._outcomes(manifest),
        )
        if manifest["command"] in ("train", "run-mamo"):
            return self._trained(picture, manifest, now)
        cells = manifest.get("cells")
        return picture if not cells else picture._replace(unit="cell", over=self._cells_over(cells), total=len(cells))

    def _outcomes(self, manifest: Mapping[str, Any]) -> list[Outcome]:
        try:
            return outcomes_of(self._folder, manifest)
        except DataError as error:
            LOGGER.warning("%s", error)
            return []

    def _cells_over(self, cells: Mapping[str, str]) -> int:
        return sum(_is_complete(self._folder.parent / name) for name in cells.values())

    def _trained(self, picture: Picture, manifest: Mapping[str, Any], now: datetime) -> Picture:
        growing = self._folder / GROWING
        place = growing if growing.is_dir() else self._folder
        begun = (place, len(manifest["starts"]))
        if self._tables is None or self._begun != begun or self._tables.any_is_another():
            self._begun = begun
            self._tables = Tables(place, Plan(manifest, read_toml(self._folder / CONFIG), place == growing))
        self._tables.read()
        return self._tables.picture(picture, now)


def _is_complete(folder: Path) -> bool:
    try:
        return bool(read_manifest(folder)["status"] == "complete")
    except DataError:
        return False


class Plan:
    """What a run of train or run-mamo is to be, as far as its configuration says.

    Attributes:
        catching_up: whether the tables are those of new members, who catch up with the ones that a run grows from.
    """

    def __init__(self, manifest: Mapping[str, Any], config: Mapping[str, Any], catching_up: bool) -> None:
        words = words_of(manifest)
        self.catching_up = catching_up
        self.loops = manifest["command"] == "run-mamo"
        self.violations = () if words is None else tuple(one.name for one in words.violations)
        self.agent = None if words is None else words.agent
        alphas = ("alpha",) if words is None else words.each("alpha")
        of = Columns.of_cycles if self.loops else Columns.of_training
        self.columns = of(self.violations, alphas)
        self.seeds = len(manifest["seeds"]) if isinstance(manifest.get("seeds"), list) else None
        self.iterations = _whole(config, "phase", "iterations")
        self.cycles = _whole(config, "adaptation", "cycles") if self.loops else 1
        steps, copies = _whole(config, "phase", "iteration_steps"), _whole(config, "phase", "environments")
        self.iteration_steps = None if steps is None or copies is None else steps * copies
        self.prepared = _whole(config, "preparation", "iterations") or 0
        self.grown = any("--grow" in start.get("argv", ()) for start in manifest["starts"])
        own = config.get("alpha")
        self.groups = len(own) if isinstance(own, list) and not self.loops else 1
        self._limits = manifest.get("limits", {})
        self._tolerance = _part(config, "instance").get("tolerance")
        walks = config.get("continual") is True
        drift = _part(config, "drift")
        self._drift = DriftConfig() if walks else resolve(DriftConfig, drift)

    @property
    def members(self) -> int | None:
        """How many there are."""
        return None if self.seeds is None or self.catching_up else self.seeds * self.groups

    @property
    def total(self) -> int | None:
        """Points of the curves."""
        return None if self.catching_up else self.cycles if self.loops else self.iterations

    def env_steps(self, member_iterations: float) -> int | None:
        """That were played in so many iterations, those of all members added up; before the first cycle, too."""
        if self.iteration_steps is None or not member_iterations:
            return None
        prepared = 0 if self.prepared == 0 else self.prepared * (self.members or 0)
        return round((member_iterations + prepared) * self.iteration_steps)

    def limits_at(self, cycle: int) -> Limits:
        """Of the violations in a cycle."""
        drifted = self._drift.at(cycle).get("tolerance")
        if drifted is None and (self._drift.tolerance or not self._limits):
            drifted = self._tolerance
        if isinstance(drifted, int | float):
            return tuple((float(drifted), float(drifted)) for _ in self.violations)
        own = [self._limits.get(name) for name in self.violations]
        return tuple((min(each), max(each)) if each else None for each in own)


def _part(config: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = config.get(name)
    return part if isinstance(part, Mapping) else {}


def _whole(config: Mapping[str, Any], section: str, name: str) -> int | None:
    value = _part(config, section).get(name)
    return value if isinstance(value, int) else None


class Tables:
    """The tables of a run that trains, read as they grow."""

    def __init__(self, folder: Path, plan: Plan) -> None:
        self._plan = plan
        self._training = GrowingTable(folder / "training.csv")
        self._cycles = GrowingTable(folder / "cycles.csv")
        self._walk = GrowingTable(folder / f"{WALKED}.csv")
        self._curves = Curves(plan.columns, plan.limits_at)
        self._rows = 0  # of training
        self._agents: int | None = None
        self._held = b""  # of training, until the number of agents is known
        self._grown: list[tuple[float, int]] = []  # when, and to how many rows
        self._window: int | None = None

    def any_is_another(self) -> bool:
        """Whether a table was cut back or replaced."""
        return any(table.is_another() for table in (self._training, self._cycles, self._walk))

    def read(self) -> None:
        """Take in what was added since the last time.

        Raises:
            DataError: a table is not one of ours, or may not be read.
        """
        before = self._rows
        for block in self._training.blocks():
            self._rows += block.count(b"\n")
            self._held += block
            if self._agents is None:
                self._agents = _agents([*self._training.rows(self._held)], self._plan.agent)
            if self._agents is not None:
                if not self._plan.loops:
                    self._add(self._training, self._held)
                self._held = b""
        if self._rows > before:
            self._grown = [*self._grown, (self._training.changed_s, self._rows)][-LOOKS:]
        if self._agents is not None:
            for block in self._cycles.blocks():
                self._add(self._cycles, block)
        for block in self._walk.blocks():
            self._window = max([self._window or 0, *(int(row["window"]) for row in self._walk.rows(block))])

    def _add(self, table: GrowingTable, block: bytes) -> None:
        plan, agents = self._plan, self._agents
        whole = None if plan.members is None or plan.seeds is None or agents is None else plan.seeds * agents
        try:
            for row in table.rows(block):
                self._curves.add(row, whole)
        except (LookupError, ValueError):
            raise DataError(f"{table.path} is damaged: a row of it is not one of ours") from None

    def picture(self, picture: Picture, now: datetime) -> Picture:
        """What is known of the run, and what its tables add to it."""
        plan, running = self._plan, picture.status == "running"
        points = self._curves.points.values()
        last = [own[-1] for own in points]
        steps = None if self._agents is None else plan.env_steps(self._rows / self._agents)
        pace = self._pace() if running else None
        on_average = pace is None
        if on_average and steps is not None and picture.all_seconds_known and picture.seconds and not plan.grown:
            pace = steps / picture.seconds
        return picture._replace(
            doing=self._doing() if running else "",
            unit=plan.columns.place,
            over=min((len(own) for own in points), default=0) if len(points) == plan.groups else 0,
            total=plan.total,
            env_steps=steps,
            env_steps_per_second=pace,
            on_average=on_average,
            seconds_left=self._left(pace, now) if running else None,
            members=plan.members or (sum(point.members for point in last) or None),
            diverged=sum(point.diverged for point in last) if last else None,
            violations=plan.violations,
            series=[Series(group, own) for group, own in self._curves.points.items()],
        )

    def _iterations_left(self) -> float | None:
        """That are to be played, those of all members added up."""
        plan = self._plan
        if plan.members is None or plan.cycles is None or plan.iterations is None or self._agents is None:
            return None
        return max(0.0, plan.members * plan.cycles * plan.iterations - self._rows / self._agents)

    def _doing(self) -> str:
        if self._window is not None:
            return f"walks the evaluation: {self._window + 1} windows are over"
        if self._plan.catching_up:
            return "new members catch up with those that are taken over"
        if not self._rows:
            return "prepares"
        return "training is over" if self._iterations_left() == 0.0 else ""

    def _pace(self) -> float | None:
        """Environment steps a second from the first to the last time that the table was seen to grow."""
        (since, before), (until, now) = (self._grown[0], self._grown[-1]) if self._grown else ((0.0, 0), (0.0, 0))
        if until <= since or self._agents is None or self._plan.iteration_steps is None:
            return None
        return (now - before) / self._agents * self._plan.iteration_steps / (until - since)

    def _left(self, pace: float | None, now: datetime) -> float | None:
        left = self._iterations_left()
        if left is None or not pace or self._plan.iteration_steps is None:
            return None
        return max(0.0, left * self._plan.iteration_steps / pace - max(0.0, now.timestamp() - self._training.changed_s))


def _agents(rows: Sequence[Mapping[str, str]], word: str | None) -> int | None:
    """How many agents have a row in an iteration of a member; None until the first one's name has come again."""
    if word is None or not rows or word not in rows[0]:
        return 1 if rows else None
    names = [row[word] for row in rows]
    return names.index(names[0], 1) if names[0] in names[1:] else None
