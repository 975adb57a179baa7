"""An encoder: an image is the colours that are in it, wherever they are."""

import torch
from torch import Tensor
from torch.nn import functional as F


class ColourHistogram:
    """The square roots of an image's histogram of colours.

    A histogram sums to one, so its square roots have length one, and the distance of two images,
    1 - cosine, is one minus the overlap of their colours (the Bhattacharyya coefficient).

    Args:
        bins: Intervals of each of red, green and blue.
    """

    def __init__(self, bins: int = 4) -> None:
        self.bins = bins

    def __call__(self, images: Tensor) -> Tensor:
        """Embed images, uint8 `(n, 3, h, w)`, as `(n, bins ** 3)`, fp32, rows of length one."""
        red, green, blue = (images.long() * self.bins // 256).flatten(2).unbind(1)
        colours = (red * self.bins + green) * self.bins + blue
        counts = F.one_hot(colours, self.bins**3).sum(dim=1)
        return torch.sqrt(counts / colours.shape[1])
