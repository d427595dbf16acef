"""The demo study: a small finished study that comes with the plugin."""

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
    """Show the docks of the plugin, those that are there already included."""
    found = {}
    for name in DOCKS:
        _, widget = viewer.window.add_plugin_dock_widget(PLUGIN, name)
        found[name] = widget
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


def open_docks_command(viewer: "napari.viewer.Viewer") -> None:
    """Show the docks of the plugin."""
    open_docks(viewer)


def open_study_dock(viewer: "napari.viewer.Viewer") -> None:
    """Show the dock in which a study is opened or begun."""
    viewer.window.add_plugin_dock_widget(PLUGIN, DOCKS[0])
