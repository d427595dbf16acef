"""The dock 'Study' and the cells on their images, in a real napari with real clicks."""

import gc
import json
import shutil

import numpy as np
import pandas as pd
import pytest
from mouse import press
from napari.layers import Image, Labels
from qtpy.QtCore import QEvent, Qt
from qtpy.QtGui import QPainter
from qtpy.QtWidgets import QApplication

from napari_parsimony.gui.curves import Curves
from napari_parsimony.gui.napari_compat import camera_of
from napari_parsimony.gui.overlay import Overlay
from napari_parsimony.gui.runner import Runner, TimeLeft, words
from napari_parsimony.gui.sample import open_docks
from napari_parsimony.gui.session import Session
from napari_parsimony.gui.study_widget import StudyWidget
from napari_parsimony.report import STEPS

pytestmark = pytest.mark.gui

PLUGIN = "napari-parsimony"


@pytest.fixture
def viewer(make_napari_viewer):
    return make_napari_viewer(show=True)


@pytest.fixture
def dock(viewer):
    _, widget = viewer.window.add_plugin_dock_widget(PLUGIN, "Study")
    return widget


@pytest.fixture
def own_study(field_study, tmp_path):
    """A copy that a test may change."""
    return shutil.copytree(field_study, tmp_path / "study")


def canvas_point(viewer, world):
    """Screen position of a world point, at the middle of the canvas after moving the camera."""
    camera_of(viewer).center = (0, *world)
    canvas = viewer.window._qt_viewer.canvas.native
    return canvas, canvas.rect().center()


def click_world(qtbot, viewer, world):
    canvas, middle = canvas_point(viewer, world)
    qtbot.wait(50)
    qtbot.mouseMove(canvas, middle)
    qtbot.mousePress(canvas, Qt.MouseButton.LeftButton, pos=middle)
    qtbot.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=middle)


def test_without_a_study(dock):
    assert isinstance(dock, StudyWidget)
    assert "No study" in dock.title.text()
    assert not dock.panel.run_button.isEnabled()
    assert not dock.open_study("/nowhere")
    assert "not a study" in dock.panel.message.text()
    assert "Traceback" not in dock.panel.message.text()


def test_states_and_settings(dock, field_study):
    assert dock.open_study(field_study)
    texts = [dock.steps.item(row).text() for row in range(dock.steps.count())]
    said = dict(zip(STEPS, [text.split("– ")[1] for text in texts], strict=True))
    optional = {name for name, step in STEPS.items() if step.optional}
    assert {said.pop(name) for name in optional} == {"optional"}
    assert list(said.values()) == ["ready"] * 4 + ["not run yet"] * 3
    assert dock.step == "evaluate", "the first that is to be run"
    for name, step in STEPS.items():
        dock.choose_step(name)
        assert set(dock.panel.form.fields) == set(step.config.model_fields)
    dock.choose_step("vae")
    record = dock.session.study.step("vae")
    from napari_parsimony.gui.forms import widgets_to_config

    shown = widgets_to_config(dock.panel.form, STEPS["vae"].config)
    assert shown.model_dump(mode="json") == record.config


def test_cells_are_coloured_by_their_class(viewer, dock, field_study):
    dock.open_study(field_study)
    session, overlay = dock.session, dock.overlay
    assert overlay.names == [f"image{i}.tif" for i in range(5)]
    assert [type(layer) for layer in viewer.layers[:2]] == [Image, Labels]
    cells, scores = session.cells, session.cell_scores()[:, 0]
    here = np.flatnonzero(cells["image"] == "image0.tif")
    colours = {}
    for row in here:
        colours.setdefault(scores[row] > 0, set()).add(
            tuple(overlay.labels.get_color(int(cells["label"][row])))
        )
    assert {len(found) for found in colours.values()} == {1}
    assert len(colours) == 2
    assert colours[True] != colours[False]
    features = overlay.labels.features
    assert list(features["index"]) == list(cells["label"][here])
    assert list(features["class"]) == [session.class_of(s) for s in scores[here]]
    np.testing.assert_array_equal(features["score"], scores[here])

    # another equation, other scores
    other = next(i for i in range(len(session.front.candidates)) if i != session.candidate)
    session.choose_expression(other)
    np.testing.assert_array_equal(overlay.labels.features["score"], session.cell_scores()[here, 0])

    index = dock.controls.colours.findData("annotation")
    dock.controls.colours.setCurrentIndex(index)
    by_class = {name: set() for name in ("round", "long")}
    for row in here:
        colour = tuple(overlay.labels.get_color(int(cells["label"][row])))
        by_class[cells["class"][row]].add(colour)
    assert [len(found) for found in by_class.values()] == [1, 1]


