"""The equations of a study as a table, to choose the one to look at and the one to use."""

from napari.utils.notifications import show_warning
from qtpy.QtCore import QSignalBlocker, Qt, Signal
from qtpy.QtGui import QContextMenuEvent, QResizeEvent
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QMenu,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_parsimony.errors import UserError
from napari_parsimony.gui.dock import follow, missing
from napari_parsimony.gui.front_chart import Point
from napari_parsimony.gui.front_columns import ALWAYS, COLUMNS, describe
from napari_parsimony.gui.laws_button import LawsButton
from napari_parsimony.gui.preferences import recall, remember
from napari_parsimony.gui.session import Session
from napari_parsimony.symbolic.choice import as_good_as_the_best
from napari_parsimony.symbolic.front import Front

_ROW, _ROWS = 22, 5
_BAR = 22
_NARROWEST = 24  # pixels of a column


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
        self.laws = LawsButton(session)
        self.columns = QMenu(self)
        self._lay_out()
        self.laws.picked.connect(self.picked)
        self.table.currentCellChanged.connect(self._on_picked)
        self.keep.clicked.connect(self._keep)
        follow(self, session.study_changed, self.rebuild)
        follow(self, session.artefacts_changed, self.rebuild)
        follow(self, session.expression_changed, self._on_expression)
        self.rebuild()

    def _lay_out(self) -> None:
        table = self.table
        table.setHorizontalHeaderLabels([column.name for column in COLUMNS])
        shown = str(recall("front_columns")).split(",")
        self.columns.setToolTipsVisible(True)
        for number, column in enumerate(COLUMNS):
            tip = f"<qt>{column.tip} Right-click for other columns.</qt>"
            table.horizontalHeaderItem(number).setToolTip(tip)
            if column.name not in ALWAYS:
                table.setColumnHidden(number, column.name not in shown)
                action = self.columns.addAction(column.name)
                action.setCheckable(True)
                action.setChecked(column.name in shown)
                action.setToolTip(f"<qt>{column.tip}</qt>")
                action.toggled.connect(self._on_columns)
        table.setToolTip(
            "<qt>Equations of all sizes; ★ is the one that the study uses. Choose one to look at "
            "it everywhere; right-click for other columns.</qt>"
        )
        table.verticalHeader().hide()
        table.verticalHeader().setDefaultSectionSize(_ROW)
        header = table.horizontalHeader()
        header.setMinimumSectionSize(_NARROWEST)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(len(COLUMNS) - 1, QHeaderView.ResizeMode.Stretch)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.setTextElideMode(Qt.TextElideMode.ElideRight)
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
        column.addWidget(self.laws)
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
                for number, column in enumerate(COLUMNS):
                    item = QTableWidgetItem(column.text(front, row))
                    item.setToolTip(describe(candidate))
                    self.table.setItem(row, number, item)
        self.laws.rebuild()
        self._fit_height()
        self._show_held_out()
        self._on_expression(self.session.candidate)

    def _fit_height(self) -> None:
        shown = min(max(self.table.rowCount(), 2), _ROWS)
        header = self.table.horizontalHeader()
        wide = header.length() > self.table.viewport().width()
        bar = max(self.table.horizontalScrollBar().sizeHint().height(), _BAR) if wide else 0
        self.table.setFixedHeight(header.sizeHint().height() + _ROW * shown + 4 + bar)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: D102
        super().resizeEvent(event)
        self._fit_height()
        self.table.scrollTo(self.table.currentIndex())  # what is looked at stays in sight

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:  # noqa: D102
        self.columns.popup(event.globalPos())

    def _on_columns(self, *_: bool) -> None:
        """Show the columns that are ticked, here and from now on."""
        ticked = {action.text() for action in self.columns.actions() if action.isChecked()}
        for number, column in enumerate(COLUMNS):
            self.table.setColumnHidden(number, column.name not in {*ALWAYS, *ticked})
        names = [column.name for column in COLUMNS if column.name in ticked]
        remember("front_columns", ",".join(names))
        self._fit_height()

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


def points_of(front: Front) -> list[Point]:
    """Make the points of a chart, with the one-standard-error rule of `symbolic.choice`."""
    best = min(candidate.validation_loss for candidate in front.candidates)
    near = as_good_as_the_best(front.candidates)
    points = []
    for index, candidate in enumerate(front.candidates):
        more, error = candidate.validation_loss - best, candidate.excess_error
        text = describe(candidate)
        if more > 0:
            text += f"\n{more:.3f} ± {error:.3f} worse than the best"
        loss = candidate.validation_loss
        points.append(Point(candidate.size, loss, candidate.validation_error, text, index in near))
    return points
