"""Nodes for the tests of replica scaling."""

import numpy as np

from mamo_cli.domains.faas.domain import load
from mamo_cli.domains.faas.node import build_case
from mamo_cli.domains.faas.settings import InstanceConfig
from mamo_cli.workload.trace import Trace
from mamo_cli.workload.trace_csv import write_trace


def made_trace(functions=1, steps=20, *, caps=False, deviations=False, period=None):
    """Rates of 5 to 95 requests/s, seeded; caps of 2 to 6 that change over time."""
    rng = np.random.default_rng(functions)
    expected = rng.uniform(5.0, 95.0, (steps, functions))
    return Trace(
        functions=tuple(f"f{index}" for index in range(functions)),
        expected_rate_rps=expected,
        actual_rate_rps=expected * rng.uniform(0.9, 1.1, expected.shape) if deviations else expected,
        max_replicas=rng.integers(2, 7, expected.shape) if caps else None,
        period_steps=period,
    )


def saved(trace, folder, **settings):
    """The configuration of an instance whose trace is written to a folder."""
    path = folder / "trace.csv"
    write_trace(trace, path, force=True)
    return InstanceConfig(trace=str(path), **settings)


def case_of(config):
    return build_case(config, load(config))


def play(env, actions, **options):
    """Observations (the first included), rewards and infos of one whole episode."""
    observations, rewards, infos = [env.reset(options=options)[0]], [], []
    for action in actions:
        observation, reward, _, truncated, info = env.step(action)
        observations.append(observation)
        rewards.append(reward)
        infos.append(info)
    assert truncated
    return np.array(observations), np.array(rewards), infos
