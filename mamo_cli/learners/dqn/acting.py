"""How values are computed and become choices: the chooser's, or explored ones; none is masked, and together they fit.

Who explores draws a choice at random; the chooser then picks the others', knowing it. Where agents share a budget,
those who explore draw one of their joint choices that leave the others room for their least, each as likely as another:
every one that fits is drawn some time. A budget that cannot bind moves nothing: each draws alone.

Axes: K members, E copies of a member's environment, A agents, C choices of an agent, O numbers observed.
"""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from mamo_cli.core.arrays import BoolArray, Float32Array, FloatArray, IntArray
from mamo_cli.core.compiled import compiled
from mamo_cli.learners.dqn.replay import join

MOST_WAYS = 1e200
"""Far from what overflows."""


@compiled
def permitted(choice: int, share: float, allowed: BoolArray) -> int:
    """A uniformly random choice if it is allowed, else one drawn among those that are: each is as likely as another.

    Args:
        choice: uniform over 0..C-1.
        share: uniform in [0, 1) and independent of it; where in the list of what is allowed the second draw falls.
        allowed: `(C,)`; where nothing is, the choice stands.
    """
    count = 0
    for c in range(allowed.size):
        count += allowed[c]
    if allowed[choice] or count == 0:
        return choice
    left, found = min(int(share * count), count - 1), 0
    for c in range(allowed.size):
        if allowed[c]:
            if left == 0:
                found = c
                break
            left -= 1
    return found


@compiled
def _span(allowed: BoolArray, use: IntArray) -> tuple[int, int]:
    """The least and the most units that an agent's choice `(C,)` may take; 0 where it has none."""
    least, most = -1, 0
    for c in range(allowed.size):
        if allowed[c]:
            least, most = use[c] if least < 0 else min(least, use[c]), max(most, use[c])
    return max(least, 0), most


@compiled
def _ways(allowed: BoolArray, use: IntArray, left: int, shares: FloatArray) -> FloatArray:
    """`(A + 1, left + 1)` in how many ways those who explore, from each agent on, can choose with so much left.

    Each agent's are told up to a factor of its own, so that they stay finite.
    """
    agents, choices = use.shape
    ways = np.zeros((agents + 1, left + 1))
    ways[agents] = 1.0
    for a in range(agents - 1, -1, -1):
        if shares[a] < 0.0:
            ways[a] = ways[a + 1]
            continue
        for c in range(choices):
            if allowed[a, c]:
                for room in range(use[a, c], left + 1):
                    ways[a, room] += ways[a + 1, room - use[a, c]]
        if ways[a, left] > MOST_WAYS:
            ways[a] /= MOST_WAYS
    return ways


@compiled
def draw_within(allowed: BoolArray, use: IntArray, budget: int, shares: FloatArray, drawn: IntArray) -> None:
    """Draw the choices of those who explore, so that they fit the budget and leave the others room for their least.

    A choice has the share of the ways to go on that it leads to, so that all joint choices are equally likely.

    Args:
        allowed: `(A, C)` what may be chosen.
        use: `(A, C)` units that each choice takes.
        budget: units that there are; at least the least of all agents.
        shares: `(A,)` uniform in [0, 1); negative of those who do not explore.
        drawn: `(A,)`, to be filled for those who explore.
    """
    left, most = budget, 0
    for a in range(shares.size):
        low, high = _span(allowed[a], use[a])
        if shares[a] < 0.0:
            left -= low
        else:
            most += high
    left = min(left, most)
    ways = _ways(allowed, use, left, shares)
    further = np.empty(use.shape[1])
    for a in range(shares.size):
        if shares[a] >= 0.0:
            before, total = 0.0, 0.0
            for c in range(use.shape[1]):
                further[c] = ways[a + 1, left - use[a, c]] if allowed[a, c] and use[a, c] <= left else 0.0
                total += further[c]
            for c in range(use.shape[1]):
                if further[c] > 0.0 and before <= shares[a] * total:
                    drawn[a] = c
                before += further[c]
            left -= use[a, drawn[a]]


