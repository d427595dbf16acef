"""Draws many points as one picture: where they crowd together it gets denser, in any order."""

import numpy as np
from numpy.typing import NDArray

POINT, DENSE = 4.0, 1.0  # radius in pixels of few points, and of very many
SEEN = 0.75  # opacity of a single point


def radius_for(count: int) -> float:
    """Radius of so many points, in logical pixels."""
    return float(np.clip(60 / np.sqrt(max(count, 1)), DENSE, POINT))


def scatter_picture(
    at: NDArray[np.float32],
    colours: NDArray[np.float32],
    weights: NDArray[np.float32],
    size: tuple[int, int],
    radius: float,
) -> NDArray[np.uint8]:
    """Draw points as soft discs; colours of those that overlap are mixed.

    Parameters
    ----------
    at
        (N, 2) pixels, across and down; those outside are left out.
    colours
        (N, 3) in 0..1.
    weights
        (N,) from 0, unseen, to 1.
    size
        Height and width of the picture.
    radius
        Of the discs, in pixels.

    Returns
    -------
    ndarray
        (height, width, 4) red, green, blue, opacity; not premultiplied.
    """
    height, width = size
    pad = int(np.ceil(radius + 0.5))
    wide, high = width + 2 * pad, height + 2 * pad
    # compared before they become integers, which cannot be as large as coordinates can
    inside = (at > -pad).all(1) & (at[:, 0] < width + pad - 1) & (at[:, 1] < height + pad - 1)
    x, y = np.round(at[inside]).astype(np.int64).T
    offsets = np.arange(-pad, pad + 1)
    down, right = (grid.ravel() for grid in np.meshgrid(offsets, offsets, indexing="ij"))
    cover = np.clip(radius + 0.5 - np.hypot(down, right), 0, 1)
    down, right, cover = down[cover > 0], right[cover > 0], cover[cover > 0].astype(np.float32)
    margin = 2 * pad  # discs of points at the edge reach beyond it
    stride = wide + 2 * margin
    start = (y + pad + margin) * stride + x + pad + margin
    pixels = (start + (down * stride + right)[:, None]).ravel()
    heavy = (cover[:, None] * weights[inside]).ravel()
    shape = high + 2 * margin, stride
    corner = pad + margin
    total = np.zeros((4, height, width))
    channels = [None, *colours[inside].T]
    for target, channel in zip(total, channels, strict=True):
        weight = heavy if channel is None else heavy * np.tile(channel, len(cover))
        whole = np.bincount(pixels, weight, shape[0] * shape[1]).reshape(shape)
        target[...] = whole[corner : corner + height, corner : corner + width]
    mass = total[0]
    picture = np.empty((height, width, 4), np.uint8)
    mixed = total[1:] / np.where(mass > 0, mass, 1)
    picture[..., :3] = np.moveaxis(np.clip(mixed, 0, 1) * 255 + 0.5, 0, -1)
    picture[..., 3] = (1 - (1 - SEEN) ** mass) * 255 + 0.5
    return picture


def next_point(
    points: NDArray[np.float32], start: NDArray[np.float32], direction: tuple[int, int]
) -> int | None:
    """Find the nearest point that lies in a direction, (right, up); None at the edge."""
    way = points - start
    along = way @ np.array(direction, np.float32)
    across = np.abs(way @ np.array((-direction[1], direction[0]), np.float32))
    cost = np.where((along > 1e-6) & (across <= 2 * along), along**2 + 4 * across**2, np.inf)
    best = int(cost.argmin()) if len(cost) else 0
    return best if len(cost) and np.isfinite(cost[best]) else None


def ticks(low: float, high: float, most: int) -> list[float]:
    """Round numbers between two ends, at most so many."""
    span = high - low
    if not span > 0 or most < 1:
        return []
    size = 10.0 ** np.floor(np.log10(span / most))
    # what is round in decimals is not in binary
    step = next(size * factor for factor in (1, 2, 5, 10) if size * factor * most > span * 0.999)
    first, last = np.ceil(low / step - 1e-9), np.floor(high / step + 1e-9)
    return [float(number * step) for number in np.arange(first, last + 1)]
