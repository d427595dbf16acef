"""Which image layers a study is to be of, and which layer says where the cells of each are."""

from collections.abc import Callable
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any
from weakref import WeakKeyDictionary, WeakMethod

import numpy as np
import pandas as pd
from napari.layers import Image
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QComboBox, QHeaderView, QTreeWidget, QTreeWidgetItem

from napari_parsimony.errors import UserError
from napari_parsimony.figures.palette import QUIET
from napari_parsimony.gui.cells_layers import (
    Cells,
    FieldLayers,
    fits,
    full_resolution,
    says_cells,
)
from napari_parsimony.gui.decoded_layer import NAME as DECODED
from napari_parsimony.gui.dock import wheel_needs_focus, when_destroyed
from napari_parsimony.gui.overlay import Overlay
from napari_parsimony.gui.session import Session

NONE = "none yet"
ROWS = 5  # that are in sight without scrolling
TIP = (
    "<qt>Tick the images of the study. Beside each, choose the layer that says where its cells "
    "are: labels, points or tracks. Images with the same cells are the channels of one "
    "image.</qt>"
)


@dataclass
class _Row:
    image: Image
    ticked: bool
    cells: Cells | None


class LayersTable(QTreeWidget):
    """One row for each image layer: ticked if it is used, and the layer of its cells.

    Attributes
    ----------
    chosen
        Other layers are chosen, or the pixels, positions or places of chosen ones changed.
    marks_changed
        Other rows are marked, or another layer is active.
    """

    chosen = Signal()
    marks_changed = Signal()

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self._filling = False
        self._offered: list[Cells] = []
        self._features: WeakKeyDictionary[Cells, pd.DataFrame] = WeakKeyDictionary()
        self._followed: list[tuple[Any, Any]] = []
        self.setColumnCount(2)
        self.setHeaderLabels(["Image", "Cells"])
        self.setRootIsDecorated(False)
        self.setSelectionMode(QTreeWidget.SelectionMode.ExtendedSelection)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.header().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.header().setSectionsMovable(False)
        self.setToolTip(TIP)
        # napari's empty boxes are as dark as its dark ground
        self.setStyleSheet(f"QTreeWidget::indicator:unchecked {{ border: 1px solid {QUIET}; }}")
        self.itemChanged.connect(lambda *_: self._changed())
        self.itemSelectionChanged.connect(self._on_marks)
        follow_emitters(self, (session.viewer.layers.selection.events.active,), self._on_marks)
        self._boxes: list[QComboBox] = []
        events = session.viewer.layers.events
        emitters = (events.inserted, events.removed, events.renamed)
        follow_emitters(self, emitters, self._list)
        # layers that are left must not call what is gone
        alive = WeakMethod(self._unfollow)
        when_destroyed(self, lambda: (alive() or _nothing)())
        self._list()

    # What is chosen

    @property
    def rows(self) -> list[_Row]:
        """What each row says."""
        return [
            _Row(
                self._item(row).data(0, Qt.ItemDataRole.UserRole),
                self._item(row).checkState(0) == Qt.CheckState.Checked,
                self._boxes[row].currentData(),
            )
            for row in range(self.topLevelItemCount())
        ]

    def fields(self) -> list[FieldLayers]:
        """Images that are ticked, with their cells.

        Raises
        ------
        UserError
            If there is none, or one has no cells.
        """
        rows = self.rows
        if not rows:
            raise UserError(
                "There is no image layer: open an image, for instance by dragging its file onto "
                "the canvas."
            )
        ticked = [row for row in rows if row.ticked]
        if not ticked:
            raise UserError(
                "No image is ticked: tick one, and choose the layer of its cells beside it; "
                "'Find nuclei' makes one." + self._hint(rows)
            )
        together: dict[int, list[Image]] = {}
        cells = {}
        for row in ticked:
            if row.cells is None:
                raise UserError(
                    f"The image '{row.image.name}' has no cells yet: click its row and press "
                    "'Find nuclei', or choose a labels, points or tracks layer beside it."
                    + self._hint(rows)
                )
            cells[id(row.cells)] = row.cells
            together.setdefault(id(row.cells), []).append(row.image)
        return [
            FieldLayers(tuple(images), cells[key], self.features_of(cells[key]))
            for key, images in together.items()
        ]

    @staticmethod
    def _hint(rows: list[_Row]) -> str:
        """Say what to do with labels that napari has opened as an image."""
        for row in rows:
            numbers = _numbers_of_labels(row.image) if not row.ticked else 0
            if numbers == 1:
                return (
                    f" '{row.image.name}' looks like a mask, where all nuclei have one number: "
                    "click its row, press 'Find nuclei', and choose what that finds beside yours."
                )
            if numbers:
                return (
                    f" '{row.image.name}' looks like labels: right-click it in the layer list and "
                    "choose 'Convert to Labels'."
                )
        return ""

    def features_of(self, cells: Cells) -> pd.DataFrame:
        """Features of a layer as its owner made them: the overlay puts others into its labels."""
        overlay = Overlay.of(self.session)
        table: pd.DataFrame = cells.features
        if cells is not overlay.labels:
            self._features[cells] = table
        elif cells not in self._features:
            ours = [] if overlay.values is None else [*overlay.values.hovered.columns, "label"]
            return table.drop(columns=ours, errors="ignore")
        return self._features[cells]

    def marked(self) -> list[Image]:
        """Images of the rows that are marked; else the active layer; else the first row's."""
        images = [row.image for row in self.rows]
        marked = [image for i, image in enumerate(images) if self._item(i).isSelected()]
        active = self.session.viewer.layers.selection.active
        return marked or [image for image in images if image is active] or images[:1]

    def pair(self, image: Image, cells: Cells) -> None:
        """Say where the cells of an image are, and use it."""
        for row, known in enumerate(self.rows):
            if known.image is image:
                self._boxes[row].setCurrentIndex(self._offered.index(cells) + 1)
                self._item(row).setCheckState(0, Qt.CheckState.Checked)

    # Following the layers

    def _list(self, event: Any = None) -> None:
        before = self.rows
        known = {id(row.image): row for row in before}
        layers = list(self.session.viewer.layers)
        images = [x for x in layers if isinstance(x, Image) and x.name != DECODED and x.ndim < 5]
        cells = [x for x in layers if says_cells(x)]
        rows = [known.get(id(image), _Row(image, False, None)) for image in images]
        for row in rows:
            row.cells = row.cells if row.cells in cells else None
        fresh = [x for x in cells if x not in self._offered]
        self._offered = cells
        self._suggest(rows, cells, fresh, [row for row in rows if id(row.image) not in known])
        self._show(rows, cells)

    @staticmethod
    def _suggest(rows: list[_Row], cells: list[Cells], fresh: list[Cells], new: list[_Row]) -> None:
        """Pair new layers with what fits them, the likest names first; channels go together."""
        pairs = [
            (row, layer)
            for row in rows
            if row.cells is None
            for layer in (cells if row in new else fresh)
            if fits(row.image, layer) and not _of_another(row, layer, rows)
        ]
        for row, layer in sorted(pairs, key=lambda pair: -_alike(*pair)):
            others = [other.image for other in rows if other.cells is layer]
            # one layer of labels is not of two images that are no channels of one another
            if row.cells is None and all(_are_channels(row.image, other) for other in others):
                row.cells, row.ticked = layer, True

    def _show(self, rows: list[_Row], cells: list[Cells]) -> None:
        marked = self.marked() if self.selectedItems() else []
        self._filling = True
        self.clear()
        self._boxes = []
        for row in rows:
            item = QTreeWidgetItem([row.image.name])
            item.setData(0, Qt.ItemDataRole.UserRole, row.image)
            item.setToolTip(0, f"<qt>{row.image.name}: {_size(row.image)}. {TIP[4:]}")
            state = Qt.CheckState.Checked if row.ticked else Qt.CheckState.Unchecked
            item.setCheckState(0, state)
            box = QComboBox()
            box.setToolTip("Layer that says where the cells of this image are.")
            box.setSizeAdjustPolicy(
                QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
            )
            box.addItem(NONE, None)
            for layer in cells:
                box.addItem(layer.name, layer)
            box.setCurrentIndex(0 if row.cells is None else cells.index(row.cells) + 1)
            box.currentIndexChanged.connect(lambda *_: self._changed())
            wheel_needs_focus(box)
            self.addTopLevelItem(item)
            item.setSelected(any(image is row.image for image in marked))
            self.setItemWidget(item, 1, box)
            self._boxes.append(box)
        self._filling = False
        high = self.sizeHintForRow(0) if rows else 20
        shown = min(max(len(rows), 1), ROWS)
        self.setFixedHeight(self.header().sizeHint().height() + 6 + high * shown)
        self._changed()

    def _changed(self) -> None:
        if self._filling:
            return
        self._unfollow()
        for row in self.rows:
            for layer in (row.image, row.cells) if row.ticked else ():
                self._follow(layer)
        self.chosen.emit()

    def _follow(self, layer: Any) -> None:
        for name in ("data", "set_data", "scale", "translate", "affine", "features", "paint"):
            emitter = getattr(layer.events, name, None) if layer is not None else None
            if emitter is not None:
                emitter.connect(self._touched)
                self._followed.append((emitter, layer))

    def _unfollow(self) -> None:
        for emitter, _ in self._followed:
            emitter.disconnect(self._touched)
        self._followed = []

    def _on_marks(self, event: Any = None) -> None:
        if not self._filling:
            self.marks_changed.emit()

    def _touched(self, event: Any = None) -> None:
        self.chosen.emit()

    def _item(self, row: int) -> QTreeWidgetItem:
        item = self.topLevelItem(row)
        assert item is not None
        return item


