"""A plane of points: drawn at once however many, clicked, lassoed, dragged and walked through."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QEvent, QPointF, QRectF, QSize, Qt, QTimer, Signal
from qtpy.QtGui import (
    QColor,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
    QPolygonF,
    QResizeEvent,
    QWheelEvent,
)
from qtpy.QtWidgets import QSizePolicy, QWidget

from napari_parsimony.figures.palette import ACCENT, Theme
from napari_parsimony.gui.scatter_axes import Plane, draw_axes
from napari_parsimony.gui.scatter_picture import next_point, radius_for, scatter_picture

NEAR, CLICK = 9, 3  # pixels around a point that are its own, and that a click may move
LATER = 40  # ms until a view that moves is drawn anew; till then, the old picture is stretched
FAINT = 0.2  # weight of points that are not selected while others are
CROP = 64  # side of a cell's picture beside the mouse
Points = NDArray[np.float32]
_ARROWS = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, 1),
    Qt.Key.Key_Down: (0, -1),
}
_KEYS = {*_ARROWS, Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Escape, Qt.Key.Key_Home,
         Qt.Key.Key_Plus, Qt.Key.Key_Minus}  # fmt: skip


class ScatterCanvas(QWidget):
    """Points in a plane.

    Parameters
    ----------
    theme
        Gives the colours of what is no point, as they are now.

    Left click selects the nearest point, a drag is a lasso, and with Ctrl, or when `going`, goes to
    a place. The middle and the right button move the view, the wheel zooms.

    Attributes
    ----------
    going
        Whether the left button goes to a place instead of selecting.
    picked
        A point was chosen: its row.
    jumped
        A point was double-clicked, or chosen with Enter: its row.
    lassoed
        Points were selected together: their rows, (N,); empty where there are none.
    went
        A place was pointed at: across, up.
    hovered
        Row of the point below the mouse, -1 where there is none.
    """

    picked = Signal(int)
    jumped = Signal(int)
    lassoed = Signal(np.ndarray)
    went = Signal(float, float)
    hovered = Signal(int)

    def __init__(self, theme: Callable[[], Theme]) -> None:
        super().__init__()
        self.going = False
        self._theme = theme
        self.plane = Plane()
        self._points: Points = np.zeros((0, 2), np.float32)
        self._colours: Points = np.zeros((0, 3), np.float32)
        self._current: int | None = None
        self._selected: NDArray[np.int64] = np.zeros(0, np.int64)
        self._position: tuple[float, float] | None = None
        self._picture: tuple[QImage, Plane] | None = None
        self._lasso: list[QPointF] = []
        self._drag: str | None = None
        self._from = QPointF()
        self._hover, self._hover_picture = -1, QPixmap()
        self._later = QTimer(self, singleShot=True, interval=LATER)
        self._later.timeout.connect(self._redraw)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumHeight(160)

    # What is shown

    @property
    def points(self) -> Points:
        """(N, 2) places of the points; not a copy."""
        return self._points

    def set_points(self, points: Points, names: tuple[str, str], numbered: bool) -> None:
        """Show other points, all of them in view.

        Parameters
        ----------
        points
            (N, 2), across and up.
        names
            Of the axes.
        numbered
            Whether values along the axes mean something.
        """
        self._points, self.plane = points, Plane.around(points, names, numbered)
        self._colours = np.full((len(points), 3), 0.5, np.float32)
        self._current, self._selected, self._position = None, np.zeros(0, np.int64), None
        self._hover, self._lasso, self._drag = -1, [], None
        self._redraw()

    def set_names(self, names: tuple[str, str]) -> None:
        """Rename the axes."""
        self.plane = self.plane.named(names)
        self.update()

    def set_colours(self, colours: NDArray[Any]) -> None:
        """Colour the points, (N, 3) in 0..1."""
        self._colours = np.asarray(colours, np.float32)
        self._redraw()

    def set_current(self, row: int | None) -> None:
        """Ring one point, and bring it into view."""
        self._current = row
        if row is not None and not self.plane.contains(self._points[row]):
            self.plane = self.plane.centred(self._points[row])
            self._redraw()
        self.update()

    def set_selected(self, rows: NDArray[np.int64]) -> None:
        """Let some points stand out; none: all are alike."""
        self._selected = rows
        self._redraw()

    def set_position(self, place: NDArray[Any] | None) -> None:
        """Mark a place that is no point."""
        self._position = None if place is None else (float(place[0]), float(place[1]))
        self.update()

    def show_hovered(self, row: int, picture: QPixmap) -> None:
        """Show a picture beside a point while it is below the mouse; row -1: none."""
        self._hover, self._hover_picture = row, picture
        self.update()

    def fit(self) -> None:
        """Bring all points into view."""
        self.plane = Plane.around(self._points, self.plane.names, self.plane.numbered)
        self._redraw()

    # Geometry

    def area(self) -> QRectF:
        """Where the points are drawn: the widget without its axes."""
        return self.plane.area(self.width(), self.height(), self.fontMetrics().height())

    def to_pixels(self, points: NDArray[Any]) -> NDArray[np.float32]:
        """Where points (..., 2) are in the widget."""
        return self.plane.to_pixels(points, self.area())

    def nearest(self, place: QPointF) -> int | None:
        """Row of the point at a place in the widget; None if there is none."""
        if not len(self._points):
            return None
        away = self.to_pixels(self._points) - np.array([place.x(), place.y()], np.float32)
        distance = np.einsum("ij,ij->i", away, away)
        row = int(distance.argmin())
        return row if distance[row] <= NEAR**2 else None

    def inside(self, lasso: list[QPointF]) -> NDArray[np.int64]:
        """Rows of the points in view that a line of places encloses."""
        mask = QImage(self.width(), self.height(), QImage.Format.Format_Grayscale8)
        mask.fill(0)
        painter = QPainter(mask)
        painter.setBrush(QColor("white"))
        painter.setPen(QPen(QColor("white"), 1))
        painter.drawPolygon(QPolygonF(lasso))
        painter.end()
        at = self.to_pixels(self._points)
        seen = (at >= 0).all(1) & (at[:, 0] < self.width() - 1) & (at[:, 1] < self.height() - 1)
        rows = np.flatnonzero(seen)
        x, y = np.round(at[rows]).astype(np.int64).T
        return rows[_grey(mask)[y, x] > 0]

    # Drawing

    def _redraw(self) -> None:
        self._picture = None
        self.update()

    def _moved(self, plane: Plane) -> None:
        self.plane = plane
        self._later.start()
        self.update()

    def _draw_points(self) -> tuple[QImage, Plane]:
        area, ratio = self.area(), self.devicePixelRatioF()
        size = max(round(area.height() * ratio), 1), max(round(area.width() * ratio), 1)
        at = (self.to_pixels(self._points) - np.array([area.x(), area.y()])) * ratio
        weights = np.ones(len(at), np.float32)
        if len(self._selected):
            weights[:] = FAINT
            weights[self._selected] = 1
        radius = radius_for(len(at)) * ratio
        pixels = scatter_picture(at.astype(np.float32), self._colours, weights, size, radius)
        kind = QImage.Format.Format_RGBA8888
        image = QImage(pixels.data, size[1], size[0], 4 * size[1], kind).copy()
        return image.convertToFormat(QImage.Format.Format_ARGB32_Premultiplied), self.plane

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: D102
        if self._picture is None:
            self._picture = self._draw_points()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        area, theme = self.area(), self._theme()
        draw_axes(painter, self.plane, area, theme)
        painter.save()
        painter.setClipRect(area)
        image, drawn = self._picture
        painter.drawImage(self.plane.rectangle_of(drawn, area), image)
        self._draw_marks(painter, theme)
        painter.restore()
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(QColor(ACCENT), 1))
            painter.drawRect(area)
        self._draw_hovered(painter, theme)
        painter.end()

    def _draw_marks(self, painter: QPainter, theme: Theme) -> None:
        ink, ground = QColor(theme.ink), QColor(theme.background)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        if self._current is not None:
            x, y = self.to_pixels(self._points[self._current])
            for colour, width in ((ground, 4.5), (ink, 2.0)):
                painter.setPen(QPen(colour, width))
                painter.drawEllipse(QPointF(x, y), 7, 7)
        if self._position is not None:
            x, y = self.to_pixels(np.array(self._position))
            for colour, width in ((ground, 5.0), (QColor(ACCENT), 2.5)):
                painter.setPen(QPen(colour, width))
                painter.drawLine(QPointF(x - 8, y), QPointF(x + 8, y))
                painter.drawLine(QPointF(x, y - 8), QPointF(x, y + 8))
        if self._lasso:
            painter.setPen(QPen(ink, 1.2, Qt.PenStyle.DashLine))
            fill = QColor(ACCENT)
            fill.setAlpha(40)
            painter.setBrush(fill)
            painter.drawPolygon(QPolygonF(self._lasso))

    def _draw_hovered(self, painter: QPainter, theme: Theme) -> None:
        if self._hover < 0 or self._hover_picture.isNull() or self._drag:
            return
        x, y = (float(value) for value in self.to_pixels(self._points[self._hover]))
        left = x + 12 if x + 12 + CROP < self.width() else x - 12 - CROP
        top = min(max(y - CROP / 2, 2), self.height() - CROP - 2)
        box = QRectF(max(left, 2), top, CROP, CROP)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawPixmap(box, self._hover_picture, QRectF(self._hover_picture.rect()))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(QColor(theme.ink), 1))
        painter.drawRect(box)

    def sizeHint(self) -> QSize:  # noqa: D102
        return QSize(320, 320)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: D102
        self._redraw()

    # Mouse

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: D102
        self._from = event.position()
        control = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        if event.button() != Qt.MouseButton.LeftButton:
            self._drag = "view"
        elif self.going or control:
            self._drag = "going"
            self._go(event.position())
        else:
            self._drag, self._lasso = "lasso", [event.position()]

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: D102
        place = event.position()
        if self._drag == "view":
            self._moved(self.plane.shifted(place - self._from, self.area()))
            self._from = place
        elif self._drag == "going":
            self._go(place)
        elif self._drag == "lasso":
            self._lasso.append(place)
            self.update()
        else:
            row = self.nearest(place)
            if (row if row is not None else -1) != self._hover:
                self.hovered.emit(-1 if row is None else row)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: D102
        drag, lasso = self._drag, self._lasso
        self._drag, self._lasso = None, []
        if drag != "lasso":
            return
        self.update()
        bounds = QPolygonF(lasso).boundingRect()
        if max(bounds.width(), bounds.height()) > CLICK:
            self.lassoed.emit(self.inside(lasso))
            return
        row = self.nearest(event.position())
        if row is not None:
            self.picked.emit(row)
        elif len(self._selected):
            self.lassoed.emit(np.zeros(0, np.int64))

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:  # noqa: D102
        row = self.nearest(event.position())
        if row is not None and event.button() == Qt.MouseButton.LeftButton and not self.going:
            self.jumped.emit(row)

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: D102
        self._zoom(1.0015 ** -event.angleDelta().y(), event.position())

    def leaveEvent(self, event: QEvent) -> None:  # noqa: D102
        self.hovered.emit(-1)

    def _go(self, place: QPointF) -> None:
        x, y = self.plane.to_data(place, self.area())
        self.went.emit(x, y)

    def _zoom(self, factor: float, place: QPointF | None = None) -> None:
        middle = self.area().center() if place is None else place
        self._moved(self.plane.zoomed(factor, self.plane.to_data(middle, self.area())))

    # Keys

    def event(self, event: QEvent) -> bool:  # noqa: D102
        # some of the keys are shortcuts of napari's window: with focus here they are the points'
        ours = isinstance(event, QKeyEvent) and event.key() in _KEYS
        if ours and event.type() == QEvent.Type.ShortcutOverride:
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: D102
        key = Qt.Key(event.key())
        if key in _ARROWS:
            self._walk(_ARROWS[key])
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            if self._current is not None:
                self.jumped.emit(self._current)
        elif key == Qt.Key.Key_Escape:
            self._lasso, self._drag = [], None
            self.lassoed.emit(np.zeros(0, np.int64))
        elif key == Qt.Key.Key_Home:
            self.fit()
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Minus):
            self._zoom(0.8 if key == Qt.Key.Key_Plus else 1.25)
        else:
            super().keyPressEvent(event)

    def _walk(self, direction: tuple[int, int]) -> None:
        if not len(self._points):
            return
        at = self.to_pixels(self._points) * np.array([1, -1], np.float32)
        centre = self.area().center()
        middle = np.array([centre.x(), -centre.y()], np.float32)
        row = next_point(at, middle if self._current is None else at[self._current], direction)
        if row is not None:
            self.picked.emit(row)


def _grey(mask: QImage) -> NDArray[np.uint8]:
    """Pixels of a grey image, (height, width)."""
    memory = mask.constBits()
    if hasattr(memory, "setsize"):  # PyQt6 does not know how many bytes there are
        memory.setsize(mask.sizeInBytes())
    rows = np.frombuffer(memory, np.uint8).reshape(mask.height(), mask.bytesPerLine())
    return rows[:, : mask.width()].copy()
