"""An equation written by hand, scored as it is typed."""

from qtpy.QtCore import QSignalBlocker, Qt, QTimer, Signal
from qtpy.QtGui import QColor, QKeyEvent, QTextCharFormat, QTextCursor
from qtpy.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QTextEdit,
    QVBoxLayout,
    QWidget,
)

from napari_parsimony.classify.scores import scores_of
from napari_parsimony.errors import UserError
from napari_parsimony.gui.background import Background
from napari_parsimony.gui.class_box import ClassBox
from napari_parsimony.gui.dock import follow, message_label, missing
from napari_parsimony.gui.session import Session
from napari_parsimony.study.steps import target
from napari_parsimony.symbolic.class_scores import ClassScores, Equation
from napari_parsimony.symbolic.expression import Expression
from napari_parsimony.symbolic.parse import NotAnEquationError
from napari_parsimony.symbolic.score import PARTS, Cells, Goodness

_REST = 200  # ms without a key before all docks follow
_READ = ("cells", "vae", "classify", "equations")  # steps whose results are read here
_ROWS = {
    "loss": "Mean logistic loss in nats: less is better.",
    "bal. acc.": "Balanced accuracy: mean of the two classes' accuracies.",
    "agrees": "How many cells are on the side where the sparse network puts them.",
}
_FITTED = (
    "The numbers of listed equations were fitted to training and validation cells together; "
    "those that 'Refit' gives to training cells alone."
)


class _Editor(QPlainTextEdit):
    """A few lines that are one: Enter ends no line, and Tab goes on to the next control."""

    def __init__(self) -> None:
        super().__init__()
        self.setTabChangesFocus(True)
        # napari's themes leave it without an edge
        self.setStyleSheet("QPlainTextEdit { border: 1px solid #808080; border-radius: 2px; }")
        self.setFixedHeight(self.fontMetrics().lineSpacing() * 3 + 14)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            event.ignore()
        else:
            super().keyPressEvent(event)


