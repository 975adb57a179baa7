"""What PickScore and HPSv2 share: a scaled cosine between an image's and its prompt's features."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor
from torch.nn.functional import normalize


class ClipScore(ABC):
    """A scorer with an image tower and a text tower. Notation: n images, d features.

    Subclasses give the features; this class batches, and encodes a repeated prompt once per call.
    """

    scale: float = 1.0
    """Factor of the cosine."""
    batch_size: int
    """Images encoded at once; it does not change the scores (but for rounding)."""
    device: str
    """Where to compute."""
    dtype: torch.dtype
    """Number format to compute in; the weights, and the features' cosine, are float32."""

    @abstractmethod
    def image_features(self, images: Tensor) -> Tensor:
        """Turn images `(n, 3, h, w)`, uint8, into features `(n, d)`."""

    @abstractmethod
    def text_features(self, prompts: list[str]) -> Tensor:
        """Turn prompts into features `(n, d)`."""

    @torch.no_grad()
    def __call__(self, images: Tensor, prompts: list[str]) -> Tensor:
        """Score each image against its own prompt.

        Args:
            images: `(n, 3, h, w)`, uint8, RGB.
            prompts: n prompts.

        Returns:
            `(n,)` scores, float32, on the CPU.

        Raises:
            ValueError: If there are not as many prompts as images.
        """
        if len(images) != len(prompts):
            raise ValueError(f"{len(images)} images but {len(prompts)} prompts: one each is needed")
        rows = {prompt: row for row, prompt in enumerate(dict.fromkeys(prompts))}
        half = self.dtype != torch.float32
        with torch.autocast(torch.device(self.device).type, self.dtype, enabled=half):
            texts = torch.cat(
                [_unit(self.text_features(part)) for part in _parts(list(rows), self.batch_size)]
            )
            seen = torch.cat(
                [_unit(self.image_features(part)) for part in images.split(self.batch_size)]
            )
        return self.scale * (seen * texts[[rows[prompt] for prompt in prompts]]).sum(dim=1)


def _unit(features: Tensor) -> Tensor:
    """Scale rows to length one in float32: half precision is too coarse for a score."""
    return normalize(features.float(), dim=-1).cpu()


def _parts(prompts: list[str], size: int) -> list[list[str]]:
    return [prompts[start : start + size] for start in range(0, len(prompts), size)]
