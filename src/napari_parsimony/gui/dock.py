"""What all docks do alike: follow the session, and say what is missing."""

from collections.abc import Callable
from html import escape
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from psygnal import SignalInstance
from qtpy.QtCore import QEvent, QObject, QSize, Qt, Signal
from qtpy.QtGui import QFont, QPainter, QPaintEvent, QPalette, QStaticText, QTextDocument
from qtpy.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from napari_parsimony.classify.scores import probabilities
from napari_parsimony.figures.palette import ACCENT, LIGHT, NEGATIVE, POSITIVE, Theme
from napari_parsimony.figures.text import shortened
from napari_parsimony.gui.docks import InTabs
from napari_parsimony.gui.latex import theme_of
from napari_parsimony.gui.scoring import UNDECIDED
from napari_parsimony.gui.session import Session
from napari_parsimony.report import STEPS

NARROWEST = 340  # pixels that a dock needs to cut nothing off
LETTERS = 12  # of a class, where two of them and numbers share a line

#: napari's themes do not show which control has the keys.
FOCUS = f"""
QPushButton:focus, QToolButton:focus, QComboBox:focus, QAbstractSpinBox:focus, QLineEdit:focus,
QPlainTextEdit:focus, QAbstractItemView:focus, QCheckBox::indicator:focus,
QRadioButton::indicator:focus, QSlider::handle:focus, QTabBar::tab:focus
{{ border: 2px solid {ACCENT}; }}
QPushButton[folds="true"] {{ text-align: left; }}
QScrollArea:focus {{ border: 1px solid {ACCENT}; }}
"""


def fill_dock(widget: QWidget) -> None:
    """Give a dock its place among the others, width and height, and a visible focus.

    napari puts a stretch below a widget that does not ask for height.
    """
    InTabs(widget)
    widget.setStyleSheet(FOCUS)
    widget.setMinimumWidth(NARROWEST)
    widget.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)


def follow(widget: QWidget, signal: SignalInstance, react: Callable[..., Any]) -> None:
    """Call a widget's method at a signal as long as the widget is there, in its turn.

    A signal that comes after Qt has deleted the widget would end in an error.

    Parameters
    ----------
    widget
        Whose method it is.
    signal
        Of a `Session`, or of something that has one as ``session``.
    react
        The method.
    """
    owner = signal.instance
    session = owner if isinstance(owner, Session) else owner.session
    when_destroyed(widget, session.turns.connect(signal, react))


_waiting: set[Callable[..., None]] = set()


def when_destroyed(thing: QObject, call: Callable[[], object]) -> None:
    """Call a function, once, when Qt has deleted an object; it should hold the object weakly.

    The function is kept outside of the object. Python's garbage collector may take both at once,
    and clears the function first: Qt would then call what is no function any more, and crash.
    """

    def once(*_: object) -> None:
        _waiting.discard(once)
        call()

    _waiting.add(once)
    thing.destroyed.connect(once)


def delete_later(widget: QWidget, *parts: object) -> None:
    """Hide a widget and have Qt delete it; until then Python remembers it, and its parts, too.

    What Python's garbage collector takes, PySide deletes piece by piece: Qt would meet a spin box
    without its line, and crash.
    """
    held = [widget, *parts]
    when_destroyed(widget, held.clear)
    widget.hide()
    widget.deleteLater()


def wheel_needs_focus(*widgets: QWidget) -> None:
    """Leave the wheel to what scrolls around the widgets, until one was clicked.

    Scrolling would else change every value that passes below the mouse.
    """
    for widget in widgets:
        # by default, the wheel itself gives focus
        widget.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        widget.installEventFilter(_NoWheel(widget))


class _NoWheel(QObject):
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() != QEvent.Type.Wheel or watched.hasFocus():
            return False
        # Qt offers an ignored wheel to the parent
        event.ignore()
        return True


class Soon(QObject):
    """Calls a method once, however often it was asked for, before Qt paints next.

    A timer comes after the paint that a slider asks for as it moves: the window, and the canvas in
    it, would be composed twice for every move.

    Parameters
    ----------
    parent
        Lives as long as this object.
    call
        What to call.
    """

    _asked = Signal()

    def __init__(self, parent: QObject, call: Callable[[], None]) -> None:
        super().__init__(parent)
        self.due = False
        self._call = call
        self._asked.connect(self._now, Qt.ConnectionType.QueuedConnection)

    def start(self) -> None:
        """Ask for the call."""
        if not self.due:
            self.due = True
            self._asked.emit()

    def _now(self) -> None:
        self.due = False
        self._call()


WARNING_INKS = {"light": "#c01818", "dark": "#ff6b6b"}


def warning_ink(widget: QWidget) -> str:
    """Red in which what failed or lacks can be read on the ground of a widget."""
    bright = widget.palette().color(QPalette.ColorRole.WindowText).lightness() > 128
    return WARNING_INKS["dark" if bright else "light"]


def say(label: QLabel, text: str, failed: bool = False) -> None:
    """Show a sentence, in red if something failed; an empty one hides the label."""
    label.setText(text)
    label.setStyleSheet("")
    if failed:
        label.setStyleSheet(f"color: {warning_ink(label)}")
    label.setVisible(bool(text))


def folder_gone(session: Session) -> str | None:
    """One sentence on the open study's folder if it cannot be found any more; else None."""
    study = session.study
    if study is None or study.path.is_dir():
        return None
    return (
        f"The folder {study.path} cannot be found: was it moved, renamed or deleted, or is its "
        "disk away? Once it is back, all that it holds is shown again."
    )


