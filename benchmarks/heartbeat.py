"""Longest stall of napari's event loop while the steps of a study run.

    xvfb-run -a python benchmarks/heartbeat.py [--who]

Runs every step on 5,000 made-up cells as a person does, by the button of the dock Study, with all
docks open: the dock of the step, latent explorer, equations and classifier or scatter plot in
sight, the others as tabs behind. A timer of 5 ms beats meanwhile.
First napari alone shows an image, labels and points with texts, as 'cells' makes it do later: the
first layers of a kind make the graphics driver compile programs. Printed for this, and for each
step from pressing the button until all docks show its result, is the longest time between two
beats: by the clock; of the processor in Qt's thread; and of the processor in all threads, for a
thread that holds Python's lock stalls Qt's too. On a busy machine the first says more of the
machine. With ``--who``, what Qt's thread was doing in each stall.
"""

import argparse
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter
from pathlib import Path

import napari
import numpy as np
import pandas as pd
import tifffile
from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import QApplication

from napari_parsimony.gui.docks import ALL, OF_STEP, PLUGIN
from napari_parsimony.gui.sample import open_docks
from napari_parsimony.gui.study_widget import StudyWidget
from napari_parsimony.study.study import Study

CELLS, IMAGES, PITCH = 5000, 20, 32
LEFT = (
    "Scatter plot", "Cells", "VAE", "Annotate", "Sparse classifier", "Gallery", "Overlay",
)  # fmt: skip
LATE = 0.06  # seconds of a stall that ``--who`` explains
QUICK = {
    "vae": {"steps": 200, "beta": 0.5, "warmup": 0.0},
    "classify": {"seeds": 4, "steps": 400, "black_box_seeds": 1, "black_box_epochs": 2},
    "equations": {},
    "evaluate": {},
    "trust": {},
    "report": {},
}


def make_images(folder: Path) -> dict[str, object]:
    """Draw round and long cells on images; return settings of the step 'cells'."""
    rng = np.random.default_rng(0)
    side = int(np.ceil(np.sqrt(CELLS / IMAGES)))
    rows: list[tuple[str, int, str]] = []
    images, labels = [], []
    for number in range(IMAGES):
        picture = rng.normal(100, 4, (side * PITCH, side * PITCH))
        mask = np.zeros(picture.shape, np.int32)
        down, right = np.mgrid[:PITCH, :PITCH] - PITCH / 2
        for i in range(CELLS // IMAGES):
            y, x = np.array(divmod(i, side)) * PITCH
            long, angle = rng.random() < 0.4, rng.uniform(0, np.pi)
            along = down * np.sin(angle) + right * np.cos(angle)
            across = down * np.cos(angle) - right * np.sin(angle)
            inside = (along / 10) ** 2 + (across / (4 if long else 8)) ** 2 <= 1
            picture[y : y + PITCH, x : x + PITCH][inside] += rng.uniform(300, 900)
            mask[y : y + PITCH, x : x + PITCH][inside] = i + 1
            rows.append((f"image{number}.tif", i + 1, "long" if long else "round"))
        images.append(folder / f"image{number}.tif")
        labels.append(folder / f"labels{number}.tif")
        tifffile.imwrite(images[-1], picture.astype(np.uint16))
        tifffile.imwrite(labels[-1], mask)
    table = pd.DataFrame(rows, columns=["image", "label", "class"])
    table.to_csv(folder / "classes.csv", index=False)
    return {
        "image": tuple(images), "labels": tuple(labels), "classes": folder / "classes.csv",
        "orientation": "principal axis", "window": 34.0,
    }  # fmt: skip


def now() -> np.ndarray:
    """Seconds by the clock, of the processor in this thread, and in all threads."""
    return np.array([time.perf_counter(), time.thread_time(), time.process_time()])


class Heartbeat:
    """Longest time between two beats of a timer, in seconds, by each of the three clocks."""

    def __init__(self) -> None:
        self.begin()
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._beat)
        self._timer.start(5)

    def _beat(self) -> None:
        at = now()
        self.longest, self.last = np.maximum(self.longest, at - self.last), at

    def begin(self) -> None:
        """Forget what was before."""
        self.longest, self.last = np.zeros(3), now()


