"""The equations of a study as a table, to choose the one to look at and the one to use."""

from napari.utils.notifications import show_warning
from qtpy.QtCore import QSignalBlocker, Qt, Signal
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_parsimony.errors import UserError
from napari_parsimony.gui.dock import follow, missing
from napari_parsimony.gui.front_chart import Point
from napari_parsimony.gui.session import Session
from napari_parsimony.symbolic.front import Candidate, Front

COLUMNS = {
    "size": "Expression size: operators, constants and variables, one each.",
    "CV loss": "Mean logistic loss in nats, cross-validated over movies, ± its standard error.",
    "bal. acc.": "Balanced accuracy on held-out cells, by the same cross-validation.",
    "agrees": "How many of the validation cells are on the side where the sparse network puts "
    "them.",
    "equation": "The equation; its value is the score.",
}
_ROW, _ROWS = 22, 5


class FrontTable(QWidget):
    """One row an equation, what the chosen one is worth on test cells, and 'Use in study'.

    Parameters
    ----------
    session
        Whose equations are listed.

    Attributes
    ----------
    picked
        The user wants to look at another equation: its index.
    """

    picked = Signal(int)

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self.table = QTableWidget(0, len(COLUMNS))
        self.held_out = QLabel(wordWrap=True)
        self.keep = QPushButton("Use in study")
        self._lay_out()
        self.table.currentCellChanged.connect(self._on_picked)
        self.keep.clicked.connect(self._keep)
        follow(self, session.study_changed, self.rebuild)
        follow(self, session.artefacts_changed, self.rebuild)
        follow(self, session.expression_changed, self._on_expression)
        self.rebuild()

    def _lay_out(self) -> None:
        table = self.table
        table.setHorizontalHeaderLabels(list(COLUMNS))
        for column, tip in enumerate(COLUMNS.values()):
            table.horizontalHeaderItem(column).setToolTip(f"<qt>{tip}</qt>")
        table.setToolTip(
            "<qt>Equations of all sizes; ★ is the one that the study uses. Choose one to look at "
            "it everywhere.</qt>"
        )
        table.verticalHeader().hide()
        table.verticalHeader().setDefaultSectionSize(_ROW)
        header = table.horizontalHeader()
        header.setMinimumSectionSize(20)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(len(COLUMNS) - 1, QHeaderView.ResizeMode.Stretch)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.setTextElideMode(Qt.TextElideMode.ElideRight)
        table.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        table.setTabKeyNavigation(False)
        self.keep.setToolTip(
            "<qt>Let the study use this equation: the star moves here. Evaluation and report are "
            "of the former one: run them again.</qt>"
        )
        below = QHBoxLayout()
        below.addWidget(self.held_out, 1)
        below.addWidget(self.keep)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(table)
        column.addLayout(below)

    # Following the session

    def rebuild(self, *_: object) -> None:
        """Show the front as it is now."""
        if missing(self.session, "equations"):
            return
        front = self.session.front
        assert front is not None
        with QSignalBlocker(self.table):
            self.table.setRowCount(len(front.candidates))
            for row, candidate in enumerate(front.candidates):
                texts = (
                    f"{candidate.size}{' ★' if row == front.chosen else ''}",
                    f"{candidate.validation_loss:.3f} ± {candidate.validation_error:.3f}",
                    f"{candidate.balanced_accuracy:.1%}",
                    f"{candidate.agreement:.1%}",
                    candidate.unicode(),
                )
                for column, text in enumerate(texts):
                    item = QTableWidgetItem(text)
                    item.setToolTip(describe(candidate))
                    self.table.setItem(row, column, item)
        shown = min(max(len(front.candidates), 2), _ROWS)
        header = self.table.horizontalHeader().sizeHint().height()
        self.table.setFixedHeight(header + _ROW * shown + 4)
        self._show_held_out()
        self._on_expression(self.session.candidate)

    def _show_held_out(self) -> None:
        session = self.session
        text, tip = "★ not evaluated on test cells yet", "Run the step 'Evaluation' to know it."
        if session.has("evaluate"):
            assert session.study is not None
            try:
                schemes = session.study.schemes()
            except UserError as error:
                self.held_out.setText(str(error))
                return
            scheme = schemes.get("symbolic")
            if scheme is not None and scheme.balanced_accuracy.value is not None:
                found, where = scheme.balanced_accuracy, f"{schemes.group_word}s"
                text = f"★ bal. acc. {found.value:.1%} on test {where}"
                tip = (
                    f"Balanced accuracy of the equation that the study uses on {schemes.groups} "
                    f"{where} that nothing has learned from"
                )
                if found.low is not None and found.high is not None:
                    text += f" ({found.low:.1%} to {found.high:.1%})"
                    tip += f", with its {schemes.confidence:.0%} interval by resampling {where}"
                tip += "."
        self.held_out.setText(text)
        self.held_out.setToolTip(f"<qt>{tip}</qt>")

    def _on_expression(self, index: int | None) -> None:
        front = self.session.front
        with QSignalBlocker(self.table):
            if index is None:  # one by hand
                self.table.setCurrentItem(None)
                self.table.clearSelection()
            else:
                self.table.selectRow(index)
        self.keep.setEnabled(index is not None and front is not None and index != front.chosen)

    def _on_picked(self, row: int, *_: int) -> None:
        if row >= 0:
            self.picked.emit(row)

    def _keep(self) -> None:
        front, index = self.session.front, self.session.candidate
        assert self.session.study is not None
        assert front is not None
        assert index is not None
        try:
            self.session.study.choose_equation(front.candidates[index].size)
        except UserError as error:
            show_warning(str(error))
        self.session.refresh()


def describe(candidate: Candidate) -> str:
    """Say what is known of an equation, for hovering."""
    return (
        f"{candidate.unicode()}\n"
        f"size {candidate.size}, found by {candidate.engine}\n"
        f"cross-validated: loss {candidate.validation_loss:.3f} ± "
        f"{candidate.validation_error:.3f}, balanced accuracy {candidate.balanced_accuracy:.1%}\n"
        f"{candidate.agreement:.1%} of validation cells as the sparse network"
    )


def points_of(front: Front) -> list[Point]:
    """Make the points of a chart, with the one-standard-error rule of `symbolic.choice`."""
    best = min(candidate.validation_loss for candidate in front.candidates)
    points = []
    for candidate in front.candidates:
        more, error = candidate.validation_loss - best, candidate.excess_error
        text = describe(candidate)
        if more > 0:
            text += f"\n{more:.3f} ± {error:.3f} worse than the best"
        loss = candidate.validation_loss
        points.append(Point(candidate.size, loss, candidate.validation_error, text, more <= error))
    return points
