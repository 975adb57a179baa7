"""A policy that is no Stable Diffusion: a rectified flow on the bestiary's latents.

Its velocity network is a small transformer of its own. The text encoder and the autoencoder around
it are the bestiary's. `python examples/train_flow.py` trains it, so that there is something to
fine-tune.

Notation: `b`: batch size; latents are `(b, channels, size, size)`. Time t runs from 1 (noise) to 0
(image): x_t = (1 - t) x_0 + t ε, and the network predicts the velocity v = dx_t/dt = ε - x_0.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from drift_pipeline.config.train import Lora, Precision, Sampling
from drift_pipeline.policies.adapted import AdaptedPolicy
from drift_pipeline.policies.base import Schedule

CONFIG, WEIGHTS = "config.json", "velocity.safetensors"
"""The files of a trained flow."""
LORA_LAYERS = ("to_q", "to_k", "to_v", "to_out")


def sde_step(
    velocity: Tensor, latents: Tensor, times: Tensor, steps: int, noise_level: float
) -> tuple[Tensor, Tensor]:
    r"""Return mean and deviation of the next latents (Flow-GRPO, arXiv 2505.05470, Eq. 9).

    .. math::
        \mu = x + \left[ v + \frac{\sigma_t^2}{2t} (x + (1 - t) v) \right] \Delta t, \qquad
        \sigma = \sigma_t \sqrt{|\Delta t|}, \qquad \sigma_t = a \sqrt{t / (1 - t)}

    with Δt = -1/steps. The bracket's last factor is the noise that x holds, E[ε | x]. So its term
    is -σ²/2 times the score, the drift that makes up for the noise that is added: the latents'
    distribution at each time is that of the flow without noise, in the limit of small steps.

    Args:
        velocity: v, the shape of `latents`.
        latents: x, `(b, ...)`.
        times: t, `(b,)`, multiples of 1/steps; they may differ.
        steps: Number of steps from 1 to 0.
        noise_level: a. The last step has none, whatever it is: there the image is finished.

    Returns:
        Mean `(b, ...)` and standard deviation `(b, 1, ...)`.
    """
    t, dt = times.view(-1, *(1,) * (latents.ndim - 1)), -1 / steps
    # At t = 1 the noise would be infinite; as in Flow-GRPO, the next time stands in there.
    sigma = noise_level * (t / (1 - t.clamp(max=1 + dt))).sqrt()
    sigma = torch.where(t > -1.5 * dt, sigma, 0.0)
    noise = latents + (1 - t) * velocity
    mean = latents + (velocity + sigma.square() / (2 * t) * noise) * dt
    return mean, sigma * math.sqrt(-dt)


class Attention(nn.Module):
    """Self-attention, whose four layers get the adapter."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.to_q, self.to_k, self.to_v, self.to_out = (nn.Linear(width, width) for _ in range(4))

    def forward(self, x: Tensor) -> Tensor:
        """`(b, tokens, width)` → the same shape."""
        q, k, v = (
            layer(x).unflatten(2, (self.heads, -1)).transpose(1, 2)
            for layer in (self.to_q, self.to_k, self.to_v)
        )
        return self.to_out(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))


