"""The tab 'Checks': the steps that find out whether the law can be believed, one of them to run."""

from html import escape

from qtpy.QtCore import QSize, Qt
from qtpy.QtWidgets import QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from napari_parsimony.gui.dock import follow
from napari_parsimony.gui.session import Session
from napari_parsimony.gui.step_panel import StepPanel
from napari_parsimony.gui.study_widget import STATE_WORDS, STATES
from napari_parsimony.gui.trust_words import CHECKS
from napari_parsimony.report import STEPS

_ROW = 22


class ChecksPanel(QWidget):
    """A list of checks, and the settings of the one that is chosen.

    Parameters
    ----------
    session
        Whose study is checked.

    Attributes
    ----------
    panel
        The settings; its `runs` is for the dock to place.
    """

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self.list = QListWidget()
        self.list.setToolTip("<qt>What can be looked into. Click one to see its settings.</qt>")
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setFixedHeight(_ROW * len(CHECKS) + 10)
        for name in CHECKS:
            item = QListWidgetItem()
            item.setData(Qt.ItemDataRole.UserRole, name)
            item.setSizeHint(QSize(0, _ROW))
            self.list.addItem(item)
        self.panel = StepPanel(session, CHECKS[0])
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 4, 4, 0)
        column.addWidget(self.list)
        column.addWidget(self.panel)
        column.addStretch(1)
        self.list.currentRowChanged.connect(lambda row: self.panel.set_step(CHECKS[row]))
        self.list.setCurrentRow(0)
        follow(self, session.study_changed, self._show)
        follow(self, session.artefacts_changed, self._show)
        self._show()

    def choose(self, name: str) -> None:
        """Show the settings of a check."""
        self.list.setCurrentRow(CHECKS.index(name))

    def _show(self, *_: object) -> None:
        study = self.session.study
        for row, name in enumerate(CHECKS):
            item, step = self.list.item(row), STEPS[name]
            assert item is not None
            state = study.state(name) if study else "missing"
            why = study.why_stale(name) if study else None
            item.setText(f"{STATES[state]}  {step.title} – {STATE_WORDS[state]}")
            item.setToolTip(f"<qt>{step.summary} {escape(why or '')}</qt>")