def missing(session: Session, step: str, where: str = "the dock 'Study'") -> str | None:
    """One sentence on what has to be done, and where, for a step's result; None if it is there."""
    if session.study is None:
        return "No study is open: open one, or make a new one, in the dock 'Study'."
    if session.has(step):
        return None
    gone = folder_gone(session)
    if gone is not None:
        return gone
    title = STEPS[step].title
    stale = session.study.state(step) == "stale"
    what = f"'{title}' is out of date" if stale else f"the step '{title}' was not run yet"
    return f"In the study '{session.study.name}', {what}: run it in {where}."


def message_label() -> QLabel:
    """Label for a sentence that stands where there is nothing to show."""
    label = QLabel()
    label.setWordWrap(True)
    label.setMargin(8)
    return label


def text_label() -> QLabel:
    """Label for sentences that people may want to copy."""
    label = QLabel(wordWrap=True)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label


def push_button(text: str, tooltip: str, clicked: Callable[[], object]) -> QPushButton:
    """Button that calls a function; its tooltip is rich text, so that long ones are wrapped."""
    button = QPushButton(text)
    button.setToolTip(f"<qt>{tooltip}</qt>")
    button.clicked.connect(lambda *_: clicked())
    return button


class Folded(QWidget):
    """What most people never need: folded away below a button, and then out of the keys' way.

    Parameters
    ----------
    title, tooltip
        Of the button.
    content
        What is folded.
    """

    def __init__(self, title: str, tooltip: str, content: QWidget) -> None:
        super().__init__()
        self.title, self.content = title, content
        self.button = push_button("", tooltip, self._show)
        self.button.setCheckable(True)
        self.button.setProperty("folds", True)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.button)
        column.addWidget(content)
        self._show()

    def _show(self) -> None:
        unfolded = self.button.isChecked()
        self.content.setVisible(unfolded)
        self.button.setText(f"{'▾' if unfolded else '▸'} {self.title}")


def alike(tabs: QTabWidget) -> QTabWidget:
    """Let tabs look as in all docks: as wide as the dock, without a frame around the page."""
    tabs.setDocumentMode(True)
    tabs.setUsesScrollButtons(False)
    tabs.tabBar().setExpanding(True)
    tabs.tabBar().setDrawBase(False)
    return tabs


def in_order(*widgets: QWidget) -> None:
    """Let the Tab key go from each to the next, as they lie, whenever they were made."""
    with_keys = [
        widget
        for widget in widgets
        if widget.focusPolicy() != Qt.FocusPolicy.NoFocus and widget.focusProxy() is None
    ]
    for before, after in pairwise(with_keys):
        if before.window() is after.window():
            QWidget.setTabOrder(before, after)


def in_row(*widgets: QWidget) -> QHBoxLayout:
    """Lay widgets out beside each other."""
    row = QHBoxLayout()
    for widget in widgets:
        row.addWidget(widget)
    return row


class LiveLabel(QWidget):
    """One line of rich text that may change with every frame.

    A `QLabel` makes its window lay itself out at every text, which takes longer than a frame.
    """

    def __init__(self, scale: float = 1.0) -> None:
        super().__init__()
        self._text, self._scale = "", scale
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def text(self) -> str:
        """Rich text."""
        return self._text

    def setText(self, text: str) -> None:
        """Show another text."""
        if text != self._text:
            self._text = text
            self.update()

    def sizeHint(self) -> QSize:  # noqa: D102
        return QSize(120, round(self.fontMetrics().height() * self._scale) + 4)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: D102
        painter, font = QPainter(self), self.font()
        font.setPointSizeF(font.pointSizeF() * self._scale)
        painter.setFont(font)
        painter.setPen(self.palette().windowText().color())
        shrunk = min((self.width() - 2) / max(self._wide(font), 1.0), 1.0)  # rather than cut off
        painter.scale(shrunk, shrunk)
        text = QStaticText(self._text)
        text.setTextWidth(10_000)  # one line, whatever its ideal width is rounded to
        painter.drawStaticText(0, 2, text)
        painter.end()

    def _wide(self, font: QFont) -> float:
        document = QTextDocument(documentMargin=0)
        document.setDefaultFont(font)
        document.setHtml(self._text)
        return float(document.idealWidth())


def decision_html(session: Session, scores: NDArray[np.float64] | None) -> str:
    """Write what scores (outputs,) mean in rich text, coloured as the class.

    Of two classes their score, and the class; of more the two most probable.
    """
    if scores is None:
        return "–"
    name = session.class_of(scores)
    if len(scores) > 1:
        if name == UNDECIDED:
            return name
        likely = probabilities(scores)
        first, second = np.argsort(-likely, kind="stable")[:2]
        rest = f"{escape(shortened(session.classes[second], LETTERS))} {likely[second]:.0%}"
        return f"{_coloured(session, name)} {likely[first]:.0%} · {rest}"
    text = f"{scores[0]:+.2f}".replace("-", "−")
    return f"{text} → {name if name == UNDECIDED else _coloured(session, name)}"


_INK_ON_LIGHT = {
    "#009e73": "#00714f",
    "#cc79a7": "#99407a",
    "#e69f00": "#8f6300",
    "#56b4e9": "#1f6f9f",
    "#f0e442": "#7a7100",
}


def _coloured(session: Session, name: str) -> str:
    colour = session.class_colours[session.classes.index(name)]
    colour = ink(colour, theme_of(session.viewer))
    return f"<span style='color:{colour}'><b>{escape(shortened(name, LETTERS))}</b></span>"


def ink(colour: str, theme: Theme) -> str:
    """Colour of a class as it is written: of the same hue, and light enough on dark grounds."""
    if theme is not LIGHT:
        return {NEGATIVE: "#4aa8e0", POSITIVE: "#f07f2e"}.get(colour, colour)
    return _INK_ON_LIGHT.get(colour, colour)
