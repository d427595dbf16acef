"""The scores of a tracked cell over time."""

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QPointF, QRectF, QSize, Qt, Signal
from qtpy.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from qtpy.QtWidgets import QSizePolicy, QWidget

from napari_parsimony.classify.scores import named, probabilities
from napari_parsimony.figures.palette import QUIET
from napari_parsimony.figures.text import numbers
from napari_parsimony.trust.tracks import class_changes, zero_crossings

DOT, LARGE = 2.5, 5.0  # pixels


class TracksChart(QWidget):
    """Score against frame, with the times at which it crosses zero.

    Of more than two classes it shows their probabilities, and when another is the largest.

    A click, or the arrow keys, choose a frame in which the cell is seen: `frame_chosen`.
    """

    frame_chosen = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self._frames: NDArray[np.int64] = np.zeros(0, np.int64)
        self._scores: NDArray[np.float64] = np.zeros((0, 1))
        self._lines: NDArray[np.float64] = self._scores  # what is drawn, one a column
        self._side: NDArray[np.intp] = np.zeros(0, np.intp)
        self._classes: tuple[str, ...] = ("", "")
        self._colours: tuple[str, ...] = (QUIET, QUIET)
        self._selected: int | None = None
        self._now: int | None = None
        self.crossings: list[tuple[float, int]] = []
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def value(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Frames (N,) and scores (N, outputs)."""
        return self._frames, self._scores

    def set_value(
        self,
        frames: NDArray[np.int64],
        scores: NDArray[np.float64],
        selected: int | None,
        classes: tuple[str, ...],
        colours: tuple[str, ...],
    ) -> None:
        """Show another track.

        Parameters
        ----------
        frames, scores
            (N,) and (N, outputs), frames ascending; NaN is no score.
        selected
            Frame of the selected cell.
        classes, colours
            Of two, the first is that of scores below 0.
        """
        self._frames, self._scores = frames, scores
        self._selected, self._classes, self._colours = selected, classes, colours
        self._side = named(scores)
        if self._several:
            self._lines = probabilities(scores)
            self.crossings = class_changes(frames, self._side)
        else:
            self._lines = scores
            self.crossings = [(time, int(up)) for time, up in zero_crossings(frames, scores[:, 0])]
        what, where = "Score", "the score crosses 0"
        if self._several:
            what, where = "Probability of each class", "another class becomes the most probable"
        self.setToolTip(
            f"<qt>{what} of the selected cell over time; labels that are equal in several frames "
            "of an image are one cell. Click, or press ← and →, to go to a frame. The dashed line "
            f"is the frame that is shown, diamonds are where {where}.</qt>"
        )
        self.update()

    @property
    def _several(self) -> bool:
        """Whether there are more than two classes."""
        return len(self._classes) > 2

    def set_now(self, frame: int | None) -> None:
        """Say which frame the viewer shows."""
        self._now = frame
        self.update()

    def sizeHint(self) -> QSize:  # noqa: D102
        return QSize(240, 150)

    # Places

    def _area(self) -> QRectF:
        metrics = self.fontMetrics()
        left = max(map(metrics.horizontalAdvance, self._labels())) + 6
        return QRectF(left, 6, self.width() - left - 10, self.height() - 2 * metrics.height() - 12)

    def _range(self) -> tuple[float, float]:
        if self._several:
            return -0.03, 1.03
        finite = self._lines[np.isfinite(self._lines)]
        low, high = min(0.0, *finite, 0.0), max(0.0, *finite, 0.0)
        room = 0.08 * (high - low) or 1.0
        return low - room, high + room

    def _labels(self) -> list[str]:
        low, high = self._range()
        return ["", "0", "1"] if self._several else numbers([low, 0, high])

    def place_of(self, frame: float, score: float) -> QPointF:
        """Where a frame, and a score or probability, are in the widget."""
        area, (low, high) = self._area(), self._range()
        first, last = int(self._frames[0]), int(self._frames[-1])
        across = (frame - first) / (last - first) if last > first else 0.5
        up = (min(max(score, low), high) - low) / (high - low)
        return QPointF(area.left() + across * area.width(), area.bottom() - up * area.height())

    # Painting

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: D102
        if not len(self._frames):
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        ink, metrics, area = self.palette().windowText().color(), self.fontMetrics(), self._area()
        zero = self.place_of(self._frames[0], 0).y()
        self._paint_ground(painter, area, zero)
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        painter.setPen(ink)
        levels = (area.bottom(), zero, area.top())
        for text, y in zip(self._labels(), levels, strict=True):
            # 0 is always there; the others where they do not touch it
            if y == zero or abs(y - zero) > metrics.height():
                line = QRectF(0, y - metrics.height() / 2, area.left() - 4, metrics.height())
                painter.drawText(line, right, text)
        self._paint_frames(painter, area)
        if self._now is not None and self._frames[0] <= self._now <= self._frames[-1]:
            x = self.place_of(self._now, 0).x()
            painter.setPen(QPen(ink, 1, Qt.PenStyle.DashLine))
            painter.drawLine(QPointF(x, area.top()), QPointF(x, area.bottom()))
        self._paint_track(painter, ink)
        if self.hasFocus():
            painter.setPen(QPen(ink, 1, Qt.PenStyle.DotLine))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(self.rect().adjusted(0, 0, -1, -1))
        painter.end()

    def _paint_ground(self, painter: QPainter, area: QRectF, zero: float) -> None:
        metrics, ink = self.fontMetrics(), self.palette().windowText().color()
        if self._several:
            painter.setPen(ink)
            painter.drawLine(QPointF(area.left(), zero), QPointF(area.right(), zero))
            return
        above = QRectF(area.left(), area.top(), area.width(), zero - area.top())
        below = QRectF(area.left(), zero, area.width(), area.bottom() - zero)
        # at the outer ends, where the curve is seldom
        aligned = (
            Qt.AlignmentFlag.AlignBottom | Qt.AlignmentFlag.AlignRight,
            Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignRight,
        )
        for name, colour, ground, side in zip(
            self._classes, self._colours, (below, above), aligned, strict=True
        ):
            tint = QColor(colour)
            tint.setAlpha(45)
            painter.fillRect(ground, tint)
            if ground.height() > metrics.height():
                faint = QColor(ink)
                faint.setAlpha(150)
                painter.setPen(faint)
                short = metrics.elidedText(name, Qt.TextElideMode.ElideRight, int(area.width() / 2))
                painter.drawText(ground.adjusted(0, 1, -4, -1), side, short)
        painter.setPen(ink)
        painter.drawLine(QPointF(area.left(), zero), QPointF(area.right(), zero))

    def _paint_frames(self, painter: QPainter, area: QRectF) -> None:
        metrics, first, last = self.fontMetrics(), self._frames[0], self._frames[-1]
        line = QRectF(area.left() - 4, area.bottom() + 3, area.width() + 8, metrics.height())
        sides = [(Qt.AlignmentFlag.AlignLeft, str(first)), (Qt.AlignmentFlag.AlignRight, str(last))]
        if first == last:
            sides = [(Qt.AlignmentFlag.AlignHCenter, str(first))]
        for side, text in sides:
            painter.drawText(line, side, text)
        painter.drawText(
            line.translated(0, metrics.height()), Qt.AlignmentFlag.AlignHCenter, "frame"
        )

    def _paint_track(self, painter: QPainter, ink: QColor) -> None:
        seen = np.flatnonzero(~np.isnan(self._lines).any(axis=1))
        for number, line in enumerate(self._lines.T):
            places = [self.place_of(self._frames[i], line[i]) for i in seen]
            colour = QColor(self._colours[number]) if self._several else ink
            painter.setPen(QPen(colour, 1.8 if self._several else 1.2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawPolyline(QPolygonF(places))
        for i in seen:
            chosen, side = self._frames[i] == self._selected, self._side[i]
            place = self.place_of(self._frames[i], self._lines[i].max())
            painter.setPen(QPen(ink, 1.5) if chosen else Qt.PenStyle.NoPen)
            painter.setBrush(QColor(self._colours[side] if side >= 0 else QUIET))
            size = LARGE if chosen else DOT
            painter.drawEllipse(place, size, size)
        painter.setPen(QPen(ink, 1.5))
        painter.setBrush(self.palette().window())
        for time, _ in self.crossings:
            at = self.place_of(time, 0)
            corners = ((0, -5), (5, 0), (0, 5), (-5, 0))
            painter.drawPolygon(QPolygonF([at + QPointF(x, y) for x, y in corners]))

    # Choosing a frame

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: D102
        if event.button() == Qt.MouseButton.LeftButton and len(self._frames):
            at = [self.place_of(frame, 0).x() for frame in self._frames]
            self._choose(int(np.argmin(np.abs(np.array(at) - event.position().x()))))

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: D102
        step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(event.key())
        if step is None or not len(self._frames):
            super().keyPressEvent(event)
            return
        here = self._frames[0] if self._selected is None else self._selected
        self._choose(int(np.searchsorted(self._frames, here)) + step)

    def _choose(self, index: int) -> None:
        if 0 <= index < len(self._frames):
            self.frame_chosen.emit(int(self._frames[index]))
