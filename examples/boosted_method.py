r"""A method with arithmetic of its own: what is good and rare counts more than what is good.

With :math:`d_i` the mean distance of sample i from the others of its group (Eq. 11) and
:math:`\bar d` its mean over the group, positive advantages are scaled:

.. math:: \tilde A_i = A_i \, (d_i / \bar d)^p \quad \text{where } A_i > 0
"""

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from drift_pipeline.drift.shaping import intra_group_diversity
from drift_pipeline.methods.base import Credit
from drift_pipeline.methods.standard import Standard


class Boosted(Standard):
    """The method of its switches, whose positive advantages are scaled by how rare a sample is.

    Args:
        power: p; 0 changes nothing.
        **given: What every method gets, see `methods.standard.Standard`.
    """

    def __init__(self, power: float = 1.0, **given: Any) -> None:
        super().__init__(**given)
        self.power = power

    def credit(self, rewards: Tensor, embeddings: Tensor) -> Credit:
        """Boost what the switches give; rewards `(groups, g)`, embeddings `(groups, g, d)`."""
        credit = super().credit(rewards, embeddings)
        distance = intra_group_diversity(embeddings)
        mean = distance.mean(dim=1, keepdim=True)
        boost = torch.where(mean > 0, distance / mean, 1.0) ** self.power
        total = torch.where(credit.total > 0, boost * credit.total, credit.total)
        return replace(credit, total=total, parts={**credit.parts, "boost": boost})
