"""What a policy is: a model that turns noise into images step by step, and learns.

`training` and `evaluation` know a policy by this protocol alone. Its class stands in YAML by its
dotted path (`train.policy`), so that another model is one file. Notation: `b`: batch size, `s`:
number of steps; latents are `(b, *latent_shape)`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from drift_pipeline.config.train import Lora, Sampling


@dataclass(frozen=True)
class PolicyState:
    """What an epoch of training hands to the next one.

    Attributes:
        epoch: The number of epochs trained; 0 is the base model.
        adapter: LoRA tensors by name, fp32, on the CPU.
        optimizer: AdamW's tensors, named `<adapter name>.<exp_avg | exp_avg_sq | step>`; empty
            before the first epoch, and `None` where a checkpoint has kept the adapter alone.
        scaler: The state of fp16's gradient scaler; empty in other precisions.
        parameters: The parameters that the state depends on, flat.
        lora: Rank and alpha of the adapter.
        fingerprint: Of the parameters and the weights, once the state has been stored.
        layers: Ends of the names of the layers that have an adapter.
        reference: The adapter that the KL divergence is measured from; empty for the base model.
    """

    epoch: int
    adapter: dict[str, Tensor]
    optimizer: dict[str, Tensor] | None = field(default_factory=dict)
    scaler: dict[str, float] = field(default_factory=dict)
    parameters: dict[str, Any] = field(default_factory=dict)
    lora: Lora = field(default_factory=Lora)
    fingerprint: str | None = None
    layers: tuple[str, ...] = ()
    reference: dict[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True)
class Schedule:
    """The steps from noise to image.

    Attributes:
        times: `(s,)`, as the policy's `step` takes them, from noise to image.
        fractions: `(s,)`, fp32, the same as fractions of the time it was trained on: near 1 for
            noise, near 0 for an image (t of Eq. 35).
        stochastic: `(s,)`, bool. A step that is not draws nothing: it is taken, has no
            log-probability and takes no part in training.
        deviations: `(s,)`, σ, the standard deviation of each step's noise.
        responses: `(s,)`, how much each step's mean moves with the network's output, where that
            is one factor for all dimensions. What needs these two does without where they are
            not given.
    """

    times: Tensor
    fractions: Tensor
    stochastic: Tensor
    deviations: Tensor | None = None
    responses: Tensor | None = None

    def __len__(self) -> int:
        return len(self.times)


class Policy(Protocol):
    """A generative model with an adapter that learns.

    Its constructor takes `source`, the value of `train.base_model`, and those of the settings
    `lora`, `precision`, `device`, `channels_last` and `gradient_checkpointing` that it has a use
    for, by these names; further ones come from `train.policy.options`.
    `policies.adapted.AdaptedPolicy` does what all policies with a LoRA adapter share.
    """

    @property
    def precision(self) -> str:
        """fp32, bf16 or fp16; with fp16 the update scales its gradients."""

    @property
    def device(self) -> torch.device:
        """Where it computes."""

    @property
    def adapter(self) -> Mapping[str, nn.Parameter]:
        """What training changes, fp32, by names that a `PolicyState` uses too."""

    @property
    def latent_shape(self) -> tuple[int, ...]:
        """Shape of one latent."""

    @property
    def trainable_parameters(self) -> int:
        """Number of numbers that training changes."""

    def initial_state(self, seed: int, parameters: dict[str, Any] | None = None) -> PolicyState:
        """Return the untrained policy, which draws exactly what the base model draws."""

    def load_adapter(self, state: PolicyState) -> None:
        """Put a state's adapter into the model."""

    def using(self, state: PolicyState) -> AbstractContextManager[None]:
        """Make the model this policy within the context; other threads wait for their turn."""

    def reference(
        self, adapter: Mapping[str, Tensor] | None = None
    ) -> AbstractContextManager[None]:
        """Make the model its reference within the context: this adapter, or none at all."""

    def embed(self, prompts: Sequence[str]) -> Tensor:
        """Embed n prompts as the condition `(n, tokens, d)`, fp32, on the device."""

    def schedule(self, sampling: Sampling) -> Schedule:
        """Prepare for this sampling, and return its steps.

        Raises:
            ValueError: Where no step draws anything, or the model cannot be sampled so.
        """

    def step(
        self, latents: Tensor, times: Tensor, condition: Tensor, sampling: Sampling
    ) -> tuple[Tensor, Tensor]:
        """Return mean `(b, ...)` and standard deviation `(b, 1, ...)` of the next latents, fp32.

        Rollout and update both come through here, so that they agree.

        Args:
            latents: `(b, ...)`, fp32.
            times: `(b,)`, from the schedule; they may differ.
            condition: `(b, tokens, d)`, embedded prompts, perturbed or not.
            sampling: As given to `schedule`; guidance and noise level.
        """

    def log_prob(self, next_latents: Tensor, mean: Tensor, std: Tensor) -> Tensor:
        """Return the log-probability `(b,)` of a stochastic step, mean over latent dimensions."""

    def decode(self, latents: Tensor, batch_size: int) -> Tensor:
        """Turn n latents into images `(n, 3, height, width)`, uint8, on the CPU."""

    @staticmethod
    def save_lora(state: PolicyState, folder: Path) -> None:
        """Write an adapter for other programs into a folder; no model is loaded for it."""
