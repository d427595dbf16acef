"""Intervals from resampling whole groups.

Cells of one movie resemble each other, so the movie and not the cell is what a repetition of the
experiment would draw anew: the cluster bootstrap of Field & Welsh (2007, JRSS B 69:369) with
percentile intervals.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def draw(groups: int, resamples: int, seed: int) -> NDArray[np.float64]:
    """(resamples, groups) how often each group is drawn when as many as there are are drawn."""
    rng = np.random.default_rng(seed)
    share = np.full(groups, 1 / groups)
    return rng.multinomial(groups, share, size=resamples).astype(np.float64)


def interval(samples: NDArray[np.float64], confidence: float) -> tuple[float, float] | None:
    """Percentile interval of the resamples in which the metric exists; None if they are under half.

    A resample without one of the classes has no balanced accuracy and no AUC. Leaving out a few of
    them is harmless, leaving out most would describe another experiment.
    """
    usable = samples[np.isfinite(samples)]
    if len(usable) < len(samples) / 2:
        return None
    tail = (1 - confidence) / 2
    low, high = np.quantile(usable, [tail, 1 - tail])
    return float(low), float(high)


def encode(groups: Sequence[str] | NDArray) -> tuple[list[str], NDArray[np.intp]]:
    """Names of the groups, sorted, and each cell's index into them."""
    names, index = np.unique(np.asarray(groups, dtype=str), return_inverse=True)
    return names.tolist(), index.reshape(-1)
