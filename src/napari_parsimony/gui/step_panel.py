"""One step in a dock: its settings, the buttons that run and cancel it, and how far it is."""

from collections.abc import Mapping
from html import escape
from typing import Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QHBoxLayout, QProgressBar, QPushButton, QVBoxLayout, QWidget

from napari_parsimony.errors import UserError
from napari_parsimony.gui.curves import Curves
from napari_parsimony.gui.dock import (
    delete_later,
    follow,
    in_order,
    push_button,
    say,
    text_label,
)
from napari_parsimony.gui.docks import AFTER_STEP, ALL, is_in, open_dock
from napari_parsimony.gui.forms import Form, config_to_widgets, set_values, widgets_to_config
from napari_parsimony.gui.remembered import (
    default_settings,
    recall_settings,
    remember_settings,
)
from napari_parsimony.gui.report_page import open_report
from napari_parsimony.gui.runner import Runner, TimeLeft, words
from napari_parsimony.gui.session import Session
from napari_parsimony.jobs.job import Job, JobState
from napari_parsimony.progress import Progress
from napari_parsimony.report import REPORT, STEPS
from napari_parsimony.study.run import CHECKPOINTS


class StepPanel(QWidget):
    """Settings of a step.

    The buttons and what the step says of itself are in `runs`, which a dock puts where it is always
    in sight, below what scrolls.

    Parameters
    ----------
    session
        Of whose study it is.
    step
        Which step.

    Attributes
    ----------
    runs
        Buttons, bar, sentence and curves.
    previewed
        The running step says what there would be if it ended now: `Progress.preview`.
    was_reset
        The form shows the defaults again.
    """

    previewed = Signal(object)  # PySide would sort the keys of a dict
    was_reset = Signal()

    def __init__(self, session: Session, step: str) -> None:
        super().__init__()
        self.session = session
        self.runner = Runner.of(session)
        self._form: Form | None = None
        self._left = TimeLeft()
        self.summary = text_label()
        self.run_button, self.cancel_button = QPushButton(), QPushButton("Cancel")
        self.run_button.clicked.connect(lambda *_: self.run_step())
        self.cancel_button.setToolTip(
            "<qt>Stop the step. What it gave before stays, and training can go on later from its "
            "last checkpoint.</qt>"
        )
        self.cancel_button.clicked.connect(lambda *_: self.runner.cancel())
        self.next_button = push_button("", "", self.go_on)
        self.bar = QProgressBar()
        self.bar.setTextVisible(True)
        self.message = text_label()
        self.curves = Curves()
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.addWidget(self.summary)
        self.reset_button = push_button(
            "Reset to defaults",
            "Show the settings that the step has by itself. A new study begins with those that "
            "you used last.",
            self.reset,
        )
        self._column.addWidget(self.reset_button, alignment=Qt.AlignmentFlag.AlignRight)
        self.runs = QWidget()
        below = QVBoxLayout(self.runs)
        below.setContentsMargins(0, 0, 0, 0)
        buttons = QHBoxLayout()
        buttons.addWidget(self.run_button, 1)
        buttons.addWidget(self.cancel_button)
        buttons.addWidget(self.next_button)
        below.addLayout(buttons)
        for widget in (self.bar, self.message, self.curves):
            below.addWidget(widget)
        follow(self, session.study_changed, self._on_study)
        follow(self, session.artefacts_changed, self._on_artefact)
        follow(self, session.annotations_changed, self._show_state)
        follow(self, session.job_changed, self._show_state)
        self.runner.progressed.connect(self._on_progress)
        self.runner.ended.connect(self._on_end)
        self.say("")
        self.set_step(step)

    @property
    def step(self) -> str:
        """Name of the step."""
        return self._step

    def set_step(self, name: str) -> None:
        """Show another step, with the settings that it was last run with: here, or elsewhere."""
        self._step = name
        step, study = STEPS[name], self.session.study
        record = study.step(name) if study else None
        values: dict[str, Any] | None = None
        if record is None:
            values = recall_settings(name, step.config)
        elif study is not None:
            try:
                values = record.settings(step.config, study.path).model_dump()
            except UserError as error:
                self.say(str(error), failed=True)
        if self._form is not None:
            self._column.removeWidget(self._form.native)
            delete_later(self._form.native, self._form)
        self._form = config_to_widgets(step.config, values)
        self._column.insertWidget(self._column.indexOf(self.reset_button), self._form.native)
        in_order(
            *self._form.native.findChildren(QWidget),
            self.reset_button,
            self.run_button,
            self.cancel_button,
            self.next_button,
        )
        self._show_state()

    @property
    def form(self) -> Form:
        """Settings as widgets."""
        assert self._form is not None
        return self._form

    def set_values(self, values: Mapping[str, Any]) -> None:
        """Show other values of some settings."""
        set_values(self.form, values)

    def reset(self) -> None:
        """Show the default settings; what is of this study alone, such as its files, stays."""
        step = STEPS[self._step]
        self.set_values(default_settings(step.name, step.config))
        self.was_reset.emit()

    def run_step(self) -> bool:
        """Run the step with the settings of its form; say so if they are wrong."""
        step = STEPS[self._step]
        try:
            config = widgets_to_config(self.form, step.config)
            self.runner.start(step.name, config)
            remember_settings(step.name, config)
        except UserError as error:
            self.say(str(error), failed=True)
            return False
        self._left = TimeLeft()
        self.curves.clear()
        self.bar.setRange(0, 0)
        self.say(f"{step.title}: starting…")
        return True

    def say(self, text: str, *, failed: bool = False) -> None:
        """Show a sentence below the buttons."""
        say(self.message, text, failed)

    # Following the session

    @property
    def _mine(self) -> bool:
        """Whether this step is what runs."""
        job = self.session.job
        return job is not None and job.step == self._step

    def _on_study(self) -> None:
        self.curves.clear()
        self.say("")
        self.set_step(self._step)

    def _on_artefact(self, name: str) -> None:
        if name == self._step and not self.isVisible():
            self.set_step(name)  # settings that somebody is changing are left alone
        self._show_state()

    def _show_state(self) -> None:
        job, study, step = self.session.job, self.session.study, STEPS[self._step]
        stale = study.why_stale(step.name) if study else None
        why = f"Out of date: {stale}" if stale else ""
        if study is not None and not stale and study.annotated_since(step.name):
            why = "Cells were annotated since: run it again to learn from them."
        self.summary.setText(f"{step.summary} <i>{escape(why)}</i>" if why else step.summary)
        self.run_button.setEnabled(study is not None and job is None)
        self.cancel_button.setVisible(job is not None)
        self.cancel_button.setEnabled(job is not None and job.state is JobState.RUNNING)
        self.bar.setVisible(job is not None)
        begun = study is not None and (study.path / CHECKPOINTS / step.name).is_dir()
        if begun:
            text, tip = "Resume", "Goes on from the last checkpoint if the settings are the same."
        elif study is not None and study.step(step.name) is not None:
            text, tip = "Run again", "What there is stays until the step is done."
        else:
            text, tip = "Run", "Runs in a process of its own: napari stays usable."
        self.run_button.setText(f"{text}: {step.title}")
        self.run_button.setToolTip(f"<qt>{step.summary} {tip}</qt>")
        self._show_curves()
        self._show_next()

    def _show_curves(self) -> None:
        # below the buttons they take the room of what the step gave, once it is done
        here = self.curves.parentWidget() is self.runs
        self.curves.setVisible(bool(self.curves.curves) and (self._mine or not here))

    def _show_next(self) -> None:
        """Offer the way on from a step that is done."""
        done = self.session.job is None and self.session.has(self._step)
        name = AFTER_STEP.get(self._step)
        on = not is_in(self.runs, name) if name is not None else self._step == REPORT.name
        self.next_button.setVisible(done and on)
        if name is not None:
            self.next_button.setText(f"Next: {name}")
            self.next_button.setToolTip(f"<qt>Open the dock '{name}': {ALL[name]}</qt>")
        else:
            self.next_button.setText("Open report")
            self.next_button.setToolTip("Open the page in your web browser.")

    def go_on(self) -> None:
        """Open the dock where the work goes on, or the report."""
        name = AFTER_STEP.get(self._step)
        if name is not None:
            open_dock(self.session.viewer, name, self.runs)
        elif (sentence := open_report(self.session)) is not None:
            self.say(sentence, failed=True)

    def _on_progress(self, reports: list[Progress]) -> None:
        for report in reports:
            left = self._left.update(report.done, report.total)
            if self._mine:
                # what follows a colon tells how far a phase is
                phase = report.message.partition(":")[0]
                self.curves.add(report.done, report.values, phase)
        last, job = reports[-1], self.session.job
        # else a bar paints the whole window at once for each new value
        self.bar.setUpdatesEnabled(False)
        self.bar.setRange(0, max(last.total, 1))
        self.bar.setValue(last.done)
        self.bar.setFormat("%p %" if left is None else f"%p % · {words(left)} left")
        self.bar.setUpdatesEnabled(True)
        self.say(last.message if self._mine or job is None else _of(job.step, last.message))
        self._show_curves()
        previews = [report.preview for report in reports if report.preview]
        if previews and self._mine:
            self.previewed.emit(dict(previews[-1]))
        if job is not None and job.state is JobState.CANCELLING:
            self.cancel_button.setEnabled(False)

    def _on_end(self, job: Job) -> None:
        title, mine = STEPS[job.step].title, job.step == self._step
        if job.state is JobState.DONE:
            # of another step, its own dock tells
            self.say(f"{title}: done in {words(job.seconds or 0)}." if mine else "")
        elif job.state is JobState.FAILED:
            self.say(job.error or "" if mine else _of(job.step, job.error or ""), failed=True)
        else:
            self.say(f"{title}: cancelled. What it gave before is still there.")
        self._show_state()


def _of(step: str, message: str) -> str:
    return f"{STEPS[step].title}: {message}"
