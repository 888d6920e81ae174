"""The constrained optimum of a finite process, as a linear program over the shares of time (Altman, 1999, ch. 4)."""

from typing import NamedTuple

import numpy as np
from scipy import sparse
from scipy.optimize import linprog

from mamo_cli.core.arrays import FloatArray
from mamo_cli.core.errors import SolverError
from mamo_cli.domains.tabular.process import Process


class Constrained(NamedTuple):
    """The least mean cost of all who keep the mean violation within a limit, mixing choices included."""

    cost: float  # normalised
    multiplier: float  # what the cost falls by where the limit rises, per unit of it
    shares: FloatArray  # (S, C) of time in each state with each choice


def constrained_optimum(process: Process, limit: float) -> Constrained:
    """Independent of policy iteration, and of any weights: the two are to agree.

    Raises:
        SolverError: nobody keeps the limit, or the program could not be solved.
    """
    states, choices, ways = process.successor.shape
    pairs = states * choices
    into = sparse.coo_array(
        (np.tile(process.chance, pairs), (process.successor.ravel(), np.repeat(np.arange(pairs), ways))),
        (states, pairs),
    )
    out = sparse.kron(sparse.eye_array(states), np.ones((1, choices)))
    objectives = process.objectives.reshape(pairs, 2)
    unit = float(np.abs(objectives[process.allowed.ravel(), 1]).max()) or 1.0  # the solver's tolerances are absolute
    solved = linprog(
        objectives[:, 0],
        A_eq=sparse.vstack((out - into, np.ones((1, pairs)))).tocsr(),
        b_eq=np.r_[np.zeros(states), 1.0],
        A_ub=objectives[None, :, 1] / unit,
        b_ub=[limit / unit],
        bounds=np.stack((np.zeros(pairs), np.where(process.allowed.ravel(), 1.0, 0.0)), 1),
        method="highs",
        options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10},
    )
    if solved.status != 0:
        raise SolverError(f"no plan with a mean violation of {limit:g} was found: {solved.message}")
    return Constrained(solved.fun, -float(solved.ineqlin.marginals[0]) / unit, solved.x.reshape(states, choices))
