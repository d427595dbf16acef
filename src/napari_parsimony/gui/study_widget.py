"""The dock 'Study': open or create a study, run its steps, and choose what the colours mean."""

from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import QSize, Qt
from qtpy.QtWidgets import (
    QFileDialog,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QMenu,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from napari_parsimony.errors import UserError
from napari_parsimony.gui import docks
from napari_parsimony.gui.dock import (
    fill_dock,
    folder_gone,
    follow,
    in_row,
    push_button,
    text_label,
)
from napari_parsimony.gui.layers_form import LayersForm
from napari_parsimony.gui.overlay import Overlay
from napari_parsimony.gui.overlay_controls import OverlayControls
from napari_parsimony.gui.preferences import recall, remember
from napari_parsimony.gui.sample import copy_of_demo, is_copy_of_demo
from napari_parsimony.gui.session import Session
from napari_parsimony.gui.step_panel import StepPanel
from napari_parsimony.report import STEPS
from napari_parsimony.study.study import STUDY_FILE, Study

if TYPE_CHECKING:
    import napari

STATES = {"missing": "○", "ready": "●", "stale": "◐"}
STATE_WORDS = {"missing": "not run yet", "ready": "ready", "stale": "out of date"}


class StudyWidget(QWidget):
    """Steps of a study, the settings of one of them, and the job that runs."""

    def __init__(self, viewer: "napari.viewer.Viewer") -> None:
        super().__init__()
        self.session = Session.of(viewer)
        self.overlay = Overlay.of(self.session)
        fill_dock(self)
        self._build()
        follow(self, self.session.study_changed, self._show_study)
        follow(self, self.session.artefacts_changed, self._show_states)
        follow(self, self.session.annotations_changed, self._show_states)
        follow(self, self.session.job_changed, self._show_states)
        self._show_study()

    # What it is made of

    def _build(self) -> None:
        self.title = QLabel()
        self.title.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.title.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.open_button = push_button("Open…", "Open the folder of a study.", self._ask_open)
        self.new_button = push_button("New…", "Begin a study in a new folder.", self._ask_new)
        self.demo_button = push_button(
            "Demo", "Open a small finished study, to look at and to play with.", self._show_demo
        )
        self.docks_button = push_button("Docks", "Open another dock of the plugin.", self._ask_dock)
        self.again_button = push_button("", "", self._open_again)
        self.again_button.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.gone = text_label()
        self.steps = QListWidget()
        self.steps.setToolTip(
            "<qt>The steps of the study. Click one to see its settings, double-click to open the "
            "dock that shows more of it.</qt>"
        )
        self.steps.itemActivated.connect(self._open_step)
        self.steps.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        for step in STEPS.values():
            item = QListWidgetItem(step.title)
            item.setData(Qt.ItemDataRole.UserRole, step.name)
            item.setSizeHint(QSize(0, 22))
            self.steps.addItem(item)
        self.steps.setFixedHeight(22 * len(STEPS) + 10)
        self.steps.currentRowChanged.connect(self._show_step)
        self.layers_form = LayersForm(self.session)
        self.layers_form.taken.connect(self._take_layers)
        self.panel = StepPanel(self.session, "cells")
        self.controls = OverlayControls(self.overlay)

        body = QWidget()
        self._body = QVBoxLayout(body)
        self._body.setContentsMargins(0, 0, 4, 0)
        self._body.addWidget(self.title)
        self._body.addLayout(
            in_row(self.open_button, self.new_button, self.demo_button, self.docks_button)
        )
        self._body.addWidget(self.again_button)
        self._body.addWidget(self.gone)
        self._body.addWidget(self.controls)
        self._body.addWidget(self.steps)
        self._body.addWidget(self.layers_form)
        self._body.addWidget(self.panel)
        self._body.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QScrollArea.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(body)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        layout.addWidget(scroll, 1)
        # always in sight: what runs, and how it ended
        layout.addWidget(self.panel.runs)

    # Studies

    def _ask_open(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Open the folder of a study")
        if folder:
            self._open_in_turns(folder)

    def _open_in_turns(self, path: "Path | str") -> None:
        """Open a study and let the docks show it one after the other: at once they would stall."""
        with self.session.turns.spread():
            self.open_study(path)

    def _ask_new(self) -> None:
        menu = QMenu(self)
        menu.addAction("From a folder of crops, one sub-folder a class…", self._ask_from_crops)
        menu.addAction("From images and labels, of files or layers…", self._ask_empty)
        menu.exec(self.new_button.mapToGlobal(self.new_button.rect().bottomLeft()))

    def _ask_from_crops(self) -> None:
        crops = QFileDialog.getExistingDirectory(self, "Folder of crops, one sub-folder a class")
        if crops and self._ask_empty():
            self.panel.set_values({"folder": Path(crops)})

    def _ask_empty(self) -> bool:
        name, _ = QFileDialog.getSaveFileName(self, "Name and place of the new study")
        return bool(name) and self.create_study(name)

    def create_study(self, path: "Path | str") -> bool:
        """Begin a study and show the settings of its first step; say so if that fails."""
        try:
            Study.create(path)
        except (UserError, OSError) as error:
            self.panel.say(str(error), failed=True)
            return False
        return self.open_study(path)

    def open_study(self, path: "Path | str") -> bool:
        """Open a study; say so if that fails."""
        try:
            self.session.open_study(path)
        except UserError as error:
            self.panel.say(str(error), failed=True)
            return False
        self.panel.say("")
        return True

    def _open_again(self) -> None:
        self._open_in_turns(recall("last_study"))

    def _show_demo(self) -> None:
        with self.session.turns.spread():
            self.open_demo()

    def open_demo(self) -> bool:
        """Open a copy of the demo study; say so if that fails."""
        try:
            path = copy_of_demo()
        except UserError as error:
            self.panel.say(str(error), failed=True)
            return False
        return self.open_study(path)

    # Other docks

    def _ask_dock(self) -> None:
        menu = QMenu(self)
        menu.setToolTipsVisible(True)
        for name, purpose in docks.ALL.items():
            if name != "Study":
                action = menu.addAction(name, lambda name=name: self.open_dock(name))
                action.setToolTip(purpose)
        menu.exec(self.docks_button.mapToGlobal(self.docks_button.rect().bottomLeft()))

    def _open_step(self, item: QListWidgetItem) -> None:
        name = docks.OF_STEP.get(item.data(Qt.ItemDataRole.UserRole))
        if name is not None:
            self.open_dock(name)

    def open_dock(self, name: str) -> QWidget:
        """Show another dock as a tab beside this one."""
        return docks.open_dock(self.session.viewer, name, self)

    # Steps

    @property
    def step(self) -> str:
        """Name of the step whose settings are shown."""
        return list(STEPS)[max(self.steps.currentRow(), 0)]

    def choose_step(self, name: str) -> None:
        """Show the settings of a step."""
        self.steps.setCurrentRow(list(STEPS).index(name))

    def _show_study(self) -> None:
        study = self.session.study
        if study is None:
            self.title.setText("<b>No study is open</b>")
            self.title.setToolTip("")
        else:
            self.title.setText(f"<b>{escape(study.name)}</b>")
            self.title.setToolTip(str(study.path))
            if not is_copy_of_demo(study.path):  # who looks at it goes back to the own study
                remember("last_study", str(study.path))
        last = Path(recall("last_study") or ".")
        self.again_button.setVisible(study is None and (last / STUDY_FILE).is_file())
        self.again_button.setText(f"Open '{last.name}' again")
        self.again_button.setToolTip(f"<qt>The study that was open last: {escape(str(last))}</qt>")
        self._show_states()
        states = {name: study.state(name) if study else "missing" for name in STEPS}
        done = [
            state == "ready" or (state == "missing" and STEPS[name].optional)
            for name, state in states.items()
        ]
        first = next((row for row, each in enumerate(done) if not each), 0)
        if self.steps.currentRow() == first:
            self._show_step()
        else:
            self.steps.setCurrentRow(first)

    def _show_states(self) -> None:
        study, gone = self.session.study, folder_gone(self.session)
        self.gone.setText(f"<b>{escape(gone)}</b>" if gone else "")
        self.gone.setVisible(gone is not None)
        for row, step in enumerate(STEPS.values()):
            item = self.steps.item(row)
            assert item is not None
            state = study.state(step.name) if study else "missing"
            since = study is not None and state == "ready" and study.annotated_since(step.name)
            words = "ready, cells annotated since" if since else STATE_WORDS[state]
            if step.optional and state == "missing":
                words = "optional"
            item.setText(f"{STATES[state]}  {step.title} – {words}")
            why = study.why_stale(step.name) if study else None
            item.setToolTip(f"<qt>{step.summary} {escape(why or '')}</qt>")
        for button in (self.open_button, self.new_button, self.demo_button):
            button.setEnabled(self.session.job is None)

    def _show_step(self) -> None:
        self.panel.set_step(self.step)
        self.layers_form.setVisible(self.step == "cells")

    def _take_layers(self) -> None:
        if self.step == "cells":
            try:
                self.panel.set_values(self.layers_form.settings())
            except UserError as error:
                self.panel.say(str(error), failed=True)
