"""What the commands that make a run share: what they are told from the command line, and what they say."""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from mamo_cli.cli.console import print_json
from mamo_cli.cli.options import elsewhere
from mamo_cli.cli.output import OUTPUT
from mamo_cli.core.seam import Spec
from mamo_cli.core.settings import read_toml
from mamo_cli.experiments.session import Outcome, Place
from mamo_cli.training.records import Tables, columns_of


def layers(config_file: Path | None, overrides: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The layers a configuration is filled from: the TOML file, then the command line."""
    return [*([read_toml(config_file)] if config_file else []), overrides]


def place(results: Path, name: str | None, fresh: bool) -> Place:
    """Where a run is kept, and the command line for the record."""
    return Place(results, name, fresh, argv=sys.argv[1:])


def finish(outcome: Outcome, content: Mapping[str, Any], as_json: bool, show: Callable[[], None]) -> None:
    """Say what came out, where it is and what to do next: `show` prints the table where no JSON is wanted."""
    if as_json:
        print_json({"run": str(outcome.path), "status": outcome.status, **content})
        return
    show()
    OUTPUT.note(f"run folder: {outcome.path}\nnext: mamo plot {outcome.path.name}{elsewhere(outcome.path.parent)}")


class _Bar:
    """A progress bar with the newest round's median alpha and mean violation, against the limit."""

    def __init__(self, bar: Progress, command: str) -> None:
        self._bar, self._task = bar, bar.add_task(command, total=None, detail="")

    def start(self, rounds: int, spec: Spec) -> None:
        """So many rounds are to be played."""
        self._bar.update(self._task, total=rounds)
        self._spec, self._columns = spec, columns_of(spec, ())["training"]

    def __call__(self, rounds: int, rows: Tables) -> None:
        """So many are over."""
        self._bar.update(self._task, completed=rounds, detail=self._detail(rows.get("training", [])))

    def _detail(self, rows: list[list[Any]]) -> str:
        name = self._spec.words.violations[0].name
        alpha, violation = (self._columns.index(column) for column in ("alpha", f"mean_{name}"))
        known = [row for row in rows if row[violation] is not None]
        if not known:
            return ""
        mean = sum(row[violation] for row in known) / len(known)
        limit = self._spec.limits[0, 0]
        return f"alpha {median(row[alpha] for row in known):.2f}  {name} {mean:.3f} of {limit:g}"


@contextmanager
def progress_bar(command: str) -> Iterator[_Bar]:
    """A bar on stderr until the end of the block; hidden where that is no terminal or the user wants quiet."""
    console = Console(stderr=True)
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=None),
        TaskProgressColumn(),
        TextColumn("{task.fields[detail]}"),
        TimeRemainingColumn(),
        console=console,
        expand=True,
        redirect_stdout=False,  # nobody writes there meanwhile, and who listens there must go on doing so
        disable=OUTPUT.quiet or not console.is_terminal,
    )
    with bar:
        yield _Bar(bar, command)
