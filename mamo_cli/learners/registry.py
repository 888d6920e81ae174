"""Which learners the task agents may be: a name, and the module whose `build` makes them.

`build(config, shape, streams, device)` returns a `Learner` of K untrained agents, one for each of the streams. A module
whose learner does not do for every problem also has `refuse(config, shape)`, asked before a run begins.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # all of these take their time to import
    from mamo_cli.core.seeding import MemberStreams
    from mamo_cli.learners.dqn.settings import LearnerConfig
    from mamo_cli.learners.protocol import Learner, Shape

LEARNERS = {
    "dqn": "mamo_cli.learners.dqn.learner",
    "conditioned": "mamo_cli.learners.dqn.conditioned",
    "sb3": "mamo_cli.learners.sb3.learner",
}


def build(
    name: str, config: LearnerConfig, shape: Shape, streams: Sequence[MemberStreams], device: str = "cpu"
) -> Learner:
    """The learner of that name, for the members with these streams."""
    learner: Learner = import_module(LEARNERS[name]).build(config, shape, streams, device)
    return learner


def refuse(name: str, config: LearnerConfig, shape: Shape) -> None:
    """Say before anything begins what the learner of that name cannot do; of a name that is no learner's, nothing.

    Raises:
        UsageError: it cannot do with the problem or the settings, or needs a package that is not there.
    """
    if name in LEARNERS:
        module = import_module(LEARNERS[name])
        if hasattr(module, "refuse"):
            module.refuse(config, shape)
