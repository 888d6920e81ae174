"""Progress where stderr is no terminal: a line now and then, as a log can keep it."""

import re

from mamo_cli.cli import progress as module
from mamo_cli.cli.progress import Standing
from mamo_cli.training.records import columns_of
from tests.analysis.tiny_domain import Pumps
from tests.cli.invoke import MAMO, TRAIN, Result, patched
from tests.cli.test_terminal import on_a_terminal

SOON = "from mamo_cli.cli import progress\nprogress.LINE_SECONDS = 0.02\n"
SLOWLY = """
import time
from mamo_cli.training.two_phase import TwoPhaseLoop
advance = TwoPhaseLoop.advance
TwoPhaseLoop.advance = lambda self: time.sleep(0.2) or advance(self)
"""
MEMBERS = ((0.2, 0.1), (0.4, 0.3))  # alpha and drought: of medians and means .3 and .2


def test_a_line_tells_of_rounds_alpha_violation_and_time_left(folder):
    done = patched(SOON + SLOWLY, *MAMO, "--name", "x")
    lines = [line for line in done.err.splitlines() if line.startswith("run-mamo: ")]
    assert done.code == 0
    assert any(re.fullmatch(r"run-mamo: preparing since 0:00:0\d", line) for line in lines)
    told = r"run-mamo: 2 of 4 rounds, alpha 0\.\d\d  rejection \d\.\d\d\d of 0\.05, 0:00:0\d left"
    assert any(re.fullmatch(told, line) for line in lines), lines
    assert "run-mamo: 2 of 4 rounds" in (folder / "results" / "x" / "log.txt").read_text()


def test_a_line_every_ten_seconds_and_none_for_who_wants_quiet():
    assert module.LINE_SECONDS == 10.0
    assert patched(SOON + SLOWLY, *TRAIN, "-q").err == ""


def test_forced_colours_make_no_control_codes_in_a_file(monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    done = patched(SOON + SLOWLY, *TRAIN)
    assert "train: 1 of 2 rounds" in done.err
    assert "\x1b" not in done.out + done.err


def test_what_else_a_command_says_is_told_from_its_progress():
    told = ["train: preparing since 0:00:10", "baselines: kubernetes-hpa since 0:01:20", "run-mamo: 0 of 4 rounds",
            "wild fixed (1 of 2): 2 of 4 rounds, alpha 0.30  drought 0.200 of 0.1, 0:00:12 left"]  # fmt: skip
    said = ["mamo: results/x: 0 of 4 rounds\n", "train: 0 of 4 rounds are lost\n", "next: mamo plot x\n"]
    assert Result(7, "", "".join(f"{line}\n" for line in told) + "".join(said)).said == said


def test_a_terminal_that_cannot_draw_gets_no_bar():
    assert "\x1b" not in on_a_terminal(*TRAIN, TERM="dumb")


def test_the_time_left_is_what_the_rounds_of_this_start_took(monkeypatch):
    """Of 10 rounds 4 were played before; two more take 6 s, so the four that are left take 12 s."""
    clock = iter([0.0, 100.0, 106.0])
    monkeypatch.setattr(module.time, "monotonic", lambda: next(clock))
    spec = Pumps().spec
    columns = columns_of(spec, ())["training"]
    rows = [[{"alpha": alpha, "mean_drought": mean}.get(name, 0) for name in columns] for alpha, mean in MEMBERS]
    standing = Standing("train")
    standing.start(10, spec)
    standing(4, {})
    standing(6, {"training": rows})
    assert standing.line() == "train: 6 of 10 rounds, alpha 0.30  drought 0.200 of 0.1, 0:00:12 left"
