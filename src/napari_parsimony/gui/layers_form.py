"""Cells from layers: which image and labels layer a study is to be of."""

from pathlib import Path
from typing import Any

import napari.layers
import numpy as np
import tifffile
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QHBoxLayout, QPushButton, QWidget

from napari_parsimony.cells.images import SUFFIXES
from napari_parsimony.errors import UserError
from napari_parsimony.gui.overlay import SOURCE
from napari_parsimony.gui.session import Session

FOLDER = "images"  # in the study: layers that are in no file


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
        layers = session.viewer.layers
        layers.events.inserted.connect(self._list)
        layers.events.removed.connect(self._list)
        self.destroyed.connect(lambda *_: layers.events.disconnect(self))
        self._list()

    def _list(self) -> None:
        kinds = ((self.image, napari.layers.Image), (self.labels, napari.layers.Labels))
        for box, kind in kinds:
            before = box.currentText()
            names = [layer.name for layer in self.session.viewer.layers if isinstance(layer, kind)]
            box.clear()
            box.addItems(names)
            if before in names:
                box.setCurrentText(before)
        self.button.setEnabled(self.image.count() > 0 and self.labels.count() > 0)

    def settings(self) -> dict[str, Any]:
        """Make settings of the cells step, and save what is in no file.

        Raises
        ------
        UserError
            If no study is open, the layers do not fit each other, or a file cannot be written.
        """
        study = self.session.study
        if study is None:
            raise UserError("No study is open: begin one with 'New…' first.")
        layers = self.session.viewer.layers
        image, labels = layers[self.image.currentText()], layers[self.labels.currentText()]
        height = image.data.shape[:-1] if image.rgb else image.data.shape
        if height[-2:] != labels.data.shape[-2:] or labels.data.ndim not in (2, 3):
            raise UserError(
                f"The layers '{image.name}' {height} and '{labels.name}' {labels.data.shape} do "
                "not fit: labels must be (Y, X) or (T, Y, X), and as high and wide as the image."
            )
        if not np.allclose(image.scale[-2:], labels.scale[-2:]):
            raise UserError(
                f"The layers '{image.name}' and '{labels.name}' differ in scale: their pixels must "
                "be the same."
            )
        folder = study.path / FOLDER
        try:
            return {
                "folder": None,
                "image": (_file_of(image, labels.data.ndim, folder),),
                "labels": (_save(labels, labels.data, "TYX"[-labels.data.ndim :], folder),),
            }
        except OSError as error:
            raise UserError(f"Could not write into {folder}: {error.strerror}.") from error


def _file_of(image: Any, ndim: int, folder: Path) -> Path:
    path = image.source.path
    if path and Path(path).is_file() and Path(path).suffix.lower() in SUFFIXES:
        image.metadata[SOURCE] = str(path)
        return Path(path)
    data = np.asarray(image.data)
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
    return _save(image, data, axes, folder)


def _save(layer: Any, data: Any, axes: str, folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    safe = "".join(c if c.isalnum() or c in "-_ " else "_" for c in layer.name).strip() or "layer"
    path = folder / f"{safe}.tif"
    data = np.asarray(data)
    if data.dtype.kind in "iu" and data.dtype.itemsize == 8:
        data = data.astype(np.int32 if data.max(initial=0) < 2**31 else np.float64)
    tifffile.imwrite(path, data, metadata={"axes": axes}, photometric="minisblack")
    layer.metadata[SOURCE] = str(path)
    return path
