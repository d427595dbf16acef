"""Take the pictures of the documentation from the running plugin: ``make screenshots``.

``python docs/make_screenshots.py FOLDER light`` takes them elsewhere, in napari's light theme.
"""

import sys
import time
from pathlib import Path

import napari
import numpy as np
from qtpy.QtWidgets import QApplication, QTabBar, QTabWidget, QWidget

from napari_parsimony.gui.docks import ALL, open_dock
from napari_parsimony.gui.sample import copy_of_demo, open_docks
from napari_parsimony.gui.session import Session

IMAGES = Path(__file__).parent / "images"
SIZE = (1500, 950)
LOW = (1366, 768)  # a laptop


def settle(turns: int = 60) -> None:
    """Let napari draw what it has been told, and threads end."""
    for _ in range(turns):
        QApplication.processEvents()
        time.sleep(0.02)


def grab(widget: QWidget, name: str, folder: Path) -> None:
    """Save a dock, and each of its tabs."""
    tabs = widget.findChild(QTabWidget) or widget.findChild(QTabBar)
    words = name.lower().replace(" ", "-")
    for index in range(tabs.count() if tabs else 1):
        file = f"dock-{words}"
        if tabs:
            tabs.setCurrentIndex(index)
            file += "-" + tabs.tabText(index).lower().replace(" ", "-")
        settle()
        widget.grab().save(str(folder / f"{file}.png"))


def main(folder: Path = IMAGES, theme: str = "dark") -> None:
    """Open the demo study and photograph the window and each dock."""
    folder.mkdir(parents=True, exist_ok=True)
    viewer = napari.Viewer(title="napari-parsimony", show=False)
    viewer.theme = theme
    open_docks(viewer)
    session = Session.of(viewer)
    session.open_study(copy_of_demo())
    window = viewer.window._qt_window
    window.resize(*SIZE)
    window.show()
    settle()
    viewer.reset_view()
    cells, scores = session.cells, session.cell_scores()
    plates = np.flatnonzero(cells["class"].eq("metaphase") & ~cells["border"])
    row = int(plates[scores[plates].argmax()])
    session.select_cell(session.key_of(row))
    settle()
    viewer.window.screenshot(folder / "overview.png", canvas_only=False, flash=False)
    name = session.expression.variables[0]
    latent = int(name.removeprefix("z"))
    values = session.latent_statistics
    session.set_latent(latent, float(values["low"][latent]))
    viewer.camera.center = (cells["y"][row], cells["x"][row])
    viewer.camera.zoom *= 4
    settle()
    viewer.window.screenshot(folder / "moved.png", canvas_only=False, flash=False)
    viewer.close()
    photograph_docks(row, folder, theme)


def photograph_docks(row: int, folder: Path, theme: str) -> None:
    """Open each dock as a tab beside the others, in the window of a laptop."""
    viewer = napari.Viewer(title="napari-parsimony", show=False)
    viewer.theme = theme
    study = open_dock(viewer, "Study")
    session = Session.of(viewer)
    session.open_study(copy_of_demo())
    window = viewer.window._qt_window
    window.resize(*LOW)
    window.show()
    session.select_cell(session.key_of(row))
    for name in ALL:
        widget = open_dock(viewer, name, study)
        settle(100)
        grab(widget, name, folder)
    viewer.close()


if __name__ == "__main__":
    main(*(kind(text) for kind, text in zip((Path, str), sys.argv[1:], strict=False)))
