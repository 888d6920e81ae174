"""Random small processes, and the two answers on both sides of a limit."""

import numpy as np
from hypothesis import strategies as st

from mamo_cli.core.weights import weights_of
from mamo_cli.domains.tabular.exact import best, means
from mamo_cli.domains.tabular.process import Process


def process(successor, chance, objectives, allowed=None, starts=(0,), measures=None):
    """A process whose agents see their state one-hot, and whose measures are state and choice."""
    states, choices, ways = successor.shape
    return Process(
        successor=successor,
        chance=np.array(chance),
        allowed=np.ones((states, choices), dtype=np.bool_) if allowed is None else allowed,
        objectives=objectives,
        cost_scale=2.0,
        starts=np.array(starts),
        ends=np.zeros(ways, dtype=np.bool_),
        came=np.arange(ways, dtype=np.float64),
        observed=np.eye(states, dtype=np.float32),
        measures=np.stack(np.indices((states, choices)), -1).astype(np.float64) if measures is None else measures,
    )


@st.composite
def processes(draw, most=4):
    """Processes of a few states, in which a ring of first choices leads from every state to every other."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    states, choices, ways = draw(st.integers(1, most)), draw(st.integers(2, 3)), draw(st.integers(1, 3))
    successor = rng.integers(0, states, (states, choices, ways))
    successor[:, 0, 0] = (np.arange(states) + 1) % states
    allowed = rng.random((states, choices)) < 0.8
    allowed[:, 0] = True
    chance = rng.dirichlet(np.ones(ways) * 3) * 0.9 + 0.1 / ways
    objectives = np.round(rng.random((states, choices, 2)), draw(st.integers(0, 3)))  # rounded: with ties
    return process(successor, chance, objectives, allowed, starts=(0, states - 1))


def mean(process, alpha):
    """The best plan's mean cost and violation at an alpha."""
    return means(process, best(process, weights_of(np.array(alpha))), process.objectives)


def bracketing(process, limit):
    """Mean objectives `(2, 2)` of two best plans of one weight, within the limit and beyond it.

    A corner after the other of the lower envelope: the weight at which two plans are equal either has a better one,
    which takes the place of that on its side, or is the multiplier.
    """
    within, beyond = mean(process, 1.0), mean(process, 0.0)
    if beyond[1] <= limit:
        return np.stack((beyond, beyond))
    while True:
        weights = np.array([within[1] - beyond[1], beyond[0] - within[0]])
        weights = weights / weights.sum()
        new = mean(process, weights[1])
        if new @ weights > min(within @ weights, beyond @ weights) - 1e-10:
            return np.stack((within, beyond))
        within, beyond = (new, beyond) if new[1] <= limit else (within, new)
