"""Replica scaling as a Gymnasium environment: one copy of what `ScalingEnvironment` plays, in NumPy.

Importing this module registers `mamo/ReplicaScaling-v0`, so both of these make it:

    import mamo_cli.domains.faas.gym_env
    env = gymnasium.make("mamo/ReplicaScaling-v0", alpha=0.8)

    env = gymnasium.make("mamo_cli.domains.faas.gym_env:mamo/ReplicaScaling-v0", alpha=0.8)
"""

from collections.abc import Mapping
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.error import ResetNeeded
from numpy.typing import ArrayLike, NDArray

from mamo_cli.core.errors import UsageError
from mamo_cli.core.weights import rewards, weights_of
from mamo_cli.domains.faas.counting import refuse
from mamo_cli.domains.faas.domain import load
from mamo_cli.domains.faas.node import build_case
from mamo_cli.domains.faas.rejection.models import SimulationModel
from mamo_cli.domains.faas.settings import BY_REQUESTS, InstanceConfig

ENVIRONMENT_ID = "mamo/ReplicaScaling-v0"


class ReplicaScalingEnv(gymnasium.Env[NDArray[np.float32], Any]):
    """
    ## Description

    F functions run on an edge node. At the start of every control period (300 s unless the trace says otherwise) the
    agent sees the arrival rate to expect and sets how many replicas of each function may run. Then the actual rate
    comes, which deviates, and the node rejects a share of the requests. Replicas cost, rejections violate a tolerance:
    `alpha` says which weighs how much. The workload goes its own way, whatever the agent does.

    ## Action Space

    `Discrete(N)` for one function, `MultiDiscrete([N] * F)` for several; N is the largest cap of the trace, or the
    configured one.

    | Index | Action | Values |
    |---|---|---|
    | f | ask for `1 + action[f]` replicas of function f; what exceeds the cap N_t is cut to it | 0..N-1 |

    ## Observation Space

    `Box` of float32 and shape `(4F,)`, or `(5F,)` where the functions share a memory.

    | Index | Observation | Unit | Min | Max |
    |---|---|---|---|---|
    | 0..F-1 | expected arrival rate of the coming period | largest expected rate of the training trace | 0 | 1, or \
more where the evaluation trace goes higher |
    | F..2F-1 | replicas in the period before | N | 0 | 1 |
    | 2F..3F-1 | rejection probability of the period before | 1 | 0 | 1 |
    | 3F..4F-1 | cap N_t of the coming period | N | 0 | 1 |
    | 4F..5F-1 | memory M_t of the coming period, if any | what all functions take at their largest caps | 0 | 1 |

    ## Rewards

    The mean over functions, or the sum by their priorities, of `-[(1 - alpha) * cost + alpha * rejection]`, where
    `cost` is the cost of the replicas over that of all replicas of all functions, times F, and `rejection` is the
    probability P(actual rate, replicas) that a request is rejected in the period. `info` holds the two apart, as
    `cost` and `rejection` `(F,)`, beside `replicas` `(F,)` after the cap and `actual_rate_rps` `(F,)`.

    ## Starting State

    The trace's first step (or `options["start"]`), with one replica of each function and no rejection behind.

    ## Episode End

    `truncated` is True with the trace's last step. Nothing terminates: `terminated` is always False.

    ## Arguments

    | Argument | Default | Meaning |
    |---|---|---|
    | `alpha` | 0.8 | weight of rejection in the reward, 0..1; the cost weighs `1 - alpha` |
    | `instance` | None | an `InstanceConfig`: trace, noise, caps, service times; None is the reference instance |
    | `evaluation` | False | play the evaluation's rates as they are instead of the training's, whose actual rates are \
multiplied by `1 + u`, `u ~ U(-noise, noise)` drawn anew in every episode |

    `reset(options=...)` takes `deviations`, an array `(T, F)` of u to play instead of drawing it, and `start`, the step
    of the trace to begin at.
    """

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012 -- Gymnasium's own attribute

    def __init__(self, alpha: float = 0.8, instance: InstanceConfig | None = None, evaluation: bool = False) -> None:
        """See the class for what the arguments mean.

        Raises:
            ValueError: alpha is outside [0, 1].
            DataError: the instance's trace cannot be used.
            UsageError: the instance is simulated request by request, has a shield, or counts by requests.
        """
        if not 0.0 <= alpha <= 1.0:
            raise ValueError(f"alpha must be in [0, 1], got {alpha}")
        config = InstanceConfig() if instance is None else instance
        if config.rejection_model == SimulationModel.name:
            raise UsageError(
                f"{ENVIRONMENT_ID} rejects by a model, and its replicas do not go on from period to period: "
                "--rejection-model simulation works in the commands alone"
            )
        if config.shield is not None:
            raise UsageError(f"no shield stands before {ENVIRONMENT_ID}: --shield works in the commands alone")
        if config.counting == BY_REQUESTS:
            raise UsageError(f"{ENVIRONMENT_ID} counts by the period: --counting requests is for the commands")
        refuse(config)
        case = build_case(config, load(config))
        self.scaling = case.evaluation if evaluation else case.training
        self.alpha = alpha
        self._weights = weights_of(np.array(alpha))
        self._noise = 0.0 if evaluation else config.noise
        self._expected = self.scaling.trace.expected_rate_rps / self.scaling.rate_scale_rps
        functions, choices = self.scaling.functions, self.scaling.replica_choices
        self.action_space: spaces.Space[Any] = (
            spaces.Discrete(choices) if functions == 1 else spaces.MultiDiscrete([choices] * functions)
        )
        high = np.ones((self.scaling.observation, functions), dtype=np.float32)
        high[0] = max(1.0, self._expected.max())
        self.observation_space = spaces.Box(0.0, high.ravel(), dtype=np.float32)
        self._step = self.scaling.trace.steps  # no period left to play before the first reset

    def reset(
        self, *, seed: int | None = None, options: Mapping[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Begin an episode; returns its first observation.

        Raises:
            ValueError: an option does not fit the trace.
        """
        super().reset(seed=seed)
        chosen = {} if options is None else options
        shape = self.scaling.trace.actual_rate_rps.shape
        drawn = self.np_random.uniform(-self._noise, self._noise, shape)
        self._deviations = np.asarray(chosen.get("deviations", drawn), dtype=np.float64)
        if self._deviations.shape != shape:
            raise ValueError(f"deviations must have the shape {shape} of the trace, got {self._deviations.shape}")
        self._step = int(chosen.get("start", 0))
        if not 0 <= self._step < len(self._deviations):
            raise ValueError(f"start must be a step in 0..{len(self._deviations) - 1}, got {self._step}")
        self._replicas = np.ones(self.scaling.functions, dtype=np.int64)
        self._rejection = np.zeros(self.scaling.functions)
        return self._observation(), {}

    def step(self, action: ArrayLike) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        """Play one period.

        Raises:
            ResetNeeded: the episode is over or was never begun.
            ValueError: the action is none of the action space's, or does not fit the memory.
        """
        steps = self.scaling.trace.steps
        if self._step >= steps:
            raise ResetNeeded("the episode is over: call reset() before step()")
        rates = self.scaling.trace.actual_rate_rps[self._step] * (1.0 + self._deviations[self._step])
        self._replicas = np.minimum(self._wanted(action), self.scaling.max_replicas[self._step])
        memory = self.scaling.memory
        if memory is not None and memory.taken(self._replicas - 1) > memory.budgets[self._step]:
            raise ValueError(f"{self._replicas} replicas do not fit the memory of step {self._step}")
        self._rejection = self.scaling.table.lookup(rates, self._replicas)
        self._step += 1
        cost = self._replicas * self.scaling.replica_cost / self.scaling.cost_scale
        each, priorities = rewards(np.stack((cost, self._rejection), -1), self._weights), self.scaling.priorities
        reward = float(each.mean() if priorities is None else each @ priorities)
        info = {"cost": cost, "rejection": self._rejection, "replicas": self._replicas, "actual_rate_rps": rates}
        return self._observation(), reward, False, self._step == steps, info

    def _wanted(self, action: ArrayLike) -> NDArray[np.int64]:
        """Replicas `(F,)` that an action asks for."""
        indices = np.atleast_1d(np.asarray(action))
        choices = self.scaling.replica_choices
        whole = np.issubdtype(indices.dtype, np.integer) and indices.shape == (self.scaling.functions,)
        if not (whole and np.all((indices >= 0) & (indices < choices))):
            raise ValueError(f"an action is {self.scaling.functions} indices in 0..{choices - 1}, got {action!r}")
        return indices.astype(np.int64) + 1

    def _observation(self) -> NDArray[np.float32]:
        """What is seen before a period; after the last one, the trace begins anew."""
        step = self._step % self.scaling.trace.steps
        limit = self.scaling.replica_choices
        caps, memory = self.scaling.max_replicas[step], self.scaling.memory
        parts = [self._expected[step], self._replicas / limit, self._rejection, caps / limit]
        if memory is not None:
            parts.append(np.full(len(caps), memory.shares[step]))
        return np.concatenate(parts).astype(np.float32)


gymnasium.register(id=ENVIRONMENT_ID, entry_point="mamo_cli.domains.faas.gym_env:ReplicaScalingEnv")
