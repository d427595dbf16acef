"""The dock 'Overlay': colours and texts of the cells, disagreements, and scores over time."""

from html import escape
from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import QSignalBlocker, Qt
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from napari_parsimony.errors import UserError
from napari_parsimony.figures.text import numbers
from napari_parsimony.gui.cell_text import FIELDS, PRESETS
from napari_parsimony.gui.dock import fill_dock, follow, message_label, missing, wheel_needs_focus
from napari_parsimony.gui.overlay import Overlay
from napari_parsimony.gui.overlay_controls import OverlayControls
from napari_parsimony.gui.preferences import remember
from napari_parsimony.gui.session import Session
from napari_parsimony.gui.tracks_chart import TracksChart
from napari_parsimony.trust.findings import listed
from napari_parsimony.trust.tracks import track_rows

if TYPE_CHECKING:
    import napari

CROSSINGS = 6  # that are listed; the chart shows all


class OverlayDock(QWidget):
    """What is shown on the cells of a study, and what people say otherwise.

    Parameters
    ----------
    viewer
        Whose session is followed.
    """

    def __init__(self, viewer: "napari.viewer.Viewer") -> None:
        super().__init__()
        self.session = Session.of(viewer)
        self.overlay = Overlay.of(self.session)
        fill_dock(self)
        self.message = message_label()
        self.controls = OverlayControls(self.overlay)
        self.text = TextBox(self.overlay)
        self.disagreements = Disagreements(self.overlay)
        self.track = Track(self.overlay)
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, 4, 0)
        column.addWidget(self.controls)
        column.addWidget(self.text)
        for part in (self.disagreements, self.track):
            column.addWidget(part)
        column.addStretch(1)
        self.area = QScrollArea()
        self.area.setWidgetResizable(True)
        self.area.setFrameShape(QFrame.Shape.NoFrame)
        self.area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.area.setWidget(inside)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(6, 6, 6, 6)
        outer.addWidget(self.message)
        outer.addWidget(self.area, 1)
        for signal in (self.session.study_changed, self.session.artefacts_changed):
            follow(self, signal, self._show)
        self._show()

    def _show(self, *_: object) -> None:
        sentence = missing(self.session, "cells")
        self.message.setText(sentence or "")
        self.message.setVisible(sentence is not None)
        self.area.setVisible(sentence is None)


class TextBox(QWidget):
    """The template of the text on the cells: one of the presets, or one's own."""

    def __init__(self, overlay: Overlay) -> None:
        super().__init__()
        self.overlay = overlay
        self._shown: str | None = None
        self.box = QComboBox()
        self.box.setEditable(True)
        self.box.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.box.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.box.setCompleter(None)
        wheel_needs_focus(self.box)
        listed = "".join(
            f"<tr><td><code>{{{name}}}</code></td><td>&nbsp; {words}</td></tr>"
            for name, words in FIELDS.items()
        )
        self.box.setToolTip(
            "<qt>What is written on each cell. Choose one, or write names in braces, each with a "
            "format if you like: <code>{score:.1f}</code> has one decimal, "
            "<code>{probability:.0%}</code> is in per cent. Nothing brings back what is written "
            f"at first.<table>{listed}</table></qt>"
        )
        self.problem = QLabel()
        self.problem.setWordWrap(True)
        layout, line = QVBoxLayout(self), QHBoxLayout()
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        caption = QLabel("text")
        caption.setBuddy(self.box)
        line.addWidget(caption)
        line.addWidget(self.box, 1)
        layout.addLayout(line)
        layout.addWidget(self.problem)
        self.box.textActivated.connect(self._apply)
        edit = self.box.lineEdit()
        assert edit is not None
        edit.editingFinished.connect(lambda: self._apply(self.box.currentText()))
        follow(self, overlay.look_changed, self._show)
        self._show()

    def _apply(self, template: str) -> None:
        if template == self.overlay.template:
            self._say(self.overlay.text_problem)
            return
        try:
            self.overlay.set_template(template)
        except UserError as error:
            self._say(str(error))
        else:
            remember("text", template)
            self.box.setEditText(self.overlay.template)  # of an empty one, what stands for it

    def _show(self) -> None:
        overlay = self.overlay
        listed = list(PRESETS)
        if overlay.values is not None:
            listed += [f"{{{name}:.1f}}" for name in overlay.values.telling_latents]
        with QSignalBlocker(self.box):
            written = self.box.currentText()
            self.box.clear()
            for index, template in enumerate(listed):
                self.box.addItem(template)
                words = PRESETS.get(template, "a latent")
                self.box.setItemData(index, words, Qt.ItemDataRole.ToolTipRole)
            # what somebody is writing stays, unless another template came from elsewhere
            changed = overlay.template != self._shown
            self.box.setEditText(overlay.template if changed else written)
        if changed:
            self._shown = overlay.template
        if self.box.currentText() == overlay.template:
            self._say(overlay.text_problem)

    def _say(self, sentence: str | None) -> None:
        self.problem.setText(sentence or "")
        self.problem.setVisible(bool(sentence))


