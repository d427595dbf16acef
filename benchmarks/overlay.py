"""How quickly the overlay colours 50,000 cells, follows a time-lapse, and lets the view be moved.

    python benchmarks/overlay.py [--cells 50000] [--side 2048] [--frames 10]

Makes a study of one image with that many cells, and one of a time-lapse with as many in all of its
frames (labels are track numbers, so every frame has colours of its own), opens both in a real
napari, and measures from the call until the canvas has drawn. Without a display, run it under
``xvfb-run -a`` (software drawing, slower than any screen).
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import napari
import numpy as np
import tifffile
from qtpy.QtWidgets import QApplication

from napari_parsimony.cells.config import CellsConfig
from napari_parsimony.gui.napari_compat import camera_of
from napari_parsimony.gui.overlay import Overlay
from napari_parsimony.gui.session import Session
from napari_parsimony.study.study import Study
from napari_parsimony.symbolic.expression import Expression
from napari_parsimony.vae.config import VaeConfig

REPEATS = 9
RECOLOUR, FRAME, MOVE = 200, 100, 16  # ms, targets


def make_study(folder: Path, cells: int, side: int, frames: int) -> Study:
    """Cells on a grid, in one image or a movie, with latents of a network that learned nothing."""
    across = int(np.ceil(np.sqrt(cells / frames)))
    pitch = side // across
    plane = np.zeros((side, side), np.int32)
    for number in range(across**2):
        y, x = (pitch * index for index in divmod(number, across))
        plane[y : y + pitch - 1, x : x + pitch - 1] = number + 1
    labels = np.stack([plane] * frames) if frames > 1 else plane
    image = np.random.default_rng(0).integers(0, 255, labels.shape, np.uint8)
    folder.mkdir(parents=True)
    axes = {"axes": "TYX" if frames > 1 else "YX"}
    for name, pixels in (("image", image), ("labels", labels)):
        tifffile.imwrite(folder / f"{name}.tif", pixels, metadata=axes)
    study = Study.create(folder / "study")
    files = {"image": [folder / "image.tif"], "labels": [folder / "labels.tif"]}
    study.run("cells", CellsConfig(**files, size=16))
    study.run("vae", VaeConfig(steps=1, batch=16, latents=4, focus=0, warmup=0, check_every=1))
    return study


class Clock:
    """Measures calls until what they changed was drawn."""

    def __init__(self, viewer: napari.Viewer) -> None:
        self._canvas = viewer.window._qt_viewer.canvas._scene_canvas
        self._drawn = False
        self._canvas.events.draw.connect(self._on_draw, position="last")

    def _on_draw(self, event: object) -> None:
        self._drawn = True

    def milliseconds(self, call: Callable[[], object]) -> float:
        """Measure one call."""
        QApplication.processEvents()
        self._drawn, start = False, time.perf_counter()
        call()
        self._canvas.update()
        while not self._drawn:
            QApplication.processEvents()
        return 1000 * (time.perf_counter() - start)


def report(what: str, times: list[float], target: float) -> None:
    """Print a median."""
    print(f"{what}: median {np.median(times):.0f} ms, longest {max(times):.0f} ms ({target:.0f})")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--cells", type=int, default=50_000)
    parser.add_argument("--side", type=int, default=2048)
    parser.add_argument("--frames", type=int, default=10)
    parser.add_argument("--folder", type=Path, help="where the studies are, or are to be made")
    options = parser.parse_args()
    folder = options.folder or Path(tempfile.mkdtemp())
    studies = []
    for name, frames, side in (
        ("image", 1, options.side),
        ("movie", options.frames, options.side // 2),
    ):
        made = (folder / name / "study").exists()
        place = folder / name
        studies.append(
            Study.open(place / "study") if made else make_study(place, options.cells, side, frames)
        )
    viewer = napari.Viewer()
    clock, session = Clock(viewer), Session.of(viewer)
    overlay = Overlay.of(session)

    session.open_study(studies[0].path)
    session.try_expression(Expression.parse("3*z0 - 2*z1*z1 + 0.1"))
    print(f"{len(session.cells)} cells in one image of {options.side}²")
    report("nothing but drawing", [clock.milliseconds(lambda: None) for _ in range(REPEATS)], MOVE)
    for by in ("class", "score"):
        other = {"class": "score", "score": "class"}[by]
        times = []
        for _ in range(REPEATS):
            overlay.set_colour_by(other)
            times.append(clock.milliseconds(lambda by=by: overlay.set_colour_by(by)))
        report(f"recolour by {by}", times, RECOLOUR)
    times = []
    for repeat in range(REPEATS):
        equation = Expression.parse(f"{repeat + 1}*z0 - 2*z2 + 0.1")
        times.append(clock.milliseconds(lambda equation=equation: session.try_expression(equation)))
    report("another equation", times, RECOLOUR)
    camera, rng = camera_of(viewer), np.random.default_rng(0)
    for zoom in (1.0, 4.0, 12.0):
        camera.zoom, camera.center = zoom, (0, options.side / 2, options.side / 2)
        QApplication.processEvents()
        drawn = [clock.milliseconds(lambda: None) for _ in range(REPEATS)]
        report(f"nothing but drawing at zoom {zoom:g}", drawn, MOVE)
        times = [
            clock.milliseconds(
                lambda zoom=zoom: setattr(
                    camera,
                    "center",
                    (0, *(np.array(camera.center[-2:]) + rng.uniform(-60, 60, 2) / zoom)),
                )
            )
            for _ in range(40)
        ]
        report(f"move the view at zoom {zoom:g}", times, MOVE)
    camera.zoom = 6.0
    times = [
        clock.milliseconds(lambda: setattr(camera, "zoom", camera.zoom * 1.1)) for _ in range(12)
    ]
    report("zoom", times, MOVE)

    session.open_study(studies[1].path)
    session.try_expression(Expression.parse("3*z0 - 2*z1*z1 + 0.1"))
    print(f"{len(session.cells)} cells in {options.frames} frames of {options.side // 2}²")
    times = [
        clock.milliseconds(lambda t=t: viewer.dims.set_current_step(0, t % options.frames))
        for t in range(1, 2 * options.frames)
    ]
    report("another frame", times, FRAME)
    viewer.close()


if __name__ == "__main__":
    main()
