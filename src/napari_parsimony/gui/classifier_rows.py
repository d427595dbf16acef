"""Numbers between two bounds as rows of bars or of points with intervals; rows can be clicked."""

from collections.abc import Sequence
from dataclasses import dataclass

from qtpy.QtCore import QEvent, QRectF, QSize, Qt, Signal
from qtpy.QtGui import (
    QColor,
    QFocusEvent,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
)
from qtpy.QtWidgets import QSizePolicy, QToolTip, QWidget

from napari_parsimony.figures.palette import ACCENT

_ROW, _GAP = 21, 6


@dataclass(frozen=True)
class Row:
    """One number.

    Attributes
    ----------
    key
        What a click on the row tells.
    label, text, tip
        What stands left and right of it, and the tooltip.
    value
        The number; None where there is none.
    low, high
        Its interval.
    behind
        Another number, drawn faint behind a bar.
    bold
        Whether the label is.
    """

    key: str
    label: str
    text: str
    tip: str
    value: float | None
    low: float | None = None
    high: float | None = None
    behind: float | None = None
    bold: bool = False


class Rows(QWidget):
    """Rows of numbers on one scale.

    Parameters
    ----------
    tip
        What the rows are.
    bars
        Bars from the lower bound; otherwise points.

    Attributes
    ----------
    clicked
        A row was clicked, or chosen by Enter: its key.
    """

    clicked = Signal(str)

    def __init__(self, tip: str, *, bars: bool = False) -> None:
        super().__init__()
        self._bars, self._rows, self._bounds = bars, list[Row](), (0.0, 1.0)
        self._current = -1
        self.chosen: str | None = None
        self.setToolTip(tip)
        self.setAccessibleName(tip)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def value(self) -> list[Row]:
        """Rows from top to bottom."""
        return list(self._rows)

    def set_value(
        self, rows: Sequence[Row], bounds: tuple[float, float] = (0.0, 1.0), chosen: str = ""
    ) -> None:
        """Show rows; the one with the key `chosen` is marked."""
        if len(rows) != len(self._rows):
            self._current = -1
        self._rows, self._bounds, self.chosen = list(rows), bounds, chosen
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:  # noqa: D102
        return QSize(200, _ROW * len(self._rows) + 2)

    minimumSizeHint = sizeHint

    def row_at(self, y: float) -> int:
        """Find the row at a height, -1 if there is none."""
        row = int(y // _ROW)
        return row if 0 <= row < len(self._rows) else -1

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: D102
        self._choose(self.row_at(event.position().y()))

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: D102
        self._current = max(self._current, 0)
        super().focusInEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: D102
        step = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}.get(Qt.Key(event.key()))
        if step and self._rows:
            self._current = min(max(self._current + step, 0), len(self._rows) - 1)
            self.update()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self._choose(self._current)
        else:
            super().keyPressEvent(event)

    def _choose(self, row: int) -> None:
        if row >= 0:
            self._current = row
            self.update()
            self.clicked.emit(self._rows[row].key)

    def event(self, event: QEvent) -> bool:
        """Show the tooltip of the row below the mouse."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            row = self.row_at(event.pos().y())
            QToolTip.showText(
                event.globalPos(), self._rows[row].tip if row >= 0 else self.toolTip(), self
            )
            return True
        return bool(super().event(event))

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: D102
        if not self._rows:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        ink = self.palette().windowText().color()
        metrics = painter.fontMetrics()
        # bold letters are wider
        wide = max(metrics.horizontalAdvance(row.label) for row in self._rows) * 1.12
        left = min(wide + 4, self.width() * 0.5) + _GAP
        right = max(metrics.horizontalAdvance(row.text) for row in self._rows) + _GAP
        span = max(self.width() - left - right - _GAP, 10)
        low, high = self._bounds

        def across(value: float) -> float:
            share = (value - low) / ((high - low) or 1)
            return left + span * min(max(share, 0.0), 1.0)

        for number, row in enumerate(self._rows):
            top = number * _ROW
            here = self.hasFocus() and number == self._current
            if here or row.key == self.chosen:
                ground = QRectF(0.5, top + 0.5, self.width() - 1, _ROW - 1)
                painter.fillRect(ground, _faded(ink, 30))
                if here:
                    painter.setPen(_faded(ink, 120))
                    painter.drawRect(ground)
            font = painter.font()
            font.setBold(row.bold)
            painter.setFont(font)
            painter.setPen(ink)
            place = QRectF(2, top, left - _GAP - 2, _ROW)
            short = painter.fontMetrics().elidedText(
                row.label, Qt.TextElideMode.ElideRight, int(place.width())
            )
            painter.drawText(place, Qt.AlignmentFlag.AlignVCenter, short)
            font.setBold(False)
            painter.setFont(font)
            aligned = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
            painter.drawText(QRectF(self.width() - right, top, right - 2, _ROW), aligned, row.text)
            middle = top + _ROW / 2
            painter.setPen(_faded(ink, 60))
            painter.drawLine(int(left), int(middle), int(left + span), int(middle))
            if row.behind is not None:
                bar = QRectF(left, top + 4, across(row.behind) - left, _ROW - 8)
                painter.fillRect(bar, _faded(ink, 70))
            if row.value is None:
                continue
            colour = QColor(ACCENT)
            if self._bars:
                painter.fillRect(QRectF(left, top + 7, across(row.value) - left, _ROW - 14), colour)
                continue
            if row.low is not None and row.high is not None:
                painter.setPen(QPen(colour, 2))
                painter.drawLine(
                    int(across(row.low)), int(middle), int(across(row.high)), int(middle)
                )
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colour)
            painter.drawEllipse(QRectF(across(row.value) - 4, middle - 4, 8, 8))
        painter.end()


def _faded(colour: QColor, alpha: int) -> QColor:
    return QColor(colour.red(), colour.green(), colour.blue(), alpha)
