"""Whether an image shows what was asked for: CLIP's zero-shot classification among prompts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import open_clip
import torch
from torch import Tensor
from torch.nn.functional import normalize

from drift_pipeline.config.prompt_files import read_prompts
from drift_pipeline.encoders.openclip import OpenCLIP
from drift_pipeline.model_files.locate import open_clip_name


class ShowsPrompt(OpenCLIP):
    """1 where an image is nearer to its own prompt than to any other, and 0 elsewhere.

    Its mean is the share of images that still show what was asked (Radford et al. 2021, "Learning
    Transferable Visual Models From Natural Language Supervision", section 3.1). A diversity counts
    only beside it: broken images are diverse, too.

    Args:
        prompts: File of the other texts to choose from, one per line; an image's own prompt need
            not stand there.
        architecture: As for `encoders.openclip.OpenCLIP`, with a tokenizer.
        pretrained: Likewise.
        device: Where to compute.
        batch_size: Images encoded at once.
        dtype: As for `OpenCLIP`.
    """

    def __init__(
        self,
        prompts: str | Path,
        architecture: str | Path,
        pretrained: str | None = None,
        device: str = "cpu",
        batch_size: int = 64,
        dtype: str = "float32",
    ) -> None:
        super().__init__(architecture, pretrained, device, batch_size, dtype)
        name = open_clip_name(architecture, "ShowsPrompt's architecture")
        self.tokenizer = open_clip.get_tokenizer(name)
        self.prompts = read_prompts(Path(prompts))
        self._texts: dict[str, Tensor] = {}

    def __call__(self, images: Tensor, prompts: Sequence[str]) -> Tensor:  # type: ignore[override]
        """Score each image against its own prompt.

        Args:
            images: `(n, 3, h, w)`, uint8, RGB.
            prompts: n prompts.

        Returns:
            `(n,)`, 1.0 or 0.0, float32, on the CPU.

        Raises:
            ValueError: If there are not as many prompts as images.
        """
        if len(images) != len(prompts):
            raise ValueError(f"{len(images)} images but {len(prompts)} prompts: one each is needed")
        seen = super().__call__(images)
        own = (seen * self._embed_texts(prompts)).sum(dim=1)
        same = torch.tensor([[other == prompt for other in self.prompts] for prompt in prompts])
        others = (seen @ self._embed_texts(self.prompts).T).masked_fill(same, -torch.inf)
        return (own > others.max(dim=1).values).float()

    @torch.no_grad()
    def _embed_texts(self, prompts: Sequence[str]) -> Tensor:
        """Embed prompts, each unique one once in the scorer's life; `(n, d)`, unit rows."""
        new = [prompt for prompt in prompts if prompt not in self._texts]
        for start in range(0, len(new), self.batch_size):
            part = new[start : start + self.batch_size]
            features = self.model.encode_text(self.tokenizer(part).to(self.device))
            self._texts |= zip(part, normalize(features.float(), dim=-1).cpu(), strict=True)
        return torch.stack([self._texts[prompt] for prompt in prompts])
