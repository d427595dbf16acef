"""Open a study in napari with all docks: ``python -m napari_parsimony.gui.demo``."""

import argparse
import sys
from pathlib import Path

import numpy as np

from napari_parsimony.errors import UserError
from napari_parsimony.gui.sample import copy_of_demo, open_docks


def main(arguments: list[str] | None = None) -> int:
    """Open the demo study, or another; with ``--screenshot``, save how it looks and quit."""
    parser = argparse.ArgumentParser(
        prog="python -m napari_parsimony.gui.demo", description=__doc__
    )
    parser.add_argument("--study", type=Path, help="open this study instead of the demo")
    parser.add_argument("--screenshot", type=Path, help="save a picture of the window, and quit")
    options = parser.parse_args(arguments)

    import napari

    try:
        path = options.study or copy_of_demo()
        viewer = napari.Viewer(title="napari-parsimony", show=options.screenshot is None)
        docks = open_docks(viewer)
        docks["Study"].session.open_study(path)
    except UserError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    if options.screenshot is None:
        napari.run()
        return 0
    save_screenshot(viewer, options.screenshot)
    print(options.screenshot.absolute())
    viewer.close()
    return 0


def save_screenshot(viewer: "object", path: Path, width: int = 1600, height: int = 1000) -> None:
    """Save how a viewer's window looks, docks included, with its best-known cell selected."""
    from qtpy.QtWidgets import QApplication

    from napari_parsimony.gui.session import Session

    session = Session.of(viewer)
    scores = session.cell_scores()
    if scores is not None:
        # one that is all in the image
        whole = np.where(
            session.cells["border"], -np.inf, np.nan_to_num(scores[:, -1], nan=-np.inf)
        )
        session.select_cell(session.key_of(int(whole.argmax())))
    window = viewer.window._qt_window  # type: ignore[attr-defined]
    window.resize(width, height)
    window.show()
    for _ in range(20):
        QApplication.processEvents()
    viewer.reset_view()  # type: ignore[attr-defined]
    for _ in range(20):
        QApplication.processEvents()
    viewer.window.screenshot(path, canvas_only=False, flash=False)  # type: ignore[attr-defined]


if __name__ == "__main__":
    sys.exit(main())
