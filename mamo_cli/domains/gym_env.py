"""Any domain as a Gymnasium environment: one copy of what the batch plays, for whoever has a learner of their own.

Importing this module registers `mamo/Domain-v0`, so both of these make it:

    import mamo_cli.domains.gym_env
    env = gymnasium.make("mamo/Domain-v0", domain="battery", alpha=0.06)

    env = gymnasium.make("mamo_cli.domains.gym_env:mamo/Domain-v0", domain="junction", settings={"tolerance": 0.05})
"""

from collections.abc import Mapping
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import ArrayLike, NDArray

from mamo_cli.core.seam import Seen
from mamo_cli.domains.play import Play, comparable

ENVIRONMENT_ID = "mamo/Domain-v0"


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
        self._play = Play(domain, alpha, settings, evaluation)
        self.domain, self.alpha = self._play.domain, alpha
        choices = self.domain.spec.choices
        self.action_space: spaces.Space[Any] = (
            spaces.Discrete(choices[0]) if len(choices) == 1 else spaces.MultiDiscrete(list(choices))
        )
        most = np.finfo(np.float32).max  # no domain says how far its numbers may go
        self.observation_space = spaces.Box(-most, most, (len(choices) * self.domain.spec.observation,), np.float32)

    def reset(
        self, *, seed: int | None = None, options: Mapping[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Begin an episode; returns its first observation."""
        super().reset(seed=seed)
        self._play.begin(self.np_random, seed is not None)
        return _flat(self._play.seen), {"action_mask": self._mask()}

    def step(self, action: ArrayLike) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        """Play one period.

        Raises:
            ResetNeeded: the episode is over or was never begun.
            ValueError: the action is none of the action space's.
        """
        step, choices, each, terminated, truncated = self._play.step(action)
        priorities, objectives = self.domain.spec.priorities, step.objectives[0, 0]
        info = {
            "cost": objectives[:, 0],
            "violations": objectives[:, 1:],
            "paid": step.paid[0, 0],
            "measures": comparable(self.domain.spec.words, step.measures[0, 0]),
            "choices": choices,
            "action_mask": self._mask(),
        }
        reward = float(each.mean() if priorities is None else each @ priorities)
        return _flat(step.after), reward, terminated, truncated, info

    def _mask(self) -> Any:
        """What may be chosen now, as `sample(mask)` of the action space takes it."""
        own = self._play.masks()
        return own[0] if len(own) == 1 else own


def _flat(seen: Seen) -> NDArray[np.float32]:
    return np.array(seen.values[0, 0].ravel())


gymnasium.register(id=ENVIRONMENT_ID, entry_point="mamo_cli.domains.gym_env:DomainEnv")
