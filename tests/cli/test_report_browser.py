"""`mamo report` in a real browser: every figure is there, nothing overflows, nothing is asked of a network."""

import base64
import json
import re
import shutil
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

from tests.cli.invoke import mamo

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
DRIVER = shutil.which("chromedriver")
WIDTHS = (1200, 375)
PAPER = 673  # A4 less its margins, in CSS pixels
QUIET = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"),
)

MEASURE = """
const page = document.documentElement, boxes = [];
for (const each of document.querySelectorAll('main > section, section > *, figure, figcaption, .scroll, header, nav')) {
  const box = each.getBoundingClientRect();
  if (box.width) boxes.push([each.tagName, box.left, box.right]);
}
const figures = [...document.querySelectorAll('figure svg')].map(svg => {
  const box = svg.getBoundingClientRect();
  const drawn = svg.querySelector('g').getBoundingClientRect();
  const scroll = svg.parentElement;
  return {width: box.width, height: box.height, drawn: drawn.width * drawn.height, room: scroll.clientWidth,
          reach: scroll.scrollWidth, clipped: box.left < scroll.getBoundingClientRect().left - 1};
});
return {wide: page.scrollWidth, room: page.clientWidth, boxes, figures};
"""


class Seen:
    """A page at each width, and in print."""

    def __init__(self, page: Path, folder: Path):
        options = webdriver.ChromeOptions()
        options.binary_location = CHROMIUM
        for argument in (*QUIET, f"--user-data-dir={folder / 'profile'}"):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        browser = webdriver.Chrome(options=options, service=Service(DRIVER))
        try:
            browser.get(page.as_uri())
            self.sizes, self.pictures = {}, {}
            for width in WIDTHS:
                size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
                browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
                self.sizes[width] = browser.execute_script(MEASURE)
                shot = browser.execute_cdp_cmd("Page.captureScreenshot", {"format": "png"})
                self.pictures[width] = base64.b64decode(shot["data"])
            browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
            size = {"width": PAPER, "height": 900, "deviceScaleFactor": 1, "mobile": False}
            browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
            self.sizes[PAPER] = browser.execute_script(MEASURE)
            self.title = browser.title
            self.console = browser.get_log("browser")
            told = (json.loads(entry["message"])["message"] for entry in browser.get_log("performance"))
            asked = [each for each in told if each["method"] == "Network.requestWillBeSent"]
            own = [each["params"] for each in asked if each["params"]["documentURL"] == page.as_uri()]
            self.asked = {each["request"]["url"] for each in own}  # the browser has pages of its own
            printed = browser.execute_cdp_cmd("Page.printToPDF", {"preferCSSPageSize": True})
            self.print = base64.b64decode(printed["data"])
        finally:
            browser.quit()


@pytest.fixture(scope="module")
def seen(_finished, tmp_path_factory) -> tuple[Path, Seen]:
    if CHROMIUM is None or DRIVER is None:
        pytest.skip("no Chromium, or no chromedriver, on this machine")
    folder = tmp_path_factory.mktemp("browser")
    page = folder / "report.html"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(folder))
        assert mamo("report", "--results", str(_finished / "results"), "--out", str(page)).code == 0
        return page, Seen(page, folder)


@pytest.mark.slow
@pytest.mark.parametrize("width", [*WIDTHS, PAPER])
def test_every_figure_is_there_and_nothing_reaches_beyond_the_page(seen, width):
    page, browser = seen
    sizes = browser.sizes[width]
    assert sizes["wide"] <= sizes["room"] <= width
    assert [box for box in sizes["boxes"] if box[1] < 0 or box[2] > sizes["room"] + 0.5] == []
    figures = sizes["figures"]
    assert len(figures) == page.read_text("utf-8").count("<figure ") == 11
    for figure in figures:
        assert figure["width"] > 150
        assert figure["height"] > 80
        assert figure["drawn"] > 0.5 * figure["width"] * figure["height"]
        assert not figure["clipped"]
        assert figure["reach"] >= figure["width"] - 1  # what does not fit can be scrolled to
    assert width == min(WIDTHS) or all(figure["reach"] <= figure["room"] for figure in figures)


@pytest.mark.slow
def test_nothing_goes_wrong_and_nothing_but_the_file_is_asked_for(seen):
    page, browser = seen
    assert browser.title == "Results of 3 runs"
    assert browser.console == []
    assert browser.asked == {page.as_uri()}
    for picture in browser.pictures.values():
        assert picture.startswith(b"\x89PNG")
        assert len(picture) > 20_000  # a blank page has a tenth of that


@pytest.mark.slow
def test_each_part_begins_on_a_page_of_its_own_in_print(seen):
    pages = len(re.findall(rb"/Type\s*/Page\b", seen[1].print))
    assert 6 <= pages <= 40  # the contents, all runs, three runs, those over one another, sources
