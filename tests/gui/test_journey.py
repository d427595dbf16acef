"""The whole way by hand: from an image whose cells nobody knows to an equation on them."""

import numpy as np
import pytest
from journey import CLASSES, SIDE, add_class, draw, give_class, run
from mouse import press
from qtpy.QtCore import Qt

from napari_parsimony.cells.table import SPLITS
from napari_parsimony.gui.docks import open_dock
from napari_parsimony.gui.napari_compat import camera_of
from napari_parsimony.gui.overlay import Overlay
from napari_parsimony.gui.session import Session
from napari_parsimony.study.study import Study

pytestmark = pytest.mark.gui


def test_from_an_image_to_an_equation_on_its_cells(make_napari_viewer, qtbot, tmp_path):
    image, labels, long = draw()
    viewer = make_napari_viewer(show=True)
    viewer.add_image(image, name="field")
    viewer.add_labels(labels, name="nuclei")
    study_dock = open_dock(viewer, "Study")
    session, overlay = Session.of(viewer), Overlay.of(Session.of(viewer))
    # docks that are there from the beginning follow all of it
    docks = {
        name: open_dock(viewer, name, study_dock)
        for name in ("VAE", "Sparse classifier", "Equations", "Latent explorer", "Overlay")
    }
    annotate = open_dock(viewer, "Annotate", study_dock)
    assert study_dock.create_study(tmp_path / "study")

    press(qtbot, study_dock.layers_form.button)
    run(qtbot, study_dock.panel, size=32, window=34.0, orientation="principal axis")
    assert overlay.labels is viewer.layers["nuclei"], "colours go on the user's own layer"
    assert len(session.cells) == SIDE**2

    panel = docks["VAE"].panel
    run(
        qtbot, panel, pretrained="none", steps=600, batch=16, beta=0.01, latents=6, focus=0.0,
        warmup=0.0, check_every=600, augment=False,
    )  # fmt: skip
    assert docks["Latent explorer"].sliders.sliders.keys() == set(session.latent_order)

    for name in CLASSES:
        add_class(qtbot, annotate, name)
    camera_of(viewer).zoom = 6
    qtbot.wait(50)
    for row, label in enumerate(session.cells["label"]):
        give_class(qtbot, viewer, row, Qt.Key.Key_2 if long[label] else Qt.Key.Key_1)
    told = Study.open(session.study.path).cells()
    assert [CLASSES[long[label]] for label in told["label"]] == told["class"].tolist()
    assert set(told["split"]) == set(SPLITS)

    run(
        qtbot, docks["Sparse classifier"].panel, seeds=2, steps=200, batch=64, black_box_seeds=1,
        black_box_epochs=1, density=0.1, sweep=False,
        classes={"round": ["round"], "long": ["long"]},
    )  # fmt: skip
    assert session.classes == CLASSES
    docks["Equations"].choose_tab("Search")
    run(qtbot, docks["Equations"].panel, engines=["quick"], max_size=9)

    scores = session.cell_scores()[:, 0]
    truth = np.array([long[label] for label in session.cells["label"]])
    assert ((scores > 0) == truth).mean() > 0.8
    features = overlay.labels.features.set_index("index")
    assert [session.class_of(score) for score in scores] == features["class"].tolist()
    colours = {
        side: {tuple(overlay.labels.get_color(int(label))) for label in told["label"][here]}
        for side, here in ((False, scores < 0), (True, scores > 0))
    }
    assert len(colours[False]) == len(colours[True]) == 1
    assert colours[False] != colours[True]
    # the last of it in every dock: nothing says any more that something is missing
    for dock in docks.values():
        shown = [label.text() for label in [getattr(dock, "message", None)] if label is not None]
        assert not any("not run yet" in text for text in shown)
    session.select_cell(session.key_of(int(scores.argmax())))
    qtbot.waitUntil(lambda: "long" in docks["Latent explorer"].symbolic.text())
