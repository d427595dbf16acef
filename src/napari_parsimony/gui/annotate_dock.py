"""The dock 'Annotate': give cells classes, by clicks and keys."""

from collections.abc import Callable
from functools import partial
from html import escape
from pathlib import Path

from napari.viewer import Viewer
from qtpy.QtCore import Qt
from qtpy.QtGui import QHideEvent, QKeyEvent, QShowEvent
from qtpy.QtWidgets import (
    QFileDialog,
    QGridLayout,
    QLabel,
    QMenu,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from napari_parsimony.cells.imported_classes import ImportedClasses, read_class_list
from napari_parsimony.cells.table import SPLITS
from napari_parsimony.errors import UserError
from napari_parsimony.figures.text import file_name
from napari_parsimony.gui import import_classes
from napari_parsimony.gui.annotate_keys import NEXT, REDO, UNDO, CanvasKeys, act, key_of
from napari_parsimony.gui.annotator import Annotator
from napari_parsimony.gui.class_table import ClassTable
from napari_parsimony.gui.dock import (
    fill_dock,
    follow,
    in_row,
    message_label,
    missing,
    push_button,
    say,
    warning_ink,
    when_destroyed,
)
from napari_parsimony.gui.docks import open_dock
from napari_parsimony.gui.export_button import ExportButton
from napari_parsimony.gui.overlay import Overlay
from napari_parsimony.gui.overlay_click import on_click
from napari_parsimony.gui.picture_box import PictureBox
from napari_parsimony.gui.session import Session
from napari_parsimony.gui.step_panel import StepPanel

NARROW = 32  # pixels, of a button with an arrow


class AnnotateDock(QWidget):
    """Classes, what keys act on, and what the classifiers have not learned yet.

    Parameters
    ----------
    viewer
        Whose session is followed, and on whose canvas keys and clicks annotate.
    """

    def __init__(self, viewer: Viewer) -> None:
        super().__init__()
        self.session = session = Session.of(viewer)
        self.annotator = annotator = Annotator.of(session)
        self.overlay = Overlay.of(session)
        self.keys = CanvasKeys(self.overlay, self.press)
        fill_dock(self)
        self.message = message_label()
        self.content = QWidget()
        self.picture = PictureBox(self.overlay)
        self.table = ClassTable(annotator)
        self.table.failed.connect(self._fail)
        self.lacking, self.target, self.said, self.since = (QLabel(wordWrap=True) for _ in range(4))
        self.said.setTextFormat(Qt.TextFormat.PlainText)
        self.panel = StepPanel(session, "classify")  # only its `runs` are shown
        self._open = False
        self.preview: import_classes.ImportPreview | None = None
        self._make_buttons()
        self._lay_out()

        self._click = on_click(lambda: self.overlay.labels, self._on_click)
        callbacks = session.viewer.mouse_drag_callbacks
        callbacks.append(self._click)
        click = self._click
        when_destroyed(self, lambda: click in callbacks and callbacks.remove(click))
        when_destroyed(self, self.keys.close)
        follow(self, annotator.changed, self._show)
        follow(self, annotator.aimed, self._show_target)
        follow(self, self.overlay.shown_changed, self._show_picture)
        follow(self, session.study_changed, self._rebuild)
        follow(self, session.artefacts_changed, self._rebuild)
        follow(self, session.job_changed, self._show_since)
        self._rebuild()

    def _make_buttons(self) -> None:
        table = self.table
        self.add = push_button("Add", "Add a class, and type its name.", self._add)
        self.remove = push_button(
            "Remove", "Remove the chosen class: its cells have none any more.", self._remove
        )
        self.move_up, self.move_down = (
            push_button(
                sign,
                f"Move the chosen class {word}, to another number key (Alt+{key} in the list).",
                partial(table.move_class, way),
            )
            for sign, word, key, way in (("▲", "up", "Up", -1), ("▼", "down", "Down", 1))
        )
        for button, word in ((self.move_up, "up"), (self.move_down, "down")):
            button.setAccessibleName(f"Move class {word}")
            button.setFixedWidth(NARROW)
        self.from_elsewhere = push_button(
            "Import…", "Classes from a CSV, or from a layer's features.", self._ask
        )
        self.paint = push_button("Paint", "", self._show_target)
        self.paint.setCheckable(True)
        self.paint.setToolTip(
            "<qt>While this is on, every cell that you click gets the class that is chosen in the "
            "list.</qt>"
        )
        self.next = push_button(
            "Next most uncertain (N)",
            "Go to the cell, among those without a class, whose score is nearest to 0: its class "
            "teaches most. Before there are scores: the one least like those that have a class. "
            "When all have one: those that nobody confirmed.",
            lambda: self.press(NEXT),
        )
        self.undo = push_button("Undo (U)", "", lambda: self.press(UNDO))
        self.redo = push_button("Redo (Shift+U)", "", lambda: self.press(REDO))
        self.gallery = push_button(
            "Gallery",
            "Open the dock 'Gallery': crops side by side, sorted, to annotate many at once.",
            self._open_gallery,
        )
        self.to_latents = push_button(
            "Next: VAE",
            "Open the dock 'VAE': classifiers read the latents that it learns.",
            lambda: open_dock(self.session.viewer, "VAE", self),
        )
        self.export = ExportButton(self.session)
        self.export.told.connect(self._say)
        self.export.failed.connect(self._fail)
        table.currentCellChanged.connect(self._show_chosen)

    def _lay_out(self) -> None:
        self.target.setToolTip("What a number key would give its class to.")
        self.since.setToolTip("What people said after the classifiers were trained.")
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, 4, 0)
        column.addWidget(self.picture)
        column.addWidget(self.table)
        column.addLayout(
            in_row(self.add, self.remove, self.move_up, self.move_down, self.from_elsewhere)
        )
        for label in (self.lacking, self.target):
            column.addWidget(label)
        buttons = QGridLayout()
        buttons.addWidget(self.paint, 0, 0)
        buttons.addWidget(self.next, 0, 1)
        buttons.addWidget(self.undo, 1, 0)
        buttons.addWidget(self.redo, 1, 1)
        buttons.addWidget(self.gallery, 2, 0)
        buttons.addWidget(self.export, 2, 1)
        buttons.setColumnStretch(1, 1)
        column.addLayout(buttons)
        column.addWidget(self.said)
        column.addStretch(1)
        scroll = QScrollArea(widgetResizable=True)
        scroll.setFrameShape(QScrollArea.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(inside)
        whole = QVBoxLayout(self.content)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(scroll, 1)
        whole.addWidget(self.since)
        whole.addWidget(self.to_latents)
        whole.addWidget(self.panel.runs)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(6, 6, 6, 6)
        outer.addWidget(self.message)
        outer.addWidget(self.content, 1)

    # Following the session

    def _rebuild(self, *_: object) -> None:
        sentence = missing(self.session, "cells")
        self.message.setText(sentence or "")
        self.message.setVisible(sentence is not None)
        self.content.setVisible(sentence is None)
        if sentence is not None:
            self.paint.setChecked(False)
        self._say("")
        self._show_picture()
        self._bind()
        self._show()

    def _show_picture(self) -> None:
        self.picture.setVisible(self.picture.needed)
        self._show_target()

    def _bind(self) -> None:
        self.keys.set_on(self._open and self.session.has("cells"))

    def _show(self, *_: object) -> None:
        if not self.session.has("cells"):
            return
        annotator = self.annotator
        self.table.show_classes()
        for button, text, word in (
            (self.undo, annotator.undo_text, "Take back"),
            (self.redo, annotator.redo_text, "Do again"),
        ):
            button.setEnabled(text is not None)
            what = f"{word}: {escape(text)}." if text else "There is nothing to be done."
            button.setToolTip(f"<qt>{what} Ctrl+Z and Ctrl+Shift+Z do it here, too.</qt>")
        self._show_chosen()
        self._show_lacking()
        self._show_since()

    def _show_chosen(self, *_: object) -> None:
        """Offer what can be done with the class that is chosen."""
        name, names = self.table.name, list(self.annotator.colours)
        self.remove.setEnabled(name is not None)
        self.paint.setEnabled(name is not None)
        self.move_up.setEnabled(name in names[1:])
        self.move_down.setEnabled(name in names[:-1])
        self._show_target()

    def _show_target(self, *_: object) -> None:
        if not self.session.has("cells"):
            return
        rows, name = self.annotator.rows, self.table.name
        if self.paint.isChecked() and name is not None:
            text = f"Click cells to make them <b>{escape(name)}</b>."
        elif not self.annotator.colours:
            text = "Add the classes that you want to tell apart, for instance interphase, mitosis."
        elif self.overlay.labels is None and self.overlay.problem is not None:
            text = f"<qt>{escape(self.overlay.problem, quote=False)}</qt>"  # nothing to click
        elif not len(rows):
            text = "Click a cell, then press the key of its class; 0 is none."
        elif len(rows) > 1:
            text = f"Keys give a class to the <b>{len(rows):,} selected cells</b>; 0 is none."
        else:
            row = self.session.cells.iloc[int(rows[0])]
            known = row["class"] if isinstance(row["class"], str) else "no class"
            where = escape(file_name(str(row["image"])))
            if self.session.cells["frame"].any():
                where = f"frame {row['frame']} of {where}"
            text = f"Cell {row['label']} of {where}: <b>{escape(known)}</b>"
        self.target.setText(text)

    def _show_lacking(self) -> None:
        counts = self.annotator.counts
        here = counts[counts.sum(axis=1) > 0]
        lacking = [
            f"no {escape(str(name))} in {split}"
            for name in here.index
            for split in SPLITS
            if here.loc[name, split] == 0
        ]
        without = self.annotator.without
        parts = [f"{without:,} {'cell has' if without == 1 else 'cells have'} no class."]
        if lacking:
            shown = ", ".join(lacking[:3]) + (", …" if len(lacking) > 3 else "")
            parts.append(
                f"<span style='color:{warning_ink(self)}'>There is {shown}: annotate more in other "
                "parts of the image.</span>"
            )
        elif len(here) < 2:
            parts.append("Classifiers need cells of two classes.")
        self.lacking.setText(" ".join(parts))
        self.lacking.setToolTip(
            "<qt>Each split needs cells of each class: train to learn from, validation to choose "
            "by, test to be judged by.</qt>"
        )

    def _show_since(self, *_: object) -> None:
        session = self.session
        study = session.study
        if study is None or not session.has("cells"):
            return
        learned = session.has("vae")
        self.to_latents.setVisible(not learned and session.job is None)
        self.panel.runs.setVisible(learned or session.job is not None)
        if not learned:
            text = "Once some cells of each class are annotated, go on."
        elif study.step("classify") is None:
            text = "No classifier was trained yet."
        elif not session.has("classify"):
            text = "The classifiers are out of date."
        else:
            told, now = study.classes_told().fillna(""), session.cells["class"].fillna("")
            count = int((told.to_numpy() != now.to_numpy()).sum())
            have = "cell has" if count == 1 else "cells have"
            text = "The classifiers know all classes."
            if count:
                text = f"{count:,} {have} another class than the classifiers learned: train again."
        self.since.setText(text)

    # Annotating

    def press(self, key: str) -> None:
        """Do what a key stands for, to the cells that were selected last."""
        if not self.session.has("cells"):
            return
        try:
            self._say(act(self.annotator, key, self.annotator.rows))
        except UserError as error:
            self._fail(str(error))

    def _on_click(self, label: int) -> None:
        # the overlay has selected the cell that was clicked: it was there first
        if self.session.cell is None or not label or not self._open:
            return
        self.annotator.act_on_cell()
        name = self.table.name
        if self.paint.isChecked() and name is not None:
            self.table.try_to(lambda: self.annotator.annotate(self.annotator.rows, name))

    def _add(self) -> None:
        names = self.annotator.colours
        number = next(n for n in range(1, len(names) + 2) if f"class {n}" not in names)
        self.table.try_to(lambda: self.annotator.add(f"class {number}"))
        self.table.choose(f"class {number}")
        self.table.setFocus()
        self.table.edit_name()

    def _remove(self) -> None:
        name = self.table.name
        if name is not None:
            self.table.try_to(lambda: self.annotator.remove(name))
            self._say(f"'{name}' was removed: U brings it back.")

    def _say(self, text: str) -> None:
        say(self.said, text)

    def _fail(self, text: str) -> None:
        say(self.said, text, failed=True)

    # Import

    def _ask(self) -> None:
        menu = QMenu(self)
        menu.addAction("From a CSV: image, frame, label, class…", self._ask_file)
        layers: dict[object, QMenu] = {}
        for layer, column in import_classes.columns(self.session):
            if layer not in layers:
                layers[layer] = menu.addMenu(f"From features of '{layer.name}'")
            layers[layer].addAction(column, self._from_layer(layer, column))
        button = self.from_elsewhere
        menu.exec(button.mapToGlobal(button.rect().bottomLeft()))

    def _from_layer(self, layer: import_classes.Layer, column: str) -> Callable[[], None]:
        return lambda: self.import_layer(layer, column)

    def _ask_file(self) -> None:
        name, _ = QFileDialog.getOpenFileName(self, "Classes of cells", "", "CSV (*.csv *.tsv)")
        if name:
            self.import_file(Path(name))

    def import_file(self, path: Path) -> None:
        """Show what an import of a CSV would do."""
        self._preview(lambda: read_class_list(path, self.session.cells), path.name)

    def import_layer(self, layer: import_classes.Layer, column: str) -> None:
        """Show what an import of a column of a layer's features would do."""
        source = f"{column} of {layer.name}"
        self._preview(lambda: import_classes.from_layer(self.session, layer, column), source)

    def _preview(self, read: Callable[[], ImportedClasses], source: str) -> None:
        try:
            imported = read()
        except UserError as error:
            self._fail(str(error))
            return
        self._say("")
        self.preview = import_classes.ImportPreview(self.annotator, imported, source, self)
        self.preview.open()

    def _open_gallery(self) -> None:
        open_dock(self.session.viewer, "Gallery", self)

    # Keys belong to the dock as long as it is open

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: D102
        key = key_of(event)
        if key is None:
            super().keyPressEvent(event)
        else:
            self.press(key)

    def showEvent(self, event: QShowEvent) -> None:  # noqa: D102
        super().showEvent(event)
        self._open = True
        self._bind()

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: D102
        super().hideEvent(event)
        self._open = False
        self._bind()
