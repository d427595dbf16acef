"""Crops that were cut out already: a folder with one sub-folder per class."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_parsimony.cells.config import CellsConfig, movie_groups
from napari_parsimony.cells.extract import Sampler
from napari_parsimony.cells.geometry import Floats, crop_to_image
from napari_parsimony.cells.images import SUFFIXES, open_image
from napari_parsimony.cells.orient import central_mask, mask_moments
from napari_parsimony.errors import UserError


def list_crops(folder: Path) -> pd.DataFrame:
    """Find the crops of a folder, sorted by class and name.

    Returns
    -------
    DataFrame
        Columns ``path``, ``image`` (class/name) and ``class``.

    Raises
    ------
    UserError
        If the folder is missing or does not hold two classes with crops.
    """
    if not folder.is_dir():
        raise UserError(f"The folder of crops {folder} does not exist.")
    rows = [
        (path, f"{sub.name}/{path.name}", sub.name)
        for sub in sorted(folder.iterdir())
        if sub.is_dir() and not sub.name.startswith(".")
        for path in sorted(sub.iterdir())
        if path.suffix.lower() in SUFFIXES and not path.name.startswith(".")
    ]
    table = pd.DataFrame(rows, columns=["path", "image", "class"])
    found = table["class"].unique()
    if len(found) == 0:
        raise UserError(
            f"The folder {folder} has no sub-folder with crops (PNG or TIFF); make one "
            "sub-folder for each class."
        )
    if len(found) == 1:
        raise UserError(
            f"The folder {folder} has crops in one sub-folder only, '{found[0]}'; put the crops "
            "of each class into a sub-folder of their own."
        )
    return table


def parse_names(names: list[str], pattern: str | None) -> pd.DataFrame:
    """Read movie, frame and position out of file names.

    Parameters
    ----------
    names
        File names without folder.
    pattern
        Regular expression; groups whose name starts with ``movie`` are joined by ``/``.

    Returns
    -------
    DataFrame
        Columns ``movie`` (str, null where the pattern has none), ``frame`` (0 where it has none),
        ``y`` and ``x`` (NaN where it has none).

    Raises
    ------
    UserError
        Naming the first file whose name does not match.
    """
    movies = movie_groups(pattern)
    rows = []
    for name in names:
        found: dict[str, str | None] = {}
        if pattern is not None:
            match = re.search(pattern, name)
            if match is None:
                raise UserError(f"The file name '{name}' does not match the pattern '{pattern}'.")
            found = match.groupdict()
        try:
            rows.append(
                (
                    "/".join(found[key] or "" for key in movies) if movies else None,
                    int(found.get("frame") or 0),
                    float(found.get("y") or np.nan),
                    float(found.get("x") or np.nan),
                )
            )
        except ValueError as error:
            raise UserError(
                f"In the file name '{name}', the pattern '{pattern}' finds a frame or position "
                "that is not a number."
            ) from error
    table = pd.DataFrame(rows, columns=["movie", "frame", "y", "x"])
    return table.astype({"movie": "str", "frame": "int64", "y": "float64", "x": "float64"})


def read_crops(
    paths: list[Path], axes: str = "auto", channels: tuple[int, ...] = ()
) -> Iterator[NDArray]:
    """Read crops one after the other, ``(C, Y, X)`` each.

    Parameters
    ----------
    paths
        The files.
    axes, channels
        See `open_image`.

    Raises
    ------
    UserError
        If one cannot be read, is a single grey value, or has other channels or another type than
        the first.
    """
    first: NDArray | None = None
    for path in paths:
        frames = open_image(path, axes, channels=channels)
        if frames.count > 1:
            raise UserError(f"The crop {path} has {frames.count} frames; save them as crops each.")
        picture = frames.read(0)
        first = picture if first is None else first
        if len(picture) != len(first) or picture.dtype != first.dtype:
            raise UserError(
                f"The crop {path} has {len(picture)} channels of {picture.dtype}, but {paths[0]} "
                f"has {len(first)} of {first.dtype}; save all crops alike."
            )
        if picture.min() == picture.max():
            raise UserError(
                f"The crop {path} is a single grey value; remove it, or export it again."
            )
        yield picture


@dataclass(frozen=True)
class WholeCrop:
    """How all of a picture becomes a crop.

    Attributes
    ----------
    sampler
        Of the picture without its black margins.
    affine
        ``(1, 3, 3)`` from crop to that.
    y, x
        Middle of the picture.
    angle, scale
        Of the crop.
    padded
        Whether the picture has margins, or is no square.
    """

    sampler: Sampler
    affine: Floats
    y: float
    x: float
    angle: float
    scale: float
    padded: bool


def whole_crop(picture: NDArray, config: CellsConfig) -> WholeCrop:
    """Find out how all of a picture ``(C, Y, X)`` becomes a crop."""
    height, width = picture.shape[1:]
    y, x = (height - 1) / 2, (width - 1) / 2
    scale = max(height, width) / config.size
    angle = 0.0
    if config.orientation == "principal axis":
        mask = central_mask(picture[0])
        angle = float(mask_moments(mask).angle[0]) if mask.any() else 0.0
    top, bottom, left, right = unpadded(picture)
    padded = height != width or (bottom - top) * (right - left) < height * width
    inner = picture[:, top:bottom, left:right]
    return WholeCrop(
        Sampler(inner, scale, "background" if padded else "mirror"),
        crop_to_image([angle], scale, config.size, y - top, x - left),
        y, x, angle, scale, padded,
    )  # fmt: skip


def unpadded(picture: NDArray) -> tuple[int, int, int, int]:
    """First row, end row, first column, end column of a crop without its black margins.

    A margin counts as padding only if it is exactly 0 while next to nothing else is: then it
    was added where the crop left its image, and is not a dark ground.

    Parameters
    ----------
    picture
        ``(C, Y, X)``
    """
    bright = (picture != 0).any(axis=0)
    rows, columns = np.nonzero(bright.any(axis=1))[0], np.nonzero(bright.any(axis=0))[0]
    top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    if bright[top:bottom, left:right].mean() < 0.99:
        return 0, bright.shape[0], 0, bright.shape[1]
    return int(top), int(bottom), int(left), int(right)
