"""Writing crops to a file as they are made."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_parsimony.cells import normalise
from napari_parsimony.cells.config import CellsConfig
from napari_parsimony.cells.extract import Sampler
from napari_parsimony.cells.geometry import Floats
from napari_parsimony.errors import UserError

SLACK = 0.01
"""How far beyond 0 and 1 is taken for rounding by whoever scaled the image, and cut off."""


@dataclass(frozen=True)
class Cut:
    """Crops of one picture.

    Attributes
    ----------
    crops
        ``(N, C, S, S)`` in 0..1.
    low, high
        Grey values ``(N, C)`` or ``(C,)`` that became 0 and 1.
    padded
        ``(N,)`` whether a crop reaches beyond the picture.
    """

    crops: Floats
    low: Floats
    high: Floats
    padded: NDArray[np.bool_]


Range = tuple[Floats, Floats]
"""Grey values, ``(C,)`` each, that become 0 and 1."""


def fixed_range(
    config: CellsConfig, dtype: np.dtype, images: Iterable[NDArray], count: int
) -> Range | None:
    """Grey values that become 0 and 1 in all crops; none where each crop has its own.

    For the normalisation 'image' see `image_range`.

    Parameters
    ----------
    config
        Says the normalisation.
    dtype
        Of the images.
    images
        ``(C, Y, X)`` each; read only if they have a say.
    count
        How many there are.
    """
    if config.normalisation == "percentile":
        return None
    if config.normalisation == "dataset":
        return normalise.dataset_range(images, count)
    low, high = normalise.type_range(dtype)
    return np.array([low]), np.array([high])


def image_range(
    name: str, frames: Iterable[tuple[pd.DataFrame, NDArray]], count: int, size: int
) -> Range:
    """Grey values that become 0 and 1 in all crops of one image or movie.

    Parameters
    ----------
    name
        Of the image, for messages.
    frames
        Cells of each frame, by `Field.cells`, and its picture ``(C, Y, X)``.
    count
        How many frames there are.
    size
        Side of a crop.

    Raises
    ------
    UserError
        If that is a single grey value.
    """
    low, high = normalise.image_range(
        ((picture, _shown(cells, picture.shape[1:], size)) for cells, picture in frames), count
    )
    flat = np.flatnonzero(low == high)
    if len(flat):
        raise UserError(
            f"Around the cells of {name}, nearly all pixels of channel {flat[0]} have the same "
            f"grey value, {low[flat[0]]:g}; choose another normalisation than 'image'."
        )
    return low, high


def _shown(cells: pd.DataFrame, shape: tuple[int, ...], size: int) -> NDArray[np.bool_]:
    """Pixels of a picture that crops show, were they as imaged."""
    shown = np.zeros(shape, dtype=bool)
    for y, x, scale in cells[["y", "x", "scale"]].to_numpy():
        half = scale * size / 2
        rows, columns = (slice(max(round(c - half), 0), round(c + half) + 1) for c in (y, x))
        shown[rows, columns] = True
    return shown


def scaled_crops(sampler: Sampler, affine: Floats, config: CellsConfig, fixed: Range | None) -> Cut:
    """Read and normalise crops.

    Parameters
    ----------
    sampler
        Of the picture.
    affine
        ``(N, 3, 3)`` from crop to picture.
    config
        Says the size and the normalisation.
    fixed
        By `fixed_range` or `image_range`.

    Raises
    ------
    UserError
        If grey values that are to stay as they are do not fit into 0..1.
    """
    crops, inside = sampler.read(affine, config.size)
    low, high = normalise.crop_ranges(crops, inside) if fixed is None else fixed
    scaled = normalise.rescale(crops, low, high)
    least, most = scaled.min(), scaled.max()
    if config.normalisation == "none" and (least < -SLACK or most > 1 + SLACK):
        raise UserError(
            f"An image has grey values from {least:.3g} to {most:.3g} (as parts of the range "
            "of its type, where those are integers), but without normalisation they must be "
            "between 0 and 1; choose the normalisation 'dataset' or 'percentile'."
        )
    return Cut(np.clip(scaled, 0, 1), low, high, np.asarray(~inside.all(axis=(1, 2))))


class CropWriter:
    """Appends normalised crops to a ``.npy`` file of float16, in order.

    Written through a file and not a memory map, whose pages would count as this process' memory.

    Parameters
    ----------
    path
        Of the file.
    config
        Says the size and the normalisation.
    count, channels
        Shape of the file: ``(count, channels, size, size)``.
    """

    def __init__(self, path: Path, config: CellsConfig, count: int, channels: int) -> None:
        self.config = config
        self.shape = (count, channels, config.size, config.size)
        self.done = 0
        self.low, self.high = np.empty((2, count, channels))
        self._file = path.open("wb")

    def __enter__(self) -> Self:
        header = {"descr": "<f2", "fortran_order": False, "shape": self.shape}
        np.lib.format.write_array_header_1_0(self._file, header)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def add(self, sampler: Sampler, affine: Floats, fixed: Range | None) -> NDArray[np.bool_]:
        """Read, normalise and append crops; for the arguments see `scaled_crops`.

        Returns
        -------
        ndarray
            ``(N,)`` whether a crop has padding.

        Raises
        ------
        UserError
            If grey values that are to stay as they are do not fit into 0..1.
        """
        cut = scaled_crops(sampler, affine, self.config, fixed)
        self._file.write(cut.crops.astype("<f2").tobytes())
        rows = slice(self.done, self.done + len(cut.crops))
        self.low[rows], self.high[rows] = cut.low, cut.high
        self.done += len(cut.crops)
        return cut.padded
