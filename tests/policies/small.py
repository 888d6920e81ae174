"""A small policy, of random numbers."""

import numpy as np

from mamo_cli.policies.file import About, Policy

SAID = {
    "run": "run-mamo-s8-0123abcd",
    "command": "run-mamo",
    "config_digest": "0123abcd",
    "device": "cpu",
    "versions": {"mamo": "1.0", "gurobipy": None},
    "commit": None,
    "domain": "faas",
    "te": "dqn",
    "readout": "mix",
    "seed": 7,
    "alpha": [[0.5], [0.5]],
    "agents": ["f", "g"],
    "choices": [3, 3],
    "observation": 4,
    "objectives": ["cost", "rejection"],
    "conditions": ["expected_rate", "actual_rate"],
    "measures": ["replicas"],
    "limits": [[0.05], [0.1]],
    "step_seconds": 300.0,
    "cost_scale": 3.0,
    "network": "perceptron",
    "leak": 0.01,
    "chooser": "greedy",
    "block": 1,
    "coupled": False,
}


def about(**others):
    return About.model_validate({**SAID, **others})


def policy(**others):
    """Two policies of two agents that observe 4 numbers and have 3 choices, by one hidden layer of 5."""
    rng = np.random.default_rng(0)
    size = 8 * 5 + 5 + 5 * 6 + 6
    parts = {
        "about": about(),
        "parameters": rng.normal(size=(2, size)).astype(np.float32),
        "widths": np.array([8, 5, 6]),
        "shares": np.array([[0.25, 1.0], [0.75, 0.0]]),
        "weights": np.full((2, 2, 2), 0.5),
        "use": np.zeros((2, 3), dtype=np.int64),
        "scales": {"rate_rps": np.asarray(90.0)},
        "texts": {"trace.csv": b"step,function\n"},
    }
    return Policy(**{**parts, **others})
