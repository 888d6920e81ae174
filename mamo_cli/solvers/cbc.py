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
from mamo_cli.solvers.program import Answer, Floats, NoPlanError, Program, Session, SolverUnavailableError

# CBC's preprocessing loses optimal plans: the bundled 2.10.3 calls a dearer one optimal on problems of nine binaries,
# and with special ordered sets, its default, feasible programs infeasible (coin-or/Cbc issue 449). By default it also
# seeks only plans better by 1e-5 and accepts values 1e-6 from whole.
OPTIONS = ["-preprocess", "off", "-allowableGap", "1e-9", "-ratioGap", "0", "-increment", "1e-9", "-integerT", "1e-9"]


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
        banner = subprocess.run([executable, "-quit"], capture_output=True, text=True, check=False).stdout
    except OSError as error:
        raise SolverUnavailableError(f"CBC cannot be run ({error})") from None
    version = re.search(r"Version: *(\S+)", banner)
    yield Session("cbc", version[1] if version else "unknown", lambda program, limit: _run(executable, program, limit))


def _run(executable: str, program: Program, time_limit_s: float | None) -> Answer:
    limit = [] if time_limit_s is None else ["-seconds", f"{time_limit_s:.3f}", "-timeMode", "elapsed"]
    with TemporaryDirectory(prefix="mamo-") as folder:
        model, start, solution = (Path(folder, name) for name in ("model.mps", "start.txt", "solution.txt"))
        write_mps(program, model)
        known = [] if program.start is None else ["-mipstart", str(start)]
        if program.start is not None:
            write_start(program.start, start)
        command = [executable, str(model), *known, *limit, *OPTIONS, "-solve", "-solution", str(solution)]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        if not solution.exists():
            raise NoPlanError(f"CBC ended without an answer (exit status {run.returncode}); try another solver")
        header, *lines = solution.read_text(encoding="utf-8").splitlines()
    return _answer(header, lines, run.stdout, len(program.cost))


def _answer(header: str, lines: list[str], log: str, columns: int) -> Answer:
    """Reads the solution file ("Optimal - objective value 12.0", then the nonzero columns) and the log's bound."""
    status, _, objective = header.partition(" - objective value ")
    if "no integer solution" in header:
        raise NoPlanError("CBC found no plan within its time limit; allow it more time")
    if status == "Optimal":
        termination, bound = Termination.OPTIMAL, float(objective)
    elif status == "Stopped on time":
        found = re.search(r"Lower bound: *(\S+)", log)
        termination, bound = Termination.TIME_LIMIT, float(found[1]) if found else -np.inf
    else:
        raise NoPlanError(f"CBC ended with '{header.strip()}'; try another solver")
    return Answer(_values(lines, columns), termination, float(objective), bound)


def _values(lines: list[str], columns: int) -> Floats:
    """(C,) values from lines of number, name, value, reduced cost; CBC puts ** before a value off by its tolerance."""
    values = np.zeros(columns)
    for line in lines:
        number, _, value, *_ = line.replace("**", "  ").split()
        values[int(number)] = float(value)
    return values
