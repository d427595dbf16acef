"""The whole way by hand: from an image whose cells nobody knows to an equation on them."""

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLineEdit

from napari_parsimony.cells.table import SPLITS
from napari_parsimony.gui.docks import open_dock
from napari_parsimony.gui.napari_compat import camera_of
from napari_parsimony.gui.overlay import Overlay
from napari_parsimony.gui.session import Session
from napari_parsimony.study.study import Study

pytestmark = pytest.mark.gui

SIDE, PITCH = 8, 40
CLASSES = ("round", "long")


def draw(seed=3):
    """Draw a field of round and long cells; return image, labels, and which are long by label."""
    rng = np.random.default_rng(seed)
    image, labels = rng.normal(100, 4, (SIDE * PITCH,) * 2), np.zeros((SIDE * PITCH,) * 2, int)
    rows, columns = np.mgrid[: len(image), : len(image)]
    long = {}
    for i in range(SIDE**2):
        y, x = (np.array(divmod(i, SIDE)) + 0.5) * PITCH + rng.uniform(-3, 3, 2)
        long[i + 1], angle = bool(rng.random() < 0.5), rng.uniform(0, np.pi)
        along = (rows - y) * np.sin(angle) + (columns - x) * np.cos(angle)
        across = (rows - y) * np.cos(angle) - (columns - x) * np.sin(angle)
        inside = (along / 11) ** 2 + (across / (4.5 if long[i + 1] else 8.5)) ** 2 <= 1
        image[inside] += rng.uniform(300, 900)
        labels[inside] = i + 1
    return image.astype(np.uint16), labels, long


def press(qtbot, button):
    assert button.isEnabled(), button.text()
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def run(qtbot, panel, **values):
    panel.set_values(values)
    with qtbot.waitSignal(panel.runner.ended, timeout=180_000) as ended:
        press(qtbot, panel.run_button)
    assert ended.args[0].error is None, ended.args[0].error
    assert "done" in panel.message.text()


def give_class(qtbot, viewer, row, key):
    session, canvas = Session.of(viewer), viewer.window._qt_viewer.canvas.native
    camera_of(viewer).center = (0, *session.cells.loc[row, ["y", "x"]].astype(float))
    middle = canvas.rect().center()
    qtbot.mouseMove(canvas, middle)
    qtbot.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=middle)
    assert session.cell == session.key_of(row)
    qtbot.keyClick(canvas, key)


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
        press(qtbot, annotate.add)
        editor = annotate.table.findChildren(QLineEdit)[-1]
        qtbot.keyClicks(editor, name)
        qtbot.keyClick(editor, Qt.Key.Key_Return)
        qtbot.waitUntil(lambda name=name: name in annotate.annotator.colours)
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
    run(qtbot, docks["Equations"].panel, engines=["quick"], max_size=9)

    scores = session.cell_scores()
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
