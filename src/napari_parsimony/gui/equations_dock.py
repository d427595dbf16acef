"""The dock 'Equations': look for laws, choose one, change it, and see what it says about a cell."""

from pathlib import Path
from typing import Any

from napari.viewer import Viewer
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QScrollArea, QTabBar, QVBoxLayout, QWidget

from napari_parsimony.gui.dock import fill_dock, follow, message_label, missing
from napari_parsimony.gui.edit_equation import EditEquation
from napari_parsimony.gui.engine_states import EngineStates
from napari_parsimony.gui.equation_view import EquationView
from napari_parsimony.gui.front_chart import FrontChart, Point
from napari_parsimony.gui.front_table import FrontTable, points_of
from napari_parsimony.gui.session import Session
from napari_parsimony.gui.step_panel import StepPanel
from napari_parsimony.jobs.job import Job, JobState

TABS = {
    "Front": "Choose among the equations that were found.",
    "By hand": "Write an equation, or change the one looked at, and see how good it is.",
    "Search": "Look for equations: settings of the step, and how far it is.",
}


class EquationsDock(QWidget):
    """The front of a study, a search for it, and one equation with a cell's numbers put in.

    Parameters
    ----------
    viewer
        Whose session is followed.
    """

    def __init__(self, viewer: Viewer) -> None:
        super().__init__()
        self.session = session = Session.of(viewer)
        self._live: dict[str, Any] = {}
        fill_dock(self)
        self.message = message_label()
        self.tabs = QTabBar()
        self.chart = FrontChart()
        self.front = FrontTable(session)
        self.hand = EditEquation(session)
        self.panel = StepPanel(session, "equations")
        self.engines = EngineStates(session, self._template)
        self.view = EquationView(session)
        self._lay_out()
        self.tabs.currentChanged.connect(self._show)
        for picker in (self.chart, self.front):
            picker.picked.connect(self._choose)
        self.hand.proposed.connect(self._propose)
        self.panel.previewed.connect(self._on_preview)
        self.engines.taken.connect(self._take)
        self.engines.failed.connect(lambda sentence: self.panel.say(sentence, failed=True))
        follow(self, session.study_changed, self._on_study)
        follow(self, session.artefacts_changed, self._show)
        follow(self, session.job_changed, self._on_job)
        follow(self, session.expression_changed, self._show)
        self.panel.runner.ended.connect(self._on_end)
        self._on_study()

    def _lay_out(self) -> None:
        for index, (name, tip) in enumerate(TABS.items()):
            self.tabs.addTab(name)
            self.tabs.setTabToolTip(index, tip)
        self.tabs.setExpanding(True)
        self.tabs.setDrawBase(False)
        self.form = QScrollArea(widgetResizable=True)
        self.form.setFrameShape(QScrollArea.Shape.NoFrame)
        self.form.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        inside = QWidget()
        form = QVBoxLayout(inside)
        form.setContentsMargins(0, 0, 4, 0)
        form.addWidget(self.engines)
        form.addWidget(self.panel)
        form.addStretch(1)
        self.form.setWidget(inside)
        # the chart of the front says more
        self.panel.curves.setFixedHeight(0)
        column = QVBoxLayout(self)
        column.setContentsMargins(6, 6, 6, 6)
        column.addWidget(self.tabs)
        column.addWidget(self.message)
        column.addWidget(self.chart)
        column.addWidget(self.front)
        column.addWidget(self.hand)
        column.addWidget(self.form, 1)
        column.addWidget(self.panel.runs)
        column.addWidget(self.view, 1)
        column.addStretch(0)

    @property
    def tab(self) -> str:
        """Name of the tab in front."""
        return list(TABS)[self.tabs.currentIndex()]

    def choose_tab(self, name: str) -> None:
        """Bring a tab to the front."""
        self.tabs.setCurrentIndex(list(TABS).index(name))

    # Following the session

    def _on_study(self, *_: object) -> None:
        self._live = {}
        if self.session.has("classify") and not self.session.has("equations"):
            self.choose_tab("Search")  # the front is empty
        self._show()

    def _on_end(self, job: Job) -> None:
        if job.step == self.panel.step and job.state is JobState.DONE:
            self.choose_tab("Front")

    def _on_preview(self, preview: dict[str, Any]) -> None:
        self._live = preview
        self._show_chart()

    def _on_job(self, *_: object) -> None:
        self._live = {}
        self._show_chart()

    def _show(self, *_: object) -> None:
        """Show what belongs to the tab, as far as there is something."""
        session, tab, sentence = self.session, self.tab, None
        if session.study is None or tab == "Front":
            here = "the tab 'Search'" if session.has("classify") else "the dock 'Study'"
            sentence = missing(session, "equations", here)
        ready = session.study is not None
        self.message.setText(sentence or "")
        self.message.setVisible(sentence is not None)
        self.tabs.setVisible(ready)
        self.front.setVisible(ready and tab == "Front" and sentence is None)
        self.hand.setVisible(ready and tab == "By hand")
        self.form.setVisible(ready and tab == "Search")
        self.panel.runs.setVisible(ready and tab == "Search")
        self.view.setVisible(ready and tab != "Search" and session.expression is not None)
        self._show_chart()

    def _show_chart(self) -> None:
        session, chart = self.session, self.chart
        front = session.front if session.study is not None else None
        if self._live:
            points = [
                Point(int(size), float(loss), 0.0, f"{text}\nsize {size}, {loss:.4g}")
                for size, loss, text in self._live["front"]
            ]
            chart.set_points(points, f"searching: {self._live['loss']}")
            chart.set_current(None)
        elif front is not None:
            legend = "within 1 s.e. of best"
            chart.set_points(points_of(front), "CV loss ± s.e.", legend, front.chosen)
            chart.set_current(session.candidate)
        else:
            chart.set_points([], "")
        # the form needs the room, but for a search that is going on
        chart.setVisible(bool(chart.points) and (self.tab != "Search" or bool(self._live)))

    # Using it

    def _choose(self, index: int) -> None:
        """Look at an equation; those of a search that goes on are not there yet."""
        if not self._live:
            self.session.choose_expression(index)

    def _propose(self, text: str) -> None:
        """Put an equation by hand into the settings of the search."""
        fields = self.panel.form.fields
        texts = [part.strip() for part in str(fields["by_hand"].get()).split(";") if part.strip()]
        told = "The equation will take part in the search: run it."
        if fields["start_from"].get() is not None:
            told += " 'start from' was emptied: with it, nothing is searched."
        together = "; ".join(dict.fromkeys([*texts, text]))
        self.panel.set_values({"by_hand": together, "start_from": None})
        self.choose_tab("Search")
        self.panel.say(told)

    def _template(self) -> str:
        return str(self.panel.form.fields["pysr_template"].get())

    def _take(self, path: Path, told: str) -> None:
        """Put a file of equations into the settings of the search."""
        self.panel.set_values({"hall_of_fame": path, "start_from": None})
        self.panel.say(told)
