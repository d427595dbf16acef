"""A confusion table whose cells can be clicked."""

from collections.abc import Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QRect, QSize, Qt, Signal
from qtpy.QtGui import QColor, QFontMetrics, QPainter, QPaintEvent
from qtpy.QtWidgets import QGridLayout, QLabel, QPushButton, QSizePolicy, QWidget

from napari_parsimony.figures.palette import LIGHT, QUIET, Theme
from napari_parsimony.figures.text import shortened
from napari_parsimony.gui.dock import LETTERS, delete_later, ink


class ConfusionView(QWidget):
    """What cells are, in rows, and what they are said to be, in columns.

    Attributes
    ----------
    clicked
        A cell of the table was clicked: row and column.
    """

    clicked = Signal(int, int)

    def __init__(self) -> None:
        super().__init__()
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(3)
        self.buttons: dict[tuple[int, int], QPushButton] = {}
        self._counts: NDArray[np.int64] = np.zeros((0, 0), np.int64)
        self._ground: tuple[str, ...] = ()
        self._several = False

    def value(self) -> NDArray[np.int64]:
        """Return the counts, (rows, columns)."""
        return self._counts.copy()

    def set_value(
        self,
        counts: NDArray[np.int64],
        rows: Sequence[str],
        columns: Sequence[str],
        colours: Sequence[str],
        selected: tuple[int, int] | None = None,
        theme: Theme = LIGHT,
    ) -> None:
        """Show counts.

        Parameters
        ----------
        counts
            (rows, columns).
        rows, columns
            What the cells are, and what they are said to be.
        colours
            Of the rows; of a column that is none of them, grey.
        selected
            The cell of the table whose cells are selected.
        theme
            Of the viewer.
        """
        self._counts = np.asarray(counts, np.int64)
        self._ground = (*colours, QUIET)
        # of many classes, names share what room there is
        self._several = len(columns) > 3
        focus = next((at for at, button in self.buttons.items() if button.hasFocus()), None)
        while (item := self._grid.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                delete_later(widget)
        self.buttons = {}
        self._grid.addWidget(_text("annotated ↓<br>predicted →", "Rows: annotations."), 0, 0)
        for column, name in enumerate(columns):
            colour = ink(colours[column], theme) if column < len(colours) else theme.ink
            label = _Heading(name, colour, upright=self._several)
            self._grid.addWidget(label, 0, column + 1)
            self._grid.setColumnStretch(column + 1, 1)
        for row, name in enumerate(rows):
            total = int(self._counts[row].sum())
            title = _text(
                f"<b>{escape(shortened(name, LETTERS))}</b><br>{total:,}", f"{total:,} are {name}."
            )
            self._grid.addWidget(title, row + 1, 0)
            for column, said in enumerate(columns):
                button = self._button(row, column, total, name, said, (row, column) == selected)
                self.buttons[row, column] = button
                self._grid.addWidget(button, row + 1, column + 1)
        if focus in self.buttons:
            self.buttons[focus].setFocus()

    def _button(
        self, row: int, column: int, total: int, name: str, said: str, selected: bool
    ) -> QPushButton:
        count = int(self._counts[row, column])
        share = count / total if total else 0.0
        short = f"{count:,}" if self._several or not total else f"{count:,}\n{share:.0%}"
        button = QPushButton(short)
        button.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        button.setFixedHeight(32 if self._several else 46)
        button.setEnabled(count > 0)
        cells = "cell" if count == 1 else "cells"
        button.setToolTip(
            f"<qt>{count:,} {cells} ({share:.0%}) annotated as {escape(name)}, predicted to be "
            f"{escape(said)}. Click to select them on the images.</qt>"
        )
        colour = QColor(self._ground[column])
        colour.setAlphaF(0.12 + 0.68 * share)
        border = "2px solid #ffd400" if selected else "1px solid transparent"
        rgb = f"rgba({colour.red()},{colour.green()},{colour.blue()},{colour.alpha()})"
        button.setStyleSheet(
            f"QPushButton {{ background-color: {rgb}; border: {border}; border-radius: 3px; }}"
            "QPushButton:focus { border: 2px solid palette(highlight); }"
            "QPushButton:hover { border: 2px solid #888888; }"
        )
        button.clicked.connect(lambda *_: self.clicked.emit(row, column))
        return button


class _Heading(QWidget):
    """Name of a column, upright where columns are narrow; cut visibly where it is too long."""

    def __init__(self, name: str, colour: str, *, upright: bool) -> None:
        super().__init__()
        self._name, self._colour, self._upright = name, colour, upright
        self.setToolTip(f"<qt>Predicted to be {escape(name)}.</qt>")
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)

    def sizeHint(self) -> QSize:
        metrics = self._metrics()
        long = metrics.horizontalAdvance(shortened(self._name, LETTERS + 2)) + 6
        return QSize(20, long if self._upright else 2 * metrics.height())

    def _metrics(self) -> QFontMetrics:
        font = self.font()
        font.setBold(True)
        return QFontMetrics(font)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, font = QPainter(self), self.font()
        font.setBold(True)
        painter.setFont(font)
        painter.setPen(QColor(self._colour))
        long, wide = self.width(), self.height()
        aligned = Qt.AlignmentFlag.AlignCenter
        if self._upright:
            long, wide = wide, long
            painter.rotate(-90)
            painter.translate(-long, 0)
            aligned = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
        text = self._metrics().elidedText(self._name, Qt.TextElideMode.ElideRight, long)
        painter.drawText(QRect(0, 0, long, wide), aligned, text)
        painter.end()


def _text(text: str, tip: str) -> QLabel:
    label = QLabel(text)
    label.setToolTip(f"<qt>{escape(tip)}</qt>")
    return label
