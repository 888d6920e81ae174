"""Settings that every domain driven by a workload trace has."""

from typing import Annotated

from pydantic import Field

from mamo_cli.core.settings import CONTENT, FileName, Section


class WorkloadSettings(Section):
    """Which trace, which noise it is evaluated under, and which part of it is trained on."""

    trace: FileName | None = Field(
        default=None, description="Workload trace, CSV. Default: the domain's own.", json_schema_extra=CONTENT
    )
    noise_seed: int = Field(default=0, ge=0, lt=2**63, description="Seed of the evaluation noise.")
    train_share: Annotated[float, Field(gt=0.0, lt=1.0)] = Field(
        default=0.7, description="Leading part of an imported trace that is trained on; the rest is for evaluation."
    )
