"""Proportional sampling for a whole population: a wide-branching sum tree stored as a few tensors.

A binary tree of 16,384 leaves needs 14 dependent steps a draw; with 32 children a node it needs 3, each one batched
kernel over all members and draws.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

_BRANCHING = 32
# Keeps a draw strictly below the total, so that rounding can never walk past the last positive leaf.
_BELOW_ONE = 1.0 - 1e-12


class PriorityTree:
    """Sums of priorities `(K, capacity)` in double precision; unset leaves are 0 and are never drawn."""

    def __init__(self, members: int, capacity: int, device: torch.device | None = None) -> None:
        widths = [_rounded(capacity)]
        while widths[-1] > _BRANCHING:
            widths.append(_rounded(widths[-1] // _BRANCHING))
        # Leaves first, root's children last; all in one allocation per level.
        self._levels = [torch.zeros(members, width, dtype=torch.float64, device=device) for width in widths]
        # Where member k's nodes begin when a level's nodes of all members are numbered through.
        rows = torch.arange(members, device=device)[:, None]
        self._first_node = [rows * (level.shape[1] // _BRANCHING) for level in self._levels]

    @property
    def total(self) -> Tensor:
        """`(K, 1)` sum of each member's priorities."""
        return self._levels[-1].cumsum(-1)[:, -1:]

    def set(self, indices: Tensor, priorities: Tensor) -> None:
        """Replace the priorities at `indices`, both `(K, n)`, and mend the sums above them.

        Sums are taken anew from the children, not adjusted by differences: no rounding error builds up.
        """
        self._levels[0].scatter_(1, indices, priorities.to(torch.float64))
        for depth, above in enumerate(self._levels[1:]):
            indices = indices // _BRANCHING
            above.scatter_(1, indices, self._children(depth, indices).cumsum(-1)[..., -1])

    def sample(self, uniforms: Tensor) -> tuple[Tensor, Tensor]:
        """Draw leaves with probability proportional to priority.

        Args:
            uniforms: `(K, n)` in [0, 1), where in the running sum of priorities each draw falls.

        Returns:
            indices `(K, n)` and the probability `(K, n)` of each.
        """
        sums = self._levels[-1].cumsum(-1)
        total = sums[:, -1:]
        mass = uniforms.to(torch.float64).clamp(max=_BELOW_ONE) * total
        indices = torch.searchsorted(sums, mass, right=True).clamp_(max=sums.shape[1] - 1)
        leaf = self._levels[-1].gather(1, indices)
        mass = mass - (sums.gather(1, indices) - leaf)
        for depth in reversed(range(len(self._levels) - 1)):
            children = self._children(depth, indices)
            sums = children.cumsum(-1)
            mass = torch.minimum(mass.clamp(min=0.0), sums[..., -1] * _BELOW_ONE)
            child = torch.searchsorted(sums, mass[..., None], right=True).clamp_(max=_BRANCHING - 1)
            leaf = children.gather(-1, child).squeeze(-1)
            mass = mass - (sums.gather(-1, child).squeeze(-1) - leaf)
            indices = indices * _BRANCHING + child.squeeze(-1)
        return indices, leaf / total

    def _children(self, depth: int, nodes: Tensor) -> Tensor:
        """Sums `(K, n, 32)` of the children, on level `depth`, of `nodes` `(K, n)`."""
        level = self._levels[depth].view(-1, _BRANCHING)
        return level.index_select(0, (nodes + self._first_node[depth]).flatten()).view(*nodes.shape, _BRANCHING)

    def state_dict(self) -> dict[str, Tensor]:
        """The leaves alone: the sums follow from them bit for bit."""
        return {"leaves": self._levels[0].clone()}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Set all leaves and rebuild the sums."""
        self._levels[0].copy_(state["leaves"])
        for below, above in zip(self._levels[:-1], self._levels[1:], strict=True):
            sums = below.unflatten(1, (-1, _BRANCHING)).cumsum(-1)[..., -1]
            above[:, : sums.shape[1]] = sums


def _rounded(count: int) -> int:
    return -(-count // _BRANCHING) * _BRANCHING
