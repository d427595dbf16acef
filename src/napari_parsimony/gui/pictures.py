"""What of a study's cells can be looked at: its own images with labels, or a montage of crops."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_parsimony.cells.config import CellsConfig
from napari_parsimony.cells.field import image_names, open_field
from napari_parsimony.cells.folder import parse_names
from napari_parsimony.cells.images import Frames
from napari_parsimony.errors import UserError
from napari_parsimony.figures.palette import pictures
from napari_parsimony.gui.napari_compat import HIGHEST
from napari_parsimony.study.study import Study

MONTAGE = 1000  # crops; more are too small to tell apart
GAP = 4  # pixels between crops


@dataclass
class Picture:
    """An image with labels on it.

    Attributes
    ----------
    name
        What it is called.
    image, labels
        ([T,] Y, X) each; the image has another first axis of channels, or a last one of colours.
    colours
        Whether the last axis of the image is red, green and blue.
    image_path, labels_path
        Their files, None for a montage; no file of labels where theirs are not those of `labels`.
    first_frame
        Frame of the cells in the first plane.
    rows
        Rows of the table of cells that are in it.
    label, y, x
        Of each of `rows`: its value in `labels`, and its centre.
    diameter
        About that of a cell, in pixels.
    """

    name: str
    image: Any
    labels: Any
    colours: bool
    image_path: Path | None
    labels_path: Path | None
    first_frame: int
    rows: NDArray[np.int64]
    label: NDArray[np.int64]
    y: NDArray[np.float64]
    x: NDArray[np.float64]
    diameter: float

    @property
    def timed(self) -> bool:
        """Whether there is an axis of time."""
        return len(self.labels.shape) == 3


class Source(Protocol):
    """Pictures of a study by name."""

    names: list[str]
    """Names of the pictures."""

    files: dict[str, tuple[Path, ...]]
    """Files of each picture, by its name."""

    def load(self, name: str) -> Picture:
        """Read one; raises `UserError` if its files are missing or damaged."""

    def name_of(self, image: str) -> str | None:
        """Name the picture that shows an image of the table of cells; None if none does."""


def source_of(study: Study, order: Callable[[], "NDArray[np.float64] | None"]) -> Source:
    """Find out what there is to look at.

    Parameters
    ----------
    study
        A study with cells.
    order
        Gives a score for every cell, by which a montage is sorted; None: as they are.
    """
    record = study.step("cells")
    if record is None:
        raise UserError("This study has no cells yet: run the step 'Cells'.")
    config = record.settings(CellsConfig, study.path)
    return Fields(study, config) if config.image else Montage(study, order)


class Fields:
    """The images that cells were cut out of, with their labels."""

    def __init__(self, study: Study, config: CellsConfig) -> None:
        self.names = image_names(config.image)
        where = config.labels or config.centroids
        pairs = zip(config.image, where, strict=True)
        self.files: dict[str, tuple[Path, ...]] = dict(zip(self.names, pairs, strict=True))
        self._study, self._config = study, config

    def name_of(self, image: str) -> str | None:
        """See `Source`."""
        if image in self.names:
            return image
        cells = self._study.cells()
        return next((name for name in self.names if _recorded(cells, name) == image), None)

    def load(self, name: str) -> Picture:
        """See `Source`."""
        config, number = self._config, self.names.index(name)
        field = open_field(config, number)
        image, image_path = field.image, config.image[number]
        first = int(parse_names([image_path.name], config.pattern)["frame"][0])
        cells = self._study.cells()
        # the recorded name of an image is relative where the study carries its images
        rows = np.flatnonzero(cells["image"].to_numpy() == _recorded(cells, name))
        of = cells.iloc[rows]
        diameter = float(of["scale"].median()) * config.size / 2.2 if len(of) else 1.0
        own: Path | None = None
        if isinstance(field.where, Frames):
            pixels, own = _stack(field.where, 0), field.path
        else:
            pixels = _discs(image, of.assign(frame=of["frame"] - first), 0.4 * diameter)
        label = of["label"].to_numpy()
        if len(label) and label.max() > HIGHEST and find_spec("numba") is None:
            pixels, label = _renumbered(pixels, label, field.path)
            own = None
        return Picture(
            name=name,
            image=_stack(image, slice(None) if image.channels > 1 else 0),
            labels=pixels,
            colours=False,
            image_path=image_path,
            labels_path=own,
            first_frame=first,
            rows=rows,
            label=label,
            y=of["y"].to_numpy(),
            x=of["x"].to_numpy(),
            diameter=diameter,
        )


def _recorded(cells: pd.DataFrame, name: str) -> str:
    """Name of an image as the table of cells has it: whole paths may have been elsewhere."""
    if (cells["image"] == name).any():
        return name
    parts = Path(name).parts

    def shared(other: str) -> int:
        pairs = zip(reversed(parts), reversed(Path(other).parts), strict=False)
        return next((i for i, (a, b) in enumerate(pairs) if a != b), len(parts))

    likest = max(map(str, cells["image"].unique()), key=shared, default=name)
    return likest if shared(likest) else name  # an image may have no cells


def _renumbered(pixels: Any, label: NDArray[np.int64], path: Path) -> tuple[Any, NDArray[np.int64]]:
    """Give the cells small labels, of which napari can make colours; what is no cell has none."""
    known, small = np.unique(label, return_inverse=True)
    if len(known) > HIGHEST:
        raise UserError(
            f"The labels {path} are of more than {HIGHEST} cells, which napari colours only with "
            "the package numba: install it, and start napari again."
        )

    def plane(labels: NDArray) -> NDArray[np.int32]:
        at = np.minimum(np.searchsorted(known, labels), len(known) - 1)
        return np.where(known[at] == labels, at + 1, 0).astype(np.int32)

    whole = isinstance(pixels, np.ndarray)
    return plane(pixels) if whole else pixels.map_blocks(plane, dtype=np.int32), small + 1


def _discs(image: Frames, cells: pd.DataFrame, radius: float) -> Any:
    """Labels ([T,] Y, X) for cells of which only positions are known: discs around them."""
    reach = int(np.ceil(radius))
    around = np.mgrid[-reach : reach + 1, -reach : reach + 1].reshape(2, -1)
    around = around[:, np.hypot(*around) <= max(radius, 0.5)]
    of_frame = cells.groupby("frame").indices

    def plane(t: int) -> NDArray[np.int64]:
        some = cells.iloc[of_frame.get(t, [])]
        y, x = (np.round(some[axis].to_numpy()).astype(int)[:, None] for axis in "yx")
        y, x = y + around[0], x + around[1]
        inside = (y >= 0) & (y < image.plane_shape[0]) & (x >= 0) & (x < image.plane_shape[1])
        drawn = np.zeros(image.plane_shape, np.int64)
        label = np.broadcast_to(some["label"].to_numpy()[:, None], y.shape)
        drawn[y[inside], x[inside]] = label[inside]
        return drawn

    return _planes(plane, image.count)


def _stack(frames: Frames, channel: "slice | int") -> Any:
    """Pixels ([T,] [C,] Y, X)."""
    stacked = _planes(lambda t: frames.read(t)[channel], frames.count)
    if frames.count == 1 or stacked.ndim == 3:
        return stacked
    import dask.array as da

    return da.moveaxis(stacked, 1, 0)


def _planes(plane: Callable[[int], NDArray], count: int) -> Any:
    """Stack the planes of a movie, which are read when they are looked at; one comes alone."""
    first = plane(0)
    if count == 1:
        return first
    import dask
    import dask.array as da

    # napari asks for the plane that it shows again when its colours change
    last = lru_cache(maxsize=1)(plane)
    delayed = dask.delayed(lambda t: last(t))
    return da.stack([da.from_delayed(delayed(t), first.shape, first.dtype) for t in range(count)])


class Montage:
    """Crops side by side, sorted by score, where there are no images to go back to."""

    def __init__(self, study: Study, order: Callable[[], "NDArray[np.float64] | None"]) -> None:
        self._study, self._order = study, order
        self.names = ["crops"]
        self.files: dict[str, tuple[Path, ...]] = {}

    def name_of(self, image: str) -> str | None:
        """See `Source`."""
        return self.names[0]

    def load(self, name: str) -> Picture:
        """See `Source`."""
        crops = self._study.crops()
        count = len(crops)
        score = self._order()
        if score is None:
            rows = np.arange(count)
        else:
            rows = np.argsort(np.nan_to_num(score), kind="stable")
        if count > MONTAGE:
            # evenly over the scores, so that both ends and the boundary are there
            rows = rows[np.linspace(0, count - 1, MONTAGE).astype(int)]
        size = crops.shape[-1]
        columns = max(int(np.ceil(np.sqrt(len(rows) * 1.4))), 1)
        lines = -(-len(rows) // columns)
        pitch = size + GAP
        image = np.zeros((lines * pitch, columns * pitch, 3), np.float32)
        labels = np.zeros(image.shape[:2], np.int32)
        drawn = pictures(np.asarray(crops[np.sort(rows)], np.float32))
        drawn = drawn[np.argsort(np.argsort(rows))]
        top, left = (GAP // 2 + pitch * index for index in divmod(np.arange(len(rows)), columns))
        for i, (y, x) in enumerate(zip(top, left, strict=True)):
            image[y : y + size, x : x + size] = drawn[i]
            # a frame around the crop, and the gap, are the cell's too: easy to click
            labels[y - 1 : y + size + 1, x - 1 : x + size + 1] = rows[i] + 1
        middle = (size - 1) / 2
        grey = crops.shape[1] == 1
        return Picture(
            name="crops",
            image=image[..., 0] if grey else image,
            labels=labels,
            colours=not grey,
            image_path=None,
            labels_path=None,
            first_frame=0,
            rows=rows,
            label=rows + 1,
            y=top + middle,
            x=left + middle,
            diameter=float(size),
        )
