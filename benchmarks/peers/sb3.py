"""Stable-Baselines3's DQN: one agent in a Python loop, uniform replay."""

from typing import Any

import stable_baselines3
import torch
from stable_baselines3 import DQN
from stable_baselines3.common.vec_env import DummyVecEnv

from benchmarks.problem import EPSILON, LEARNER, LEARNING_RATE, make_environment

STEPS = 256


class StableBaselines:
    """A model whose `learn` is called again and again; its algorithm class is SB3's or one of the same interface."""

    replay = "uniform"
    version = f"{stable_baselines3.__version__} (torch {torch.__version__})"

    def __init__(self, algorithm: Any, copies: int, **settings: Any) -> None:
        self._model = algorithm(
            env=DummyVecEnv([make_environment] * copies),
            learning_rate=LEARNING_RATE,
            buffer_size=LEARNER.replay_capacity,
            learning_starts=LEARNER.replay_capacity,
            batch_size=LEARNER.batch_size,
            gamma=LEARNER.discount,
            train_freq=1,
            gradient_steps=copies,
            target_update_interval=LEARNER.target_interval,
            exploration_initial_eps=EPSILON,
            exploration_final_eps=EPSILON,
            seed=0,
            device="cpu",
            **settings,
        )
        self._model.learn(LEARNER.replay_capacity)

    def advance(self) -> int:
        """Learn on; returns the gradient steps made."""
        before = self._model._n_updates
        self._model.learn(STEPS, reset_num_timesteps=False, log_interval=10**9)
        return int(self._model._n_updates - before)


def build(members: int, copies: int, threads: int) -> StableBaselines:
    """One model: SB3 has no population, so a process holds one member."""
    if members != 1:
        raise ValueError("Stable-Baselines3 trains one member in a process")
    torch.set_num_threads(threads)
    engine = StableBaselines(DQN, copies, policy="MlpPolicy", policy_kwargs={"net_arch": list(LEARNER.hidden)})
    engine.advance()
    return engine
