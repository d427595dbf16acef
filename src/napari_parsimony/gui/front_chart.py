"""The Pareto front as a small chart: size of an equation against its loss."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from qtpy.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from qtpy.QtGui import (
    QColor,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPolygonF,
)
from qtpy.QtWidgets import QSizePolicy, QToolTip, QWidget

from napari_parsimony.figures.palette import ACCENT

HEIGHT = 134  # pixels
_REACH = 14.0  # pixels around a point that belong to it
_LOGARITHMIC = 10.0  # times that the largest loss must be the smallest
_DISC = 4.0


class Point(NamedTuple):
    """An equation.

    Attributes
    ----------
    size
        Operators + constants + variables, one each.
    loss, error
        What is drawn, and its standard error; 0 if nobody knows it.
    text
        What hovering tells.
    near
        Whether it is within one standard error of the best.
    """

    size: int
    loss: float
    error: float
    text: str
    near: bool = True


class FrontChart(QWidget):
    """Points to look at, hover over and choose, by mouse or by the arrow keys.

    Attributes
    ----------
    picked
        The user wants to look at another point: its index.
    """

    picked = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.points: tuple[Point, ...] = ()
        self.title, self.legend = "", ""
        self.chosen: int | None = None
        self.current: int | None = None
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Pareto front")
        self.setToolTip(
            "<qt>Pareto front: what an equation loses, by its size. Click a point to look at its "
            "equation, or go along with the arrow keys. ★ is the one that the study uses; the "
            "dashed line is the best. Filled points are within one standard error of it.</qt>"
        )

    def sizeHint(self) -> QSize:  # noqa: D102
        return QSize(300, HEIGHT)

    minimumSizeHint = sizeHint

    def set_points(
        self,
        points: Sequence[Point],
        title: str,
        legend: str = "",
        chosen: int | None = None,
    ) -> None:
        """Show other points, by size.

        Parameters
        ----------
        points
            Those without a finite loss are left out of the picture.
        title
            What the loss is.
        legend
            What filled points are; nothing if empty.
        chosen
            Index of the one that is marked with a star.
        """
        self.points, self.title, self.legend, self.chosen = tuple(points), title, legend, chosen
        self.update()

    def set_current(self, index: int | None) -> None:
        """Mark the one that is looked at."""
        self.current = index
        self.update()

    # Where things are

    def _place(self) -> QRectF:
        metrics = self.fontMetrics()
        left = metrics.horizontalAdvance("0.0000") + 8
        top = metrics.height() + 12
        below = metrics.height() + 6
        return QRectF(left, top, self.width() - left - 12, self.height() - top - below)

    def _range(self) -> tuple[float, float, bool]:
        """Lowest and highest loss, and whether they are drawn by their logarithm."""
        losses = [point.loss for point in self.points if math.isfinite(point.loss)]
        if not losses:
            return 0.0, 1.0, False
        low, high = min(losses), max(losses)
        if low > 0 and high > _LOGARITHMIC * low:
            return low / 1.3, high * 1.1, True
        low = min(p.loss - p.error for p in self.points if math.isfinite(p.loss))
        high = max(p.loss + p.error for p in self.points if math.isfinite(p.loss))
        return (low, high, False) if high > low else (low - 0.5, high + 0.5, False)

    def position(self, index: int) -> QPointF:
        """Where a point is drawn, in pixels."""
        point = self.points[index]
        return self._at(point.size, point.loss)

    def _at(self, size: float, loss: float) -> QPointF:
        place, (low, high, logarithmic) = self._place(), self._range()
        first, last = self.points[0].size, self.points[-1].size
        share = (size - first) / ((last - first) or 1)
        if logarithmic:
            loss, low, high = (math.log(max(value, low)) for value in (loss, low, high))
        up = min(max((loss - low) / (high - low), 0.0), 1.0)
        return QPointF(place.left() + place.width() * share, place.bottom() - place.height() * up)

    def nearest(self, where: QPointF) -> int | None:
        """Index of the point at a place, None if there is none."""
        found, reach = None, _REACH
        for index, point in enumerate(self.points):
            if math.isfinite(point.loss):
                away = self.position(index) - where
                distance = math.hypot(away.x(), away.y())
                if distance < reach:
                    found, reach = index, distance
        return found

    # Using it

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: D102
        index = self.nearest(event.position())
        if index is not None and event.button() == Qt.MouseButton.LeftButton:
            self.picked.emit(index)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: D102
        above = self.nearest(event.position()) is not None
        shape = Qt.CursorShape.PointingHandCursor if above else Qt.CursorShape.ArrowCursor
        self.setCursor(shape)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: D102
        step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(event.key())
        if step is None or not self.points:
            super().keyPressEvent(event)
            return
        start = self.current if self.current is not None else self.chosen or 0
        self.picked.emit(min(max(start + step, 0), len(self.points) - 1))

    def event(self, event: QEvent) -> bool:  # noqa: D102
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            index = self.nearest(QPointF(event.pos()))
            if index is not None:
                QToolTip.showText(event.globalPos(), self.points[index].text, self)
                return True
        return super().event(event)

    # Drawing

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: D102
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        ink = self.palette().windowText().color()
        faint = QColor(ink)
        faint.setAlpha(90)
        if self.points:
            self._axes(painter, ink, faint)
            self._front(painter, ink, faint)
        if self.hasFocus():
            painter.setPen(QPen(QColor(ACCENT), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(self.rect().adjusted(1, 1, -1, -1))
        painter.end()

    def _axes(self, painter: QPainter, ink: QColor, faint: QColor) -> None:
        place, metrics = self._place(), self.fontMetrics()
        low, high, _ = self._range()
        painter.setPen(ink)
        above = QRectF(4, 0, self.width() - 8, metrics.height() + 2)
        painter.drawText(above, Qt.AlignmentFlag.AlignLeft, self.title)
        if self.legend:
            wide = metrics.horizontalAdvance(self.legend)
            painter.drawText(above, Qt.AlignmentFlag.AlignRight, self.legend)
            self._disc(painter, QPointF(above.right() - wide - 9, metrics.height() / 2), True, ink)
        painter.setPen(ink)
        for loss, bottom in ((high, place.top() + metrics.capHeight()), (low, place.bottom())):
            text = f"{loss:.3f}" if abs(loss) < 10 else f"{loss:.4g}"
            line = QRectF(0, bottom - metrics.ascent(), place.left() - 8, metrics.height())
            painter.drawText(line, Qt.AlignmentFlag.AlignRight, text.replace("-", "−"))
        below = QRectF(place.left() - 10, place.bottom() + 2, place.width() + 20, metrics.height())
        sizes = self.points[0].size, self.points[-1].size
        for size, side in zip(
            dict.fromkeys(sizes),
            (Qt.AlignmentFlag.AlignLeft, Qt.AlignmentFlag.AlignRight),
            strict=False,
        ):
            painter.drawText(below, side, f" {size} ")
        painter.drawText(below, Qt.AlignmentFlag.AlignHCenter, "size of the equation")
        painter.setPen(faint)
        corner = QPointF(place.left() - 6, place.bottom() + 2)
        painter.drawLine(corner, QPointF(place.right() + 6, corner.y()))
        painter.drawLine(corner, QPointF(corner.x(), place.top() - 4))

    def _front(self, painter: QPainter, ink: QColor, faint: QColor) -> None:
        place, shown = (
            self._place(),
            [i for i, p in enumerate(self.points) if math.isfinite(p.loss)],
        )
        if not shown:
            return
        best = min(self.points[index].loss for index in shown)
        level = self._at(self.points[0].size, best).y()
        painter.setPen(QPen(faint, 1, Qt.PenStyle.DashLine))
        painter.drawLine(QPointF(place.left() - 6, level), QPointF(place.right() + 6, level))
        painter.setPen(QPen(faint, 1.2))
        painter.drawPolyline(QPolygonF([self.position(index) for index in shown]))
        for index in shown:
            point, middle = self.points[index], self.position(index)
            if point.error:
                ends = (self._at(point.size, point.loss + s * point.error) for s in (-1, 1))
                painter.setPen(QPen(faint, 1.2))
                painter.drawLine(*ends)
            if index == self.current:
                painter.setPen(QPen(ink, 1.6))
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.drawEllipse(middle, _DISC + 3.5, _DISC + 3.5)
            self._disc(painter, middle, point.near, ink)
            if index == self.chosen:
                painter.setPen(ink)
                # above, or below where the title stands above
                up = -26 if middle.y() - 24 > place.top() - 8 else 9
                star = QRectF(middle.x() - 10, middle.y() + up, 20, 18)
                painter.drawText(star, Qt.AlignmentFlag.AlignCenter, "★")

    def _disc(self, painter: QPainter, middle: QPointF, full: bool, ink: QColor) -> None:
        colour = QColor(ACCENT).lighter(125) if ink.lightness() > 128 else QColor(ACCENT)
        painter.setPen(QPen(colour, 1.6))
        painter.setBrush(colour if full else self.palette().window().color())
        painter.drawEllipse(middle, _DISC, _DISC)
