"""Latents, units and connections of a network as things in a scene, which can be pointed at."""

from collections.abc import Callable, Sequence

from qtpy.QtCore import QPointF, QRectF, Qt
from qtpy.QtGui import (
    QColor,
    QFontMetricsF,
    QPainter,
    QPainterPath,
    QPainterPathStroker,
    QPen,
    QPixmap,
)
from qtpy.QtWidgets import (
    QGraphicsItem,
    QGraphicsPathItem,
    QGraphicsSceneMouseEvent,
    QStyleOptionGraphicsItem,
    QWidget,
)

from napari_parsimony.figures.palette import ACCENT, Theme

SIDE = 28.0  # of a picture
TITLE = 16.0  # height of a latent's name

Place = tuple[int, int]
"""Layer, inputs first, and unit."""


class _Item(QGraphicsItem):
    """A unit: what is below the mouse is looked at."""

    def __init__(self, place: Place, look: Callable[["Place | None"], None], tip: str) -> None:
        super().__init__()
        self.place, self._look = place, look
        self.setAcceptHoverEvents(True)
        self.setToolTip(tip)
        self.setZValue(2)

    def hoverEnterEvent(self, event: object) -> None:
        self._look(self.place)

    def hoverLeaveEvent(self, event: object) -> None:
        self._look(None)


class UnitItem(_Item):
    """A hidden unit, or the score."""

    def __init__(
        self,
        place: Place,
        look: Callable[[Place | None], None],
        tip: str,
        radius: float,
        fill: str,
        edge: str,
    ) -> None:
        super().__init__(place, look, tip)
        self._radius, self._fill, self._edge = radius, fill, edge

    def boundingRect(self) -> QRectF:
        """Return where it paints."""
        r = self._radius + 1
        return QRectF(-r, -r, 2 * r, 2 * r)

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionGraphicsItem,
        widget: QWidget | None = None,
    ) -> None:
        """Draw a disc."""
        painter.setPen(QPen(QColor(self._edge), 1.4))
        painter.setBrush(QColor(self._fill))
        painter.drawEllipse(QPointF(0, 0), self._radius, self._radius)


class LatentItem(_Item):
    """A latent: its name, how many networks use it, and what it does to a cell.

    Its origin is where its connections begin.
    """

    def __init__(
        self,
        place: Place,
        look: Callable[[Place | None], None],
        tip: str,
        *,
        name: str,
        title: str,
        kept: str,
        pictures: int,
        theme: Theme,
        clicked: Callable[[str], None],
    ) -> None:
        super().__init__(place, look, tip)
        self.name, self._title, self._kept = name, title, kept
        self._width = pictures * (SIDE + 1) + 12
        self._theme, self._clicked = theme, clicked
        self._strip: Sequence[QPixmap] = ()
        self._pictures = pictures
        self.marked = False
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        # scaling pictures takes longer than all connections
        self.setCacheMode(QGraphicsItem.CacheMode.DeviceCoordinateCache)

    def boundingRect(self) -> QRectF:
        """Return where it paints."""
        return QRectF(-self._width, -SIDE / 2 - TITLE, self._width + 6, SIDE + TITLE + 4)

    def set_strip(self, strip: Sequence[QPixmap]) -> None:
        """Show what the latent does."""
        self._strip = strip
        self.update()

    @property
    def drawn(self) -> int:
        """Number of pictures that it shows."""
        return len(self._strip)

    def mark(self, on: bool) -> None:
        """Frame it, or not."""
        if on != self.marked:
            self.marked = on
            self.update()

    def mousePressEvent(self, event: QGraphicsSceneMouseEvent) -> None:  # noqa: D102
        event.accept()
        self._clicked(self.name)

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionGraphicsItem,
        widget: QWidget | None = None,
    ) -> None:
        """Draw name, pictures and the point where connections begin."""
        box = self.boundingRect()
        painter.setPen(Qt.PenStyle.NoPen)
        if self.marked:
            painter.setBrush(QColor(self._theme.faint))
            painter.drawRoundedRect(box.adjusted(0, 0, -6, 0), 3, 3)
        painter.setPen(QColor(self._theme.ink))
        metrics = QFontMetricsF(painter.font())
        line = QRectF(box.left() + 3, box.top(), self._width - 14, TITLE)
        right = metrics.horizontalAdvance(self._kept)
        title = metrics.elidedText(
            self._title, Qt.TextElideMode.ElideRight, line.width() - right - 6
        )
        painter.drawText(line, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, title)
        painter.setOpacity(painter.opacity() * 0.65)
        painter.drawText(
            line, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, self._kept
        )
        painter.setOpacity(painter.opacity() / 0.65)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        for number in range(self._pictures):
            left = box.left() + 3 + number * (SIDE + 1)
            place = QRectF(left, -SIDE / 2 + 1, SIDE, SIDE)
            if number < len(self._strip):
                pixmap = self._strip[number]
                painter.drawPixmap(place, pixmap, QRectF(pixmap.rect()))
            else:
                painter.fillRect(place, QColor(self._theme.faint))
        painter.setPen(QPen(QColor(self._theme.ink), 1.2))
        painter.setBrush(QColor(ACCENT if self.marked else self._theme.ink))
        painter.drawEllipse(QPointF(0, 0), 3.5, 3.5)


class ConnectionItem(QGraphicsPathItem):
    """A weight: its colour is its sign, its width how large it is within its layer."""

    def __init__(
        self, ends: tuple[Place, Place], start: QPointF, end: QPointF, pen: QPen, tip: str
    ) -> None:
        middle = (start.x() + end.x()) / 2
        path = QPainterPath(start)
        path.cubicTo(QPointF(middle, start.y()), QPointF(middle, end.y()), end)
        super().__init__(path)
        self.ends, self._pen = ends, pen
        self.setPen(pen)
        self.setToolTip(tip)
        self.setAcceptHoverEvents(True)
        # wider than it is drawn: a thin line is hard to point at
        stroker = QPainterPathStroker()
        stroker.setWidth(max(pen.widthF(), 5.0))
        self._shape = stroker.createStroke(path)

    def shape(self) -> QPainterPath:
        """Return where the mouse finds it."""
        return self._shape

    def hoverEnterEvent(self, event: object) -> None:  # noqa: D102
        pen = QPen(self._pen)
        colour = pen.color()
        colour.setAlphaF(1.0)
        pen.setColor(colour)
        pen.setWidthF(pen.widthF() + 1.5)
        self.setPen(pen)

    def hoverLeaveEvent(self, event: object) -> None:  # noqa: D102
        self.setPen(self._pen)
