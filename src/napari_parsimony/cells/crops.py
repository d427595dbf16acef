"""Writing crops to a file as they are made."""

from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from napari_parsimony.cells import normalise
from napari_parsimony.cells.config import CellsConfig
from napari_parsimony.cells.extract import Sampler
from napari_parsimony.cells.geometry import Floats
from napari_parsimony.errors import UserError

SLACK = 0.01
"""How far beyond 0 and 1 is taken for rounding by whoever scaled the image, and cut off."""


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
    fixed
        Grey values ``(C,)`` that become 0 and 1 in every crop; not for percentiles of each crop.
    """

    def __init__(
        self,
        path: Path,
        config: CellsConfig,
        count: int,
        channels: int,
        fixed: tuple[Floats, Floats] | None,
    ) -> None:
        self.config, self.fixed = config, fixed
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

    def add(self, sampler: Sampler, affine: Floats) -> NDArray[np.bool_]:
        """Read, normalise and append crops.

        Returns
        -------
        ndarray
            ``(N,)`` whether a crop has padding.

        Raises
        ------
        UserError
            If grey values that are to stay as they are do not fit into 0..1.
        """
        crops, inside = sampler.read(affine, self.config.size)
        low, high = normalise.crop_ranges(crops, inside) if self.fixed is None else self.fixed
        scaled = normalise.rescale(crops, low, high)
        least, most = scaled.min(), scaled.max()
        if self.config.normalisation == "none" and (least < -SLACK or most > 1 + SLACK):
            raise UserError(
                f"An image has grey values from {least:.3g} to {most:.3g} (as parts of the range "
                "of its type, where those are integers), but without normalisation they must be "
                "between 0 and 1; choose the normalisation 'dataset' or 'percentile'."
            )
        self._file.write(np.clip(scaled, 0, 1).astype("<f2").tobytes())
        rows = slice(self.done, self.done + len(crops))
        self.low[rows], self.high[rows] = low, high
        self.done += len(crops)
        return np.asarray(~inside.all(axis=(1, 2)))
