"""`mamo report`: one page, whole and valid, that says what the commands say and runs nothing that it was given."""

import json
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import html5lib
import pandas as pd
import pytest

from mamo_cli.analysis.comparison_tables import names_of
from mamo_cli.core.told import shown
from mamo_cli.plots.pictures import pictures_of, pictures_of_several
from mamo_cli.workload.generators import sinusoidal
from mamo_cli.workload.trace_csv import write_trace
from tests.cli.invoke import MAMO, TRAIN, mamo

HTML, SVG = "{http://www.w3.org/1999/xhtml}", "{http://www.w3.org/2000/svg}"
PLANTED = '<script>alert("1 & 2")</script>'
ODD = "\x1b[31m \udcff \ufdd0"  # a terminal's colour, a byte that is no UTF-8, no character


def page(content: bytes) -> ET.Element:
    """The tree of a page, which a strict parser takes."""
    return html5lib.HTMLParser(strict=True).parse(content, transport_encoding="utf-8")


def text_of(element: ET.Element) -> str:
    return " ".join("".join(element.itertext()).split())


def tables(tree: ET.Element) -> list[list[list[str]]]:
    """Cells of each table, row by row."""
    return [[[text_of(cell) for cell in row] for row in table.iter(f"{HTML}tr")] for table in tree.iter(f"{HTML}table")]


@pytest.fixture
def reported(finished) -> ET.Element:
    done = mamo("report")
    assert (done.code, done.out) == (0, "report.html\n")
    assert re.fullmatch(r"3 runs, 0\.\d\d MB: open it in any browser", done.err.splitlines()[-1])
    return page(Path("report.html").read_bytes())


def test_it_is_a_whole_page_without_scripts_and_network_in_the_same_bytes_again(reported, folder):
    content = Path("report.html").read_bytes()
    assert len(content) < 2_000_000
    assert {"script", "link", "img", "iframe", "object"}.isdisjoint(
        each.tag.rpartition("}")[2] for each in reported.iter()
    )
    found = [value for each in reported.iter() for key, value in each.attrib.items() if key.endswith(("href", "src"))]
    assert all(value.startswith("#") for value in found)
    assert not re.search(rb"https?://(?!www\.w3\.org/)", content)
    names = [each.attrib["id"] for each in reported.iter() if "id" in each.attrib]
    assert len(names) == len(set(names))
    assert {value.removeprefix("#") for value in found} <= set(names)
    clips = re.findall(rb"url\(#([^)]+)\)", content)
    assert {clip.decode() for clip in clips} <= set(names)
    policy = next(each for each in reported.iter(f"{HTML}meta") if "http-equiv" in each.attrib)
    assert policy.attrib["content"].startswith("default-src 'none'; style-src 'unsafe-inline'")
    order = [text_of(each).split()[0] for each in reported.iter(f"{HTML}h2") if list(each)]
    assert sorted(order) == ["plan", "te", "wa"]
    assert mamo("report", "--out", "deep/again.html", *order).code == 0
    assert Path("deep/again.html").read_bytes() == content


def test_every_figure_that_plot_draws_is_there_and_told_in_words(reported, finished):
    runs = [finished / name for name in ("wa", "te", "plan")]
    pictures = [picture for run in runs for picture in pictures_of(run)]
    several = [picture for _, picture in pictures_of_several(names_of(runs))]
    assert len(pictures) == 10
    assert len(several) == 1
    figures = list(reported.iter(f"{HTML}figure"))
    by_name = {each.attrib["id"]: each for each in reported.iter() if "id" in each.attrib}
    captions = []
    for figure in figures:
        [drawn] = figure.iter(f"{SVG}svg")
        assert drawn.attrib["role"] == "img"
        captions.append(text_of(by_name[drawn.attrib["aria-labelledby"]]))
    assert sorted(captions) == sorted(picture.describe() for picture in (*pictures, *several))
    assert all(len(re.findall(r"\d", caption)) > 5 for caption in captions)


