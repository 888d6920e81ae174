import signal
from threading import Thread

import pytest

from mamo_cli.core.errors import MamoError
from mamo_cli.runs import checkpoint, driver
from mamo_cli.runs.engine import LocalEngine
from mamo_cli.runs.stopping import STOP, Stopped
from tests.runs.counting import COLUMNS, CountingShard, Spec, opened, rows_of

SPECS = [Spec("a"), Spec("b")]


def engine(states):
    return LocalEngine(CountingShard, SPECS, states)


def driven(root, during=lambda rounds: None) -> list[int]:
    """Drive the run to its end or its stop; the rounds that progress was told of."""
    told = []
    with opened(root) as run:
        driver.drive(run, COLUMNS, engine, lambda rounds, rows: (told.append(rounds), during(rounds)))
    return told


def test_rows_of_every_round_and_a_checkpoint_at_the_end(tmp_path):
    assert driven(tmp_path) == [0, 1, 2, 3, 4]
    with opened(tmp_path) as run:
        assert rows_of(run) == [f"{name},{n},{n * (n + 1) / 2}" for n in range(1, 5) for name in "ab"]
        assert checkpoint.load(run.path, run.digest)["rounds"] == 4


@pytest.mark.parametrize(
    ("number", "code"), [("TERM", 143), ("INT", 130), ("HUP", 129), ("USR1", 138), ("USR2", 140), ("XCPU", 152)]
)
def test_a_stop_saves_and_the_next_start_goes_on_from_there(tmp_path, number, code):
    def asked(rounds):
        if rounds == 2:
            signal.raise_signal(signal.Signals[f"SIG{number}"])
            signal.raise_signal(signal.SIGXCPU)  # which comes every second, and is no second thought

    with pytest.raises(Stopped) as stopped, STOP.listening():
        driven(tmp_path, asked)
    assert (stopped.value.code, stopped.value.signal_name) == (code, f"SIG{number}")
    assert driven(tmp_path) == [2, 3, 4]
    with opened(tmp_path) as run:
        assert [start["status"] for start in run.manifest["starts"]] == ["interrupted", "complete"]
        assert len(rows_of(run)) == 8


def test_rows_after_the_checkpoint_are_cut_back(tmp_path, monkeypatch):
    monkeypatch.setattr(driver, "CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr(driver, "CHECKPOINT_SHARE", float("inf"))
    with pytest.raises(MamoError, match="ZeroDivisionError"):  # in the telling of round 3, before its checkpoint
        driven(tmp_path, lambda rounds: 1 / (rounds - 3))
    assert len((tmp_path / "x" / "counts.csv").read_text().splitlines()) == 1 + 6
    assert driven(tmp_path) == [2, 3, 4]
    assert len((tmp_path / "x" / "counts.csv").read_text().splitlines()) == 1 + 8


def test_what_nohup_has_ignored_stays_ignored(tmp_path):
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with STOP.listening():
            assert driven(tmp_path, lambda rounds: signal.raise_signal(signal.SIGHUP)) == [0, 1, 2, 3, 4]
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_thread_beside_the_main_one_listens_to_no_signal_and_leaves_its_host_s_alarm_alone(tmp_path):
    told = []

    def called() -> None:
        with STOP.listening():
            told.extend(driven(tmp_path))

    signal.setitimer(signal.ITIMER_REAL, 3600.0)
    try:
        thread = Thread(target=called)
        thread.start()
        thread.join()
        assert signal.getitimer(signal.ITIMER_REAL)[0] > 0
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
    assert told == [0, 1, 2, 3, 4]
