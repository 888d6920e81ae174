"""Stable-Baselines3 behind the learner protocol: K of its DQNs, one after another, as task agents of one agent each.

Of the section [learner] these count: hidden, discount, batch_size, replay_capacity, target_interval (in gradient steps)
and max_gradient_norm. All else is its own: the plain target (Mnih et al. 2015), a replay that is drawn from uniformly,
rectified linear units and Adam. Exploration is this package's, so that masks and streams are obeyed.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mamo_cli.core.arrays import AnyFloatArray, BoolArray, Float32Array, FloatArray, IntArray
from mamo_cli.core.errors import UsageError
from mamo_cli.core.seam import Seen, Step
from mamo_cli.core.seeding import MemberStreams
from mamo_cli.learners.dqn import greedy
from mamo_cli.learners.dqn.acting import make_act
from mamo_cli.learners.dqn.settings import LearnerConfig
from mamo_cli.learners.exploration import explorations, greedily
from mamo_cli.learners.protocol import Exploration, Shape

try:
    from mamo_cli.learners.sb3.member import Member, shown
except ModuleNotFoundError as error:
    raise UsageError(f"--te sb3 needs Stable-Baselines3 ({error}): pip install 'mamo[sb3]'") from error


def build(config: LearnerConfig, shape: Shape, streams: Sequence[MemberStreams], device: str = "cpu") -> "SB3Learner":
    """K untrained agents; see `registry`."""
    return SB3Learner(config, shape, streams, device)


def refuse(config: LearnerConfig, shape: Shape) -> None:
    """Say what it cannot do; see `registry`.

    Raises:
        UsageError: there are several agents to act, or a budget; or parts are chosen that it does not have.
    """
    if shape.agents > 1:
        raise UsageError(f"--te sb3 is for one agent, as its networks are; here act {shape.agents}: take --te dqn")
    if config.sharing:
        raise UsageError("learner.sharing is of rewards between agents, and --te sb3 has one: leave it out")
    if shape.use is not None:
        raise UsageError("--te sb3 knows no budget that choices must fit: take --te dqn")
    for part in ("network", "target", "chooser", "mixer", "optimiser"):
        if getattr(config, part) not in (type(config).model_fields[part].default, "greedy"):  # one agent's auto
            raise UsageError(f"learner.{part} {getattr(config, part)}: --te sb3 has a {part} of its own")


class SB3Learner:
    """K agents of Stable-Baselines3; member k's numbers depend on stream k alone."""

    def __init__(self, config: LearnerConfig, shape: Shape, streams: Sequence[MemberStreams], device: str) -> None:
        """Args: config, device: settings. shape: of the problem. streams: K members'.

        Raises:
            UsageError: see `refuse`.
        """
        refuse(config, shape)
        self._shape, self._streams, self._batch = shape, list(streams), config.batch_size
        self._members = [Member(config, shape, member, device) for member in self._streams]
        self._alive = np.ones(len(self._members), dtype=np.bool_)
        self._act = make_act(greedy)

    def explorations(self, epsilon: FloatArray, copies: int) -> list[Exploration]:
        """What to explore with in the coming steps, one for each epsilon, for E copies of the environment."""
        return explorations(self._streams, self._shape, epsilon, copies)

    def act(
        self, seen: Seen, exploration: Exploration | None = None, policies: AnyFloatArray | None = None
    ) -> IntArray:
        """Choices `(K, E, 1)`: greedy, or explored where told to; a frozen member takes the first it may."""
        values = np.zeros(seen.mask.shape, dtype=np.float32)
        for k in np.flatnonzero(self._alive):
            values[k, :, 0] = self._members[k].values(seen.values[k, :, 0], None if policies is None else policies[k])
        chosen = exploration or greedily(seen.mask.shape[:-1])
        budgets = self._shape.budgets(seen)
        return self._act(values, seen.mask, self._shape.units(), budgets, *chosen)

    def policies(self) -> Float32Array:
        """`(K, D)` the networks' parameters."""
        return np.stack([member.parameters() for member in self._members])

    def store(self, seen: Seen, actions: IntArray, step: Step) -> None:
        """Keep E transitions of each member, the objectives apart."""
        for k, member in enumerate(self._members):
            before, after = (shown(one.values[k, :, 0], one.mask[k, :, 0]) for one in (seen, step.after))
            member.replay.keep(before, actions[k, :, 0], step.objectives[k, :, 0], after, step.continues[k])

    def learn(self, updates: int, weights: FloatArray, learning_rate: float) -> FloatArray | None:
        """Gradient steps under weights `(K, 1, M)`; losses `(K,)`, NaN of the frozen, None before a batch is held."""
        if self._members[0].replay.size() < self._batch:
            return None
        losses = np.full(len(self._members), np.nan)
        for k in np.flatnonzero(self._alive):
            losses[k] = self._members[k].learn(updates, weights[k, 0], learning_rate)
        return losses

    def diverged(self) -> BoolArray:
        """`(K,)` members with a parameter that is not finite."""
        return np.array([not np.isfinite(member.parameters()).all() for member in self._members])

    def freeze(self, members: BoolArray) -> None:
        """Compute nothing more for these members `(K,)`."""
        self._alive &= ~members

    def state_dict(self) -> dict[str, Any]:
        """All that going on needs, but what is the caller's: random streams, and who is frozen."""
        return {"members": [member.state_dict() for member in self._members]}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Put back what `state_dict` returned."""
        for member, saved in zip(self._members, state["members"], strict=True):
            member.load_state_dict(saved)
