"""Runs `mamo` in this process, or in one of its own."""

import io
import os
import re
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

from mamo_cli.cli.main import main
from tests.clock import HANG_SECONDS

TINY = ("--seeds", "2", "--iterations", "2", "--iteration-steps", "4", "--environments", "2")
TRAIN = ("train", *TINY, "--jobs", "1")
MAMO = ("run-mamo", *TINY, "--cycles", "4", "--jobs", "1")
COMMAND = str(Path(sys.executable).with_name("mamo"))


PROGRESS = re.compile(r"(?!mamo: )[^:]+: (.+ since \d+:\d\d:\d\d|\d+ of \d+ rounds(, .*)?)\n")
"""A line of how far a command has come, as it is told every ten seconds."""


class Result(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def said(self) -> list[str]:
        """The lines of stderr, ends included, but for progress, of which there is some where the machine is busy."""
        return [line for line in self.err.splitlines(keepends=True) if not PROGRESS.fullmatch(line)]


def mamo(*arguments: str) -> Result:
    """The command in this process and the present folder."""
    out, err = io.StringIO(), io.StringIO()
    with patch.object(sys, "argv", ["mamo", *arguments]), redirect_stdout(out), redirect_stderr(err):
        try:
            main()
            code = None
        except SystemExit as end:
            code = end.code
    return Result(code, out.getvalue(), err.getvalue())


def installed(*arguments: str, **options) -> Result:
    """The installed command, in a process of its own."""
    return _result([COMMAND, *arguments], **options)


def patched(patches: str, *arguments: str, **options) -> Result:
    """The command in a process of its own, in which these lines ran before."""
    return _result([sys.executable, "-c", _program(patches), *arguments], **options)


def started(patches: str, *arguments: str, **options) -> subprocess.Popen:
    """The same, still running."""
    return subprocess.Popen(
        [sys.executable, "-c", _program(patches), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


# While a command works, what is printed goes to standard error: this still leads to the standard output.
SAID = "import os\nSAID = open(os.dup(1), 'w', buffering=1)\n"


def _program(patches: str) -> str:
    return f"{SAID}{patches}\nfrom mamo_cli.cli.main import main\nmain()"


def _result(command: list[str], **options) -> Result:
    environment = {**os.environ, "COLUMNS": "80"}
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=HANG_SECONDS, env=environment, **options
    )
    return Result(done.returncode, done.stdout, done.stderr)
