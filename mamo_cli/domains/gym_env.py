"""Any domain as a Gymnasium environment: one copy of what the batch plays, for whoever has a learner of their own.

Importing this module registers `mamo/Domain-v0`, so both of these make it:

    import mamo_cli.domains.gym_env
    env = gymnasium.make("mamo/Domain-v0", domain="battery", alpha=0.06)

    env = gymnasium.make("mamo_cli.domains.gym_env:mamo/Domain-v0", domain="junction", settings={"tolerance": 0.05})
"""

import warnings
from collections.abc import Mapping
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.error import ResetNeeded
from numpy.typing import ArrayLike, NDArray

from mamo_cli.core.arrays import IntArray
from mamo_cli.core.errors import UsageError
from mamo_cli.core.seam import Environment, Part, Seen
from mamo_cli.core.seeding import MemberStreams
from mamo_cli.core.settings import resolve
from mamo_cli.core.weights import rewards, shared_alpha
from mamo_cli.domains import registry
from mamo_cli.domains.nearest import nearest

ENVIRONMENT_ID = "mamo/Domain-v0"
SEEDS = 2**63


class DomainEnv(gymnasium.Env[NDArray[np.float32], Any]):
    """
    ## Description

    The domain's own, see the environment module in its folder: A agents act once a period, on what they see before it.

    ## Action Space

    `Discrete(C)` for one agent, `MultiDiscrete` for several: an index each, of the domain's choices. What may be chosen
    now is `info["action_mask"]`; of a choice that may not, the nearest that may is played, the lower of two.

    ## Observation Space

    `Box` of float32: all numbers that the first agent sees, then those of the next.

    ## Rewards

    The mean over agents, or the sum by their priorities, of `-[(1 - alpha) * cost + alpha * violation]`; of several
    violations their mean. `info` holds them apart: `cost` `(A,)`, normalised, `violations` `(A, M - 1)`, `paid` `(A,)`
    in the domain's own unit, `measures` `(A, Q)` and `choices` `(A,)`, those played.

    ## Starting State

    The domain's. After an episode that the domain ended, `reset` without a seed goes on with the next one as chance has
    it; any other `reset` begins from the start.

    ## Episode End

    `terminated` where the domain's episode terminated; `truncated` where it cut one short, or its workload is over.

    ## Arguments

    | Argument | Default | Meaning |
    |---|---|---|
    | `domain` | none | its name, as `--domain` has it |
    | `alpha` | 0.5 | weight of the violations in the reward, 0..1; the cost weighs `1 - alpha` |
    | `settings` | None | of the instance, by name, as the table `[instance]` of a configuration has them |
    | `evaluation` | False | play the evaluation, as it is, instead of the training, drawn anew in every episode |

    With a `proxy` among the settings, rewards and `info` of the training are the proxy's, which a warning says; those
    of the evaluation are the truth.
    """

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012 -- Gymnasium's own attribute

    def __init__(
        self, domain: str, alpha: float = 0.5, settings: Mapping[str, Any] | None = None, evaluation: bool = False
    ) -> None:
        """See the class for what the arguments mean.

        Raises:
            ValueError: alpha is outside [0, 1].
            UsageError: there is no such domain or setting, or its agents share a budget.
            DataError: the workload cannot be used.
        """
        if not 0.0 <= alpha <= 1.0:
            raise ValueError(f"alpha must be in [0, 1], got {alpha}")
        instance = resolve(registry.about(domain).SETTINGS, {} if settings is None else settings)
        self.domain = registry.build(domain, instance, registry.load_source(domain, instance))
        spec = self.domain.spec
        if spec.use is not None:
            raise UsageError(f"{spec.words.agent}s that share a budget choose jointly: the commands alone know how")
        if spec.proxy is not None and not evaluation:
            warnings.warn(f"rewards are of a proxy: {spec.proxy}; evaluation=True plays the truth", stacklevel=2)
        self.alpha = alpha
        self._weights = shared_alpha(np.full(len(spec.agents), alpha), spec.objectives - 1)
        self._part = Part.EVALUATION if evaluation else Part.TRAINING
        self.action_space: spaces.Space[Any] = (
            spaces.Discrete(spec.choices[0]) if len(spec.choices) == 1 else spaces.MultiDiscrete(list(spec.choices))
        )
        most = np.finfo(np.float32).max  # no domain says how far its numbers may go
        self.observation_space = spaces.Box(-most, most, (len(spec.agents) * spec.observation,), dtype=np.float32)
        self._environment: Environment | None = None
        self._playing = False

    def reset(
        self, *, seed: int | None = None, options: Mapping[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Begin an episode; returns its first observation."""
        super().reset(seed=seed)
        if self._environment is None or self._playing or seed is not None:
            self._streams = MemberStreams(int(self.np_random.integers(SEEDS)), "gymnasium")
            self._environment = self.domain.environment(self._part, 1)
            self._steps = 0
            self._seen = self._environment.observe()
        self._playing = True
        return _flat(self._seen), {"action_mask": self._mask()}

    def step(self, action: ArrayLike) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        """Play one period.

        Raises:
            ResetNeeded: the episode is over or was never begun.
            ValueError: the action is none of the action space's.
        """
        if self._environment is None or not self._playing:
            raise ResetNeeded("the episode is over: call reset() before step()")
        choices = nearest(self._wanted(action), self._seen.mask[0, 0])
        draw = self._environment.draw(1, [self._streams])[0] if self._part is Part.TRAINING else None
        played = self._environment.step(choices[None, None], draw)
        self._steps += 1
        self._seen = played.seen
        last, over = self._steps == self._environment.steps, bool(played.over[0, 0])
        terminated = over and not bool(played.continues[0, 0])
        self._playing = not (last or over)
        if last:
            self._environment = None
        priorities, objectives = self.domain.spec.priorities, played.objectives[0, 0]
        each = rewards(objectives, self._weights)
        info = {
            "cost": objectives[:, 0],
            "violations": objectives[:, 1:],
            "paid": played.paid[0, 0],
            "measures": played.measures[0, 0],
            "choices": choices,
            "action_mask": self._mask(),
        }
        reward = float(each.mean() if priorities is None else each @ priorities)
        return _flat(played.after), reward, terminated, (over or last) and not terminated, info

    def _wanted(self, action: ArrayLike) -> IntArray:
        """Choices `(A,)` that an action asks for."""
        indices, most = np.atleast_1d(np.asarray(action)), np.array(self.domain.spec.choices)
        whole = np.issubdtype(indices.dtype, np.integer) and indices.shape == most.shape
        if not (whole and np.all((indices >= 0) & (indices < most))):
            raise ValueError(f"an action is an index below each of {most.tolist()}, got {action!r}")
        return indices.astype(np.int64)

    def _mask(self) -> Any:
        """What may be chosen now, as `sample(mask)` of the action space takes it."""
        spec = self.domain.spec
        own = tuple(row[:count].astype(np.int8) for row, count in zip(self._seen.mask[0, 0], spec.choices, strict=True))
        return own[0] if len(own) == 1 else own


def _flat(seen: Seen) -> NDArray[np.float32]:
    return np.array(seen.values[0, 0].ravel())


gymnasium.register(id=ENVIRONMENT_ID, entry_point="mamo_cli.domains.gym_env:DomainEnv")
