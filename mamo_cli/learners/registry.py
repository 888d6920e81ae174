"""Which learners the task agents may be: a name, and the module whose `build` makes them.

`build(config, shape, streams, device)` returns a `Learner` of K untrained agents, one for each of the streams.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # all of these take their time to import
    from mamo_cli.core.seeding import MemberStreams
    from mamo_cli.learners.dqn.settings import LearnerConfig
    from mamo_cli.learners.protocol import Learner, Shape

LEARNERS = {"dqn": "mamo_cli.learners.dqn.learner"}


def build(
    name: str, config: LearnerConfig, shape: Shape, streams: Sequence[MemberStreams], device: str = "cpu"
) -> Learner:
    """The learner of that name, for the members with these streams."""
    learner: Learner = import_module(LEARNERS[name]).build(config, shape, streams, device)
    return learner
