"""A reward: warm images are good images."""

from collections.abc import Sequence

from torch import Tensor


class Warmth:
    """How much more red than blue an image is: 1 is pure red, -1 pure blue.

    Args:
        upper: Share of the image, from the top, that counts; 0.5 looks at the sky alone.
    """

    def __init__(self, upper: float = 1.0) -> None:
        if not 0 < upper <= 1:
            raise ValueError(f"upper must lie in (0, 1], got {upper}")
        self.upper = upper

    def __call__(self, images: Tensor, prompts: Sequence[str]) -> Tensor:
        """Score images, uint8 `(n, 3, h, w)`, that were drawn for n prompts: `(n,)`."""
        rows = max(1, round(self.upper * images.shape[2]))
        red, _, blue = images[:, :, :rows].float().mean(dim=(2, 3)).unbind(1)
        return (red - blue) / 255
