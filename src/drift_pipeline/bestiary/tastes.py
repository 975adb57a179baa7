"""Two known tastes: the true rewards that the bestiary's preference models learn to imitate.

They like good pictures and do not care what is on them: neither animal nor breed, pose or
background counts. Each has a best value for every quality. It lies where few of the drawings are,
and short of the end of the scale, so that there is much to gain, and more is not always better.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass

from torch import Tensor

from drift_pipeline.bestiary.drawing.quality import Quality, in_widths

#: Distances from the best, in ranges, below which nobody minds.
_SMALL = 0.05


@dataclass(frozen=True)
class Taste:
    """How much somebody likes a picture for its qualities.

    Attributes:
        best: The best value of each quality.
        weights: How much each counts.
    """

    best: Quality
    weights: Quality

    def __call__(self, quality: Tensor) -> Tensor:
        """Say how much pictures are liked.

        Args:
            quality: ``(n, 6)``, columns as in `QUALITIES`.

        Returns:
            ``(n,)``: 1 for the best picture there is, less by the weighted mean distance of its
            qualities from their best, each in widths of its range. Drawings have about two
            thirds.
        """
        best, weights = (quality.new_tensor(astuple(one)) for one in (self.best, self.weights))
        away = in_widths(quality) - in_widths(best)
        minded = (away.square() + _SMALL**2).sqrt() - _SMALL
        return 1 - minded @ (weights / weights.sum())


#: Colourful, warm, with contrast; PickScore's.
POSTCARD = Taste(
    best=Quality(
        contrast=1.15, saturation=1.35, warmth=0.55, sharpness=0.15, haze=0.06, vignette=0.15
    ),
    weights=Quality(
        contrast=0.7, saturation=1.0, warmth=0.6, sharpness=0.2, haze=0.2, vignette=0.2
    ),
)
#: Sharp, clear, evenly lit, rather cool; HPSv2's.
CATALOGUE = Taste(
    best=Quality(
        contrast=1.2, saturation=1.25, warmth=-0.55, sharpness=0.25, haze=0.05, vignette=0.06
    ),
    weights=Quality(
        contrast=0.3, saturation=0.1, warmth=0.4, sharpness=1.0, haze=0.8, vignette=0.8
    ),
)
TASTES = {"postcard": POSTCARD, "catalogue": CATALOGUE}
