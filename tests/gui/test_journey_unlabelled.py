"""The whole way by hand from an image without labels, each dock opened from the one before."""

import numpy as np
import pytest
from journey import CLASSES, SIDE, add_class, draw, give_class, run
from mouse import press
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QDockWidget, QFileDialog

from napari_parsimony.gui.docks import open_dock
from napari_parsimony.gui.napari_compat import camera_of
from napari_parsimony.gui.overlay import Overlay
from napari_parsimony.gui.session import Session
from napari_parsimony.study.study import Study

pytestmark = pytest.mark.gui

ANNOTATED = 44  # of 64 cells; the others are for the equation to decide


def test_from_an_image_without_labels_to_cells_coloured_by_an_equation(
    make_napari_viewer, qtbot, monkeypatch, tmp_path
):
    image, labels, long = draw()
    viewer = make_napari_viewer(show=True)
    viewer.add_image(image, name="field")
    session, overlay = Session.of(viewer), Overlay.of(Session.of(viewer))
    cells = open_dock(viewer, "Cells")
    qtbot.waitUntil(lambda: cells.find.button.isVisible())

    press(qtbot, cells.find.button)
    qtbot.waitUntil(lambda: not cells.find.nuclei.busy, timeout=60_000)
    found = int(viewer.layers["nuclei of field"].data.max())
    assert abs(found - SIDE**2) <= 2
    assert f"{found} nuclei found" in cells.find.text.text()
    place = tmp_path / "my study"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(place), ""))
    run(qtbot, cells.panel, size=32, window=34.0, orientation="principal axis")
    assert overlay.labels is viewer.layers["nuclei of field"]
    table = session.cells
    assert len(table) == found
    middles = table[["y", "x"]].round().astype(int).to_numpy().T
    is_long = np.array([long[label] for label in labels[tuple(middles)]])

    annotate = go_on(qtbot, viewer, cells.panel.next_button, "Annotate")
    for name in CLASSES:
        add_class(qtbot, annotate, name)
    camera_of(viewer).zoom = 6
    qtbot.wait(50)
    told = np.random.default_rng(0).permutation(len(table))[:ANNOTATED]
    for row in told:
        give_class(qtbot, viewer, row, Qt.Key.Key_2 if is_long[row] else Qt.Key.Key_1)
    classes = Study.open(place).cells()["class"]
    assert classes[told].tolist() == [CLASSES[side] for side in is_long[told].astype(int)]
    assert classes.drop(told).isna().all()
    # who annotates sees on the cells what is done
    for name, colour in annotate.annotator.colours.items():
        assert {shown(overlay, row) for row in told if classes[row] == name} == {colour}
    assert not len(overlay.texts.chosen), "no scores, and nothing written in their place"

    vae = go_on(qtbot, viewer, annotate.to_latents, "VAE")
    run(
        qtbot, vae.panel, pretrained="none", steps=500, batch=16, beta=0.01, latents=6, focus=0.0,
        warmup=0.0, check_every=500, augment=False,
    )  # fmt: skip
    classifier = go_on(qtbot, viewer, vae.panel.next_button, "Sparse classifier")
    run(
        qtbot, classifier.panel, seeds=2, steps=200, batch=64, black_box_seeds=1,
        black_box_epochs=1, density=0.1, sweep=False,
        classes={"round": ["round"], "long": ["long"]},
    )  # fmt: skip
    equations = go_on(qtbot, viewer, classifier.panel.next_button, "Equations")
    assert equations.tab == "Search", "there is nothing else to see yet"
    run(qtbot, equations.panel, engines=["quick"], max_size=9)

    # the end: the equation stands in its dock, and all cells are coloured as it decides
    assert equations.tab == "Front"
    assert equations.view.isVisible()
    assert session.expression.variables
    scores = session.cell_scores()[:, 0]
    expected = session.expression.evaluate(
        {name: Study.open(place).latents()[name] for name in session.expression.variables}
    )
    np.testing.assert_allclose(scores, expected, rtol=1e-6)
    sides = [
        {shown(overlay, row) for row in np.flatnonzero(here)} for here in (scores < 0, scores > 0)
    ]
    assert [len(colours) for colours in sides] == [1, 1]
    assert sides[0] != sides[1]
    new = np.setdiff1d(np.arange(len(table)), told)
    right = (scores > 0) == is_long
    assert right[told].mean() > 0.8
    assert right[new].mean() > 0.7, "cells that nobody annotated"
    # a click tells which class a cell is, and why
    row = int(scores.argmax())
    give_class(qtbot, viewer, row, Qt.Key.Key_N)  # N goes on to the next uncertain one
    assert session.cell != session.key_of(row)
    features = overlay.labels.features.set_index("index").loc[table["label"]]
    assert features["class"].tolist() == [session.class_of(score) for score in scores]
    assert features["score"].to_numpy() == pytest.approx(scores)
    assert len(overlay.texts.chosen)


def go_on(qtbot, viewer, button, name):
    """Open the next dock with the button that offers it."""
    assert button.text() == f"Next: {name}"
    press(qtbot, button)
    dock = next(
        dock
        for dock in viewer.window._qt_window.findChildren(QDockWidget)
        if dock.windowTitle() == name
    )
    qtbot.waitUntil(lambda: dock.isVisible() and not dock.visibleRegion().isEmpty())
    return open_dock(viewer, name)


def shown(overlay, row):
    """Colour of a cell on its layer, ``#rrggbb``."""
    label = overlay.session.cells["label"][row]
    colour = np.round(overlay.labels.get_color(int(label))[:3] * 255).astype(int)
    return "#" + "".join(f"{channel:02x}" for channel in colour)
