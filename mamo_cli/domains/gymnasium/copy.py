"""One Gymnasium environment, and what of each of its steps is cost and violation."""

import re
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from mamo_cli.core.errors import DataError, MamoError, UsageError
from mamo_cli.domains.gymnasium.settings import GymnasiumConfig

MOST_CHOICES = 1024
"""Of a joint action: each is an output of the network."""
ROUNDING = 1e-6
"""By how much a cost may miss 0 to 1: environments count in float32."""
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


class Copy:
    """One environment, and what tells where it stands: its episode's seed and the choices since.

    Attributes:
        warnings: what the environment said while it was made.
        choices: C.
        observation: O.
        steps: after which an episode is truncated.
        seed: of the episode, -1 before the first.
        played: choices since it began.
    """

    def __init__(self, config: GymnasiumConfig) -> None:
        """Make the environment; `begin` starts an episode.

        Raises:
            UsageError: there is no such environment, its spaces do not fit, or its episodes never end.
        """
        self._config, (self._environment, self.warnings) = config, _made(config)
        self._space = self._environment.observation_space
        if not self._space.is_np_flattenable:
            raise UsageError(f"{config.environment}: needs observations that flatten to an array, got {self._space}")
        self.choices, self._action = _choices(config.environment, self._environment.action_space)
        spec = self._environment.spec
        if spec is None or spec.max_episode_steps is None:
            raise UsageError(f"{config.environment}: its episodes may last for ever; set --episode-steps")
        self.steps = spec.max_episode_steps
        self.observation = spaces.flatdim(self._space)
        scale = config.observation_scale or (1.0,)
        if len(scale) not in (1, self.observation):
            raise UsageError(
                f"{config.environment}: --observation-scale needs 1 or {self.observation} numbers, got {len(scale)}"
            )
        self.seed = -1
        self.played: list[int] = []

    def begin(self, seed: int) -> Any:
        """Begin the episode of a seed; returns its first observation `(O,)`.

        Raises:
            DataError: the environment fails, or a number observed is not finite.
        """
        self.seed, self.played = seed, []
        with _theirs(self._config.environment, "reset"):
            return self._seen(self._environment.reset(seed=seed)[0])

    def play(self, choice: int) -> tuple[Any, list[float], bool, bool]:
        """One step.

        Returns:
            The observation `(O,)`; the cost in its own unit and, where there is one, the violation; whether the episode
            terminated, or was truncated.

        Raises:
            UsageError: `info` has no entry of a key.
            DataError: the environment fails, a number observed is not finite, a cost or a violation is no number, or
                such a cost as a constraint cannot be weighed against.
        """
        self.played.append(choice)
        with _theirs(self._config.environment, "step"):
            found, reward, terminated, truncated, info = self._environment.step(self._action(choice))
            seen = self._seen(found)
        told = [self._cost(reward, info)]
        if self._config.violation_key is not None:
            told.append(self._entry("--violation-key", self._config.violation_key, info))
            self._check_scale(told[0])
        return seen, told, terminated, truncated

    def _seen(self, found: Any) -> Any:
        seen: Any = spaces.flatten(self._space, found)
        if not np.isfinite(seen).all():
            raise DataError(f"{self._config.environment}: numbers observed must be finite, got {found!r:.200}")
        return seen

    def _cost(self, reward: Any, info: Mapping[str, Any]) -> float:
        config = self._config
        if config.cost_key is not None:
            return config.cost_offset + self._entry("--cost-key", config.cost_key, info)
        return config.cost_offset - self._number("the reward", reward, ": name the cost with --cost-key")

    def _entry(self, option: str, key: str, info: Mapping[str, Any]) -> float:
        if key not in info:
            there = ", ".join(map(str, info)) or "nothing"
            raise UsageError(f"{self._config.environment}: {option} {key}: the info of a step has {there}")
        return self._number(f"info[{key!r}]", info[key])

    def _number(self, what: str, value: Any, remedy: str = "") -> float:
        number = np.asarray(value)
        if number.ndim or number.dtype.kind not in "biuf" or not np.isfinite(number):
            raise DataError(f"{self._config.environment}: {what} must be a finite number, got {value!r:.200}{remedy}")
        return float(number)

    def _check_scale(self, cost: float) -> None:
        share = cost / self._config.cost_scale
        if not -ROUNDING <= share <= 1.0 + ROUNDING:
            raise DataError(
                f"{self._config.environment}: the cost of a step must be 0 to 1, got {share:g}: set --cost-offset and "
                "--cost-scale so that (cost + offset) / scale is"
            )


def _choices(name: str, space: Any) -> tuple[int, Callable[[int], Any]]:
    """How many choices there are, and the action that each of them means.

    Raises:
        UsageError: the actions are not discrete, or too many.
    """
    if isinstance(space, spaces.Discrete):
        first = int(space.start)
        return int(space.n), lambda choice: first + choice
    if not isinstance(space, spaces.MultiDiscrete):
        raise UsageError(
            f"{name}: needs actions that are Discrete or MultiDiscrete, got {space}: see docs/howto/own-environment.md"
        )
    joint = int(np.prod(space.nvec, dtype=object))
    if joint > MOST_CHOICES:
        raise UsageError(f"{name}: has {joint} joint actions, at most {MOST_CHOICES} are learnt: make them coarser")

    def action(choice: int) -> Any:
        parts = np.array(np.unravel_index(choice, space.nvec.ravel()))
        return (parts.reshape(space.nvec.shape) + space.start).astype(space.dtype)

    return joint, action


def _made(config: GymnasiumConfig) -> tuple[gymnasium.Env[Any, Any], tuple[str, ...]]:
    """The environment of a configuration, without Gymnasium's checks at every step, and what it was warned of.

    Raises:
        UsageError: there is none.
        DataError: it fails.
    """
    with warnings.catch_warnings(record=True) as said, _theirs(config.environment, "making"):
        warnings.simplefilter("always")
        try:
            made: gymnasium.Env[Any, Any] = gymnasium.make(
                config.environment, max_episode_steps=config.episode_steps, disable_env_checker=True
            )
        except (gymnasium.error.Error, ModuleNotFoundError) as error:
            raise UsageError(f"{config.environment}: {error}") from None
    return made, tuple(f"{config.environment}: {_COLOURS.sub('', str(one.message))}" for one in said)


@contextmanager
def _theirs(name: str, deed: str) -> Iterator[None]:
    """An environment is anybody's code: what fails there is told of with its place.

    Raises:
        DataError: something failed.
    """
    try:
        yield
    except MamoError:
        raise
    except Exception as error:
        *_, last = traceback.extract_tb(error.__traceback__)
        place = f"{Path(last.filename).name}, line {last.lineno}"
        raise DataError(f"{name}: its {deed} failed in {place}: {type(error).__name__}: {error!s:.200}") from error
