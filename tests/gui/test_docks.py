"""Docks open one another, as tabs."""

import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QDockWidget

from napari_parsimony.gui import docks
from napari_parsimony.gui.session import Session

pytestmark = pytest.mark.gui


@pytest.fixture
def study_dock(make_napari_viewer):
    viewer = make_napari_viewer(show=True)
    _, widget = viewer.window.add_plugin_dock_widget("napari-parsimony", "Study")
    return widget


@pytest.mark.parametrize("name", [name for name in docks.ALL if name != "Study"])
def test_every_dock_opens_beside_the_study(study_dock, field_study, name):
    """Before there is a study, with one, and after it is closed."""
    viewer = study_dock.session.viewer
    widget = study_dock.open_dock(name)
    assert Session.of(viewer).study is None
    study_dock.open_study(field_study)
    assert study_dock.open_dock(name) is widget, "it is there already"
    dock = widget
    while not isinstance(dock, QDockWidget):
        dock = dock.parentWidget()
    beside = viewer.window._qt_window.tabifiedDockWidgets(dock)
    assert [other.windowTitle() for other in beside if "Study" in other.windowTitle()]
    assert dock.windowTitle() == name
    Session.of(viewer).close()


def test_a_step_opens_its_dock(qtbot, study_dock, field_study):
    study_dock.open_study(field_study)
    item = study_dock.steps.item(3)
    place = study_dock.steps.visualItemRect(item).center()
    qtbot.mouseClick(study_dock.steps.viewport(), Qt.MouseButton.LeftButton, pos=place)
    qtbot.mouseDClick(study_dock.steps.viewport(), Qt.MouseButton.LeftButton, pos=place)
    names = set(study_dock.session.viewer.window.dock_widgets)
    assert any("Equations" in name for name in names)
