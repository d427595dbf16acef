"""Small live charts: how the numbers that a step reports go."""

import math
from bisect import bisect
from collections.abc import Mapping, Sequence
from itertools import groupby

from qtpy.QtCore import QPointF, QRectF, QSize, Qt
from qtpy.QtGui import QColor, QPainter, QPaintEvent, QPen, QPolygonF
from qtpy.QtWidgets import QSizePolicy, QWidget

from napari_parsimony.figures.palette import ACCENT, NEGATIVE, POSITIVE

COLOURS = (NEGATIVE, POSITIVE, ACCENT)
POINTS = 400  # more than there are pixels


class Curves(QWidget):
    """Up to three curves over the work done, painted at most once an event loop turn.

    Parameters
    ----------
    names
        The numbers to draw; by default all losses and errors that a step reports.
    height
        In pixels.
    """

    def __init__(
        self, parent: QWidget | None = None, names: Sequence[str] = (), height: int = 110
    ) -> None:
        super().__init__(parent)
        self._names, self._height = tuple(names), height
        self.clear()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setToolTip("How the loss falls while the step runs.")

    def sizeHint(self) -> QSize:
        """Size to begin with."""
        return QSize(120, self._height)

    @property
    def curves(self) -> dict[str, list[tuple[float, float]]]:
        """Points of every curve."""
        return self._curves

    def clear(self) -> None:
        """Begin again."""
        self._curves: dict[str, list[tuple[float, float]]] = {}
        self._phase, self._starts = "", list[float]()
        self.update()

    def add(self, done: float, values: Mapping[str, float], phase: str = "") -> None:
        """Go on with those of the values that a step reported that are drawn here.

        Another phase, such as the next network, begins new lines.
        """
        mine = {name: value for name, value in values.items() if self._draws(name)}
        if mine and phase != self._phase:
            again = bool(self._starts) and done < self._starts[-1]
            self._phase, self._starts = phase, [*([] if again else self._starts), done]
        for name, value in mine.items():
            if not math.isfinite(value):
                continue
            points = self._curves.get(name)
            if points is None:
                if len(self._curves) == len(COLOURS):
                    continue
                points = self._curves[name] = []
            if points and done < points[-1][0]:
                # the next network, or another run: it has a curve of its own
                points.clear()
            points.append((float(done), value))
            if len(points) > 2 * POINTS:
                del points[1:-1:2]
        if mine:
            self.update()

    def _draws(self, name: str) -> bool:
        return name in self._names if self._names else "loss" in name or "err" in name

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw."""
        points = [point for curve in self._curves.values() for point in curve]
        if not points:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        ink = self.palette().windowText().color()
        metrics = painter.fontMetrics()
        low, high = _range([y for _, y in points])
        first, last = min(x for x, _ in points), max(x for x, _ in points)
        texts = _short(high), _short(low)
        left = max(map(metrics.horizontalAdvance, texts)) + 8
        alone = len(self._names) == 1  # then its name is the title
        legend = {name: f"{name} {_short(curve[-1][1])}" for name, curve in self._curves.items()}
        begin = 2 if alone else left
        places, across, row = {}, begin, 0
        for name, text in legend.items():
            wide = 28 + metrics.horizontalAdvance(text)
            if across > begin and across + wide - 12 > self.width():
                across, row = begin, row + 1
            places[name] = QPointF(across, row * metrics.height())
            across += wide
        top = (row + 1) * metrics.height() + (8 if alone else 4)
        place = QRectF(left, top, self.width() - left - 6, self.height() - top - 6)

        painter.setPen(ink)
        painter.drawText(QPointF(2, place.top() + metrics.ascent() / 2), texts[0])
        painter.drawText(QPointF(2, place.bottom()), texts[1])
        faint = QColor(ink)
        faint.setAlpha(70)
        painter.setPen(faint)
        painter.drawLine(place.bottomLeft(), place.bottomRight())
        painter.drawLine(place.topLeft(), place.bottomLeft())

        middle = (metrics.height() + 4 + metrics.capHeight()) / 2
        for (name, curve), colour in zip(self._curves.items(), COLOURS, strict=False):
            colour = QColor(colour).lighter(130)
            painter.setPen(QPen(colour, 1.6))
            for _, part in groupby(curve, lambda point: bisect(self._starts, point[0])):
                spots = [
                    QPointF(
                        place.left() + place.width() * (x - first) / ((last - first) or 1),
                        place.bottom() - place.height() * (y - low) / (high - low),
                    )
                    for x, y in part
                ]
                painter.drawPolyline(QPolygonF(spots))
                # one check is a point, not a line; later, this is where it ended, or is now
                painter.setBrush(colour)
                painter.drawEllipse(spots[-1], 2, 2)
                painter.setBrush(Qt.BrushStyle.NoBrush)
            at = places[name] + QPointF(0, middle)
            if not alone:
                line = at - QPointF(0, metrics.capHeight() / 2)
                painter.drawLine(line, line + QPointF(12, 0))
                at += QPointF(16, 0)
            painter.setPen(ink)
            painter.drawText(at, legend[name])
        painter.end()


def _short(value: float) -> str:
    return f"{value:.{4 if abs(value) >= 1 else 3}g}".replace("-", "−")


def _range(values: list[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    return (low, high) if high > low else (low - 0.5, high + 0.5)