def test_click_selects_the_cell_and_a_drag_does_not(qtbot, viewer, dock, field_study):
    dock.open_study(field_study)
    session, overlay = dock.session, dock.overlay
    overlay.labels.scale, overlay.labels.translate = (0.5, 0.5), (7, -3)
    np.testing.assert_array_equal(overlay.ring.scale, (0.5, 0.5))
    np.testing.assert_array_equal(overlay.ring.translate, (7, -3))
    camera_of(viewer).zoom = 8
    row = 5
    key = session.key_of(row)
    y, x = session.cells.loc[row, ["y", "x"]].astype(float)
    click_world(qtbot, viewer, (y * 0.5 + 7, x * 0.5 - 3))
    assert session.cell == key
    np.testing.assert_allclose(overlay.ring.data, [[y, x]])
    names = [name for name in session.study.latents() if name.startswith("z")]
    np.testing.assert_allclose(
        session.latents, session.study.latents().loc[row, names].astype(float)
    )

    canvas, middle = canvas_point(viewer, (y * 0.5 + 7 + 20, x * 0.5 - 3))
    qtbot.mousePress(canvas, Qt.MouseButton.LeftButton, pos=middle)
    for step in range(1, 6):
        qtbot.mouseMove(canvas, middle + type(middle)(step * 8, 0))
    qtbot.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=middle + type(middle)(40, 0))
    assert session.cell == key

    # nothing there
    click_world(qtbot, viewer, (7 + 1, -3 + 1))
    assert session.cell is None
    assert len(overlay.ring.data) == 0


def test_a_cell_of_another_image_brings_its_image(dock, field_study):
    dock.open_study(field_study)
    key = ("image3.tif", 0, 4)
    dock.session.select_cell(key)
    assert dock.overlay.name == "image3.tif"
    assert dock.controls.picture.currentText() == "image3.tif"
    assert len(dock.overlay.ring.data) == 1


def test_scores_are_written_where_they_can_be_read(viewer, dock, field_study):
    dock.open_study(field_study)
    camera_of(viewer).zoom = 10
    assert dock.overlay.scores.text.visible
    camera_of(viewer).zoom = 0.1
    assert not dock.overlay.scores.text.visible
    camera_of(viewer).zoom = 10
    dock.controls.scores.setChecked(False)
    assert not dock.overlay.scores.text.visible


def test_missing_images_are_told(dock, field_study, tmp_path):
    study = shutil.copytree(field_study, tmp_path / "study")
    record = json.loads((study / "cells" / "step.json").read_text())
    record["config"]["image"] = [f"/gone/image{i}.tif" for i in range(5)]
    (study / "cells" / "step.json").write_text(json.dumps(record))
    dock.open_study(study)
    assert "image0.tif does not exist" in dock.controls.problem.text()
    assert dock.controls.problem.isVisible()
    assert dock.overlay.labels is None
    dock.session.select_cell(dock.session.key_of(0))


