"""Writes a program in the free MPS format, the one file format that every solver reads."""

from pathlib import Path

import numpy as np

from mamo_cli.solvers.program import Integers, Program


def write_mps(program: Program, path: Path) -> None:
    """Column j is named x_j and comes j-th; every number round-trips exactly."""
    equal = program.row_lower == program.row_upper
    below = ~equal & np.isneginf(program.row_lower)
    kinds = np.select([equal, below], ["E", "L"], "G")
    sides = np.where(below, program.row_upper, program.row_lower)
    lines = ["NAME program FREE", "ROWS", " N cost"]
    lines += [f" {kind} {name}" for kind, name in zip(kinds.tolist(), program.row_names, strict=True)]
    lines += ["COLUMNS", *_columns(program), "RHS"]
    lines += [f" RHS {name} {side!r}" for name, side in zip(program.row_names, sides.tolist(), strict=True)]
    lines += ["BOUNDS", *(f" UP BOUND x_{j} 1" for j in np.flatnonzero(program.integer).tolist()), "ENDATA", ""]
    path.write_text("\n".join(lines), encoding="ascii")


def write_start(columns: Integers, path: Path) -> None:
    """The known answer in CBC's own format for solutions: number, name and value of the columns at 1."""
    lines = [f"{j} x_{j} 1" for j in columns.tolist()]
    path.write_text("\n".join(["Feasible - objective value 0", *lines, ""]), encoding="ascii")


def _columns(program: Program) -> list[str]:
    """The lines of all columns, the objective first in each, with a marker wherever integer and continuous meet."""
    count = len(program.cost)
    row = np.repeat(np.arange(len(program.row_names)), np.diff(program.row_start))
    column = np.concatenate([np.arange(count), program.row_column])
    order = column.argsort(kind="stable")
    named = ["cost", *program.row_names]
    rows = np.concatenate([np.zeros(count, dtype=np.int64), row + 1])[order].tolist()
    values = np.concatenate([program.cost, program.row_value])[order].tolist()
    columns = column[order].tolist()
    entries = [f" x_{j} {named[i]} {value!r}" for j, i, value in zip(columns, rows, values, strict=True)]
    # Formulations lay all binaries first, so one pair of markers is enough.
    binaries = int(np.searchsorted(column[order], int(program.integer.sum())))
    start, end = " MARKER 'MARKER' 'INTORG'", " MARKER 'MARKER' 'INTEND'"
    return [start, *entries[:binaries], end, *entries[binaries:]]
