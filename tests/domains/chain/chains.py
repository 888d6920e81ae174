"""Chains for the tests."""

import numpy as np

from mamo_cli.domains import registry
from mamo_cli.domains.chain.exact import Chain
from mamo_cli.domains.chain.settings import ChainConfig

SMALL = Chain(1.0, (1, 2), (2.0, 1.0), (6, 9))
"""Two points, of which the upper one is two periods from the supplier."""


def domain_of(**settings):
    config = ChainConfig(**settings)
    return registry.build("chain", config, registry.load_source("chain", config))


def played(environment, actions, demands):
    """Positions, stock on hand, cost and wait `(n, K, E, A)` of choices `(n, K, E, A)` and demands `(n, K, E)`."""
    steps = [
        environment.step(np.asarray(action), np.asarray(demand))
        for action, demand in zip(actions, demands, strict=True)
    ]
    measures = np.stack([step.measures for step in steps])
    return (
        measures[..., 0],
        measures[..., 1],
        np.stack([step.paid for step in steps]),
        np.stack([step.objectives[..., 1] for step in steps]),
    )
