"""What the colours of the cells mean: a scale of colours with numbers, or classes with counts."""

from html import escape

import numpy as np
from qtpy.QtCore import QPointF, QRectF, QSize, Qt
from qtpy.QtGui import QColor, QLinearGradient, QPainter, QPaintEvent
from qtpy.QtWidgets import QLabel, QSizePolicy, QVBoxLayout, QWidget

from napari_parsimony.figures.text import numbers, shortened
from napari_parsimony.gui.colours import Bar, ramp
from napari_parsimony.gui.dock import follow
from napari_parsimony.gui.overlay import Overlay

HEIGHT = 12  # pixels of the bar


class ColourBar(QWidget):
    """A scale of colours, with what its ends mean above and numbers below."""

    def __init__(self) -> None:
        super().__init__()
        self._bar: Bar | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def value(self) -> Bar | None:
        """Return the scale."""
        return self._bar

    def set_value(self, bar: Bar | None) -> None:
        """Show another scale."""
        self._bar = bar
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:  # noqa: D102
        lines = 2 if self._bar is not None and any(self._bar.ends) else 1
        return QSize(200, HEIGHT + lines * self.fontMetrics().height() + 2)

    minimumSizeHint = sizeHint

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: D102
        bar = self._bar
        if bar is None:
            return
        painter, metrics = QPainter(self), self.fontMetrics()
        line, width = metrics.height(), self.width() - 2
        top = line if any(bar.ends) else 0
        painter.setPen(self.palette().windowText().color())
        left, right = Qt.AlignmentFlag.AlignLeft, Qt.AlignmentFlag.AlignRight
        half = QSize(width // 2, line)
        for text, x, aligned in zip(bar.ends, (1, 1 + width // 2), (left, right), strict=True):
            room = metrics.elidedText(text, Qt.TextElideMode.ElideRight, half.width() - 4)
            painter.drawText(QRectF(x, 0, half.width(), line), aligned, room)
        gradient = QLinearGradient(QPointF(1, 0), QPointF(1 + width, 0))
        steps = ramp(bar, 16)
        for place, colour in zip(np.linspace(0, 1, len(steps)), steps, strict=True):
            gradient.setColorAt(float(place), QColor.fromRgbF(*map(float, colour)))
        painter.fillRect(QRectF(1, top, width, HEIGHT), gradient)
        values = [bar.low, (bar.low + bar.high) / 2, bar.high]
        aligned = (left, Qt.AlignmentFlag.AlignHCenter, right)
        for text, side in zip(numbers(values), aligned, strict=True):
            painter.drawText(QRectF(1, top + HEIGHT, width, line), side, text)
        painter.end()


class ColourLegend(QWidget):
    """What the colours mean now, for the cells of the picture that is shown."""

    def __init__(self, overlay: Overlay) -> None:
        super().__init__()
        self.overlay = overlay
        self.bar, self.classes, self.meaning = ColourBar(), QLabel(), QLabel()
        self.bar.setToolTip("Colours and the values that they stand for.")
        self.classes.setToolTip("Colours of the classes, and how many cells of this image have it.")
        self.meaning.setToolTip("What the colours mean.")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        for label in (self.classes, self.meaning):
            label.setWordWrap(True)
        small = self.meaning.font()
        small.setPointSizeF(small.pointSizeF() * 0.9)
        self.meaning.setFont(small)
        for widget in (self.bar, self.classes, self.meaning):
            layout.addWidget(widget)
        follow(self, overlay.look_changed, self._show)
        self._show()

    def _show(self) -> None:
        colouring, picture = self.overlay.colouring, self.overlay.picture
        self.setVisible(colouring is not None)
        if colouring is None:
            return
        self.bar.set_value(colouring.bar)
        self.bar.setVisible(colouring.bar is not None)
        self.classes.setVisible(bool(colouring.names))
        shown = np.zeros(0, np.intp) if picture is None else colouring.shade[picture.rows]
        counts = np.bincount(shown, minlength=len(colouring.colours))
        parts = []
        for name, colour, count in zip(colouring.names, colouring.colours, counts, strict=False):
            square = QColor.fromRgbF(*map(float, colour)).name()
            text = escape(shortened(name, 24)).replace(" ", "&nbsp;")
            if count or name in self.overlay.session.classes:
                parts.append(f"<span style='color:{square}'>■</span>&nbsp;{text}&nbsp;{count}")
        where = "In this image: &nbsp; " if self.overlay.shows_a_part else ""
        self.classes.setText(where + " &nbsp; ".join(parts))
        self.meaning.setText(colouring.meaning)
