"""HiGHS says nothing on standard output, whatever its version prints."""

import ctypes
import os
import subprocess
import sys

import highspy

from mamo_cli.core.seam import Termination
from mamo_cli.solvers.sessions import SESSIONS
from mamo_cli.solvers.smoke import _smallest_of_two

# As version 1.16 does: C's own output, past Python's, before any option could be set.
PRINTING = """
import ctypes, highspy
class Printing(highspy.Highs):
    def __init__(self):
        ctypes.CDLL(None).puts(b"Running HiGHS: banner")
        super().__init__()
highspy.Highs = Printing
from mamo_cli.solvers.smoke import smoke_test
print("before")
print(smoke_test("highs").available)
"""


def test_a_banner_in_c_stays_off_a_pipe():
    out = subprocess.run([sys.executable, "-c", PRINTING], capture_output=True, text=True, check=True)
    assert out.stdout.splitlines() == ["before", "True"]


def test_what_others_print_is_kept(monkeypatch, capfd):
    made = highspy.Highs

    def printing():
        ctypes.CDLL(None).puts(b"banner")
        return made()

    monkeypatch.setattr(highspy, "Highs", printing)
    os.write(1, b"before\n")
    ctypes.CDLL(None).puts(b"of another")
    with SESSIONS["highs"]() as session:
        answer = session.run(_smallest_of_two(), None)
    os.write(1, b"after\n")
    assert answer.termination is Termination.OPTIMAL
    assert capfd.readouterr().out == "before\nof another\nafter\n"


def test_it_works_where_standard_output_is_closed():
    closed = "import os; os.close(1)\n" + PRINTING.replace("print(", "str(") + "\nraise SystemExit(3)"
    out = subprocess.run([sys.executable, "-c", closed], capture_output=True, text=True, check=False)
    assert (out.returncode, out.stderr) == (3, "")
