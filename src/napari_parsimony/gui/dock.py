"""What all docks do alike: follow the session, and say what is missing."""

from collections.abc import Callable
from typing import Any
from weakref import WeakMethod

from psygnal import SignalInstance
from qtpy.QtWidgets import QLabel, QWidget

from napari_parsimony.figures.style import LIGHT, NEGATIVE, POSITIVE, Theme
from napari_parsimony.gui.latex import theme_of
from napari_parsimony.gui.session import Session
from napari_parsimony.report import STEPS


def follow(widget: QWidget, signal: SignalInstance, react: Callable[..., Any]) -> None:
    """Call a widget's method at a signal as long as the widget is there.

    A signal that comes after Qt has deleted the widget would end in an error.
    """
    method = WeakMethod(react)
    signal.connect(react)

    def forget() -> None:
        alive = method()
        if alive is not None:
            signal.disconnect(alive, missing_ok=True)

    widget.destroyed.connect(forget)


def missing(session: Session, step: str) -> str | None:
    """One sentence on what has to be done before a step's result can be shown; None if it is."""
    if session.study is None:
        return "No study is open: open one, or make a new one, in the dock 'Study'."
    if session.has(step):
        return None
    title = STEPS[step].title
    stale = session.study.state(step) == "stale"
    what = f"'{title}' is out of date" if stale else f"the step '{title}' was not run yet"
    return f"In the study '{session.study.name}', {what}: run it in the dock 'Study'."


def message_label() -> QLabel:
    """Label for a sentence that stands where there is nothing to show."""
    label = QLabel()
    label.setWordWrap(True)
    label.setMargin(8)
    return label


def decision_html(session: Session, score: float | None) -> str:
    """Score and class in rich text, coloured as the class."""
    if score is None:
        return "–"
    name = session.class_of(score)
    text = f"{score:+.2f}".replace("-", "−")
    if not score > 0 and not score < 0:
        return f"{text} → {name}"
    colour = ink(POSITIVE if score > 0 else NEGATIVE, theme_of(session.viewer))
    return f"{text} → <span style='color:{colour}'><b>{name}</b></span>"


def ink(colour: str, theme: Theme) -> str:
    """Colour of a class as it is written: of the same hue, and light enough on dark grounds."""
    return colour if theme is LIGHT else {NEGATIVE: "#4aa8e0", POSITIVE: "#f07f2e"}[colour]
