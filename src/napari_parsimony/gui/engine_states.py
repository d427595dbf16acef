"""Which engines can search here, above the settings of the search."""

from collections.abc import Callable
from html import escape
from pathlib import Path

from qtpy.QtCore import Signal
from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import QFileDialog, QGridLayout, QLabel, QVBoxLayout, QWidget

from napari_parsimony.errors import UserError
from napari_parsimony.gui.background import Background
from napari_parsimony.gui.dock import push_button, text_label
from napari_parsimony.gui.julia_dialog import JuliaDialog
from napari_parsimony.gui.session import Session
from napari_parsimony.symbolic.engines.pysr_state import PysrState
from napari_parsimony.symbolic.engines.states import ENGINES, EngineState, engine_states
from napari_parsimony.symbolic.hall_of_fame import read_hall_of_fame
from napari_parsimony.symbolic.template import Template

NO_JULIA = PysrState.NO_JULIA.value
READY, LACKING = "#3fb27f", "#e0a030"


class EngineStates(QWidget):
    """A line for each engine, the way to install Julia, and to take in what PySR found elsewhere.

    Parameters
    ----------
    session
        Whose latents equations must read.
    template
        Gives the template that equations of PySR have, empty for none.

    Attributes
    ----------
    taken
        Equations of a file can take part: its path, and a sentence about them.
    failed
        They cannot: a sentence.
    """

    taken, failed = Signal(object, str), Signal(str)

    def __init__(self, session: Session, template: Callable[[], str]) -> None:
        super().__init__()
        self.session = session
        self._template = template
        self.dialog: JuliaDialog | None = None
        self.states: list[EngineState] = []
        self._background = Background(self)
        self._background.done.connect(self._show)
        self.labels = {name: QLabel("…") for name in ENGINES}
        self.lacking = text_label()
        self.install = push_button(
            "Install the Julia engine…",
            "PySR needs Julia. A window says what would be downloaded; nothing is before you "
            "press Install there.",
            self.open_dialog,
        )
        self.add = push_button(
            "Add equations of PySR…",
            "Take the equations of a hall_of_fame.csv, which PySR wrote on this or another "
            "computer, into the next search. Needs no Julia.",
            self._ask,
        )
        grid = QGridLayout()
        for row, (name, label) in enumerate(self.labels.items()):
            grid.addWidget(QLabel(name), row, 0)
            grid.addWidget(label, row, 1)
        grid.setColumnStretch(1, 1)
        grid.setVerticalSpacing(0)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(grid)
        column.addWidget(self.lacking)
        column.addWidget(self.install)
        column.addWidget(self.add)
        self._show([])

    def showEvent(self, event: QShowEvent) -> None:  # noqa: D102
        super().showEvent(event)
        if not self.states and not self._background.busy:
            self.check()

    def check(self) -> None:
        """Look again which engines can run; child processes do, which takes a second."""
        self._background.start(engine_states)

    def _show(self, states: list[EngineState]) -> None:
        self.states = states
        for state in states:
            colour = READY if state.ready else LACKING
            label = self.labels[state.name]
            label.setText(f"<span style='color:{colour}'>●</span> {escape(state.state)}")
            label.setToolTip(f"<qt>{escape(f'{state.text} {state.remedy}')}</qt>")
        # where the button below is the remedy, it says enough
        self.lacking.setText(
            "\n".join(
                state.text if state.state == NO_JULIA else f"{state.text} {state.remedy}"
                for state in states
                if not state.ready
            )
        )
        self.lacking.setVisible(bool(self.lacking.text()))
        self.install.setVisible(any(state.state == NO_JULIA for state in states))

    def open_dialog(self) -> None:
        """Show the window that installs Julia."""
        if self.dialog is None:
            self.dialog = JuliaDialog(self)
            self.dialog.installed.connect(self.check)
        self.dialog.show()
        self.dialog.raise_()

    def _ask(self) -> None:
        path, _ = QFileDialog.getOpenFileName(
            self, "Equations of PySR", "", "hall_of_fame (*.csv *.csv.bak)"
        )
        if path:
            self.take(Path(path))

    def take(self, path: Path) -> None:
        """Take a hall_of_fame.csv, or the folder of a run, into the next search."""
        study = self.session.study
        if study is None:
            return
        try:
            latents = study.classifier().agreed
            template = Template.read(self._template(), latents)
            members = read_hall_of_fame(path, latents, template)
        except UserError as error:
            self.failed.emit(str(error))
            return
        count = f"{len(members)} equation{'s' if len(members) > 1 else ''}"
        order = [f"x{index} = {name}" for index, name in enumerate(latents)]
        if len(order) > 4:
            order[2:-1] = ["…"]
        self.taken.emit(
            path,
            f"{count} of {path.name} will take part in the search ({', '.join(order)}, unless the "
            "file has the latents' names): run it. To see only these, choose no engine.",
        )
