"""Cells from layers: which image and labels layer a study is to be of."""

from typing import Any
from weakref import WeakMethod

import napari.layers
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QHBoxLayout, QPushButton, QWidget

from napari_parsimony.errors import UserError
from napari_parsimony.gui.borrowed import SOURCE
from napari_parsimony.gui.cells_files import save_layers
from napari_parsimony.gui.cells_layers import FieldLayers, says_cells
from napari_parsimony.gui.dock import wheel_needs_focus, when_destroyed
from napari_parsimony.gui.session import Session


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
        self.labels.setToolTip(
            "Labels layer with one number per cell, or points or tracks at the cells."
        )
        self.button = QPushButton("Use layers")
        self.button.setToolTip(
            "<qt>Fill in the settings 'image' and 'labels' or 'centroids' from these layers. What "
            "is in no file is saved into the study. The dock 'Cells' takes several images, and "
            "shows their crops before.</qt>"
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
        for box, usable in ((self.image, _is_image), (self.labels, says_cells)):
            before = box.currentData()
            layers = [layer for layer in self.session.viewer.layers if usable(layer)]
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
        cells = self.labels.currentData()
        field = FieldLayers((self.image.currentData(),), cells, cells.features)
        saved = save_layers([field], study.path)
        for layer, path in saved.files:
            layer.metadata[SOURCE] = str(path)
        files = ("folder", "image", "labels", "centroids")
        return {name: saved.settings[name] for name in files}


def _is_image(layer: Any) -> bool:
    return isinstance(layer, napari.layers.Image)
