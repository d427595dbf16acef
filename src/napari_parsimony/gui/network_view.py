"""The connections that a sparse network is left with, to be zoomed and clicked."""

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np
from qtpy.QtCore import QPointF, QRectF, Qt, Signal
from qtpy.QtGui import (
    QColor,
    QFocusEvent,
    QKeyEvent,
    QPainter,
    QPen,
    QPixmap,
    QResizeEvent,
    QWheelEvent,
)
from qtpy.QtWidgets import QFrame, QGraphicsScene, QGraphicsSimpleTextItem, QGraphicsView

from napari_parsimony.classify.topology import Compact
from napari_parsimony.figures.diagram import in_order
from napari_parsimony.figures.palette import ACCENT, LIGHT, NEGATIVE, POSITIVE, Theme
from napari_parsimony.figures.text import shortened
from napari_parsimony.gui.dock import ink
from napari_parsimony.gui.network_items import (
    SIDE,
    TITLE,
    ConnectionItem,
    LatentItem,
    Place,
    UnitItem,
)

PICTURES = 5
_LEFT = PICTURES * (SIDE + 1) + 12  # of the latents' pictures
_ROW = SIDE + TITLE + 6  # height of a latent
_UNIT = 15.0  # least distance of hidden units
_COLUMN = 58.0  # between layers
_ZOOM = (0.5, 6.0)
_WIDEST = 1.5  # it is not blown up further to fill a wide dock


