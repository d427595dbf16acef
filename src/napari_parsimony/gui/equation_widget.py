"""The dock 'Equation': the law, and what it says about a cell."""

from typing import TYPE_CHECKING

from napari.utils.notifications import show_warning
from napari.viewer import Viewer
from qtpy.QtCore import QSignalBlocker, Qt, QTimer
from qtpy.QtGui import QGuiApplication, QPixmap, QResizeEvent
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_parsimony.errors import UserError
from napari_parsimony.gui.dock import (
    LiveLabel,
    Soon,
    decision_html,
    fill_dock,
    follow,
    message_label,
    missing,
)
from napari_parsimony.gui.latex import equation_pixmap, theme_of
from napari_parsimony.gui.session import Session
from napari_parsimony.gui.terms import TermBars
from napari_parsimony.symbolic.front import Candidate

if TYPE_CHECKING:
    from napari_parsimony.gui.decision_window import DecisionWindow

_COLUMNS = {
    "size": "Expression size: operators, constants and variables, one each.",
    "CV loss": "Mean logistic loss, cross-validated over movies, ± its standard error.",
    "bal. acc.": "Balanced accuracy by cross-validation over movies.",
    "equation": "The equation; its value is the score.",
}
_REST = 150  # ms without a change before the heavy picture is drawn again


