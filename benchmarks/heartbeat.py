"""Longest stall of napari's event loop while the steps of a study run.

    xvfb-run -a python benchmarks/heartbeat.py

Runs every step on 5,000 made-up cells as a person does, by the button of the dock Study, with all
docks open. A timer of 5 ms beats meanwhile; printed is the longest time between two beats for each
step, from pressing the button until all docks show its result.
"""

import tempfile
import time
from pathlib import Path

import napari
import numpy as np
import pandas as pd
import tifffile
from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import QApplication

from napari_parsimony.gui.sample import open_docks
from napari_parsimony.study.study import Study

CELLS, IMAGES, PITCH = 5000, 20, 32
QUICK = {
    "vae": {"steps": 200, "beta": 0.5, "warmup": 0.0},
    "classify": {"seeds": 4, "steps": 400, "black_box_seeds": 1, "black_box_epochs": 2},
    "equations": {},
    "evaluate": {},
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


class Heartbeat:
    """Longest time between two beats of a timer, in seconds."""

    def __init__(self) -> None:
        self.longest, self._last = 0.0, time.perf_counter()
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._beat)
        self._timer.start(5)

    def _beat(self) -> None:
        now = time.perf_counter()
        self.longest, self._last = max(self.longest, now - self._last), now

    def begin(self) -> None:
        """Forget what was before."""
        self.longest, self._last = 0.0, time.perf_counter()


def main() -> None:
    """Run all steps and print the stalls."""
    folder = Path(tempfile.mkdtemp(prefix="heartbeat-"))
    settings: dict[str, dict[str, object]] = {"cells": make_images(folder), **QUICK}
    Study.create(folder / "study")
    viewer = napari.Viewer()
    dock = open_docks(viewer)["Study"]
    dock.open_study(folder / "study")
    heart = Heartbeat()
    print(f"{'step':12}{'stall':>9}{'total':>9}")
    for step, values in settings.items():
        dock.choose_step(step)
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
        for _ in range(200):  # what docks draw when they rest
            QApplication.processEvents()
            time.sleep(0.005)
        dock.panel.runner.ended.disconnect(ended.append)
        job = ended[0]
        if dock.session.study.state(step) != "ready":
            raise SystemExit(f"{step}: {getattr(job, 'error', '')}")
        seconds = time.perf_counter() - start
        print(f"{step:12}{1e3 * heart.longest:6.0f} ms{seconds:7.1f} s", flush=True)
    viewer.close()


if __name__ == "__main__":
    main()
