"""`python -m tests.mutants [part of a module's path ...]`: would the tests notice if a formula were wrong?

Cosmic Ray changes one operator, number or condition at a time, in a copy of the tree, and the module's tests run. What
no test notices is printed; `survivors.md` says why each may stay.
"""

import os
import re
import shlex
import shutil
import signal
import sys
import tempfile
import time
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cosmic_ray.mutating
import numba
import pytest
from cosmic_ray.commands import execute, init
from cosmic_ray.config import ConfigDict
from cosmic_ray.work_db import WorkDB, use_db
from cosmic_ray.work_item import TestOutcome, WorkerOutcome, WorkResult

ROOT = Path(__file__).parents[2]
COPIED = ("mamo_cli", "tests", "traces", "pyproject.toml")
LEAST = 0.9
PYTEST = "-x -q -p no:cacheprovider -p no:xdist --hypothesis-seed=0 -m 'not slow and not faults'"
PYTEST += " -W ignore::pytest.PytestAssertRewriteWarning"  # of what is preloaded
# What the tests import and no mutant changes: here once, not once a mutant.
PRELOADED = ("torch", "pandas", "scipy.stats", "hypothesis.extra.numpy", "pydantic", "gymnasium", "highspy", "pulp")


def run_tests(command: str, timeout: float) -> tuple[TestOutcome, str]:
    """Run pytest in a fork of this process: in the place of Cosmic Ray's own, which starts an interpreter each time."""
    child = os.fork()
    if child == 0:
        os.setsid()
        output = os.open("output", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        for stream in (1, 2):
            os.dup2(output, stream)
        os._exit(int(pytest.main(shlex.split(command))))
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return (TestOutcome.KILLED if status else TestOutcome.SURVIVED), ""
        time.sleep(0.01)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return TestOutcome.KILLED, "timeout"


def leave_out(work: WorkDB, operators: str, functions: Sequence[str] | None) -> None:
    """Skip the mutants of other operators and of other functions."""
    wanted = re.compile(operators)
    for item in work.pending_work_items:
        (mutation,) = item.mutations
        if not wanted.match(mutation.operator_name) or (functions and mutation.definition_name not in functions):
            work.set_result(item.job_id, WorkResult(WorkerOutcome.SKIPPED))


def mutate(target: dict[str, Any], operators: str, session: Path) -> tuple[int, int]:
    """How many mutants of a module there are and how many are killed; survivors are printed."""
    command = " ".join([PYTEST, *target["tests"]])
    start = time.monotonic()
    if run_tests(command, 600.0)[0] is not TestOutcome.SURVIVED:
        raise SystemExit(Path("output").read_text(encoding="utf-8") + "\n... without any mutant")
    timeout = 10.0 + 5.0 * (time.monotonic() - start)
    with use_db(str(session), WorkDB.Mode.create) as work:
        init([Path(target["module"])], work, {})
        leave_out(work, operators, target.get("functions"))
        execute(work, ConfigDict({"test-command": command, "timeout": timeout, "distributor": {"name": "local"}}))
        items = {item.job_id: item.mutations[0] for item in work.work_items}
        done = [(items[job], one) for job, one in work.results if one.worker_outcome != WorkerOutcome.SKIPPED]
    for mutation, result in sorted(done, key=lambda each: (each[0].start_pos, each[0].operator_name)):
        if not result.is_killed:
            changed = next(line for line in reversed(result.diff.splitlines()) if line.startswith("+"))
            print(f"  {mutation.module_path}:{mutation.start_pos[0]}:{mutation.start_pos[1]}  {changed[1:].strip()}")
        elif result.test_outcome is TestOutcome.INCOMPETENT:
            print(f"  not run: {result.output}")
    mutants, killed = len(done), sum(result.is_killed for _, result in done)
    print(f"| {target['module']} | {mutants} | {killed} | {killed / mutants:.1%} |", flush=True)
    return mutants, killed


def main() -> None:
    """Mutate every target, or those named, and fail below the least score."""
    cosmic_ray.mutating.run_tests = run_tests
    # Kernels run as the Python they are written in: no mutant is compiled.
    numba.config.DISABLE_JIT, os.environ["NUMBA_DISABLE_JIT"] = 1, "1"
    for name in PRELOADED:
        __import__(name)
    settings = tomllib.loads((Path(__file__).parent / "targets.toml").read_text(encoding="utf-8"))
    chosen = [one for one in settings["target"] if any(part in one["module"] for part in sys.argv[1:] or [""])]
    with tempfile.TemporaryDirectory() as folder:
        for name in COPIED:
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
            copy(ROOT / name, Path(folder) / name)
        os.chdir(folder)
        sys.path[:] = [folder, *(place for place in sys.path if Path(place or ".").resolve() != ROOT)]
        del sys.modules["tests"], sys.modules["tests.mutants"]  # which lead out of the copy
        sys.dont_write_bytecode = True  # a mutant of the same size and second would be taken for the file before it
        counts = [mutate(one, settings["operators"], Path(folder) / "session") for one in chosen]
    mutants, killed = map(sum, zip(*counts, strict=True))
    print(f"| all | {mutants} | {killed} | {killed / mutants:.1%} |")
    if killed < LEAST * mutants:
        raise SystemExit(f"fewer than {LEAST:.0%} are killed")


if __name__ == "__main__":
    main()
