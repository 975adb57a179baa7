"""A reward of one's own, as docs/extending.md describes one: bright images are good images."""

import torch


class Brightness:
    """Mean of all pixels, from 0 to `weight`."""

    def __init__(self, weight: float = 1.0) -> None:
        self.weight = weight

    def __call__(self, images: torch.Tensor, prompts: list[str]) -> torch.Tensor:
        return self.weight * images.float().div(255).flatten(1).mean(dim=1)
