"""A domain that is its tables: any number of agents, violations and choices, a budget or none; by enumeration."""

import itertools

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import linprog

from mamo_cli.core.seam import Answer, Knowledge, Part, Played, Spec
from mamo_cli.core.words import Quantity, Words

PAIR = (Quantity("expected", "expected"), Quantity("actual", "actual"))


class Tables:
    """At every step each agent picks a choice, of a cost and violations that are told beforehand."""

    warnings: tuple[str, ...] = ()

    def __init__(self, cost, violations, limits, use=None, budgets=None, priorities=None):
        """Args: cost `(T, A, C)`. violations `(T, A, C, M - 1)`. limits `(A, M - 1)`. use `(A, C)`. budgets `(T,)`."""
        self.cost, self.violations, self.budgets = cost, violations, budgets
        _, agents, choices, count = violations.shape
        words = Words("agent", tuple(Quantity(f"v{m}", f"v{m}") for m in range(count)), (), PAIR, "", "cost")
        names = tuple(f"a{a}" for a in range(agents))
        shares = None if priorities is None else np.asarray(priorities)
        self.spec = Spec(names, words, limits, 1, (choices,) * agents, 1.0, 60.0, use=use, priorities=shares)
        joint = np.array(list(itertools.product(range(choices), repeat=agents)))  # lexicographically rising
        self.joint = [
            joint if use is None else joint[self._used(joint) <= budget] for budget in budgets or [0] * len(cost)
        ]

    def _used(self, plays):
        return self.spec.use[np.arange(plays.shape[1]), plays].sum(1)

    def conditions(self):
        return np.zeros((*self.cost.shape[:2], 2))

    def brought(self, step, plays):
        """`(J, A, M)` of joint plays `(J, A)` at a step."""
        agents = np.arange(plays.shape[1])
        return np.concatenate((self.cost[step, agents, plays][..., None], self.violations[step, agents, plays]), -1)

    def answer(self, weights, part=Part.EVALUATION, knowledge=Knowledge.CAUSAL):
        """The joint play of least weighted sum at every step, each agent's share in it its priority."""
        if self.spec.coupled:
            priorities = 1.0 if self.spec.priorities is None else self.spec.priorities
            each = [(self.brought(step, plays) * weights).sum(-1) for step, plays in enumerate(self.joint)]
            chosen = [(sums * priorities).sum(-1).argmin() for sums in each]
            plan = np.array([plays[place] for plays, place in zip(self.joint, chosen, strict=True)])
        else:  # each by itself: of its equal plays it takes the first, whatever the others weigh
            own = self.cost * weights[:, :1] + (self.violations * weights[:, None, 1:]).sum(-1)
            plan = own.argmin(-1)
        return Answer(plan, np.stack([self.brought(t, row[None])[0] for t, row in enumerate(plan)]).mean(0))

    def perfect(self, weights):
        return self.answer(weights).plan

    def expected(self, plan):
        each = np.stack([self.brought(step, row[None])[0] for step, row in enumerate(plan)])
        return Played(each[..., 0], np.zeros((*plan.shape, 0)), each[..., 1:])

    def least_cost(self):
        """The program written out: distributions over the joint plays of every step; None where no limits can hold."""
        steps, limits = len(self.joint), self.spec.limits.ravel()
        each = [self.brought(step, plays) for step, plays in enumerate(self.joint)]
        cost = np.concatenate([plays[..., 0].mean(1) for plays in each]) / steps
        rows = np.concatenate([plays[..., 1:].reshape(len(plays), -1) for plays in each]).T / steps
        one = np.zeros((steps, len(cost)))
        ends = np.cumsum([0, *map(len, each)])
        for step in range(steps):
            one[step, ends[step] : ends[step + 1]] = 1.0
        found = linprog(cost, rows, limits, one, np.ones(steps))
        return found.fun if found.status == 0 else None


@st.composite
def tables(draw, agents=2, violations=1, coupled=True):
    """Random tables of a few steps, whose dearer choices violate less and take more of the budget."""
    steps, choices = draw(st.integers(1, 3)), draw(st.integers(2, 3))
    share = st.integers(0, 64).map(lambda n: n / 64)
    cost = np.sort(draw(arrays(float, (steps, agents, choices), elements=share)), -1)
    brought = -np.sort(-draw(arrays(float, (steps, agents, choices, violations), elements=share)), 2)
    limits = draw(arrays(float, (agents, violations), elements=share))
    priorities = draw(st.sampled_from([None, np.arange(1.0, agents + 1) / (agents * (agents + 1) / 2)]))
    if not coupled:
        return Tables(cost, brought, limits)
    use = np.tile(np.arange(1, choices + 1), (agents, 1))
    budgets = draw(st.lists(st.integers(agents, agents * choices), min_size=steps, max_size=steps))
    return Tables(cost, brought, limits, use, budgets, priorities)
