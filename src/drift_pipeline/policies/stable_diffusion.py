"""Stable Diffusion 1.x and 2.x as a policy: DDIM steps of a frozen UNet with a LoRA adapter."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor

from drift_pipeline.config.train import Lora, Precision, Sampling
from drift_pipeline.policies import lora_export
from drift_pipeline.policies.adapted import DTYPES, AdaptedPolicy
from drift_pipeline.policies.base import PolicyState, Schedule
from drift_pipeline.rl import ddim

ATTENTION_LAYERS = ("to_q", "to_k", "to_v", "to_out.0")


class StableDiffusion(AdaptedPolicy):
    """A Stable Diffusion pipeline's parts, frozen, with an empty LoRA adapter on the UNet.

    Args:
        source: Folder or hub id of a `StableDiffusionPipeline`.
        lora: Rank and alpha of the adapter.
        precision: Of the base's weights and of the matrix products.
        device: `auto`, `cpu`, `cuda`, `cuda:1` ...
        channels_last: Memory layout of the convolutions; a matter of speed.
        gradient_checkpointing: Less memory for a second forward pass in the update.
    """

    diffusers_files: ClassVar[bool] = True
    """Its base model is a `StableDiffusionPipeline`, which also reads its adapter."""

    def __init__(
        self,
        source: str | Path,
        lora: Lora | None = None,
        precision: Precision = "fp32",
        device: str = "auto",
        channels_last: bool = False,
        gradient_checkpointing: bool = False,
    ) -> None:
        from diffusers import StableDiffusionPipeline

        from drift_pipeline.model_files.scheduler import load_scheduler
        from drift_pipeline.model_files.variants import load_variants

        source = str(source)
        self.scheduler = load_scheduler(source)
        dtype = DTYPES[precision]
        dtypes = {"default": torch.float32, "unet": dtype, "vae": dtype}
        pipe = StableDiffusionPipeline.from_pretrained(
            source,
            dtype=dtypes,
            scheduler=self.scheduler,
            safety_checker=None,
            requires_safety_checker=False,
            # Nothing here looks at images; a folder may name these parts and not have them.
            feature_extractor=None,
            image_encoder=None,
            **load_variants(source, dtypes),
        )
        self.unet = pipe.unet
        super().__init__(self.unet, ATTENTION_LAYERS, source, lora, precision, device)
        self.tokenizer = pipe.tokenizer
        self.text_encoder = pipe.text_encoder.requires_grad_(False).eval().to(self.device)
        self.vae = pipe.vae.requires_grad_(False).eval().to(self.device)
        if channels_last:
            self.unet.to(memory_format=torch.channels_last)
            self.vae.to(memory_format=torch.channels_last)
        if gradient_checkpointing:
            self.unet.enable_gradient_checkpointing()
        self._embeddings: dict[str, Tensor] = {}

    @property
    def latent_shape(self) -> tuple[int, ...]:
        """Shape of one latent, `(channels, height, width)`."""
        size = self.unet.config.sample_size
        height, width = (size, size) if isinstance(size, int) else size
        return (self.unet.config.in_channels, height, width)

    @torch.no_grad()
    def embed(self, prompts: Sequence[str]) -> Tensor:
        """Embed prompts, each unique one once in the model's life.

        Args:
            prompts: n texts; the empty one is the unconditional prompt.

        Returns:
            `(n, tokens, d)`, fp32, on the device.
        """
        for prompt in dict.fromkeys(prompts):
            if prompt not in self._embeddings:
                tokens = self.tokenizer(
                    prompt,
                    padding="max_length",
                    max_length=self.tokenizer.model_max_length,
                    truncation=True,
                    return_tensors="pt",
                )
                use_mask = getattr(self.text_encoder.config, "use_attention_mask", None)
                mask = tokens.attention_mask.to(self.device) if use_mask else None
                with torch.autocast(self.device.type, enabled=False):
                    output = self.text_encoder(tokens.input_ids.to(self.device), mask)
                self._embeddings[prompt] = output[0][0].float()
        return torch.stack([self._embeddings[prompt] for prompt in prompts])

    def schedule(self, sampling: Sampling) -> Schedule:
        """Set the scheduler's timesteps, and return its steps.

        Raises:
            ValueError: Where the scheduler cannot take them; see `rl.ddim.check_schedule`.
        """
        self.scheduler.set_timesteps(sampling.steps)
        ddim.check_schedule(self.scheduler, sampling.eta)
        times = self.scheduler.timesteps.cpu().clone()
        deviations = ddim.deviations(self.scheduler, sampling.eta)
        return Schedule(
            times,
            fractions=times / self.scheduler.config.num_train_timesteps,
            stochastic=deviations > 0,
            deviations=deviations,
            responses=ddim.responses(self.scheduler, sampling.eta),
        )

    def predict(self, latents: Tensor, times: Tensor, condition: Tensor, guidance: float) -> Tensor:
        """Return what the UNet predicts, with classifier-free guidance.

        Args:
            latents: `(b, c, h, w)`, fp32.
            times: `(b,)`, timesteps; they may differ.
            condition: `(b, tokens, d)`, of the prompts, perturbed or not.
            guidance: Its weight w; 1 is none.

        Returns:
            Noise or velocity, as the scheduler's `prediction_type` says, `(b, c, h, w)`, fp32.
        """
        with self.autocast():
            if guidance == 1.0:
                return self.unet(latents, times, encoder_hidden_states=condition).sample.float()
            unconditional = self.embed([""]).expand(len(latents), -1, -1)
            both = self.unet(
                torch.cat([latents, latents]),
                torch.cat([times, times]),
                encoder_hidden_states=torch.cat([unconditional, condition]),
            ).sample
            free, bound = both.float().chunk(2)
            return free + guidance * (bound - free)

    def step(
        self, latents: Tensor, times: Tensor, condition: Tensor, sampling: Sampling
    ) -> tuple[Tensor, Tensor]:
        """Return the Gaussian from which the next latents are drawn.

        Args:
            latents: `(b, c, h, w)`, fp32.
            times: `(b,)`, timesteps of the scheduler; they may differ.
            condition: `(b, tokens, d)`, of the prompts, perturbed or not.
            sampling: Guidance, and DDIM's η.

        Returns:
            Mean `(b, c, h, w)` and standard deviation `(b, 1, 1, 1)`, fp32.
        """
        noise = self.predict(latents, times, condition, sampling.guidance)
        return ddim.ddim_mean_std(self.scheduler, noise, times, latents, sampling.eta)

    @torch.no_grad()
    def decode(self, latents: Tensor, batch_size: int = 32) -> Tensor:
        """Turn latents into images, a few at a time.

        Args:
            latents: `(n, c, h, w)`, fp32.
            batch_size: Images decoded at once.

        Returns:
            `(n, 3, height, width)`, uint8, on the CPU.
        """
        images = []
        for chunk in latents.split(batch_size):
            scaled = (chunk.to(self.device) / self.vae.config.scaling_factor).to(self.dtype)
            with self.autocast():
                decoded = self.vae.decode(scaled, return_dict=False)[0].float()
            images.append(((decoded / 2 + 0.5).clamp(0, 1) * 255).round().to(torch.uint8).cpu())
        return torch.cat(images)

    @staticmethod
    def save_lora(state: PolicyState, folder: Path) -> None:
        """Write the adapter for diffusers and for programs that read kohya's names."""
        lora_export.save_for_diffusers(state, folder)
        lora_export.save_for_kohya(folder)
