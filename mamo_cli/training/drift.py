"""A world that changes while agents learn."""

from mamo_cli.core.errors import UsageError
from mamo_cli.core.seam import AS_CONFIGURED, Domain, Shift
from mamo_cli.training.conditions import NO_DRIFT, DriftConfig


class World:
    """A domain whose conditions change from cycle to cycle."""

    def __init__(self, domain: Domain, drift: DriftConfig = NO_DRIFT) -> None:
        """Args: domain: as it is configured. drift: what changes."""
        self._domain, self._drift = domain, drift
        self._latest: tuple[Shift, Domain] = AS_CONFIGURED, domain

    def at(self, cycle: int) -> Domain:
        """The domain under the conditions of a cycle, the same object for as long as nothing changes."""
        shift = Shift(**self._drift.at(cycle))
        if shift == AS_CONFIGURED:
            return self._domain
        if shift != self._latest[0]:
            self._latest = shift, self._domain.shifted(shift)
        return self._latest[1]

    def require(self, cycles: int, of: str = "cycles") -> None:
        """See that all can happen within so many cycles, or windows.

        Raises:
            UsageError: it cannot; see `Domain.shifted`.
        """
        for name, points in self._drift.schedules().items():
            for cycle, _ in points:
                if cycle >= cycles:
                    raise UsageError(f"drift.{name} changes at {cycle}, and there are {of} 0 to {cycles - 1} alone")
                self.at(cycle)