def test_its_tables_are_those_that_the_commands_print(reported, finished):
    printed = {
        "te": mamo(*TRAIN, "--name", "te").out,
        "wa": mamo(*MAMO, "--name", "wa").out,
        "all": mamo("runs", "list").out,
    }
    told = [" ".join(cell for row in table for cell in row) for table in tables(reported)]
    for name, text in printed.items():
        lines = [line for line in text.splitlines() if line.strip() and not set(line) <= set("─ ")]
        if name == "all":
            assert " ".join(" ".join(lines).split()) in told
            continue
        blocks = re.split(r"(?=% )", " ".join(" ".join(lines).split()))
        for block in blocks:
            assert block.strip() in told, block
    summary = pd.read_csv(finished / "plan" / "summary.csv").iloc[0]
    facts = {row[0]: row[1] for table in tables(reported) for row in table if len(row) == 2}
    assert facts["mean_rejection_actual"] == shown(float(summary["mean_rejection_actual"]))
    assert facts["mean_replicas"] == shown(float(summary["mean_replicas"]))


def test_what_differs_from_the_defaults_is_said_and_what_made_it(reported, finished):
    rows = [row for table in tables(reported) for row in table]
    assert ["seeds", "2", "8", "How many seeds, from 0, or which, such as 100..115."] in rows
    assert any(row[:3] == ["phase.iterations", "2", "20"] for row in rows)
    assert any(row[:3] == ["phase.iterations", "2", "40"] for row in rows)
    assert ["instance.tolerance", "0.05", "0.05"] in [row[:3] for row in rows]  # the problem's are all told
    assert ["control periods", "288 of 300 s"] in rows
    assert ["expected rates", "10 to 90, 50 on average"] in rows  # 50 + 40 sin
    manifest = json.loads((finished / "wa" / "run.json").read_text())
    facts = [row for row in rows if len(row) == 2]
    assert ["digest of the configuration", manifest["config_digest"]] in facts
    assert any(name == "solver" and told.endswith(" (scope average)") for name, told in facts)
    assert ["processor", " ".join(manifest["cpu"].split())] in facts
    assert any(row[-1].startswith("mamo run-mamo --seeds 2 --iterations 2") for row in rows)
    assert text_of(next(reported.iter(f"{HTML}pre"))) == " ".join((finished / "wa" / "config.toml").read_text().split())


def test_whatever_is_planted_is_text(finished):
    run = finished / "wa"
    manifest = json.loads((run / "run.json").read_text())
    manifest |= {"argv": [PLANTED], "cpu": PLANTED, "git": {"commit": PLANTED}, "versions": {PLANTED: PLANTED}}
    manifest["starts"][0] |= {"argv": [PLANTED, ODD], "status": PLANTED}
    (run / "run.json").write_text(json.dumps(manifest))
    config = run / "config.toml"
    config.write_text(config.read_text().replace("[instance]", f"[instance]\ntrace = '{PLANTED}'"))
    trace = run / "trace.csv"
    trace.write_text(trace.read_text().replace("# source=", f"# source={PLANTED}"))
    odd = run.rename(finished / "<b>&amp;")
    done = mamo("report", str(odd))
    assert done.code == 0, done.err
    tree = page(Path("report.html").read_bytes())
    assert not list(tree.iter(f"{HTML}script"))
    assert not list(tree.iter(f"{HTML}b"))
    assert "<b>&amp;" in text_of(next(tree.iter(f"{HTML}h1")))
    cells = [cell for table in tables(tree) for row in table for cell in row]
    assert sum(PLANTED in cell for cell in cells) >= 6
    assert any("\ufffd[31m \\udcff \ufffd" in cell for cell in cells)


