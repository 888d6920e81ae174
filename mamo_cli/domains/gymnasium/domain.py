"""A Gymnasium environment as a domain: something to learn in whose answers others have published."""

from typing import NoReturn

import numpy as np

from mamo_cli.core.arrays import FloatArray, IntArray
from mamo_cli.core.errors import NothingExactError, UsageError
from mamo_cli.core.seam import Answer, Knowledge, Optimum, Part, Played, Scope, Shift, Spec
from mamo_cli.core.settings import Section
from mamo_cli.domains.gymnasium.copy import Copy
from mamo_cli.domains.gymnasium.environment import EVALUATED, SEEDS, GymnasiumEnvironment
from mamo_cli.domains.gymnasium.settings import WORDS, GymnasiumConfig
from mamo_cli.workload.trace import Trace


def load(settings: GymnasiumConfig) -> Trace:
    """A stand-in of zeros, as long as the evaluation: what comes is the environment's own affair.

    Runs keep and compare the workload that they were trained on. Of an environment that is its id, which the settings
    have, and how long its episodes may be.
    """
    steps = settings.evaluation_steps or Copy(settings).steps
    nothing = np.zeros((steps, 1))
    return Trace(("env",), nothing, nothing, step_seconds=1.0, period_steps=steps)


def build(
    settings: GymnasiumConfig, source: Trace, evaluation: Trace | None = None, planning: Section | None = None
) -> "GymnasiumDomain":
    """The environment of a configuration; see `registry.build`.

    Raises:
        UsageError: nothing is limited, `info` has no such entry, or a trace was given to evaluate on.
        DataError: a cost or a violation is no number, or the cost is not 0 to 1.
    """
    if evaluation is not None and evaluation is not source:
        raise UsageError(f"{settings.environment} is evaluated on episodes of its own, not on a trace: --noise-seed")
    if settings.violation_key is None:
        raise UsageError(f"{settings.environment}: --violation-key must name the entry of info that is limited")
    domain = GymnasiumDomain(settings)
    domain.try_out()
    return domain


class GymnasiumDomain:
    """One agent in a Gymnasium environment, of which nothing exact is known: one constraint, or none."""

    def __init__(self, config: GymnasiumConfig) -> None:
        """Args: config: which environment.

        Raises:
            UsageError: there is no such environment, or it does not fit.
        """
        self._config, self._one = config, Copy(config)
        self.warnings = self._one.warnings
        self.spec = Spec(
            agents=("env",),
            words=WORDS if config.violation_key is not None else WORDS._replace(violations=()),
            limits=np.full((1, 0 if config.violation_key is None else 1), config.tolerance),
            observation=self._one.observation,
            choices=(self._one.choices,),
            cost_scale=config.cost_scale,
            step_seconds=1.0,
            block=self._one.steps,
        )

    def try_out(self) -> None:
        """Play one step, so that what is wrong with its numbers is said before anything is trained.

        Raises:
            UsageError, DataError: see `Copy.play`.
        """
        self._one.begin(SEEDS)
        self._one.play(0)

    def shifted(self, shift: Shift, steps: tuple[int, int] | None = None) -> NoReturn:
        """Nothing can."""
        raise UsageError(f"{self._config.environment}: nothing of a Gymnasium environment can shift")

    def environment(self, part: Part, members: int, copies: int = 1) -> GymnasiumEnvironment:
        """The training's episodes are drawn from each member's own stream; the evaluation's are the same for all."""
        first_seed = None if part is Part.TRAINING else SEEDS + EVALUATED * self._config.noise_seed
        return GymnasiumEnvironment(self._config, members, copies, first_seed)

    def conditions(self) -> FloatArray:
        """`(T, 1, 2)` of NaN: nothing is known of a step beforehand."""
        return np.full((self._config.evaluation_steps or self._one.steps, 1, 2), np.nan)

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
