"""Environments with a shield between what is chosen and what is played, which no learner can reach.

What is played is the larger of the choice and the shield's floor, within the cap. Where functions share a memory that
does not hold it all, what is above the floors yields first; where it does not hold the floors, as few replicas as can
be are short of them. Two measures tell of it: whether the choice was raised, and by how many replicas (of a function
that yields to others, fewer than 0). Agents see what they see without it.

What is counted before the first period comes at that period's rate.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mamo_cli.core.arrays import FloatArray, IntArray
from mamo_cli.core.compiled import put_back
from mamo_cli.core.errors import UsageError
from mamo_cli.core.seam import Seen, Step
from mamo_cli.core.seeding import MemberStreams, stream
from mamo_cli.domains.faas.environment import ScalingEnvironment
from mamo_cli.domains.faas.floor import raised
from mamo_cli.domains.faas.node import Case
from mamo_cli.domains.faas.rejection.models import SimulationModel
from mamo_cli.domains.faas.settings import InstanceConfig
from mamo_cli.domains.faas.shield import Shield, from_counts, from_noise, largest_rates, quantile

Drawn = tuple[Any, FloatArray | None]

STREAM = "shield"
"""What a member's counts are drawn from, so that nothing else of its training moves."""

USUAL_WINDOW_S = 30.0


class Guard:
    """The shield of a configured node, and its environments."""

    def __init__(self, settings: InstanceConfig, case: Case, first: int) -> None:
        """The shield that settings ask for.

        Args:
            settings: of the node.
            case: the node.
            first: step of the whole evaluation that the case's evaluation begins with.

        Raises:
            UsageError: the window is longer than a period, or the noise has no known edge.
        """
        assert settings.shield is not None
        self._case, self._first, self._seed = case, first, settings.noise_seed
        tolerances = np.array([settings.of(name).tolerance for name in case.evaluation.trace.functions])
        largest = largest_rates(case.models, case.evaluation.table, tolerances)
        if settings.shield > 0.0:
            self.shield = from_counts(largest, settings.shield, _window(settings, case))
            floor = f"what the requests of the last {self.shield.window_s:g} s of the period before take"
        else:
            self.shield = from_noise(largest, _edge(settings, case))
            floor = f"what {self.shield.edge:g} times the expected rate takes"
        self.notice = (
            f"--shield {settings.shield:g}: replicas are at least {floor}; the clairvoyant bound and the offline plans "
            "are those of the node without it, and the causal bound is that of a perfect agent under it"
        )

    def before(self, environment: ScalingEnvironment) -> "GuardedEnvironment":
        """The environment under the shield."""
        rates, first = environment.node.trace.actual_rate_rps, self._first
        rates = np.vstack((rates[:1], rates))
        chance = stream(self._seed, "evaluation", STREAM).random((first + len(rates), rates.shape[1]))[first:]
        counts = quantile(chance, rates * self.shield.window_s)
        return GuardedEnvironment(environment, self.shield, counts)


def _window(settings: InstanceConfig, case: Case) -> float:
    played = [node.trace.step_seconds for node in (case.training, case.evaluation)]
    if settings.rejection_model == SimulationModel.name:
        played.append(settings.simulated_seconds)
    period = min(played)
    window = min(USUAL_WINDOW_S, period) if settings.shield_window is None else settings.shield_window
    if window > period:
        raise UsageError(
            f"--shield-window must be within the period before, of which {period:g} s are played, got {window:g}"
        )
    return window


def _edge(settings: InstanceConfig, case: Case) -> float:
    """The noise, where it is all that what comes may differ by from what is expected."""
    expected = np.array_equal(case.evaluation.trace.expected_rate_rps, case.known_rate_rps)
    if not expected or case.training.trace.carries_deviations:
        raise UsageError(
            "--shield 0 is for deviations within the noise, and the trace carries its own, which have no known edge: "
            "set it above 0, such as 0.05"
        )
    return settings.noise


class GuardedEnvironment:
    """E environments for each of K members under a shield; see `ScalingEnvironment`."""

    def __init__(self, environment: ScalingEnvironment, shield: Shield, counts: FloatArray) -> None:
        """Args: environment: what is played. shield: of it. counts: `(T + 1, F)` before each period, if not drawn."""
        self.steps = environment.steps
        self._environment, self._shield, self._counts = environment, shield, counts
        self._counted = np.empty(environment.observe().mask.shape[:3])
        self._counted[...] = counts[environment.at]

    def draw(self, steps: int, streams: Sequence[MemberStreams]) -> list[Drawn]:
        """The noise of the coming periods, and the requests `(K, E, F)` counted in the window of each, where drawn."""
        deviations = self._environment.draw(steps, streams)
        if self._shield.edge is not None or self._environment.counted is not None:
            return [(each, None) for each in deviations]
        at = (self._environment.at + np.arange(steps)[:, None]) % self.steps
        means = self._environment.node.trace.actual_rate_rps[at][:, None] * (1.0 + deviations) * self._shield.window_s
        counts = [member[STREAM].poisson(means[:, k]) for k, member in enumerate(streams)]
        return list(zip(deviations, np.stack(counts, 1).astype(np.float64), strict=True))

    def observe(self) -> Seen:
        """What is known before the choice of the current period."""
        return self._environment.observe()

    def step(self, actions: IntArray, draw: Drawn | None = None) -> Step:
        """Play one period: the choices `(K, E, F)`, or more."""
        environment, shield = self._environment, self._shield
        at = environment.at
        expected, caps = environment.node.trace.expected_rate_rps[at], environment.node.max_replicas[at]
        reading = self._counted if shield.edge is None else expected * shield.edge
        asked = np.minimum(actions, caps - 1)
        floor = np.minimum(shield.floor(reading), caps) - 1
        guarded = self._raised(asked, floor, at)
        played = environment.step(guarded, None if draw is None else draw[0])
        if environment.counted is not None:
            self._counted[...] = environment.counted
        elif shield.edge is None:
            self._counted[...] = self._counts[at + 1] if draw is None else draw[1]
        added = guarded - asked
        measures = np.concatenate((played.measures, (added > 0)[..., None], added[..., None]), -1, dtype=np.float64)
        return played._replace(measures=measures)

    def _raised(self, asked: IntArray, floor: IntArray, at: IntArray) -> IntArray:
        """The choices `(K, E, F)` that are played, see `floor`."""
        memory = self._environment.node.memory
        if memory is None:
            return raised(asked, floor)
        rows = -1, asked.shape[2]
        budgets = np.tile(memory.budgets[at], len(asked))
        every = np.broadcast_to(floor, asked.shape).reshape(rows)
        return raised(asked.reshape(rows), every, memory.use, budgets).reshape(asked.shape)

    def measured(self) -> dict[str, Any]:
        """As without it, and the requests that the shield counts."""
        told = self._environment.measured()
        if self._shield.edge is None:
            for each, counted in zip(told["functions"].values(), self._counted[0, 0].tolist(), strict=True):
                each |= {"counted": counted, "counted_seconds": self._shield.window_s}
        return told

    def state_dict(self) -> dict[str, Any]:
        """Where every copy stands, and what was counted last."""
        return {**self._environment.state_dict(), "counted": self._counted.copy()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Put back what `state_dict` returned.

        Raises:
            ValueError: it is not of these environments.
        """
        self._environment.load_state_dict(state)
        put_back(self._counted, state["counted"])