def test_what_has_no_results_is_refused_in_a_line_and_nothing_is_written(finished):
    manifest = finished / "te" / "run.json"
    told = json.loads(manifest.read_text())
    manifest.write_text(json.dumps({**told, "status": "interrupted"}))
    refused = mamo("report", "wa", "te")
    assert (refused.code, refused.out, refused.err.count("\n")) == (3, "", 1)
    assert refused.err == "mamo: results/te: the run is interrupted: start the same command again to finish it\n"
    manifest.write_text(json.dumps({**told, "status": "diverged", "summary": None}))
    assert mamo("report", "te").err == (
        "mamo: results/te: the run is diverged and has no summary: there is nothing to report\n"
    )
    manifest.write_text(json.dumps({**told, "versions": "many"}))
    damaged = mamo("report", "te")
    assert (damaged.code, damaged.err.count("\n")) == (3, 1)
    assert damaged.err.startswith("mamo: results/te/run.json is damaged: ")
    (finished / "plan" / "plan.csv").unlink()
    assert mamo("report", "plan").code == 3
    assert mamo("report", "nobody").code == 2
    empty = mamo("report", "--results", "empty")
    assert (empty.code, empty.err) == (2, "mamo: no complete run under empty/ to report; next: mamo solve-offline\n")
    assert not Path("report.html").exists()


def test_a_run_that_is_named_twice_is_one(finished):
    assert mamo("report", "plan", "results/plan").err.startswith("1 run, ")


@pytest.mark.parametrize(
    "command",
    [("solve-offline",), ("baselines",), ("validate-model", "--rates", "2", "--standard-error", "0.05")],
    ids=lambda command: command[0],
)
def test_the_workload_is_told_alike_from_wherever_the_page_is_made(command, folder, monkeypatch):
    notes = {"format": "burstgpt", "forecast": "actual"}
    # Full sines of 50 +- 40: the mean is 50, least and most are met at a quarter and three of each.
    write_trace(replace(sinusoidal(50.0, 40.0, steps=240, period=24), notes=notes, period_steps=None), Path("own.csv"))
    assert mamo(*command, "--trace", "own.csv", "--name", "run").code == 0
    assert mamo("report", "run").code == 0
    content = Path("report.html").read_bytes()
    (folder / "elsewhere").mkdir()
    monkeypatch.chdir(folder / "elsewhere")
    assert mamo("report", "../results/run").code == 0
    assert Path("report.html").read_bytes() == content
    tree = page(content)
    rows = [row for table in tables(tree) for row in table]
    for row in (["trace", "own.csv"], ["agent", "f0"], ["control periods", "240 of 300 s"], ["format", "burstgpt"]):
        assert row in rows
    assert ["expected rates", "10 to 90, 50 on average"] in rows
    assert "Wang et al., BurstGPT, KDD 2025; HPMLL/BurstGPT, CC-BY 4.0" in text_of(tree)


def test_an_evaluation_tells_of_the_workload_that_was_played(finished):
    write_trace(sinusoidal(20.0, 10.0, 12, 12), Path("other.csv"))
    assert mamo("evaluate", "te", "--trace", "other.csv", "--name", "other").code == 0
    Path("other.csv").unlink()
    assert mamo("evaluate", "te", "--name", "plain").code == 0
    for name, trace, periods in (("other", "other.csv", "12"), ("plain", "what te is evaluated on", "288")):
        assert mamo("report", name, "--force").code == 0
        rows = [row for table in tables(page(Path("report.html").read_bytes())) for row in table]
        for row in (["domain", "faas"], ["trace", trace], ["control periods", f"{periods} of 300 s"]):
            assert row in rows


def test_another_file_is_not_replaced_unless_asked_for(finished):
    Path("report.html").write_text("mine")
    refused = mamo("report", "plan")
    assert (refused.code, refused.out) == (2, "")
    assert refused.err == "mamo: report.html is already there, and is another: use --force to replace it\n"
    assert Path("report.html").read_text() == "mine"
    done = mamo("report", "plan", "--force", "--json", "-q")
    assert (done.code, done.err) == (0, "")
    told = json.loads(done.out)
    assert told == {
        "schema_version": 1,
        "report": "report.html",
        "bytes": Path("report.html").stat().st_size,
        "runs": ["results/plan"],
    }
    assert mamo("report", "plan", "--out", "results").err.endswith("is a folder or a device: name a file\n")
