"""`mamo watch`: what is seen in a terminal and in a pipe, of planted runs and of one that really trains."""

import json
import os
import pty
import signal
import subprocess
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from mamo_cli.cli.charts import ASCII, BRAILLE
from mamo_cli.cli.watch import drawn
from mamo_cli.experiments.watch import Watched
from mamo_cli.runs.locks import locked
from tests.cli.invoke import COMMAND, TINY, mamo, patched
from tests.clock import HANG_SECONDS
from tests.experiments.planted import CYCLES, STARTED, TRAIN, TRAINING, append, iterations, planted
from tests.experiments.test_watch import FIRST, SECOND

ENDLESS = ("run-mamo", *TINY, "--cycles", "100000", "--name", "x", "--jobs", "1")


@pytest.fixture
def run(folder) -> Path:
    """One that trains at 30 steps a second: see `tests/experiments/test_watch.py`."""
    Path("results").mkdir()
    run = planted(Path("results/run"), status="running")
    append(run / "training.csv", TRAINING, iterations(0, 1))
    append(run / "cycles.csv", CYCLES, FIRST)
    return run


def picture(run: Path, width: int, lines: int | None, kind=BRAILLE) -> list[str]:
    watched, start = Watched(run), datetime.fromisoformat(STARTED)
    with locked(run):
        os.utime(run / "training.csv", (start.timestamp() + 50,) * 2)
        watched.look(start)
        append(run / "training.csv", TRAINING, iterations(2, 3), start.timestamp() + 54)
        append(run / "cycles.csv", CYCLES, SECOND)
        return drawn(watched.look(start + timedelta(seconds=54)), width, lines, kind)


def test_a_picture_says_how_far_how_fast_and_what_it_brings(run):
    # 6 iterations of 20 steps in 4 s; 60 - 12 are left.
    lines = picture(run, 80, None)
    assert lines[:5] == [
        "results/run: run-mamo, running",
        "2 of 10 cycles are over (20%)",
        "240 environment steps, 30 a second",
        "0:00:54 so far, 0:00:32 of training left",
        "3 members, 1 diverged; in the last cycle 2 of 2 within the limits",
    ]
    titles = [line for line in lines[5:] if "│" not in line]
    assert titles == ["alpha 0.75 (median)", "cost 0.6 (median)", "rejection 0.03 of 0.05 (mean)"]
    scales = [line.partition("│")[0].strip() for line in lines if "│" in line]
    assert [scale for scale in scales if scale] == ["0.75", "0.3", "0.6", "0.4", "0.31", "0.03"]
    assert any("╌" in line for line in lines[-4:])
    assert not any("╌" in line for line in lines[:-4])


@pytest.mark.parametrize(("width", "lines"), [(80, 24), (40, 24), (40, 12), (20, 50), (10, 5), (200, 60)])
@pytest.mark.parametrize("kind", [ASCII, BRAILLE])
def test_a_picture_fits_its_terminal(run, width, lines, kind):
    shown = picture(run, width, lines, kind)
    assert max(map(len, shown)) <= width
    if width >= 40 and lines >= 12:
        assert len(shown) < lines
    assert kind is BRAILLE or "".join(shown).isascii()
    assert "results/run" in "".join(line.strip() for line in shown)


def test_of_many_alphas_as_many_are_shown_as_fit(folder):
    Path("results").mkdir()
    alphas = [i / 100 for i in range(1, 31)]
    config = TRAIN.replace("[0.1, 0.9]", str(alphas))
    run = planted(Path("results/run"), "train", "running", config)
    append(run / "training.csv", TRAINING, [row for alpha in alphas for row in iterations(0, 1, alpha=alpha)])
    with locked(run):
        shown = drawn(Watched(run).look(), 80, 24, BRAILLE)
    assert len(shown) < 24
    assert shown[4].startswith("90 members")
    assert shown[5] == "alpha 0.01: cost 1.1 (median)"
    assert shown[-1] == "... and 55 more plots: --json has all"


def test_a_finished_run_is_shown_once_with_what_came_out(finished):
    done = mamo("watch", "wa")
    assert (done.code, done.err) == (0, "")
    [listed] = [run for run in json.loads(mamo("runs", "list", "--json").out)["runs"] if run["run"] == "wa"]
    [came] = listed["outcomes"]
    lines = done.out.splitlines()
    assert lines[:2] == ["results/wa: run-mamo, complete", "4 of 4 cycles are over (100%)"]
    told = (
        f"wa-dqn alpha {came['alphas']['rejection']:.4g}: {came['cost_over_causal_bound']:.4g} times the causal bound"
    )
    assert told in done.out
    assert "128 environment steps, " in lines[2]  # 2 members, 4 cycles of 2 iterations of 4 steps, 2 copies