class EquationDock(QWidget):
    """The equations of a study, and one of them with a cell's numbers put in.

    Parameters
    ----------
    viewer
        Whose session is followed.
    """

    def __init__(self, viewer: Viewer) -> None:
        super().__init__()
        self.session = session = Session.of(viewer)
        self.map: DecisionWindow | None = None
        self._drawn: tuple[object, ...] = ()
        # numbers follow a slider at once; pictures of equations only when it rests, for drawing
        # one takes longer than a frame
        self._soon = Soon(self, self._update_numbers)
        self._later = QTimer(self, singleShot=True, interval=_REST)
        self._later.timeout.connect(self._draw)
        self._shown = Soon(self, self._draw)

        fill_dock(self)
        self.message = message_label()
        self.content = QWidget()
        self.table = QTableWidget(0, len(_COLUMNS))
        self.equation, self.with_numbers = QLabel(), QLabel()
        self.result = LiveLabel(1.25)
        self.terms = TermBars()
        self.copy_latex = QPushButton("LaTeX")
        self.copy_python = QPushButton("Python")
        self.show_map = QPushButton("Decision map")
        self.keep = QPushButton("Use in study")
        self._lay_out()

        self.table.currentCellChanged.connect(self._on_picked)
        self.copy_latex.clicked.connect(lambda: self._copy(self._candidate().latex()))
        self.copy_python.clicked.connect(lambda: self._copy(str(self._candidate().expression)))
        self.show_map.clicked.connect(self._open_map)
        self.keep.clicked.connect(self._keep)
        follow(self, session.study_changed, self._rebuild)
        follow(self, session.artefacts_changed, self._rebuild)
        follow(self, session.expression_changed, self._on_expression)
        follow(self, session.latents_changed, self._on_latents)
        session.viewer.events.theme.connect(self._draw)
        self._rebuild()

    def _lay_out(self) -> None:
        table = self.table
        table.setHorizontalHeaderLabels(list(_COLUMNS))
        for column, tip in enumerate(_COLUMNS.values()):
            table.horizontalHeaderItem(column).setToolTip(tip)
        table.setToolTip(
            "Equations of all sizes; ★ is the one that the study uses. Click to look at one."
        )
        table.verticalHeader().hide()
        table.verticalHeader().setDefaultSectionSize(22)
        table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        table.horizontalHeader().setStretchLastSection(True)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.setTextElideMode(Qt.TextElideMode.ElideRight)
        table.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.equation.setToolTip("The equation looked at: above 0 it says the second class.")
        self.with_numbers.setToolTip("The same with the numbers of the position looked at.")
        self.result.setToolTip("Value of the equation, and the class that it means.")
        self.copy_latex.setToolTip("Copy the equation, rounded as shown, as LaTeX.")
        self.copy_python.setToolTip("Copy the equation with all its digits as Python.")
        self.keep.setToolTip(
            "Let the study use this equation: the star moves here. Evaluation and report are of "
            "the former one: run them again."
        )
        self.show_map.setToolTip("Draw the score over two latents, in a window of its own.")
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, 0, 0)
        for label in (self.equation, self.with_numbers):
            label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
            column.addWidget(label)
        column.addWidget(self.terms)
        column.addStretch(1)
        self.area = QScrollArea(widgetResizable=True)
        self.area.setFrameShape(QScrollArea.Shape.NoFrame)
        self.area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.area.setWidget(inside)
        buttons = QHBoxLayout()
        buttons.addWidget(QLabel("copy"))
        buttons.addWidget(self.copy_latex)
        buttons.addWidget(self.copy_python)
        buttons.addStretch(1)
        buttons.addWidget(self.show_map)
        whole = QVBoxLayout(self.content)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(table)
        decision = QHBoxLayout()
        decision.addWidget(self.result, 1)
        decision.addWidget(self.keep)
        whole.addLayout(decision)
        whole.addWidget(self.area, 1)
        whole.addLayout(buttons)
        outer = QVBoxLayout(self)
        outer.addWidget(self.message)
        outer.addWidget(self.content, 1)

    def _candidate(self) -> Candidate:
        front, index = self.session.front, self.session.candidate
        assert front is not None
        assert index is not None
        return front.candidates[index]

    # Following the session

    def _rebuild(self, *_: object) -> None:
        sentence = missing(self.session, "equations")
        self.message.setText(sentence or "")
        self.message.setVisible(sentence is not None)
        self.content.setVisible(sentence is None)
        if sentence is not None:
            if self.map is not None:
                self.map.close()
            return
        front = self.session.front
        assert front is not None
        with QSignalBlocker(self.table):
            self.table.setRowCount(len(front.candidates))
            for row, candidate in enumerate(front.candidates):
                star = " ★" if row == front.chosen else ""
                texts = (
                    f"{candidate.size}{star}",
                    f"{candidate.validation_loss:.3f} ± {candidate.validation_error:.3f}",
                    f"{candidate.balanced_accuracy:.1%}",
                    candidate.unicode(),
                )
                for column, text in enumerate(texts):
                    item = QTableWidgetItem(text)
                    item.setToolTip(
                        f"{candidate.unicode()}\nfound by {candidate.engine}; "
                        f"{candidate.agreement:.1%} of validation cells as the sparse network"
                    )
                    self.table.setItem(row, column, item)
        shown = min(len(front.candidates), 5)
        header = self.table.horizontalHeader().sizeHint().height()
        self.table.setFixedHeight(header + 22 * shown + 4)
        self._on_expression(self.session.candidate)

    def _on_expression(self, index: int | None) -> None:
        if index is None or missing(self.session, "equations"):
            return
        with QSignalBlocker(self.table):
            self.table.selectRow(index)
        front = self.session.front
        self.keep.setEnabled(front is not None and index != front.chosen)
        self._texts = [
            term.unicode(self._candidate().digits) for term in self._candidate().expression.terms
        ]
        self._update_numbers()
        self._draw()

    def _on_latents(self, _: object) -> None:
        self._soon.start()
        self._later.start()

    def _on_picked(self, row: int, *_: int) -> None:
        if row >= 0:
            self.session.choose_expression(row)

    # Drawing

    @property
    def values(self) -> dict[str, float]:
        """Numbers of the equation's latents at the position looked at."""
        latents = self.session.latents
        return {
            name: float(latents[int(name[1:])]) for name in self._candidate().expression.variables
        }

    def _update_numbers(self) -> None:
        if missing(self.session, "equations"):
            return
        values, expression = self.values, self._candidate().expression
        score = float(expression.evaluate(values))
        self.result.setText(f"score = {decision_html(self.session, score)}")
        self.terms.set_value(
            self._texts, [float(term.evaluate(values)) for term in expression.terms]
        )

    def _draw(self, *_: object) -> None:
        """Draw the equation, and the one with numbers; what has not changed is not drawn again."""
        if not self.content.isVisible() or missing(self.session, "equations"):
            return
        candidate, theme = self._candidate(), theme_of(self.session.viewer)
        width = self.area.viewport().width()
        digits = 2
        rounded = {name: round(value, digits) for name, value in self.values.items()}
        bare = (candidate, width, theme.name, self.devicePixelRatioF())
        if bare != self._drawn[:1]:
            pixmap = equation_pixmap(candidate.latex(), r"\mathrm{score}", width, self, 15, theme)
            _show(self.equation, pixmap)
            self._drawn = (bare,)
        if (bare, rounded) != self._drawn:
            latex = candidate.expression.latex(candidate.digits, rounded)
            _show(self.with_numbers, equation_pixmap(latex, "", width, self, 11, theme))
            self._drawn = (bare, rounded)
        if self.map is not None and self.map.isVisible():
            self.map.draw()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: D102
        super().resizeEvent(event)
        self._later.start()

    def showEvent(self, event: object) -> None:  # noqa: D102
        super().showEvent(event)
        self._shown.start()

    # Using it

    def _keep(self) -> None:
        assert self.session.study is not None
        try:
            self.session.study.choose_equation(self._candidate().size)
        except UserError as error:
            show_warning(str(error))
        self.session.refresh()

    def _copy(self, text: str) -> None:
        QGuiApplication.clipboard().setText(text)

    def _open_map(self) -> None:
        if self.map is None:
            from napari_parsimony.gui.decision_window import DecisionWindow

            self.map = DecisionWindow(self.session, self)
        self.map.show()
        self.map.raise_()
        self.map.draw()


def _show(label: QLabel, pixmap: QPixmap) -> None:
    label.setPixmap(pixmap)
    label.setFixedHeight(round(pixmap.height() / pixmap.devicePixelRatio()))
