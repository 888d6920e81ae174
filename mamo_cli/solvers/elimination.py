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

MOST = 200_000
"""Combinations of values that one function may have on the way."""

AT_ONCE = 4_000_000
"""Numbers of one function: problems are solved so many at a time as have no more."""


class Term(NamedTuple):
    """A function of some variables."""

    scope: tuple[int, ...]  # which, rising
    values: FloatArray  # (T, size of the first, size of the second, ...)


class _Turn(NamedTuple):
    """A variable's elimination: the others that functions of it know of, rising."""

    variable: int
    scope: tuple[int, ...]


def least(terms: Sequence[Term], sizes: Sequence[int]) -> IntArray:
    """`(T, V)` values, 0..size - 1, at which the sum of all terms is least; of equals one.

    Raises:
        NothingExactError: the terms are so entangled that there are too many combinations.
    """
    turns = require(terms, sizes)
    most = max(_combinations({turn.variable, *turn.scope}, sizes) for turn in turns)
    count, some = max(len(term.values) for term in terms), max(1, AT_ONCE // most)
    parts = []
    for first in range(0, count, some):
        those = [
            term if len(term.values) == 1 else Term(term.scope, term.values[first : first + some]) for term in terms
        ]
        parts.append(_least(those, sizes, turns))
    return np.concatenate(parts)


def require(terms: Sequence[Term], sizes: Sequence[int]) -> list[_Turn]:
    """The turns in which variables are eliminated, whatever the terms' values are.

    Raises:
        NothingExactError: the terms are so entangled that there are too many combinations.
    """
    left, waiting, turns = [set(term.scope) for term in terms], set(range(len(sizes))), []
    while waiting:
        scopes = {v: set[int]().union(*(scope for scope in left if v in scope)) - {v} for v in waiting}
        v = min(waiting, key=lambda each: (_combinations(scopes[each] | {each}, sizes), each))
        if _combinations({*scopes[v], v}, sizes) > MOST:
            raise NothingExactError(f"choices that touch one another in more than {MOST:,} ways are not enumerated")
        left = [*(scope for scope in left if v not in scope), scopes[v]]
        turns.append(_Turn(v, tuple(sorted(scopes[v]))))
        waiting.remove(v)
    return turns


def _least(terms: Sequence[Term], sizes: Sequence[int], turns: Sequence[_Turn]) -> IntArray:
    left, chosen = list(terms), []
    for v, scope in turns:
        known = [term for term in left if v in term.scope]
        total = sum((_over(term, (*scope, v)) for term in known), np.zeros((1,) * (len(scope) + 2)))
        left = [term for term in left if v not in term.scope]
        if known:
            chosen.append((v, scope, total.argmin(-1)))
            left.append(Term(scope, total.min(-1)))
        else:
            chosen.append((v, (), np.zeros(1, dtype=np.int64)))
    steps = np.arange(max(len(term.values) for term in terms))
    values = np.zeros((len(steps), len(sizes)), dtype=np.int64)
    for v, scope, best in reversed(chosen):
        at = steps if len(best) > 1 else np.zeros_like(steps)
        values[:, v] = best[(at, *(values[:, each] for each in scope))]
    return values


def _combinations(variables: set[int], sizes: Sequence[int]) -> int:
    return int(np.prod([sizes[v] for v in variables], dtype=object))


def _over(term: Term, scope: tuple[int, ...]) -> FloatArray:
    """The term's values with an axis for every variable of a scope, of length 1 where it does not know of it."""
    order = sorted(range(len(term.scope)), key=lambda place: scope.index(term.scope[place]))
    moved = term.values.transpose(0, *(1 + place for place in order))
    known = [v in term.scope for v in scope]
    shape = iter(moved.shape[1:])
    return moved.reshape(len(moved), *(next(shape) if each else 1 for each in known))
