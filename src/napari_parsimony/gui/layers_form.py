"""Cells from layers: which image and labels layer a study is to be of."""

from pathlib import Path
from typing import Any
from weakref import WeakMethod

import napari.layers
import numpy as np
import tifffile
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QHBoxLayout, QPushButton, QWidget

from napari_parsimony.cells.images import SUFFIXES
from napari_parsimony.errors import UserError
from napari_parsimony.gui.borrowed import SOURCE
from napari_parsimony.gui.dock import wheel_needs_focus, when_destroyed
from napari_parsimony.gui.session import Session

# In the study: layers that are in no file. Apart, as both may have one name; and a table of classes
# calls an image by its file, which therefore has just the layer's name.
IMAGES, LABELS = "images", "labels"


class LayersForm(QWidget):
    """Two choices of layers and a button.

    Attributes
    ----------
    taken
        The button was pressed; see `settings`.
    """

    taken = Signal()

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self.image, self.labels = QComboBox(), QComboBox()
        self.image.setToolTip("Image layer to cut cells out of.")
        self.labels.setToolTip("Labels layer with one number per cell.")
        self.button = QPushButton("Use layers")
        self.button.setToolTip(
            "<qt>Fill in the settings 'image' and 'labels' from these layers. Labels, and images "
            "that are in no file, are saved into the study.</qt>"
        )
        self.button.clicked.connect(lambda *_: self.taken.emit())
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        for box in (self.image, self.labels):
            box.setSizeAdjustPolicy(
                QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
            )
            row.addWidget(box, 1)
        row.addWidget(self.button)
        wheel_needs_focus(self.image, self.labels)
        events = session.viewer.layers.events
        emitters, method = (events.inserted, events.removed, events.renamed), WeakMethod(self._list)
        for emitter in emitters:
            emitter.connect(self._list)

        def forget() -> None:
            alive = method()
            if alive is not None:
                # the group's own disconnect does not reach its emitters
                for emitter in emitters:
                    emitter.disconnect(alive)

        when_destroyed(self, forget)
        self._list()

    def _list(self) -> None:
        kinds = ((self.image, napari.layers.Image), (self.labels, napari.layers.Labels))
        for box, kind in kinds:
            before = box.currentData()
            layers = [layer for layer in self.session.viewer.layers if isinstance(layer, kind)]
            box.clear()
            for layer in layers:
                box.addItem(layer.name, layer)
            if before in layers:
                box.setCurrentIndex(layers.index(before))
        self.button.setEnabled(self.image.count() > 0 and self.labels.count() > 0)

    def settings(self) -> dict[str, Any]:
        """Make settings of the cells step, and save what is in no file.

        Raises
        ------
        UserError
            If no study is open, the layers do not fit each other or lie elsewhere, or a file
            cannot be written.
        """
        study = self.session.study
        if study is None:
            raise UserError("No study is open: begin one with 'New…' first.")
        image, labels = self.image.currentData(), self.labels.currentData()
        pixels, numbers = _full(image), _full(labels)
        shape = pixels.shape[:-1] if image.rgb else pixels.shape
        if shape[-2:] != numbers.shape[-2:] or numbers.ndim not in (2, 3):
            raise UserError(
                f"The layers '{image.name}' {shape} and '{labels.name}' {numbers.shape} do "
                "not fit: labels must be (Y, X) or (T, Y, X), and as high and wide as the image."
            )
        if not _coincide(image, labels):
            raise UserError(
                f"The layers '{image.name}' and '{labels.name}' do not lie on each other pixel by "
                "pixel: give both the same scale, translate, rotate, shear and affine."
            )
        try:
            return {
                "folder": None,
                "image": (_file_of(image, pixels, numbers.ndim, study.path / IMAGES),),
                "labels": (_save(labels, numbers, "TYX"[-numbers.ndim :], study.path / LABELS),),
            }
        except OSError as error:
            raise UserError(f"Could not write into {study.path}: {error.strerror}.") from error


def _full(layer: Any) -> Any:
    """Pixels at the highest resolution; an array made of a multiscale layer has the lowest."""
    return layer.data[0] if layer.multiscale else layer.data


def _coincide(image: Any, labels: Any) -> bool:
    """Whether each pixel of the image has the label at the same index nearest in the world."""
    # time comes first, and channels, which labels have not, right before Y
    shared = [*range(labels.ndim - 2), -2, -1] if image.ndim >= labels.ndim else [-2, -1]
    # where the origin and the end of each axis are the same, everything is
    for corner in np.vstack([np.zeros(len(shared)), np.diag(_full(labels).shape)[:, shared]]):
        index = np.zeros(image.ndim)
        index[shared] = corner
        found = labels.world_to_data(np.asarray(image.data_to_world(index))[shared])
        if np.abs(found[-len(shared) :] - corner).max() >= 0.5:
            return False
    return True


def _file_of(image: Any, pixels: Any, ndim: int, folder: Path) -> Path:
    path = image.source.path
    if path and Path(path).is_file() and Path(path).suffix.lower() in SUFFIXES:
        image.metadata[SOURCE] = str(path)
        return Path(path)
    data = np.asarray(pixels)
    if image.rgb:
        data = np.moveaxis(data[..., :3], -1, -3)
    axes = "YX" if ndim == 2 else "TYX"
    if data.ndim == ndim + 1:
        axes = axes[:-2] + "CYX"
    elif data.ndim != ndim:
        raise UserError(
            f"The layer '{image.name}' has {data.ndim} axes, which does not fit its labels; give "
            "(Y, X), (T, Y, X), or with channels right before Y."
        )
    if data.dtype.kind in "iu" and data.dtype.itemsize == 8:
        fits = data.min(initial=0) >= -(2**31) and data.max(initial=0) < 2**31
        data = data.astype(np.int32 if fits else np.float64)
    return _save(image, data, axes, folder)


def _save(layer: Any, data: Any, axes: str, folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    safe = "".join(c if c.isalnum() or c in "-_ " else "_" for c in layer.name).strip() or "layer"
    path = folder / f"{safe}.tif"
    tifffile.imwrite(path, np.asarray(data), metadata={"axes": axes}, photometric="minisblack")
    layer.metadata[SOURCE] = str(path)
    return path
