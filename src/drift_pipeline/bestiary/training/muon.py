"""What trains the bestiary's networks: Muon for their matrices, AdamW for the rest.

Muon is chosen for the short training that two cores allow.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import AdamW, Optimizer

_WEIGHT_DECAY = 1e-2
_MOMENTUM = 0.95
#: The quintic that Newton-Schulz iterates, and how often.
_A, _B, _C = 3.4445, -4.7750, 2.0315
_ITERATIONS = 5


class Muon(Optimizer):
    """`torch.optim.Muon` for kernels of convolutions too, and for many small matrices at once.

    torch's takes one matrix after another. Here those of one shape are orthogonalised together,
    which is faster on a CPU (`benchmarks/muon.py`) and gives the same numbers, up to rounding.

    A kernel counts as the matrix ``(out, in * height * width)`` (Jordan et al. 2024, "Muon"). Steps
    are scaled to the size of AdamW's (Liu et al. 2025, "Muon is scalable"), so that both take the
    same learning rate.

    Args:
        weights: Weights of at least two dimensions.
        lr: Learning rate.
        weight_decay: Share of a weight, times the learning rate, that a step takes away.
    """

    def __init__(self, weights: Iterable[Tensor], lr: float, weight_decay: float) -> None:
        alike: dict[torch.Size, list[Tensor]] = defaultdict(list)
        for weight in weights:
            alike[weight.detach().flatten(1).shape].append(weight)
        groups = [
            {"params": same, "velocity": torch.zeros(len(same), *shape)}
            for shape, same in alike.items()
        ]
        super().__init__(groups, {"lr": lr, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        """Update the weights in place; their gradients are read, not changed."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            weights = group["params"]
            used = [row for row, weight in enumerate(weights) if weight.grad is not None]
            if not used:
                continue
            gradients = torch.stack([weights[row].grad.flatten(1) for row in used])
            velocity = group["velocity"][used].lerp_(gradients, 1 - _MOMENTUM)
            group["velocity"][used] = velocity
            updates = orthogonalise(gradients.lerp_(velocity, _MOMENTUM))
            rate = group["lr"] * (0.2 * math.sqrt(max(updates.shape[1:])))
            for row, update in zip(used, updates, strict=True):
                weights[row].mul_(1 - group["lr"] * group["weight_decay"])
                weights[row].add_(update.reshape(weights[row].shape), alpha=-rate)
        return loss


def orthogonalise(matrices: Tensor) -> Tensor:
    """Bring singular values towards 1 (Newton-Schulz; Jordan et al. 2024, "Muon").

    Args:
        matrices: ``(n, rows, columns)``.

    Returns:
        bfloat16 of the same shape. Singular values are about 0.7 to 1.2, smaller where they were
        next to nothing.
    """
    tall = matrices.shape[1] > matrices.shape[2]
    x = matrices.to(torch.bfloat16)
    x = x.mT if tall else x
    x = x / torch.stack([matrix.norm() for matrix in x]).clamp(min=1e-7)[:, None, None]
    for _ in range(_ITERATIONS):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=_B, alpha=_C), x, beta=_A)
    return x.mT if tall else x


def make_optimizers(module: nn.Module, learning_rate: float) -> list[Optimizer]:
    """Make Muons for the weights of linear layers and convolutions, AdamW for everything else.

    There are two Muons, so that two threads can share the work.
    """
    kinds = (nn.Linear, nn.Conv2d)
    weights = [layer.weight for layer in module.modules() if isinstance(layer, kinds)]
    matrices = {id(weight): weight for weight in weights if weight.requires_grad}
    rest = [w for w in module.parameters() if id(w) not in matrices and w.requires_grad]
    ordered = sorted(matrices.values(), key=lambda weight: weight.numel())
    optimizers: list[Optimizer] = [
        Muon(part, lr=learning_rate, weight_decay=_WEIGHT_DECAY)
        for part in (ordered[::2], ordered[1::2])
        if part
    ]
    if rest:
        options: dict[str, Any] = {"betas": (0.9, 0.99), "weight_decay": _WEIGHT_DECAY}
        optimizers.append(AdamW(rest, lr=learning_rate, foreach=True, **options))
    return optimizers
