"""Runs as one page: what was asked, what came out beside the exact answer, figures, and where it comes from.

The page has no scripts and asks no network. The same runs give the same bytes: nothing in it says when it was made.
"""

from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

import mamo_cli
from mamo_cli.analysis.comparison_tables import names_of
from mamo_cli.core.errors import UsageError
from mamo_cli.core.told import Table, shown
from mamo_cli.experiments.files import write_files
from mamo_cli.experiments.reported import Reported, reported
from mamo_cli.plots.inline import svg_of
from mamo_cli.plots.pictures import Picture, pictures_of, pictures_of_several
from mamo_cli.plots.style import SINGLE_COLUMN
from mamo_cli.runs.listed import COLUMNS, Listed, line_of
from mamo_cli.runs.outcomes import outcomes_of, seconds_taken

PAGE = "report.html"
MOST_BYTES, MOST_OF_A_FIGURE = 2_000_000, 600_000
NO_CHARACTERS = dict.fromkeys(
    (*range(9), 11, *range(14, 32), *range(127, 160), *range(0xFDD0, 0xFDF0),
     *(plane + end for plane in range(0, 0x110000, 0x10000) for end in (0xFFFE, 0xFFFF))),
    "\N{REPLACEMENT CHARACTER}",
)  # fmt: skip
"""What stands for none of which HTML speaks, such as a terminal's escapes in a command line."""
HEADING = ("run-mamo", "compare", "train", "evaluate", "baselines", "solve-offline", "validate-model")
"""Whose result heads a page: what was found, then what was learnt, then what it stands beside, then the model of it."""
LIGHTER = "Single seeds are not drawn, as they would make the page too large."
"""Said of a figure that has more than that."""


class Figure(NamedTuple):
    """A drawn figure.

    Attributes:
        name: what it is called on the page, for links to it and in it.
        stem: its file's name where `mamo plot` draws it.
        svg: the element.
        caption: what is seen.
        wide: how many columns of a paper it is wide.
    """

    name: str
    stem: str
    svg: str
    caption: str
    wide: float


class Section(NamedTuple):
    """A run's part of the page."""

    name: str
    run: Reported
    figures: Sequence[Figure]


def report_of(folders: Sequence[Path]) -> bytes:
    """The page of some runs.

    Args:
        folders: runs that have ended.

    Raises:
        DataError: a run has not ended, or it or one of its tables cannot be read.
        UsageError: the page would be too large to hand round.
    """
    numbers, runs = count(1), names_of(folders)
    sections = [
        Section(f"run-{place}", reported(name, folder), list(_figures(pictures_of(folder), numbers)))
        for place, (name, folder) in enumerate(runs.items(), start=1)
    ]
    compared = list(_figures((picture for _, picture in pictures_of_several(runs)), numbers)) if len(runs) > 1 else []
    first = heading(sections)
    page = _template().render(
        title=f"Results of {len(runs)} runs" if len(runs) > 1 else f"Result of {first.run.name}",
        version=mamo_cli.__version__,
        sections=sections,
        first=first,
        compared=compared,
        summary=_summary([section.run for section in sections]),
        sources=list(dict.fromkeys(source for section in sections for source in section.run.sources)),
        data=list(dict.fromkeys(source for section in sections for source in section.run.data)),
    )
    content = page.encode("utf-8", "backslashreplace")  # a name may be no Unicode
    if len(content) > MOST_BYTES:
        raise UsageError(
            f"a report has at most {MOST_BYTES / 1e6:g} MB, and this one would have {len(content) / 1e6:.1f}: name "
            "fewer runs"
        )
    return content


def write_report(folders: Sequence[Path], path: Path, force: bool = False) -> int:
    """Write the page of some runs to a file, unless another one is there; returns how many bytes it has.

    Raises:
        DataError: see `report_of`.
        UsageError: see `report_of`; or another file is there, and `force` is not given.
        StorageError: the disk refuses.
    """
    content = report_of(folders)
    write_files({path: content}, force)
    return len(content)


def heading(sections: Sequence[Section]) -> Section:
    """Whose result heads the page; of several of a kind the first."""
    return min(sections, key=lambda section: HEADING.index(section.run.command))


def _figures(pictures: Iterator[Picture], numbers: Iterator[int]) -> Iterator[Figure]:
    for picture in pictures:
        name = f"figure-{next(numbers)}"
        drawn, caption = svg_of(picture, name, f"{name}-caption"), picture.describe()
        if len(drawn.svg) > MOST_OF_A_FIGURE and (lighter := picture.without_seeds()):
            drawn, caption = svg_of(lighter, name, f"{name}-caption"), f"{caption} {LIGHTER}"
        yield Figure(name, picture.name, drawn.svg, caption, round(drawn.inches / SINGLE_COLUMN, 2))


def _summary(runs: Sequence[Reported]) -> Table:
    """A line for each run: that of `mamo runs list`."""
    rows = []
    for run in runs:
        manifest = run.manifest
        listed = Listed(run.folder, manifest["status"], manifest, *seconds_taken(manifest))
        rows.append(line_of(listed, outcomes_of(run.folder, manifest)))
    return Table(COLUMNS, rows)


def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("mamo_cli", "pages"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
        finalize=_printable,
    )
    environment.filters |= {"shown": shown, "words": _columns_of_words, "capitalize_first": _capital}
    return environment.get_template(PAGE)


def _printable(value: Any) -> Any:
    """Text without characters that no page may hold."""
    return value.translate(NO_CHARACTERS) if isinstance(value, str) else value


def _columns_of_words(table: Table) -> list[bool]:
    """Of each column, whether anything in it is text: numbers stand on the right."""
    return [any(isinstance(row[place], str) for row in table.rows) for place in range(len(table.headings))]


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
