"""Writes the fixtures of the present format anew: `python -m tests.compatibility.regenerate`.

Only where the format changes on purpose: then into a new folder (v2, ...), and the old ones stay.
"""

import os
import shutil
import tempfile
from pathlib import Path

from mamo_cli.workload.generators import sinusoidal
from mamo_cli.workload.trace_csv import write_trace
from tests.cli.invoke import mamo
from tests.cli.killing import forked, kill_before_checkpoint

VERSION = "v3"
FIXTURES = Path(__file__).with_name("fixtures")
TRACE = "tiny.csv"
TE = "[learner]\nhidden = [16]\nreplay_capacity = 32\n"
SETTINGS_OF = {"te.toml": TE, "wa.toml": TE + "[wa_learner]\nhidden = [16]\nreplay_capacity = 32\n"}
CYCLES = 6
LOOP = ("--seeds", "1", "--iterations", "2", "--iteration-steps", "4", "--environments", "2", "--trace", TRACE)
LOOP += ("--jobs", "1")
MAMO = ("run-mamo", *LOOP, "--config", "wa.toml", "--cycles", str(CYCLES))
MAMO += ("--readout", "last", "--refinements", "0")  # as all runs were when these were made
COMMANDS = {
    "plan": ("solve-offline", "--trace", TRACE, "--solver", "cbc"),
    "te": ("train", *LOOP, "--config", "te.toml"),
    "wa": MAMO,
    "wa-interrupted": MAMO,
}


def main() -> None:
    """Make the runs in a folder of their own and keep what a user would."""
    target = FIXTURES / VERSION
    shutil.rmtree(target, ignore_errors=True)
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        write_trace(sinusoidal(steps=24, period=24), TRACE)
        for name, text in SETTINGS_OF.items():
            Path(name).write_text(text)
        for name, command in COMMANDS.items():
            arguments = (*command, "--name", name)
            code = forked(arguments, kill_before_checkpoint(4)) if name == "wa-interrupted" else mamo(*arguments).code
            print(name, code)
        shutil.copytree(folder, target, ignore=shutil.ignore_patterns(".lock", "log.txt", ".*.tmp"))
        os.chdir(target)


if __name__ == "__main__":
    main()
