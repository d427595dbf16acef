"""Ways through the latents, and the cells that the decoder draws along them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

if TYPE_CHECKING:
    from napari_parsimony.vae.model import Vae

Positions = NDArray[np.float64]


class Grid(NamedTuple):
    """How a cell changes along latents, one a row.

    Attributes
    ----------
    images
        (rows, steps, C, S, S) in 0..1.
    values
        (rows, steps) of each row's latent.
    nearest
        (rows,) column that is nearest to where the rows start from.
    """

    images: NDArray[np.float32]
    values: Positions
    nearest: NDArray[np.intp]


def straight_line(first: NDArray[Any], second: NDArray[Any], steps: int) -> Positions:
    """Even steps from one position (latents,) to another, both included: (steps, latents)."""
    return np.linspace(np.asarray(first, np.float64), np.asarray(second, np.float64), steps)


def sweep(start: NDArray[Any], latent: int, values: NDArray[Any]) -> Positions:
    """Positions at which one latent takes other values, (steps, latents)."""
    positions = np.repeat(np.asarray(start, np.float64)[None], len(values), axis=0)
    positions[:, latent] = values
    return positions


def nearest_share(first: NDArray[Any], second: NDArray[Any], position: NDArray[Any]) -> float:
    """How far along the line between two positions, 0 to 1, a third is nearest to it."""
    along = np.asarray(second, np.float64) - first
    length = float(along @ along)
    share = float((np.asarray(position, np.float64) - first) @ along) / length if length else 0.0
    return min(max(share, 0.0), 1.0)


def even_values(
    statistics: pd.DataFrame, start: NDArray[Any], latents: Sequence[int], steps: int
) -> Positions:
    """Even values over where nearly all cells are, and the start, of some latents.

    Parameters
    ----------
    statistics
        One row a latent, as `latent_statistics` gives it.
    start
        (latents,) a position.
    latents
        Indices of those that are asked for.
    steps
        Values of each.

    Returns
    -------
    ndarray
        (len(latents), steps).
    """
    low, high = (statistics[end].to_numpy(np.float64)[list(latents)] for end in ("low", "high"))
    here = np.asarray(start, np.float64)[list(latents)]
    return np.linspace(np.minimum(low, here), np.maximum(high, here), steps, axis=1)


def traversal_grid(
    vae: "Vae", start: NDArray[Any], statistics: pd.DataFrame, latents: Sequence[int], steps: int
) -> Grid:
    """Draw what each of some latents does to a cell, the others as they are at the start."""
    # torch, which where positions alone are asked for nobody needs
    from napari_parsimony.vae.latents import traverse

    values = even_values(statistics, start, latents, steps)
    rows = [traverse(vae, start, index, row) for index, row in zip(latents, values, strict=True)]
    here = np.asarray(start, np.float64)[list(latents)]
    return Grid(np.stack(rows), values, np.abs(values - here[:, None]).argmin(1))
