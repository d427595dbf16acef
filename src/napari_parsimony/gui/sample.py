"""The demo study: a small finished study that comes with the plugin."""

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Qt

from napari_parsimony.errors import UserError
from napari_parsimony.study.study import STUDY_FILE

if TYPE_CHECKING:
    import napari

PLUGIN = "napari-parsimony"
DOCKS = ("Study", "Latent explorer", "Equation")


def demo_folder() -> Path:
    """Where the demo study is installed; it may be read-only there."""
    return Path(__file__).parents[1] / "sample_data" / "demo_study"


def copy_of_demo() -> Path:
    """Copy the demo study to where its steps can be run.

    Raises
    ------
    UserError
        If the demo study is not installed or cannot be copied.
    """
    demo = demo_folder()
    if not (demo / STUDY_FILE).is_file():
        raise UserError(f"The demo study is missing in {demo}: install napari-parsimony again.")
    place = Path(tempfile.mkdtemp(prefix="napari-parsimony-")) / "demo study"
    try:
        shutil.copytree(demo, place)
    except OSError as error:
        raise UserError(f"The demo study cannot be copied to {place}: {error}.") from error
    return place


def open_docks(viewer: "napari.viewer.Viewer") -> dict[str, Any]:
    """Show the docks of the plugin: the latents in front of the study, the equation below."""
    found, docks = {}, {}
    for name in DOCKS:
        docks[name], found[name] = viewer.window.add_plugin_dock_widget(PLUGIN, name)
        docks[name].show()
    study, latents, equation = (docks[name] for name in DOCKS)
    window = viewer.window._qt_window
    window.tabifyDockWidget(study, latents)
    window.resizeDocks([latents, equation], [3, 2], Qt.Orientation.Vertical)
    latents.raise_()
    return found


def open_demo_study(viewer: "napari.viewer.Viewer") -> None:
    """Open the docks and a copy of the demo study in them."""
    open_docks(viewer)["Study"].open_demo()


def demo_layers() -> list[Any]:
    """Open the demo study in the present viewer; without a window, give its image and labels."""
    import napari
    import tifffile

    viewer = napari.current_viewer()
    if viewer is not None:
        open_demo_study(viewer)
        return []
    image, labels = (tifffile.imread(demo_folder() / f"{name}.tif") for name in ("image", "labels"))
    return [(image, {"name": "cells"}, "image"), (labels, {"name": "labels"}, "labels")]
