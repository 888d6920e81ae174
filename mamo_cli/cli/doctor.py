"""`mamo doctor`: whether this machine can do what mamo does."""

import fcntl
import os
import shutil
import tempfile
from pathlib import Path

from mamo_cli.cli.console import print_facts, print_json
from mamo_cli.cli.options import AsJson, Results
from mamo_cli.cli.output import OUTPUT
from mamo_cli.core.errors import SolverError
from mamo_cli.runs.manifest import RESULTS


def doctor(*, results: Results = RESULTS, as_json: AsJson = False) -> None:
    """Check versions, solvers, threads, disk, locks and devices.

    Each solver solves a small problem; of Gurobi's licence, the days left are shown.
    """
    from mamo_cli.solvers.smoke import smoke_test

    solvers = [smoke_test(name) for name in ("gurobi", "cbc", "highs")]
    checks = _versions()
    for check in solvers:
        licence = "" if check.licence_days_left is None else f", licence for {check.licence_days_left} days"
        found = f"works ({check.version}{licence})" if check.available else f"not available: {check.reason}"
        checks[f"solver {check.solver}"] = found
    checks |= _machine() | _disk(results)
    if as_json:
        print_json({"checks": checks})
    else:
        print_facts(checks)
    if not any(check.available for check in solvers):
        raise SolverError("no solver works: reinstall pulp, which brings CBC")
    OUTPUT.note("next: mamo solve-offline")


def _versions() -> dict[str, str]:
    from mamo_cli.runs.provenance import provenance

    return {name: version or "not installed" for name, version in provenance()["versions"].items()}


def _machine() -> dict[str, str]:
    import torch

    from mamo_cli.runs.provenance import cores

    accelerators = (torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count()))
    return {
        "cores": str(cores()),
        "threads": "1 in each process that trains",
        "devices": ", ".join(["cpu", *accelerators]),
        "torch is built": _build(torch.version.cuda or getattr(torch.version, "hip", None), torch.cuda.is_available()),
    }


def _build(kit: str | None, usable: bool) -> str:
    """For what torch is built, whose builds differ by gigabytes."""
    if kit is None:
        return "for processors alone"
    if usable:
        return f"for cards, with {kit}"
    smaller = "but for `mamo train --device cuda` the far smaller build for processors does"
    return f"for cards, with {kit}, and none is found: {smaller}"


def _disk(results: Path) -> dict[str, str]:
    from mamo_cli.runs.locks import is_locked
    from mamo_cli.runs.manifest import list_runs

    here = results if results.is_dir() else Path()
    running = [path.name for path in list_runs(results) if is_locked(path)]
    return {
        "disk free": f"{shutil.disk_usage(here).free / 1e9:.1f} GB",
        f"{results}/ writable": "yes" if os.access(here, os.W_OK) else "no: choose another folder",
        "file locks": _lock_check(here),
        "runs at work": ", ".join(running) or "none",
    }


def _lock_check(folder: Path) -> str:
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return f"none on this file system ({error.strerror}): a file in the run's folder stands in"
    return "work"