@compiled
def explore(
    allowed: BoolArray, use: IntArray, budget: int, uniforms: FloatArray, epsilon: float, random_choices: IntArray
) -> None:
    """Leave each agent that explores the one choice that it draws; nobody explores where nothing fits the budget.

    Args:
        allowed: `(A, C)` what may be chosen; changed.
        use: `(A, C)` units that each choice takes.
        budget: units that there are.
        uniforms: `(A,)` in [0, 1): an agent explores where they are below epsilon.
        epsilon: probability of exploring.
        random_choices: `(A,)`, uniform over 0..C-1.
    """
    agents = use.shape[0]
    drawn, shares, least, most = random_choices.copy(), np.full(agents, -1.0), 0, 0
    for a in range(agents):
        low, high = _span(allowed[a], use[a])
        least, most = least + low, most + high
        if uniforms[a] < epsilon:
            shares[a] = uniforms[a] / epsilon
            drawn[a] = permitted(random_choices[a], shares[a], allowed[a])
    if least > budget:
        return
    if most > budget:
        draw_within(allowed, use, budget, shares, drawn)
    for a in range(agents):
        if shares[a] >= 0.0:
            allowed[a] = False
            allowed[a, drawn[a]] = True


@functools.cache
def make_act(chooser: Any) -> Callable[..., IntArray]:
    """How values become choices, by a chooser of `parts`."""
    choose = chooser.choose

    @compiled
    def act(
        q: Float32Array,
        allowed: BoolArray,
        use: IntArray,
        budgets: IntArray,
        uniforms: FloatArray,
        epsilon: float,
        random_choices: IntArray,
    ) -> IntArray:
        """Choices `(K, E, A)`: the chooser's, or random ones where the uniforms `(K, E, A)` are below epsilon.

        Args:
            q: `(K, E, A, C)` values.
            allowed: `(K, E, A, C)` what may be chosen.
            use: `(A, C)` units of the budget that each choice takes.
            budgets: `(K, E)` units that there are.
            uniforms: in [0, 1).
            epsilon: probability of a random choice.
            random_choices: `(K, E, A)`, uniform over 0..C-1.
        """
        members, copies, agents, _ = q.shape
        actions = np.empty((members, copies, agents), dtype=np.int64)
        for k in range(members):
            left = allowed[k].copy()
            for e in range(copies):
                if uniforms[k, e].min() < epsilon:
                    explore(left[e], use, budgets[k, e], uniforms[k, e], epsilon, random_choices[k, e])
            choose(q[k], left, use, budgets[k], actions[k])
        return actions

    return act


@functools.cache
def make_values(network: Any) -> Callable[..., Float32Array]:
    """The forward pass of every member, by a network of `parts`."""
    forward, row_size = network.forward, network.row_size

    @compiled
    def values(
        online: Float32Array, alive: BoolArray, widths: IntArray, parameters: int, observed: Float32Array
    ) -> Float32Array:
        """Values `(K, E, A, C)` where `(K, E, A, O)` is observed; 0 for members that are not alive.

        Args:
            online: `(K, D)`.
            alive: `(K,)`.
            widths: of the inputs, the hidden layers and the outputs.
            parameters: the first so many of each row count.
            observed: by all agents.
        """
        members, rows, agents, _ = observed.shape
        choices = widths[-1] // agents
        q = np.zeros((members, rows, agents, choices), dtype=np.float32)
        activations = np.empty(rows * row_size(widths, agents), dtype=np.float32)
        states = activations[: rows * widths[0]].reshape((rows, widths[0]))
        outputs = activations[activations.size - rows * widths[-1] :].reshape((rows, widths[-1]))
        for k in range(members):
            if alive[k]:
                for row in range(rows):
                    join(observed[k, row], states[row])
                forward(online[k, :parameters], widths, agents, activations)
                for row in range(rows):
                    for i in range(widths[-1]):
                        q[k, row, i // choices, i % choices] = outputs[row, i]
        return q

    return values
