"""Closing napari while a step runs, as a window manager does it."""

import ctypes
import ctypes.util
import shutil
import sys

import napari
import pytest
from napari._qt import qt_main_window
from napari._qt.dialogs.confirm_close_dialog import ConfirmCloseDialog
from napari._qt.qt_viewer import QtViewer
from napari.settings import get_settings
from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import QApplication, QDialog, QMessageBox

from napari_parsimony.jobs.job import JobState

pytestmark = [
    pytest.mark.gui,
    pytest.mark.skipif(sys.platform != "linux", reason="speaks to the X server"),
]


class _ClientMessage(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("serial", ctypes.c_ulong),
        ("send_event", ctypes.c_int),
        ("display", ctypes.c_void_p),
        ("window", ctypes.c_ulong),
        ("message_type", ctypes.c_ulong),
        ("format", ctypes.c_int),
        ("data", ctypes.c_long * 5),
        ("rest", ctypes.c_long * 24),
    )


def press_close_button(window):
    """Send the message that a window manager sends when its close button is pressed."""
    x11 = ctypes.CDLL(ctypes.util.find_library("X11") or "libX11.so.6")
    x11.XOpenDisplay.restype = ctypes.c_void_p
    x11.XInternAtom.restype = ctypes.c_ulong
    display = ctypes.c_void_p(x11.XOpenDisplay(None))
    number = ctypes.c_ulong(int(window.winId()))
    atoms = [x11.XInternAtom(display, name, 0) for name in (b"WM_PROTOCOLS", b"WM_DELETE_WINDOW")]
    message = _ClientMessage(type=33, window=number, message_type=atoms[0], format=32)
    message.data[0] = atoms[1]
    x11.XSendEvent(display, number, 0, ctypes.c_long(0), ctypes.byref(message))
    x11.XSync(display, 0)
    x11.XCloseDisplay(display)


def answer(qtbot, text, seen):
    """Press a button of each question as soon as it is asked, until one is ours."""

    def look():
        boxes = [w for w in QApplication.topLevelWidgets() if isinstance(w, QDialog)]
        shown = [box for box in boxes if box.isVisible()]
        ours = [box for box in shown if isinstance(box, QMessageBox)]
        if not ours:
            for box in shown:
                seen.append(box.windowTitle())
                box.accept()
            QTimer.singleShot(20, look)
            return
        seen.append(ours[0].text())
        next(button for button in ours[0].buttons() if button.text() == text).click()

    QTimer.singleShot(20, look)


def choose(qtbot, viewer, name):
    """Choose an entry of the menu File with the mouse."""
    bar, menu = viewer.window.main_menu, viewer.window.file_menu
    window, left = viewer.window._qt_window, Qt.MouseButton.LeftButton
    window.activateWindow()
    qtbot.waitUntil(lambda: QApplication.activeWindow() is window)
    qtbot.mouseClick(bar, left, pos=bar.actionGeometry(menu.menuAction()).center())
    qtbot.waitUntil(menu.isVisible)
    qtbot.wait(300)  # Qt leaves a click that comes at once to the menu bar
    entry = next(action for action in menu.actions() if action.text().replace("&", "") == name)
    qtbot.mouseClick(menu, left, pos=menu.actionGeometry(entry).center())


def gone(window):
    """Whether Qt has deleted the window."""
    try:
        window.isVisible()
    except RuntimeError:
        return True
    return False


@pytest.fixture
def viewer(qtbot, monkeypatch):
    """Make a viewer that a test closes; napari itself asks nothing."""
    monkeypatch.setattr(get_settings().application, "confirm_close_window", False)
    viewer = napari.Viewer()
    window = viewer.window._qt_window
    qtbot.waitExposed(window)
    yield viewer
    if not gone(window):
        viewer.close()
    # napari's own fixture counts those that other tests left; these windows are closed
    QtViewer._instances.clear()


@pytest.fixture
def training(viewer, no_step_left, crops_study, tmp_path):
    _, dock = viewer.window.add_plugin_dock_widget("napari-parsimony", "Study")
    dock.open_study(shutil.copytree(crops_study, tmp_path / "study"))
    dock.choose_step("vae")
    dock.panel.form.fields["steps"].set(100_000)
    assert dock.panel.run_step()
    return viewer, dock


def test_it_asks_and_stays_open(training, qtbot):
    viewer, dock = training
    seen = []
    answer(qtbot, "Keep napari open", seen)
    press_close_button(viewer.window._qt_window)
    qtbot.waitUntil(lambda: bool(seen), timeout=20_000)
    assert seen == ["The step 'Latents' is still running."]
    assert viewer.window._qt_window.isVisible()
    assert dock.session.job.state is JobState.RUNNING
    with qtbot.waitSignal(dock.panel.runner.ended, timeout=30_000):
        dock.panel.runner.cancel()
    viewer.close()


def test_it_ends_the_step_and_closes(training, qtbot, monkeypatch):
    """And napari does not ask the same again, though it would ask without a step."""
    monkeypatch.setattr(get_settings().application, "confirm_close_window", True)
    viewer, dock = training
    assert viewer.layers
    job, window, seen = dock.session.job, viewer.window._qt_window, []
    answer(qtbot, "Stop it and close", seen)
    press_close_button(window)
    qtbot.waitUntil(lambda: bool(seen), timeout=20_000)
    qtbot.waitUntil(lambda: gone(window), timeout=20_000)
    assert job.wait(timeout=30) is JobState.IDLE


@pytest.mark.parametrize("entry", ["Close Window", "Exit"])
def test_the_menu_asks_once(training, qtbot, monkeypatch, entry):
    monkeypatch.setattr(get_settings().application, "confirm_close_window", True)
    quits = []
    monkeypatch.setattr(qt_main_window, "quit_app_", lambda: quits.append(True))
    viewer, dock = training
    assert viewer.layers
    job, window, seen = dock.session.job, viewer.window._qt_window, []
    answer(qtbot, "Keep napari open", seen)
    choose(qtbot, viewer, entry)
    qtbot.waitUntil(lambda: bool(seen), timeout=20_000)
    assert seen == ["The step 'Latents' is still running."]
    assert window.isVisible()
    assert job.state is JobState.RUNNING
    answer(qtbot, "Stop it and close", seen)
    choose(qtbot, viewer, entry)
    qtbot.waitUntil(lambda: gone(window) or not window.isVisible(), timeout=20_000)
    assert len(seen) == 2
    assert job.wait(timeout=30) is JobState.IDLE
    assert bool(quits) == (entry == "Exit")


def test_napari_asks_without_a_step(viewer, qtbot, monkeypatch, crops_study):
    monkeypatch.setattr(get_settings().application, "confirm_close_window", True)
    _, dock = viewer.window.add_plugin_dock_widget("napari-parsimony", "Study")
    dock.open_study(crops_study)
    seen = []

    def cancel():
        box = QApplication.activeModalWidget()
        if box is None:
            QTimer.singleShot(20, cancel)
            return
        seen.append(type(box))
        box.reject()

    QTimer.singleShot(20, cancel)
    choose(qtbot, viewer, "Close Window")
    qtbot.waitUntil(lambda: bool(seen), timeout=20_000)
    assert seen == [ConfirmCloseDialog]
    assert viewer.window._qt_window.isVisible()


def test_nothing_is_asked_without_a_step(viewer, qtbot, crops_study):
    _, dock = viewer.window.add_plugin_dock_widget("napari-parsimony", "Study")
    dock.open_study(crops_study)
    window = viewer.window._qt_window
    press_close_button(window)
    qtbot.waitUntil(lambda: gone(window), timeout=20_000)
