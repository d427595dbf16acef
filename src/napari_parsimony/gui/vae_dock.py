"""The dock 'VAE': learn the latents, watch that live, and read what they are worth."""

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFrame, QScrollArea, QTabWidget, QVBoxLayout, QWidget

from napari_parsimony.errors import UserError
from napari_parsimony.gui.dock import alike, fill_dock, follow, message_label, missing
from napari_parsimony.gui.latex import theme_of
from napari_parsimony.gui.remembered import recall_settings
from napari_parsimony.gui.session import Session
from napari_parsimony.gui.step_panel import StepPanel
from napari_parsimony.gui.vae_judge import Judge
from napari_parsimony.gui.vae_start import StartChoice, why_not_nuclei
from napari_parsimony.gui.vae_training import TrainingView
from napari_parsimony.gui.vae_verdict import VerdictView
from napari_parsimony.jobs.job import Job, JobState
from napari_parsimony.progress import Progress
from napari_parsimony.study.learned import Judged
from napari_parsimony.vae.config import VaeConfig

if TYPE_CHECKING:
    import napari

STEP = "vae"
HERE = "the tab 'Settings'"
FOLLOWED = ("pretrained", "start_from", "steps")  # settings that the first choice shows
NO_CURVES = "Curves, and cells as they are redrawn, appear here while a VAE is trained."
JUDGING = "Redrawing held-out cells, and measuring what latents follow: some seconds…"
LATER = "These latents are judged when the running step has ended."
TAKEN_OVER = "Nothing was trained: the weights were taken over as they were."


