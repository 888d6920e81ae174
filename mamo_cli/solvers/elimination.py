"""The least sum of functions of few variables each, of finitely many values: exact, by eliminating variables.

Nonserial dynamic programming (Bertele and Brioschi, 1972): whoever eliminates a variable adds up the functions that
know of it, notes its best value for every combination of the others that they know of, and leaves that minimum as one
function. The work is exponential in the largest number of variables in one function on the way alone, two on a ring.

Axes: T problems, which differ in their numbers alone; V variables.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from mamo_cli.core.arrays import FloatArray, IntArray
from mamo_cli.core.errors import NothingExactError

MOST = 2_000_000
"""Combinations of values that one function may have on the way."""


class Term(NamedTuple):
    """A function of some variables."""

    scope: tuple[int, ...]  # which, rising
    values: FloatArray  # (T, size of the first, size of the second, ...)


def least(terms: Sequence[Term], sizes: Sequence[int]) -> IntArray:
    """`(T, V)` values, 0..size - 1, at which the sum of all terms is least; of equals one.

    Raises:
        NothingExactError: the terms are so entangled that there are too many combinations.
    """
    left, chosen = list(terms), []
    waiting = set(range(len(sizes)))
    while waiting:
        scopes = {v: _union(term for term in left if v in term.scope) - {v} for v in waiting}
        v = min(waiting, key=lambda each: (_combinations(scopes[each] | {each}, sizes), each))
        scope = tuple(sorted(scopes[v]))
        if _combinations({*scope, v}, sizes) > MOST:
            raise NothingExactError(f"choices that touch one another in more than {MOST:,} ways are not enumerated")
        known = [term for term in left if v in term.scope]
        total = sum((_over(term, (*scope, v)) for term in known), np.zeros((1,) * (len(scope) + 2)))
        left = [term for term in left if v not in term.scope]
        if known:
            chosen.append((v, scope, total.argmin(-1)))
            left.append(Term(scope, total.min(-1)))
        else:
            chosen.append((v, (), np.zeros(1, dtype=np.int64)))
        waiting.remove(v)
    steps = np.arange(max(len(term.values) for term in terms))
    values = np.zeros((len(steps), len(sizes)), dtype=np.int64)
    for v, scope, best in reversed(chosen):
        at = steps if len(best) > 1 else np.zeros_like(steps)
        values[:, v] = best[(at, *(values[:, each] for each in scope))]
    return values


def _union(terms: object) -> set[int]:
    return {v for term in terms for v in term.scope}  # type: ignore[attr-defined]


def _combinations(variables: set[int], sizes: Sequence[int]) -> int:
    return int(np.prod([sizes[v] for v in variables], dtype=object))


def _over(term: Term, scope: tuple[int, ...]) -> FloatArray:
    """The term's values with an axis for every variable of a scope, of length 1 where it does not know of it."""
    order = sorted(range(len(term.scope)), key=lambda place: scope.index(term.scope[place]))
    moved = term.values.transpose(0, *(1 + place for place in order))
    known = [v in term.scope for v in scope]
    shape = iter(moved.shape[1:])
    return moved.reshape(len(moved), *(next(shape) if each else 1 for each in known))