def watch(heart: Heartbeat) -> None:
    """Print what the main thread does while its beat is late, most often first."""
    main, seen, late = threading.main_thread().ident, Counter(), None
    while True:
        time.sleep(0.004)
        beat = heart.last[0]
        if late is not None and beat != late:
            length = beat - late
            if length > LATE:
                print(f"  stall of {1e3 * length:.0f} ms", file=sys.stderr)
                for stack, times in seen.most_common(4):
                    print(f"  {times} samples\n{stack}", file=sys.stderr)
            late = None
        if time.perf_counter() - beat > LATE / 2:
            if late is None:
                late, seen = beat, Counter()
            frame = sys._current_frames().get(main)
            if frame is None:  # all is over
                return
            frames = traceback.extract_stack(frame)[3:]
            lines = [f"{Path(f.filename).name}:{f.lineno} {f.name}" for f in frames]
            seen["    " + "\n    ".join(lines)] += 1


def arrange(viewer: napari.Viewer) -> StudyWidget:
    """Open all docks in two columns."""
    open_docks(viewer)
    window, left = viewer.window._qt_window, Qt.DockWidgetArea.LeftDockWidgetArea
    opened = {name: viewer.window.add_plugin_dock_widget(PLUGIN, name) for name in ALL}
    frames = {name: frame for name, (frame, _) in opened.items()}
    for name in LEFT:
        window.addDockWidget(left, frames[name])
    for stack in (LEFT[:4], LEFT[4:]):
        for behind in stack[1:]:
            window.tabifyDockWidget(frames[stack[0]], frames[behind])
        frames[stack[0]].raise_()
    window.resizeDocks([frames[LEFT[0]], frames[LEFT[4]]], [1, 1], Qt.Orientation.Vertical)
    study: StudyWidget = opened["Study"][1]
    return study


def napari_alone(viewer: napari.Viewer, settings: dict[str, object]) -> None:
    """Show layers of each kind, and take them away."""
    (image, *_), (labels, *_) = settings["image"], settings["labels"]
    viewer.add_image(tifffile.imread(image))
    viewer.add_labels(tifffile.imread(labels))
    viewer.add_points([[10.0, 10.0]], text={"string": "0.1"})
    rest()
    viewer.layers.clear()
    rest()


def rest() -> None:
    """Let everything be drawn, that too which waits until nothing else is to do."""
    for _ in range(200):
        QApplication.processEvents()
        time.sleep(0.005)


def show(name: str, heart: Heartbeat, seconds: float) -> None:
    """Print a line of the table."""
    stall, mine, every = 1e3 * heart.longest
    print(f"{name:12}{stall:6.0f} ms{mine:9.0f} ms{every:10.0f} ms{seconds:7.1f} s", flush=True)


def main() -> None:
    """Run all steps and print the stalls."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--who", action="store_true")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="heartbeat-"))
    settings: dict[str, dict[str, object]] = {"cells": make_images(folder), **QUICK}
    Study.create(folder / "study")
    viewer = napari.Viewer()
    dock = arrange(viewer)
    dock.open_study(folder / "study")
    heart = Heartbeat()
    if options.who:
        threading.Thread(target=watch, args=(heart,), daemon=True).start()
    print(f"{'step':12}{'stall':>9}{'Qt thread':>12}{'all threads':>13}{'total':>9}")
    heart.begin()
    start = time.perf_counter()
    napari_alone(viewer, settings["cells"])
    show("napari alone", heart, time.perf_counter() - start)
    for step, values in settings.items():
        if step in OF_STEP:
            dock.open_dock(OF_STEP[step])
        dock.choose_step(step)
        dock.panel.reset()  # what was used last in other studies does not count
        dock.panel.set_values(values)
        ended: list[object] = []
        dock.panel.runner.ended.connect(ended.append)
        start = time.perf_counter()
        heart.begin()
        if not dock.panel.run_step():
            raise SystemExit(dock.panel.message.text())
        while not ended:
            QApplication.processEvents()
            time.sleep(0.001)
        rest()
        dock.panel.runner.ended.disconnect(ended.append)
        job = ended[0]
        if dock.session.study.state(step) != "ready":
            raise SystemExit(f"{step}: {getattr(job, 'error', '')}")
        seconds = time.perf_counter() - start
        show(step, heart, seconds)
    viewer.close()


if __name__ == "__main__":
    main()