class Disagreements(QWidget):
    """How many annotated cells the score gives another class, and ways to them."""

    def __init__(self, overlay: Overlay) -> None:
        super().__init__()
        self.overlay = overlay
        self.marked = QCheckBox("mark cells that people give another class")
        self.marked.setToolTip(
            "<qt>Mark with a pink cross the cells to which people gave another class than the "
            "score does.</qt>"
        )
        self.marked.toggled.connect(overlay.set_show_disagreements)
        self.count = QLabel()
        self.count.setWordWrap(True)
        self.count.setToolTip("Annotated cells of the whole study, in the class of their score.")
        self.previous, self.next = QPushButton("◀ previous"), QPushButton("next ▶")
        for button, step, word in ((self.previous, -1, "previous"), (self.next, 1, "next")):
            button.setToolTip(f"Select the {word} cell that people give another class.")
            button.clicked.connect(lambda *_, step=step: overlay.go_to_disagreement(step))
        buttons = QHBoxLayout()
        buttons.addWidget(self.previous)
        buttons.addWidget(self.next)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 6, 0, 0)
        layout.addWidget(self.marked)
        layout.addWidget(self.count)
        layout.addLayout(buttons)
        follow(self, overlay.look_changed, self._show)
        self._show()

    def _show(self) -> None:
        values = self.overlay.values
        with QSignalBlocker(self.marked):
            self.marked.setChecked(self.overlay.show_disagreements)
        number = 0 if values is None else len(values.disagreeing)
        for widget in (self.marked, self.previous, self.next):
            widget.setEnabled(number > 0)
        self.count.setText("" if values is None else self._sentence())

    def _sentence(self) -> str:
        values = self.overlay.values
        assert values is not None
        wrong, compared = len(values.disagreeing), int(values.compared.sum())
        if values.scorer is None:
            return "The cells have no score yet that could be compared with annotations."
        if not compared:
            either = listed(list(values.classes), "or")
            return f"No cell is annotated as {either}: nothing to compare with."
        told = f"{wrong or 'None'} of {compared} annotated cells"
        verb = f"{'disagrees' if wrong == 1 else 'disagree'} with {values.scorer}"
        if not self.overlay.shows_a_part:
            return f"{told} {verb}."
        # the legend counts those of the image
        assert self.overlay.picture is not None
        here = int(np.isin(values.disagreeing, self.overlay.picture.rows).sum())
        of_them = f", {here or 'none'} of them in this image" if wrong else ""
        return f"{told} of the whole study {verb}{of_them}."


class Track(QWidget):
    """Score of the selected cell over time; only there if labels are numbers of tracks."""

    def __init__(self, overlay: Overlay) -> None:
        super().__init__()
        self.overlay, self.session = overlay, overlay.session
        self.chart = TracksChart()
        self.title, self.crossings = QLabel(), QLabel()
        self.title.setToolTip("Labels that are equal in several frames of an image are one cell.")
        self.crossings.setToolTip("Times are interpolated between frames.")
        for label in (self.title, self.crossings):
            label.setWordWrap(True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 6, 0, 0)
        for widget in (self.title, self.chart, self.crossings):
            layout.addWidget(widget)
        self.chart.frame_chosen.connect(self._go)
        for signal in (overlay.look_changed, self.session.cell_changed):
            follow(self, signal, self._show)
        follow(self, overlay.frame_changed, self._show_frame)
        self._show()

    def _is_tracked(self) -> bool:
        values = self.overlay.values
        return values is not None and values.scorer is not None and values.tracked

    def _show(self, *_: object) -> None:
        values, cell = self.overlay.values, self.session.cell
        self.setVisible(self._is_tracked())
        if self.isHidden() or values is None:
            return
        self.chart.setVisible(cell is not None)
        self.crossings.setVisible(cell is not None)
        if cell is None:
            self.title.setText("Select a cell, to see its score over time.")
            return
        image, frame, label = cell
        rows = track_rows(values.cells, image, label)
        frames = values.cells["frame"].to_numpy()[rows]
        colours = self.session.class_colours
        self.chart.set_value(frames, values.scores[rows], frame, values.classes, colours)
        self._show_frame()
        many = "1 frame" if len(rows) == 1 else f"{len(rows)} frames"
        self.title.setText(f"<b>Cell {label} over time</b>, by {values.scorer}: in {many}")
        self.crossings.setText(self._sentence())

    def _sentence(self) -> str:
        found, classes = self.chart.crossings, self.session.classes
        if not found:
            return "It stays in its class." if len(classes) > 2 else "Its score does not cross 0."
        times = numbers([time for time, _ in found])
        listed = [
            f"{time} → {escape(classes[which])}"
            for time, (_, which) in zip(times, found, strict=True)
        ]
        more = len(listed) - CROSSINGS
        rest = f" and {more} more" if more > 0 else ""
        what = "It changes its class" if len(classes) > 2 else "Its score crosses 0"
        return f"{what} at frame {', '.join(listed[:CROSSINGS])}{rest}."

    def _show_frame(self, *_: object) -> None:
        self.chart.set_now(None if self.overlay.picture is None else self.overlay.frame)

    def _go(self, frame: int) -> None:
        cell = self.session.cell
        if cell is not None:
            self.session.select_cell((cell[0], frame, cell[2]))
