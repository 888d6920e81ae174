"""What is exact of a finite process: the shares of time of a plan, and the best plan, by policy iteration.

A plan `(S,)` is a choice in each state. In the long run it ends in a set of states that it never leaves. Policy
iteration for processes whose states can all be reached from one another under some choices (Haviv and Puterman, 1991)
keeps one such set: from all other states it is led there.
"""

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import splu

from mamo_cli.core.arrays import BoolArray, FloatArray, IntArray
from mamo_cli.domains.tabular.process import Process

ROUNDING = 1e-11
"""Scores, of the order of 1, that differ by less are equal."""

LEAST_WEIGHT = 1e-7
"""An objective of weight 0 still decides between plans that are equal in the others."""


def best(process: Process, weights: FloatArray) -> IntArray:
    """The plan `(S,)` of least long-run mean of the objectives under weights `(2,)`, from every state.

    Of plans that are equal in it, one; where a weight is 0, one of those that are also best in the other objective.

    Raises:
        ValueError: some states cannot be reached from others.
    """
    scores = process.objectives @ np.maximum(weights, LEAST_WEIGHT)
    plan = process.allowed.argmax(1)
    while True:
        plan = _with_one_class(process, plan, scores)
        relative = _relative_values(process, plan, scores)
        values = np.where(process.allowed, scores + relative[process.successor] @ process.chance, np.inf)
        better = values.min(1) < process.under(plan, values) - ROUNDING
        if not better.any():
            return plan
        plan = np.where(better, values.argmin(1), plan)


def shares(process: Process, plan: IntArray) -> FloatArray:
    """`(S,)` of time in each state in the long run under a plan `(S,)`, from where a play begins."""
    following = process.following(plan)
    ending = np.bincount(process.starts, minlength=process.states) / len(process.starts)
    classes = _closed(following)
    lasting = np.any(classes, 0)
    if len(classes) > 1 and not lasting[process.starts].all():
        passing = np.flatnonzero(~lasting)
        visits = splu((sparse.eye_array(len(passing)) - following[passing][:, passing]).T.tocsc())
        ending += visits.solve(ending[passing]) @ following[passing]
    whole = [1.0] if len(classes) == 1 else [ending[members].sum() for members in classes]
    total = np.zeros(process.states)
    for members, share in zip(classes, whole, strict=True):
        total[members] = share * _stationary(following[members][:, members])
    return total


def means(process: Process, plan: IntArray, values: FloatArray) -> FloatArray:
    """`(...)` long-run means of values `(S, C, ...)` under a plan `(S,)`."""
    mean: FloatArray = np.tensordot(shares(process, plan), process.under(plan, values), 1)
    return mean


def _closed(following: sparse.csr_array) -> list[BoolArray]:
    """`(S,)` masks of the sets of states that are never left, each of which reaches itself throughout."""
    count, label = connected_components(following, connection="strong")
    before, after = label[following.nonzero()[0]], label[following.nonzero()[1]]
    left = np.zeros(count, dtype=np.bool_)
    left[before[before != after]] = True
    return [label == one for one in np.flatnonzero(~left)]


def _stationary(following: sparse.csr_array) -> FloatArray:
    """`(S,)` shares of time in the states of a closed set."""
    size = following.shape[0]
    balance = (sparse.eye_array(size) - following.T).tocsr()
    equations = sparse.vstack((balance[: size - 1], np.ones((1, size)))).tocsc()
    solved: FloatArray = splu(equations).solve(np.r_[np.zeros(size - 1), 1.0])
    return np.maximum(solved, 0.0)


def _relative_values(process: Process, plan: IntArray, scores: FloatArray) -> FloatArray:
    """`(S,)` what it costs more to begin in each state than in the first, under a plan with one closed set."""
    size = process.states
    equations = (sparse.eye_array(size) - process.following(plan)).tocsc()
    # The mean stands in the place of the first state's value, which is 0.
    equations = sparse.hstack((np.ones((size, 1)), equations[:, 1:])).tocsc()
    solved: FloatArray = splu(equations).solve(process.under(plan, scores))
    solved[0] = 0.0
    return solved


def _with_one_class(process: Process, plan: IntArray, scores: FloatArray) -> IntArray:
    """The plan, led to the best of the sets of states that it never leaves from wherever it could end in another."""
    following = process.following(plan)
    classes = _closed(following)
    if len(classes) == 1:
        return plan
    own = process.under(plan, scores)
    costs = [_stationary(following[members][:, members]) @ own[members] for members in classes]
    reached, plan = classes[int(np.argmin(costs))].copy(), plan.copy()
    while not reached.all():
        leading = process.allowed & reached[process.successor].any(-1) & ~reached[:, None]
        new = leading.any(1)
        if not new.any():
            raise ValueError("some states cannot be reached from others")
        plan[new] = leading[new].argmax(1)
        reached |= new
    return plan
