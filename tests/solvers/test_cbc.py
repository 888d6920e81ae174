"""What CBC writes is read as it is meant."""

import os
import tempfile
import time

import pytest

from mamo_cli.core.seam import Termination
from mamo_cli.solvers import cbc
from mamo_cli.solvers.program import NoPlanError
from mamo_cli.solvers.sessions import SESSIONS
from mamo_cli.solvers.smoke import _smallest_of_two, smoke_test


def test_cbc_is_read_by_its_own_words():
    log = "Result - Stopped on time limit\n\nObjective value:  12.0\nLower bound:   11.500\nGap: 0.04\n"
    lines = ["      0 x_0  1  0", "**    2 x_2  1  0"]
    answer = cbc._answer("Stopped on time - objective value 12.00000000", lines, log, 3)
    assert (answer.termination, answer.objective, answer.bound) == (Termination.TIME_LIMIT, 12.0, 11.5)
    assert answer.values.tolist() == [1, 0, 1]
    with pytest.raises(NoPlanError, match="no plan"):
        cbc._answer("Stopped on time (no integer solution - continuous used) - objective value 3.5", [], log, 3)
    with pytest.raises(NoPlanError, match="Infeasible"):
        cbc._answer("Infeasible - objective value 3.5", [], log, 3)


@pytest.mark.parametrize("name", [b"d\xe9p\xf4t", "a b 'c' \"d\" $e ü".encode(), b"-quit"])
def test_a_temporary_folder_of_any_name_will_do(tmp_path, monkeypatch, name):
    folder = os.path.join(os.fsencode(tmp_path), name)
    os.mkdir(folder)
    monkeypatch.setattr(tempfile, "tempdir", os.fsdecode(folder))
    check = smoke_test("cbc")
    assert (check.available, check.reason) == (True, None)
    assert os.listdir(folder) == []


def test_a_temporary_folder_that_cannot_be_written_is_a_solvers_failure(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    with SESSIONS["cbc"]() as session, pytest.raises(NoPlanError, match=r"folder for temporary files.*gone"):
        session.run(_smallest_of_two(), None)


def test_cbc_is_ended_where_it_does_not_stop_by_itself(tmp_path, monkeypatch):
    sleeper = tmp_path / "cbc"
    sleeper.write_text("#!/bin/sh\nexec sleep 60\n")
    sleeper.chmod(0o700)
    monkeypatch.setattr(cbc, "GRACE_SECONDS", 0.1)
    with pytest.raises(NoPlanError, match="did not stop at its time limit"):
        cbc._run(str(sleeper), _smallest_of_two(), 0.2)


def test_of_the_time_left_cbc_is_told_a_part_and_what_writing_took_is_off_it(tmp_path, monkeypatch):
    told = []

    def run(command, **_):
        told.append(float(command[command.index("-seconds") + 1]))
        raise cbc.subprocess.TimeoutExpired(command, 1)

    def slowly(*_):
        time.sleep(0.3)

    monkeypatch.setattr(cbc, "write_mps", slowly)
    monkeypatch.setattr(cbc.subprocess, "run", run)
    with pytest.raises(NoPlanError):
        cbc._run("cbc", _smallest_of_two(), 1.0)
    (seconds,) = told
    assert seconds <= 0.9 * 0.7
