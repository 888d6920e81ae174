"""A run folder's lock, also where the file system has none: one process at a time, and none for who has ended."""

import errno
import fcntl
import os
import subprocess
import sys
import time
from threading import Barrier, Thread

import pytest

from mamo_cli.core.errors import LockedError, StorageError
from mamo_cli.runs import locks
from mamo_cli.runs.locks import HELD, is_locked, locked

NO_LOCKS = [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP]


@pytest.fixture(params=NO_LOCKS, ids=errno.errorcode.get)
def without_flock(request, monkeypatch):
    def refuse(*_):
        raise OSError(request.param, os.strerror(request.param))

    monkeypatch.setattr(fcntl, "flock", refuse)


def ended_process() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


@pytest.mark.usefixtures("without_flock")
def test_a_file_stands_in_for_a_lock_and_names_who_holds_it(tmp_path):
    with locked(tmp_path):
        assert is_locked(tmp_path)
        with (
            pytest.raises(LockedError, match=rf"process {os.getpid()} on .*: wait for it.*delete \.lock\.held"),
            locked(tmp_path),
        ):
            pass
    assert not is_locked(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]
    with locked(tmp_path):
        pass


@pytest.mark.usefixtures("without_flock")
@pytest.mark.parametrize("left_by", ["an ended process", "another process of that number"])
def test_what_a_process_of_this_machine_has_left_is_no_lock(tmp_path, left_by):
    (tmp_path / ".lock").touch()
    process, start = (ended_process(), "12") if left_by == "an ended process" else (os.getpid(), "12")
    (tmp_path / HELD).write_text(" ".join((*locks._machine(), str(process), start)))
    assert not is_locked(tmp_path)
    with locked(tmp_path):
        assert is_locked(tmp_path)


@pytest.mark.usefixtures("without_flock")
@pytest.mark.parametrize("content", ["other pid:[1] {} 12", "", "rubbish \udcff"])
def test_what_cannot_be_told_to_have_ended_holds_the_lock(tmp_path, content):
    (tmp_path / ".lock").touch()
    (tmp_path / HELD).write_bytes(content.format(ended_process()).encode("utf-8", "surrogateescape"))
    assert is_locked(tmp_path)
    with pytest.raises(LockedError, match="if it has ended, delete"), locked(tmp_path):
        pass
    assert (tmp_path / HELD).exists()


@pytest.mark.usefixtures("without_flock")
def test_of_a_crowd_that_finds_a_lock_left_behind_one_at_a_time_gets_in(tmp_path):
    (tmp_path / ".lock").touch()
    (tmp_path / HELD).write_text(" ".join((*locks._machine(), str(ended_process()), "12")))
    go, inside, told = Barrier(16), set(), []

    def enter(number: int) -> None:
        go.wait()
        try:
            with locked(tmp_path):
                inside.add(number)
                time.sleep(0.02)
                told.append(len(inside))
                inside.remove(number)
        except LockedError:
            pass

    crowd = [Thread(target=enter, args=(number,)) for number in range(16)]
    for one in crowd:
        one.start()
    for one in crowd:
        one.join()
    assert set(told) == {1}
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]


def test_other_errors_of_a_lock_name_its_file(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(StorageError, match=r"\.lock: the disk or its connection is failing"), locked(tmp_path):
        pass
