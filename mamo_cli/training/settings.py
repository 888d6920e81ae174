"""Settings of a training phase."""

from pydantic import Field

from mamo_cli.core.settings import Schedule, Section


class PhaseConfig(Section):
    """One training phase of the task-execution agents; its schedules restart with every MAMO cycle."""

    iterations: int = Field(
        default=20, ge=1, le=1_000_000, description="Iterations in a phase: one row of training.csv each."
    )
    iteration_steps: int = Field(
        default=10, ge=1, le=1_000_000, description="Control periods an environment plays in one."
    )
    environments: int = Field(default=16, ge=1, le=1024, description="Copies of the environment each member acts in.")
    updates_per_step: int = Field(
        default=3, ge=1, le=1024, description="Gradient steps after every step of all copies."
    )
    window: int = Field(default=6, ge=1, description="Last iterations of a phase over which it is summarised.")
    epsilon: Schedule = Field(
        default=((0.0, 0.5), (0.4, 0.05), (0.6, 0.0)), description="Probability of a random action over the phase."
    )
    learning_rate: Schedule = Field(
        default=((0.0, 3e-3), (0.4, 3e-3), (1.0, 1e-4)), description="Adam's step size over the phase."
    )
