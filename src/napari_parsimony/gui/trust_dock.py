"""The dock 'Trust': whether the law can be believed, and the cells that speak for or against it."""

from collections.abc import Iterator
from html import escape

import numpy as np
from napari.viewer import Viewer
from numpy.typing import NDArray
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFrame, QLabel, QScrollArea, QTabWidget, QVBoxLayout, QWidget

from napari_parsimony.errors import UserError
from napari_parsimony.figures.palette import Theme
from napari_parsimony.gui.dock import (
    alike,
    fill_dock,
    follow,
    message_label,
    missing,
    push_button,
    say,
)
from napari_parsimony.gui.docks import open_apart
from napari_parsimony.gui.latex import theme_of
from napari_parsimony.gui.report_page import open_report
from napari_parsimony.gui.session import Session
from napari_parsimony.gui.trust_checks import ChecksPanel
from napari_parsimony.gui.trust_findings import FindingList, ink_of, mark_of, table_of
from napari_parsimony.gui.trust_meanings import MeaningsPanel
from napari_parsimony.gui.trust_words import (
    CHECKS,
    Checked,
    Found,
    Verdict,
    confidence_of,
    gravest_first,
    law_of,
    verdict_of,
)
from napari_parsimony.gui.turns import finish
from napari_parsimony.jobs.job import Job, JobState
from napari_parsimony.study.findings import findings_of
from napari_parsimony.trust.findings import Finding, Severity

FINDINGS, LATENTS, RUN = range(3)
LAW_TIP = (
    "What the equation that the study uses (★) says of cells, as far as it holds on held-out ones."
)


