"""What nodes tell one another before a period, and what of it is lost on the way.

A message tells the sender's expected rate and how many replicas more than in the period before it may run. Who hears
nothing new keeps the last that arrived; before the first there is silence, which is zeros. Each link loses messages by
itself: independently, or in bursts, by a chain of two states (Gilbert, 1960). In training some that arrive may be
dropped besides, each by itself: of independent losses 1 - (1 - loss)(1 - dropout) are lost there, and bursts stay as
they are, with single losses between them.
"""

from typing import NamedTuple

import numpy as np

from mamo_cli.core.arrays import BoolArray, FloatArray, IntArray
from mamo_cli.core.compiled import compiled
from mamo_cli.domains.faas.fleet.settings import FleetConfig
from mamo_cli.domains.faas.fleet.topology import neighbours

TOLD = 2
"""Numbers of a message."""

SILENT = -1
"""In the place of a sender: none."""


class Messages(NamedTuple):
    """Who hears whom, and how surely."""

    heard: IntArray  # (M, H) the senders that each node hears, rising, then `SILENT`
    stays: float  # the chance that after a loss the next is lost, too
    fails: float  # the chance that after an arrival the next is lost
    loss: float  # of the first
    late: int  # periods that a message takes
    dropped: float = 0.0  # the chance that one which was not lost is dropped


def messages_of(settings: FleetConfig, nodes: int) -> Messages:
    """Those of a configuration."""
    heard = neighbours(settings.messages, nodes, settings.degree)
    table = np.full((nodes, max(map(len, heard))), SILENT)
    for m, each in enumerate(heard):
        table[m, : len(each)] = each
    loss, burst = settings.loss, settings.burst
    if burst is None:
        return Messages(table, loss, loss, loss, int(settings.late))
    return Messages(table, 1.0 - 1.0 / burst, loss / (burst * (1.0 - loss)), loss, int(settings.late))


@compiled
def tell(messages: Messages, uniforms: FloatArray, lost: IntArray, came: BoolArray) -> None:
    """Let the messages of a period arrive, or not.

    Args:
        messages: who hears whom.
        uniforms: `(K, E, M, H)` in [0, 1).
        lost: `(K, E, M, H)` whether the last message was lost, -1 before the first; moved on.
        came: `(K, E, M, H)` to be filled: whether it arrived.
    """
    members, copies, nodes, most = uniforms.shape
    for k in range(members):
        for e in range(copies):
            for m in range(nodes):
                for h in range(most):
                    if messages.heard[m, h] == SILENT:
                        continue
                    before = lost[k, e, m, h]
                    chance = messages.stays if before == 1 else messages.fails
                    if before < 0:
                        chance = messages.loss
                    lost[k, e, m, h] = uniforms[k, e, m, h] < chance
                    # Of a uniform, what is left above the chance decides on dropping; where nothing is, all pass.
                    passes = 1.0 - uniforms[k, e, m, h] <= (1.0 - chance) * (1.0 - messages.dropped)
                    came[k, e, m, h] = lost[k, e, m, h] == 0 and passes
