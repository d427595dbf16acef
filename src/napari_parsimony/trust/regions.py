"""Parts of a crop: the central cell with its blurred edge, and other objects."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_parsimony.cells.orient import Mask

EDGE = 2
"""Pixels around an outline that belong to what it encloses: blur makes a halo."""

LEAST_HEIGHT = 0.02  # of a cell above its background: less is noise
_LEAST_OBJECT = 0.1  # of the central cell's area: less is debris


def with_edge(mask: Mask) -> Mask:
    """Add the blurred edge to a mask (S, S)."""
    return np.asarray(ndimage.binary_dilation(mask, iterations=EDGE))


def other_objects(picture: NDArray[np.floating], mask: Mask) -> tuple[Mask, int]:
    """Find what is at least half as bright as the central cell, compared with the background.

    Parameters
    ----------
    picture
        (S, S) one channel.
    mask
        (S, S) the central cell.

    Returns
    -------
    objects
        (S, S) other objects, without debris; none where no cell, or nothing else, is in the crop.
    count
        How many they are.
    """
    if not mask.any() or mask.all():
        return np.zeros_like(mask), 0
    ground = float(np.median(picture[~mask]))
    height = max(float(picture[mask].mean()) - ground, LEAST_HEIGHT)
    smooth = ndimage.gaussian_filter(picture, 1.0)
    labels, count = ndimage.label((smooth > ground + height / 2) & ~with_edge(mask))
    areas = np.bincount(labels.ravel(), minlength=count + 1)
    large = areas >= _LEAST_OBJECT * mask.sum()
    large[0] = False
    return np.asarray(large[labels]), int(large.sum())