class EditEquation(QWidget):
    """A text to edit, what is wrong with it or how good it is, and ways on and back.

    Parameters
    ----------
    session
        Which follows what is written here: `Session.try_expression`.

    Attributes
    ----------
    proposed
        The user wants this text to take part in the next search.
    """

    proposed = Signal(str)

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self.origin: int | None = None
        self.expression: Equation | None = None
        self._cells: Cells | None = None
        self._background = Background(self)
        self._rest = QTimer(self, singleShot=True, interval=_REST)
        self._rest.timeout.connect(self._follow)
        self.message = message_label()
        self.content = QWidget()
        self.text, self.problem = _Editor(), QLabel(wordWrap=True)
        self.of_class = ClassBox(
            "expression of", "Of which class the expression is edited; the others stay."
        )
        self._others: ClassScores | None = None  # what one class's expression is put into
        self._background.done.connect(self._take)
        self.refit, self.reset = QPushButton("Refit"), QPushButton("Reset")
        self.simplify, self.propose = QPushButton("Simplify"), QPushButton("Add to search")
        self.told = QLabel(wordWrap=True)
        self.numbers = {(row, part): QLabel("–") for row in _ROWS for part in PARTS}
        self._lay_out()
        self.text.textChanged.connect(self._on_text)
        self.of_class.picked.connect(lambda *_: self._show_class())
        self.refit.clicked.connect(self._refit)
        self.simplify.clicked.connect(self._simplify)
        self.reset.clicked.connect(self._reset)
        self.propose.clicked.connect(lambda *_: self.proposed.emit(self._proposal()))
        follow(self, session.study_changed, self._renew)
        follow(self, session.artefacts_changed, self._on_artefact)
        follow(self, session.annotations_changed, self._on_classes)
        follow(self, session.expression_changed, self._on_expression)
        follow(self, session.names_changed, self._show_names)
        self._renew()

    def _lay_out(self) -> None:
        self.text.setPlaceholderText("z3 - exp(z7) + 0.5")
        self.refit.setToolTip(
            "<qt>Fit the numbers to the classes of the training cells, as the search does.</qt>"
        )
        self.simplify.setToolTip(
            "<qt>Write the equation shorter, and drop what changes nothing. Only a form with which "
            "every training and validation cell stays on its side is taken.</qt>"
        )
        self.reset.setToolTip("<qt>Go back to the equation that this one began as.</qt>")
        grid = QGridLayout()
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setVerticalSpacing(2)
        for column, part in enumerate(PARTS, 1):
            title = QLabel({"train": "training"}.get(part, part))
            title.setToolTip(f"<qt>On the {part} cells. {_FITTED}</qt>")
            grid.addWidget(title, 0, column)
            grid.setColumnStretch(column, 1)
        for row, (name, tip) in enumerate(_ROWS.items(), 1):
            title = QLabel(name)
            grid.addWidget(title, row, 0)
            title.setToolTip(f"<qt>{tip}</qt>")
            for column, part in enumerate(PARTS, 1):
                label = self.numbers[name, part]
                label.setToolTip(
                    f"<qt>{tip} The first number is of the equation that this one began as. "
                    f"{_FITTED}</qt>"
                )
                grid.addWidget(label, row, column)
        buttons = QHBoxLayout()
        for button in (self.refit, self.simplify, self.reset, self.propose):
            buttons.addWidget(button)
        inside = QVBoxLayout(self.content)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.addWidget(self.of_class)
        inside.addWidget(self.text)
        inside.addWidget(self.problem)
        inside.addWidget(self.told)
        inside.addLayout(grid)
        inside.addLayout(buttons)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(self.message)
        whole.addWidget(self.content)

    # Following the session

    def _renew(self, *_: object) -> None:
        """Begin again: the study, or what it learned, is another one, and so are its cells."""
        self._cells, self.origin = None, None
        self._rest.stop()
        self._background.cancel()
        sentence = missing(self.session, "classify")
        self.message.setText(sentence or "")
        self.message.setVisible(sentence is not None)
        self.content.setVisible(sentence is None)
        if sentence is None:
            self._show_names()
            self._on_expression(self.session.candidate)

    def _on_artefact(self, step: str) -> None:
        if step in _READ:
            self._renew()

    def _on_classes(self) -> None:
        self._cells = None
        if not missing(self.session, "classify"):
            self._judge()

    def _on_expression(self, index: int | None) -> None:
        """Take over what is looked at; what was typed here is what is looked at anyway."""
        if missing(self.session, "classify"):
            return
        self._rest.stop()
        front, expression = self.session.front, self.session.expression
        if index is not None and front is not None:
            self.origin = index
            candidate = front.candidates[index]
            self._set_equation(candidate.expression.rounded(candidate.digits))
        elif expression is not None and expression != self.expression:
            self._set_equation(expression)
        elif expression is None:
            self._set_text("")

    def _set_equation(self, equation: Equation) -> None:
        self._others = equation if isinstance(equation, ClassScores) else None
        self.of_class.set_classes(equation.classes if isinstance(equation, ClassScores) else ())
        self._show_class(equation)

    def _show_class(self, equation: Equation | None = None) -> None:
        """Edit the expression of the class that is chosen, where there are several."""
        whole = equation or self.expression or self._others
        if isinstance(whole, ClassScores):
            self._others = whole
            self._set_text(str(whole.expressions[self.of_class.number]))
        elif whole is not None:
            self._set_text(str(whole))

    def _set_text(self, text: str) -> None:
        with QSignalBlocker(self.text):
            self.text.setPlainText(text)
        self._judge()

    def _show_names(self) -> None:
        session = self.session
        if not session.has("vae"):
            return
        titles = ", ".join(session.title_of(f"z{index}") for index in session.latent_order)
        self.text.setToolTip(
            "<qt>Write an equation of the latents: + − * / ^, exp, log, sqrt, abs, sin, cos, tanh, "
            f"min, max. All docks follow as you type.<br>Active latents: {titles}.</qt>"
        )

    # Typing

    def _on_text(self) -> None:
        self._background.cancel()
        self._judge()
        if self.expression is None:
            self._rest.stop()
        else:
            self._rest.start()

    def _judge(self) -> None:
        """Read the text, and say what is wrong with it or how good it is."""
        self.expression, sentence, place = None, "", None
        text = self.text.toPlainText()
        if text.strip():
            try:
                parsed = Expression.parse(text, self._latents)
                self.expression = (
                    self._others.replaced(self.of_class.number, parsed)
                    if self._others is not None
                    else parsed
                )
            except NotAnEquationError as error:
                # the text itself stands above
                sentence, place = str(error).rpartition("cannot be read: ")[2], error.place
                sentence = sentence[:1].upper() + sentence[1:]
            except UserError as error:
                sentence = str(error)
        self.problem.setText(sentence)
        self.problem.setVisible(bool(sentence))
        self._point_at(place)
        self._show_numbers()
        fits = self._cells is not None and "train" in self._cells.parts
        numbers = self.expression.constants if self.expression is not None else ()
        self.refit.setEnabled(fits and bool(numbers))
        parts = self._cells.parts if self._cells is not None else ()
        self.simplify.setEnabled(self.expression is not None and bool(parts))
        self.told.setVisible(False)
        self._show_proposal()

    @property
    def _latents(self) -> list[str]:
        return [str(name) for name in self.session.latent_statistics["name"]]

    def _point_at(self, place: int | None) -> None:
        marks = []
        if place is not None:
            mark, cursor, form = (
                QTextEdit.ExtraSelection(),
                self.text.textCursor(),
                QTextCharFormat(),
            )
            end = max(len(self.text.toPlainText()), 1)
            cursor.setPosition(min(place, end - 1))
            cursor.movePosition(QTextCursor.MoveOperation.Right, QTextCursor.MoveMode.KeepAnchor)
            form.setBackground(QColor("#b3261e"))
            form.setForeground(QColor("#ffffff"))
            mark.cursor, mark.format = cursor, form
            marks.append(mark)
        self.text.setExtraSelections(marks)

    def _show_numbers(self) -> None:
        try:
            cells = self._known_cells()
        except UserError as error:
            self.problem.setText(str(error))
            self.problem.setVisible(True)
            return
        front = self.session.front
        before = after = {}
        if front is not None and self.origin is not None:
            before = cells.goodness(front.candidates[self.origin].expression)
        if self.expression is not None:
            after = cells.goodness(self.expression)
        for part in PARTS:
            first, second = _texts(before.get(part)), _texts(after.get(part))
            for name, was, now in zip(_ROWS, first, second, strict=True):
                self.numbers[name, part].setText(f"{was} → {now}" if before else now)

    def _known_cells(self) -> Cells:
        if self._cells is None:
            study = self.session.study
            assert study is not None
            record = study.step("equations")
            classes, names = target(study)
            logits = scores_of(study.network_scores(), "sparse_mean", names)
            self._cells = Cells(
                study.latents()[self._latents],
                logits[:, 0] if logits.shape[1] == 1 else logits,
                classes,
                study.cells()["split"].to_numpy(),
                bool(record.config["balanced"]) if record is not None else True,
            )
        return self._cells

    def _show_proposal(self) -> None:
        front = self.session.front
        strange = []
        if front is not None and self.expression is not None:
            strange = [name for name in self.expression.variables if name not in front.variables]
        self.propose.setEnabled(self.expression is not None and not strange)
        tip = (
            "Let it take part in the next search: it competes with what the engines find, its "
            "numbers are fitted as theirs, and the study records that it was written by hand."
        )
        if strange:
            tip = (
                f"The search cannot use {strange[0]}: it knows only the latents that the sparse "
                f"network uses, {', '.join(front.variables if front is not None else ())}."
            )
        self.propose.setToolTip(f"<qt>{tip}</qt>")

    # Doing

    def _proposal(self) -> str:
        """Write it as the settings of the search have it."""
        text = self.text.toPlainText().strip()
        return text if self._others is None else f"{self.of_class.name}: {text}"

    def _follow(self) -> None:
        if self.expression is not None and self.expression != self.session.expression:
            self.session.try_expression(self.expression)

    def _refit(self) -> None:
        assert self.expression is not None
        self._background.start(self._known_cells().refitted, self.expression)

    def _simplify(self) -> None:
        assert self.expression is not None
        self._background.start(self._known_cells().tidied, self.expression)

    def _take(self, result: object) -> None:
        """Put in what was fitted, or what was shortened and for how many cells that holds."""
        if isinstance(result, Equation):
            self._put_in(result)
            return
        assert isinstance(result, tuple)
        short, cells = result
        before = self.expression.size if self.expression is not None else short.size
        if short.size < before:
            self._put_in(short)
            told = f"Size {before} → {short.size}: all {cells:,} cells stay on their side."
        else:
            told = f"Nothing shorter leaves all {cells:,} cells on their side."
        self.told.setText(told)
        self.told.setVisible(True)

    def _put_in(self, equation: Equation) -> None:
        """Write another equation, as if it had been typed."""
        if isinstance(equation, ClassScores):
            self._others = equation
            equation = equation.expressions[self.of_class.number]
        self.text.setPlainText(str(equation))

    def _reset(self) -> None:
        if self.origin is None:
            self.text.setPlainText("")
        elif self.session.candidate == self.origin:
            self._on_expression(self.origin)
        else:
            self.session.choose_expression(self.origin)


def _texts(goodness: Goodness | None) -> tuple[str, str, str]:
    if goodness is None:
        return "–", "–", "–"
    return (
        f"{goodness.loss:.3f}",
        f"{goodness.balanced_accuracy:.1%}",
        f"{goodness.agreement:.1%}",
    )