class TrustDock(QWidget):
    """A verdict on the law, what it rests on, what its latents mean, and the checks to run.

    Parameters
    ----------
    viewer
        Whose session is followed.
    """

    def __init__(self, viewer: Viewer) -> None:
        super().__init__()
        self.session = session = Session.of(viewer)
        self._shown: tuple[Checked, ...] = ()
        self._verdict: Verdict | None = None
        self._law: Finding | None = None
        self._rows: dict[int, NDArray[np.int64]] = {}
        fill_dock(self)
        self.message, self.verdict, self.law = message_label(), QLabel(wordWrap=True), QLabel()
        self.findings, self.note = FindingList(), QLabel(wordWrap=True)
        self.report = push_button(
            "Open report", "Open the page about the study in your web browser.", self._open_report
        )
        self.meanings, self.checks = MeaningsPanel(session), ChecksPanel(session)
        self.panel = self.checks.panel
        self.tabs = alike(QTabWidget())
        self._lay_out()
        self.findings.asked.connect(self._show_cells)
        self.findings.left.connect(lambda: session.look_at_cells(np.zeros(0, np.int64)))
        self.tabs.currentChanged.connect(self._show_runs)
        self.panel.runner.ended.connect(self._on_end)
        follow(self, session.study_changed, self._on_study)
        follow(self, session.artefacts_changed, self._on_artefact)
        follow(self, session.selection_changed, self._mark)
        follow(self, session.job_changed, self._show_runs)
        session.viewer.events.theme.connect(self._on_theme)
        finish(self._on_study())

    def _lay_out(self) -> None:
        self.law.setWordWrap(True)
        for label in (self.verdict, self.law):
            label.setTextFormat(Qt.TextFormat.RichText)
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 4, 4, 0)
        column.addWidget(self.findings)
        column.addStretch(1)
        page = QWidget()
        rows = QVBoxLayout(page)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.addWidget(_scrolled(inside), 1)
        rows.addWidget(self.note)
        rows.addWidget(self.report)
        for title, tip, widget in (
            ("Findings", "What was found, the gravest first.", page),
            ("Latents", "What each latent means.", self.meanings),
            ("Checks", "Run a check, and see which are out of date.", _scrolled(self.checks)),
        ):
            self.tabs.setTabToolTip(self.tabs.addTab(widget, title), tip)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(6, 6, 6, 6)
        for part in (self.message, self.verdict, self.law):
            whole.addWidget(part)
        whole.addWidget(self.tabs, 1)
        whole.addWidget(self.panel.runs)

    # Following the session

    def _on_study(self, *_: object) -> Iterator[None]:
        yield from self._rebuild()
        if self.session.has("equations") and not self._shown:
            self.tabs.setCurrentIndex(RUN)  # there is nothing to read yet

    def _on_artefact(self, step: str) -> Iterator[None]:
        if step in (*CHECKS, "cells"):
            yield from self._rebuild()

    def _rebuild(self) -> Iterator[None]:
        """Show what was found by now, a part for each finding."""
        study, self._rows = self.session.study, {}
        found: Found = {}
        failed = ""
        try:
            found = findings_of(study) if study is not None else {}
        except UserError as error:
            failed = str(error)
        sentence = failed or (missing(self.session, "trust") if study is None else None)
        self.message.setText(sentence or "")
        self.message.setVisible(bool(sentence))
        self.tabs.setVisible(study is not None)
        self._shown = tuple(gravest_first(found))
        self._verdict = None if study is None or failed else verdict_of(study, found)
        about = {} if study is None else {name: confidence_of(study, name) for name in found}
        self._law = law_of(found)
        numbers = table_of(self._law, about.get("trust", "")) if self._law is not None else ""
        self.law.setToolTip(f"<qt>{LAW_TIP}{numbers}</qt>")
        self._write()
        say(self.note, "")
        self._show_runs()
        yield from self.findings.show_findings(
            [(checked, about[checked.step]) for checked in self._shown], self._theme
        )
        self._mark()

    @property
    def _theme(self) -> Theme:
        return theme_of(self.session.viewer)

    def _write(self) -> None:
        law, verdict = self._law, self._verdict
        self.law.setText("" if law is None else f"<b>The law:</b> {escape(law.sentence)}")
        self.law.setVisible(law is not None)
        self.verdict.setVisible(verdict is not None)
        if verdict is None:
            return
        headline = escape(verdict.headline)
        if verdict.severity is not None:
            # that there is no alarm is good, whatever is worth knowing
            severity: Severity = "alarm" if verdict.alarms else "fine"
            colour = ink_of(severity, self._theme)
            headline = f"<span style='color:{colour}'>{mark_of(severity)} {headline}</span>"
        alarms = "".join(f"<br>• {escape(alarm)}" for alarm in verdict.alarms)
        rest = f"<br>{escape(verdict.rest)}" if verdict.rest else ""
        self.verdict.setText(f"<b>{headline}</b>{alarms}{rest}")

    def _on_theme(self, *_: object) -> None:
        self._write()
        for row in self.findings.rows:
            row.set_theme(self._theme)

    def _show_runs(self, *_: object) -> None:
        there = self.session.study is not None
        busy = self.session.job is not None
        self.panel.runs.setVisible(there and (busy or self.tabs.currentIndex() == RUN))

    def _on_end(self, job: Job) -> None:
        if job.step in CHECKS and job.state is JobState.DONE:
            self.tabs.setCurrentIndex(FINDINGS)

    # Cells

    def _rows_of(self, place: int) -> NDArray[np.int64]:
        """Rows of a finding's cells, in its order; those that the study has not are left out."""
        if place not in self._rows:
            cells = self._shown[place].finding.cells
            self._rows[place] = self.session.rows_of(cells)
        return self._rows[place]

    def _show_cells(self, place: int) -> None:
        finding = self._shown[place].finding
        try:
            rows = self._rows_of(place)
        except UserError as error:
            say(self.note, str(error), failed=True)
            return
        gone = len(finding.cells) - len(rows)
        told = f"{gone} of its {len(finding.cells)} cells are not in the study any more."
        say(self.note, told if gone else "", failed=True)
        if len(rows):
            open_apart(self.session.viewer, "Gallery", self)
            with self.session.turns.spread():
                self.session.look_at_cells(rows)

    def _mark(self, *_: object) -> None:
        """Mark the finding whose cells are selected."""
        selection = self.session.selection
        for place, row in enumerate(self.findings.rows):
            rows = self._rows.get(place)
            row.set_current(rows is not None and len(rows) > 0 and np.array_equal(rows, selection))

    def _open_report(self) -> None:
        sentence = open_report(self.session)
        say(self.note, sentence or "", failed=sentence is not None)


def _scrolled(widget: QWidget) -> QScrollArea:
    scroll = QScrollArea(widgetResizable=True)
    scroll.setFrameShape(QFrame.Shape.NoFrame)
    scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    scroll.setWidget(widget)
    return scroll
