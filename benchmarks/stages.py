"""Where the time of an update goes: each of its parts alone, on a trained member, and all of them together."""

from collections.abc import Callable
from typing import Any

import numba
import numpy as np

import mamo_cli
from benchmarks.ours import full_shard
from benchmarks.rows import Row, measured
from benchmarks.timing import seconds_each
from mamo_cli.learners.dqn import equations, kernels, optimiser, perceptron
from mamo_cli.runs.engine import limit_threads

TURNS = 1000
COPIES = 16
WEIGHTS = np.full((1, 1, 2), -0.5)


def run(repeats: int) -> list[Row]:
    """Microseconds of each part; the last row is the whole, in which every part finds the caches used by the others."""
    limit_threads()
    learner = full_shard(1, 0, COPIES)._learner
    learner.learn(learner.draw_replay(TURNS), WEIGHTS, 1e-3)
    rows = []
    for name, call in {**parts(learner), "whole update": whole(learner)}.items():
        micros = [each / TURNS * 1e6 for each in seconds_each(call, 3 * repeats)]
        rows.append(
            measured("stages", name, "us/update", micros, version=mamo_cli.__version__, members=1, cores=1, note="")
        )
    return rows


def whole(learner: Any) -> Callable[[], None]:
    """Gradient steps as the learner makes them."""
    uniforms = learner.draw_replay(TURNS)
    return lambda: learner.learn(uniforms, WEIGHTS, 1e-4)


def parts(learner: Any) -> dict[str, Callable[[], None]]:
    """Each part of `kernels.learn`, many times over, fed with what the part before it leaves."""
    memory, networks = learner.replay.memory, learner._networks
    widths, rules, vectors = networks._widths, networks._rules, networks._networks
    size = learner.config.batch_size
    uniforms = learner.draw_replay(TURNS)[:, 0]
    activations = np.zeros(2 * size * widths.sum(), dtype=np.float32)
    after = np.zeros(size * widths.sum(), dtype=np.float32)
    slopes = np.zeros((2, size * widths.max()), dtype=np.float32)
    turned = np.zeros(widths.max() ** 2, dtype=np.float32)
    gradient = np.zeros(vectors.online.shape[1], dtype=np.float32)
    outcomes = np.zeros((size, memory.outcomes.shape[2]), dtype=np.float32)
    places, probability, priority = np.zeros(size, dtype=np.int64), np.zeros(size), np.zeros(size)
    states = activations[: 2 * size * widths[0]].reshape(2 * size, widths[0])
    q = activations[-2 * size * widths[-1] :].reshape(2 * size, widths[-1])
    q_t_target = after[-size * widths[-1] :].reshape(size, widths[-1])
    slope = slopes[0, : size * widths[-1]].reshape(size, widths[-1])
    online, target, mean, square = (vector[0] for vector in vectors)

    def repeated(part: Any, *given: Any) -> Callable[[], None]:
        @numba.njit
        def loop(given):  # type: ignore[no-untyped-def]
            for _ in range(TURNS):
                part(*given)

        part(*given)
        return lambda: loop(given)

    calls = {
        "sample the replay": repeated(kernels.sample, memory, 0, uniforms[0], places, probability, states, outcomes),
    }
    after[: size * widths[0]] = states[size:].ravel()
    calls["forward, online network"] = repeated(perceptron.forward, online, widths, activations)
    calls["forward, target network"] = repeated(perceptron.forward, target, widths, after)
    calls["temporal differences"] = repeated(
        equations.temporal_difference, q, q_t_target, outcomes, probability, WEIGHTS[0], rules, slope, priority
    )
    calls["priorities"] = repeated(kernels.prioritise, memory, 0, places, priority)
    calls["backward"] = repeated(perceptron.backward, online, widths, activations, size, slopes, turned, gradient)
    calls["clipping and Adam"] = repeated(optimiser.adam, online, mean, square, gradient, 10.0, 0.0, 1000)
    return calls
