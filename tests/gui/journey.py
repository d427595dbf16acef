"""What every journey has: a field of two kinds of cells, and a person who works with the docks."""

import numpy as np
from drawn import draw_ellipse
from mouse import press
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLineEdit

from napari_parsimony.gui.napari_compat import camera_of
from napari_parsimony.gui.session import Session

SIDE, PITCH = 8, 40
CLASSES = ("round", "long")


def draw(seed=3):
    """Draw a field of round and long cells; return image, labels, and which are long by label."""
    rng = np.random.default_rng(seed)
    image, labels = rng.normal(100, 4, (SIDE * PITCH,) * 2), np.zeros((SIDE * PITCH,) * 2, int)
    long = {}
    for i in range(SIDE**2):
        y, x = (np.array(divmod(i, SIDE)) + 0.5) * PITCH + rng.uniform(-3, 3, 2)
        long[i + 1], angle = bool(rng.random() < 0.5), rng.uniform(0, np.pi)
        inside = draw_ellipse(labels.shape, y, x, 11, 4.5 if long[i + 1] else 8.5, angle)
        image[inside] += rng.uniform(300, 900)
        labels[inside] = i + 1
    return image.astype(np.uint16), labels, long


def run(qtbot, panel, **values):
    """Run a step with some settings, and wait for its end."""
    panel.set_values(values)
    with qtbot.waitSignal(panel.runner.ended, timeout=180_000) as ended:
        press(qtbot, panel.run_button)
    assert ended.args[0].error is None, ended.args[0].error
    assert "done" in panel.message.text()


def add_class(qtbot, annotate, name):
    """Add a class, and type its name."""
    press(qtbot, annotate.add)
    editor = annotate.table.findChildren(QLineEdit)[-1]
    qtbot.keyClicks(editor, name)
    qtbot.keyClick(editor, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: name in annotate.annotator.colours)


def give_class(qtbot, viewer, row, key):
    """Click a cell in the middle of the canvas, and press a key."""
    session, canvas = Session.of(viewer), viewer.window._qt_viewer.canvas.native
    camera_of(viewer).center = (0, *session.cells.loc[row, ["y", "x"]].astype(float))
    middle = canvas.rect().center()
    qtbot.mouseMove(canvas, middle)
    qtbot.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=middle)
    assert session.cell == session.key_of(row)
    qtbot.keyClick(canvas, key)
