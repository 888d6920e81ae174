"""Proportional sampling for a whole population: a sum tree of two levels, stored as two tensors.

A binary tree of 16,384 leaves needs 14 dependent steps a draw. Two levels need two, each a few kernels over all
members and draws: a search among the nodes' running sums, then one among the leaves of the node found.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

# Keeps a draw strictly below the total, so that rounding can never walk past the last positive leaf.
_BELOW_ONE = 1.0 - 1e-12


class PriorityTree:
    """Sums of priorities `(K, capacity)` in double precision; leaves of priority 0 are never drawn."""

    def __init__(self, members: int, capacity: int, device: torch.device | None = None) -> None:
        # About balanced, with more nodes than leaves under one: a draw copies the leaves but only reads the nodes.
        self._shift = max(((capacity - 1).bit_length() - 1) // 2, 1)
        nodes = -(-capacity >> self._shift)
        self._leaves = torch.zeros(members, nodes << self._shift, dtype=torch.float64, device=device)
        self._sums = torch.zeros(members, nodes, dtype=torch.float64, device=device)
        # Where member k's nodes begin when the nodes of all members are numbered through.
        self._first_node = torch.arange(members, device=device)[:, None] * nodes

    @property
    def total(self) -> Tensor:
        """`(K, 1)` sum of each member's priorities."""
        return self._sums.cumsum(-1)[:, -1:]

    def set(self, indices: Tensor, priorities: Tensor) -> None:
        """Replace the priorities at `indices`, both `(K, n)`, and mend the sums above them.

        Sums are taken anew from the leaves, not adjusted by differences: no rounding error builds up.
        """
        self._leaves.scatter_(1, indices, priorities)
        nodes = indices >> self._shift
        self._sums.scatter_(1, nodes, self._leaves_of(nodes).sum(-1))

    def sample(self, uniforms: Tensor) -> tuple[Tensor, Tensor]:
        """Draw leaves with probability proportional to priority.

        Args:
            uniforms: `(K, n)` in [0, 1], double precision: where in the running sum of priorities each draw falls.

        Returns:
            indices `(K, n)` and the probability `(K, n)` of each. A member whose priorities are not finite gets
            arbitrary ones.
        """
        ends = self._sums.cumsum(-1)
        total = ends[:, -1:]
        mass = uniforms * (total * _BELOW_ONE)
        nodes = torch.searchsorted(ends, mass, right=True).clamp_(max=ends.shape[1] - 1)
        mass = (mass - (ends - self._sums).gather(1, nodes)).clamp_(min=0.0)
        leaves = self._leaves_of(nodes)
        ends = leaves.cumsum(-1)
        mass = torch.minimum(mass, ends[..., -1] * _BELOW_ONE)
        leaf = torch.searchsorted(ends, mass[..., None], right=True).clamp_(max=ends.shape[-1] - 1)
        probability = leaves.gather(-1, leaf).squeeze(-1) / total
        return (nodes << self._shift) + leaf.squeeze(-1), probability

    def _leaves_of(self, nodes: Tensor) -> Tensor:
        """Priorities `(K, n, leaves)` under `nodes` `(K, n)`."""
        rows = (nodes + self._first_node).view(-1)
        return self._leaves.view(-1, 1 << self._shift).index_select(0, rows).view(*nodes.shape, -1)

    def state_dict(self) -> dict[str, Tensor]:
        """The leaves alone: the sums follow from them bit for bit."""
        return {"leaves": self._leaves.clone()}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Set all leaves and rebuild the sums."""
        self._leaves.copy_(state["leaves"])
        self._sums.copy_(self._leaves.view(*self._sums.shape, -1).sum(-1))
