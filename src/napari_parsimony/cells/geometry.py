"""Where the pixels of a crop are in its source image."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def crop_to_image(
    angle: ArrayLike, scale: ArrayLike, size: int, y: ArrayLike, x: ArrayLike
) -> Floats:
    """Affine map from crop pixels (row, column) to source pixels (row, column).

    Pixel centres have integer coordinates, so the middle of a crop is at ``(size - 1) / 2``.

    Parameters
    ----------
    angle
        Radians from the image's column axis towards its row axis (clockwise on the screen) of
        the direction that points to the right in the crop.
    scale
        Source pixels per crop pixel.
    size
        Side of the crop in pixels.
    y, x
        Source pixel in the middle of the crop.

    Returns
    -------
    ndarray
        ``(..., 3, 3)``, where ``...`` is the common shape of the arguments.
    """
    angle, scale, y, x = np.broadcast_arrays(
        *(np.asarray(value, dtype=np.float64) for value in (angle, scale, y, x))
    )
    cosine, sine = scale * np.cos(angle), scale * np.sin(angle)
    middle = (size - 1) / 2
    affine = np.zeros((*angle.shape, 3, 3))
    affine[..., 0, 0], affine[..., 0, 1] = cosine, sine
    affine[..., 1, 0], affine[..., 1, 1] = -sine, cosine
    affine[..., 0, 2] = y - middle * (cosine + sine)
    affine[..., 1, 2] = x - middle * (cosine - sine)
    affine[..., 2, 2] = 1
    return affine


def crop_grid(affine: Floats, size: int) -> Floats:
    """Source coordinates of every crop pixel.

    Parameters
    ----------
    affine
        ``(N, 3, 3)`` from `crop_to_image`.
    size
        Side of the crops in pixels.

    Returns
    -------
    ndarray
        ``(2, N, size, size)``: source rows and columns.
    """
    pixels = np.arange(size, dtype=np.float64)
    rows, columns = pixels[:, None], pixels[None, :]
    turn = affine[:, :2, :, None, None]
    grid = turn[:, :, 0] * rows + turn[:, :, 1] * columns + turn[:, :, 2]
    return np.moveaxis(grid, 1, 0)
