"""A decision map that follows every move: painted by Qt, clicked to move there."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QPointF, QRectF, QSize, Qt, Signal
from qtpy.QtGui import (
    QBrush,
    QColor,
    QImage,
    QKeyEvent,
    QLinearGradient,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
    QPolygonF,
    QResizeEvent,
)
from qtpy.QtWidgets import QSizePolicy, QWidget

from napari_parsimony.classify.scores import outputs_for
from napari_parsimony.figures.palette import QUIET, SCORE_COLOURS
from napari_parsimony.figures.score_map import (
    LIMIT,
    STEPS,
    AlongLatent,
    Evaluates,
    boundary,
    class_boundaries,
    class_picture,
    score_grid,
    score_picture,
)
from napari_parsimony.figures.text import numbers
from napari_parsimony.gui.latex import crop_pixmap

RESOLUTION = 161  # scores along each axis; the picture between them is smoothed
_KEY_STEP = 1 / 40  # of an axis
_DIM = 0.35  # of pictures that are being decoded anew
_DOT = 2.6


class Dots(NamedTuple):
    """Cells to draw.

    Attributes
    ----------
    x, y
        (N,) their values of both latents.
    colours
        (N,) ``#rrggbb``.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    colours: NDArray[np.object_]


class ScoreMapView(QWidget):
    """Scores over two latents, cells on them, decoded pictures along both.

    Attributes
    ----------
    moved
        The user wants to move there: values of the latent across and the latent up.
    """

    moved = Signal(float, float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.axes: tuple[AlongLatent, AlongLatent] | None = None
        self.classes: tuple[str, ...] = ("", "")
        self.colours: tuple[str, ...] = (QUIET, QUIET)
        self.scores: NDArray[np.float64] = np.zeros((0, 0))
        self.lines: list[NDArray[np.float64]] = []
        self.position = (0.0, 0.0)
        self.marked: tuple[float, float] | None = None
        self.dots: Dots | None = None
        self.strips_are_old = False
        self._image = QImage()
        self._strips: tuple[list[QPixmap], list[QPixmap]] = ([], [])
        self._dots_drawn: QPixmap | None = None
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(260, 260)
        self.setAccessibleName("Decision map")
        self.setToolTip(
            "<qt>Score by the equation over two latents, decoded cells along both. Click, drag or "
            "use the arrow keys to move there.</qt>"
        )

    def sizeHint(self) -> QSize:  # noqa: D102
        return QSize(400, 404)

    # What is shown

    def set_axes(self, x: AlongLatent, y: AlongLatent, dots: Dots) -> None:
        """Show other latents, other ranges of them, or other cells."""
        self.axes, self.dots = (x, y), dots
        self._dots_drawn = None
        self.update()

    def set_classes(self, classes: tuple[str, ...], colours: tuple[str, ...]) -> None:
        """Say between which classes equations decide; of two, below 0 comes first."""
        self.classes, self.colours = classes, colours
        self.update()

    def set_expression(self, expression: Evaluates, fixed: dict[str, float]) -> None:
        """Show the scores of an equation, its other latents held where they are."""
        assert self.axes is not None
        outputs = outputs_for(self.classes)
        x, y, self.scores = score_grid(expression, *self.axes, fixed, RESOLUTION, outputs)
        if outputs == 1:
            self.lines, drawn = boundary(x, y, self.scores), score_picture(self.scores)
        else:
            self.lines = class_boundaries(x, y, self.scores)
            shades = class_picture(self.scores, self.colours)
            drawn = (shades * 255 + 0.5).astype(np.uint8)
        picture = np.ascontiguousarray(drawn[::-1])
        side = RESOLUTION
        kept = QImage(picture.data, side, side, 3 * side, QImage.Format.Format_RGB888)
        self._image = kept.copy()  # the array may go
        self.update()

    def set_position(
        self, position: tuple[float, float], marked: tuple[float, float] | None
    ) -> None:
        """Move the cross, and the ring of the selected cell."""
        self.position, self.marked = position, marked
        self.update()

    def set_strips(self, across: NDArray[np.float32], up: NDArray[np.float32]) -> None:
        """Show other decoded pictures, (7, C, S, S) each."""
        first, second = ([crop_pixmap(crop) for crop in strip] for strip in (across, up))
        self._strips = first, second
        self.strips_are_old = False
        self.update()

    def dim_strips(self) -> None:
        """Say that the pictures are of another position, and new ones to come."""
        self.strips_are_old = True
        self.update()

    @property
    def has_strips(self) -> bool:
        """Whether there are pictures."""
        return bool(self._strips[0])

    # Where things are

    def square(self) -> QRectF:
        """Where the map itself is."""
        line = self.fontMetrics().height()
        left, above, below = 2.2 * line + 14, line + 10, 2 * line + 6
        room = min(self.width() - left - 8, self.height() - above - below)
        side = max(room * STEPS / (STEPS + 1), 10)
        spare = max(self.width() - left - 8 - side * (STEPS + 1) / STEPS, 0) / 2
        return QRectF(left + spare + side / STEPS, above, side, side)

    def at(self, x: float, y: float) -> QPointF:
        """Where a pair of values is, in pixels."""
        return self._points(np.array([[x, y]]))[0]

    def _points(self, pairs: NDArray[np.float64]) -> list[QPointF]:
        """Where pairs of values (N, 2) are, in pixels."""
        assert self.axes is not None
        square = self.square()
        (left, right), (low, high) = (axis.limits for axis in self.axes)
        x = square.left() + square.width() * (pairs[:, 0] - left) / ((right - left) or 1)
        y = square.bottom() - square.height() * (pairs[:, 1] - low) / ((high - low) or 1)
        return [QPointF(*pair) for pair in zip(x.tolist(), y.tolist(), strict=True)]

    def _move_to(self, where: QPointF) -> None:
        if self.axes is None:
            return
        square, values = self.square(), []
        shares = (
            (where.x() - square.left()) / square.width(),
            (square.bottom() - where.y()) / square.height(),
        )
        for axis, share in zip(self.axes, shares, strict=True):
            low, high = axis.limits
            values.append(low + min(max(share, 0.0), 1.0) * (high - low))
        self.moved.emit(*values)

    # Using it

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: D102
        left = event.button() == Qt.MouseButton.LeftButton
        if left and self.square().contains(event.position()):
            self._move_to(event.position())
        else:
            event.ignore()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: D102
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._move_to(event.position())

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: D102
        steps = {
            Qt.Key.Key_Left: (-1, 0), Qt.Key.Key_Right: (1, 0),
            Qt.Key.Key_Up: (0, 1), Qt.Key.Key_Down: (0, -1),
        }  # fmt: skip
        step = steps.get(event.key())
        if step is None or self.axes is None:
            super().keyPressEvent(event)
            return
        values = []
        for axis, value, way in zip(self.axes, self.position, step, strict=True):
            low, high = axis.limits
            moved = value + way * _KEY_STEP * (high - low)
            values.append(min(max(moved, low), high) if way else value)
        self.moved.emit(*values)

    # Drawing

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: D102
        super().resizeEvent(event)
        self._dots_drawn = None

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: D102
        painter = QPainter(self)
        if self.axes is not None:
            self._paint(painter, self._dots_as_picture())
        painter.end()

    def picture(self, ratio: int = 3) -> QImage:
        """Draw everything, so many times as fine as logical pixels."""
        image = QImage(self.size() * ratio, QImage.Format.Format_RGB32)
        image.setDevicePixelRatio(ratio)
        image.fill(self.palette().window().color())
        painter = QPainter(image)
        painter.setFont(self.font())
        if self.axes is not None:
            self._paint(painter, None)
        painter.end()
        return image

    def _paint(self, painter: QPainter, dots: QPixmap | None) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        square = self.square()
        painter.drawImage(square, self._image)
        painter.save()
        painter.setClipRect(square)
        painter.setPen(QPen(QColor("#222222"), 1.8))
        for line in self.lines:
            painter.drawPolyline(QPolygonF(self._points(line)))
        if dots is None:
            self._paint_dots(painter, QPointF(0, 0))
        else:
            painter.drawPixmap(square.topLeft(), dots)
        painter.setClipRect(square.adjusted(-9, -9, 9, 9))
        self._paint_marks(painter)
        painter.restore()
        self._paint_axes(painter, square)
        self._paint_legend(painter, square)
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(self.palette().windowText().color(), 1, Qt.PenStyle.DotLine))
            painter.drawRect(square)

    def _dots_as_picture(self) -> QPixmap:
        """Draw the cells once: a thousand circles at every move would take too long."""
        if self._dots_drawn is None:
            square, ratio = self.square(), self.devicePixelRatioF()
            drawn = QPixmap((square.size() * ratio).toSize())
            drawn.setDevicePixelRatio(ratio)
            drawn.fill(Qt.GlobalColor.transparent)
            painter = QPainter(drawn)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            self._paint_dots(painter, square.topLeft())
            painter.end()
            self._dots_drawn = drawn
        return self._dots_drawn

    def _paint_dots(self, painter: QPainter, origin: QPointF) -> None:
        if self.dots is None:
            return
        painter.setPen(QPen(QColor("#ffffff"), 0.6))
        places = self._points(np.column_stack([self.dots.x, self.dots.y]))
        for place, colour in zip(places, self.dots.colours, strict=True):
            painter.setBrush(QColor(colour))
            painter.drawEllipse(place - origin, _DOT, _DOT)

    def _paint_marks(self, painter: QPainter) -> None:
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for colour, width in (("#ffffff", 4.5), ("#000000", 1.8)):
            painter.setPen(QPen(QColor(colour), width))
            if self.marked is not None:
                painter.drawEllipse(self.at(*self.marked), 7.5, 7.5)
            middle = self.at(*self.position)
            for away in (QPointF(6, 0), QPointF(0, 6)):
                painter.drawLine(middle - away, middle + away)

    def _paint_axes(self, painter: QPainter, square: QRectF) -> None:
        assert self.axes is not None
        across, up = self.axes
        tile, line = square.width() / STEPS, self.fontMetrics().height()
        painter.setOpacity(_DIM if self.strips_are_old else 1.0)
        for index, (first, second) in enumerate(zip(*self._strips, strict=True)):
            below = QRectF(square.left() + index * tile, square.bottom(), tile, tile)
            beside = QRectF(square.left() - tile, square.bottom() - (index + 1) * tile, tile, tile)
            for place, crop in ((below, first), (beside, second)):
                inside = place.adjusted(0.5, 0.5, -0.5, -0.5)
                painter.drawPixmap(inside, crop, QRectF(crop.rect()))
        painter.setOpacity(1.0)
        painter.setPen(self.palette().windowText().color())
        middle = Qt.AlignmentFlag.AlignCenter
        for index, text in self._ticks(across, tile):
            place = QRectF(square.left() + index * tile, square.bottom() + tile, tile, line)
            painter.drawText(place, middle, text)
        title = QRectF(square.left(), square.bottom() + tile + line, square.width(), line + 2)
        painter.drawText(title, middle, across.text)
        # along the axis, so that numbers take no room from the map
        painter.save()
        painter.translate(square.left() - tile, square.bottom())
        painter.rotate(-90)
        for index, text in self._ticks(up, tile):
            painter.drawText(QRectF(index * tile, -line - 1, tile, line), middle, text)
        painter.drawText(QRectF(0, -2 * line - 3, square.height(), line + 2), middle, up.text)
        painter.restore()

    def _ticks(self, axis: AlongLatent, tile: float) -> list[tuple[int, str]]:
        """Numbers below the pictures; every second one where they have no room."""
        texts = numbers(axis.steps)
        wide = max(map(self.fontMetrics().horizontalAdvance, texts))
        return list(enumerate(texts))[:: 1 if wide + 4 < tile else 2]

    def _paint_legend(self, painter: QPainter, square: QRectF) -> None:
        """Name the classes: all, or both with the colours of the scores between them."""
        if len(self.classes) > 2:
            self._paint_classes(painter)
            return
        metrics, line = self.fontMetrics(), self.fontMetrics().height()
        wide = min(square.width() * 0.3, 120.0)
        bar = QRectF(square.center().x() - wide / 2, 4, wide, line - 4)
        gradient = QLinearGradient(bar.topLeft(), bar.topRight())
        for index, colour in enumerate(SCORE_COLOURS):
            gradient.setColorAt(index / (len(SCORE_COLOURS) - 1), QColor(colour))
        painter.fillRect(bar, QBrush(gradient))
        painter.setPen(QColor("#222222"))
        painter.drawText(bar, Qt.AlignmentFlag.AlignCenter, "0")
        painter.setPen(self.palette().windowText().color())
        ends = f"−{LIMIT:.0f}", f"+{LIMIT:.0f}"
        for end, name, side in zip(ends, self.classes, (-1, 1), strict=True):
            edge = 4 if side < 0 else self.width() - 4
            room = abs((bar.left() if side < 0 else bar.right()) - edge) - 8
            text = metrics.elidedText(
                name, Qt.TextElideMode.ElideRight, int(room - metrics.horizontalAdvance(end) - 10)
            )
            whole = f"{text}  {end}" if side < 0 else f"{end}  {text}"
            left = edge if side < 0 else bar.right() + 8
            align = Qt.AlignmentFlag.AlignRight if side < 0 else Qt.AlignmentFlag.AlignLeft
            painter.drawText(QRectF(left, 2, room, line), align | Qt.AlignmentFlag.AlignTop, whole)

    def _paint_classes(self, painter: QPainter) -> None:
        """Show the colour and the name of each class, as much as there is room for."""
        metrics, line = self.fontMetrics(), self.fontMetrics().height()
        room = (self.width() - 8) / len(self.classes)
        for number, (name, colour) in enumerate(zip(self.classes, self.colours, strict=True)):
            left = 4 + number * room
            painter.fillRect(QRectF(left, 5, line - 6, line - 6), QColor(colour))
            text = metrics.elidedText(name, Qt.TextElideMode.ElideRight, int(room - line - 4))
            place = QRectF(left + line - 2, 2, room - line, line)
            painter.drawText(place, Qt.AlignmentFlag.AlignVCenter, text)
