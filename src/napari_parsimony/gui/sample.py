"""The demo study: a small finished study that comes with the plugin."""

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Qt

from napari_parsimony.errors import UserError
from napari_parsimony.gui.borrowed import SOURCE
from napari_parsimony.gui.docks import PLUGIN, after_all
from napari_parsimony.study.study import STUDY_FILE, Study

if TYPE_CHECKING:
    import napari

COPIES = "napari-parsimony-"  # folders of copies are called so, among temporary files
HIGH_ENOUGH = 900  # pixels of a screen, for two docks above each other
DOCKS = ("Study", "Latent explorer", "Equations")


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
    place = Path(tempfile.mkdtemp(prefix=COPIES)) / "demo study"
    try:
        shutil.copytree(demo, place)
    except OSError as error:
        raise UserError(f"The demo study cannot be copied to {place}: {error}.") from error
    return place


def is_copy_of_demo(path: Path) -> bool:
    """Whether a study is a copy that `copy_of_demo` made, to play with."""
    folder = path.resolve().parent
    temporary = Path(tempfile.gettempdir()).resolve()
    return folder.parent == temporary and folder.name.startswith(COPIES)


def open_docks(viewer: "napari.viewer.Viewer") -> dict[str, Any]:
    """Show the docks of the plugin: the latents in front of the study, the equation below.

    On a low screen they lie on top of one another: half of it is too little for any of them.
    """
    found, docks = {}, {}
    for name in DOCKS:
        docks[name], found[name] = viewer.window.add_plugin_dock_widget(PLUGIN, name)
        docks[name].show()
    study, latents, equation = (docks[name] for name in DOCKS)
    window = viewer.window._qt_window
    window.tabifyDockWidget(study, latents)
    if window.screen().availableGeometry().height() < HIGH_ENOUGH:
        window.tabifyDockWidget(latents, equation)
    else:
        window.splitDockWidget(latents, equation, Qt.Orientation.Vertical)
        window.resizeDocks([latents, equation], [3, 2], Qt.Orientation.Vertical)
    after_all(latents, latents.raise_)  # after all others
    return found


def open_demo_study(viewer: "napari.viewer.Viewer") -> None:
    """Open the docks and a copy of the demo study in them."""
    open_docks(viewer)["Study"].open_demo()


def demo_layers() -> list[Any]:
    """Image and labels of the demo study; where there is a window, the study opens on them."""
    import napari

    from napari_parsimony.gui.pictures import source_of

    path = copy_of_demo()
    source = source_of(Study.open(path), lambda: None)
    picture = source.load(source.names[0])
    viewer = napari.current_viewer()
    if viewer is not None:
        # napari adds these layers first, and the overlay finds its files in them
        window = viewer.window._qt_window
        after_all(window, lambda: open_docks(viewer)["Study"].open_study(path))
    files = picture.image_path, picture.labels_path
    image, labels = ({SOURCE: str(file)} for file in files)
    return [
        (picture.image, {"name": picture.name, "rgb": picture.colours, "metadata": image}, "image"),
        (picture.labels, {"name": "cells", "opacity": 0.45, "metadata": labels}, "labels"),
    ]
