"""The plane of a scatter plot: from values to pixels and back, and its axes."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QPointF, QRectF, Qt
from qtpy.QtGui import QColor, QPainter, QPen

from napari_parsimony.figures.palette import LIGHT, Theme
from napari_parsimony.figures.text import numbers
from napari_parsimony.gui.scatter_picture import ticks

NUMBERS, EDGE = 36, 6  # pixels for the numbers at the left, and around
SPARE = 0.06  # of the range beyond the outermost points
FARTHEST = 1e3  # views of the whole that can be zoomed out or in


@dataclass(frozen=True)
class Plane:
    """A window on the plane.

    Attributes
    ----------
    low, high
        Values at its left and right, and at its bottom and top.
    names
        Of the axes across and up.
    numbered
        Whether their values mean something.
    span
        Range of all points along both, which limits zooming.
    """

    low: tuple[float, float] = (0.0, 0.0)
    high: tuple[float, float] = (1.0, 1.0)
    names: tuple[str, str] = ("", "")
    numbered: bool = True
    span: tuple[float, float] = (1.0, 1.0)

    @classmethod
    def around(cls, points: NDArray[Any], names: tuple[str, str], numbered: bool) -> "Plane":
        """Show all points."""
        if not len(points):
            return cls(names=names, numbered=numbered)
        low, high = points.min(0).astype(float), points.max(0).astype(float)
        span = np.where(high > low, high - low, 1.0)
        low, high = (
            (low + high - span * (1 + 2 * SPARE)) / 2,
            (low + high + span * (1 + 2 * SPARE)) / 2,
        )
        return cls(_pair(low), _pair(high), names, numbered, _pair(span))

    def named(self, names: tuple[str, str]) -> "Plane":
        """Rename the axes."""
        return replace(self, names=names)

    def contains(self, point: NDArray[Any]) -> bool:
        """Whether a point is in view."""
        return bool((point >= self.low).all() and (point <= self.high).all())

    def centred(self, point: NDArray[Any]) -> "Plane":
        """Move the view so that a point is in its middle."""
        half = (np.array(self.high) - self.low) / 2
        return replace(self, low=_pair(point - half), high=_pair(point + half))

    def zoomed(self, factor: float, around: tuple[float, float]) -> "Plane":
        """Show a range that is larger by a factor, around a place that stays where it is."""
        size = np.array(self.high) - self.low
        limit = np.clip(size * factor, np.array(self.span) / FARTHEST, np.array(self.span) * 10)
        factors = limit / size
        low = around + (np.array(self.low) - around) * factors
        return replace(self, low=_pair(low), high=_pair(low + limit))

    def shifted(self, by: QPointF, area: QRectF) -> "Plane":
        """Move the view along with the mouse."""
        size = np.array(self.high) - self.low
        shift = size * (by.x() / area.width(), -by.y() / area.height())
        return replace(self, low=_pair(self.low - shift), high=_pair(self.high - shift))

    def area(self, width: int, height: int, line: int) -> QRectF:
        """Where points are in a widget, whose lines of text are so high."""
        below = line * (2 if self.numbered else 1) + 8
        left = line + (NUMBERS if self.numbered else 8)
        wide, high = width - left - EDGE, height - EDGE - below
        return QRectF(left, EDGE, max(wide, 20), max(high, 20))

    def to_pixels(self, points: NDArray[Any], area: QRectF) -> NDArray[np.float32]:
        """Where points (..., 2) are in a widget."""
        share = (points - np.array(self.low)) / (np.array(self.high) - self.low)
        size, corner = (area.width(), -area.height()), (area.left(), area.bottom())
        found: NDArray[np.float32] = (share * size + corner).astype(np.float32)
        return found

    def to_data(self, place: QPointF, area: QRectF) -> tuple[float, float]:
        """Values at a place in a widget."""
        share = np.array([
            (place.x() - area.left()) / area.width(), (area.bottom() - place.y()) / area.height(),
        ])  # fmt: skip
        return _pair(self.low + share * (np.array(self.high) - self.low))

    def rectangle_of(self, other: "Plane", area: QRectF) -> QRectF:
        """Where another window on the same plane is in this one."""
        (left, bottom), (right, top) = self.to_pixels(np.array([other.low, other.high]), area)
        return QRectF(float(left), float(top), float(right - left), float(bottom - top))


def _pair(values: NDArray[Any]) -> tuple[float, float]:
    return float(values[0]), float(values[1])


def draw_axes(painter: QPainter, plane: Plane, area: QRectF, theme: Theme) -> None:
    """Draw the frame of the points, numbers along it, and what is across and up."""
    metrics = painter.fontMetrics()
    line = metrics.height()
    ink, faint = QColor(theme.ink), QColor(theme.faint)
    ground = QColor(theme.background)
    if theme is LIGHT:
        faint, ground = ground, faint  # points of a score near 0 are white
    painter.fillRect(area, ground)
    if plane.numbered:
        _numbers(painter, plane, area, ink, faint)
    painter.setPen(ink)
    middle, elide = Qt.AlignmentFlag.AlignCenter, Qt.TextElideMode.ElideRight
    across, up = plane.names
    below = QRectF(
        area.left(), area.bottom() + (line if plane.numbered else 0) + 4, area.width(), line
    )
    painter.drawText(below, middle, metrics.elidedText(across, elide, int(area.width())))
    painter.save()
    painter.translate(2, area.bottom())
    painter.rotate(-90)
    text = metrics.elidedText(up, elide, int(area.height()))
    painter.drawText(QRectF(0, 0, area.height(), line), middle, text)
    painter.restore()


def _numbers(painter: QPainter, plane: Plane, area: QRectF, ink: QColor, faint: QColor) -> None:
    line = painter.fontMetrics().height()
    right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
    for axis, most in ((0, int(area.width() // 60)), (1, int(area.height() // 40))):
        values = ticks(plane.low[axis], plane.high[axis], most)
        for value, text in zip(values, numbers(values), strict=True):
            share = (value - plane.low[axis]) / (plane.high[axis] - plane.low[axis])
            painter.setPen(QPen(faint, 1))
            if axis == 0:
                x = area.left() + share * area.width()
                painter.drawLine(QPointF(x, area.top()), QPointF(x, area.bottom()))
                box = QRectF(x - 40, area.bottom() + 2, 80, line)
                painter.setPen(ink)
                painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)
            else:
                y = area.bottom() - share * area.height()
                painter.drawLine(QPointF(area.left(), y), QPointF(area.right(), y))
                painter.setPen(ink)
                painter.drawText(
                    QRectF(line, y - line / 2, area.left() - line - 4, line), right, text
                )
