"""Crops like those of dSprites: plain shapes with known factors, to measure disentanglement on."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SHAPES = ("square", "ellipse", "heart")
LEVELS: Mapping[str, int] = {"shape": 3, "scale": 6, "orientation": 40, "y": 32, "x": 32}
"""How many values each factor has in dSprites."""

COUNT = 3 * 6 * 40 * 32 * 32
RADIUS = 10.6 / 64
"""Half a square of scale 1, in sides of the crop: its edges go through no middle of a pixel."""

ROOM = 31 / 64
"""How far the middles of shapes are apart at most, in sides of a crop: 32 places, a pixel each."""

HIGH = 0.2935
"""How far the centroid of a heart is above the origin of its equation, in radii."""

BATCH = 16
"""Crops at a time, so that they stay in the processor's cache."""


def sprite_factors(count: int | None = None, seed: int = 0) -> pd.DataFrame:
    """Factors of dSprites: of all its 737,280 crops, or of some of them drawn at random.

    Parameters
    ----------
    count
        How many, each at most once; by default all, the last factors changing fastest.
    seed
        Of the draw.

    Returns
    -------
    DataFrame
        ``shape`` (0 square, 1 ellipse, 2 heart), ``scale`` (0.5 to 1), ``orientation`` (radians in
        [0, 2π), from the column axis towards the row axis), ``y`` and ``x`` (0 to 1).

    Raises
    ------
    ValueError
        If there are not so many.
    """
    if count is None:
        chosen = np.arange(COUNT)
    else:
        chosen = np.random.default_rng(seed).choice(COUNT, count, replace=False)
    levels = np.unravel_index(chosen, tuple(LEVELS.values()))
    steps = dict(zip(LEVELS, levels, strict=True))
    return pd.DataFrame(
        {
            "shape": steps["shape"],
            "scale": 0.5 + 0.1 * steps["scale"],
            "orientation": steps["orientation"] * (2 * np.pi / LEVELS["orientation"]),
            **{name: steps[name] / (LEVELS[name] - 1) for name in ("y", "x")},
        }
    )


def draw_sprites(factors: pd.DataFrame, size: int = 64, smooth: bool = False) -> NDArray[np.uint8]:
    """Draw shapes.

    Parameters
    ----------
    factors
        N rows with the columns of `sprite_factors`, of any values.
    size
        Side of the crops in pixels.
    smooth
        Whether pixels at an outline are grey, by how much of them is covered (16 levels), and not
        black or white as those of dSprites.

    Returns
    -------
    ndarray
        ``(N, size, size)`` from 0 to 255.
    """
    fine, batch = (4, 1) if smooth else (1, BATCH)
    # middles of pixels, or of parts of them
    places = (np.arange(size * fine) + 0.5) / (size * fine) - 0.5
    shapes = factors["shape"].to_numpy()
    y, x = (ROOM * (factors[name].to_numpy() - 0.5) for name in ("y", "x"))
    sine, cosine = (f(factors["orientation"].to_numpy()) for f in (np.sin, np.cos))
    radius = RADIUS * factors["scale"].to_numpy()
    crops = np.empty((len(factors), size, size), dtype=np.uint8)
    for kind in range(len(SHAPES)):
        rows = np.flatnonzero(shapes == kind)
        for start in range(0, len(rows), batch):
            some = rows[start : start + batch]
            down = places[:, None] - y[some, None, None]
            right = places - x[some, None, None]
            s, c, r = (v[some, None, None] for v in (sine, cosine, radius))
            inside = _inside(kind, (right * c + down * s) / r, (down * c - right * s) / r)
            parts = inside.reshape(len(some), size, fine, size, fine)
            crops[some] = np.rint(255 * parts.mean(axis=(2, 4)))
    return crops


def _inside(kind: int, u: Floats, v: Floats) -> NDArray[np.bool_]:
    """Which points a shape covers; v points down where it is not turned."""
    if kind == 0:
        return np.maximum(np.abs(u), np.abs(v)) <= 1
    if kind == 1:
        return (u / 1.3) ** 2 + (v / 0.75) ** 2 <= 1
    v = v - HIGH
    across, down = u * u, v * v
    round_ = across + down - 1
    return round_ * round_ * round_ + across * down * v <= 0
