"""`mamo doctor`: whether this machine can do what mamo does."""

import os
import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer

from mamo_cli.cli.console import OUTPUT, print_json, print_table
from mamo_cli.errors import SolverError


def doctor(as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False) -> None:
    """Check versions, solvers (with a smoke solve and licence days left), threads, disk and devices."""
    import torch

    from mamo_cli.offline.smoke import smoke_test
    from mamo_cli.runs.provenance import provenance

    solvers = [smoke_test(name) for name in ("gurobi", "cbc", "highs")]
    facts = provenance()
    disk = shutil.disk_usage(Path.cwd())
    devices = ["cpu", *(torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count()))]
    rows = [(f"version of {name}", value or "not installed") for name, value in facts["versions"].items()]
    for check in solvers:
        licence = "" if check.licence_days_left is None else f", licence for {check.licence_days_left} days"
        found = f"works ({check.version}{licence})" if check.available else f"not available: {check.reason}"
        rows.append((f"solver {check.solver}", found))
    rows += [
        ("cores", str(os.cpu_count())),
        ("disk free", f"{disk.free / 1e9:.1f} GB"),
        ("results/ writable", "yes" if os.access(Path.cwd(), os.W_OK) else "no"),
        ("devices", ", ".join(devices)),
    ]
    if as_json:
        print_json({"checks": dict(rows), "python": sys.version.split()[0]})
    else:
        print_table(("check", "found"), rows)
    if not any(check.available for check in solvers):
        raise SolverError("no solver works: reinstall pulp, which brings CBC")
    OUTPUT.note("next: mamo solve-offline")