class NetworkView(QGraphicsView):
    """One sparse network without its dead parts.

    Ctrl + wheel and the keys + and - zoom, 0 fits it into the width, arrows and Enter choose a
    latent.

    Attributes
    ----------
    latent_clicked
        A latent was clicked: its name, `z0`, `z1`, ….
    """

    latent_clicked = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.setScene(QGraphicsScene(self))
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setStyleSheet(
            "QGraphicsView { background: transparent; border: 1px solid transparent; }"
            f"QGraphicsView:focus {{ border-color: {ACCENT}; }}"
        )
        self.setToolTip(
            "<qt>The connections that are left. Drag moves the picture, Ctrl + wheel or the keys + "
            "and − zoom, 0 fits it into the width. Arrows choose a latent, Enter shows it in the "
            "explorer.</qt>"
        )
        self.setRenderHint(QPainter.RenderHint.Antialiasing)
        self.setDragMode(QGraphicsView.DragMode.ScrollHandDrag)
        self.setTransformationAnchor(QGraphicsView.ViewportAnchor.AnchorUnderMouse)
        self.setAlignment(Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop)
        self.setMinimumHeight(160)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("The sparse network: latents left, the score right")
        self.latents: dict[str, LatentItem] = {}
        self.connections: list[ConnectionItem] = []
        self.units: dict[Place, UnitItem] = {}
        self._order: list[str] = []
        self._current = -1
        self._zoomed = False

    def clear(self) -> None:
        """Show nothing."""
        self.scene().clear()
        self.latents, self.connections, self.units, self._order = {}, [], {}, []
        self._current = -1

    def set_network(
        self,
        network: Compact,
        used: Sequence[str],
        titles: Mapping[str, str],
        kept: Mapping[str, str],
        classes: Sequence[str],
        theme: Theme = LIGHT,
    ) -> None:
        """Draw a network.

        Parameters
        ----------
        network
            With no dead parts.
        used
            Names of its inputs, as many as its first layer has.
        titles, kept
            What to call each of them, and how many networks use it, for people.
        classes
            Whose scores the last layer gives; of two the one score, above 0 for the second.
        theme
            Of the viewer.
        """
        marked = next((name for name, item in self.latents.items() if item.marked), None)
        self.clear()
        weights = [np.asarray(weight) for weight in network.weights]
        counts = [len(used), *(weight.shape[1] for weight in weights)]
        orders = in_order(weights, [np.arange(count) for count in counts])
        height = max(counts[0] * _ROW, max(counts[1:]) * _UNIT, 3 * _ROW)
        where: dict[Place, QPointF] = {}
        for layer, order in enumerate(orders):
            # inputs need room for their pictures, units share what there is
            step = _ROW if layer == 0 else min(height / len(order), _ROW)
            top = (height - step * (len(order) - 1) + (TITLE if layer == 0 else 0)) / 2
            where |= {
                (layer, int(unit)): QPointF(layer * _COLUMN, top + step * row)
                for row, unit in enumerate(order)
            }
        self._connect(weights, where, used, theme)
        last = len(weights)
        for place, point in where.items():
            layer, unit = place
            if layer == 0:
                item = self._latent(place, used[unit], titles, kept, theme)
            else:
                item = self._unit(place, float(network.biases[layer - 1][unit]), last, theme)
                if layer == last:
                    means = f"Above 0: {escape(classes[-1])}, below 0: {escape(classes[0])}."
                    if len(classes) > 2:
                        means = f"The larger, the more probable is {escape(classes[unit])}."
                    item.setToolTip(f"<qt>{item.toolTip()}<br>{means}</qt>")
            item.setPos(point)
            self.scene().addItem(item)
        wide = self._name_scores(["score"] if len(classes) == 2 else classes, where, last, theme)
        self._order = [used[unit] for unit in orders[0]]
        right = last * _COLUMN + wide + 14
        self.setSceneRect(QRectF(-_LEFT - 2, -2, _LEFT + right + 2, height + 6))
        self.fit()
        if self._order:
            self.ensureVisible(self.latents[self._order[0]], 0, 8)
        if marked is not None:
            self.mark(marked)

    def _name_scores(
        self, names: Sequence[str], where: Mapping[Place, QPointF], last: int, theme: Theme
    ) -> float:
        """Write a name beside each unit of the last layer; returns what room that takes."""
        wide = 0.0
        for unit, name in enumerate(names):
            text = QGraphicsSimpleTextItem(shortened(name, 12))
            text.setBrush(QColor(theme.ink))
            box, at = text.boundingRect(), where[last, unit]
            if len(names) == 1:
                # upright, for connections come from everywhere left of it
                text.setRotation(-90)
                text.setPos(at + QPointF(9, box.width() / 2))
                wide = box.height()
            else:
                text.setPos(at + QPointF(10, -box.height() / 2))
                wide = max(wide, box.width())
            self.scene().addItem(text)
        return wide

    def _connect(
        self,
        weights: Sequence[np.ndarray],
        where: Mapping[Place, QPointF],
        used: Sequence[str],
        theme: Theme,
    ) -> None:
        for layer, weight in enumerate(weights):
            largest = float(np.abs(weight).max(initial=0)) or 1.0
            pairs = sorted(zip(*np.nonzero(weight), strict=True), key=lambda at: abs(weight[at]))
            for source, goal in pairs:
                value, ends = float(weight[source, goal]), ((layer, source), (layer + 1, goal))
                share = abs(value) / largest
                colour = QColor(ink(POSITIVE if value > 0 else NEGATIVE, theme))
                colour.setAlphaF(0.35 + 0.6 * share)
                pen = QPen(colour, 0.7 + 3.3 * share)
                pen.setCapStyle(Qt.PenCapStyle.RoundCap)
                start = used[source] if layer == 0 else "a unit"
                end = "the score" if layer == len(weights) - 1 else "a unit"
                tip = f"Weight {_signed(value)} from {start} to {end}"
                item = ConnectionItem(ends, where[ends[0]], where[ends[1]], pen, tip)
                item.setZValue(share)
                self.connections.append(item)
                self.scene().addItem(item)

    def _latent(
        self,
        place: Place,
        name: str,
        titles: Mapping[str, str],
        kept: Mapping[str, str],
        theme: Theme,
    ) -> LatentItem:
        tip = (
            f"<qt><b>{escape(titles[name])}</b>: {kept[name]} networks use it. The pictures: this "
            "latent from its 1st to its 99th percentile, the others at their mean. Click to find "
            "it in the dock 'Latent explorer'.</qt>"
        )
        item = self.latents[name] = LatentItem(
            place, self._look, tip, name=name, title=titles[name], kept=kept[name],
            pictures=PICTURES, theme=theme, clicked=self.latent_clicked.emit,
        )  # fmt: skip
        return item

    def _unit(self, place: Place, bias: float, last: int, theme: Theme) -> UnitItem:
        score = place[0] == last
        what = "The score" if score else "A hidden unit: 0 where its sum is below 0"
        item = self.units[place] = UnitItem(
            place,
            self._look,
            f"{what}; bias {_signed(bias)}.",
            6.5 if score else 3.6,
            theme.ink if score else theme.background,
            theme.ink,
        )
        return item

    def set_strip(self, name: str, pixmaps: Sequence[QPixmap]) -> None:
        """Show what a latent does; one that is not drawn is passed over."""
        if name in self.latents:
            self.latents[name].set_strip(pixmaps)

    def mark(self, name: str) -> None:
        """Frame a latent and bring it into sight; one that is not drawn frames none."""
        for each, item in self.latents.items():
            item.mark(each == name)
        if name in self.latents:
            self._current = self._order.index(name)
            self.ensureVisible(self.latents[name], 0, 8)

    def _look(self, place: Place | None) -> None:
        """Let stand out what is on a path through a unit."""
        near: set[Place] = set()
        if place is not None:
            forward = sorted(self.connections, key=lambda item: item.ends[0][0])
            ahead, behind = {place}, {place}
            for item in forward:
                if item.ends[0] in ahead:
                    ahead.add(item.ends[1])
            for item in reversed(forward):
                if item.ends[1] in behind:
                    behind.add(item.ends[0])
            near = ahead | behind
            for item in forward:
                on = item.ends[0] in ahead or item.ends[1] in behind
                item.setOpacity(1.0 if on else 0.12)
        else:
            for item in self.connections:
                item.setOpacity(1.0)
        for unit in (*self.units.values(), *self.latents.values()):
            unit.setOpacity(1.0 if place is None or unit.place in near else 0.35)

    # Zooming

    def fit(self) -> None:
        """Fill the width."""
        self._zoomed = False
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        wide = self.sceneRect().width()
        if wide > 0:
            scale = min((self.viewport().width() - 2) / wide, _WIDEST)
            self.resetTransform()
            self.scale(scale, scale)

    def zoom(self, factor: float) -> None:
        """Make it larger or smaller."""
        now = self.transform().m11()
        factor = min(max(now * factor, _ZOOM[0]), _ZOOM[1]) / now
        self._zoomed = True
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        self.scale(factor, factor)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: D102
        super().resizeEvent(event)
        if not self._zoomed:
            self.fit()

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: D102
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.zoom(1.2 if event.angleDelta().y() > 0 else 1 / 1.2)
            event.accept()
        else:
            super().wheelEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: D102
        key = event.key()
        step = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}.get(Qt.Key(key))
        if step and self._order:
            self._point_at(min(max(self._current + step, 0), len(self._order) - 1))
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            if 0 <= self._current < len(self._order):
                self.latent_clicked.emit(self._order[self._current])
        elif event.text() in ("+", "-"):
            self.zoom(1.2 if event.text() == "+" else 1 / 1.2)
        elif event.text() == "0":
            self.fit()
        else:
            super().keyPressEvent(event)

    def _point_at(self, row: int) -> None:
        self._current = row
        item = self.latents[self._order[row]]
        self._look(item.place)
        self.ensureVisible(item, 0, 8)

    def focusOutEvent(self, event: QFocusEvent) -> None:  # noqa: D102
        super().focusOutEvent(event)
        self._look(None)


def _signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", "−")
