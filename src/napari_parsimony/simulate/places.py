"""Where nuclei lie in their field, without overlap, and what lies around them."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from napari_parsimony.cells.field import WINDOW
from napari_parsimony.errors import UserError
from napari_parsimony.simulate.config import SimulateConfig
from napari_parsimony.simulate.factors import Floats, half_axes

ROUNDS = 1000
GAP = 1.0
"""Pixels between two nuclei at least."""

BESIDE = 1.5
"""How far a nucleus of a cluster is from another one, in diameters: the standard deviation."""


def reach(config: SimulateConfig) -> float:
    """How far away a neighbour's centre may be in pixels: half a crop and half a nucleus."""
    return (WINDOW + 1) / 2 * config.diameter


def window(config: SimulateConfig) -> float:
    """Side of a crop in pixels of the field."""
    return round(WINDOW * config.diameter, 1)


def scatter(config: SimulateConfig, rng: np.random.Generator) -> Floats:
    """Draw places of nuclei, some of them in clusters, whether they overlap or not.

    Returns
    -------
    ndarray
        ``(config.cells, 2)`` rows and columns in pixels.
    """
    places = rng.uniform(0, config.size, (config.cells, 2))
    beside = rng.random(config.cells) < config.clustering
    beside[0] = False
    parents = rng.choice(np.flatnonzero(~beside), config.cells)
    near = places[parents] + rng.normal(0, BESIDE * config.diameter, places.shape)
    return np.where(beside[:, None], near, places)


def spread(places: Floats, cells: pd.DataFrame, config: SimulateConfig) -> Floats:
    """Push nuclei apart until none overlaps another or the border.

    Parameters
    ----------
    places
        ``(N, 2)`` rows and columns.
    cells
        The N cells at them.
    config
        Says how large the field is.

    Raises
    ------
    UserError
        If there is no room.
    """
    clear = 1 + 2 * config.irregularity
    major, minor = (clear * axis for axis in half_axes(cells))
    angle = cells["angle"].to_numpy()

    def extent(rows: NDArray[np.intp] | slice, direction: Floats | float) -> Floats:
        turned = direction - angle[rows]
        return np.hypot(major[rows] * np.cos(turned), minor[rows] * np.sin(turned))

    whole = np.stack([extent(np.s_[:], direction) for direction in (np.pi / 2, 0.0)], axis=1)
    margin = np.maximum(np.ceil(whole) + 1, config.position)
    low, high = margin, config.size - 1 - margin
    full = UserError(
        f"{len(cells)} nuclei find no room in a field of {config.size} pixels: lower 'cells' or "
        "'area', or raise 'size'."
    )
    # loosely filled at most: else pushing goes on for ever
    if (low > high).any() or cells["area"].sum() > 0.5 * config.size**2:
        raise full
    widest = 2 * major.max() + GAP
    places = np.clip(places, low, high)
    for _ in range(ROUNDS):
        one, other = cKDTree(places).query_pairs(widest, output_type="ndarray").T
        apart = places[other] - places[one]
        distance = np.hypot(*apart.T)
        direction = np.arctan2(*apart.T)
        # a line between them that touches neither: enough for any two convex shapes
        needed = GAP + extent(one, direction) + extent(other, direction)
        close = distance < needed
        if not close.any():
            return places
        one, other, direction = one[close], other[close], direction[close]
        push = (needed - distance)[close, None] / 2 + 0.25
        push = push * np.stack([np.sin(direction), np.cos(direction)], axis=1)
        np.add.at(places, one, -push)
        np.add.at(places, other, push)
        places = np.clip(places, low, high)
    raise full


def surroundings(places: Floats, config: SimulateConfig) -> pd.DataFrame:
    """Tell what is around each nucleus of a field.

    Parameters
    ----------
    places
        ``(N, 2)`` rows and columns.
    config
        Says how large field and crops are.

    Returns
    -------
    DataFrame
        ``y``, ``x``, ``neighbours`` (how many others have their centre within `reach`),
        ``neighbour_distance`` (pixels to the nearest), ``neighbour_angle`` (radians of its
        direction, as angles of cells; both NaN of a nucleus alone), and ``border_distance``
        (pixels from the centre to the nearest border).
    """
    tree = cKDTree(places)
    distance, nearest = (found[:, 1] for found in tree.query(places, k=2))
    alone = ~np.isfinite(distance)
    apart = places[np.where(alone, 0, nearest)] - places
    return pd.DataFrame(
        {
            "y": places[:, 0],
            "x": places[:, 1],
            "neighbours": tree.query_ball_point(places, reach(config), return_length=True) - 1,
            "neighbour_distance": np.where(alone, np.nan, distance),
            "neighbour_angle": np.where(alone, np.nan, np.arctan2(*apart.T)),
            "border_distance": np.minimum(places, config.size - 1 - places).min(axis=1),
        }
    )
