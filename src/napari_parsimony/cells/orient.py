"""The central cell of a crop, and the direction in which cells point."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.filters import threshold_otsu

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

NEAR = 0.05
"""How far from the middle, in sides of the crop, the central cell may begin."""

ATTEMPTS = 3


@dataclass(frozen=True)
class Moments:
    """Moments of N masks, in pixels; central second and third moments are per pixel.

    Names tell the powers: ``rrc`` is the mean of row² · column about the centroid.
    """

    area: Floats
    y: Floats
    x: Floats
    rr: Floats
    rc: Floats
    cc: Floats
    rrr: Floats
    rrc: Floats
    rcc: Floats
    ccc: Floats

    @property
    def angle(self) -> Floats:
        """Direction of the principal axis, in (−π, π], from the column axis towards the row axis.

        Of its two directions, the one with the longer tail (positive skewness). An exactly round
        mask has angle 0 and an exactly symmetric one an angle in (−π/2, π/2].
        """
        spread = self.rr + self.cc
        across, along = 2 * self.rc, self.cc - self.rr
        # rounding errors of a round mask must not choose a direction
        round_ = np.hypot(across, along) <= 1e-9 * spread
        angle = np.where(round_, 0.0, 0.5 * np.arctan2(across, along))
        s, c = np.sin(angle), np.cos(angle)
        skewness = (
            s**3 * self.rrr + 3 * s**2 * c * self.rrc + 3 * s * c**2 * self.rcc + c**3 * self.ccc
        )
        backwards = ~round_ & (skewness < -1e-9 * spread**1.5)
        return np.where(backwards, np.where(angle > 0, angle - np.pi, angle + np.pi), angle)

    @property
    def axes(self) -> tuple[Floats, Floats]:
        """Major and minor axis (full lengths) of the ellipses with the same second moments."""
        # a pixel is a unit square, not a point: it has a variance of 1/12 along each axis
        half = (self.rr + self.cc) / 2 + 1 / 12
        root = np.hypot(self.rc, (self.cc - self.rr) / 2)
        return 4 * np.sqrt(half + root), 4 * np.sqrt(np.maximum(half - root, 0))


def moments(
    rows: NDArray[np.int64], columns: NDArray[np.int64], owner: NDArray[np.int64], count: int
) -> Moments:
    """Moments of many masks at once.

    Parameters
    ----------
    rows, columns
        ``(P,)`` pixels of all masks.
    owner
        ``(P,)`` to which of the `count` masks each pixel belongs; each has at least one.
    """
    area = np.bincount(owner, minlength=count).astype(np.float64)

    def mean(values: NDArray) -> Floats:
        return np.bincount(owner, weights=values, minlength=count) / area

    y, x = mean(rows), mean(columns)
    r, c = rows - y[owner], columns - x[owner]
    rr, rc, cc = r * r, r * c, c * c
    return Moments(
        area, y, x, mean(rr), mean(rc), mean(cc),
        mean(rr * r), mean(rr * c), mean(r * cc), mean(cc * c),
    )  # fmt: skip


def mask_moments(mask: Mask) -> Moments:
    """Moments of one mask that is not empty."""
    rows, columns = np.nonzero(mask)
    return moments(rows, columns, np.zeros(len(rows), dtype=np.int64), 1)


def central_mask(picture: NDArray) -> Mask:
    """Find the cell in the middle of a crop by Otsu's threshold.

    A bright neighbour can lift the threshold above a dim cell. Where nothing is found near the
    centre, the pixels above the threshold are set aside and the rest is thresholded again.

    Parameters
    ----------
    picture
        ``(Y, X)`` one channel; bright cells on a dark ground.

    Returns
    -------
    ndarray
        ``(Y, X)`` the connected component at the centre, or the one nearest to it, holes filled;
        empty where the picture is constant.
    """
    # a little smoothing keeps noise from fraying the outline
    smooth = ndimage.gaussian_filter(np.asarray(picture, dtype=np.float64), 1.0)
    middle = (np.array(smooth.shape) - 1) / 2
    best, least = np.zeros(smooth.shape, dtype=bool), np.inf
    rest = smooth.ravel()
    for _ in range(ATTEMPTS):
        if not rest.max() > rest.min():
            break
        threshold = threshold_otsu(rest)
        rows, columns = np.nonzero(smooth > threshold)
        distance = np.hypot(rows - middle[0], columns - middle[1])
        nearest = np.argmin(distance)
        if distance[nearest] < least:
            components, _ = ndimage.label(smooth > threshold)
            best = components == components[rows[nearest], columns[nearest]]
            least = distance[nearest]
        if least <= NEAR * max(smooth.shape):
            break
        rest = rest[rest <= threshold]
    return np.asarray(ndimage.binary_fill_holes(best))
