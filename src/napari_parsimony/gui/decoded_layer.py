"""The decoded cell as an image layer, where the cell itself is."""

from collections.abc import Callable
from typing import NamedTuple

import napari.layers
import numpy as np
from napari.components import ViewerModel
from numpy.typing import NDArray

from napari_parsimony.cells.annotations import CellKey
from napari_parsimony.cells.geometry import crop_to_image
from napari_parsimony.figures.palette import pictures
from napari_parsimony.gui.napari_compat import camera_of
from napari_parsimony.gui.overlay import Overlay

NAME = "decoded cell"


class Place(NamedTuple):
    """Where a cell's crop is.

    Attributes
    ----------
    layer
        The labels that it belongs to.
    affine
        (D + 1, D + 1), from the crop's pixels to the world; D as the layer has axes.
    """

    layer: napari.layers.Labels
    affine: NDArray[np.float64]


class DecodedLayer:
    """An image layer that shows one picture, replaced in place.

    The layer is made when there is something to show, and again only if the pictures' shape
    changes. Should the user delete it, it stays away until `show` is told to bring it back.

    Parameters
    ----------
    viewer
        Where to show it.
    removed
        Called after the user deleted the layer.
    """

    def __init__(self, viewer: ViewerModel, removed: Callable[[], None] = lambda: None) -> None:
        self.viewer = viewer
        self.layer: napari.layers.Image | None = None
        self._removed = removed
        self._buffer: NDArray[np.float32] = np.zeros(0, np.float32)
        viewer.layers.events.removed.connect(self._on_removed)

    def draw(self, image: NDArray[np.float32]) -> None:
        """Replace the picture, (C, S, S) in 0..1; nothing if the layer is not there.

        Writing into the layer's own array and slicing it again leaves out what a new array costs:
        contrast limits, extent and thumbnail. The list of layers is not told: it would paint all
        its rows again, each time.
        """
        if self.layer is None:
            return
        self._buffer[...] = _drawn(image).reshape(self._buffer.shape)
        with self.viewer.layers.events.blocker():
            self.layer.refresh(thumbnail=False, highlight=False, extent=False)

    def show(self, image: NDArray[np.float32], place: Place) -> None:
        """Put a picture (C, S, S) in 0..1 somewhere; the layer is made if necessary."""
        drawn = _drawn(image)
        shape = (1,) * (place.layer.ndim - 2) + drawn.shape
        if self.layer is not None and self._buffer.shape != shape:
            self.remove()
        if self.layer is None:
            self._buffer = drawn.reshape(shape).copy()
            self.layer = self._make(place)
        else:
            self.layer.affine = place.affine
            self.draw(image)
        layers = self.viewer.layers
        if layers.index(self.layer) < layers.index(place.layer):
            layers.move(layers.index(self.layer), layers.index(place.layer) + 1)

    def remove(self) -> None:
        """Take the layer away."""
        layer, self.layer = self.layer, None
        if layer is not None and layer in self.viewer.layers:
            self.viewer.layers.remove(layer)

    def close(self) -> None:
        """Take the layer away for good."""
        self.viewer.layers.events.removed.disconnect(self._on_removed)
        self.remove()

    def _make(self, place: Place) -> napari.layers.Image:
        layer = napari.layers.Image(
            self._buffer,
            name=NAME,
            rgb=self._buffer.shape[-1] == 3,
            contrast_limits=(0, 1),
            interpolation2d="linear",
            affine=place.affine,
            units=place.layer.units,
        )
        # a tool's layer: what the user had selected, and paints on, stays selected; and scores and
        # the mark of the selected cell stay above it
        selected = set(self.viewer.layers.selection)
        self.viewer.layers.insert(self.viewer.layers.index(place.layer) + 1, layer)
        self.viewer.layers.selection = selected
        return layer

    def _on_removed(self, event: object) -> None:
        if self.layer is not None and self.layer not in self.viewer.layers:
            self.layer = None
            self._removed()


def _drawn(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """(S, S) of one channel, (S, S, 3) of more."""
    return np.clip(image[0], 0, 1) if len(image) == 1 else pictures(image)


def place_of(overlay: Overlay, key: CellKey, size: int) -> Place | None:
    """Find a cell on the canvas; None if it is not in the picture that is shown.

    Parameters
    ----------
    overlay
        The layers of the study.
    key
        The cell.
    size
        Side of its crop in pixels.
    """
    layer, picture = overlay.labels, overlay.picture
    if layer is None or picture is None:
        return None
    row = overlay.session.row_of(key)
    at = np.flatnonzero(picture.rows == row)
    if not len(at):
        return None
    y, x = float(picture.y[at[0]]), float(picture.x[at[0]])
    cell = overlay.session.cells.iloc[row]
    # a montage is of the crops themselves: neither turned nor scaled
    montage = picture.image_path is None
    angle, scale = (0.0, 1.0) if montage else (cell["angle"], cell["scale"])
    crop = np.eye(layer.ndim + 1)
    place = crop_to_image(angle, scale, size, y, x)
    crop[-3:-1, -3:-1], crop[-3:-1, -1] = place[:2, :2], place[:2, 2]
    if layer.ndim > 2:
        crop[-4, -1] = key[1] - picture.first_frame
    return Place(layer, _to_world(layer) @ crop)


def centre_on(overlay: Overlay, key: CellKey) -> bool:
    """Move the camera, and time, to a cell; False if it is on no picture that is shown."""
    place, viewer = place_of(overlay, key, 1), overlay.session.viewer
    if place is None:
        return False
    world = place.affine[:-1, -1]  # a crop of one pixel has its middle at its origin
    for axis, value in enumerate(world[:-2], viewer.dims.ndim - len(world)):
        viewer.dims.set_point(axis, value)
    camera = camera_of(viewer)
    camera.center = (*camera.center[:-2], *world[-2:])
    return True


def _to_world(layer: napari.layers.Layer) -> NDArray[np.float64]:
    """Affine of all that a layer does to its data: scale, translate, rotate, affine, …."""
    world = np.eye(layer.ndim + 1)
    origin = np.asarray(layer.data_to_world(np.zeros(layer.ndim)))
    for axis, unit in enumerate(np.eye(layer.ndim)):
        world[:-1, axis] = np.asarray(layer.data_to_world(unit)) - origin
    world[:-1, -1] = origin
    return world
