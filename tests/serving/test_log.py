"""The log of decisions: what was done to it is found and named, and what a crash tore is cut off, and nothing else."""

import errno
import hashlib
import json
import os
import signal
import subprocess
import sys

import pytest

from mamo_cli.core.errors import CheckpointError, DataError, LockedError, StorageError
from mamo_cli.serving.log import ORIGIN, Checked, DecisionLog, check

LINES = 6


@pytest.fixture
def log(tmp_path):
    """The path of a log of some lines."""
    path = tmp_path / "decisions.jsonl"
    with DecisionLog(path) as opened:
        for at in range(LINES):
            opened.append({"time": at / 3, "actions": {"é": at}})
    return path


def test_a_line_says_the_digest_of_itself_and_of_the_line_before(log):
    before, lines = ORIGIN, log.read_bytes().splitlines()
    for at, line in enumerate(lines):
        values = json.loads(line)
        assert [*values] == ["number", "time", "actions", "previous", "digest"]
        assert (values["number"], values["time"], values["actions"]) == (at + 1, at / 3, {"é": at})
        assert values["previous"] == before
        before = hashlib.sha256(line[: line.index(b',"digest"')] + b"}").hexdigest()
        assert values["digest"] == before
    assert check(log) == Checked(LINES, before)
    assert check(log).number == int(before[:13], 16) < 2**53  # a float holds it exactly


def test_an_empty_log_checks_and_one_that_is_not_there_does_not(tmp_path):
    (tmp_path / "empty").touch()
    assert check(tmp_path / "empty") == Checked(0, ORIGIN)
    with pytest.raises(DataError, match="nothing: cannot be read: No such file"):
        check(tmp_path / "nothing")


def changed(lines):
    return [*lines[:2], lines[2].replace(b'"\xc3\xa9":2', b'"\xc3\xa9":3'), *lines[3:]]


def forged(lines):
    """A line changed, and its digest made anew."""
    text = lines[2].replace(b'"\xc3\xa9":2', b'"\xc3\xa9":3').partition(b',"digest"')[0]
    sealed = b'%b,"digest":"%b"}\n' % (text, hashlib.sha256(text + b"}").hexdigest().encode())
    return [*lines[:2], sealed, *lines[3:]]


DONE = {
    "changed": (changed, 3, "was changed: it is not what its digest says"),
    "changed with its digest": (forged, 4, "does not follow the line before it: that one was changed"),
    "first missing": (lambda lines: lines[1:], 1, "is decision 2 where 1 belongs: 1 is missing before it"),
    "missing": (lambda lines: lines[:3] + lines[4:], 4, "is decision 5 where 4 belongs: 4 is missing before it"),
    "moved": (
        lambda lines: [*lines[:2], lines[3], lines[2], *lines[4:]], 3, "is decision 4 where 3 belongs: 3 is missing"
    ),
    "doubled": (lambda lines: lines[:3] + lines[2:], 4, "is decision 3 where 4 belongs: 3 is there twice, or was"),
    "torn": (lambda lines: [*lines[:-1], lines[-1][:-20]], LINES, "is torn"),
    "torn at its last byte": (lambda lines: [*lines[:-1], lines[-1][:-1]], LINES, "is torn"),
    "torn inside": (lambda lines: [*lines[:2], lines[2][:-20] + b"\n", *lines[3:]], 3, "is no decision"),
    "an empty line": (lambda lines: [*lines[:2], b"\n", *lines[2:]], 3, "is no decision"),
    "a line of another": (lambda lines: [*lines, b'{"a": 1}\n'], LINES + 1, "is no decision"),
}  # fmt: skip


@pytest.mark.parametrize("what", DONE)
def test_what_was_done_to_a_log_is_found_and_the_first_line_named(what, log):
    do, line, said = DONE[what]
    log.write_bytes(b"".join(do(log.read_bytes().splitlines(keepends=True))))
    with pytest.raises(DataError) as told:
        check(log)
    assert str(told.value).startswith(f"{log}:{line}: {said}")


