"""Opening the plugin's docks from one another, each as a tab beside those that are open."""

from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QDockWidget, QTabBar, QWidget

PLUGIN = "napari-parsimony"

#: Where to work on the result of a step, by the step.
OF_STEP = {
    "cells": "Cells",
    "vae": "VAE",
    "classify": "Sparse classifier",
    "equations": "Equations",
}

#: Where the work goes on once a step is done.
AFTER_STEP = {
    "cells": "Annotate",
    "vae": "Sparse classifier",
    "classify": "Equations",
    "equations": "Study",
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
    "Overlay": "What colours and texts on the cells mean.",
}


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
    dock.setWindowTitle(name)  # without the plugin's name, which cuts tabs off
    if before is not None and dock is not before and not dock.isFloating():
        window._qt_window.tabifyDockWidget(before, dock)
    dock.show()
    dock.raise_()
    # whole names: nobody could tell "S…" from "S…"; arrows lead to those that do not fit
    for bar in window._qt_window.findChildren(
        QTabBar, options=Qt.FindChildOption.FindDirectChildrenOnly
    ):
        bar.setElideMode(Qt.TextElideMode.ElideNone)
        bar.setUsesScrollButtons(True)
    found: QWidget = widget
    return found


def is_in(widget: QWidget, name: str) -> bool:
    """Tell whether a widget is in the dock of this name."""
    dock = _dock_of(widget)
    return dock is not None and str(dock.windowTitle()).startswith(name)


def _dock_of(widget: QWidget) -> QDockWidget | None:
    found: QWidget | None = widget
    while found is not None and not isinstance(found, QDockWidget):
        found = found.parentWidget()
    return found