class Block(nn.Module):
    """A transformer's block, scaled and shifted by time and text (DiT, arXiv 2212.09748)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.attention = Attention(width, heads)
        self.up, self.down = nn.Linear(width, 3 * width), nn.Linear(3 * width, width)
        # A glance at the neighbours: with it, shapes are learned much faster.
        self.near = nn.Conv2d(3 * width, 3 * width, 3, padding=1, groups=3 * width)
        self.modulation = nn.Linear(width, 6 * width)
        nn.init.zeros_(self.modulation.weight)
        nn.init.zeros_(self.modulation.bias)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """`(b, size², width)`, `(b, width)` → `(b, size², width)`."""
        scale, shift, gate, scale2, shift2, gate2 = (
            self.modulation(condition)[:, None].chunk(6, dim=2)
        )  # fmt: skip
        x = x + gate * self.attention(self.norm(x) * (1 + scale) + shift)
        wide = self.up(self.norm(x) * (1 + scale2) + shift2).transpose(1, 2)
        size = math.isqrt(x.shape[1])
        wide = wide + self.near(wide.unflatten(2, (size, size))).flatten(2)
        return x + gate2 * self.down(F.gelu(wide).transpose(1, 2))


class Velocity(nn.Module):
    """The velocity network: a token per place of the latents, time and text in every block.

    Args:
        channels: Channels of the latents.
        size: Their height and width.
        text_width: Features of an embedded token of a prompt.
        width: Features of a token inside.
        depth: Blocks.
        heads: Of their attention.
    """

    def __init__(
        self, channels: int, size: int, text_width: int, width: int = 128, depth: int = 4,
        heads: int = 4,
    ) -> None:  # fmt: skip
        super().__init__()
        self.config = {"channels": channels, "size": size, "text_width": text_width,
                       "width": width, "depth": depth, "heads": heads}  # fmt: skip
        self.start, self.end = nn.Linear(channels, width), nn.Linear(width, channels)
        self.places = nn.Parameter(torch.randn(size * size, width) * 0.02)
        self.time = nn.Sequential(nn.Linear(64, width), nn.SiLU(), nn.Linear(width, width))
        self.text = nn.Linear(text_width, width)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(depth))
        self.norm = nn.LayerNorm(width)

    def forward(self, latents: Tensor, times: Tensor, condition: Tensor) -> Tensor:
        """Return the velocity of latents at times `(b,)`, for texts `(b, tokens, text_width)`."""
        frequencies = torch.logspace(0, 3, 32, device=times.device)
        angles = times[:, None] * frequencies
        known = self.time(torch.cat([angles.sin(), angles.cos()], dim=1))
        known = F.silu(known + self.text(condition).mean(dim=1))
        x = self.start(latents.flatten(2).transpose(1, 2)) + self.places
        for block in self.blocks:
            x = block(x, known)
        return self.end(self.norm(x)).transpose(1, 2).unflatten(2, latents.shape[2:])


class Around:
    """What is around the network, frozen: a text encoder and an autoencoder.

    Args:
        folder: A `StableDiffusionPipeline`'s.
        device: Where they compute.
    """

    def __init__(self, folder: str | Path, device: torch.device) -> None:
        from diffusers import AutoencoderKL
        from transformers import AutoTokenizer, CLIPTextModel

        fp32 = {"torch_dtype": torch.float32}
        self.device = device
        self.tokenizer = AutoTokenizer.from_pretrained(folder, subfolder="tokenizer")
        text = CLIPTextModel.from_pretrained(folder, subfolder="text_encoder", dtype=torch.float32)
        self.text_encoder = text.requires_grad_(False).eval().to(device)
        vae = AutoencoderKL.from_pretrained(folder, subfolder="vae", **fp32)
        self.vae = vae.requires_grad_(False).eval().to(device)
        self._embeddings: dict[str, Tensor] = {}

    @torch.no_grad()
    def embed(self, prompts: Sequence[str]) -> Tensor:
        """Embed prompts: `(n, tokens, text_width)`.

        One at a time, and each once: an embedding that depended on the prompts beside it would
        differ in its last bits between a run and its resumption.
        """
        for prompt in dict.fromkeys(prompts):
            if prompt not in self._embeddings:
                ids = self.tokenizer(prompt, padding="max_length", truncation=True,
                                     return_tensors="pt").input_ids  # fmt: skip
                hidden = self.text_encoder(ids.to(self.device)).last_hidden_state
                self._embeddings[prompt] = hidden[0].float()
        return torch.stack([self._embeddings[prompt] for prompt in prompts])

    @torch.no_grad()
    def encode(self, images: Tensor, batch_size: int = 64) -> Tensor:
        """Turn images, uint8 `(n, 3, h, w)`, into latents of about unit variance."""
        parts = (images.to(self.device).float() / 127.5 - 1).split(batch_size)
        means = torch.cat([self.vae.encode(part).latent_dist.mean for part in parts])
        return means * self.vae.config.scaling_factor

    @torch.no_grad()
    def decode(self, latents: Tensor, batch_size: int) -> Tensor:
        """Turn latents into images, uint8 `(n, 3, h, w)`, on the CPU."""
        images = []
        for part in (latents.to(self.device) / self.vae.config.scaling_factor).split(batch_size):
            values = self.vae.decode(part).sample
            images.append(((values / 2 + 0.5).clamp(0, 1) * 255).round().to(torch.uint8).cpu())
        return torch.cat(images)


class RectifiedFlow(AdaptedPolicy):
    """A trained velocity network, frozen, with an adapter on its attention.

    Args:
        source: Folder that `train_flow.py` has written.
        around: Folder of the `StableDiffusionPipeline` whose text encoder and autoencoder it has.
        lora: Rank and alpha of the adapter.
        precision: Of the matrix products.
        device: `auto`, `cpu`, `cuda` ...
    """

    def __init__(
        self,
        source: str | Path,
        around: str | Path,
        lora: Lora | None = None,
        precision: Precision = "fp32",
        device: str = "auto",
    ) -> None:
        self.network = load_velocity(Path(source))
        super().__init__(self.network, LORA_LAYERS, str(source), lora, precision, device)
        self.around = Around(around, self.device)

    @property
    def latent_shape(self) -> tuple[int, ...]:
        """Shape of one latent, `(channels, height, width)`."""
        config = self.network.config
        return config["channels"], config["size"], config["size"]

    def embed(self, prompts: Sequence[str]) -> Tensor:
        """Embed prompts; the empty one stands for none."""
        return self.around.embed(prompts)

    def schedule(self, sampling: Sampling) -> Schedule:
        """Return evenly spaced times, the last of them without noise.

        Raises:
            ValueError: Where there is no step but the last.
        """
        count = sampling.steps
        if count < 2:
            raise ValueError("a flow takes 2 or more steps: the last one draws nothing")
        times = 1 - torch.arange(count) / count
        return Schedule(times, fractions=times, stochastic=torch.arange(count) < count - 1)

    def step(
        self, latents: Tensor, times: Tensor, condition: Tensor, sampling: Sampling
    ) -> tuple[Tensor, Tensor]:
        """Return the Gaussian from which the next latents are drawn, by the guided velocity."""
        with self.autocast():
            if sampling.guidance == 1.0:
                velocity = self.network(latents, times, condition).float()
            else:
                free = self.embed([""]).expand(len(latents), -1, -1)
                both = self.network(
                    torch.cat([latents, latents]),
                    torch.cat([times, times]),
                    torch.cat([free, condition]),
                )
                unbound, bound = both.float().chunk(2)
                velocity = unbound + sampling.guidance * (bound - unbound)
        return sde_step(velocity, latents, times, sampling.steps, sampling.eta)

    def decode(self, latents: Tensor, batch_size: int = 32) -> Tensor:
        """Turn latents into images."""
        return self.around.decode(latents, batch_size)


def load_velocity(folder: Path) -> Velocity:
    """Read a trained network."""
    from safetensors.torch import load_file

    network = Velocity(**json.loads((folder / CONFIG).read_text(encoding="utf-8")))
    network.load_state_dict(load_file(folder / WEIGHTS))
    return network


def save_velocity(network: Velocity, folder: Path) -> None:
    """Write a network, so that `load_velocity` reads it."""
    from safetensors.torch import save_file

    (folder / CONFIG).write_text(json.dumps(network.config, indent=2) + "\n", encoding="utf-8")
    save_file(network.state_dict(), folder / WEIGHTS)
