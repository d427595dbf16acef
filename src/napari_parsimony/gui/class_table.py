"""The list of classes in the dock 'Annotate'."""

from collections.abc import Callable
from functools import partial

from qtpy.QtCore import QSignalBlocker, QSize, Qt, Signal
from qtpy.QtGui import QColor, QIcon, QKeyEvent, QPixmap
from qtpy.QtWidgets import (
    QAbstractItemView,
    QColorDialog,
    QHeaderView,
    QSizePolicy,
    QTableWidget,
    QTableWidgetItem,
    QToolButton,
    QWidget,
)

from napari_parsimony.cells.table import SPLITS
from napari_parsimony.errors import UserError
from napari_parsimony.gui.annotate_keys import key_of
from napari_parsimony.gui.annotator import Annotator
from napari_parsimony.gui.dock import warning_ink

COLUMNS = {
    "key": "Press this key to give the selected cell the class. Alt+Up and Alt+Down move the "
    "chosen class to another key.",
    "": "Colour of the class: click it to choose another.",
    "class": "Name of the class: double-click, or press F2, to change it on all cells.",
    "train": "Cells of the class that networks and equations are fitted to.",
    "valid.": "Cells of the class that decide when training stops, and which network is used.",
    "test": "Cells of the class that are held out: only the evaluation looks at them.",
}
KEY_COLUMN, COLOUR, NAME, FIRST = 0, 1, 2, 3
ROW, SWATCH = 24, 14  # logical pixels
MOST_ROWS = 8  # in sight at once
QWIDGETSIZE_MAX = (1 << 24) - 1  # Qt's "no maximum", which its bindings do not name