def test_crops_are_shown_side_by_side(qtbot, viewer, dock, crops_study):
    dock.open_study(crops_study)
    overlay, session = dock.overlay, dock.session
    assert overlay.names == ["crops"]
    assert len(np.unique(overlay.labels.data)) == len(session.cells) + 1
    row = int(overlay._picture.rows[7])
    crop = session.crop(session.key_of(row))[0]
    y, x = int(overlay._picture.y[7] - 15.5), int(overlay._picture.x[7] - 15.5)
    shown = viewer.layers["crops"].data[y : y + 32, x : x + 32]
    np.testing.assert_allclose(shown, np.clip(crop, 0, 1))
    click_world(qtbot, viewer, (overlay._picture.y[7], overlay._picture.x[7]))
    assert session.cell == session.key_of(row)


def test_run_cancel_and_resume(qtbot, dock, own_study):
    dock.open_study(own_study)
    dock.choose_step("vae")
    fields = dock.panel.form.fields
    fields["steps"].widget.value = 100_000
    fields["check_every"].widget.value = 5
    fields["patience"].widget.value = 10_000
    before = dock.session.study.step("vae").fingerprint
    press(qtbot, dock.panel.run_button)
    assert not dock.panel.run_button.isEnabled()
    checkpoint = own_study / ".checkpoints" / "vae" / "training.safetensors"
    qtbot.waitUntil(
        lambda: len(dock.panel.curves.curves) > 0 and checkpoint.exists(), timeout=60_000
    )
    assert dock.panel.bar.value() > 0
    assert "Training" in dock.panel.message.text()
    with qtbot.waitSignal(dock.panel.runner.ended, timeout=60_000):
        press(qtbot, dock.panel.cancel_button)
    assert "cancelled" in dock.panel.message.text()
    assert dock.session.study.step("vae").fingerprint == before
    assert dock.panel.run_button.text() == "Resume: Latents"
    assert dock.panel.run_button.isEnabled()


def test_what_follows_is_out_of_date(qtbot, dock, own_study):
    dock.open_study(own_study)
    told = []
    dock.session.artefacts_changed.connect(told.append)
    dock.choose_step("vae")
    dock.panel.form.fields["steps"].widget.value = 20
    with qtbot.waitSignal(dock.panel.runner.ended, timeout=60_000):
        press(qtbot, dock.panel.run_button)
    assert "done" in dock.panel.message.text()
    assert told == ["vae", "classify", "equations"]
    assert dock.session.study.state("equations") == "stale"
    assert dock.session.front is None, "of other latents"
    assert "out of date" in dock.steps.item(3).text()
    assert "Out of date" not in dock.panel.summary.text()
    dock.choose_step("equations")
    assert "Out of date" in dock.panel.summary.text()
    assert "run again" in dock.steps.item(2).toolTip()


def test_an_end_is_told_once_when_all_docks_show_it(qtbot, dock, own_study, monkeypatch):
    said, seen = [], []
    monkeypatch.setattr("napari_parsimony.gui.runner.show_info", said.append)
    dock.open_study(own_study)
    other = dock.open_dock("Equations")
    dock.choose_step("equations")
    dock.panel.set_values({"engines": ("quick",), "max_size": 1, "start_from": None})

    def shown():
        table = other.front.table
        last = table.columnCount() - 1
        return [table.item(row, last).text() for row in range(table.rowCount())]

    dock.panel.runner.ended.connect(lambda _: seen.append(shown()))
    before = shown()
    with qtbot.waitSignal(dock.panel.runner.ended, timeout=60_000):
        press(qtbot, dock.panel.run_button)
    qtbot.waitUntil(lambda: bool(said), timeout=5000)
    assert said == ["Equations: done."]
    assert seen == [[candidate.unicode() for candidate in dock.session.front.candidates]]
    assert seen != [before]


def test_whoever_presses_a_key_acts_on_what_is_there_now(qtbot, dock, own_study):
    dock.open_study(own_study)
    turns, done = dock.session.turns, []
    with turns.spread():
        turns.do(done.append, "reacted")
    assert done == []
    qtbot.keyClick(dock.steps, Qt.Key.Key_Up)
    assert done == ["reacted"]
    assert not turns
    with turns.spread():
        turns.do(done.append, "in its turn")
    qtbot.waitUntil(lambda: len(done) == 2, timeout=5000)


