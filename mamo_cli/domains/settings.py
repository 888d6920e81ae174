"""Settings that every domain has, one driven by a workload trace and one by chance alone."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Self

from pydantic import Field, PrivateAttr

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
    _own: Mapping[str, Section] = PrivateAttr(default_factory=dict)

    @property
    def own(self) -> Mapping[str, Section]:
        """What some agents have of their own, by name; in a configuration a table each, beside the instance's."""
        return self._own

    def having(self, own: Mapping[str, Section]) -> Self:
        """The same instance, of which agents have this of their own."""
        copy = self.model_copy()
        copy._own = dict(own)
        return copy

    def of(self, agent: str) -> Self:
        """The instance as it is for one agent: what that one does not say of its own is as it is for all."""
        own = self._own.get(agent)
        said = {} if own is None else {name: getattr(own, name) for name in type(own).model_fields}
        kept = {name for name, value in said.items() if value is not None} & type(self).model_fields.keys()
        return self.model_copy(update={name: said[name] for name in kept})


class ProcessSettings(WorkloadSettings):
    """How a domain is evaluated that has no workload, only chance."""

    trace: ClassVar[None] = None  # type: ignore[misc]
    train_share: ClassVar[float] = 0.7  # type: ignore[misc]

    evaluation_steps: int = Field(default=10_000, ge=1, le=1_000_000, description="Periods that an evaluation plays.")