def follow_emitters(widget: Any, emitters: tuple[Any, ...], react: Callable[..., Any]) -> None:
    """Call a widget's method at napari's events as long as the widget is there."""
    method = WeakMethod(react)
    for emitter in emitters:
        emitter.connect(react)

    def forget() -> None:
        alive = method()
        if alive is not None:
            # the group's own disconnect does not reach its emitters
            for emitter in emitters:
                emitter.disconnect(alive)

    when_destroyed(widget, forget)


def _nothing() -> None:
    """Do nothing."""


def _alike(row: _Row, layer: Cells) -> int:
    """Length of what two names share."""
    names = row.image.name.lower(), layer.name.lower()
    return SequenceMatcher(None, *names).find_longest_match().size


def _numbers_of_labels(image: Image) -> int:
    """Count the labels in the middle of an image; 0 if it looks like a picture, not like labels.

    Of labels, neighbouring pixels that are not 0 mostly have the same number.
    """
    data = full_resolution(image)
    if image.rgb or not np.issubdtype(data.dtype, np.integer):
        return 0
    middle = [slice(max(size // 2 - 256, 0), size // 2 + 256) for size in data.shape[-2:]]
    plane = np.asarray(data[(0,) * (data.ndim - 2) + tuple(middle)])
    inside = plane[:, 1:] != 0
    if not inside.any() or (plane[:, 1:] == plane[:, :-1])[inside].mean() <= 0.8:
        return 0
    return len(np.unique(plane[plane != 0]))


def _of_another(row: _Row, layer: Cells, rows: list[_Row]) -> bool:
    """Whether a layer is named after another image, one that is no channel of this one."""
    return any(
        _alike(other, layer) > _alike(row, layer)
        and fits(other.image, layer)
        and not _are_channels(row.image, other.image)
        for other in rows
    )


def _are_channels(one: Image, other: Image) -> bool:
    """Whether images are shown as channels of one another: napari adds up their light."""
    return bool(one.blending == other.blending == "additive")


def _size(image: Image) -> str:
    return " × ".join(map(str, image.data.shape)) + f", {image.data.dtype}"
