"""Where the time of an update goes: each of its parts alone, on a trained member, and all of them together."""

from collections.abc import Callable
from typing import Any

import numba
import numpy as np

import mamo_cli
from benchmarks.ours import LEARNER, filled_shard, weights
from benchmarks.rows import Row, measured
from benchmarks.timing import seconds_each
from mamo_cli.learners.dqn import adam, double_q, greedy, independent, perceptron
from mamo_cli.learners.dqn.replay import Batch, make_sample, prioritise
from mamo_cli.learners.dqn.update import Mixing, make_temporal_difference
from mamo_cli.runs.engine import limit_threads

TURNS = 1000
COPIES = 16


def run(repeats: int) -> list[Row]:
    """Microseconds of each part; the last row is the whole, in which every part finds the caches used by the others."""
    limit_threads()
    learner = filled_shard(1, 0, COPIES, "cpu", LEARNER.replay_capacity)._learner
    learner.learn(TURNS, weights(1), 1e-3)
    rows = []
    for name, call in {**parts(learner), "whole update": whole(learner)}.items():
        micros = [each / TURNS * 1e6 for each in seconds_each(call, 3 * repeats)]
        rows.append(
            measured("stages", name, "us/update", micros, version=mamo_cli.__version__, members=1, cores=1, note="")
        )
    return rows


def whole(learner: Any) -> Callable[[], None]:
    """Gradient steps as the learner makes them."""
    return lambda: learner.learn(TURNS, weights(1), 1e-4)


def parts(learner: Any) -> dict[str, Callable[[], None]]:
    """Each part of the compiled update, many times over, fed with what the part before it leaves."""
    memory, networks = learner.replay.memory, learner._networks
    layout, rules, vectors = networks._layout, networks._rules, networks._networks
    widths, mixing = layout.widths, Mixing(*[np.empty(0, dtype=np.float32)] * 4)
    size, choices, (inputs, outputs) = learner.config.batch_size, learner._shape.choices, widths[[0, -1]]
    uniforms = np.random.default_rng(0).random(size)
    activations = np.zeros(2 * size * perceptron.row_size(widths, 1), dtype=np.float32)
    after = np.zeros(size * perceptron.row_size(widths, 1), dtype=np.float32)
    scratch = np.zeros(perceptron.scratch_size(widths, 1, size), dtype=np.float32)
    gradient = np.zeros(vectors.online.shape[1], dtype=np.float32)
    slope, priority = np.zeros((size, outputs), dtype=np.float32), np.zeros(size)
    batch = Batch(
        places=np.zeros(size, dtype=np.int64),
        probability=np.zeros(size),
        states=activations[: 2 * size * inputs].reshape(2 * size, inputs),
        actions=np.zeros((size, 1), dtype=np.int64),
        objectives=np.zeros((size, 1, 2), dtype=np.float32),
        discounts=np.zeros(size),
        allowed=np.zeros((size, 1, choices), dtype=np.bool_),
        budgets=np.zeros(size, dtype=np.int64),
    )
    q = activations[-2 * size * outputs :].reshape(2 * size, outputs)
    q_t_target = after[-size * outputs :].reshape(size, outputs)
    online, target, mean, square = (vector[0] for vector in vectors)
    sample = make_sample(double_q.follow)
    temporal_difference = make_temporal_difference(double_q, greedy, independent)

    def repeated(part: Any, *given: Any) -> Callable[[], None]:
        @numba.njit
        def loop(given):  # type: ignore[no-untyped-def]
            for _ in range(TURNS):
                part(*given)

        part(*given)
        return lambda: loop(given)

    calls = {"sample the replay": repeated(sample, memory, 0, uniforms, rules.discount, batch)}
    after[: size * inputs] = batch.states[size:].ravel()
    calls["forward, online network"] = repeated(perceptron.forward, online, widths, 1, activations)
    calls["forward, target network"] = repeated(perceptron.forward, target, widths, 1, after)
    calls["temporal differences"] = repeated(
        temporal_difference, q, q_t_target, batch, weights(1), layout.use, rules, mixing, slope, priority
    )
    calls["priorities"] = repeated(prioritise, memory, 0, batch.places, priority)
    calls["backward"] = repeated(perceptron.backward, online, widths, 1, activations, size, slope, scratch, gradient)
    calls["clipping and Adam"] = repeated(adam.move, online, mean, square, gradient, 10.0, 0.0, 1000)
    return calls
