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


def served():
    """The policy with all that it needs to be served: of what is not told, a model tells."""
    falling = np.linspace(0.0, [[0.9, 0.6, 0.3]] * 2, 9, axis=-1)
    scales = {"max_replicas": np.array([3, 2]), "rejection": falling, "rejection_root_step": np.asarray(1.0)}
    trained = {"trained_rps": np.full(2, 90.0), "trained_replicas": np.array([2, 2])}
    return policy(scales={"rate_rps": np.asarray(90.0), **trained, **scales})


def served_together():
    """Policies of two agents that share a memory, under a shield that counts requests."""
    size = 10 * 5 + 5 + 5 * 6 + 6
    scales = {
        "rate_rps": np.asarray(90.0),
        "trained_rps": np.full(2, 90.0),
        "trained_replicas": np.array([2, 3]),
        "trained_share": np.array([0.5, 0.75]),
        "max_replicas": np.array([3, 3]),
        "replica_mb": np.array([64.0, 128.0]),
        "full_units": np.asarray(9),
        "node_mb": np.asarray(384.0),
        "shield_enough": np.array([[-1.0, 20.0, 40.0], [5.0, 50.0, 90.0]]),
        "shield_window_s": np.asarray(30.0),
    }
    return policy(
        about=about(observation=5, coupled=True, chooser="knapsack"),
        parameters=np.random.default_rng(1).normal(size=(2, size)).astype(np.float32),
        widths=np.array([10, 5, 6]),
        shares=np.full((2, 2), 0.5),
        use=np.array([[1, 2, 3], [2, 4, 6]]),
        scales=scales,
    )