def test_failure_is_one_sentence(qtbot, dock, own_study):
    dock.open_study(own_study)
    dock.choose_step("cells")
    dock.panel.form.fields["window"].widget.value = "wide"
    press(qtbot, dock.panel.run_button)
    assert dock.panel.message.text() == (
        "The setting 'window' is not usable: 'wide' is not a number."
    )
    dock.panel.form.fields["window"].widget.value = ""
    dock.panel.form.fields["classes"].widget.value = "/nowhere/classes.csv"
    with qtbot.waitSignal(dock.panel.runner.ended, timeout=60_000):
        press(qtbot, dock.panel.run_button)
    assert dock.panel.message.text().startswith("The classes /nowhere/classes.csv cannot be read")
    assert "Traceback" not in dock.panel.message.text()


def test_a_new_study_of_layers(qtbot, viewer, dock, field_study, tmp_path):
    import tifffile

    image = tifffile.imread(field_study.parent / "image0.tif")
    labels = tifffile.imread(field_study.parent / "labels0.tif")
    viewer.add_image(image, name="nuclei", scale=(0.3, 0.3))
    viewer.add_labels(labels, name="segmentation", scale=(0.3, 0.3))
    assert dock.create_study(tmp_path / "new")
    assert dock.step == "cells"
    press(qtbot, dock.layers_form.button)
    assert dock.panel.form.fields["image"].get() == (tmp_path / "new" / "images" / "nuclei.tif",)
    dock.panel.form.fields["size"].widget.value = 32
    with qtbot.waitSignal(dock.panel.runner.ended, timeout=60_000):
        press(qtbot, dock.panel.run_button)
    assert dock.session.study.state("cells") == "ready", dock.panel.message.text()
    assert len(dock.session.cells) == 16
    # the user's own layers are coloured, where they are
    assert dock.overlay.labels is viewer.layers["segmentation"]
    np.testing.assert_array_equal(dock.overlay.ring.scale, (0.3, 0.3))
    recorded = dock.session.study.step("cells").config["image"]
    assert recorded == ["images/nuclei.tif"]


def test_closing_the_viewer_cancels(qtbot, make_napari_viewer, own_study):
    viewer = make_napari_viewer()
    _, dock = viewer.window.add_plugin_dock_widget(PLUGIN, "Study")
    dock.open_study(own_study)
    dock.choose_step("vae")
    dock.panel.form.fields["steps"].widget.value = 100_000
    press_programmatically = dock.panel.run_step
    press_programmatically()
    job = dock.session.job
    assert job is not None
    viewer.close()
    job.wait(60)
    assert not job.running


def test_one_of_each_per_viewer(viewer, dock):
    session = Session.of(viewer)
    assert dock.session is session
    assert Overlay.of(session) is dock.overlay
    assert Runner.of(session) is dock.panel.runner


