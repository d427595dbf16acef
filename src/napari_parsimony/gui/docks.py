"""Opening the plugin's docks from one another, each as a tab beside those that are open."""

from collections.abc import Callable
from typing import Any

from qtpy.QtCore import QEvent, QObject, Qt, QTimer
from qtpy.QtWidgets import QDockWidget, QTabBar, QWidget

from napari_parsimony.gui.trust_words import CHECKS

PLUGIN = "napari-parsimony"

#: Where to work on the result of a step, by the step.
OF_STEP = {
    "cells": "Cells",
    "vae": "VAE",
    "classify": "Sparse classifier",
    "equations": "Equations",
    **dict.fromkeys(CHECKS, "Trust"),
}

#: Where the work goes on once a step is done.
AFTER_STEP = {
    "cells": "Annotate",
    "vae": "Sparse classifier",
    "classify": "Equations",
    "equations": "Study",
    "evaluate": "Trust",
    **dict.fromkeys(CHECKS, "Study"),
}

#: All docks in the order of the work, each with what it is for.
ALL = {
    "Study": "Open and begin studies, run any step.",
    "Cells": "Cut cells out of layers; find nuclei where there are no labels.",
    "Annotate": "Give cells their classes with a click and a key.",
    "Gallery": "Crops side by side, sorted by score, uncertainty or a latent.",
    "VAE": "Learn the latents, and see how well that went.",
    "Latent explorer": "Drag a latent and watch a cell change.",
    "Scatter plot": "All cells by two latents; select with a lasso.",
    "Sparse classifier": "The network, what it kept, and how often it is right.",
    "Equations": "Look for equations, read them, change them.",
    "Trust": "Whether the law can be believed, and the cells that speak against it.",
    "Overlay": "What colours and texts on the cells mean.",
}


def after_all(thing: QObject, call: Callable[[], object]) -> None:
    """Call a function once all that Qt has to do is done, if an object is still there.

    A `QTimer.singleShot` of PySide also calls methods of what Qt has deleted, and keeps their
    error until something else meets it, in which the process may crash.
    """
    timer = QTimer(thing, singleShot=True)
    timer.timeout.connect(call)
    timer.timeout.connect(timer.deleteLater)
    timer.start(0)


def open_dock(viewer: Any, name: str, beside: QWidget | None = None) -> QWidget:
    """Show a dock of the plugin, or bring it to the front.

    Parameters
    ----------
    viewer
        In whose window.
    name
        One of `ALL`.
    beside
        A widget in a dock that becomes its neighbour as a tab.
    """
    window = viewer.window
    before = beside if beside is None else _dock_of(beside)
    dock, widget = window.add_plugin_dock_widget(PLUGIN, name)
    if before is not None and dock is not before and not dock.isFloating():
        window._qt_window.tabifyDockWidget(before, dock)
    _bring_up(dock)
    found: QWidget = widget
    return found


def open_apart(viewer: Any, name: str, widget: QWidget) -> QWidget:
    """Show a dock so that it hides nothing of another one that people go on working with.

    As a tab of that one it moves below the canvas, and napari remembers that.

    Parameters
    ----------
    viewer
        In whose window.
    name
        One of `ALL`.
    widget
        The one that stays in sight.
    """
    window, areas = viewer.window._qt_window, Qt.DockWidgetArea
    # else it takes of the height of all that is left and right, and a low window grows
    window.setCorner(Qt.Corner.BottomLeftCorner, areas.LeftDockWidgetArea)
    window.setCorner(Qt.Corner.BottomRightCorner, areas.RightDockWidgetArea)
    new = not any(known.startswith(name) for known in viewer.window.dock_widgets)
    found = open_dock(viewer, name)
    mine, dock = _dock_of(widget), _dock_of(found)
    if mine is not None and dock in window.tabifiedDockWidgets(mine):
        window.addDockWidget(areas.BottomDockWidgetArea, dock)
        _bring_up(mine)
        new = True
    if new and window.dockWidgetArea(dock) == areas.BottomDockWidgetArea:
        window.resizeDocks([dock], [window.height() // 3], Qt.Orientation.Vertical)
    return found


class InTabs(QObject):
    """Puts the dock of a widget among the plugin's other docks, as a tab, once it gets its place.

    napari's menu puts each below the others: two share the height of one, and the window grows
    beyond a low screen.

    Parameters
    ----------
    widget
        One that will be in a dock.
    """

    def __init__(self, widget: QWidget) -> None:
        super().__init__(widget)
        self._widget = widget
        widget.installEventFilter(self)

    @property
    def dock(self) -> QDockWidget | None:
        """The dock that the widget is in now."""
        return _dock_of(self._widget)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: D102
        if event.type() == QEvent.Type.ParentChange and self.dock is not None:
            watched.removeEventFilter(self)
            self.dock.dockLocationChanged.connect(self._placed)
        return False

    def _placed(self) -> None:
        dock = self.dock
        assert dock is not None
        dock.dockLocationChanged.disconnect(self._placed)  # from now on, people choose its place
        # the plugin's name would cut tabs off
        dock.setWindowTitle(dock.windowTitle().removesuffix(f" ({PLUGIN})"))
        window: Any = dock.parentWidget()
        for other in window.findChildren(InTabs):
            before = other.dock
            if (
                other is not self
                and before is not None
                and not before.isHidden()
                and not before.isFloating()
                and window.dockWidgetArea(before) == window.dockWidgetArea(dock)
            ):
                window.tabifyDockWidget(before, dock)
                after_all(self, self._raise)  # once napari has shown it
                return

    def _raise(self) -> None:
        dock = self.dock
        if dock is not None:  # it may have been closed at once
            _bring_up(dock)


def _bring_up(dock: QDockWidget) -> None:
    dock.show()
    dock.raise_()
    # whole names: nobody could tell "S…" from "S…"; arrows lead to those that do not fit
    for bar in dock.parentWidget().findChildren(
        QTabBar, options=Qt.FindChildOption.FindDirectChildrenOnly
    ):
        bar.setElideMode(Qt.TextElideMode.ElideNone)
        bar.setUsesScrollButtons(True)


def is_in(widget: QWidget, name: str) -> bool:
    """Tell whether a widget is in the dock of this name."""
    dock = _dock_of(widget)
    return dock is not None and str(dock.windowTitle()).startswith(name)


def _dock_of(widget: QWidget) -> QDockWidget | None:
    found: QWidget | None = widget
    while found is not None and not isinstance(found, QDockWidget):
        found = found.parentWidget()
    return found
