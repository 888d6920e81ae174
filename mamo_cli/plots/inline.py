"""A figure as a part of a page: SVG whose names meet no other figure's, without what a page does not need.

Letters are outlines, so that a figure looks alike wherever it is read, and nothing in it is laid out anew.
"""

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from io import BytesIO
from itertools import groupby
from typing import NamedTuple

from mamo_cli.plots.output import METADATA
from mamo_cli.plots.pictures import Picture
from mamo_cli.plots.style import house_style

SVG, LINK = "http://www.w3.org/2000/svg", "{http://www.w3.org/1999/xlink}href"
NOT_FOR_A_PAGE = (f"{{{SVG}}}metadata", f"{{{SVG}}}style")
"""Elements; a style would hold for all of the page, whose own says the same of its figures."""

GRAIN = 100
"""Of a point, a seventy-second of an inch: finer than anybody sees."""

MOST_POINTS, COLUMN = 1000, 25
"""A line of more points is drawn column by column of so many grains, each with its ends and extremes."""

Point = tuple[int, int]  # in grains


class Drawn(NamedTuple):
    """An `svg` element of an HTML page, and how wide it is meant to be."""

    svg: str
    inches: float


def svg_of(picture: Picture, name: str, caption: str) -> Drawn:
    """Draw a figure as an `svg` element of an HTML page.

    Args:
        picture: what to draw.
        name: what all names in it begin with: no two figures of a page may share one.
        caption: the `id` of the element that says what is seen.
    """
    ET.register_namespace("", SVG)
    root = ET.fromstring(_drawn(picture))
    for parent in list(root.iter()):
        for child in [child for child in parent if child.tag in NOT_FOR_A_PAGE]:
            parent.remove(child)
    used = {reference for element in root.iter() for reference in _references(element)}
    for element in root.iter():
        _rename(element, used, name)
        if "d" in element.attrib:
            element.set("d", _path(element.attrib["d"]))
    points = float(root.attrib["viewBox"].split()[2])
    for size in ("width", "height", "version"):
        root.attrib.pop(size, None)
    root.attrib |= {"role": "img", "aria-labelledby": caption}
    return Drawn(ET.tostring(root, encoding="unicode"), points / 72.0)


def _drawn(picture: Picture) -> str:
    buffer = BytesIO()
    with house_style():
        picture.kind.draw(picture.table, picture.words).savefig(buffer, format="svg", metadata=METADATA["svg"])
    return buffer.getvalue().decode("utf-8")


def _references(element: ET.Element) -> Iterator[str]:
    """The names that an element points to."""
    for key, value in element.attrib.items():
        if key == LINK:
            yield value.removeprefix("#")
        yield from re.findall(r"url\(#([^)]+)\)", value)


def _rename(element: ET.Element, used: set[str], name: str) -> None:
    """Names of this figure's own, where anything points to them; none else."""
    own = element.attrib.pop("id", None)
    if own in used:
        element.set("id", f"{name}-{own}")
    for key, value in list(element.attrib.items()):
        if key == LINK:
            del element.attrib[key]
            element.set("href", f"#{name}-{value.removeprefix('#')}")
        elif "url(#" in value:
            element.set(key, re.sub(r"url\(#([^)]+)\)", rf"url(#{name}-\1)", value))


def _path(drawn: str) -> str:
    """A path in steps from point to point, which are shorter to write than places; curves, as in letters, stay."""
    tokens = drawn.split()
    if not set(filter(str.isalpha, tokens)) <= {"M", "L", "z"}:
        return " ".join(tokens)
    written: list[str] = []
    for line in " ".join(tokens).split("M ")[1:]:
        numbers = [round(GRAIN * float(token)) for token in line.split() if not token.isalpha()]
        here, *others = _thinned(list(zip(numbers[::2], numbers[1::2], strict=True)))
        written += ["M", _short(here[0]), " ", _short(here[1])]
        for there in others:
            written += _step(there[0] - here[0], there[1] - here[1])
            here = there
        written += ["z"] if line.strip().endswith("z") else []
    return "".join(written).replace(" -", "-")


def _step(right: int, down: int) -> list[str]:
    if right and down:
        return ["l", _short(right), " ", _short(down)]
    return ["h", _short(right)] if right else ["v", _short(down)] if down else []


def _thinned(points: Sequence[Point]) -> list[Point]:
    """A line that looks alike: of many points in one narrow column the first, the extremes and the last."""
    if len(points) <= MOST_POINTS:
        return list(points)
    kept: list[Point] = []
    for _, column in groupby(points, key=lambda point: point[0] // COLUMN):
        own = list(column)
        extremes = {0, len(own) - 1, *(own.index(pick(own, key=lambda point: point[1])) for pick in (min, max))}
        kept += [own[place] for place in sorted(extremes)]
    return kept


def _short(grains: int) -> str:
    """So many grains in points."""
    text = f"{grains / GRAIN:.2f}".rstrip("0").rstrip(".")
    return text.replace("0.", ".", 1) if abs(grains) < GRAIN else text
