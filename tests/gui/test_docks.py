"""Docks open one another, as tabs."""

import pytest
from qtpy.QtCore import QEvent, Qt
from qtpy.QtWidgets import QApplication, QDockWidget

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


def test_docks_of_the_menu_are_tabs_of_each_other(qtbot, study_dock):
    """Below each other, two would share the height of one, and grow the window off the screen."""
    window = study_dock.session.viewer.window
    study = study_dock.parentWidget()
    qtbot.waitUntil(study.isVisible)
    annotate, _ = window.add_plugin_dock_widget("napari-parsimony", "Annotate")
    qtbot.waitUntil(lambda: window._qt_window.tabifiedDockWidgets(study) == [annotate])
    assert [study.windowTitle(), annotate.windowTitle()] == ["Study", "Annotate"]
    qtbot.waitUntil(lambda: not annotate.visibleRegion().isEmpty())  # in front
    study.setFloating(True)
    annotate.setFloating(True)
    cells, _ = window.add_plugin_dock_widget("napari-parsimony", "Cells")
    qtbot.waitUntil(cells.isVisible)
    assert study not in window._qt_window.tabifiedDockWidgets(cells), "a window of its own stays"


def test_a_dock_that_is_closed_at_once_is_not_brought_up(qtbot, study_dock):
    """It is brought to the front only once napari has shown it."""
    qtbot.waitUntil(study_dock.isVisible)
    window = study_dock.session.viewer.window
    annotate, _ = window.add_plugin_dock_widget("napari-parsimony", "Annotate")
    annotate.destroyOnClose()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    with qtbot.captureExceptions() as errors:
        qtbot.wait(0)
    assert not errors
    assert len(window.dock_widgets) == 1
