"""CBC, the executable that PuLP bundles, run once on an MPS file.

PuLP's own modelling layer is left out: building 100,000 of its variables costs seconds, and it calls a model "Optimal"
when CBC only hit its time limit. Objective, bound and termination are read from CBC's files and log.
"""

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from mamo_cli.core.seam import Termination
from mamo_cli.solvers.mps import write_mps, write_start
from mamo_cli.solvers.program import Answer, Clock, Floats, NoPlanError, Program, Session, SolverUnavailableError

# CBC's preprocessing loses optimal plans: the bundled 2.10.3 calls a dearer one optimal on problems of nine binaries,
# and with special ordered sets, its default, feasible programs infeasible (coin-or/Cbc issue 449). By default it also
# seeks only plans better by 1e-5 and accepts values 1e-6 from whole.
OPTIONS = ["-preprocess", "off", "-allowableGap", "1e-9", "-ratioGap", "0", "-increment", "1e-9", "-integerT", "1e-9"]
MODEL, START, SOLUTION = "model.mps", "start.txt", "solution.txt"
# CBC looks at its clock now and then: of the time left it is told this share, and it is ended so long after the end.
TOLD, GRACE_SECONDS = 0.9, 0.5


@contextmanager
def open_cbc() -> Iterator[Session]:
    """A session with PuLP's bundled CBC.

    Raises:
        SolverUnavailableError: PuLP is not installed, or its executable does not run here.
    """
    try:
        from pulp import PULP_CBC_CMD
    except ImportError:
        raise SolverUnavailableError("CBC is not installed (pip install pulp)") from None
    executable = str(Path(PULP_CBC_CMD.pulp_cbc_path).resolve())
    try:
        banner = subprocess.run([executable, "-quit"], capture_output=True, check=False).stdout.decode(errors="replace")
    except OSError as error:
        raise SolverUnavailableError(f"CBC cannot be run ({error})") from None
    version = re.search(r"Version: *(\S+)", banner)
    yield Session("cbc", version[1] if version else "unknown", lambda program, limit: _run(executable, program, limit))


def _run(executable: str, program: Program, time_limit_s: float | None) -> Answer:
    clock = Clock(time_limit_s)
    try:
        with TemporaryDirectory(prefix="mamo-") as name:
            folder = Path(name)
            write_mps(program, folder / MODEL)
            if program.start is not None:
                write_start(program.start, folder / START)
            run = _solved(executable, folder, clock.left(), started=program.start is not None)
            solution = folder / SOLUTION
            if not solution.exists():
                raise NoPlanError(f"CBC ended without an answer (exit status {run.returncode})")
            header, *lines = solution.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        raise NoPlanError(f"CBC's files cannot be kept in the folder for temporary files ({error})") from error
    return _answer(header, lines, run.stdout.decode(errors="replace"), len(program.cost))


def _solved(
    executable: str, folder: Path, seconds: float | None, *, started: bool
) -> subprocess.CompletedProcess[bytes]:
    """CBC, once it has ended. It runs in the folder of its files and never sees its name, which may be no UTF-8."""
    known = ["-mipstart", START] if started else []
    limit = [] if seconds is None else ["-seconds", f"{TOLD * seconds:.3f}", "-timeMode", "elapsed"]
    command = [executable, MODEL, *known, *limit, *OPTIONS, "-solve", "-solution", SOLUTION]
    timeout = None if seconds is None else seconds + GRACE_SECONDS
    try:
        return subprocess.run(command, cwd=folder, capture_output=True, timeout=timeout, check=False)
    except subprocess.TimeoutExpired:
        raise NoPlanError("CBC did not stop at its time limit; give it a longer --time-limit") from None


def _answer(header: str, lines: list[str], log: str, columns: int) -> Answer:
    """Reads the solution file ("Optimal - objective value 12.0", then the nonzero columns) and the log's bound."""
    status, _, objective = header.partition(" - objective value ")
    if "no integer solution" in header:
        raise NoPlanError("CBC found no plan within its time limit; give it a longer --time-limit")
    if status == "Optimal":
        termination, bound = Termination.OPTIMAL, float(objective)
    elif status == "Stopped on time":
        found = re.search(r"Lower bound: *(\S+)", log)
        termination, bound = Termination.TIME_LIMIT, float(found[1]) if found else -np.inf
    else:
        raise NoPlanError(f"CBC ended with '{header.strip()}'")
    return Answer(_values(lines, columns), termination, float(objective), bound)


def _values(lines: list[str], columns: int) -> Floats:
    """(C,) values from lines of number, name, value, reduced cost; CBC puts ** before a value off by its tolerance."""
    values = np.zeros(columns)
    for line in lines:
        number, _, value, *_ = line.replace("**", "  ").split()
        values[int(number)] = float(value)
    return values
