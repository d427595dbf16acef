"""Every control of every dock explains itself, is reached by keys, and shows that it has them."""

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QHeaderView,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QRadioButton,
    QScrollArea,
    QScrollBar,
    QTabBar,
    QTabWidget,
    QWidget,
)
from seen import pixels

from napari_parsimony.gui.docks import ALL, open_dock
from napari_parsimony.gui.network_view import NetworkView
from napari_parsimony.gui.sample import copy_of_demo
from napari_parsimony.gui.session import Session

pytestmark = pytest.mark.gui

CONTROLS = (
    QAbstractButton, QAbstractItemView, QAbstractSlider, QAbstractSpinBox, QComboBox, QLineEdit,
    QPlainTextEdit, QTabBar,
)  # fmt: skip
CHANGED = 40  # of 256: a pixel that looks different


def is_part(widget):
    """Whether it is a piece of another control, or only holds or scrolls others."""
    around = widget.parentWidget()
    inside = isinstance(around, QComboBox | QAbstractSpinBox | QHeaderView)
    corner = isinstance(around, QAbstractItemView) and isinstance(widget, QAbstractButton)
    holds = isinstance(widget, QScrollBar | QHeaderView | QScrollArea | QTabWidget | QLabel)
    # Tab goes to the chosen one of a group, arrows to the others
    other = isinstance(widget, QRadioButton) and not widget.isChecked()
    popup = around is not None and around.window() is around and isinstance(around, QComboBox)
    # buttons in the cells of a table are children of its viewport, not of the table
    # and the piece of a view that is drawn on takes keys for the view
    return holds or inside or corner or popup or other or widget.focusProxy() is not None


def controls(dock):
    """Controls that can be used now: those of Qt, and all else that takes the keys."""
    found = [
        widget
        for widget in dock.findChildren(QWidget)
        if isinstance(widget, CONTROLS) or widget.focusPolicy() & Qt.FocusPolicy.TabFocus
    ]
    return [w for w in found if w.isVisibleTo(dock) and w.isEnabled() and not is_part(w)]


def explained(widget, dock):
    """Whether hovering shows a text: Qt asks those around a widget that has none."""
    if isinstance(widget, QTabBar):
        return all(widget.tabToolTip(index) for index in range(widget.count()))
    while widget is not dock:
        if widget.toolTip():
            return True
        widget = widget.parentWidget()
    return False


def shows_focus(widget, dock):
    """Whether one sees on a widget that it has the keys."""
    dock.setFocus()
    if (before := QApplication.focusWidget()) is not None:
        before.clearFocus()
    without = pixels(widget)
    widget.setFocus(Qt.FocusReason.TabFocusReason)
    if not widget.hasFocus():
        return False
    return (np.abs(pixels(widget) - without) >= CHANGED).sum() >= 20


def test_every_control_of_every_dock(make_napari_viewer, qtbot):
    viewer = make_napari_viewer(show=True)
    window, session = viewer.window._qt_window, Session.of(viewer)
    window.resize(1366, 768)
    study = open_dock(viewer, "Study")
    session.open_study(copy_of_demo())
    session.select_cell(session.key_of(0))
    window.activateWindow()
    qtbot.waitUntil(lambda: QApplication.activeWindow() is window)
    wrong, seen = [], 0
    for name in ALL:
        dock = open_dock(viewer, name, study)
        qtbot.wait(100)  # until Qt has laid it out, and threads brought what they read
        for button in dock.findChildren(QAbstractButton):
            if button.property("folds") or button.text() in ("Morph", "Bookmarks"):
                button.click()
        tabs = dock.findChild(QTabBar)
        for tab in range(tabs.count() if tabs else 1):
            if tabs:
                tabs.setCurrentIndex(tab)
            qtbot.wait(100)
            view = dock.findChild(NetworkView)
            if view is not None and tab == 1:  # a thread reads it
                qtbot.waitUntil(view.isVisible, timeout=60_000)
            for widget in controls(dock):
                seen += 1
                title = widget.text() if isinstance(widget, QAbstractButton) else ""
                said = f"{name}, tab {tab}: {type(widget).__name__} {title!r} in {widget.parent()}"
                if not explained(widget, dock):
                    wrong.append(f"no tooltip: {said}")
                if not widget.focusPolicy() & Qt.FocusPolicy.TabFocus:
                    wrong.append(f"not reached by Tab: {said}")
                elif not shows_focus(widget, dock) and widget.isEnabled():
                    # it can be that looking at others took from it what it acts on
                    wrong.append(f"focus is not seen: {said}")
    assert not wrong, "\n".join(wrong)
    assert seen > 150, "all docks were looked at"
    session.close()
