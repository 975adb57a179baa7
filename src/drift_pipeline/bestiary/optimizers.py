"""What trains the bestiary's networks: Muon for their matrices, AdamW for the rest.

Muon is chosen for the short training that two cores allow.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import AdamW, Optimizer

_WEIGHT_DECAY = 1e-2


class KernelMuon(torch.optim.Muon):
    """torch's Muon, for kernels of convolutions too.

    A kernel counts as the matrix ``(out, in * height * width)`` (Jordan et al. 2024, "Muon").

    Args:
        weights: Contiguous weights of at least two dimensions.
        options: What `torch.optim.Muon` takes.
    """

    def __init__(self, weights: Iterable[Tensor], **options: Any) -> None:
        self._weights = list(weights)
        super().__init__([weight.detach().flatten(1) for weight in self._weights], **options)

    def step(self, closure: Any = None) -> Any:
        """Updates the weights in place; their gradients are read, not changed."""
        matrices = [matrix for group in self.param_groups for matrix in group["params"]]
        for weight, matrix in zip(self._weights, matrices, strict=True):
            matrix.grad = None if weight.grad is None else weight.grad.flatten(1)
        return super().step(closure)


def make_optimizers(module: nn.Module, learning_rate: float) -> list[Optimizer]:
    """Muon for the weights of linear layers and convolutions, AdamW for everything else.

    Muon's steps are scaled to the size of AdamW's (Liu et al. 2025, "Muon is scalable"), so that
    both take the same learning rate. There are two Muons, so that two threads can share the work.
    """
    kinds = (nn.Linear, nn.Conv2d)
    weights = [layer.weight for layer in module.modules() if isinstance(layer, kinds)]
    matrices = {id(weight): weight for weight in weights if weight.requires_grad}
    rest = [w for w in module.parameters() if id(w) not in matrices and w.requires_grad]
    optimizers: list[Optimizer] = []
    if matrices:
        scaled: dict[str, Any] = {"adjust_lr_fn": "match_rms_adamw", "weight_decay": _WEIGHT_DECAY}
        ordered = sorted(matrices.values(), key=lambda weight: weight.numel())
        for part in filter(None, (ordered[::2], ordered[1::2])):
            optimizers.append(KernelMuon(part, lr=learning_rate, **scaled))
    if rest:
        options: dict[str, Any] = {"betas": (0.9, 0.99), "weight_decay": _WEIGHT_DECAY}
        optimizers.append(AdamW(rest, lr=learning_rate, **options))
    return optimizers
