"""The part of the dock 'Cells' that finds nuclei where there are no labels."""

from collections.abc import Callable
from typing import Any

import numpy as np
from napari.layers import Image
from qtpy.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QPushButton, QVBoxLayout, QWidget

from napari_parsimony.cells.config import SegmentConfig
from napari_parsimony.errors import UserError
from napari_parsimony.gui.cells_nuclei import Nuclei
from napari_parsimony.gui.cells_table import LayersTable
from napari_parsimony.gui.dock import Folded, say
from napari_parsimony.gui.forms import config_to_widgets, widgets_to_config


class FindNuclei(QWidget):
    """A button that adds a labels layer of nuclei, and how they are found.

    Parameters
    ----------
    table
        Says of which images, and learns where their cells are.
    axes
        Gives the axes of the images as somebody said them, or ``auto``.
    """

    def __init__(self, table: LayersTable, axes: Callable[[], str]) -> None:
        super().__init__()
        self.table, self._axes = table, axes
        self.nuclei = Nuclei(self)
        self.button = QPushButton("Find nuclei")
        self.button.setToolTip(
            "<qt>Find bright nuclei in the images whose rows are marked above, or in the active "
            "layer, and add them as labels layers, which you can correct. Quick and simple: for "
            "hard images use a segmentation plugin.</qt>"
        )
        self.button.clicked.connect(lambda *_: self.find())
        self.stop = QPushButton("Stop")
        self.stop.setToolTip("Stop looking for nuclei.")
        self.stop.clicked.connect(lambda *_: self.nuclei.cancel())
        self.bar = QProgressBar()
        self.bar.setTextVisible(True)
        self.text = QLabel()
        self.text.setWordWrap(True)
        self.form = config_to_widgets(SegmentConfig)
        tip = "Settings for nuclei that are not found, cut in two, or joined."
        how = Folded("How nuclei are found", tip, self.form.native)
        buttons = QHBoxLayout()
        buttons.addWidget(self.button, 1)
        buttons.addWidget(self.stop)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(buttons)
        for widget in (self.bar, self.text, how):
            column.addWidget(widget)
        self.nuclei.found.connect(self._add)
        self.nuclei.failed.connect(lambda sentence: self._say(sentence, failed=True))
        self.nuclei.progressed.connect(self._progress)
        self.nuclei.ended.connect(self.show_state)
        table.chosen.connect(self.show_state)
        table.marks_changed.connect(self.show_state)
        self._say("")
        self.show_state()

    def find(self) -> None:
        """Find nuclei in the images that are marked in the table; say so if settings are wrong."""
        try:
            config = widgets_to_config(self.form, SegmentConfig)
        except UserError as error:
            self._say(str(error), failed=True)
            return
        if config.axes == "auto":
            config = config.model_copy(update={"axes": self._axes()})
        self._say("")
        self.nuclei.start(self.table.marked(), config)
        self.show_state()

    def show_state(self) -> None:
        """Offer what can be done now."""
        busy = self.nuclei.busy
        images = self.table.marked()
        which = (
            f"{len(images)} images" if len(images) > 1 else "".join(f"'{x.name}'" for x in images)
        )
        self.button.setText(f"Find nuclei in {which}" if images else "Find nuclei")
        self.button.setEnabled(not busy and bool(images))
        self.stop.setVisible(busy)
        self.bar.setVisible(busy)

    def _progress(self, text: str, share: float) -> None:
        self.bar.setRange(0, 100 if share else 0)  # nobody knows yet
        self.bar.setValue(round(100 * share))
        self._say(text)

    def _add(self, image: Image, labels: Any) -> None:
        viewer = self.table.session.viewer
        if image not in viewer.layers:
            self._say(f"The layer '{image.name}' is gone, and its nuclei with it.", failed=True)
            return
        name = f"nuclei of {image.name}"
        added = viewer.add_labels(labels, name=name, opacity=0.5, **_place(image, labels.ndim))
        self.table.pair(image, added)
        planes = labels if labels.ndim == 3 else labels[None]
        count = sum(int(plane.max()) for plane in planes)  # in each frame they count from 1
        timed = f"the {len(planes)} frames of " if len(planes) > 1 else ""
        self._say(
            f"{count:,} nuclei found in {timed}'{image.name}': correct them with the tools of the "
            f"layer '{added.name}', or change how they are found, and find them again."
        )

    def _say(self, text: str, *, failed: bool = False) -> None:
        say(self.text, text, failed)


def _place(image: Image, ndim: int) -> dict[str, Any]:
    """Where labels of an image lie: as it does, but for the axis of channels."""
    kept = np.array([*range(ndim - 2), image.ndim - 2, image.ndim - 1])
    matrix = image.affine.affine_matrix
    corner = [*kept, image.ndim]
    return {
        "scale": np.asarray(image.scale)[kept],
        "translate": np.asarray(image.translate)[kept],
        "rotate": np.asarray(image.rotate)[np.ix_(kept, kept)],
        "affine": matrix[np.ix_(corner, corner)],
    }
