"""Any domain as a parallel environment of PettingZoo: an agent each, which sees, acts and is rewarded by itself.

from mamo_cli.domains.parallel_env import ParallelDomainEnv

env = ParallelDomainEnv("fleet", alpha=0.5, settings={"topology": "ring", "messages": "ring"})
"""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from gymnasium import spaces
from gymnasium.error import ResetNeeded
from gymnasium.utils.seeding import np_random
from numpy.typing import NDArray

from mamo_cli.core.errors import UsageError
from mamo_cli.core.seam import Seen
from mamo_cli.domains.play import Play, comparable

try:
    from pettingzoo import ParallelEnv
except ModuleNotFoundError as error:
    raise UsageError(f"a parallel environment needs PettingZoo ({error}): pip install 'mamo[pettingzoo]'") from error


class ParallelDomainEnv(ParallelEnv[str, NDArray[np.float32], int]):  # type: ignore[misc] # of no types
    """
    ## Description

    The domain's own, see the environment module in its folder: its agents act at once, each on what it sees itself.
    They live and end together.

    ## Action Spaces

    `Discrete(C)` each. What an agent may choose now is `infos[agent]["action_mask"]`, as `sample(mask)` takes it; of a
    choice that may not, the nearest that may is played, the lower of two.

    ## Observation Spaces

    `Box` of O numbers each, float32. `state()` is all of them, agent after agent, for training that is central.

    ## Rewards

    Each agent's own: `-[(1 - alpha) * cost + alpha * violation]`; of several violations their mean. `infos[agent]`
    holds them apart: `cost`, normalised, `violations` `(M - 1,)`, `paid` in the domain's own unit, `measures` `(Q,)`
    and `choice`, the one played.

    ## Starting State and Episode End

    As in `DomainEnv`, for all agents at once.

    ## Arguments

    Those of `DomainEnv`; `alpha` may also be a mapping, from each agent's name to its own.
    """

    metadata: ClassVar[dict[str, Any]] = {"name": "mamo_domain_v0", "render_modes": []}

    def __init__(
        self,
        domain: str,
        alpha: float | Mapping[str, float] = 0.5,
        settings: Mapping[str, Any] | None = None,
        evaluation: bool = False,
    ) -> None:
        """See the class for what the arguments mean.

        Raises:
            ValueError: an alpha is outside [0, 1], or they are not those of the agents.
            UsageError: there is no such domain or setting, or its agents share a budget.
            DataError: the workload cannot be used.
        """
        self._play = Play(domain, alpha, settings, evaluation)
        self.domain, self.alpha, self.render_mode = self._play.domain, alpha, None
        spec = self.domain.spec
        self.possible_agents, self.agents = list(spec.agents), list[str]()
        self._state: Seen | None = None
        most = np.finfo(np.float32).max  # no domain says how far its numbers may go
        self.state_space = spaces.Box(-most, most, (len(spec.agents) * spec.observation,), np.float32)
        self.observation_spaces = {
            name: spaces.Box(-most, most, (spec.observation,), np.float32) for name in spec.agents
        }
        self.action_spaces = {
            name: spaces.Discrete(count) for name, count in zip(spec.agents, spec.choices, strict=True)
        }
        self._chance, _ = np_random()

    def observation_space(self, agent: str) -> spaces.Space[NDArray[np.float32]]:
        """The same of an agent at every call."""
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> spaces.Space[Any]:
        """The same of an agent at every call."""
        return self.action_spaces[agent]

    def reset(
        self, seed: int | None = None, options: Mapping[str, Any] | None = None
    ) -> tuple[dict[str, NDArray[np.float32]], dict[str, dict[str, Any]]]:
        """Begin an episode; returns every agent's first observation."""
        if seed is not None:
            self._chance, _ = np_random(seed)
        self._play.begin(self._chance, seed is not None)
        self.agents, self._state = list(self.possible_agents), self._play.seen
        return self._observations(self._play.seen), self._each(action_mask=self._play.masks())

    def step(
        self, actions: Mapping[str, int]
    ) -> tuple[
        dict[str, NDArray[np.float32]],
        dict[str, float],
        dict[str, bool],
        dict[str, bool],
        dict[str, dict[str, Any]],
    ]:
        """Play one period.

        Raises:
            ResetNeeded: the episode is over or was never begun.
            ValueError: there is not one action of each agent's space.
        """
        if self.agents and actions.keys() != set(self.agents):
            raise ValueError(f"an action each of {', '.join(self.agents)}, got those of {', '.join(actions)}")
        step, choices, own, terminated, truncated = self._play.step([actions[name] for name in self.agents])
        infos = self._each(
            cost=step.objectives[0, 0, :, 0].tolist(),
            violations=step.objectives[0, 0, :, 1:],
            paid=step.paid[0, 0].tolist(),
            measures=comparable(self._play.domain.spec.words, step.measures[0, 0]),
            choice=choices.tolist(),
            action_mask=self._play.masks(),
        )
        rewards = dict(zip(self.possible_agents, own.tolist(), strict=True))
        ends = dict.fromkeys(self.possible_agents, terminated), dict.fromkeys(self.possible_agents, truncated)
        self._state = step.after
        if terminated or truncated:
            self.agents = []
        return self._observations(step.after), rewards, *ends, infos

    def state(self) -> NDArray[np.float32]:
        """All that agents see, `(A O,)`, agent after agent.

        Raises:
            ResetNeeded: no episode was begun.
        """
        if self._state is None:
            raise ResetNeeded("no episode was begun: call reset() before state()")
        return np.array(self._state.values[0, 0].ravel())

    def _observations(self, seen: Seen) -> dict[str, NDArray[np.float32]]:
        return {name: values.copy() for name, values in zip(self.possible_agents, seen.values[0, 0], strict=True)}

    def _each(self, **told: Any) -> dict[str, dict[str, Any]]:
        """What is told of all agents, a row each, as each agent's own."""
        return {name: {key: rows[a] for key, rows in told.items()} for a, name in enumerate(self.possible_agents)}
