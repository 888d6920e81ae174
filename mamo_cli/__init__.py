"""MAMO: constrained reinforcement learning by weight adaptation, beside the exact optimum."""

__version__ = "0.1.0"
