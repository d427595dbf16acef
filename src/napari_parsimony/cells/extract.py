"""Windows around cells, resampled and turned in one interpolation."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_parsimony.cells.geometry import Floats, crop_grid
from napari_parsimony.cells.orient import Moments, moments

BATCH = 256
"""Crops that are in memory at once."""


def label_moments(labels: NDArray) -> tuple[NDArray[np.int64], Moments]:
    """Which cells an image of labels has, and their moments.

    Parameters
    ----------
    labels
        ``(Y, X)`` integers of any size; 0 is background.

    Returns
    -------
    ids
        ``(N,)`` ascending.
    moments
        Of each cell.
    """
    rows, columns = np.nonzero(labels)
    # never through floats, which merge labels beyond 2^24
    ids, owner = np.unique(labels[rows, columns].astype(np.int64), return_inverse=True)
    return ids, moments(rows, columns, owner, len(ids))


class Sampler:
    """Reads windows out of one image by cubic splines.

    Parameters
    ----------
    image
        ``(C, Y, X)``
    scale
        Source pixels per crop pixel; where above 1, the image is smoothed first, so that fine
        detail does not turn into false coarse detail (aliasing).
    outside
        What pixels beyond the image become: ``zero`` (black after normalisation) or ``mirror``.
    valid
        First row, end row, first column, end column of the part that is picture; all by default.
    """

    def __init__(
        self,
        image: NDArray,
        scale: float,
        outside: Literal["zero", "mirror"],
        valid: tuple[int, int, int, int] | None = None,
    ) -> None:
        self.outside = outside
        self.valid = valid or (0, image.shape[1], 0, image.shape[2])
        self.coefficients = np.empty(image.shape)
        for plane, out in zip(image, self.coefficients, strict=True):
            smooth = plane.astype(np.float64)
            if scale > 1:
                # the usual choice, as in skimage.transform.resize
                smooth = ndimage.gaussian_filter(smooth, (scale - 1) / 2, mode="mirror")
            ndimage.spline_filter(smooth, order=3, mode="mirror", output=out)

    def read(self, affine: Floats, size: int) -> tuple[Floats, NDArray[np.bool_]]:
        """Sample crops.

        Parameters
        ----------
        affine
            ``(N, 3, 3)`` from crop to image.
        size
            Side of the crops.

        Returns
        -------
        crops
            ``(N, C, size, size)`` grey values.
        inside
            ``(N, size, size)`` false where a pixel is padding.
        """
        grid = crop_grid(affine, size)
        top, bottom, left, right = self.valid
        rows, columns = grid
        inside = (rows >= top - 0.5) & (rows <= bottom - 0.5)
        inside &= (columns >= left - 0.5) & (columns <= right - 0.5)
        crops = np.stack(
            [
                ndimage.map_coordinates(plane, grid, order=3, mode="mirror", prefilter=False)
                for plane in self.coefficients
            ],
            axis=1,
        )
        return crops, inside
