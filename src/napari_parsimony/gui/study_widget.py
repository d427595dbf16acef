"""The dock 'Study': open or create a study, run its steps, and choose what the colours mean."""

from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from napari.utils.notifications import show_error, show_info
from qtpy.QtCore import QSize, Qt
from qtpy.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QMenu,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from napari_parsimony.errors import UserError
from napari_parsimony.gui.curves import Curves
from napari_parsimony.gui.dock import fill_dock, follow
from napari_parsimony.gui.forms import Form, config_to_widgets, set_values, widgets_to_config
from napari_parsimony.gui.layers_form import LayersForm
from napari_parsimony.gui.overlay import Overlay
from napari_parsimony.gui.overlay_controls import OverlayControls
from napari_parsimony.gui.runner import Runner, TimeLeft, words
from napari_parsimony.gui.sample import copy_of_demo
from napari_parsimony.gui.session import Session
from napari_parsimony.jobs.job import Job, JobState
from napari_parsimony.progress import Progress
from napari_parsimony.report import STEPS
from napari_parsimony.study.run import CHECKPOINTS
from napari_parsimony.study.study import Study

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
        self.runner = Runner.of(self.session)
        self._form: Form | None = None
        self._left = TimeLeft()
        fill_dock(self)
        self._build()
        follow(self, self.session.study_changed, self._show_study)
        follow(self, self.session.artefacts_changed, self._show_states)
        follow(self, self.session.job_changed, self._show_buttons)
        self.runner.progressed.connect(self._show_progress)
        self.runner.ended.connect(self._show_end)
        self._show_study()

    # What it is made of

    def _build(self) -> None:
        self.title = QLabel()
        self.title.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.title.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.open_button = _button("Open…", "Open the folder of a study.", self._ask_open)
        self.new_button = _button("New…", "Begin a study in a new folder.", self._ask_new)
        self.demo_button = _button(
            "Demo", "Open a small finished study, to look at and to play with.", self.open_demo
        )
        self.steps = QListWidget()
        self.steps.setToolTip("The steps of the study; choose one to see its settings.")
        self.steps.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        for step in STEPS.values():
            item = QListWidgetItem(step.title)
            item.setData(Qt.ItemDataRole.UserRole, step.name)
            item.setSizeHint(QSize(0, 22))
            self.steps.addItem(item)
        self.steps.setFixedHeight(22 * len(STEPS) + 10)
        self.steps.currentRowChanged.connect(self._show_step)
        self.summary = _text()
        self.layers_form = LayersForm(self.session)
        self.layers_form.taken.connect(self._take_layers)
        self.run_button = _button("Run", "", self.run_step)
        self.cancel_button = _button(
            "Cancel",
            "Stop the step. What it gave before stays, and training can go on later from its last "
            "checkpoint.",
            self.runner.cancel,
        )
        self.bar = QProgressBar()
        self.bar.setTextVisible(True)
        self.message = _text()
        self.curves = Curves()
        self.controls = OverlayControls(self.overlay)

        body = QWidget()
        self._body = QVBoxLayout(body)
        self._body.setContentsMargins(0, 0, 4, 0)
        self._body.addWidget(self.title)
        self._body.addLayout(_row(self.open_button, self.new_button, self.demo_button))
        self._body.addWidget(self.controls)
        self._body.addWidget(self.steps)
        self._body.addWidget(self.summary)
        self._body.addWidget(self.layers_form)
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
        layout.addLayout(_row(self.run_button, self.cancel_button))
        layout.addWidget(self.bar)
        layout.addWidget(self.message)
        layout.addWidget(self.curves)
        self.setMinimumWidth(280)

    # Studies

    def _ask_open(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Open the folder of a study")
        if folder:
            self.open_study(folder)

    def _ask_new(self) -> None:
        menu = QMenu(self)
        menu.addAction("From a folder of crops, one sub-folder a class…", self._ask_from_crops)
        menu.addAction("From images and labels, of files or layers…", self._ask_empty)
        menu.exec(self.new_button.mapToGlobal(self.new_button.rect().bottomLeft()))

    def _ask_from_crops(self) -> None:
        crops = QFileDialog.getExistingDirectory(self, "Folder of crops, one sub-folder a class")
        if crops and self._ask_empty():
            assert self._form is not None
            set_values(self._form, {"folder": Path(crops)})

    def _ask_empty(self) -> bool:
        name, _ = QFileDialog.getSaveFileName(self, "Name and place of the new study")
        return bool(name) and self.create_study(name)

    def create_study(self, path: "Path | str") -> bool:
        """Begin a study and show the settings of its first step; say so if that fails."""
        try:
            Study.create(path)
        except (UserError, OSError) as error:
            self.say(str(error), failed=True)
            return False
        return self.open_study(path)

    def open_study(self, path: "Path | str") -> bool:
        """Open a study; say so if that fails."""
        try:
            self.session.open_study(path)
        except UserError as error:
            self.say(str(error), failed=True)
            return False
        self.say("")
        return True

    def open_demo(self) -> bool:
        """Open a copy of the demo study; say so if that fails."""
        try:
            path = copy_of_demo()
        except UserError as error:
            self.say(str(error), failed=True)
            return False
        return self.open_study(path)

    # Steps

    @property
    def step(self) -> str:
        """Name of the step whose settings are shown."""
        return list(STEPS)[max(self.steps.currentRow(), 0)]

    def choose_step(self, name: str) -> None:
        """Show the settings of a step."""
        self.steps.setCurrentRow(list(STEPS).index(name))

    @property
    def form(self) -> Form:
        """Settings of the step."""
        assert self._form is not None
        return self._form

    def _show_study(self) -> None:
        study = self.session.study
        if study is None:
            self.title.setText("<b>No study is open</b>")
            self.title.setToolTip("")
        else:
            self.title.setText(f"<b>{escape(study.name)}</b>")
            self.title.setToolTip(str(study.path))
        self._show_states()
        states = [study.state(name) if study else "missing" for name in STEPS]
        first = next((i for i, state in enumerate(states) if state != "ready"), 0)
        self.curves.clear()
        if self.steps.currentRow() == first:
            self._show_step()
        else:
            self.steps.setCurrentRow(first)

    def _show_states(self) -> None:
        study = self.session.study
        for row, step in enumerate(STEPS.values()):
            item = self.steps.item(row)
            assert item is not None
            state = study.state(step.name) if study else "missing"
            item.setText(f"{STATES[state]}  {step.title} – {STATE_WORDS[state]}")
            why = study.why_stale(step.name) if study else None
            item.setToolTip(f"<qt>{step.summary} {escape(why or '')}</qt>")
        self._show_summary()
        self._show_buttons()

    def _show_summary(self) -> None:
        step, study = STEPS[self.step], self.session.study
        why = study.why_stale(step.name) if study else None
        stale = f" <i>Out of date: {escape(why)}</i>" if why else ""
        self.summary.setText(step.summary + stale)

    def _show_step(self) -> None:
        step, study = STEPS[self.step], self.session.study
        record = study.step(step.name) if study else None
        values = None
        if record is not None and study is not None:
            try:
                values = record.settings(step.config, study.path).model_dump()
            except UserError as error:
                self.say(str(error), failed=True)
        self._show_summary()
        if self._form is not None:
            self._body.removeWidget(self._form.native)
            self._form.native.hide()
            self._form.native.deleteLater()
        self._form = config_to_widgets(step.config, values)
        self._body.insertWidget(self._body.count() - 1, self._form.native)
        self.layers_form.setVisible(step.name == "cells")
        self._show_buttons()

    def _take_layers(self) -> None:
        if self.step == "cells":
            try:
                set_values(self.form, self.layers_form.settings())
            except UserError as error:
                self.say(str(error), failed=True)

    def run_step(self) -> None:
        """Run the step with the settings of its form; say so if they are wrong."""
        step = STEPS[self.step]
        try:
            config = widgets_to_config(self.form, step.config)
            self.runner.start(step.name, config)
        except UserError as error:
            self.say(str(error), failed=True)
            return
        self._left = TimeLeft()
        self.curves.clear()
        self.bar.setRange(0, 0)
        self.say(f"{step.title}: starting…")

    # The job

    def _show_buttons(self) -> None:
        job, study = self.session.job, self.session.study
        self.run_button.setEnabled(study is not None and job is None)
        self.cancel_button.setVisible(job is not None)
        self.cancel_button.setEnabled(job is not None and job.state is JobState.RUNNING)
        self.bar.setVisible(job is not None)
        for button in (self.open_button, self.new_button, self.demo_button):
            button.setEnabled(job is None)
        begun = study is not None and (study.path / CHECKPOINTS / self.step).is_dir()
        title = STEPS[self.step].title
        if begun:
            text, tip = "Resume", "Goes on from the last checkpoint if the settings are the same."
        elif study is not None and study.step(self.step) is not None:
            text, tip = "Run again", "What there is stays until the step is done."
        else:
            text, tip = "Run", "Runs in a process of its own: napari stays usable."
        self.run_button.setText(f"{text}: {title}")
        self.run_button.setToolTip(f"<qt>{STEPS[self.step].summary} {tip}</qt>")
        self.curves.setVisible(bool(self.curves.curves))

    def _show_progress(self, reports: list[Progress]) -> None:
        for report in reports:
            self.curves.add(report.done, report.values)
            left = self._left.update(report.done, report.total)
        last = reports[-1]
        self.bar.setRange(0, max(last.total, 1))
        self.bar.setValue(last.done)
        self.bar.setFormat("%p %" if left is None else f"%p % · {words(left)} left")
        self.say(last.message)
        self.curves.setVisible(bool(self.curves.curves))
        if self.session.job is not None and self.session.job.state is JobState.CANCELLING:
            self.cancel_button.setEnabled(False)

    def _show_end(self, job: Job) -> None:
        title = STEPS[job.step].title
        if job.state is JobState.DONE:
            self.say(f"{title}: done in {words(job.seconds or 0)}.")
            show_info(f"{title}: done.")
        elif job.state is JobState.FAILED:
            self.say(job.error or "", failed=True)
            show_error(job.error or "")
        else:
            self.say(f"{title}: cancelled. What it gave before is still there.")
        self._show_states()

    def say(self, text: str, *, failed: bool = False) -> None:
        """Show a sentence at the bottom of the dock."""
        self.message.setText(text)
        self.message.setStyleSheet("color: #ff6b6b" if failed else "")
        self.message.setVisible(bool(text))


def _button(text: str, tooltip: str, clicked: object) -> QPushButton:
    button = QPushButton(text)
    button.setToolTip(f"<qt>{tooltip}</qt>")
    button.clicked.connect(lambda *_: clicked())  # type: ignore[operator]
    return button


def _text() -> QLabel:
    label = QLabel()
    label.setWordWrap(True)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label


def _row(*widgets: QWidget) -> QHBoxLayout:
    row = QHBoxLayout()
    for widget in widgets:
        row.addWidget(widget)
    return row
