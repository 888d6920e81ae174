import signal

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


def test_a_stop_saves_and_the_next_start_goes_on_from_there(tmp_path):
    with pytest.raises(Stopped) as stopped, STOP.listening():
        driven(tmp_path, lambda rounds: rounds == 2 and signal.raise_signal(signal.SIGTERM))
    assert stopped.value.code == 143
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
