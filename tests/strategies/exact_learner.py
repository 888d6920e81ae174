"""Strategies beside a learner that is exact: what it answers is reported without error, unless a test adds some."""

import functools

import numpy as np
from hypothesis import strategies as st

from mamo_cli.core.mixtures import mixed
from mamo_cli.core.seam import Spec
from mamo_cli.core.words import Quantity, Words
from mamo_cli.domains import registry as domains
from mamo_cli.strategies import registry
from mamo_cli.strategies.protocol import CycleReport
from tests.learners.agents import through_a_file


def spec_of(*limits):
    """Of one agent for each row of limits `(A, M - 1)`."""
    limits = np.array(limits, dtype=float)
    words = Words("agent", tuple(Quantity(f"v{m}", f"v{m}") for m in range(limits.shape[1])), (), PAIR, "", "cost")
    agents = tuple(f"a{a}" for a in range(len(limits)))
    return Spec(agents, words, limits, 1, (2,) * len(agents), cost_scale=1.0, step_seconds=1.0)


PAIR = (Quantity("expected", "expected"), Quantity("actual", "actual"))


class Stairs:
    """A problem of a few policies: each agent plays the one of least weighted sum, the first of equals."""

    def __init__(self, points, limits):
        """Args: points `(J, M)` what each policy brings, the same for every agent. limits `(A, M - 1)`."""
        self.points, self.spec = np.asarray(points, dtype=float), spec_of(*limits)

    def answer(self, weights):
        return self.points[np.array([(self.points @ each).argmin() for each in weights])]


@st.composite
def stairs(draw):
    """A convex staircase of some policies, and a limit between its ends."""
    share = st.floats(0.01, 1.0)
    drops = np.array(draw(st.lists(share, min_size=1, max_size=8)))
    drops *= 0.9 / drops.sum()
    slopes = np.sort(draw(st.lists(st.floats(0.01, 50.0), min_size=len(drops), max_size=len(drops))))
    violations = 1.0 - np.cumsum(np.r_[0.0, drops])
    costs = np.cumsum(np.r_[0.1, slopes * drops])
    return Stairs(np.stack((costs, violations), -1), [[draw(st.floats(0.11, 0.99))]])


class Exactly:
    """A domain's own answers."""

    def __init__(self, domain):
        self.spec, self._domain = domain.spec, domain

    def answer(self, weights):
        return self._domain.answer(weights).objectives


@functools.cache
def domain_of(name, **settings):
    """A domain at its reference instance, but for the settings."""
    about = domains.about(name).SETTINGS(**settings)
    return Exactly(domains.build(name, about, domains.load_source(name, about)))


def strategy_of(name, problem, seeds=(0,), **settings):
    sections = dict(registry.sections_of(name))
    kind = type(sections["adaptation"])
    sections["adaptation"] = kind(**settings)
    return registry.build(name, sections, problem.spec, seeds)


def play(strategy, problem, cycles, noise=None):
    """Propose, answer and report for some cycles; `noise(cycle)` is `(K, A, M)` added and its standard error.

    Returns:
        Weights and objectives `(C, K, A, M)`, and what the strategy told `(C, K, A)` by column.
    """
    weights, objectives, told = [], [], []
    for cycle in cycles:
        weights.append(strategy.propose(cycle))
        answers = np.stack([problem.answer(each) for each in weights[-1]])
        added, errors = (np.zeros_like(answers),) * 2 if noise is None else noise(cycle)
        objectives.append(answers + added)
        told.append(strategy.observe(CycleReport(cycle, weights[-1], objectives[-1], errors, problem.spec.limits)))
    columns = {name: np.array([each[name] for each in told]) for name in strategy.columns}
    return np.array(weights), np.array(objectives), columns


def mixture(objectives, limits):
    """What the best mixture of objectives `(J, M)` brings."""
    return mixed(objectives, limits) @ objectives


def noise_of(seeds, shape, size):
    """Gaussian errors of a size, every member's from its own generator."""
    generators = [np.random.default_rng([7, seed]) for seed in seeds]

    def drawn(cycle):
        added = np.stack([size * generator.standard_normal(shape) for generator in generators])
        return added, np.full_like(added, size)

    return drawn


def resumes(name, problem, first=5, last=12, **settings):
    """A copy from a file, put back as the loop does it, goes on as the original does, to the last bit."""
    seeds = (3, 8)
    strategies = [strategy_of(name, problem, seeds, **settings) for _ in range(2)]
    noises = [noise_of(seeds, (len(problem.spec.agents), problem.spec.objectives), 0.01) for _ in range(2)]
    before = play(strategies[0], problem, range(first), noises[0])
    [noises[1](cycle) for cycle in range(first)]
    strategies[1].propose(0)  # asked for before any state is put back
    strategies[1].load_state_dict(through_a_file(strategies[0].state_dict()))
    ahead, again = (
        play(one, problem, range(first, last), noise) for one, noise in zip(strategies, noises, strict=True)
    )
    assert np.array_equal(ahead[0], again[0])
    for column in strategies[0].columns:
        assert np.array_equal(ahead[2][column], again[2][column], equal_nan=True)
    assert len(np.unique(before[0])) + len(np.unique(ahead[0])) > 4  # it did move


def keeps_members_apart(name, problem, cycles=9, **settings):
    """A member's weights are the same in any company."""
    shape = (len(problem.spec.agents), problem.spec.objectives)

    def weights_of(*seeds):
        strategy = strategy_of(name, problem, seeds, **settings)
        return play(strategy, problem, range(cycles), noise_of(seeds, shape, 0.01))[0]

    together = weights_of(5, 2, 9)
    assert np.array_equal(together[:, 1:2], weights_of(2))
    assert np.array_equal(together[:, ::-1], weights_of(9, 2, 5))
    assert not np.array_equal(together[:, 0], together[:, 1])
