"""The manual as it is built: without a warning, of its own files alone, and every link within it leads somewhere.

Links to other sites are checked in form only: these tests have no network.
"""

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

import pytest

from tests.clock import HANG_SECONDS
from tests.manual import ROOT

pytest.importorskip("sphinx", reason="Sphinx is not installed")
pytestmark = pytest.mark.slow

LOADED = ("src", "srcset", "poster", "data", "xlink:href")
"""Attributes that a browser loads something by; `href` of an element `link`, too."""


class Page(NamedTuple):
    loaded: list[str]
    links: list[str]
    anchors: set[str]
    alternatives: list[str | None]  # of images


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.page = Page([], [], set(), [])

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.page.anchors.update(filter(None, (given.get("id"), given.get("name"))))
        names = (*LOADED, "href") if tag in ("link", "use", "image") else LOADED
        if not (tag == "link" and given.get("rel") in ("index", "search", "next", "prev")):
            self.page.loaded.extend(value for name in names if (value := given.get(name)))
        self.page.loaded.extend(re.findall(r"url\(['\"]?([^'\")]+)", given.get("style") or ""))
        if tag == "a" and given.get("href"):
            self.page.links.append(given["href"])
        if tag == "img":
            self.page.alternatives.append(given.get("alt"))


def read(text: str) -> Page:
    reader = _Reader()
    reader.feed(text)
    return reader.page


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("manual")
    options = ("--fail-on-warning", "--keep-going", "--nitpicky", "--quiet", "-d", str(folder / "trees"))
    command = [sys.executable, "-m", "sphinx", *options, str(ROOT / "docs"), str(folder / "html")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=HANG_SECONDS)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    return folder / "html"


@pytest.fixture(scope="module")
def pages(built) -> dict[Path, Page]:
    return {path: read(path.read_text("utf-8")) for path in sorted(built.rglob("*.html"))}


def dead(built: Path, pages: dict[Path, Page]) -> list[str]:
    """Links within the manual that lead nowhere, and others that are no address."""
    found = []
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                sound = parts.scheme in ("https", "mailto") and bool(parts.netloc or parts.path)
            else:
                target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
                anchors = pages[target].anchors if target in pages else set()
                sound = target.exists() and (not parts.fragment or unquote(parts.fragment) in anchors)
            if not sound:
                found.append(f"{path.relative_to(built)}: {link}")
    return found


def foreign(built: Path, pages: dict[Path, Page]) -> list[str]:
    """What pages and style sheets load that is no file of the manual."""
    asked = [(path, each) for path, page in pages.items() for each in page.loaded]
    for sheet in built.rglob("*.css"):
        text = sheet.read_text("utf-8")
        asked += [(sheet, each) for each in re.findall(r"(?:url\(|@import\s+)['\"]?([^'\")\s;]+)", text)]
    return [
        f"{path.relative_to(built)}: {each}"
        for path, each in asked
        if not each.startswith(("data:", "#")) and not (path.parent / urlsplit(each).path).exists()
    ]


def test_nothing_is_loaded_from_elsewhere(built, pages):
    assert len(pages) > 30
    assert sum(len(page.loaded) for page in pages.values()) > 100
    assert foreign(built, pages) == []


def test_every_link_leads_somewhere(built, pages):
    assert sum(len(page.links) for page in pages.values()) > 1000
    assert dead(built, pages) == []


def test_every_picture_says_what_it_shows(pages):
    alternatives = [alternative for page in pages.values() for alternative in page.alternatives]
    assert len(alternatives) > 10
    assert all(alternatives)


def test_every_page_is_reached_from_the_first(built, pages):
    index = built / "index.html"
    reached = {(index.parent / urlsplit(link).path).resolve() for link in pages[index].links}
    made = {ROOT / "docs" / path.relative_to(built).with_suffix(".md"): path for path in pages}
    own = [path for source, path in made.items() if source.exists() and path != index]
    assert len(own) > 25
    assert [path for path in own if path not in reached] == []


def test_what_was_not_made_and_marks_of_the_tests_stand_on_no_page(pages):
    for path in pages:
        assert not re.search(r"(made|long|needs|exits): ?[\w -]+ --", path.read_text("utf-8")), path


def test_formulas_are_there_without_a_script(built):
    text = (built / "mathematics.html").read_text("utf-8")
    assert text.count("<math ") > 10
    assert "MathJax" not in text


@pytest.mark.parametrize(
    ("planted", "found"),
    [
        ('<a href="nowhere.html">x</a>', "p.html: nowhere.html"),
        ('<a href="#nowhere">x</a>', "p.html: #nowhere"),
        ('<a href="http://example.org">x</a>', "p.html: http://example.org"),
        ('<a id="here" href="p.html#here">x</a>', None),
    ],
)
def test_a_planted_dead_link_is_seen(tmp_path, planted, found):
    (tmp_path / "p.html").write_text(planted)
    assert dead(tmp_path, {tmp_path / "p.html": read(planted)}) == ([found] if found else [])


@pytest.mark.parametrize(
    "planted",
    [
        '<script src="https://example.org/x.js"></script>',
        '<link rel="stylesheet" href="//example.org/x.css">',
        '<img src="missing.png" alt="x">',
        '<p style="background: url(https://example.org/x.png)">',
    ],
)
def test_a_planted_foreign_file_is_seen(tmp_path, planted):
    assert len(foreign(tmp_path, {tmp_path / "p.html": read(planted)})) == 1
