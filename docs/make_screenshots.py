"""Take the pictures of the documentation from the running plugin: ``make screenshots``.

``python docs/make_screenshots.py FOLDER light`` takes them elsewhere, in napari's light theme, and
a third word, ``docks`` or ``tutorial``, only a part of them. Those of the tutorial are of its own
study, which ``benchmarks/tutorial.py`` trains first: some minutes. A fourth word names the folder
where it has done so already.
"""

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import napari
import numpy as np
import tifffile
from PIL import Image
from qtpy.QtWidgets import QApplication, QTabBar, QTabWidget, QWidget

from napari_parsimony.gui.docks import ALL, open_dock
from napari_parsimony.gui.napari_compat import camera_of
from napari_parsimony.gui.sample import copy_of_demo, open_docks
from napari_parsimony.gui.session import Session
from napari_parsimony.gui.torch_import import import_torch
from napari_parsimony.study.study import STUDY_FILE, Study

HERE = Path(__file__).parent
IMAGES = HERE / "images"
SIZE = (1500, 950)
LOW = (1366, 768)  # a laptop
PARTS = ("all", "docks", "tutorial")
COLOURS = 256  # of a picture: files stay small, and nobody sees more


def settle(turns: int = 60) -> None:
    """Let napari draw what it has been told, and threads end."""
    for _ in range(turns):
        QApplication.processEvents()
        time.sleep(0.02)


def photograph(viewer: napari.Viewer, file: Path) -> None:
    """Save the whole window."""
    settle()
    viewer.window.screenshot(file, canvas_only=False, flash=False)
    shrink(file)


def shrink(file: Path) -> None:
    """Write a picture anew with few colours."""
    picture = Image.open(file).convert("RGB")
    # of the ways to choose them the one that keeps rare ones, such as that of a word
    kept = picture.quantize(COLOURS, Image.Quantize.MAXCOVERAGE, kmeans=5, dither=Image.Dither.NONE)
    kept.save(file, optimize=True)


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
        shrink(folder / f"{file}.png")


def main(
    folder: Path = IMAGES, theme: str = "dark", part: str = "all", trained: Path | None = None
) -> None:
    """Photograph the demo study and each dock, and the study of the tutorial."""
    if part not in PARTS:
        raise SystemExit(f"There is no part '{part}': choose one of {', '.join(PARTS)}.")
    folder.mkdir(parents=True, exist_ok=True)
    import_torch()  # a dock would else show dots meanwhile
    if part in ("all", "docks"):
        photograph_demo(folder, theme)
    if part in ("all", "tutorial"):
        photograph_tutorial(folder, theme, trained)


def photograph_demo(folder: Path, theme: str) -> None:
    """Open the demo study and photograph the window and each dock."""
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
    row = int(plates[scores[plates, 0].argmax()])
    session.select_cell(session.key_of(row))
    photograph(viewer, folder / "overview.png")
    session.set_latent(*least_likely(session))
    camera = camera_of(viewer)
    camera.center = (cells["y"][row], cells["x"][row])
    camera.zoom *= 4
    photograph(viewer, folder / "moved.png")
    viewer.close()
    photograph_docks(row, folder, theme)


def least_likely(session: Session) -> tuple[int, float]:
    """Find the latent, and its value in the range of the cells, that lowers the score most."""
    ends = session.latent_statistics[["low", "high"]]
    moves = []
    for name in session.expression.variables:
        latent = int(name.removeprefix("z"))
        for value in ends.loc[latent]:
            moved = session.latents.copy()
            moved[latent] = value
            moves.append((float(session.scores(moved)["symbolic"][0]), latent, float(value)))
    return min(moves)[1:]


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
        if name == "VAE":
            wait_for_verdict(widget)
        grab(widget, name, folder)
    viewer.close()


def wait_for_verdict(vae: QWidget) -> None:
    """Wait until the latents are judged, in a thread."""
    while not vae.verdict.headline.text():
        settle()


def photograph_tutorial(folder: Path, theme: str, trained: Path | None) -> None:
    """Photograph each step of the tutorial, on the study that gives its figures."""
    scratch = Path(tempfile.mkdtemp(prefix="tutorial-"))
    place = trained or scratch
    if trained is None:
        benchmark = HERE.parent / "benchmarks" / "tutorial.py"
        subprocess.run([sys.executable, benchmark, place], check=True)
    whole = next(place.glob(f"*/{STUDY_FILE}")).parent
    settings = Study.open(whole).step("cells").config
    viewer = napari.Viewer(title="napari-parsimony", show=False)
    viewer.theme = theme
    window = viewer.window._qt_window
    window.resize(*LOW)
    window.show()
    session = Session.of(viewer)
    viewer.add_image(tifffile.imread(place / "human_mitosis.tif"), name="human_mitosis")
    viewer.add_labels(tifffile.imread(HERE / "tutorial/labels.tif"), name="labels", opacity=0.5)
    cells = open_dock(viewer, "Cells")
    cells.panel.set_values({name: settings[name] for name in ("orientation", "normalisation")})
    settle(150)
    photograph(viewer, folder / "tutorial-cells.png")
    viewer.layers.clear()

    # as it was when its cells were annotated
    young = Path(shutil.copytree(whole, scratch / "young" / whole.name))
    for step in ("vae", "classify", "equations", "evaluate"):
        shutil.rmtree(young / step)
    session.open_study(young)
    open_dock(viewer, "Annotate", cells)
    settle()
    mitoses = session.cells[session.cells["class"].eq("mitosis")]
    off_centre = mitoses[["y", "x"]] - session.cells[["y", "x"]].mean()
    cell = (off_centre**2).sum(axis=1).idxmin()
    session.select_cell(session.key_of(cell))
    look_at(viewer, cell)
    photograph(viewer, folder / "tutorial-annotate.png")

    session.open_study(whole)
    wait_for_verdict(open_dock(viewer, "VAE", cells))
    photograph(viewer, folder / "tutorial-vae.png")
    open_dock(viewer, "Equations", cells)
    session.select_cell(session.key_of(cell))
    look_at(viewer, cell)
    photograph(viewer, folder / "tutorial-equation.png")
    viewer.close()


def look_at(viewer: napari.Viewer, cell: int) -> None:
    """Bring a cell and its neighbours into view."""
    table = Session.of(viewer).cells
    camera = camera_of(viewer)
    camera.center = (table["y"][cell], table["x"][cell])
    camera.zoom = 4
    settle()


if __name__ == "__main__":
    main(*(kind(text) for kind, text in zip((Path, str, str, Path), sys.argv[1:], strict=False)))