def test_every_kind_of_run_has_a_picture(finished):
    assert mamo("evaluate", "te", "--name", "ev").code == 0
    assert "\nscope step: rejection 0.03436 of 0.05, 288 of 288 hold\n" in mamo("watch", "plan").out
    assert "results/ev: evaluate, complete\n" in mamo("watch").out  # the newest
    assert "results/te: train, complete\n2 of 2 iterations are over (100%)\n" in mamo("watch", "results/te").out
    assert mamo("watch").out.isascii() is True


def test_a_running_one_comes_first(finished):
    run = planted(finished / "zz", status="running")
    os.utime(run / "run.json", (1, 1))
    with locked(run):
        assert json.loads(mamo("watch", "--json").out)["run"] == "results/zz"
    assert json.loads(mamo("watch", "--json").out)["run"] != "results/zz"


def test_json_holds_every_point(run):
    append(run / "cycles.csv", CYCLES, SECOND)
    told = json.loads(mamo("watch", "run", "--json").out)
    assert (told["status"], told["unit"], told["over"]) == ("crashed", "cycle", 2)
    assert [point["cost"] for point in told["series"][0]["points"]] == pytest.approx([0.4, 0.6])


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("none",), 2, "no run 'none' under results/: see mamo runs list"),
        (("run", "--interval", "0"), 2, "--interval must be at least 0.1 s, got 0"),
        (("--results", "empty"), 2, "no run under empty/ to watch; next: mamo run-mamo --results empty"),
    ],
    ids=str,
)
def test_what_cannot_be_watched_is_told_in_a_line(run, arguments, code, message):
    done = mamo("watch", *arguments)
    assert (done.code, done.out, done.err) == (code, "", f"mamo: {message}\n")


def test_a_damaged_table_is_told_in_a_line(run):
    append(run / "cycles.csv", CYCLES, ["0,x,1,1,1,1,1,1,1"])
    done = mamo("watch")
    assert (done.code, done.err) == (3, "mamo: results/run/cycles.csv is damaged: a row of it is not one of ours\n")


def test_nothing_heavy_is_imported(run):
    heavy = ("torch", "pandas", "numpy", "numba", "scipy", "gurobipy", "matplotlib")
    told = (
        f"import atexit, sys\natexit.register(lambda: print([n for n in {heavy} if n in sys.modules], file=sys.stderr))"
    )
    assert patched(told, "watch", "-q").err == "[]\n"


class Terminal:
    """A terminal of 40 columns in which the run is watched."""

    def __init__(self, **environment: str) -> None:
        self._reader, writer = pty.openpty()
        size = {"COLUMNS": "40", "LINES": "24", "TERM": "xterm", "PYTHONIOENCODING": "utf-8"}
        command = [COMMAND, "watch", "x", "--interval", "0.1"]
        self.process = subprocess.Popen(
            command, stdout=writer, stderr=subprocess.PIPE, env={**os.environ, **size, **environment}
        )
        os.close(writer)
        self.shown = b""

    def until(self, text: str) -> None:
        while text.encode() not in self.shown:
            self.shown += os.read(self._reader, 65536)

    def ended(self) -> tuple[int, str]:
        try:
            while chunk := os.read(self._reader, 65536):
                self.shown += chunk
        except OSError:  # how a terminal tells that its other end is closed
            os.close(self._reader)
        told = self.process.communicate(timeout=HANG_SECONDS)[1]
        return self.process.returncode, told.decode()


def cycles_over(run: Path) -> int:
    return json.loads(mamo("watch", str(run), "--json").out)["over"]


def test_a_real_training_is_watched_while_it_goes_on_and_to_its_end(folder):
    trainer = subprocess.Popen([COMMAND, *ENDLESS], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    run = Path("results/x")
    try:
        while not (run / "run.json").exists():
            assert trainer.poll() is None
        first, second = Terminal(), Terminal(PYTHONIOENCODING="ascii")
        first.until("of 100000 cycles are over")
        first.until("a second\r\n")
        seen = cycles_over(run)
        while cycles_over(run) <= seen:
            assert trainer.poll() is None
        first.process.send_signal(signal.SIGINT)
        assert first.ended() == (0, "")
        assert trainer.poll() is None
        trainer.terminate()
        assert trainer.wait(HANG_SECONDS) == 128 + signal.SIGTERM
        assert second.ended() == (0, "")
    finally:
        trainer.kill()
        trainer.wait()
    last = second.shown.decode("ascii").split("\x1b[2K")[-1].split("\r\n")
    assert last[:2] == ["results/x: run-mamo, interrupted", f"{cycles_over(run)} of 100000 cycles are over (0%)"]
    assert max(map(len, last)) <= 40
    names = {path.name for path in run.iterdir()}
    assert names == {
        *("run.json", "config.toml", "log.txt", ".lock", "trace.csv", "checkpoint.pt", "frontier.csv"),
        *("training.csv", "cycles.csv", "delivered.csv", "evaluation.csv"),
    } | (names & {"checkpoint.previous.pt"})
