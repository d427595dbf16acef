"""Grey values to 0..1."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import DTypeLike, NDArray

Floats = NDArray[np.float64]

HIGH = 99.5
"""Percentile that becomes white: a few hot pixels must not darken a whole crop."""

IMAGE = (0.5, 99.9)
"""Percentiles of what an image's crops show together that become black and white.

White is higher than for one crop: the brightest cells of an image are what its normalisation is to
keep, and among so many pixels a few hot ones still have no say.
"""

SAMPLE = 2**24


def crop_ranges(crops: Floats, inside: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Minimum and 99.5th percentile of each crop and channel, padding left out.

    Parameters
    ----------
    crops
        ``(N, C, S, S)`` grey values.
    inside
        ``(N, S, S)`` false where a crop is padding.

    Returns
    -------
    low, high
        ``(N, C)``
    """
    masked = np.where(inside[:, None], crops, np.nan).reshape(*crops.shape[:2], -1)
    if inside.all():
        return masked.min(axis=-1), np.percentile(masked, HIGH, axis=-1)
    return np.nanmin(masked, axis=-1), np.nanpercentile(masked, HIGH, axis=-1)


def dataset_range(images: Iterable[NDArray], count: int) -> tuple[Floats, Floats]:
    """Minimum and 99.5th percentile of each channel over all images.

    The percentile is of at most 16 million pixels per channel, on a regular stride, the same
    number from every image.

    Parameters
    ----------
    images
        ``(C, Y, X)`` each, read one after the other.
    count
        How many there are.

    Returns
    -------
    low, high
        ``(C,)``
    """
    each = max(SAMPLE // count, 1)
    samples, low = [], None
    for image in images:
        flat = _numbers(image.reshape(len(image), -1))
        least = flat.min(axis=1).astype(np.float64)
        low = least if low is None else np.minimum(low, least)
        samples.append(_thinned(flat, each))
    assert low is not None
    return low, np.percentile(np.concatenate(samples, axis=1), HIGH, axis=1)


def image_range(frames: Iterable[tuple[NDArray, NDArray[np.bool_]]], count: int) -> list[Floats]:
    """Percentiles `IMAGE` of each channel over what the crops of an image show.

    Pixels far from any cell have no say: where cells are few, 99.9 % of all pixels may be ground.
    The percentiles are of at most 16 million pixels per channel, on a regular stride, the same
    number from every frame.

    Parameters
    ----------
    frames
        ``(C, Y, X)`` and ``(Y, X)``, true where a crop shows it; read one after the other.
    count
        How many there are.

    Returns
    -------
    low, high
        ``(C,)``
    """
    each = max(SAMPLE // count, 1)
    samples = []
    for picture, shown in frames:
        samples.append(_thinned(_numbers(picture[:, shown]), each))
    return list(np.percentile(np.concatenate(samples, axis=1), IMAGE, axis=1))


def _numbers(pixels: NDArray) -> NDArray:
    """Make numbers of true and false, which have no percentiles."""
    return pixels.astype(np.uint8) if pixels.dtype == bool else pixels


def _thinned(pixels: NDArray, each: int) -> NDArray:
    """Take about so many of the pixels ``(C, N)``, on a regular stride."""
    return pixels[:, :: max(pixels.shape[1] // each, 1)]


def type_range(dtype: DTypeLike) -> tuple[float, float]:
    """Range of a pixel type: 0 and the largest integer, or 0 and 1 for floats."""
    dtype = np.dtype(dtype)
    return 0.0, float(np.iinfo(dtype).max) if dtype.kind in "iu" else 1.0


def rescale(crops: Floats, low: Floats, high: Floats) -> Floats:
    """Map `low` to 0 and `high` to 1, and what is beyond to values beyond.

    A crop of one grey value (``low == high``) holds nothing that could be stretched and becomes 0.

    Parameters
    ----------
    crops
        ``(N, C, S, S)``
    low, high
        ``(N, C)`` or ``(C,)``
    """
    span = high - low
    # what is left of a constant after interpolation are rounding errors
    flat = span <= 1e-6 * np.maximum(np.abs(low), np.abs(high))
    return (crops - low[..., None, None]) / np.where(flat, np.inf, span)[..., None, None]
