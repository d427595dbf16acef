"""A window with the decision map of the equation that is looked at."""

import numpy as np
import pandas as pd
from napari.utils.notifications import show_warning
from numpy.typing import NDArray
from qtpy.QtCore import QEvent, QSignalBlocker, Qt, QTimer
from qtpy.QtWidgets import (
    QComboBox,
    QDialog,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from napari_parsimony.figures.palette import QUIET
from napari_parsimony.figures.score_map import STEPS, AlongLatent, drawn_cells
from napari_parsimony.gui.background import Background
from napari_parsimony.gui.cell_values import CellValues
from napari_parsimony.gui.dock import (
    LiveLabel,
    Soon,
    decision_html,
    delete_later,
    follow,
    wheel_needs_focus,
)
from napari_parsimony.gui.latent_sliders import FloatSlider
from napari_parsimony.gui.score_map_view import Dots, ScoreMapView
from napari_parsimony.gui.session import Session

_REST = 150  # ms without a move before cells are decoded
_LEGEND = (
    "✚ position looked at · ◯ selected cell · dots: cells, coloured by the class that people gave "
    "them · line: {}"
)


class DecisionWindow(QDialog):
    """The score over two latents, around the position that is looked at.

    All in it is the session's position: a click in the map, or a slider of the equation's other
    latents, moves every dock.

    Parameters
    ----------
    session
        Whose equation, position and cells are drawn.
    parent
        With which it closes.
    """

    def __init__(self, session: Session, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Decision map")
        self.setMinimumSize(380, 580)
        self.session = session
        self.axes = (QComboBox(), QComboBox())
        self.view = ScoreMapView()
        self.result, self.note = LiveLabel(), QLabel(wordWrap=True)
        self.save = QPushButton("Save picture…")
        self._picked = False  # by the user, and not by the equation
        self.sliders: dict[str, FloatSlider] = {}
        self._labels: dict[str, QLabel] = {}
        self._soon = Soon(self, self._draw)
        self._rest = QTimer(self, singleShot=True, interval=_REST)
        self._rest.timeout.connect(self._decode)
        self._background = Background(self, torch=True)
        self._background.done.connect(lambda strips: self.view.set_strips(*strips))
        self._lay_out()
        self._background.failed.connect(self._say)
        for place, box in enumerate(self.axes):
            box.activated.connect(lambda *_, place=place: self._pick(place))
        self.view.moved.connect(self._move)
        self.save.clicked.connect(self._save)
        follow(self, session.study_changed, self.rebuild)
        follow(self, session.artefacts_changed, self.rebuild)
        follow(self, session.expression_changed, self.rebuild)
        follow(self, session.names_changed, self.rebuild)
        follow(self, session.annotations_changed, self._on_classes)
        follow(self, session.cell_changed, self._on_move)
        follow(self, session.latents_changed, self._on_move)
        self.rebuild()

    def _lay_out(self) -> None:
        choose = QHBoxLayout()
        for name, box in zip(("across", "up"), self.axes, strict=True):
            box.setToolTip(
                f"<qt>Latent {name}: those that the equation reads (●) first, then all others that "
                "are active.</qt>"
            )
            box.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
            choose.addWidget(QLabel(name))
            choose.addWidget(box, 1)
        wheel_needs_focus(*self.axes)
        self.result.setToolTip("Value of the equation at the cross, and the class that it means.")
        self.save.setToolTip("Save the map as a picture, three times as fine as on the screen.")
        self.legend = QLabel(wordWrap=True)
        self.legend.setToolTip("What is drawn on the map.")
        self.others = QWidget()
        self._rows = QGridLayout(self.others)
        self._rows.setContentsMargins(0, 0, 6, 0)
        self._rows.setVerticalSpacing(1)
        self._rows.setColumnStretch(1, 1)
        self._area = QScrollArea(widgetResizable=True)
        self._area.setFrameShape(QScrollArea.Shape.NoFrame)
        self._area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._area.setWidget(self.others)
        below = QHBoxLayout()
        below.addWidget(self.result, 1)
        below.addWidget(self.save)
        column = QVBoxLayout(self)
        column.addLayout(choose)
        column.addWidget(self.view, 1)
        column.addWidget(self.note)
        column.addWidget(self._area)
        column.addWidget(self.legend)
        column.addLayout(below)

    # Following the session

    def rebuild(self, *_: object) -> None:
        """Show the equation that is looked at now; without one, close."""
        session, expression = self.session, self.session.expression
        if expression is None or not session.has("vae"):
            self._background.cancel()
            self._rest.stop()
            self.close()
            return
        several = len(session.classes) > 2
        self.legend.setText(_LEGEND.format("another class" if several else "score 0"))
        order = [f"z{index}" for index in session.latent_order]
        if len({*order, *expression.variables}) < 2:
            order = [str(name) for name in session.latent_statistics["name"]]
        names = [*expression.variables, *(n for n in order if n not in expression.variables)]
        chosen = [box.currentData() for box in self.axes]
        for place, box in enumerate(self.axes):
            with QSignalBlocker(box):
                box.clear()
                for name in names:
                    used = "● " if name in expression.variables else ""
                    box.addItem(f"{used}{session.title_of(name)}", name)
                kept = chosen[place] if chosen[place] in names else None
                # where this equation reads neither, begin with its own
                if not self._picked or not {*chosen} & {*expression.variables}:
                    kept = None
                box.setCurrentIndex(names.index(kept) if kept else min(place, len(names) - 1))
        self._on_axes()

    def _on_classes(self) -> None:
        self._on_axes()

    def _say(self, sentence: str) -> None:
        self.note.setText(sentence)
        self.note.setVisible(bool(sentence))

    def _pick(self, place: int) -> None:
        self._picked = True
        self._on_axes(place)

    def _on_axes(self, place: int = 0) -> None:
        """Show other latents, chosen at one of the boxes: the same one twice is no map."""
        session, expression = self.session, self.session.expression
        if expression is None or not session.has("vae"):
            return
        if self.axes[0].currentIndex() == self.axes[1].currentIndex():
            other = self.axes[1 - place]
            other.setCurrentIndex((other.currentIndex() + 1) % max(other.count(), 1))
        self._make_sliders()
        unread = [
            session.title_of(name) for name in self._names if name not in expression.variables
        ]
        sentence = f"The equation does not read {' and '.join(unread)}: along it, nothing changes."
        if not expression.variables:
            sentence = "This equation reads no latent: it is the same for every cell."
        self._say(sentence if unread else "")
        self._dots = self._all_dots()
        self._limits = tuple(self._limits_of(name) for name in self._names)
        self._show_axes()
        self._on_move()

    @property
    def _names(self) -> tuple[str, str]:
        return str(self.axes[0].currentData()), str(self.axes[1].currentData())

    def _make_sliders(self) -> None:
        expression = self.session.expression
        assert expression is not None
        for widget in (*self.sliders.values(), *self._labels.values()):
            self._rows.removeWidget(widget)
            delete_later(widget)
        self.sliders, self._labels = {}, {}
        others = [name for name in expression.variables if name not in self._names]
        for row, name in enumerate(others):
            label, slider = QLabel(self.session.title_of(name)), FloatSlider()
            tip = f"<qt>{label.text()}: the equation reads it too. Moving it moves every dock.</qt>"
            for widget in (label, slider):
                widget.setToolTip(tip)
            slider.value_changed.connect(
                lambda value, index=int(name[1:]): self.session.set_latent(index, value)
            )
            self._rows.addWidget(label, row, 0)
            self._rows.addWidget(slider, row, 1)
            self.sliders[name], self._labels[name] = slider, label
        self._area.setVisible(bool(others))
        high = self.others.sizeHint().height()
        self._area.setFixedHeight(min(high, 112))

    def _limits_of(self, name: str) -> tuple[float, float]:
        low, high = self.session.latent_statistics[["low", "high"]].to_numpy(float)[int(name[1:])]
        return float(low), float(high)

    def _all_dots(self) -> Dots:
        session = self.session
        assert session.study is not None
        values = CellValues(session)
        annotated = values.annotation
        known = ~pd.isna(annotated)
        rows = drawn_cells(known if known.any() else np.ones(len(annotated), bool))
        told, sides = session.annotations.colours, values.annotated_side[rows]
        ours = session.class_colours
        colours = [
            ours[side] if side < len(ours) else told.get(name, QUIET)
            for side, name in zip(sides, annotated[rows], strict=True)
        ]
        latents = session.study.latents()
        x, y = (latents[name].to_numpy(float)[rows] for name in self._names)
        return Dots(x, y, np.array(colours, object))

    def _show_axes(self) -> None:
        """Wide enough for the position, in steps, so that a drag does not move all at once."""
        along = []
        for name, (low, high) in zip(self._names, self._limits, strict=True):
            here, step = float(self.session.latents[int(name[1:])]), (high - low) / (STEPS - 1)
            if here < low - step / 2:
                low = here
            if here > high + step / 2:
                high = here
            latent = self.session.title_of(name).partition(" ")[2]
            along.append(AlongLatent(name, low, high, label=latent))
        self.view.set_classes(self.session.classes, self.session.class_colours)
        self.view.set_axes(along[0], along[1], self._dots)

    def _on_move(self, *_: object) -> None:
        if self.session.expression is None or not self.isVisible():
            return
        self._background.cancel()
        self.view.dim_strips()
        self._soon.start()
        self._rest.start()

    def event(self, event: QEvent) -> bool:  # noqa: D102
        if event.type() == QEvent.Type.Show:
            self._on_move()
        return super().event(event)

    # Drawing

    def _draw(self) -> None:
        session, expression = self.session, self.session.expression
        if expression is None or not session.has("vae"):
            return
        latents = session.latents
        values = {name: float(latents[int(name[1:])]) for name in expression.variables}
        for name, slider in self.sliders.items():
            low, high = self._limits_of(name)
            with QSignalBlocker(slider):
                slider.set_range(min(low, values[name]), max(high, values[name]))
                slider.set_value(values[name])
        first, second = (int(name[1:]) for name in self._names)
        position = float(latents[first]), float(latents[second])
        assert self.view.axes is not None
        inside = all(
            axis.limits[0] <= value <= axis.limits[1]
            for axis, value in zip(self.view.axes, position, strict=True)
        )
        if not inside or self._wider():
            self._show_axes()
        self.view.set_expression(
            expression, {n: value for n, value in values.items() if n not in self._names}
        )
        self.view.set_position(position, self._cell_at())
        scores = np.atleast_1d(expression.evaluate(values))
        said = decision_html(session, scores)
        self.result.setText(f"score = {said}" if len(scores) == 1 else said)

    def _wider(self) -> bool:
        """Whether an axis is still wide for a position that was left."""
        assert self.view.axes is not None
        pairs = zip(self.view.axes, self._limits, strict=True)
        return any((axis.low, axis.high) != limits for axis, limits in pairs)

    def _cell_at(self) -> tuple[float, float] | None:
        session = self.session
        if session.cell is None or session.study is None:
            return None
        row = session.study.latents().iloc[session.row_of(session.cell)]
        return float(row[self._names[0]]), float(row[self._names[1]])

    def _decode(self) -> None:
        """Draw the cells along both axes, in a thread: the first time, torch is imported."""
        session, axes = self.session, self.view.axes
        if session.study is None or axes is None or not session.has("vae"):
            return
        latents, study = session.latents, session.study
        positions = np.repeat(latents[None], 2 * STEPS, axis=0)
        for part, axis in enumerate(axes):
            positions[part * STEPS : (part + 1) * STEPS, int(axis.name[1:])] = axis.steps

        def decode() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
            from napari_parsimony.vae.latents import decode_latents

            drawn = decode_latents(study.vae(), positions)
            return drawn[:STEPS], drawn[STEPS:]

        self._background.start(decode)

    # Using it

    def _move(self, x: float, y: float) -> None:
        latents = self.session.latents
        for name, value in zip(self._names, (x, y), strict=True):
            latents[int(name[1:])] = value
        self.session.set_latents(latents)

    def _save(self) -> None:
        path, _ = QFileDialog.getSaveFileName(self, "Save the map", "decision map.png", "*.png")
        if path and not self.view.picture().save(path):
            show_warning(f"{path} could not be written: choose another folder, and end it in .png.")
