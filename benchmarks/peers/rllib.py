"""RLlib's DQN on its new API stack: environment and learner in the driver, prioritised episode replay."""

import ray
import torch
from ray.rllib.algorithms.dqn import DQNConfig
from ray.rllib.core.rl_module.default_model_config import DefaultModelConfig
from ray.tune.registry import register_env

from benchmarks.problem import EPSILON, LEARNER, LEARNING_RATE, make_environment

CALL_STEPS = 128  # environment steps of one call of `train`, which gathers metrics at its end
# RLlib fills a replay at the speed of its sampling, too slow for all of it; a full one would not be faster.
WARM_UP_STEPS = 1024


class RLlib:
    """One algorithm, trained call by call."""

    replay = "prioritised"
    version = f"{ray.__version__} (torch {torch.__version__})"

    def __init__(self, copies: int) -> None:
        register_env("replica-scaling", lambda _: make_environment())
        self._algorithm = configuration(copies).build_algo()
        self._calls = max(CALL_STEPS // copies, 1) * copies

    def advance(self) -> int:
        """One call; every environment step in it was followed by a gradient step."""
        self._algorithm.train()
        return self._calls

    def warm_up(self) -> None:
        """Fill the replay as far as learning needs, then learn for one call."""
        for _ in range(WARM_UP_STEPS // self._calls + 1):
            self._algorithm.train()


def configuration(copies: int) -> DQNConfig:
    """The common problem in RLlib's words; a training intensity of B is one update for every step sampled."""
    return (
        DQNConfig()
        .environment("replica-scaling")
        .env_runners(num_env_runners=0, num_envs_per_env_runner=copies, rollout_fragment_length=1)
        .learners(num_learners=0)
        .training(
            lr=LEARNING_RATE,
            gamma=LEARNER.discount,
            train_batch_size_per_learner=LEARNER.batch_size,
            training_intensity=LEARNER.batch_size,
            num_steps_sampled_before_learning_starts=WARM_UP_STEPS,
            target_network_update_freq=LEARNER.target_interval,
            epsilon=EPSILON,
            double_q=True,
            dueling=False,
            n_step=1,
            grad_clip=LEARNER.max_gradient_norm,
            replay_buffer_config={
                "type": "PrioritizedEpisodeReplayBuffer",
                "capacity": LEARNER.replay_capacity,
                "alpha": LEARNER.priority_exponent,
                "beta": LEARNER.importance_exponent,
            },
        )
        .rl_module(model_config=DefaultModelConfig(fcnet_hiddens=list(LEARNER.hidden), fcnet_activation="relu"))
        .reporting(min_sample_timesteps_per_iteration=CALL_STEPS, min_time_s_per_iteration=0)
        .debugging(log_level="ERROR", seed=0)
    )


def build(members: int, copies: int, threads: int) -> RLlib:
    """One algorithm on a Ray instance of its own; a process holds one member."""
    if members != 1:
        raise ValueError("RLlib trains one member in a process")
    ray.init(address="local", num_cpus=threads, include_dashboard=False, log_to_driver=False, configure_logging=False)
    torch.set_num_threads(threads)
    engine = RLlib(copies)
    engine.warm_up()
    return engine
