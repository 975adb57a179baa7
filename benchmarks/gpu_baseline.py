"""The loop that most programs have, on the same model: for the speed-up to be a ratio on one card.

The way of ddpo-pytorch (Black et al., "Training Diffusion Models with Reinforcement Learning",
arXiv 2305.13301), written anew with diffusers and peft alone: the pipeline in fp16, latents on the
device, prompts embedded for each batch, 4 images drawn at once, micro-batches of 2 samples that go
through the steps one after the other, autocast, a gradient scaler, no compilation.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

SAMPLING_BATCH, TRAINING_BATCH = 4, 2
"""Table 2."""


@dataclass(frozen=True)
class Samples:
    """What n images leave for training; s steps.

    Attributes:
        prompts: `(n, tokens, d)`, embedded.
        latents: `(n, s + 1, c, h, w)`.
        log_probs: `(n, s)`.
    """

    prompts: Tensor
    latents: Tensor
    log_probs: Tensor


class Baseline:
    """Draws images and trains on them.

    Args:
        folder: The model's.
        device: Where it computes.
        steps: Steps of the schedule.
        guidance: Weight of classifier-free guidance.
        rank: Of the adapter; α is twice that.
    """

    def __init__(
        self, folder: Path, device: torch.device, steps: int, guidance: float, rank: int = 8
    ) -> None:
        from diffusers import DDIMScheduler, StableDiffusionPipeline
        from peft import LoraConfig

        pipe: Any = StableDiffusionPipeline.from_pretrained(
            folder, dtype=torch.float16, safety_checker=None, requires_safety_checker=False
        )
        self.device, self.guidance = device, guidance
        self.unet, self.vae = pipe.unet.to(device), pipe.vae.to(device)
        self.text_encoder, self.tokenizer = pipe.text_encoder.to(device), pipe.tokenizer
        for part in (self.unet, self.vae, self.text_encoder):
            part.requires_grad_(False).eval()
        layers = ["to_q", "to_k", "to_v", "to_out.0"]
        self.unet.add_adapter(LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=layers))
        self.trained = [weight for weight in self.unet.parameters() if weight.requires_grad]
        for weight in self.trained:
            weight.data = weight.data.float()
        self.scheduler = DDIMScheduler.from_config(pipe.scheduler.config)
        self.scheduler.set_timesteps(steps)
        self.alphas = self.scheduler.alphas_cumprod.to(device)
        self.stride = self.scheduler.config.num_train_timesteps // steps
        self.optimizer = torch.optim.AdamW(self.trained, lr=3e-4, weight_decay=1e-4)
        self.scaler = torch.amp.GradScaler(device.type)
        self.free_prompt = self.embed([""])

    def embed(self, prompts: Sequence[str]) -> Tensor:
        """Embed prompts, `(b, tokens, d)`."""
        tokens = self.tokenizer(
            list(prompts), padding="max_length", truncation=True, return_tensors="pt",
            max_length=self.tokenizer.model_max_length,
        )  # fmt: skip
        with torch.no_grad():
            return self.text_encoder(tokens.input_ids.to(self.device))[0]

    def autocast(self) -> AbstractContextManager[Any]:
        """Use mixed precision."""
        return torch.autocast(self.device.type, dtype=torch.float16)

    def step(self, latents: Tensor, times: Tensor, prompts: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean `(b, c, h, w)` and deviation `(b, 1, 1, 1)` of DDIM's step with η = 1."""
        both = torch.cat([self.free_prompt.expand(len(latents), -1, -1), prompts])
        with self.autocast():
            output = self.unet(torch.cat([latents] * 2), torch.cat([times] * 2), both).sample
        free, bound = output.float().chunk(2)
        noise, x = free + self.guidance * (bound - free), latents.float()
        before = (times - self.stride).clamp(min=0)
        alpha, alpha_before = (self.alphas[t].view(-1, 1, 1, 1) for t in (times, before))
        variance = (1 - alpha_before) / (1 - alpha) * (1 - alpha / alpha_before)
        clean = (x - (1 - alpha).sqrt() * noise) / alpha.sqrt()
        direction = (1 - alpha_before - variance).clamp(min=0).sqrt() * noise
        return alpha_before.sqrt() * clean + direction, variance.clamp(min=1e-12).sqrt()

    @staticmethod
    def log_prob(following: Tensor, mean: Tensor, std: Tensor) -> Tensor:
        """Return log-probabilities `(b,)`, mean over latent dimensions."""
        density = -((following.float() - mean) ** 2) / (2 * std**2) - std.log()
        return (density - math.log(math.sqrt(2 * math.pi))).flatten(1).mean(dim=1)

    @torch.no_grad()
    def draw(self, prompts: Sequence[str], times: Tensor, shape: Sequence[int]) -> Samples:
        """Draw an image for each prompt, and decode them.

        Args:
            prompts: n texts.
            times: `(s,)`, the timesteps to take.
            shape: Of a latent.
        """
        batches = []
        for start in range(0, len(prompts), SAMPLING_BATCH):
            words = self.embed(prompts[start : start + SAMPLING_BATCH])
            latents = torch.randn(len(words), *shape, device=self.device, dtype=torch.float16)
            path, log_probs = [latents], []
            for time in times.to(self.device):
                mean, std = self.step(latents, time.repeat(len(latents)), words)
                latents = (mean + std * torch.randn_like(mean)).half()
                path.append(latents)
                log_probs.append(self.log_prob(latents, mean, std))
            self.vae.decode(latents / self.vae.config.scaling_factor).sample.float().cpu()
            batches.append(Samples(words, torch.stack(path, 1), torch.stack(log_probs, 1)))
        return Samples(*(
            torch.cat([getattr(batch, name) for batch in batches])
            for name in ("prompts", "latents", "log_probs")
        ))  # fmt: skip

    def train(
        self, samples: Samples, times: Tensor, advantages: Tensor, clip_range: float = 1e-4
    ) -> None:
        """Make one gradient update.

        Args:
            samples: n of them.
            times: `(s,)`, their timesteps.
            advantages: `(n,)`.
            clip_range: ε.
        """
        times, advantages = times.to(self.device), advantages.to(self.device)
        count = len(advantages)
        orders = torch.stack([torch.randperm(len(times)) for _ in range(count)]).to(self.device)
        for rows in torch.randperm(count).to(self.device).split(TRAINING_BATCH):
            for step in orders[rows].T:
                mean, std = self.step(
                    samples.latents[rows, step], times[step], samples.prompts[rows]
                )
                log_prob = self.log_prob(samples.latents[rows, step + 1], mean, std)
                ratio = (log_prob - samples.log_probs[rows, step]).exp()
                kept = ratio.clamp(1 - clip_range, 1 + clip_range)
                worth = advantages[rows]
                loss = torch.maximum(-worth * ratio, -worth * kept).mean() * len(rows)
                self.scaler.scale(loss / (count * len(times))).backward()
        self.scaler.unscale_(self.optimizer)
        torch.nn.utils.clip_grad_norm_(self.trained, 1.0)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.zero_grad()
