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
"""Of the largest score that a plan meets: scores that differ by less are equal."""


def best(process: Process, weights: FloatArray) -> IntArray:
    """The plan `(S,)` of least long-run mean of the objectives under weights `(2,)`, from every state.

    Of plans that are equal in it, one that is also best in the objective that weighs less. It decides as if it weighed
    infinitely little more, whatever units the objectives are in: policy iteration is linear in the scores, and those
    of a state and choice are two numbers of which the second counts where the first are equal.

    Raises:
        ValueError: some states cannot be reached from others.
    """
    scores = np.stack((process.objectives @ weights, process.objectives[..., weights.argmin()]), -1)
    plan = process.allowed.argmax(1)
    tried: set[bytes] = set()
    # Of plans that differ by rounding alone it might try one after the other without end.
    while plan.tobytes() not in tried:
        tried.add(plan.tobytes())
        plan = _improved(process, _with_one_class(process, plan, scores), scores)
    return _with_one_class(process, plan, scores)


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


def _improved(process: Process, plan: IntArray, scores: FloatArray) -> IntArray:
    """The plan, with the best choice of each state that has a better one; scores are `(S, C, 2)`."""
    relative = _relative_values(process, plan, scores)
    values = scores + np.stack([after[process.successor] @ process.chance for after in relative.T], -1)
    first, second = np.where(process.allowed[..., None], values, np.inf).transpose(2, 0, 1)
    rounding = _rounding(process.under(plan, scores))
    better = first.min(1) < process.under(plan, first) - rounding[0]
    second = np.where(first <= first.min(1, keepdims=True) + rounding[0], second, np.inf)
    also = ~better & (second.min(1) < process.under(plan, second) - rounding[1])
    return np.where(better, first.argmin(1), np.where(also, second.argmin(1), plan))


def _rounding(met: FloatArray) -> FloatArray:
    """`(2,)` below which the differences of two scores are none, under a plan that meets scores `(S, 2)`."""
    return np.asarray(ROUNDING * np.abs(met).max(0))


def _relative_values(process: Process, plan: IntArray, scores: FloatArray) -> FloatArray:
    """`(S, 2)` what it costs more to begin in each state than in the first, under a plan with one closed set."""
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
    costs = np.stack([_stationary(following[members][:, members]) @ own[members] for members in classes])
    equal = costs[:, 0] <= costs[:, 0].min() + _rounding(own)[0]
    reached, plan = classes[int(np.where(equal, costs[:, 1], np.inf).argmin())].copy(), plan.copy()
    while not reached.all():
        leading = process.allowed & reached[process.successor].any(-1) & ~reached[:, None]
        new = leading.any(1)
        if not new.any():
            raise ValueError("some states cannot be reached from others")
        plan[new] = leading[new].argmax(1)
        reached |= new
    return plan
