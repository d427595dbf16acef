"""What each term adds to a score, as bars."""

from collections.abc import Sequence

from qtpy.QtCore import QRectF, QSize, Qt
from qtpy.QtGui import QColor, QPainter, QPaintEvent
from qtpy.QtWidgets import QSizePolicy, QWidget

from napari_parsimony.figures.palette import NEGATIVE, POSITIVE

_ROW, _GAP = 20, 6


class TermBars(QWidget):
    """A row for each term: what it says, its bar from a common zero, its value."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setToolTip("What each term of the equation adds to the score of this position.")
        self._terms: list[tuple[str, float]] = []

    def value(self) -> list[tuple[str, float]]:
        """Text and value of each term."""
        return list(self._terms)

    def set_value(self, texts: Sequence[str], values: Sequence[float]) -> None:
        """Show terms."""
        grown = len(texts) != len(self._terms)
        self._terms = list(zip(texts, values, strict=True))
        if grown:
            self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:  # noqa: D102
        return QSize(200, _ROW * len(self._terms))

    minimumSizeHint = sizeHint

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: D102
        if not self._terms:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        ink = self.palette().windowText().color()
        metrics = painter.fontMetrics()
        finite = [abs(value) for _, value in self._terms if abs(value) < float("inf")]
        most = max([*finite, 1e-9])
        # drawn a little wider than measured on some screens
        wide = max(metrics.horizontalAdvance(text) for text, _ in self._terms) + 4
        left = min(wide, int(self.width() * 0.45)) + _GAP
        right = metrics.horizontalAdvance("−0000.00") + _GAP
        half = max((self.width() - left - right) / 2, 1)
        for row, (text, value) in enumerate(self._terms):
            top = row * _ROW
            line = QRectF(0, top, left - _GAP, _ROW)
            short = metrics.elidedText(text, Qt.TextElideMode.ElideRight, int(line.width()))
            painter.setPen(ink)
            painter.drawText(line, Qt.AlignmentFlag.AlignVCenter, short)
            length = half * min(abs(value) / most, 1.0) if value == value else 0.0
            start = left + half - (length if value < 0 else 0)
            colour = QColor(POSITIVE if value > 0 else NEGATIVE)
            painter.fillRect(QRectF(start, top + 4, length, _ROW - 8), colour)
            number = QRectF(self.width() - right, top, right, _ROW)
            aligned = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
            painter.drawText(number, aligned, f"{value:+.2f}".replace("-", "−"))
        painter.setPen(QColor(ink.red(), ink.green(), ink.blue(), 120))
        painter.drawLine(int(left + half), 0, int(left + half), _ROW * len(self._terms))
        painter.end()
