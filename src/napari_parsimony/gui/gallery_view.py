"""Crops side by side: pictures are made when they come into sight, however many cells there are."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import (
    QAbstractListModel,
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QRect,
    QSize,
    Qt,
    Signal,
)
from qtpy.QtGui import QColor, QKeyEvent, QPainter, QPen, QPixmap
from qtpy.QtWidgets import (
    QAbstractItemView,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
)

from napari_parsimony.figures.palette import QUIET
from napari_parsimony.gui.annotate_keys import key_of

KEPT = 3000  # pictures
BORDER, GAP = 3, 3  # logical pixels


class Crops(QAbstractListModel):
    """Rows of the table of cells, in an order.

    Attributes
    ----------
    rows
        (M,) rows of the table of cells.
    picture, colour, caption, tip
        Say of a row its picture, the colour of its class, the text below it, and all about it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.rows: NDArray[np.int64] = np.zeros(0, np.int64)
        self._place: dict[int, int] | None = None
        self._pictures: OrderedDict[int, QPixmap] = OrderedDict()
        self.picture: Callable[[int], QPixmap] = lambda row: QPixmap()
        self.colour: Callable[[int], str | None] = lambda row: None
        self.caption: Callable[[int], str] = lambda row: ""
        self.tip: Callable[[int], str] = lambda row: ""
        self.current: int | None = None

    def set_rows(self, rows: NDArray[np.int64]) -> bool:
        """Show other cells, or the same otherwise sorted; says whether anything is different."""
        if np.array_equal(rows, self.rows):
            return False
        self.beginResetModel()
        self.rows, self._place = rows, None
        self.endResetModel()
        return True

    def forget_pictures(self) -> None:
        """Make all pictures anew."""
        self._pictures.clear()

    def place_of(self, row: int) -> int | None:
        """Where a cell is shown, None if it is not."""
        if self._place is None:
            self._place = {row: place for place, row in enumerate(self.rows.tolist())}
        return self._place.get(row)

    def rowCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008, D102
        return 0 if parent.isValid() else len(self.rows)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:  # noqa: D102
        if not index.isValid() or index.row() >= len(self.rows):
            return None
        row = int(self.rows[index.row()])
        if role == Qt.ItemDataRole.DisplayRole:
            return self.caption(row)
        if role == Qt.ItemDataRole.ToolTipRole:
            return self.tip(row)
        return None

    def picture_at(self, place: int) -> QPixmap:
        """Picture of the cell at a place, made or remembered."""
        row = int(self.rows[place])
        known = self._pictures.get(row)
        if known is None:
            known = self._pictures[row] = self.picture(row)
            if len(self._pictures) > KEPT:
                self._pictures.popitem(last=False)
        else:
            self._pictures.move_to_end(row)
        return known


class _Delegate(QStyledItemDelegate):
    """Draws a crop in a border of its class's colour, with a text below."""

    size = QSize()

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex) -> QSize:
        return self.size

    def paint(
        self, painter: QPainter | None, option: QStyleOptionViewItem, index: QModelIndex
    ) -> None:
        model = index.model()
        assert painter is not None
        assert isinstance(model, Crops)
        row = int(model.rows[index.row()])
        side = option.rect.width() - 2 * GAP
        outside = QRect(option.rect.x() + GAP, option.rect.y() + GAP, side, side)
        painter.save()
        if option.state & QStyle.StateFlag.State_Selected:
            shade = option.palette.windowText().color()
            shade.setAlpha(90)
            painter.fillRect(option.rect, shade)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.fillRect(outside, QColor(model.colour(row) or QUIET))
        inset = BORDER if model.colour(row) else 1
        inside = outside.adjusted(inset, inset, -inset, -inset)
        painter.drawPixmap(inside, model.picture_at(index.row()))
        if row == model.current:
            for colour, width in (("black", 4), ("white", 2)):
                painter.setPen(QPen(QColor(colour), width))
                painter.drawRect(inside.adjusted(2, 2, -3, -3))
        below = QRect(
            outside.x(), outside.bottom() + 1, side, option.rect.bottom() - outside.bottom()
        )
        painter.setPen(option.palette.windowText().color())
        painter.drawText(below, Qt.AlignmentFlag.AlignCenter, model.caption(row))
        painter.restore()


class GalleryView(QListView):
    """Crops in lines as wide as the view.

    Attributes
    ----------
    picked
        The user chose cells: the row that was last clicked, or None, and all rows, (N,).
    pressed
        One of the keys that annotate.
    """

    picked = Signal(object, object)
    pressed = Signal(str)

    def __init__(self, model: Crops) -> None:
        super().__init__()
        self.crops = model
        self.setModel(model)
        self._delegate = _Delegate(self)
        self.setItemDelegate(self._delegate)
        self.setFlow(QListView.Flow.LeftToRight)
        self.setWrapping(True)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setUniformItemSizes(True)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self._quiet = False
        self.set_side(64)
        self.selectionModel().selectionChanged.connect(self._on_selection)
        self.selectionModel().currentChanged.connect(self._on_selection)

    def set_side(self, side: int) -> None:
        """Draw crops of this width, in logical pixels."""
        text = self.fontMetrics().height() + 2
        size = QSize(side + 2 * (GAP + BORDER), side + 2 * (GAP + BORDER) + text)
        self._delegate.size = size
        self.scheduleDelayedItemsLayout()
        self.verticalScrollBar().setSingleStep(size.height() // 2)

    def selected_rows(self) -> NDArray[np.int64]:
        """Rows of the cells that are selected here, ascending."""
        ranges = self.selectionModel().selection()
        parts = [self.crops.rows[part.top() : part.bottom() + 1] for part in ranges]
        return np.sort(np.concatenate([np.zeros(0, np.int64), *parts]))

    def show_rows(self, rows: NDArray[np.int64]) -> None:
        """Show other cells; those that stay selected, and how far it is scrolled, are kept."""
        selected, scrolled = self.selected_rows(), self.verticalScrollBar().value()
        self._quiet = True
        if self.crops.set_rows(rows):
            self.select_rows(selected, None)
            self.executeDelayedItemsLayout()
            self.verticalScrollBar().setValue(scrolled)
        self._quiet = False
        self.viewport().update()

    def select_rows(
        self, rows: NDArray[np.int64], current: int | None, *, scroll: bool = True
    ) -> None:
        """Show these cells as selected, and bring the current one into sight; tells nobody."""
        if current is None and np.array_equal(rows, self.selected_rows()):
            self.viewport().update()
            return
        places = np.flatnonzero(np.isin(self.crops.rows, rows))
        selection = QItemSelection()
        for part in np.split(places, np.flatnonzero(np.diff(places) > 1) + 1):
            if len(part):
                first, last = (self.crops.index(int(part[i])) for i in (0, -1))
                selection.select(first, last)
        flags = QItemSelectionModel.SelectionFlag
        place = None if current is None else self.crops.place_of(current)
        self._quiet = True
        self.selectionModel().select(selection, flags.ClearAndSelect)
        if place is not None:
            index = self.crops.index(place)
            self.selectionModel().setCurrentIndex(index, flags.NoUpdate)
            if scroll:
                self.scrollTo(index)
        self._quiet = False
        self.viewport().update()

    def _on_selection(self, *_: object) -> None:
        if self._quiet:
            return
        index, rows = self.currentIndex(), self.selected_rows()
        here = index.isValid() and self.selectionModel().isSelected(index)
        self.picked.emit(int(self.crops.rows[index.row()]) if here else None, rows)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: D102
        key = key_of(event)
        if key is not None:
            self.pressed.emit(key)
        else:
            super().keyPressEvent(event)
