"""The dock 'Sparse classifier': train it, see what is left of it, and how good it is."""

from itertools import pairwise

import pandas as pd
from napari.viewer import Viewer
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QFormLayout,
    QFrame,
    QLabel,
    QScrollArea,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from napari_parsimony.classify.scores import outputs_for
from napari_parsimony.classify.targets import count_classes
from napari_parsimony.gui.background import Background
from napari_parsimony.gui.classifier_classes import ClassChooser
from napari_parsimony.gui.classifier_evaluation import EvaluationPanel
from napari_parsimony.gui.classifier_network import NetworkPanel
from napari_parsimony.gui.classifier_read import NetworksRead, read_networks
from napari_parsimony.gui.classifier_sparsity import SparsityPanel
from napari_parsimony.gui.dock import alike, fill_dock, follow, message_label, missing
from napari_parsimony.gui.forms import Form
from napari_parsimony.gui.latex import theme_of
from napari_parsimony.gui.session import Session
from napari_parsimony.gui.step_panel import StepPanel

STEP = "classify"


class ClassifierDock(QWidget):
    """Settings of the step 'classify', the networks that it gave, and their evaluation.

    Parameters
    ----------
    viewer
        Whose session is followed.
    """

    def __init__(self, viewer: Viewer) -> None:
        super().__init__()
        self.session = session = Session.of(viewer)
        fill_dock(self)
        self._form: Form | None = None
        self._read: NetworksRead | None = None
        self.background = Background(self, torch=True)
        self.background.done.connect(self._on_read)
        self.background.failed.connect(self._show_networks)
        self.message = message_label()
        self.panel = StepPanel(session, STEP)
        self.chooser = ClassChooser()
        self.needed, self.budget = message_label(), QLabel(wordWrap=True)
        self.budget.setToolTip("How many weights 'density' leaves in a sparse network.")
        self.network, self.sparsity = NetworkPanel(session), SparsityPanel(session)
        self.evaluation = EvaluationPanel(session)
        self.tabs = alike(QTabWidget())
        for title, tip, widget in (
            ("Train", "Which classes are told apart, and how networks are trained.", self._train()),
            ("Network", "The connections that are left.", self.network),
            ("Sparsity", "Latents that networks agree on, and what sparsity costs.", self.sparsity),
            ("Evaluation", "Who is right about which cells.", self.evaluation),
        ):
            self.tabs.setTabToolTip(self.tabs.addTab(widget, title), tip)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(6, 6, 6, 6)
        whole.addWidget(self.message)
        whole.addWidget(self.tabs, 1)
        whole.addWidget(self.panel.runs)

        self.tabs.currentChanged.connect(lambda *_: self._update_networks())
        self.chooser.value_changed.connect(lambda value: self.panel.set_values({"classes": value}))
        follow(self, session.study_changed, self._rebuild)
        follow(self, session.artefacts_changed, self._rebuild)
        follow(self, session.annotations_changed, self._count)
        session.viewer.events.theme.connect(self._on_theme)
        self._on_theme()
        self._rebuild()
        self.evaluation.refresh()

    def _train(self) -> QWidget:
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 4, 4, 0)
        for widget in (self.needed, self.chooser, self.panel, self.budget):
            column.addWidget(widget)
        column.addStretch(1)
        scroll = QScrollArea(widgetResizable=True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(inside)
        return scroll

    # Following the session

    def _rebuild(self, *_: object) -> None:
        there = self.session.study is not None
        self.message.setText(missing(self.session, STEP) or "" if not there else "")
        self.message.setVisible(not there)
        self.tabs.setVisible(there)
        self.panel.runs.setVisible(there)
        self._update_networks()
        if not there:
            return
        sentence = missing(self.session, "vae")
        self.needed.setText(sentence or "")
        self.needed.setVisible(sentence is not None)
        self._count()
        self._follow_form()

    def _follow_form(self) -> None:
        """Write what is chosen above the form into it, for it may be another one."""
        form, study = self.panel.form, self.session.study
        assert study is not None
        if form is not self._form:
            self._form = form
            native = form.fields["classes"].widget.native
            rows = native.parentWidget().layout()
            native.hide()
            if isinstance(rows, QFormLayout):
                rows.labelForField(native).hide()
            for name in ("density", "hidden", "start_from"):
                form.fields[name].widget.changed.connect(self._show_budget)
            record = study.step(STEP)
            told = record.config.get("classes", {}) if record else {}
            if not told and self.session.has(STEP):
                told = {name: (name,) for name in self.session.classes}
            self.chooser.set_value(told)
            self.panel.set_values({"classes": self.chooser.value()})
        self._show_budget()

    def _show_budget(self, *_: object) -> None:
        self.budget.setText("")
        if not self.session.has("vae"):
            return
        try:
            density, hidden, taken = (
                self.panel.form.fields[name].get() for name in ("density", "hidden", "start_from")
            )
        except ValueError:
            return  # it is being written; running the step says what is wrong
        if taken is not None:
            self.budget.setText(
                "With 'start from', networks are taken over as they are: empty it to train."
            )
            return
        inputs = len(self.session.latent_statistics)
        outputs = outputs_for(self.chooser.mapping or "ab")
        total = sum(a * b for a, b in pairwise((inputs, *hidden, outputs)))
        left = int((density or 0) * total)
        self.budget.setText(
            f"A sparse network begins with {left:,} of the {total:,} weights of a dense one."
        )

    def _count(self) -> None:
        there = self.session.has("cells")
        cells = self.session.cells if there else pd.DataFrame({"class": [], "split": []})
        counts = count_classes(cells["class"], cells["split"])
        # as their keys are ordered, so that the first class is blue here as there
        keys = [name for name in self.session.annotations.colours if name in counts.index]
        rest = [name for name in counts.index if name not in keys]
        trained = self.session.has(STEP)
        self.chooser.set_counts(counts.loc[[*keys, *rest]], new_ones=not trained)

    def _on_theme(self, *_: object) -> None:
        self.chooser.set_theme(theme_of(self.session.viewer))

    # The networks

    def _update_networks(self) -> None:
        """Read the networks once somebody looks at them; torch takes its time to be imported."""
        study, sentence = self.session.study, missing(self.session, "vae")
        if study is not None and sentence is None and not self.session.has(STEP):
            stale = study.state(STEP) == "stale"
            what = "are out of date" if stale else "were not trained yet"
            sentence = f"The networks {what}: train them in the tab 'Train'."
        record = None if study is None or sentence is not None else study.step(STEP)
        if study is None or record is None:
            self.background.cancel()
            self._read = None
            self._show_networks(sentence or "")
        elif self._read is None or self._read.fingerprint != record.fingerprint:
            self._read = None
            self._show_networks("Reading the networks…")
            if self.tabs.currentWidget() in (self.network, self.sparsity):
                self.background.start(read_networks, str(study.path))

    def _on_read(self, read: NetworksRead) -> None:
        study = self.session.study
        record = None if study is None else study.step(STEP)
        if record is not None and record.fingerprint == read.fingerprint:
            self._read = read
            self._show_networks("")
        else:
            self._update_networks()

    def _show_networks(self, sentence: str) -> None:
        for panel in (self.network, self.sparsity):
            panel.set_networks(self._read, sentence)
