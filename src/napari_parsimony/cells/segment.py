"""Quick segmentation of bright nuclei on a dark ground, for images that have no labels yet."""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray
from scipy import ndimage
from skimage.feature import peak_local_max
from skimage.filters import threshold_otsu
from skimage.segmentation import watershed

from napari_parsimony.cells.config import SegmentConfig
from napari_parsimony.cells.images import Frames, open_image
from napari_parsimony.errors import UserError
from napari_parsimony.progress import Progress, Report, silent

Labels = NDArray[np.int32]
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

# Chosen on 16 fields of the Data Science Bowl 2018, of four magnifications.
COMPRESS = 3.0
AROUND = 4.0
"""How far 'around' is, in diameters of a nucleus."""

FAR, LEAST = 1e-3, 0.75
APART, SMOOTH = 0.3, 1 / 16
"""Least distance of two nuclei, and how far outlines are smoothed, in diameters."""

SMALLEST = 0.15
"""Area of the smallest object that is kept, in areas of a round nucleus."""


def segment_image(config: SegmentConfig, image: Path, out: Path, report: Report = silent) -> int:
    """Find the nuclei of an image, frame by frame, and write them as labels.

    Parameters
    ----------
    config
        Settings.
    image
        File of the image.
    out
        TIFF file of ``(Y, X)`` or ``(T, Y, X)`` int32 to write, whole or not at all; in each
        frame, nuclei count from 1.
    report
        Called after each frame.

    Returns
    -------
    int
        Number of nuclei.

    Raises
    ------
    UserError
        If a file cannot be used, or no nucleus is found.
    """
    frames = open_image(image, config.axes, channels=(config.channel,))
    if out.suffix.lower() not in (".tif", ".tiff"):
        raise UserError(f"The labels {out} must be a TIFF file: let the name end in .tif.")
    if out.exists() and out.samefile(image):
        raise UserError(f"The labels would overwrite the image {image}; choose another name.")
    found = 0

    def planes() -> Iterator[Labels]:
        nonlocal found
        for t in range(frames.count):
            labels = segment_plane(frames.read(t)[0], config)
            found += int(labels.max())
            report(Progress(t + 1, frames.count, f"{found:,} nuclei"))
            yield labels

    part = out.with_name(f".{out.name}.part")
    try:
        _write(part, frames, planes())
        if not found:
            raise UserError(
                f"No nucleus was found in {image}: they must be brighter than what is around them; "
                "try another threshold, offset or diameter."
            )
        os.replace(part, out)
    except OSError as error:
        raise UserError(f"The labels {out} cannot be written: {error.strerror}.") from error
    finally:
        part.unlink(missing_ok=True)
    return found


def _write(path: Path, frames: Frames, planes: Iterator[Labels]) -> None:
    timed = frames.count > 1
    shape = ((frames.count,) if timed else ()) + frames.plane_shape
    tifffile.imwrite(
        path,
        planes,
        shape=shape,
        dtype=np.int32,
        metadata={"axes": "TYX" if timed else "YX"},
        photometric="minisblack",
        compression="zlib",
    )


def segment_plane(picture: NDArray, config: SegmentConfig) -> Labels:
    """Find the nuclei of one picture.

    What is brighter than a threshold is split where its outline has a waist: by a watershed on
    the distance to the background, whose seeds are its maxima.

    Parameters
    ----------
    picture
        ``(Y, X)``
    config
        Settings.

    Returns
    -------
    ndarray
        ``(Y, X)`` int32: 0 is background, nuclei count from 1.
    """
    picture = np.asarray(picture, dtype=np.float64)
    diameter = config.diameter or _diameter(_bright(_levels(picture, 1.0), config.offset))
    if diameter is None:
        return np.zeros(picture.shape, dtype=np.int32)
    # noise must not fray outlines, and no nucleus be blurred into its neighbours
    levels = _levels(picture, float(np.clip(diameter / 20, 0.5, 2)))
    mask = _bright(levels, config.offset)
    if config.threshold == "local":
        levels = _levels(_without_ground(picture, diameter), float(np.clip(diameter / 20, 0.5, 2)))
        mask = _brighter_than_around(levels, _bright(levels, config.offset), diameter, config)
    depth = ndimage.gaussian_filter(ndimage.distance_transform_edt(mask), diameter * SMOOTH)
    apart = max(round(diameter * APART), 1)
    seeds = peak_local_max(depth, min_distance=apart, labels=mask, exclude_border=False)
    markers = np.zeros(mask.shape, dtype=np.int32)
    markers[tuple(seeds.T)] = np.arange(1, len(seeds) + 1)
    labels = watershed(-depth, markers, mask=mask)
    area = config.min_area or SMALLEST * np.pi / 4 * diameter**2
    kept = np.bincount(labels.ravel()) >= area
    kept[0] = False
    return np.asarray((np.cumsum(kept) * kept)[labels], dtype=np.int32)


def _levels(picture: Floats, sigma: float) -> Floats:
    """Smooth, and compress: the few brightest nuclei must not lift a threshold above dim ones."""
    smooth = ndimage.gaussian_filter(picture, sigma)
    dark, bright = np.percentile(smooth, (1, 99.5))
    above = np.maximum(smooth - dark, 0)
    return np.asarray(np.log1p(COMPRESS * above / max(bright - dark, np.finfo(float).tiny)))


def _bright(levels: Floats, offset: float) -> Mask:
    """Pixels above Otsu's threshold, holes filled; none where all are the same."""
    if not levels.max() > levels.min():
        return np.zeros(levels.shape, dtype=bool)
    above = levels > threshold_otsu(levels) * (1 + offset)
    return np.asarray(ndimage.binary_fill_holes(above))


def _without_ground(picture: Floats, diameter: float) -> Floats:
    """Subtract what is dark around, a few nuclei far: of uneven light, only nuclei are left."""
    wide = round(AROUND * diameter)
    ground = ndimage.minimum_filter(ndimage.gaussian_filter(picture, 2), wide)
    return picture - ndimage.gaussian_filter(ground, wide / 2)


def _brighter_than_around(
    levels: Floats, mask: Mask, diameter: float, config: SegmentConfig
) -> Mask:
    """Pixels nearer in brightness to the nuclei around than to the ground around, holes filled."""
    if not mask.any() or mask.all():
        return mask

    def mean_around(of: Mask) -> Floats:
        # far from all such pixels, their mean over the picture
        weight = ndimage.gaussian_filter(of.astype(np.float64), AROUND * diameter / 2) + FAR
        total = ndimage.gaussian_filter(of * levels, AROUND * diameter / 2)
        return np.asarray((total + FAR * levels[of].mean()) / weight)

    middle = (mean_around(mask) + mean_around(~mask)) / 2
    # where there are no nuclei at all, noise is none
    least = threshold_otsu(levels) * LEAST
    above = levels > np.maximum(middle, least) * (1 + config.offset)
    return np.asarray(ndimage.binary_fill_holes(above))


def _diameter(mask: Mask) -> float | None:
    """Typical diameter of a nucleus: twice the usual depth of the middles of what is bright."""
    depth = ndimage.distance_transform_edt(mask)
    smooth = ndimage.gaussian_filter(depth, 1.0)
    peaks = peak_local_max(smooth, min_distance=3, threshold_abs=2.0, exclude_border=False)
    return 2 * float(np.median(depth[tuple(peaks.T)])) if len(peaks) else None
