"""PickScore without this project: the same numbers, by the transformers that TRL's python has."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import normalize
from transformers import AutoTokenizer, CLIPModel


class PickScore:
    """`exp(logit_scale) * cos(image, prompt)`.

    Nothing is resized: the images must have the size that the model sees.

    Args:
        folder: The `CLIPModel`, its tokenizer and its `processor_config.json`.
    """

    def __init__(self, folder: str) -> None:
        self.model = CLIPModel.from_pretrained(folder).eval().requires_grad_(False)
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        processor = json.loads((Path(folder) / "processor_config.json").read_text())
        colours = processor["image_processor"]
        self.mean, self.std = (
            torch.tensor(colours[name]).view(3, 1, 1) for name in ("image_mean", "image_std")
        )

    @torch.no_grad()
    def __call__(self, images: Tensor, prompts: Sequence[str]) -> Tensor:
        """Score each image `(n, 3, h, w)`, in [0, 1], against its own prompt: `(n,)`."""
        size = self.model.config.vision_config.image_size
        if images.shape[-2:] != (size, size):
            raise ValueError(f"images of {size} × {size} are needed, not of {images.shape[-2:]}")
        pixels = (images.float() * 255).round() / 255  # as an image file would have them
        seen = self.model.vision_model(pixel_values=(pixels - self.mean) / self.std).pooler_output
        rows = {prompt: row for row, prompt in enumerate(dict.fromkeys(prompts))}
        tokens = self.tokenizer(
            list(rows), padding="max_length", truncation=True, return_tensors="pt"
        )
        read = self.model.text_model(**tokens).pooler_output
        features = normalize(self.model.visual_projection(seen), dim=-1)
        texts = normalize(self.model.text_projection(read), dim=-1)
        cosines = (features * texts[[rows[prompt] for prompt in prompts]]).sum(dim=1)
        return self.model.logit_scale.exp() * cosines
