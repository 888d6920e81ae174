"""Names that are not UTF-8, as files have them that came from elsewhere: worked with, or refused in a line."""

import os

import pytest

from tests.cli.invoke import TRAIN, mamo

ODD = os.fsdecode(b"caf\xe9")


@pytest.mark.parametrize(
    "command",
    [
        ("generate", "noisy", "--from", ODD),
        ("import", ODD, "--format", "wide"),
        ("solve-offline", "--solver", ODD),
        ("solve-offline", "--domain", ODD),
        ("solve-offline", "--trace", ODD),
        ("run-mamo", "--strategy", ODD),
        ("train", "--config", ODD),
        ("train", "--name", ODD),
        ("train", "--engine", ODD),
        ("train", f"--{ODD}"),
        ("evaluate", ODD),
        ("plot", ODD),
        ("runs", "show", ODD),
        (ODD,),
    ],
    ids=lambda command: command[0] + command[-1][:3],
)
def test_what_is_not_there_is_refused(command):
    done = mamo(*command)
    assert done.code in (2, 3)
    assert done.err.count("\n") == 1


def test_files_and_folders_are_worked_with(folder, monkeypatch):
    (folder / ODD).mkdir()
    monkeypatch.chdir(folder / ODD)
    monkeypatch.setenv("TMPDIR", str(folder / ODD))
    trace = f"{ODD}.csv"
    assert mamo("generate", "sinusoidal", "--steps", "12", "--out", trace).code == 0
    for command in (("solve-offline", "--solver", "cbc"), (*TRAIN, "--name", "te"), ("evaluate", "te"), ("plot", "te")):
        options = ("--trace", trace) if command[0] in ("solve-offline", "train") else ()
        assert mamo(*command, *options).code == 0
    assert "te" in mamo("runs", "list").out
    assert mamo("runs", "show", str(folder / ODD / "results" / "te"), "--json").code == 0