class VaeDock(QWidget):
    """Settings, training and verdict of the step that finds the latents.

    Parameters
    ----------
    viewer
        Whose session is followed.
    """

    def __init__(self, viewer: "napari.viewer.Viewer") -> None:
        super().__init__()
        self.session = Session.of(viewer)
        fill_dock(self)
        self._live = False  # curves are of a training that runs, or was stopped
        self._shown: tuple[str, str] | None = None  # of which artefact the verdict is
        self._form: object = None
        self.judge = Judge(self)
        self.judge.done.connect(self._on_verdict)
        self.judge.failed.connect(self._on_no_verdict)
        self.message = message_label()
        self.start = StartChoice()
        self.start.chosen.connect(self._on_chosen)
        self.panel = StepPanel(self.session, STEP)
        self.panel.was_reset.connect(self.start.suggest)
        self.training = TrainingView(self.panel.curves)
        self.verdict = VerdictView()
        self.tabs = alike(QTabWidget())
        self._lay_out()
        follow(self, self.session.study_changed, self._on_study)
        follow(self, self.session.artefacts_changed, self._on_artefact)
        follow(self, self.session.job_changed, self._on_job)
        self.session.viewer.events.theme.connect(self._on_theme)
        self.panel.runner.progressed.connect(self._on_progress)
        self.panel.runner.ended.connect(self._on_end)
        self._on_study()
        self._on_job(self.session.job)

    def _lay_out(self) -> None:
        settings = QWidget()
        column = QVBoxLayout(settings)
        column.setContentsMargins(0, 4, 4, 0)
        column.addWidget(self.start)
        line = QFrame()
        line.setFrameShape(QFrame.Shape.HLine)
        column.addWidget(line)
        column.addWidget(self.panel)
        column.addStretch(1)
        for name, tip, widget in (
            ("Settings", "Where training starts, and how it goes.", settings),
            ("Training", "The training that runs, or ran last.", self.training),
            ("Verdict", "What these latents are worth, and what they mean.", self.verdict),
        ):
            scroll = QScrollArea()
            scroll.setWidgetResizable(True)
            scroll.setFrameShape(QScrollArea.Shape.NoFrame)
            scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
            scroll.setWidget(widget)
            self.tabs.setTabToolTip(self.tabs.addTab(scroll, name), tip)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        layout.addWidget(self.message)
        layout.addWidget(self.tabs, 1)
        layout.addWidget(self.panel.runs)

    # Settings

    def _on_chosen(self, values: dict[str, object]) -> None:
        self.panel.set_values(values)

    def _suggest(self) -> None:
        """Begin as somebody did last, where these cells allow that, else as is best."""
        used = recall_settings(STEP, VaeConfig)
        study = self.session.study
        if not used or (used["pretrained"] != "none" and why_not_nuclei(study)):
            self.start.suggest()

    def _watch_form(self) -> None:
        """Follow the form that the panel shows now; it makes a new one for every study."""
        if self.panel.form is not self._form:
            self._form = self.panel.form
            for name in FOLLOWED:
                self.panel.form.fields[name].widget.changed.connect(self._on_form)
        self._on_form()

    def _on_form(self, *_: object) -> None:
        fields = self.panel.form.fields
        self.start.set_value({name: fields[name].get() for name in FOLLOWED})

    # Following the session

    def _on_study(self, *_: object) -> None:
        study = self.session.study
        self._live = False
        self.start.set_study(study)
        self._watch_form()
        if study is not None and study.step(STEP) is None:
            self._suggest()
        self._show_cells()
        self._show_result()
        self.tabs.setCurrentIndex(2 if self.session.has(STEP) else 0)

    def _on_artefact(self, name: str) -> None:
        if name == "cells":
            self._live = self._live and self._training  # what was stopped saw other cells
            self.start.set_study(self.session.study)
            self._show_cells()
        self._watch_form()
        if name in ("cells", STEP):
            self._show_result()

    def _on_job(self, job: Job | None) -> None:
        if self.judge.busy and job is not None:
            self._shown = None  # it reads files that the step may replace, and takes its time
        if self.session.has(STEP):
            self._show_result()
        if job is not None and job.step == STEP:
            self._live = True
            self.training.clear("It has begun: curves appear at its first check.")
            self.tabs.setCurrentIndex(1)

    @property
    def _training(self) -> bool:
        job = self.session.job
        return job is not None and job.step == STEP

    def _on_progress(self, reports: list[Progress]) -> None:
        if self._training:
            self.training.add(reports)

    def _on_end(self, job: Job) -> None:
        if job.step != STEP:
            return
        if job.state is JobState.DONE:
            self._live = False
            self._show_result()
            self.tabs.setCurrentIndex(2)
        elif not self.panel.curves.curves:
            self._live = False
            self._show_result()

    def _show_cells(self) -> None:
        """Say what has to be done before there is anything to learn from."""
        sentence = missing(self.session, "cells")
        self.message.setText(sentence or "")
        self.message.setVisible(sentence is not None)
        self.tabs.setVisible(sentence is None)
        self.panel.runs.setVisible(sentence is None)

    def _show_result(self) -> None:
        """Show how the VAE of the study was trained, and what it is worth."""
        sentence, study = missing(self.session, STEP, HERE), self.session.study
        if sentence is not None or study is None:
            self.judge.cancel()
            self._shown = None
            self.verdict.say(sentence or "")
            if not self._live:
                self.training.clear(NO_CURVES)
            return
        record = study.step(STEP)
        assert record is not None, "the session has it"
        if not self._live:
            try:
                history = study.history()
            except UserError as error:
                self.training.clear(str(error))
            else:
                if history.empty:
                    self.training.clear(TAKEN_OVER)
                else:
                    self.training.show_history(history)
        now = str(study.path), record.fingerprint
        if now == self._shown:
            return
        self.judge.cancel()
        if self.session.job is not None:
            self._shown = None
            self.verdict.say(LATER)
        else:
            self._shown = now
            self.verdict.say(JUDGING)
            self.judge.start(study.path)

    def _on_verdict(self, judged: Judged) -> None:
        self.verdict.show_verdict(judged, theme_of(self.session.viewer))

    def _on_no_verdict(self, sentence: str) -> None:
        self.verdict.say(sentence)

    def _on_theme(self, *_: object) -> None:
        self.verdict.set_theme(theme_of(self.session.viewer))
