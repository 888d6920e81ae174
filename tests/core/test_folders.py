"""Where caches are kept: in a folder that only the user can write, and never in one named `~`."""

import os
import pwd

import pytest

from mamo_cli.core import folders

OURS = f"mamo-{os.getuid()}"


def unknown(uid):
    raise KeyError(uid)


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """A user whom the system does not know, in an empty folder, with a folder for temporary files."""
    for name in ("HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    (tmp_path / "here").mkdir()
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    monkeypatch.chdir(tmp_path / "here")
    yield tmp_path / "tmp"
    assert list((tmp_path / "here").iterdir()) == []


def chosen():
    return folders.for_caches.__wrapped__()


def test_a_user_with_a_home(temporary, monkeypatch):
    monkeypatch.setenv("HOME", str(temporary))
    assert chosen() == temporary / ".cache" / "mamo"
    assert folders.home_can_be_written()


def test_a_user_with_a_folder_for_caches(temporary, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(temporary / "caches"))
    assert chosen() == temporary / "caches" / "mamo"


@pytest.mark.parametrize("home", [None, "somewhere/relative", "~"])
def test_without_a_home_the_folder_for_temporary_files(temporary, monkeypatch, home):
    if home is not None:
        monkeypatch.setenv("HOME", home)
    assert chosen() == temporary / OURS
    assert (temporary / OURS).stat().st_mode & 0o777 == 0o700
    assert not folders.home_can_be_written()


def test_a_home_that_cannot_be_made(temporary, monkeypatch):
    (temporary / "file").write_text("")
    monkeypatch.setenv("HOME", str(temporary / "file" / "home"))
    assert chosen() == temporary / OURS


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o722])
def test_what_others_can_write_is_not_taken(temporary, mode):
    (temporary / OURS).mkdir()
    (temporary / OURS).chmod(mode)
    assert chosen() is None


def test_what_another_has_put_there_is_not_taken(temporary, monkeypatch):
    (temporary / OURS).symlink_to(temporary)
    assert chosen() is None
    (temporary / OURS).unlink()
    theirs = os.getuid() + 1
    monkeypatch.setattr(os, "getuid", lambda: theirs)
    (temporary / f"mamo-{theirs}").mkdir(mode=0o700)
    assert chosen() is None
