"""Settings of the loop that every strategy runs in."""

from pydantic import Field

from mamo_cli.core.settings import Section, Share


class LoopSettings(Section):
    """How long a strategy has, and what it begins with."""

    cycles: int = Field(default=60, ge=1, le=1_000_000, description="Cycles of choosing alpha and training under it.")
    initial_alpha: Share = Field(default=0.1, description="Alpha of the first cycle.")
