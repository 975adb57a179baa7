"""What a method is: who is trained on, how good each was, and what holds the policy back.

Rollout, loss and update ask a method and never its name. Its class stands in YAML by its dotted
path (`methods.<name>.method`), so that another method is one file. Notation: `c`: candidates of a
group, `g`: group size, `d`: features of an embedding, `n`: samples of an epoch, `s`: steps.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from torch import Tensor


@dataclass(frozen=True)
class Credit:
    """What the samples of an epoch are worth.

    Attributes:
        total: `(groups, g)`, the advantages that the policy is trained with.
        parts: What they are made of, each `(groups, g)`; columns of the candidates' table.
        remarks: Sentences on what did nothing in this epoch, for the log.
    """

    total: Tensor
    parts: Mapping[str, Tensor] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()


class Method(Protocol):
    """What a method decides.

    Its constructor takes `preset` (`config.method.MethodPreset`), `group_size`, `prompt_noise`
    (`config.train.PromptNoise`) and `bounds` (the reward's), and what `methods.<name>.options`
    adds. `methods.standard.Standard` is all of this by switches; a subclass changes one decision.
    """

    @property
    def perturbs_prompts(self) -> bool:
        """Whether `perturb` is asked at all; its noise costs time to draw."""

    def perturb(self, embeddings: Tensor, noise: Tensor, times: Tensor) -> Tensor:
        """Return the condition that the policy draws and is trained with.

        Args:
            embeddings: `(b, tokens, d)`, of the prompts.
            noise: Standard normal, of the same shape; the same in rollout and update.
            times: `(b,)`, in [0, 1], 1 for noise.
        """

    def select(self, rewards: Tensor) -> Tensor:
        """Choose the samples of every group: `(groups, c)` → indices, `(groups, g)`."""

    def credit(self, rewards: Tensor, embeddings: Tensor) -> Credit:
        """Say what the chosen samples are worth.

        Args:
            rewards: `(groups, g)`.
            embeddings: `(groups, g, d)`, of length one.
        """

    def step_weights(self, times: Tensor) -> Tensor:
        """Return how much each step counts in the surrogate, `(s,)`, not negative.

        Args:
            times: `(s,)`, in [0, 1], from noise to image.
        """

    def kl_weights(self, advantages: Tensor, times: Tensor) -> Tensor:
        """Return β of every sample and step, `(n, s)`; 0 leaves its KL divergence out.

        Args:
            advantages: `(n,)`.
            times: `(s,)`, in [0, 1], from noise to image.
        """

    def renews_reference(self, epoch: int) -> bool:
        """Return whether the policy after this epoch becomes the reference of the KL divergence."""
