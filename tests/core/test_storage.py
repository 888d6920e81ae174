import errno
import os

import pytest

from mamo_cli.core import storage
from mamo_cli.core.errors import StorageError


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    return path


def failing(number):
    def fail(*_):
        raise OSError(number, os.strerror(number))

    return fail


@pytest.mark.parametrize("step", ["fsync", "replace"])
@pytest.mark.parametrize(
    ("number", "remedy"), [(errno.ENOSPC, "free some"), (errno.EROFS, "read-only"), (errno.EIO, "")]
)
def test_when_the_disk_refuses_the_old_file_survives(path, monkeypatch, step, number, remedy):
    monkeypatch.setattr(*((os, "fsync") if step == "fsync" else (type(path), "replace")), failing(number))
    with pytest.raises(StorageError, match=f"cannot write .*file: .*{remedy}"):
        storage.replace_text(path, "new")
    assert path.read_text() == "old"
    assert os.listdir(path.parent) == ["file"]


def test_what_reads_back_differently_is_not_put_in_place(path):
    with pytest.raises(StorageError, match="reads back differently"):
        storage.replace_file(path, lambda file: file.write(b"new"), lambda written: False)
    assert path.read_text() == "old"


def test_the_file_before_is_kept(path):
    storage.replace_file(path, lambda file: file.write(b"new"), keep_as=path.with_name("kept"))
    assert (path.read_text(), path.with_name("kept").read_text()) == ("new", "old")


def test_the_new_file_is_durable_before_it_takes_the_place(path, monkeypatch):
    seen = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: seen.append(path.read_text()))
    storage.replace_text(path, "new")
    assert seen == ["old", "new"]  # the file itself, then its folder
