"""From a slider's move to the decoded cell on napari's canvas.

    python benchmarks/slider.py [STUDY] [--docks]

Opens a real napari, pulls a slider of the latent explorer with mouse events, and measures from
the event until the canvas has drawn: decoding, the layer's new pixels and drawing included. With
``--docks`` the equation dock and the scatter plot are open beside it. Without a display, run it
under ``xvfb-run -a`` (software drawing, slower than any screen). Without STUDY, the demo study that
is in the package.
"""

import argparse
import time
from importlib.resources import files

import napari
import numpy as np
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QSlider, QStyle, QStyleOptionSlider

from napari_parsimony.gui.decoded_layer import NAME
from napari_parsimony.gui.equations_dock import EquationsDock
from napari_parsimony.gui.explorer import LatentExplorer
from napari_parsimony.gui.scatter_dock import ScatterDock
from napari_parsimony.gui.session import Session

MOVES, WARM_UP = 200, 20
TARGET = 16.0  # ms


def pull(bar: QSlider, to: QPoint) -> None:
    """Move the mouse with its left button down; QTest would leave the time to the window system."""
    button = Qt.MouseButton.LeftButton
    none, modifiers = Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier
    position, everywhere = QPointF(to), QPointF(bar.mapToGlobal(to))
    kind = QEvent.Type.MouseMove
    event = QMouseEvent(kind, position, everywhere, none, button, modifiers)
    QApplication.sendEvent(bar, event)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("study", nargs="?")
    parser.add_argument("--docks", action="store_true")
    options = parser.parse_args()
    study = options.study or str(files("napari_parsimony") / "sample_data" / "demo_study")
    viewer = napari.Viewer()
    explorer = LatentExplorer(viewer)
    viewer.window.add_dock_widget(explorer, name="Latents")
    if options.docks:
        viewer.window.add_dock_widget(EquationsDock(viewer), name="Equations")
        viewer.window.add_dock_widget(ScatterDock(viewer), name="Scatter plot")
    session = Session.of(viewer)
    session.open_study(study)
    session.select_cell(session.key_of(0))
    application = QApplication.instance()
    for _ in range(50):
        application.processEvents()
        time.sleep(0.01)
    layer, canvas = viewer.layers[NAME], viewer.window._qt_viewer.canvas._scene_canvas
    drawn: list[float] = []
    # after the layers: their last pixel is drawn when the canvas' own draw has returned
    canvas.events.draw.connect(lambda event: drawn.append(time.perf_counter()), position="last")

    index = session.latent_order[0]
    bar, left = explorer.sliders.sliders[index].bar, Qt.MouseButton.LeftButton
    option = QStyleOptionSlider()
    bar.initStyleOption(option)
    part = QStyle.SubControl.SC_SliderHandle
    handle = bar.style().subControlRect(QStyle.ComplexControl.CC_Slider, option, part, bar)
    width, level = bar.width() - 16, handle.center().y()
    QTest.mousePress(bar, left, pos=handle.center())
    delays, decoding = [], []
    for move in range(MOVES + WARM_UP):
        share = 0.05 + 0.9 * ((move + 1) * 0.37 % 1)  # far from the last one, each time
        before, value = layer.data.copy(), bar.value()
        drawn.clear()
        start = time.perf_counter()
        pull(bar, QPoint(int(8 + share * width), level))
        assert bar.value() != value, "the slider did not move"
        while not drawn:
            application.processEvents()
            if time.perf_counter() - start > 2:
                raise RuntimeError("the canvas was not drawn")
        delays.append(drawn[0] - start)
        assert not np.array_equal(before, layer.data), "the picture did not change"
        start = time.perf_counter()
        session.decode(session.latents)
        decoding.append(time.perf_counter() - start)
    QTest.mouseRelease(bar, left)
    delay, decode = (np.array(times[WARM_UP:]) * 1000 for times in (delays, decoding))
    low, high = np.percentile(delay, [50, 95])
    print(f"study: {study}, crops of {layer.data.shape[-1]} pixels, {MOVES} moves")
    print(f"slider to canvas: p50 {low:.1f} ms, p95 {high:.1f} ms (target {TARGET:.0f} ms)")
    print(f"of which decoding: p50 {np.median(decode):.1f} ms")
    viewer.close()


if __name__ == "__main__":
    main()