class ClassTable(QTableWidget):
    """A row a class: its number key, colour, name, and how many cells of each split have it.

    Attributes
    ----------
    failed
        What was asked for cannot be done: a sentence.
    """

    failed = Signal(str)

    def __init__(self, annotator: Annotator) -> None:
        super().__init__(0, len(COLUMNS))
        self.annotator = annotator
        self._shown: object = None
        self.setHorizontalHeaderLabels(list(COLUMNS))
        for column, tip in enumerate(COLUMNS.values()):
            self.horizontalHeaderItem(column).setToolTip(f"<qt>{tip}</qt>")
        self.setToolTip(
            "<qt>Classes. The chosen one is what 'Paint' gives; its number key gives it to the "
            "selected cells.</qt>"
        )
        header = self.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(NAME, QHeaderView.ResizeMode.Stretch)
        header.setMinimumSectionSize(SWATCH + 12)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(ROW)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        triggers = QAbstractItemView.EditTrigger
        self.setEditTriggers(triggers.DoubleClicked | triggers.EditKeyPressed)
        self.setIconSize(QSize(SWATCH, SWATCH))
        # as high as its rows, whatever the theme adds to them
        self.setSizeAdjustPolicy(QAbstractItemView.SizeAdjustPolicy.AdjustToContents)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.itemChanged.connect(self._on_edited)

    @property
    def name(self) -> str | None:
        """The class whose row is chosen, None if none is."""
        item = self.item(self.currentRow(), NAME)
        return None if item is None else str(item.data(Qt.ItemDataRole.UserRole))

    def choose(self, name: str) -> None:
        """Choose the row of a class."""
        names = list(self.annotator.colours)
        if name in names:
            self.setCurrentCell(names.index(name), NAME)

    def edit_name(self) -> None:
        """Let the name of the chosen class be typed."""
        item = self.item(self.currentRow(), NAME)
        if item is not None:
            self.editItem(item)

    def show_classes(self) -> None:
        """Show the classes as they are now."""
        colours, numbers = self.annotator.colours, self.annotator.counts.to_numpy().tolist()
        if (now := (list(colours.items()), numbers)) == self._shown:
            return  # a name that is being typed is left alone
        self._shown = now
        chosen, row_before = self.name, self.currentRow()
        with QSignalBlocker(self):
            self.setRowCount(len(colours))
            for row, (name, colour) in enumerate(colours.items()):
                key = str(row + 1) if row < 9 else ""
                self._set(row, KEY_COLUMN, key, COLUMNS["key"] if key else "Only nine have keys.")
                self._set(row, NAME, name, COLUMNS["class"], editable=True)
                self.item(row, NAME).setData(Qt.ItemDataRole.UserRole, name)
                self._set_swatch(row, name, colour)
                for column, (split, number) in enumerate(zip(SPLITS, numbers[row], strict=True)):
                    tip = f"{number:,} cells of '{name}' are in the {split} split."
                    self._set(row, FIRST + column, f"{number:,}", tip, lacks=number == 0)
            names = list(colours)
            row = names.index(chosen) if chosen in names else min(row_before, len(names) - 1)
            self.setCurrentCell(max(row, 0), NAME)
        few = len(colours) <= MOST_ROWS
        bar = Qt.ScrollBarPolicy
        self.setVerticalScrollBarPolicy(bar.ScrollBarAlwaysOff if few else bar.ScrollBarAsNeeded)
        header = self.horizontalHeader().sizeHint().height()
        self.setMaximumHeight(QWIDGETSIZE_MAX if few else header + ROW * MOST_ROWS + ROW // 2)
        self.updateGeometry()

    def move_class(self, by: int) -> None:
        """Move the chosen class up (-1) or down (1), and so to another key."""
        name = self.name
        if name is not None:
            self.try_to(lambda: self.annotator.move(name, by))
            self.choose(name)

    def _set(
        self,
        row: int,
        column: int,
        text: str,
        tip: str,
        *,
        editable: bool = False,
        lacks: bool = False,
    ) -> None:
        item = QTableWidgetItem(text)
        item.setToolTip(f"<qt>{tip}</qt>")
        flags = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        item.setFlags(flags | Qt.ItemFlag.ItemIsEditable if editable else flags)
        if column != NAME:
            item.setTextAlignment(Qt.AlignmentFlag.AlignCenter)
        if lacks:
            font = item.font()
            font.setBold(True)
            item.setFont(font)
            item.setForeground(QColor(warning_ink(self)))
        self.setItem(row, column, item)

    def _set_swatch(self, row: int, name: str, colour: str) -> None:
        button = self.cellWidget(row, COLOUR)
        if not isinstance(button, QToolButton):
            button = QToolButton()
            button.setAutoRaise(True)
            self.setCellWidget(row, COLOUR, button)
        else:
            button.clicked.disconnect()
        button.clicked.connect(partial(self._ask_colour, name))
        button.setToolTip(f"<qt>Colour of '{name}': click to choose another.</qt>")
        button.setAccessibleName(f"Colour of {name}")
        button.setIcon(swatch(colour, self))
        button.setIconSize(QSize(SWATCH, SWATCH))

    def _ask_colour(self, name: str, *_: object) -> None:
        before = QColor(self.annotator.colours[name])
        colour = QColorDialog.getColor(before, self, f"Colour of '{name}'")
        if colour.isValid():
            self.try_to(lambda: self.annotator.recolour(name, colour.name()))

    def try_to(self, change: Callable[[], object]) -> None:
        """Call what may raise a `UserError`, and tell that."""
        try:
            change()
        except UserError as error:
            self._shown = None  # what was typed is not so
            self.show_classes()
            self.failed.emit(str(error))

    def _on_edited(self, item: QTableWidgetItem) -> None:
        name = str(item.data(Qt.ItemDataRole.UserRole))
        if item.column() == NAME and item.text().strip() != name:
            self.try_to(lambda: self.annotator.rename(name, item.text()))

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: D102
        way = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}.get(event.key())
        held = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        if way and held == Qt.KeyboardModifier.AltModifier:
            self.move_class(way)
        elif key_of(event) is not None:
            event.ignore()  # not a search in the list: the dock knows what to do
        else:
            super().keyPressEvent(event)


def swatch(colour: str, widget: QWidget) -> QIcon:
    """Square of a colour."""
    ratio = widget.devicePixelRatioF()
    pixmap = QPixmap(round(SWATCH * ratio), round(SWATCH * ratio))
    pixmap.setDevicePixelRatio(ratio)
    pixmap.fill(QColor(colour))
    return QIcon(pixmap)