def test_any_byte_that_is_changed_is_found(log):
    data = log.read_bytes()
    for at in range(0, len(data), 5):
        log.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        with pytest.raises(DataError, match=f"decisions.jsonl:{data[:at].count(10) + 1}: "):
            check(log)


def test_a_tail_that_was_cut_off_shows_in_count_and_head_alone(log):
    whole, lines = check(log), log.read_bytes().splitlines(keepends=True)
    log.write_bytes(b"".join(lines[:-1]))
    assert check(log).count == whole.count - 1
    assert check(log).number != whole.number


def test_wherever_its_last_line_is_torn_it_goes_on_before_it(log):
    data = log.read_bytes()
    lines = data.splitlines(keepends=True)
    rest = b"".join(lines[:-1])
    for kept in range(1, len(lines[-1])):
        log.write_bytes(data[: len(rest) + kept])
        with DecisionLog(log) as opened:
            assert opened.count == LINES - 1
            assert opened.notice == (
                f"{log}: its last line was torn when it was written, and is cut off: decision {LINES}"
            )
            assert log.read_bytes() == rest
            opened.append({"time": (LINES - 1) / 3, "actions": {"é": LINES - 1}})
        assert log.read_bytes() == data
    with DecisionLog(log) as opened:
        assert (opened.notice, opened.count, opened.head) == (None, LINES, check(log).head)
        assert opened.last["actions"] == {"é": LINES - 1}


@pytest.mark.parametrize("data", [b"step,function\n0,f", b"not ours", b"\n", b'{"number":2,"ti', b"a\n"])
def test_what_is_no_log_is_refused_and_left_as_it_is(data, tmp_path):
    path = tmp_path / "x"
    path.write_bytes(data)
    with pytest.raises(CheckpointError, match="name another --log"):
        DecisionLog(path)
    assert path.read_bytes() == data


@pytest.mark.parametrize("what", [what for what in DONE if what not in ("torn", "torn at its last byte")])
def test_a_log_that_does_not_check_is_not_gone_on_with_and_its_line_is_named(what, log):
    do, line, said = DONE[what]
    data = b"".join(do(log.read_bytes().splitlines(keepends=True)))
    log.write_bytes(data)
    with pytest.raises(CheckpointError) as told:
        DecisionLog(log)
    assert str(told.value).startswith(f"{log}:{line}: {said}")
    assert str(told.value).endswith(": look at it, or name another --log")
    assert log.read_bytes() == data


def test_one_process_at_a_time_writes_it(log):
    with DecisionLog(log), pytest.raises(LockedError, match="is written by another process"):
        DecisionLog(log)
    DecisionLog(log).close()


def test_a_disk_that_is_full_leaves_the_log_as_it_was(log, monkeypatch):
    data, write = log.read_bytes(), os.write
    with DecisionLog(log) as opened:
        monkeypatch.setattr(os, "write", lambda file, line: write(file, line[:-30]))
        for _ in range(2):
            with pytest.raises(StorageError, match=r"cannot write .*decisions.jsonl: no space left on the disk"):
                opened.append({"time": 1.0})
            assert log.read_bytes() == data
            assert opened.count == LINES
        monkeypatch.setattr(os, "write", write)
        opened.append({"time": 1.0})
    assert check(log).count == LINES + 1


def test_what_another_did_to_it_meanwhile_is_not_written_behind(log):
    with DecisionLog(log) as opened:
        os.truncate(log, 100)
        with pytest.raises(StorageError, match="was changed, moved or removed by another"):
            opened.append({"time": 1.0})
        assert log.stat().st_size == 100
    log.unlink()
    with DecisionLog(log) as opened:
        opened.append({"time": 1.0})
        log.unlink()
        with pytest.raises(StorageError, match="was changed, moved or removed by another"):
            opened.append({"time": 2.0})


