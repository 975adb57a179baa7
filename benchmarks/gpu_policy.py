"""The project's policy on the device that is measured, and how Table 2 draws with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import perf_counter
from typing import Any

import cost
import torch
from gpu_card import bf16_in_hardware, free, seconds, synchronise
from gpu_model import SEED, Size
from gpu_report import ImpossibleError
from torch import Tensor

from drift_pipeline.common.randomness import keyed_normal
from drift_pipeline.config.method import MethodPreset
from drift_pipeline.config.train import Sampling
from drift_pipeline.methods.standard import Standard
from drift_pipeline.policies.adapted import DTYPES
from drift_pipeline.policies.base import PolicyState, Schedule
from drift_pipeline.policies.stable_diffusion import StableDiffusion

STEPS, GUIDANCE, ETA = 50, 5.0, 1.0
"""Table 2."""


class Thinned(StableDiffusion):
    """The project's policy, which takes only some of a schedule's steps.

    Each step that is left has the time, the coefficients and the deviation that it has among all
    50, so its log-probability is as sensitive as theirs; and what is left takes as long as its
    share of the steps.
    """

    kept = STEPS
    decoding = 0.0
    """Seconds in the VAE, which does not grow with the number of steps."""

    def schedule(self, sampling: Sampling) -> Schedule:
        """Return the first, the last and evenly spaced steps between them."""
        whole = super().schedule(sampling)
        assert whole.deviations is not None and whole.responses is not None
        few = torch.linspace(0, len(whole) - 1, min(self.kept, len(whole))).round().long()
        return Schedule(
            whole.times[few],
            fractions=whole.fractions[few],
            stochastic=whole.stochastic[few],
            deviations=whole.deviations[few],
            responses=whole.responses[few],
        )

    def decode(self, latents: Tensor, batch_size: int = 32) -> Tensor:
        """Decode, and count the seconds."""
        synchronise(self.device)
        start = perf_counter()
        images = super().decode(latents, batch_size)
        self.decoding += perf_counter() - start
        return images


@contextmanager
def narrowed(policy: Thinned, latent: int, kept: int) -> Iterator[None]:
    """Draw smaller images in fewer steps within the context; a UNet takes any size."""
    before, all_kept = policy.unet.config.sample_size, policy.kept
    policy.unet.register_to_config(sample_size=latent)
    policy.kept = kept
    try:
        yield
    finally:
        policy.unet.register_to_config(sample_size=before)
        policy.kept = all_kept


@dataclass
class Bench:
    """What all checks and measurements share.

    Attributes:
        size: How large everything is.
        device: What is measured.
        folder: The model's.
        left: Seconds that are left.
        found: What measurements hand on to later ones, by name.
    """

    size: Size
    device: torch.device
    folder: Path
    left: Callable[[], float] = lambda: float("inf")
    found: dict[str, Any] = field(default_factory=dict)
    _held: tuple[Any, Thinned] | None = None

    def policy(self, precision: str = "fp32", **settings: Any) -> Thinned:
        """Load the policy, or return the one that is loaded; there is one at a time.

        Args:
            precision: fp32, bf16 or fp16.
            **settings: `channels_last`, `gradient_checkpointing`.

        Raises:
            ImpossibleError: Where the device does not have the precision.
        """
        if precision == "bf16" and not bf16_in_hardware(self.device):
            raise ImpossibleError("this card does not multiply bf16 itself")
        key = (precision, *sorted(settings.items()))
        if self._held is None or self._held[0] != key:
            self.release()
            self._held = (key, self.load(self.device, precision, **settings))
        self._held[1].kept = self.size.kept
        return self._held[1]

    def load(self, device: torch.device, precision: str = "fp32", **settings: Any) -> Thinned:
        """Load a policy of its own.

        Raises:
            TypeError: Where the libraries have loaded it in another precision.
        """
        policy = Thinned(self.folder, precision=precision, device=str(device), **settings)
        policy.kept = self.size.kept
        if policy.unet.conv_in.weight.dtype != DTYPES[precision]:
            raise TypeError(f"{precision} was asked for, {policy.unet.conv_in.weight.dtype} came")
        return policy

    @property
    def half(self) -> str:
        """The half precision that is measured: bf16 where the device has it."""
        return "bf16" if bf16_in_hardware(self.device) else "fp16"

    def seconds(self, call: Callable[[], Any]) -> float:
        """Time a call that has been called before."""
        return seconds(call, self.device, self.size.patience)

    def tidy(self) -> None:
        """Give back memory that nothing holds; the policy stays."""
        free(self.device)

    def release(self) -> None:
        """Let go of the policy that is loaded."""
        self._held = None
        free(self.device)


def method(prompt_noise: bool = True) -> Standard:
    """Make DRIFT's method, or one that leaves the prompts alone."""
    return Standard(MethodPreset(prompt_noise=prompt_noise))


def sampling(batch: int, **settings: Any) -> Sampling:
    """Draw as Table 2 says, so many at once."""
    return Sampling(
        steps=STEPS, guidance=GUIDANCE, eta=ETA, batch_size=batch,
        decode_batch_size=min(batch, cost.DECODING_BATCH), **settings,
    )  # fmt: skip


def moved(policy: StableDiffusion, by: float = 0.01) -> PolicyState:
    """Return a policy that has left the base model: both halves of its adapter are at work."""
    state = policy.initial_state(SEED)
    adapter = {
        name: tensor + by * keyed_normal(tensor.shape, SEED, "moved", name)
        for name, tensor in state.adapter.items()
    }
    return replace(state, adapter=adapter)
