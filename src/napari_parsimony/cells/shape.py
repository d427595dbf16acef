"""Six hand-made features of the central cell: the baseline that latents are compared with."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.spatial import ConvexHull

from napari_parsimony.cells.orient import Mask, central_mask, mask_moments

FEATURES = (
    "area",
    "major axis",
    "minor axis",
    "eccentricity",
    "solidity",
    "mean intensity",
)


def shape_features(crops: NDArray) -> pd.DataFrame:
    """Measure the central cell of each crop.

    Parameters
    ----------
    crops
        ``(N, C, S, S)``, memory mapped or not, read one at a time; the mask is found in the
        first channel, whose mean is the intensity.

    Returns
    -------
    DataFrame
        ``(N, 6)`` float64 with the columns `FEATURES`, lengths in crop pixels; all 0 where a crop
        is constant and has no cell.
    """
    values = np.zeros((len(crops), len(FEATURES)))
    for row, crop in zip(values, crops, strict=True):
        picture = np.asarray(crop[0], dtype=np.float64)
        mask = central_mask(picture)
        if mask.any():
            row[:] = _measure(mask, picture)
    return pd.DataFrame(values, columns=list(FEATURES))


def _measure(mask: Mask, picture: NDArray) -> tuple[float, ...]:
    found = mask_moments(mask)
    area = float(found.area[0])
    major, minor = (float(axis[0]) for axis in found.axes)
    eccentricity = float(np.sqrt(1 - (minor / major) ** 2))
    return area, major, minor, eccentricity, area / hull_area(mask), float(picture[mask].mean())


def hull_area(mask: Mask) -> float:
    """Area of the convex hull of a mask's pixels, taken as unit squares.

    Parameters
    ----------
    mask
        ``(Y, X)`` with at least one pixel.
    """
    # the hull needs only the first and last pixel of each row
    rows = np.flatnonzero(mask.any(axis=1))
    first = mask[rows].argmax(axis=1)
    end = mask.shape[1] - mask[rows, ::-1].argmax(axis=1)
    corners = [np.stack([rows + d, edge], axis=1) for d in (0, 1) for edge in (first, end)]
    # in two dimensions, Qhull calls the area a volume
    return float(ConvexHull(np.concatenate(corners)).volume)
