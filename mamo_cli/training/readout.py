"""What is delivered in the end: the last policies, the best of them, or a mixture of those that bracket the limits.

`last` is the policy after the last cycle. `best` is the cheapest whose mean violations hold. `mix` plays several, each
with a probability at which the mean violations meet the limits: it is for limits on averages alone. Both choose by what
was measured in training, agent by agent, and never by the evaluation. For agents that share a budget they choose
jointly: one policy is drawn for all, as choices of different policies might not fit together. So it is for a team,
whose agents choose alike, as they are told the same.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from mamo_cli.core.arrays import AnyFloatArray, FloatArray, IntArray
from mamo_cli.core.compiled import put_back
from mamo_cli.core.mixtures import best, mixed, undominated
from mamo_cli.core.seam import Spec
from mamo_cli.policies.decide import uniforms
from mamo_cli.strategies.protocol import Rule

RULES: Mapping[str, Rule] = {"best": best, "mix": mixed}
"""How the candidates' objectives `(J, M)` and an agent's limits `(M - 1,)` become probabilities `(J,)`."""

KEPT = 2
"""Times as many policies of a member are kept as a mixture may need, which is one more than there are limits."""


class Delivery(NamedTuple):
    """J policies of each member, and with what probability each of its agents plays by each."""

    policies: AnyFloatArray  # (J, K, D), as the learner gave them
    shares: FloatArray  # (J, K, A)
    weights: FloatArray  # (J, K, A, M) that they were trained under
    objectives: FloatArray  # (J, K, A, M) measured in training
    cycles: IntArray  # (J, K) after which they were kept; -1 where there is none

    def mean_weights(self) -> FloatArray:
        """`(K, A, M)` the weights of the policies in the mean that they are played in."""
        weights: FloatArray = (self.shares[..., None] * self.weights).sum(0)
        return weights

    def drawn(self, steps: int, spec: Spec, seeds: Sequence[int]) -> IntArray:
        """Which policy `(steps, K, A)` plays, drawn anew for each block of periods, from a stream of the member's own.

        The draws are the same at every call, so that playing twice gives the same. Agents that share a budget, or are
        a team, have one draw.
        """
        agents = self.shares.shape[2]
        drawn = np.stack([uniforms(seed, steps, agents, spec.block, spec.joint) for seed in seeds], 1)
        edges = np.cumsum(self.shares[:-1], 0)
        return np.asarray((drawn >= edges[:, None]).sum(0))


def only(
    policies: AnyFloatArray, weights: FloatArray, objectives: FloatArray | None = None, cycle: int = 0
) -> Delivery:
    """The one policy `(K, D)` of each member that there is, under weights `(K, A, M)`."""
    members, agents, _ = weights.shape
    return Delivery(
        policies=policies[None],
        shares=np.ones((1, members, agents)),
        weights=weights[None],
        objectives=np.full_like(weights, np.nan)[None] if objectives is None else objectives[None],
        cycles=np.full((1, members), cycle),
    )


def places_of(readout: str, spec: Spec, together: bool = False) -> int:
    """How many policies of a member are kept, and measured anew in the end.

    Args:
        readout: what is delivered.
        spec: of the domain.
        together: whether they are chosen for all agents at once even where these do not play together.
    """
    if readout not in RULES:
        return 0
    chosen = 1 if spec.coupled or together else len(spec.agents)  # at a time
    limits = spec.limits.size // chosen
    return 1 if RULES[readout] is best and chosen == 1 else KEPT * (limits + 1)


def shares_of(choose: Rule, objectives: FloatArray, limits: FloatArray, coupled: bool) -> FloatArray:
    """Probabilities `(J, A)` with which each agent plays by J policies, as a rule chooses.

    Args:
        choose: the rule, such as one of `RULES`.
        objectives: `(J, A, M)` that the policies brought.
        limits: `(A, M - 1)` of the mean violations.
        coupled: whether all agents play by the same policy at a time; the cost is then the mean over them.
    """
    if coupled:
        return np.repeat(choose(_together(objectives), limits.ravel())[:, None], len(limits), 1)
    return np.stack([choose(objectives[:, a], limit) for a, limit in enumerate(limits)], 1)


def _together(objectives: FloatArray) -> FloatArray:
    """`(J, 1 + A (M - 1))` mean cost of all agents and all their violations, of objectives `(J, A, M)`."""
    return np.concatenate((objectives[..., 0].mean(1)[:, None], objectives[..., 1:].reshape(len(objectives), -1)), 1)


class Kept:
    """The policies of K members that may yet be delivered, after each cycle.

    First come those that the rule would choose of all so far, then those that are best at some weights: whatever
    follows, no other can become part of the cheapest mixture. Of more than there are places for, the latest stay.
    """

    def __init__(self, readout: str, spec: Spec, members: int, rules: Mapping[str, Rule] | None = None) -> None:
        """Args: readout: a name in `RULES`. spec: of the domain. members: K. rules: a strategy's own `readouts`."""
        self._rule, self._limits = (RULES if rules is None else rules)[readout], spec.limits
        self._coupled = spec.coupled or rules is not None
        agents, violations = spec.limits.shape
        self._cycles = np.full((members, places_of(readout, spec, self._coupled)), -1)
        self._weights = np.zeros((*self._cycles.shape, agents, violations + 1))
        self._objectives = np.zeros_like(self._weights)
        self._policies: AnyFloatArray | None = None
        self._measured: FloatArray | None = None

    def add(self, cycle: int, weights: FloatArray, objectives: FloatArray, policies: AnyFloatArray) -> None:
        """Consider the policies `(K, D)` after a cycle under weights `(K, A, M)`, which brought objectives of these."""
        self._measured = None
        members, places = self._cycles.shape
        if self._policies is None:
            self._policies = np.zeros((members, places, policies.shape[1]), dtype=policies.dtype)
        for k in range(members):
            held = np.flatnonzero(self._cycles[k] >= 0)
            known = np.concatenate((self._objectives[k, held], objectives[k : k + 1]))
            wanted = (self._shares(known) > 0.0).sum(1) * 2 * len(self._limits) + self._best_somewhere(known)
            kept = np.lexsort((-np.append(self._cycles[k, held], cycle), -wanted))[:places]
            kept = kept[wanted[kept] > 0]
            if len(held) not in kept:
                self._cycles[k, np.delete(held, kept)] = -1
                continue
            self._cycles[k, np.delete(held, kept[kept < len(held)])] = -1
            place = np.flatnonzero(self._cycles[k] < 0)[0]
            self._cycles[k, place] = cycle
            self._weights[k, place], self._objectives[k, place] = weights[k], objectives[k]
            self._policies[k, place] = policies[k]

    def measure(self, replayed: Callable[[AnyFloatArray], FloatArray]) -> None:
        """Let all those kept be played once more: policies `(J, K, D)` bring objectives `(J, K, A, M)`."""
        assert self._policies is not None
        self._measured = replayed(self._policies.swapaxes(0, 1)).swapaxes(0, 1)

    def delivery(self) -> Delivery:
        """What the rule chooses of those kept by what was measured last, in the order of their cycles."""
        assert self._policies is not None
        objectives = self._objectives if self._measured is None else self._measured
        shares = np.zeros((*self._cycles.shape, self._limits.shape[0]))
        for k, cycles in enumerate(self._cycles):
            held = np.flatnonzero(cycles >= 0)
            shares[k, held] = self._shares(objectives[k, held])
        played = (shares > 0.0).any(2)
        order = np.lexsort((self._cycles, ~played))[:, : played.sum(1).max()]
        at = np.arange(len(order)), order.T
        return Delivery(self._policies[at], shares[at], self._weights[at], objectives[at], self._cycles[at])

    def _best_somewhere(self, objectives: FloatArray) -> IntArray:
        """`(J,)` for how many agents each candidate, with objectives `(J, A, M)`, is best at some weights."""
        if self._coupled:
            return undominated(_together(objectives)).astype(np.int64)
        each = [undominated(objectives[:, a]) for a in range(objectives.shape[1])]
        return np.asarray(np.sum(each, 0, dtype=np.int64))

    def _shares(self, objectives: FloatArray) -> FloatArray:
        """Probabilities `(J, A)` of J candidates with objectives `(J, A, M)`."""
        return shares_of(self._rule, objectives, self._limits, self._coupled)

    def state_dict(self) -> dict[str, Any]:
        """All that is kept."""
        parts = {"cycles": self._cycles, "weights": self._weights, "objectives": self._objectives}
        policies = None if self._policies is None else self._policies.copy()
        measured = None if self._measured is None else self._measured.copy()
        return {"policies": policies, "measured": measured, **{name: part.copy() for name, part in parts.items()}}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Put back what `state_dict` returned."""
        put_back(self._cycles, state["cycles"])
        put_back(self._weights, state["weights"])
        put_back(self._objectives, state["objectives"])
        self._policies = None if state["policies"] is None else np.asarray(state["policies"]).copy()
        self._measured = None
        if state["measured"] is not None:
            self._measured = np.empty_like(self._objectives)
            put_back(self._measured, state["measured"])
        if self._policies is not None and self._policies.shape[:2] != self._cycles.shape:
            raise ValueError(f"policies of shape {self._policies.shape} stand where {self._cycles.shape} belong")
