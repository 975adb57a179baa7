"""The policy: a frozen Stable Diffusion model with a LoRA adapter that learns.

Two things are kept apart. `StableDiffusion` holds what is heavy and never changes: the UNet, the
VAE, the text encoder and the noise schedule. `PolicyState` holds what training changes: a few
hundred small tensors and the optimizer's memory of them. A function that trains takes a state and
returns a new one, so that nothing lives between two epochs that is not also on the disk.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from drift_pipeline.parameters import Lora, Precision
from drift_pipeline.rl import ddim
from drift_pipeline.rl.randomness import keyed_normal

ATTENTION_LAYERS = ["to_q", "to_k", "to_v", "to_out.0"]
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


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
    """

    epoch: int
    adapter: dict[str, Tensor]
    optimizer: dict[str, Tensor] | None = field(default_factory=dict)
    scaler: dict[str, float] = field(default_factory=dict)
    parameters: dict[str, Any] = field(default_factory=dict)
    lora: Lora = field(default_factory=Lora)
    fingerprint: str | None = None


def resolve_device(device: str = "auto") -> torch.device:
    """Turn `auto` into the GPU where there is one and into the CPU where there is none."""
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(device)


class StableDiffusion:
    """A Stable Diffusion pipeline's parts, frozen, with an empty LoRA adapter on the UNet.

    Args:
        source: Folder or hub id of a `StableDiffusionPipeline`.
        lora: Rank and alpha of the adapter.
        precision: Of the base's weights and of the matrix products. The adapter, the latents and
            the log-probabilities are fp32 in every case.
        device: `auto`, `cpu`, `cuda`, `cuda:1` ...
        channels_last: Memory layout of the convolutions; a matter of speed.
        gradient_checkpointing: Less memory for a second forward pass in the update.
    """

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
        from peft import LoraConfig

        from drift_pipeline.model_files.scheduler import load_scheduler
        from drift_pipeline.model_files.variants import load_variants

        self.source = str(source)
        self.lora = lora or Lora()
        self.device = resolve_device(device)
        self.precision = precision
        self.dtype = DTYPES[precision]
        self.scheduler = load_scheduler(self.source)
        dtypes = {"default": torch.float32, "unet": self.dtype, "vae": self.dtype}
        pipe = StableDiffusionPipeline.from_pretrained(
            self.source,
            dtype=dtypes,
            scheduler=self.scheduler,
            safety_checker=None,
            requires_safety_checker=False,
            # Nothing here looks at pictures; a folder may name these parts and not have them.
            feature_extractor=None,
            image_encoder=None,
            **load_variants(self.source, dtypes),
        )
        self.tokenizer = pipe.tokenizer
        self.text_encoder = pipe.text_encoder.requires_grad_(False).eval().to(self.device)
        self.vae = pipe.vae.requires_grad_(False).eval().to(self.device)
        self.unet = pipe.unet.requires_grad_(False).eval().to(self.device)
        self.unet.add_adapter(
            LoraConfig(
                r=self.lora.rank,
                lora_alpha=self.lora.alpha,
                init_lora_weights="gaussian",
                target_modules=ATTENTION_LAYERS,
            )
        )
        if channels_last:
            self.unet.to(memory_format=torch.channels_last)
            self.vae.to(memory_format=torch.channels_last)
        if gradient_checkpointing:
            self.unet.enable_gradient_checkpointing()
        self.adapter: dict[str, nn.Parameter] = {}
        for name, parameter in self.unet.named_parameters():
            if parameter.requires_grad:
                parameter.data = parameter.data.float()
                self.adapter[name.replace(".default.", ".")] = parameter
        self._embeddings: dict[str, Tensor] = {}
        self._turn, self._holder = threading.Lock(), 0

    @property
    def latent_shape(self) -> tuple[int, int, int]:
        """Shape of one latent, `(channels, height, width)`."""
        size = self.unet.config.sample_size
        height, width = (size, size) if isinstance(size, int) else size
        return (self.unet.config.in_channels, height, width)

    @property
    def trainable_parameters(self) -> int:
        """Number of numbers that training changes."""
        return sum(parameter.numel() for parameter in self.adapter.values())

    def initial_state(self, seed: int, parameters: dict[str, Any] | None = None) -> PolicyState:
        """The untrained policy: A is Gaussian and B is zero, so it is the base model exactly.

        Args:
            seed: The run's seed.
            parameters: What the run's states depend on, kept with them.
        """
        adapter = {}
        for name, parameter in self.adapter.items():
            if ".lora_A." in name:
                normal = keyed_normal(tuple(parameter.shape), seed, "adapter", name)
                adapter[name] = normal / self.lora.rank
            else:
                adapter[name] = torch.zeros(parameter.shape)
        return PolicyState(0, adapter, parameters=parameters or {}, lora=self.lora)

    def load_adapter(self, state: PolicyState) -> None:
        """Put a state's LoRA tensors into the UNet.

        Raises:
            ValueError: Where the tensors are not those of this UNet's adapter.
        """
        shapes = {name: tuple(tensor.shape) for name, tensor in state.adapter.items()}
        expected = {name: tuple(parameter.shape) for name, parameter in self.adapter.items()}
        if shapes != expected:
            odd = sorted(name for name in shapes.keys() | expected.keys()
                         if shapes.get(name) != expected.get(name))  # fmt: skip
            raise ValueError(
                f"the policy of epoch {state.epoch} does not fit the model {self.source}: "
                f"{len(odd)} adapter tensors differ, the first is {odd[0]} "
                f"({shapes.get(odd[0])} against {expected.get(odd[0])})"
            )
        with torch.no_grad():
            for name, parameter in self.adapter.items():
                parameter.copy_(state.adapter[name])
                parameter.grad = None

    @contextmanager
    def policy(self, state: PolicyState) -> Iterator[None]:
        """Within this context the UNet is this policy; other threads wait for their turn.

        Args:
            state: Its adapter is loaded.

        Raises:
            RuntimeError: Where this thread is already within such a context.
        """
        if self._holder == threading.get_ident():
            raise RuntimeError("a model holds one policy at a time; let go of the first one first")
        with self._turn:
            self._holder = threading.get_ident()
            try:
                self.load_adapter(state)
                yield
            finally:
                self._holder = 0

    @contextmanager
    def reference(self) -> Iterator[None]:
        """Within this context the UNet is the base model: the adapter is off."""
        self.unet.disable_adapters()
        try:
            yield
        finally:
            self.unet.enable_adapters()

    def autocast(self) -> AbstractContextManager[Any]:
        """Mixed precision where the precision is not fp32."""
        if self.precision == "fp32":
            return nullcontext()
        return torch.autocast(self.device.type, dtype=self.dtype)

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

    def step(
        self, latents: Tensor, timesteps: Tensor, embeddings: Tensor, guidance: float, eta: float
    ) -> tuple[Tensor, Tensor]:
        """The Gaussian from which the next latents are drawn: the policy itself.

        Sampling and updating both come through here, so that they agree to the last bit that
        the batch size allows.

        Args:
            latents: `(b, c, h, w)`, fp32.
            timesteps: `(b,)`; they may differ.
            embeddings: `(b, tokens, d)`, of the prompts, perturbed or not.
            guidance: Weight w of classifier-free guidance; 1 is none.
            eta: DDIM's η.

        Returns:
            Mean `(b, c, h, w)` and standard deviation `(b, 1, 1, 1)`, fp32.
        """
        with self.autocast():
            if guidance == 1.0:
                noise = self.unet(latents, timesteps, encoder_hidden_states=embeddings).sample
                noise = noise.float()
            else:
                unconditional = self.embed([""]).expand(len(latents), -1, -1)
                both = self.unet(
                    torch.cat([latents, latents]),
                    torch.cat([timesteps, timesteps]),
                    encoder_hidden_states=torch.cat([unconditional, embeddings]),
                ).sample
                free, bound = both.float().chunk(2)
                noise = free + guidance * (bound - free)
        return ddim.ddim_mean_std(self.scheduler, noise, timesteps, latents, eta)

    @torch.no_grad()
    def decode(self, latents: Tensor, batch_size: int = 32) -> Tensor:
        """Turn latents into pictures, a few at a time.

        Args:
            latents: `(n, c, h, w)`, fp32.
            batch_size: Pictures decoded at once.

        Returns:
            `(n, 3, height, width)`, uint8, on the CPU.
        """
        pictures = []
        for chunk in latents.split(batch_size):
            scaled = (chunk.to(self.device) / self.vae.config.scaling_factor).to(self.dtype)
            with self.autocast():
                decoded = self.vae.decode(scaled, return_dict=False)[0].float()
            pictures.append(((decoded / 2 + 0.5).clamp(0, 1) * 255).round().to(torch.uint8).cpu())
        return torch.cat(pictures)