def test_a_line_that_is_written_while_it_is_checked_is_read_again_once(log, monkeypatch):
    whole, data = check(log), log.read_bytes()
    log.write_bytes(data[:-20])
    slept = []
    monkeypatch.setattr("time.sleep", lambda seconds: slept.append(log.write_bytes(data)))
    assert check(log) == whole
    log.write_bytes(data[:-20])
    monkeypatch.setattr("time.sleep", slept.append)
    with pytest.raises(DataError, match=f"{LINES}: is torn"):
        check(log)
    assert len(slept) == 2


@pytest.mark.parametrize("kept", [0, 5, 200])
def test_nul_bytes_that_a_power_cut_left_are_cut_off_with_the_line_they_were_to_be(kept, log):
    data = log.read_bytes()
    lines = data.splitlines(keepends=True)
    rest = b"".join(lines[:-1])
    log.write_bytes(rest + lines[-1][:kept] + bytes(len(lines[-1]) - kept))
    with DecisionLog(log) as opened:
        assert (opened.count, log.read_bytes()) == (LINES - 1, rest)
        assert opened.notice.endswith(f"is cut off: decision {LINES}")
    log.write_bytes(data + b"\0\0x")
    with pytest.raises(CheckpointError, match="it ends in what is none"):
        DecisionLog(log)


def test_a_line_is_on_the_disk_before_it_is_told_but_for_those_within_a_second(log, monkeypatch):
    now, synced, sync = [100.0], [], os.fdatasync
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    monkeypatch.setattr(os, "fdatasync", lambda file: (synced.append(os.fstat(file).st_size), sync(file)))
    with DecisionLog(log) as opened:
        sizes = []
        for late in (0.0, 0.5, 1.0, 1.99, 2.0, 300.0):
            now[0] = 100.0 + late
            opened.append({"time": late})
            sizes.append(log.stat().st_size)
        assert synced == [sizes[0], sizes[2], sizes[4], sizes[5]]
        opened.append({"time": 1.0})
    assert synced[-1] == log.stat().st_size


def test_a_line_that_the_disk_does_not_take_is_no_line(log, monkeypatch):
    data = log.read_bytes()

    def fail(file):
        raise OSError(errno.EIO, "")

    with DecisionLog(log) as opened:
        with monkeypatch.context() as patch:
            patch.setattr(os, "fdatasync", fail)
            with pytest.raises(StorageError, match="the disk or its connection is failing"):
                opened.append({"time": 1.0})
        assert log.read_bytes() == data
        opened.append({"time": 1.0})
    assert check(log).count == LINES + 1


def test_a_log_that_was_moved_is_written_no_more_so_that_a_name_has_one_writer(log):
    with DecisionLog(log) as first:
        kept = log.read_bytes()
        log.rename(log.with_suffix(".old"))
        with pytest.raises(StorageError, match="was changed, moved or removed by another"):
            first.append({"time": 2.0})
        with DecisionLog(log) as second:
            with pytest.raises(StorageError, match="was changed, moved or removed by another"):
                first.append({"time": 2.0})
            second.append({"time": 2.0})
    assert log.with_suffix(".old").read_bytes() == kept
    assert check(log).count == 1


def test_a_process_that_is_killed_while_it_writes_leaves_a_log_that_checks(tmp_path):
    path = tmp_path / "decisions.jsonl"
    code = (
        "import sys, pathlib; from mamo_cli.serving.log import DecisionLog\n"
        "with DecisionLog(pathlib.Path(sys.argv[1])) as log:\n"
        "    while True: print(log.append({'time': 1.0}), flush=True)"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True) as process:
        said = [process.stdout.readline() for _ in range(50)]
        process.send_signal(signal.SIGKILL)
        said += process.stdout.readlines()
    said = [line.strip() for line in said if line.endswith("\n")]  # the last may be said in part
    with DecisionLog(path) as log:
        assert log.count in (len(said), len(said) + 1)  # the last may be written and not yet said
        assert check(path).count == log.count
    heads = [json.loads(line)["digest"] for line in path.read_text().splitlines()]
    assert heads[: len(said)] == said
