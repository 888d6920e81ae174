"""A Gymnasium environment as a domain: something to learn in whose answers others have published."""

from typing import NoReturn

import numpy as np

from mamo_cli.core.arrays import FloatArray, IntArray
from mamo_cli.core.errors import NothingExactError, UsageError
from mamo_cli.core.seam import Answer, Knowledge, Optimum, Part, Played, Scope, Shift, Spec
from mamo_cli.domains.gymnasium.environment import SEEDS, Copy, GymnasiumEnvironment
from mamo_cli.domains.gymnasium.settings import WORDS, GymnasiumConfig


class GymnasiumDomain:
    """One agent in a Gymnasium environment, to learn from its reward alone: no constraint, and no exact answer."""

    warnings: tuple[str, ...] = ()

    def __init__(self, config: GymnasiumConfig) -> None:
        """Args: config: which environment.

        Raises:
            UsageError: there is no such environment, or it does not fit.
        """
        self._config, self._one = config, Copy(config)
        self.spec = Spec(
            agents=("env",),
            words=WORDS,
            limits=np.empty((1, 0)),
            observation=self._one.observation,
            choices=(self._one.choices,),
            cost_scale=config.reward_scale,
            step_seconds=1.0,
        )

    def shifted(self, shift: Shift, steps: tuple[int, int] | None = None) -> NoReturn:
        """Nothing can."""
        raise UsageError(f"{self._config.environment}: nothing of a Gymnasium environment can drift")

    def environment(self, part: Part, members: int, copies: int = 1) -> GymnasiumEnvironment:
        """The training's episodes are drawn from each member's own stream; the evaluation's are the same for all."""
        first_seed = None if part is Part.TRAINING else SEEDS + self._config.evaluation_seed
        return GymnasiumEnvironment(self._config, members, copies, first_seed)

    def conditions(self) -> FloatArray:
        """`(T, 1, 2)` of NaN: nothing is known of a step beforehand."""
        return np.full((self._one.steps, 1, 2), np.nan)

    def choices_of(self, measures: FloatArray) -> IntArray:
        """The measure itself."""
        return measures[..., 0].astype(np.int64)

    def optimum(
        self, scope: Scope, weights: FloatArray | None = None, solver: str = "auto", time_limit_s: float | None = None
    ) -> Optimum:
        """Unknown."""
        self._unknown()

    def answer(
        self, weights: FloatArray, part: Part = Part.EVALUATION, knowledge: Knowledge = Knowledge.CAUSAL
    ) -> Answer:
        """Unknown."""
        self._unknown()

    def perfect(self, weights: FloatArray) -> IntArray:
        """Unknown."""
        self._unknown()

    def expected(self, plan: IntArray) -> Played:
        """Unknown."""
        self._unknown()

    def replayed(self, plan: IntArray) -> tuple[Played, Played]:
        """Unknown."""
        self._unknown()

    def _unknown(self) -> NoReturn:
        raise NothingExactError(f"{self._config.environment}: nothing exact is known of a Gymnasium environment")
