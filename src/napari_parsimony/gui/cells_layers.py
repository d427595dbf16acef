"""Cells from layers: images that are open, with labels, points or tracks, read where they are."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from napari.layers import Image, Labels, Points, Tracks
from numpy.typing import NDArray

from napari_parsimony.cells.field import Field
from napari_parsimony.cells.images import Frames
from napari_parsimony.errors import UserError

Cells: TypeAlias = Labels | Points | Tracks


@dataclass(frozen=True)
class FieldLayers:
    """One image of a study, as layers.

    Attributes
    ----------
    images
        The image, or its channels.
    cells
        Says where its cells are.
    features
        What else is known of them, as in the features of their layer.
    """

    images: tuple[Image, ...]
    cells: Cells
    features: pd.DataFrame

    @property
    def name(self) -> str:
        """What people call it."""
        return str(self.images[0].name)


class LayerPixels:
    """Pixels of layers, read where they are; see `cells.images.Pixels`.

    Parameters
    ----------
    layers
        One, or one for each channel.
    axes
        Letters of their axes, but for colours.
    """

    def __init__(self, layers: Sequence[Any], axes: str) -> None:
        self._layers, self._data = layers, [full_resolution(layer) for layer in layers]
        self._colours = bool(getattr(layers[0], "rgb", False))
        shape, leading = self._data[0].shape, ""
        if self._colours:
            shape, leading = (min(shape[-1], 3), *shape[:-1]), "C"
        elif len(layers) > 1:
            shape, leading = (len(layers), *shape), "C"
        self.axes, self.shape = leading + axes, tuple(shape)
        self.dtype = np.dtype(self._data[0].dtype)

    def plane(self, index: tuple[int, ...]) -> NDArray:
        """See `cells.images.Pixels`."""
        if self._colours:
            return np.asarray(self._data[0][(*index[1:], ..., index[0])])
        if len(self._layers) > 1:
            return np.asarray(self._data[index[0]][index[1:]])
        return np.asarray(self._data[0][index])


def full_resolution(layer: Any) -> Any:
    """Pixels at the highest resolution; an array made of a multiscale layer has the lowest."""
    return layer.data[0] if layer.multiscale else layer.data


def says_cells(layer: Any) -> bool:
    """Whether a layer can say where cells are; points that nobody may move are no data."""
    return isinstance(layer, Labels | Tracks) or (isinstance(layer, Points) and layer.editable)


def fits(image: Image, cells: Cells) -> bool:
    """Whether cells may be of an image, as far as numbers of pixels and axes tell."""
    if not isinstance(cells, Labels):
        return bool(cells.ndim in (image.ndim, image.ndim - 1) and cells.ndim in (2, 3))
    ours, theirs = _shape(image), full_resolution(cells).shape
    timed = len(theirs) == 2 or theirs[0] in ours[:-2]
    return len(theirs) in (2, 3) and len(ours) >= len(theirs) and ours[-2:] == theirs[-2:] and timed


def open_layers(layers: FieldLayers, axes: str = "auto", channels: tuple[int, ...] = ()) -> Field:
    """Layers as an image with cells, nothing written and no more read than is asked for.

    Parameters
    ----------
    layers
        The layers.
    axes, channels
        As in the settings of the step 'cells'.

    Raises
    ------
    UserError
        If they do not fit each other.
    """
    image, cells = layers.images[0], layers.cells
    letters = _axes(image, cells, axes)
    for other in layers.images[1:]:
        if _shape(other) != _shape(image) or other.rgb or image.rgb or "C" in letters:
            raise UserError(
                f"The layers '{image.name}' and '{other.name}' have the same cells, '{cells.name}'"
                ", and so are channels of one image; but they are not of the same size, or have "
                "channels of their own."
            )
        if full_resolution(other).dtype != full_resolution(image).dtype:
            raise UserError(
                f"The channels '{image.name}' and '{other.name}' are of different pixel types: "
                "convert one of them."
            )
        _check_place(image, other, letters, letters)
    pixels = LayerPixels(layers.images, letters)
    frames = Frames(Path(layers.name), pixels, pixels.axes, channels)
    shared = letters if cells.ndim == image.ndim else letters.replace("C", "")
    where: Frames | pd.DataFrame
    if isinstance(cells, Labels):
        _check_place(image, cells, letters, shared)
        where = Frames(Path(cells.name), LayerPixels((cells,), shared), shared)
    else:
        where = _positions(image, cells, letters, shared)
    return Field(frames, where, Path(cells.name))


def _shape(image: Any) -> tuple[int, ...]:
    shape = tuple(full_resolution(image).shape)
    return shape[:-1] if getattr(image, "rgb", False) else shape


def _axes(image: Image, cells: Cells, axes: str) -> str:
    """Name the axes of an image, but for colours."""
    shape, ndim = _shape(image), cells.ndim
    labelled = isinstance(cells, Labels)
    theirs = full_resolution(cells).shape if labelled else None
    if axes == "auto":
        added = len(shape) - ndim
        plain = "TYX"[-ndim:] if ndim in (2, 3) else ""
        axes = {0: plain, 1: plain[:-2] + "CYX"}.get(added, "") if plain else ""
    if len(axes) != len(shape) or (labelled and theirs is not None and shape[-2:] != theirs[-2:]):
        size = theirs if labelled else f"({ndim} axes)"
        raise UserError(
            f"The layers '{image.name}' {shape} and '{cells.name}' {size} do not fit: labels must "
            "be (Y, X) or (T, Y, X), and as high and wide as the image; points and tracks have no "
            "more axes than that. Channels come right before Y; else set 'axes'."
        )
    shared = axes.replace("C", "")
    if ndim != len(shared) and (labelled or ndim != len(axes)):
        raise UserError(
            f"The layers '{image.name}' ({axes}) and '{cells.name}' ({ndim} axes) do not fit: "
            f"there the axes must be {shared}."
        )
    return axes


def _check_place(image: Image, other: Any, letters: str, shared: str) -> None:
    """Refuse layers of which not each pixel has the one at the same index nearest in the world."""
    at = [letters.index(letter) for letter in shared]
    shape = np.array(_shape(other))
    # where the origin and the end of each axis are the same, everything is
    for corner in np.vstack([np.zeros(len(at)), np.diag(shape)]):
        index = np.zeros(image.ndim)
        index[at] = corner
        found = np.asarray(other.world_to_data(np.asarray(image.data_to_world(index))[at]))
        if np.abs(found - corner).max() >= 0.5:
            raise UserError(
                f"The layers '{image.name}' and '{other.name}' do not lie on each other pixel by "
                "pixel: give both the same scale, translate, rotate, shear and affine."
            )


def _positions(image: Image, cells: Points | Tracks, letters: str, shared: str) -> pd.DataFrame:
    """Positions in pixels of the image, as `cells.told.read_points` gives them."""
    data = np.asarray(cells.data, np.float64)
    label = np.arange(1, len(data) + 1)
    if isinstance(cells, Tracks):
        label, data = data[:, 0].astype(np.int64), data[:, 1:]
    else:
        own = next((name for name in ("label", "track_id") if name in cells.features), None)
        if own is not None and pd.api.types.is_integer_dtype(cells.features[own]):
            label = cells.features[own].to_numpy(np.int64)
    at = [letters.index(letter) for letter in shared]
    world = _affine(cells)
    back = np.linalg.inv(_affine(image)[np.ix_([*at, -1], [*at, -1])])
    placed = np.column_stack([data, np.ones(len(data))]) @ (back @ world).T
    # what a person clicked just beyond the edge is at the edge
    height, width = _shape(image)[-2:]
    columns = {
        "y": _near(placed[:, shared.index("Y")], height),
        "x": _near(placed[:, shared.index("X")], width),
        "label": label,
    }
    if "T" in shared:
        columns["frame"] = np.rint(placed[:, shared.index("T")]).astype(np.int64)
    return pd.DataFrame(columns)


def _near(values: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    edge = np.clip(values, -0.5, size - 0.5)
    return np.where(np.abs(values - edge) <= 1, edge, values)


def _affine(layer: Any) -> NDArray[np.float64]:
    """Map from a layer's data to the world, (D + 1, D + 1)."""
    ndim = layer.ndim
    origin = np.asarray(layer.data_to_world(np.zeros(ndim)))
    matrix = np.eye(ndim + 1)
    matrix[:-1, -1] = origin
    for axis, unit in enumerate(np.eye(ndim)):
        matrix[:-1, axis] = np.asarray(layer.data_to_world(unit)) - origin
    return matrix
