"""Runs' figures on disk: drawn from what their tables say, each with the plotted numbers beside it."""

from collections.abc import Sequence
from pathlib import Path

from mamo_cli.analysis.comparison_tables import names_of
from mamo_cli.analysis.run_tables import AGENT
from mamo_cli.analysis.selection import AGENTS_TOTAL
from mamo_cli.plots.output import save_figure
from mamo_cli.plots.pictures import Picture, pictures_of, pictures_of_several
from mamo_cli.plots.style import house_style


def draw_run(folder: Path, destination: Path | None = None) -> list[Path]:
    """Draw every figure that the run's kind has, each as PNG, SVG and PDF with the plotted numbers beside it as CSV.

    Args:
        folder: A run that has ended.
        destination: Where to; the run's own `figures/` if not given.

    Returns:
        The files written.

    Raises:
        DataError: The run or one of its tables cannot be read; figures before it stand.
        StorageError: A file cannot be written.
    """
    place = destination or folder / "figures"
    return [path for picture in pictures_of(folder) for path in _draw(picture, place)]


def draw_runs(folders: Sequence[Path], out: Path | None = None) -> list[Path]:
    """Draw every run, and what those that answer to one exact optimum have in common over one another.

    Comparisons stand beside the figures of the run that learned most.

    Args:
        folders: Runs that have ended.
        out: Where figures go; each run's own `figures/` if not given. Of several runs each has a folder there.

    Returns:
        The files written.

    Raises:
        DataError: A run or one of its tables cannot be read.
        StorageError: A file cannot be written.
    """
    runs = names_of(folders)
    places = {name: _place(name, folder, out, alone=len(runs) == 1) for name, folder in runs.items()}
    written = [path for name, folder in runs.items() for path in draw_run(folder, places[name])]
    for host, picture in pictures_of_several(runs):
        written += _draw(picture, places[host])
    return written


def _place(name: str, folder: Path, out: Path | None, alone: bool) -> Path:
    if out is None:
        return folder / "figures"
    return out if alone else out / name


def _draw(picture: Picture, place: Path) -> list[Path]:
    table, words = picture.table, picture.words
    named = {AGENT: words.agent, AGENTS_TOTAL: f"{words.agent}s_total"}
    with house_style():
        return save_figure(picture.kind.draw(table, words), table.rename(columns=named), place / picture.name)
