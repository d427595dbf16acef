"""Take the pictures of the documentation from the running plugin: ``make screenshots``."""

from pathlib import Path

import napari
import numpy as np
from qtpy.QtWidgets import QApplication

from napari_parsimony.gui.sample import copy_of_demo, open_docks
from napari_parsimony.gui.session import Session

IMAGES = Path(__file__).parent / "images"
SIZE = (1500, 950)


def settle() -> None:
    """Let napari draw what it has been told."""
    for _ in range(60):
        QApplication.processEvents()


def main() -> None:
    """Open the demo study and photograph the window and each dock."""
    IMAGES.mkdir(exist_ok=True)
    viewer = napari.Viewer(title="napari-parsimony", show=False)
    docks = open_docks(viewer)
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
    viewer.window.screenshot(IMAGES / "overview.png", canvas_only=False, flash=False)
    for name, dock in docks.items():
        dock.raise_()
        dock.parentWidget().raise_()
        settle()
        dock.grab().save(str(IMAGES / f"{name.lower().replace(' ', '-')}.png"))
    name = session.expression.variables[0]
    latent = int(name.removeprefix("z"))
    values = session.latent_statistics
    session.set_latent(latent, float(values["low"][latent]))
    viewer.camera.center = (cells["y"][row], cells["x"][row])
    viewer.camera.zoom *= 4
    settle()
    viewer.window.screenshot(IMAGES / "moved.png", canvas_only=False, flash=False)
    viewer.close()


if __name__ == "__main__":
    main()
