"""What several training seeds say together: the mean, its interval, and whether it is chance.

Student's t over seeds, since a percentile bootstrap over few of them covers far less than it says
(about 75 % of the time over three, not 95); and an exact sign-flip test of paired differences
(Fisher 1935), which asks for no distribution.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

_ROUNDING = 1e-12


@dataclass(frozen=True)
class OverSeeds:
    """What several seeds say.

    Attributes:
        mean: Their mean; NaN where there is none.
        low: Lower end of the 95 % interval over seeds; NaN below two.
        high: Its upper end.
        p: Share of the sign flips whose mean is at least as far from 0.
        seeds: How many have a value.
    """

    mean: float
    low: float
    high: float
    p: float
    seeds: int


def over_seeds(differences: ArrayLike, level: float = 0.95) -> OverSeeds:
    """Sum up one value per seed; those that are NaN are left out.

    Args:
        differences: A gain for each seed, of runs that share it, `(seeds,)`.
        level: Of the interval.

    Example:
        >>> over_seeds([0.1, 0.2, 0.3]).mean
        0.2
    """
    values = np.asarray(differences, dtype=float)
    values = values[np.isfinite(values)]
    count = len(values)
    if count == 0:
        return OverSeeds(math.nan, math.nan, math.nan, math.nan, 0)
    mean = float(values.mean())
    if count == 1:
        return OverSeeds(mean, math.nan, math.nan, 1.0, 1)
    reach = float(stats.t.ppf((1 + level) / 2, count - 1) * values.std(ddof=1) / math.sqrt(count))
    return OverSeeds(mean, mean - reach, mean + reach, sign_flip(values), count)


def sign_flip(differences: ArrayLike) -> float:
    """Return the p of a two-sided exact sign-flip test that the mean difference is 0.

    Args:
        differences: Paired differences, `(n,)`, n up to about 20. With n of them p is at least
            2 / 2ⁿ: 0.25 with three, 0.03 with six.
    """
    values = np.asarray(differences, dtype=float)
    flips = np.array(list(product((-1.0, 1.0), repeat=len(values))))
    means = np.abs(flips @ values)
    return float((means >= abs(values.sum()) - _ROUNDING).mean())
