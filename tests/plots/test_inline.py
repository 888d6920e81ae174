"""Figures within a page: the same lines in fewer bytes, and no name that another figure has."""

import re
import xml.etree.ElementTree as ET
from io import StringIO

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from mamo_cli.domains.faas.settings import WORDS
from mamo_cli.plots.inline import COLUMN, GRAIN, MOST_POINTS, SVG, svg_of
from mamo_cli.plots.output import METADATA
from mamo_cli.plots.pictures import Kind, Picture
from mamo_cli.plots.style import house_style


def picture(values) -> Picture:
    table = pd.DataFrame({"value": np.asarray(values, dtype=float)})
    return Picture("p", table, WORDS, Kind(_draw, lambda table, words: "seen"))


def _draw(table, words) -> Figure:
    figure = Figure(figsize=(3.5, 2.0))
    axes = figure.subplots()
    axes.plot(table["value"], marker="o")
    axes.fill_between(range(len(table)), table["value"], 0.0)
    axes.set_title("letters")
    return figure


def lines(svg: str) -> list[list[tuple[float, float]]]:
    """The points of every path of straight lines, whichever way it is written."""
    found = []
    for element in ET.fromstring(svg).iter(f"{{{SVG}}}path"):
        tokens = re.findall(r"[A-Za-z]|-?\d*\.?\d+(?:e-?\d+)?", element.attrib["d"])
        if not {token for token in tokens if token.isalpha()} <= set("MLlhvz"):
            continue
        points, place = [], 0
        x = y = 0.0
        while place < len(tokens):
            command, place = tokens[place], place + 1
            if command == "z":
                continue
            if command in "ML":
                x, y = float(tokens[place]), float(tokens[place + 1])
            elif command == "l":
                x, y = x + float(tokens[place]), y + float(tokens[place + 1])
            elif command == "h":
                x += float(tokens[place])
            else:
                y += float(tokens[place])
            place += 1 + (command in "MLl")
            points.append((x, y))
        found.append(points)
    return found


def plain(one: Picture) -> str:
    buffer = StringIO()
    with house_style():
        one.kind.draw(one.table, one.words).savefig(buffer, format="svg", metadata=METADATA["svg"])
    return buffer.getvalue()


@pytest.mark.parametrize("values", [[0.0, 1.0, 1.0, -0.5, 3.25], np.random.default_rng(0).normal(size=400)], ids=len)
def test_every_line_is_where_matplotlib_drew_it(values):
    one = picture(values)
    drawn, written = lines(plain(one)), lines(svg_of(one, "f1", "c").svg)
    assert len(drawn) == len(written) > 3
    for ours, theirs in zip(written, drawn, strict=True):
        assert np.abs(np.array(ours)[:, None] - np.array(theirs)).max(-1).min(1).max() < 0.02
        assert np.abs(np.array(theirs)[:, None] - np.array(ours)).max(-1).min(1).max() < 0.02


def test_a_line_of_very_many_points_keeps_its_extremes_in_every_column():
    values = np.random.default_rng(1).normal(size=3_000)
    values[1_234] = 40.0
    one = picture(values)
    drawn, written = max(lines(plain(one)), key=len), max(lines(svg_of(one, "f1", "c").svg), key=len)
    assert len(drawn) > 4 * MOST_POINTS
    assert len(written) < len(drawn) / 1.5
    theirs, ours = np.array(drawn), np.array(written)
    assert np.allclose([theirs.min(0), theirs.max(0)], [ours.min(0), ours.max(0)], atol=[COLUMN / GRAIN, 0.02])
    near = np.abs(theirs[:, None, 0] - ours[None, :, 0]) <= COLUMN / GRAIN + 0.02
    lowest = np.where(near, ours[None, :, 1], np.inf).min(1)
    highest = np.where(near, ours[None, :, 1], -np.inf).max(1)
    assert (lowest <= theirs[:, 1] + 0.02).all()
    assert (highest >= theirs[:, 1] - 0.02).all()


def test_two_figures_share_no_name_and_each_points_to_its_own():
    first, second = (svg_of(picture([0.0, 1.0]), name, "c").svg for name in ("f1", "f2"))
    names = [re.findall(r' id="([^"]+)"', svg) for svg in (first, second)]
    assert set(names[0]).isdisjoint(names[1])
    for svg, own in zip((first, second), names, strict=True):
        pointed = re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', svg)
        assert {one or other for one, other in pointed} == set(own)
        assert len(own) == len(set(own)) > 3
    assert first.replace("f1-", "f2-") == second
    assert 'aria-labelledby="c"' in first
    assert svg_of(picture([0.0, 1.0]), "f1", "c").inches == pytest.approx(3.5)
    assert not re.search("<style|<metadata|<!--|matplotlib", first)