def test_movies_are_coloured_frame_by_frame(viewer, dock, tmp_path):
    import tifffile

    from napari_parsimony.cells.config import CellsConfig
    from napari_parsimony.study.study import Study

    rng = np.random.default_rng(0)
    labels = np.zeros((3, 80, 120), np.int32)
    for i in range(6):
        y, x = 20 + 40 * (i // 3), 20 + 40 * (i % 3)
        labels[:, y - 8 : y + 8, x - 8 : x + 8] = i + 1
    image = (labels > 0) * 200 + rng.integers(0, 20, labels.shape)
    tifffile.imwrite(tmp_path / "i.tif", image.astype(np.uint16), metadata={"axes": "TYX"})
    tifffile.imwrite(tmp_path / "l.tif", labels, metadata={"axes": "TYX"})
    listed = [(t, i, "ab"[(t + i) % 2]) for t in range(3) for i in range(1, 7)]
    pd.DataFrame(listed, columns=["frame", "label", "class"]).to_csv(
        tmp_path / "classes.csv", index=False
    )
    study = Study.create(tmp_path / "study")
    study.run(
        "cells",
        CellsConfig(
            image=(tmp_path / "i.tif",), labels=(tmp_path / "l.tif",),
            classes=tmp_path / "classes.csv", size=32, folds=3,
        ),
    )  # fmt: skip
    dock.open_study(study.path)
    dock.overlay.set_colour_by("annotation")
    viewer.dims.current_step = (0, 0, 0)
    first = tuple(dock.overlay.labels.get_color(1))
    viewer.dims.current_step = (1, 0, 0)
    second = tuple(dock.overlay.labels.get_color(1))
    assert first != second
    dock.session.select_cell(("i.tif", 1, 3))
    assert len(dock.overlay.ring.data) == 1
    viewer.dims.current_step = (2, 0, 0)
    assert len(dock.overlay.ring.data) == 0


def test_time_left():
    left = TimeLeft()
    assert left.update(50, 100, now=0.0) is None
    assert left.update(60, 100, now=10.0) == pytest.approx(40)
    assert left.update(0, 10, now=11.0) is None, "another phase"
    assert [words(s) for s in (0.2, 30, 600, 7200)] == ["1 s", "30 s", "10 min", "2.0 h"]


def test_closed_docks_may_be_collected_as_garbage(viewer, field_study):
    docks = open_docks(viewer)
    docks["Study"].open_study(field_study)
    parents = [dock.parentWidget() for dock in docks.values()]
    for parent in parents:
        parent.destroyOnClose()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    docks.clear()
    parents.clear()
    gc.collect()  # a crash of the whole process, where Qt calls what was collected
    viewer.add_image(np.zeros((5, 5)))
    Session.of(viewer).close()


def test_a_study_whose_folder_is_away_says_so_and_comes_back(qtbot, viewer, dock, own_study):
    """Not only "not run yet", as if weeks of work had never been."""
    _, annotate = viewer.window.add_plugin_dock_widget(PLUGIN, "Annotate")
    dock.open_study(own_study)
    assert dock.gone.isHidden()
    away = own_study.rename(own_study.with_name("away"))
    qtbot.waitUntil(lambda: not dock.gone.isHidden(), timeout=20_000)
    assert f"{own_study} cannot be found" in dock.gone.text()
    # docks hear of it one after the other
    gone = f"{own_study} cannot be found"
    qtbot.waitUntil(lambda: gone in annotate.message.text(), timeout=20_000)
    away.rename(own_study)
    qtbot.waitUntil(lambda: dock.gone.isHidden(), timeout=20_000)
    qtbot.waitUntil(lambda: dock.steps.item(3).text().endswith("ready"), timeout=20_000)
    Session.of(viewer).close()


def test_each_network_has_a_line_of_its_own(qtbot, monkeypatch):
    drawn = []
    monkeypatch.setattr(QPainter, "drawPolyline", lambda _, line: drawn.append(line.count()))
    curves = Curves()
    qtbot.addWidget(curves)
    for done in range(1, 8):
        curves.add(done, {"loss": 1 / done}, "first" if done < 4 else "second")
    curves.grab()
    assert drawn == [3, 4]
    curves.add(1, {"loss": 1.0}, "first")  # another run
    drawn.clear()
    curves.grab()
    assert drawn == [1]


def test_the_legend_of_the_curves_is_never_cut_off(qtbot):
    curves = Curves()
    qtbot.addWidget(curves)
    curves.resize(330, 110)
    for done in (1, 2):
        curves.add(done, {"loss": 0.36451, "validation loss": 2.50212, "best validation loss": 0.2})
    alone = Curves(names=("mutual information",), height=80)
    qtbot.addWidget(alone)
    alone.resize(158, 80)  # two share the width of a dock
    alone.add(1, {"mutual information": 0.33864})
    for chart in (curves, alone):
        edge = chart.grab().toImage()
        column = {edge.pixelColor(edge.width() - 1, y).name() for y in range(edge.height())}
        assert len(column) == 1, "ink at the edge"
