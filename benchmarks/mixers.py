"""Gradient steps a second where several agents act, beside one agent: by mixer and chooser, in turns in one process."""

import time
from typing import NamedTuple

import numpy as np

import mamo_cli
from benchmarks.problem import LEARNER
from benchmarks.rows import Row, measured, ratio
from mamo_cli.core.seam import Seen, Step
from mamo_cli.core.seeding import MemberStreams
from mamo_cli.learners.dqn.learner import DQN
from mamo_cli.learners.protocol import Shape
from mamo_cli.runs.engine import limit_threads

FUNCTIONS, CHOICES, OBSERVED = 3, 10, 4
UNITS = np.array([1, 2, 3])  # of memory, that a replica of each function takes
BUDGETS = (10, 31)  # units there are, drawn anew for each transition; all replicas together would take 60
UPDATES = 2000


class Case(NamedTuple):
    """So many functions, learnt and chosen in one way."""

    functions: int
    mixer: str
    chooser: str


ONE = Case(1, "independent", "greedy")
SEVERAL = (
    Case(FUNCTIONS, "independent", "greedy"),
    Case(FUNCTIONS, "independent", "knapsack"),
    Case(FUNCTIONS, "sum", "knapsack"),
    Case(FUNCTIONS, "independent", "repair"),
    Case(FUNCTIONS, "monotone", "knapsack"),
)


def run(quick: bool, repeats: int) -> list[Row]:
    """Updates of one member in a second of a core's time, and the ratios of several functions to one."""
    limit_threads()
    updates = UPDATES // 10 if quick else UPDATES
    learners = {case: filled(case) for case in (ONE, *SEVERAL)}
    rates: dict[Case, list[float]] = {case: [] for case in learners}
    for repeat in range(3 * repeats + 1):
        for case, learner in learners.items():
            start = time.process_time()
            learner.learn(updates, np.full((1, case.functions, 2), 0.5), 1e-4)
            if repeat > 0:  # the first compiles
                rates[case].append(updates / (time.process_time() - start))
    about = {"version": mamo_cli.__version__, "members": 1, "cores": 1}
    rows = {case: measured("mixers", named(case), "updates/s", values, **about) for case, values in rates.items()}
    shares = [ratio(f"{named(case)} / {named(ONE)}", rows[case], rows[ONE], "updates a second") for case in SEVERAL]
    return [*rows.values(), *shares]


def named(case: Case) -> str:
    """A case in words."""
    return "one function" if case == ONE else f"{case.functions} functions, {case.mixer}, {case.chooser}"


def filled(case: Case) -> DQN:
    """One member whose replay is full of random transitions."""
    use = None if case.chooser == "greedy" else UNITS[: case.functions, None] * np.arange(1, CHOICES + 1)
    shape = Shape(OBSERVED, case.functions, CHOICES, 2, use)
    config = LEARNER.model_copy(update={"mixer": case.mixer, "chooser": case.chooser})
    learner, rng, count = (
        DQN(config, shape, [MemberStreams(0, "te")]),
        np.random.default_rng(0),
        LEARNER.replay_capacity,
    )
    values = rng.normal(size=(2, 1, count, case.functions, OBSERVED)).astype(np.float32)
    mask = np.ones((1, count, case.functions, CHOICES), dtype=np.bool_)
    budget = None if use is None else rng.integers(*BUDGETS, (1, count))
    before, after = (Seen(each, mask, budget) for each in values)
    actions = rng.integers(0, CHOICES, (1, count, case.functions))
    objectives, nothing = rng.random((1, count, case.functions, 2)), np.zeros((1, count, case.functions))
    goes_on, over = np.ones((1, count), dtype=np.float32), np.zeros((1, count), dtype=np.bool_)
    learner.store(before, actions, Step(objectives, nothing, nothing[..., None], goes_on, over, after, after))
    return learner
