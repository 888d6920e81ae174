"""Settings that every finite process has."""

from typing import ClassVar

from pydantic import Field

from mamo_cli.domains.settings import WorkloadSettings


class ProcessSettings(WorkloadSettings):
    """How it is evaluated: it has no workload, only chance."""

    trace: ClassVar[None] = None  # type: ignore[misc]
    train_share: ClassVar[float] = 0.7  # type: ignore[misc]

    evaluation_steps: int = Field(default=10_000, ge=1, le=1_000_000, description="Periods that an evaluation plays.")
