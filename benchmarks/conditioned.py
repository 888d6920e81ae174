"""`python -m benchmarks.conditioned`: one network for all alphas, or one for each: regret by environment steps."""

import csv
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from benchmarks.problem import domain
from mamo_cli.analysis.exact import everywhere, expected_reward, regret
from mamo_cli.core.arrays import FloatArray
from mamo_cli.core.seeding import MemberStreams
from mamo_cli.experiments.configs import MamoConfig, TrainConfig, configured
from mamo_cli.learners.dqn.conditioned import ConditionedDQN
from mamo_cli.learners.dqn.learner import DQN
from mamo_cli.learners.dqn.settings import LearnerConfig
from mamo_cli.learners.protocol import Shape
from mamo_cli.runs.engine import limit_threads
from mamo_cli.training.agents import TaskAgents
from mamo_cli.training.conditioned_agents import ConditionedAgents
from mamo_cli.training.settings import PhaseConfig, Preparation, seeds_of

RESULTS = Path(__file__).with_name("conditioned.csv")
ALPHAS = (0.1, 0.3, 0.5, 0.7, 0.9)
TRAIN, KNOWING = configured(TrainConfig), configured(MamoConfig, {"te": "conditioned"})
AS_KNOWING = TRAIN.phase.model_copy(
    update={name: getattr(KNOWING.phase, name) for name in ("updates_per_step", "learning_rate")}
)


class Cost(NamedTuple):
    """What was spent on all alphas together."""

    env_steps: int
    gradient_steps: int
    batch_size: int


class Result(NamedTuple):
    """The regret of one seed's greedy policy at one alpha, in expected reward, and what was spent on all alphas."""

    kind: str
    env_steps: int
    gradient_steps: int
    batch_size: int
    alpha: float
    seed: int
    regret_percent: float


def main(
    seeds: Annotated[str, typer.Option(help="A number, or a range.")] = "100..115",
    out: Annotated[Path, typer.Option(help="Where the CSV goes.")] = RESULTS,
) -> None:
    """Train both ways with fewer and fewer environment steps, and print the regret over seeds and alphas."""
    limit_threads()
    results: list[Result] = []
    table = Table("kind", "env steps", "gradient steps", "batch", "mean", "median", "largest", "s")
    for kind, share in CASES:
        start = time.perf_counter()
        found = list(KINDS[kind](kind, list(seeds_of(seeds)), share))
        regrets = [one.regret_percent for one in found]
        spent = (f"{found[0].env_steps:,}", f"{found[0].gradient_steps:,}", str(found[0].batch_size))
        told = (f"{number:.3f} %" for number in (np.mean(regrets), np.median(regrets), max(regrets)))
        table.add_row(kind, *spent, *told, f"{time.perf_counter() - start:.0f}")
        results += found
        save(out, results)
    Console(width=None if Console().is_terminal else 140).print(table)


def retrained(
    kind: str,
    seeds: Sequence[int],
    share: float,
    phase: PhaseConfig = TRAIN.phase,
    learner: LearnerConfig = TRAIN.learner,
) -> Iterator[Result]:
    """A training of its own for each alpha, as `mamo train` has it, in a share of its steps."""
    phase = phase.model_copy(update={"iterations": round(share * phase.iterations)})
    steps = len(ALPHAS) * phase.iterations * phase.iteration_steps
    cost = Cost(steps * phase.environments, steps * phase.updates_per_step, learner.batch_size)
    for alpha in ALPHAS:
        streams = [MemberStreams(seed, "te") for seed in seeds]
        tasks = TaskAgents(domain(), DQN(learner, Shape.of(domain().spec), streams), phase, streams)
        for iteration in range(phase.iterations):
            tasks.train_iteration(iteration, weights(alpha, seeds))
        yield from judged(kind, tasks, alpha, seeds, cost)


def with_its_updates(kind: str, seeds: Sequence[int], share: float) -> Iterator[Result]:
    """The same with as many and as large gradient steps for each environment step as those that know alpha make."""
    return retrained(kind, seeds, share, AS_KNOWING, KNOWING.learner)


def conditioned(kind: str, seeds: Sequence[int], share: float) -> Iterator[Result]:
    """One preparation for all alphas, and an iteration under each, in a share of the steps of all those trainings."""
    phase, whole = KNOWING.phase, TRAIN.phase
    steps = round(share * len(ALPHAS) * whole.iterations * whole.iteration_steps)
    preparation = Preparation(iterations=steps // phase.iteration_steps - len(ALPHAS))
    learnt = preparation.iterations * phase.iteration_steps
    played = learnt + len(ALPHAS) * phase.iteration_steps
    cost = Cost(played * phase.environments, learnt * phase.updates_per_step, KNOWING.learner.batch_size)
    streams = [MemberStreams(seed, "te") for seed in seeds]
    learner = ConditionedDQN(KNOWING.learner, Shape.of(domain().spec), streams)
    tasks = ConditionedAgents(domain(), learner, phase, preparation, streams)
    for alpha in ALPHAS:
        tasks.train_iteration(0, weights(alpha, seeds))
        yield from judged(kind, tasks, alpha, seeds, cost)


KINDS = {"retrained": retrained, "retrained, its updates": with_its_updates, "conditioned": conditioned}
CASES = [("retrained", 1.0), *((kind, share) for share in (1 / 3, 1 / 6, 1 / 10) for kind in KINDS)]


def weights(alpha: float, seeds: Sequence[int]) -> FloatArray:
    """Every member's weights `(K, 1, 2)` of cost and rejection."""
    return np.tile(everywhere(domain(), alpha), (len(seeds), 1, 1))


def judged(kind: str, tasks: TaskAgents, alpha: float, seeds: Sequence[int], cost: Cost) -> Iterator[Result]:
    """How far every greedy policy falls short of the perfect agent, in expectation over the noise."""
    node, weighed = domain(), everywhere(domain(), alpha)
    best = expected_reward(node, node.perfect(weighed), weighed)
    for seed, measures in zip(seeds, tasks.evaluate(node).measures, strict=True):
        achieved = expected_reward(node, node.choices_of(measures), weighed)
        yield Result(kind, *cost, alpha, seed, 100 * regret(achieved, best))


def save(path: Path, results: list[Result]) -> None:
    """Write all results as CSV; numbers round-trip exactly."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(Result._fields)
        writer.writerows(results)


if __name__ == "__main__":
    typer.run(main)
