"""What can be measured of a cell in its crop, and which latents say the same."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import ndimage, stats

from napari_parsimony.cells.orient import Mask, central_mask, mask_moments
from napari_parsimony.cells.shape import hull_area

SHAPE = ("size", "length", "width", "elongation", "solidity")
PLACE = ("position left-right", "position up-down")
LIGHT = ("brightness", "contrast", "texture", "bright centre", "background")
LEANING = ("orientation 0° or 90°", "orientation 45° or 135°")
AROUND = (
    "neighbour right", "neighbour lower right", "neighbour below", "neighbour lower left",
    "neighbour left", "neighbour upper left", "neighbour above", "neighbour upper right",
)  # fmt: skip
PROPERTIES = (*SHAPE, *LEANING, *PLACE, *LIGHT, *AROUND)

LEAST = 0.4
"""Weakest rank correlation that a name is taken from."""

CHANCE = 4.0
"""Standard errors that a correlation must be away from 0: there are hundreds of pairs to try."""


def measure_crops(crops: NDArray, masks: Sequence[Mask] | None = None) -> pd.DataFrame:
    """Measure the central cell of each crop, and what is around it.

    Parameters
    ----------
    crops
        (N, C, S, S), memory mapped or not, read one at a time; the cell is found in the first
        channel.
    masks
        (S, S) each, the central cells where they are known already.

    Returns
    -------
    DataFrame
        (N, `PROPERTIES` and ``brightness, channel 2``, …) float64, NaN where a crop has no cell:

        - ``size``, ``length``, ``width``: area and axes, in pixels of the crop; ``elongation``:
          logarithm of length over width; ``solidity``: share of the convex hull that is filled.
        - ``orientation …``: elongation times the cosine and the sine of twice the angle, which
          together say how a cell is stretched whatever end is called its head.
        - ``position …``: of the centroid, from the middle of the crop.
        - ``brightness``: mean of the cell's pixels; ``contrast``: their standard deviation;
          ``texture``: that of detail finer than a fortieth of the crop, away from the outline;
          ``bright centre``: how much brighter its inner half is than the outer.
        - ``background``: median of what is not the cell; ``neighbour …``: the mean of that in one
          of eight directions.
    """
    channels, size = crops.shape[1], crops.shape[-1]
    extra = [f"brightness, channel {number + 1}" for number in range(1, channels)]
    columns = [*PROPERTIES, *extra]
    values = np.full((len(crops), len(columns)), np.nan)
    sectors = _sectors(size)
    for number, (row, crop) in enumerate(zip(values, crops, strict=True)):
        picture = np.asarray(crop, np.float64)
        mask = central_mask(picture[0]) if masks is None else masks[number]
        if mask.any() and not mask.all():
            row[:] = _measure(picture, mask, sectors)
    return pd.DataFrame(values, columns=columns)


def _sectors(size: int) -> NDArray[np.int64]:
    """Tell in which of eight directions each pixel of a crop lies, clockwise from the right."""
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    return np.asarray(np.round(np.arctan2(y, x) / (np.pi / 4)).astype(np.int64) % 8)


def _measure(picture: NDArray, mask: Mask, sectors: NDArray[np.int64]) -> list[float]:
    found, middle = mask_moments(mask), (len(mask) - 1) / 2
    y, x, area = float(found.y[0]), float(found.x[0]), float(found.area[0])
    major, minor = (float(axis[0]) for axis in found.axes)
    elongation = float(np.log(major / minor))
    across, along = float(2 * found.rc[0]), float((found.cc - found.rr)[0])
    stretch = elongation / (np.hypot(across, along) or 1.0)
    first = picture[0]
    fine = first - ndimage.gaussian_filter(first, len(first) / 40)
    core = ndimage.binary_erosion(mask, iterations=2)
    rows, columns = np.nonzero(mask)
    out, inside = np.hypot(rows - y, columns - x), first[mask]
    inner = out <= np.median(out)
    around = np.bincount(sectors[~mask], weights=first[~mask], minlength=8)
    pixels = np.bincount(sectors[~mask], minlength=8)
    return [
        area, major, minor, elongation, area / hull_area(mask),
        stretch * along, stretch * across,
        x - middle, y - middle,
        float(inside.mean()), float(inside.std()), float(fine[core if core.any() else mask].std()),
        float(inside[inner].mean() - inside[~inner].mean()) if not inner.all() else 0.0,
        float(np.median(first[~mask])),
        *(around / np.maximum(pixels, 1)),
        *(float(other[mask].mean()) for other in picture[1:]),
    ]  # fmt: skip


def correlate(latents: pd.DataFrame, properties: pd.DataFrame) -> pd.DataFrame:
    """Spearman's rank correlation of each latent with each property, over cells that have all.

    Returns
    -------
    DataFrame
        (latents, properties); NaN where one of the two does not vary. Its ``attrs["n"]`` is the
        number of cells.
    """
    known = properties.notna().all(axis=1).to_numpy()
    here, there = (_ranks(table.to_numpy(np.float64)[known]) for table in (latents, properties))
    count = max(int(known.sum()), 1)
    table = pd.DataFrame(here.T @ there / count, latents.columns, properties.columns)
    table.attrs["n"] = int(known.sum())
    return table


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ranks of each column, with mean 0 and variance 1; NaN where it does not vary."""
    ranks = stats.rankdata(values, axis=0) - (len(values) + 1) / 2
    spread = np.sqrt((ranks**2).sum(0) / max(len(values), 1))
    return np.asarray(ranks / np.where(spread > 0, spread, np.nan))


def best_names(correlations: pd.DataFrame) -> pd.DataFrame:
    """Name latents after the property that they follow most closely.

    Parameters
    ----------
    correlations
        From `correlate`.

    Returns
    -------
    DataFrame
        ``latent``, ``name``, ``r`` (Spearman's, with its sign), ``n`` (cells); a row for each
        latent whose correlation is `LEAST` at least and cannot be chance, in the given order.
    """
    count = correlations.attrs["n"]
    least = max(LEAST, CHANCE / np.sqrt(max(count, 1)))
    rows = []
    for latent, found in zip(correlations.index, correlations.to_numpy(), strict=True):
        best = int(np.argmax(np.nan_to_num(np.abs(found))))
        if abs(found[best]) >= least:  # False where nothing is known
            rows.append((latent, correlations.columns[best], float(found[best]), count))
    return pd.DataFrame(rows, columns=["latent", "name", "r", "n"])
