"""The equation that is looked at: as a picture, with a cell's numbers put in, and term by term."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from napari.utils.notifications import show_warning
from qtpy.QtCore import Qt, QTimer
from qtpy.QtGui import QGuiApplication, QResizeEvent
from qtpy.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QMenu,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from napari_parsimony.figures.palette import Theme
from napari_parsimony.gui.background import Background
from napari_parsimony.gui.class_box import ClassBox
from napari_parsimony.gui.dock import LiveLabel, Soon, decision_html, follow
from napari_parsimony.gui.latex import equation_outline, equation_pixmap, theme_of
from napari_parsimony.gui.session import Session
from napari_parsimony.gui.terms import TermBars
from napari_parsimony.symbolic.class_scores import ClassScores, Equation, named
from napari_parsimony.symbolic.export import front_table, python_function, sympy_code
from napari_parsimony.symbolic.expression import Expression
from napari_parsimony.symbolic.hall_of_fame import hall_of_fame

if TYPE_CHECKING:
    from napari_parsimony.figures.equation import Outline
    from napari_parsimony.gui.decision_window import DecisionWindow

_REST = 150  # ms without a change before the heavy pictures are drawn again
_DECIMALS = 2  # of numbers put in


class Notation(NamedTuple):
    """A way to take equations elsewhere.

    Attributes
    ----------
    name
        In menus.
    suffix
        Of a file.
    write
        Makes the text.
    """

    name: str
    suffix: str
    write: Callable[[Session], str]


class Asked(NamedTuple):
    """Pictures that were asked for.

    Attributes
    ----------
    expression, digits
        The equation, and how many digits of it are shown.
    numbers
        To be put in for its latents.
    width
        Widest that they may be, in logical pixels.
    theme, ratio
        Of the window, and of pixels to logical ones.
    """

    expression: Equation
    digits: int | None
    numbers: dict[str, float]
    width: int
    theme: Theme
    ratio: float


def _looked_at(session: Session) -> Equation:
    expression = session.expression
    assert expression is not None
    return expression


def _latex(session: Session) -> str:
    return _looked_at(session).latex(digits_of(session))


def _csv(session: Session) -> str:
    front = session.front
    assert front is not None
    table: str = front_table(front).to_csv(index=False)
    return table


def _hall_of_fame(session: Session) -> str:
    front = session.front
    assert front is not None
    return hall_of_fame(front)


NOTATIONS = (
    Notation("LaTeX, rounded as shown", ".tex", _latex),
    Notation("Text with all digits", ".txt", lambda session: str(_looked_at(session))),
    Notation(
        "Python function (numpy)",
        ".py",
        lambda session: python_function(_looked_at(session), session.classes),
    ),
    Notation("Python code for sympy", ".py", lambda session: sympy_code(_looked_at(session))),
    Notation("All equations as a table (CSV)", ".csv", _csv),
    Notation("All equations for PySR (hall_of_fame.csv)", ".csv", _hall_of_fame),
)
OF_ALL: dict[Callable[[Session], str], str] = {_csv: "equations", _hall_of_fame: "hall_of_fame"}
"""Those of the whole front, and what their files are called."""


def digits_of(session: Session) -> int | None:
    """How many digits of the equation that is looked at to show; all of one by hand."""
    front, index = session.front, session.candidate
    return None if front is None or index is None else front.candidates[index].digits


class EquationView(QWidget):
    """Pictures, the decision, a bar for each term, and what can be done with the equation.

    Parameters
    ----------
    session
        Whose equation is shown, at its latent position.
    """

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self.map: DecisionWindow | None = None
        self._asked: Asked | None = None
        self._pictures = Background(self)
        self._pictures.done.connect(self._on_outlines)
        self._texts: list[str] = []
        # numbers follow a slider at once; pictures of equations only when it rests, for drawing
        # one takes longer than a frame, even in a thread
        self._soon = Soon(self, self._update_numbers)
        self._later = QTimer(self, singleShot=True, interval=_REST)
        self._later.timeout.connect(self._draw)
        self._shown = Soon(self, self._draw)
        self.equation, self.with_numbers = QLabel(), QLabel()
        self.names = QLabel(wordWrap=True)
        self.result = LiveLabel(1.25)
        self.terms = TermBars()
        self.of_class = ClassBox("terms of", "Of which class's expression the terms are shown.")
        self.copy, self.save = QPushButton("Copy"), QPushButton("Save")
        self.show_map = QPushButton("Decision map")
        self._lay_out()
        self.show_map.clicked.connect(self._open_map)
        self.of_class.picked.connect(lambda *_: self.rebuild())
        follow(self, session.study_changed, self.rebuild)
        follow(self, session.artefacts_changed, self.rebuild)
        follow(self, session.expression_changed, self.rebuild)
        follow(self, session.names_changed, self._show_names)
        follow(self, session.latents_changed, self._on_latents)
        session.viewer.events.theme.connect(self._draw)
        self.rebuild()

    def _lay_out(self) -> None:
        self.with_numbers.setToolTip("The same with the numbers of the position looked at.")
        self.names.setToolTip("Names that people gave to the latents of the equation.")
        self.result.setToolTip("Value of the equation, and the class that it means.")
        self.copy.setToolTip("Copy the equation, or all of them, in another notation.")
        self.save.setToolTip("Save the equation, or all of them, as a file.")
        self.show_map.setToolTip("Draw the score over two latents, in a window of its own.")
        for button, act in ((self.copy, self._copy), (self.save, self._save)):
            menu = QMenu(button)
            for notation in NOTATIONS:
                action = menu.addAction(notation.name)
                action.triggered.connect(lambda *_, act=act, notation=notation: act(notation))
            menu.aboutToShow.connect(lambda menu=menu: self._enable(menu))
            button.setMenu(menu)
            # napari's theme leaves no room for the arrow
            button.setMinimumWidth(button.sizeHint().width())
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, 0, 0)
        for label in (self.equation, self.with_numbers):
            label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
            column.addWidget(label)
        column.addWidget(self.names)
        column.addWidget(self.of_class)
        column.addWidget(self.terms)
        column.addStretch(1)
        self.area = QScrollArea(widgetResizable=True)
        self.area.setFrameShape(QScrollArea.Shape.NoFrame)
        self.area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.area.setMinimumHeight(60)
        self.area.setWidget(inside)
        buttons = QHBoxLayout()
        for button in (self.copy, self.save):
            buttons.addWidget(button)
        buttons.addStretch(1)
        buttons.addWidget(self.show_map)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(self.result)
        whole.addWidget(self.area, 1)
        whole.addLayout(buttons)

    @property
    def busy(self) -> bool:
        """Whether pictures are still to come."""
        return self._soon.due or self._later.isActive() or self._shown.due or self._pictures.busy

    # Following the session

    def rebuild(self, *_: object) -> None:
        """Show the equation that is looked at now."""
        expression, digits = self.session.expression, digits_of(self.session)
        if expression is None:
            self._show_none()
            if self.map is not None:
                self.map.close()
            return
        self._show_classes(expression)
        self._texts = [term.unicode(digits) for term in self._terms_of(expression)]
        self._show_names()
        self._update_numbers()
        self._draw()

    def _show_classes(self, equation: Equation) -> None:
        """Offer the classes whose terms can be looked at, and say what the equation means."""
        self.of_class.set_classes(equation.classes if isinstance(equation, ClassScores) else ())
        meaning = "above 0 it says the second class."
        if isinstance(equation, ClassScores):
            meaning = "the class with the largest score is the most probable one."
        self.equation.setToolTip(f"<qt>The equation looked at: {meaning}</qt>")

    def _terms_of(self, equation: Equation) -> tuple[Expression, ...]:
        if isinstance(equation, ClassScores):
            return equation.expressions[self.of_class.number].terms
        return equation.terms

    def _show_names(self) -> None:
        expression = self.session.expression
        if expression is None:
            return
        titles = [self.session.title_of(name) for name in expression.variables]
        named = [title for title in titles if " " in title]
        self.names.setText(", ".join(named))
        self.names.setVisible(bool(named))
        legend = f" Latents: {', '.join(titles)}." if named else ""
        self.terms.setToolTip(
            f"<qt>What each term adds to the score of this position.{legend}</qt>"
        )

    def _on_latents(self, _: object) -> None:
        self._soon.start()
        self._later.start()

    # Drawing

    def values(self, expression: Equation) -> dict[str, float]:
        """Numbers of an equation's latents at the position looked at."""
        latents = self.session.latents
        return {name: float(latents[int(name[1:])]) for name in expression.variables}

    def _update_numbers(self) -> None:
        expression = self.session.expression
        if expression is None:
            return
        values = self.values(expression)
        said = decision_html(self.session, np.atleast_1d(expression.evaluate(values)))
        self.result.setText(said if isinstance(expression, ClassScores) else f"score = {said}")
        terms = self._terms_of(expression)
        self.terms.set_value(self._texts, [float(term.evaluate(values)) for term in terms])

    def _draw(self, *_: object) -> None:
        """Have the equation, and the one with numbers, drawn; unless they are there already."""
        expression = self.session.expression
        if not self.isVisible() or expression is None:
            return
        asked = Asked(
            expression,
            digits_of(self.session),
            {name: round(v, _DECIMALS) for name, v in self.values(expression).items()},
            self.area.viewport().width(),
            theme_of(self.session.viewer),
            self.devicePixelRatioF(),
        )
        if self._asked is None or asked[:2] != self._asked[:2]:
            self._show_none()  # those that are there are of another equation
        if asked != self._asked:
            self._asked = asked
            self._pictures.start(_outlines, asked)

    def _on_outlines(self, outlines: "tuple[Outline, Outline]") -> None:
        assert self._asked is not None
        for label, outline in zip((self.equation, self.with_numbers), outlines, strict=True):
            pixmap = equation_pixmap(outline, self, self._asked.theme)
            label.setPixmap(pixmap)
            label.setFixedHeight(round(pixmap.height() / pixmap.devicePixelRatio()))
        self._later.start()  # a scroll bar that they need now leaves them less room

    def _show_none(self) -> None:
        self._pictures.cancel()
        self._asked = None
        for label in (self.equation, self.with_numbers):
            label.clear()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: D102
        super().resizeEvent(event)
        self._later.start()

    def showEvent(self, event: object) -> None:  # noqa: D102
        super().showEvent(event)
        self._shown.start()

    # Using it

    def _enable(self, menu: QMenu) -> None:
        """There may be an equation by hand before there is a front."""
        for action, notation in zip(menu.actions(), NOTATIONS, strict=True):
            action.setEnabled(self.session.front is not None or notation.write not in OF_ALL)

    def _copy(self, notation: Notation) -> None:
        QGuiApplication.clipboard().setText(notation.write(self.session))

    def _save(self, notation: Notation) -> None:
        name = OF_ALL.get(notation.write, "equation")
        path, _ = QFileDialog.getSaveFileName(
            self, notation.name, f"{name}{notation.suffix}", f"*{notation.suffix}"
        )
        if path:
            self.save_as(notation, Path(path))

    def save_as(self, notation: Notation, path: Path) -> None:
        """Write a file; say so if that fails."""
        try:
            path.write_text(notation.write(self.session), encoding="utf-8")
        except OSError as error:
            show_warning(f"{path} could not be written: {error.strerror or error}.")

    def _open_map(self) -> None:
        if self.map is None:
            from napari_parsimony.gui.decision_window import DecisionWindow

            self.map = DecisionWindow(self.session, self)
        self.map.show()
        self.map.raise_()


def _outlines(asked: Asked) -> "tuple[Outline, Outline]":
    """Lay out both pictures; in a thread."""
    from napari_parsimony.figures.equation import stacked

    equation, digits, width = asked.expression, asked.digits, asked.width
    lines, size = [(r"\mathrm{score}", equation)], 15.0
    if isinstance(equation, ClassScores):
        lines, size = [(named(name, mathtext=True), each) for name, each in equation.lines], 12.0
    numbers = [(left if len(lines) > 1 else "", each) for left, each in lines]
    return (
        stacked([equation_outline(e.latex(digits), left, width, size) for left, e in lines]),
        stacked(
            [equation_outline(e.latex(digits, asked.numbers), t, width, 11) for t, e in numbers]
        ),
    )
