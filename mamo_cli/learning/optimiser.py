"""Adam on one flat parameter vector: a single fused kernel for the whole population."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.optim.adam import adam

_BETA1, _BETA2, _EPSILON = 0.9, 0.999, 1e-8


class FlatAdam:
    """Adam (Kingma and Ba, 2015). The functional form of `torch.optim.Adam(fused=True)`, without its per-call cost."""

    def __init__(self, parameters: Tensor) -> None:
        self._parameters = parameters
        self.mean = torch.zeros_like(parameters)
        self.square = torch.zeros_like(parameters)
        self._count = torch.zeros((), device=parameters.device)

    def step(self, gradient: Tensor, learning_rate: float) -> None:
        """Move the parameters against the gradient, both vectors of one length."""
        adam(
            [self._parameters],
            [gradient],
            [self.mean],
            [self.square],
            [],
            [self._count],
            fused=True,
            amsgrad=False,
            beta1=_BETA1,
            beta2=_BETA2,
            lr=learning_rate,
            weight_decay=0.0,
            eps=_EPSILON,
            maximize=False,
        )

    def state_dict(self) -> dict[str, Any]:
        """The step count; the moments are the caller's to save, as it knows how members lie in them."""
        return {"count": float(self._count)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Put the step count back."""
        self._count.fill_(state["count"])
