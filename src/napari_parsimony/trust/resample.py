"""Numbers with intervals from resampling groups."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_parsimony import bootstrap
from napari_parsimony.trust.config import TrustConfig

Floats = NDArray[np.float64]


class Measured(NamedTuple):
    """A number and its interval; NaN where there is none."""

    value: float
    low: float
    high: float


def resampled(
    metric: Callable[[Floats], Floats], groups: NDArray[np.intp], number: int, config: TrustConfig
) -> Measured:
    """Evaluate a metric, and resample it.

    Parameters
    ----------
    metric
        From weights of groups (B, number) to values (B,).
    groups
        Group of each cell that the metric is of: only these are drawn.
    number
        Groups there are.
    config
        Resamples, confidence and seed.
    """
    drawn = np.unique(groups)
    if not len(drawn):
        return Measured(np.nan, np.nan, np.nan)
    weights = np.zeros((config.resamples + 1, number))
    weights[0, drawn] = 1
    weights[1:, drawn] = bootstrap.draw(len(drawn), config.resamples, config.seed)
    values = metric(weights)
    bounds = bootstrap.interval(values[1:], config.confidence) if len(drawn) > 1 else None
    low, high = bounds or (np.nan, np.nan)
    return Measured(float(values[0]), low, high)


def in_numbers(name: str, found: Measured) -> dict[str, float | None]:
    """Give a number and its bounds names, for a finding."""
    each = {name: found.value, f"{name}, low": found.low, f"{name}, high": found.high}
    return {key: float(value) if np.isfinite(value) else None for key, value in each.items()}
