"""Windows around cells, resampled and turned in one interpolation."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_parsimony.cells.geometry import Floats, crop_grid
from napari_parsimony.cells.orient import Moments, moments
from napari_parsimony.errors import UserError

BATCH = 256
"""Crops that are in memory at once."""


def label_moments(labels: NDArray) -> tuple[NDArray[np.int64], Moments]:
    """Which cells an image of labels has, and their moments.

    Parameters
    ----------
    labels
        ``(Y, X)`` integers below 2^63; 0 is background.

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
    """Reads windows out of one picture by cubic splines.

    Parameters
    ----------
    picture
        ``(C, Y, X)``
    scale
        Source pixels per crop pixel; where above 1, the picture is smoothed first, so that fine
        detail does not turn into false coarse detail (aliasing).
    beyond
        What pixels beyond the picture become. ``background``: the lower quartile of what the crop
        shows. Black would be an edge, which a VAE spends latents on, and a mirror would make whole
        cells of cut ones. ``mirror``: for the corners that turning takes in, far from the cell.
    """

    def __init__(
        self, picture: NDArray, scale: float, beyond: Literal["background", "mirror"]
    ) -> None:
        self.beyond = beyond
        self.picture: Floats = picture.astype(np.float64)
        if scale > 1:
            # the usual choice, as in skimage.transform.resize
            sigma = (0, (scale - 1) / 2, (scale - 1) / 2)
            self.picture = ndimage.gaussian_filter(self.picture, sigma, mode="mirror")
        self.coefficients = [ndimage.spline_filter(p, order=3, mode="mirror") for p in self.picture]

    def read(self, affine: Floats, size: int) -> tuple[Floats, NDArray[np.bool_]]:
        """Sample crops.

        Parameters
        ----------
        affine
            ``(N, 3, 3)`` from crop to picture.
        size
            Side of the crops.

        Returns
        -------
        crops
            ``(N, C, size, size)`` grey values.
        inside
            ``(N, size, size)`` false where a pixel is beyond the picture.

        Raises
        ------
        UserError
            If all pixels of a crop are beyond the picture.
        """
        grid = crop_grid(affine, size)
        _, height, width = self.picture.shape
        rows, columns = grid[0], grid[1]
        inside = (rows >= -0.5) & (rows <= height - 0.5) & (columns >= -0.5)
        inside &= columns <= width - 0.5
        if not inside.any(axis=(1, 2)).all():
            raise UserError(
                f"The pixels of a crop are so far apart that all of them miss an image of {height} "
                f"× {width} pixels; lower 'window', or raise 'size'."
            )
        crops = np.empty((len(affine), len(self.picture), size, size))
        options = {"mode": "mirror", "prefilter": False}
        for channel, spline in enumerate(self.coefficients):
            smooth = ndimage.map_coordinates(spline, grid, order=3, **options)
            # splines overshoot at sharp edges, which must not decide what becomes black
            real = ndimage.map_coordinates(self.picture[channel], grid, order=0, **options)
            low, high = (f(real, axis=(1, 2), keepdims=True) for f in (np.min, np.max))
            crops[:, channel] = np.clip(smooth, low, high)
        if self.beyond == "background":
            for i in np.flatnonzero(~inside.all(axis=(1, 2))):
                for plane in crops[i]:
                    plane[~inside[i]] = np.percentile(plane[inside[i]], 25)
        return crops, inside
