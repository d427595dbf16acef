"""The dock 'Cells': layers to crops, in a real napari with real clicks."""

import numpy as np
import pandas as pd
import pytest
import tifffile
from mouse import press
from napari.layers import Labels
from qtpy.QtCore import QRect, Qt
from qtpy.QtWidgets import QComboBox, QFileDialog

from napari_parsimony.cells.config import CellsConfig
from napari_parsimony.errors import UserError
from napari_parsimony.gui.cells_dock import FILES, LAYERS, CellsDock
from napari_parsimony.gui.cells_files import save_layers
from napari_parsimony.gui.cells_layers import FieldLayers, open_layers
from napari_parsimony.study.study import Study

pytestmark = pytest.mark.gui


def field(seed=0, cells=4, pitch=30):
    """Bright discs on a noisy ground, and their labels."""
    rng = np.random.default_rng(seed)
    side = cells * pitch
    rows, columns = np.mgrid[:side, :side]
    image, labels = rng.normal(100, 4, (side, side)), np.zeros((side, side), np.int32)
    for i in range(cells**2):
        y, x = (np.array(divmod(i, cells)) + 0.5) * pitch + rng.uniform(-2, 2, 2)
        mask = np.hypot(rows - y, columns - x) < rng.uniform(6, 8)
        image[mask], labels[mask] = rng.uniform(400, 900), i + 1
    return image.astype(np.uint16), labels


@pytest.fixture
def viewer(make_napari_viewer):
    return make_napari_viewer(show=True)


@pytest.fixture
def dock(viewer):
    _, widget = viewer.window.add_plugin_dock_widget("napari-parsimony", "Cells")
    return widget


@pytest.fixture
def place(monkeypatch, tmp_path):
    """What people answer to where the study is to be."""
    asked = []

    def answer(parent, title, proposed):
        asked.append(proposed)
        return str(tmp_path / "my study"), ""

    monkeypatch.setattr(QFileDialog, "getSaveFileName", answer)
    return asked


def seen(qtbot, dock):
    """Wait for the preview of what is chosen now."""
    qtbot.waitUntil(lambda: not dock._settled.isActive() and not dock._background.busy)
    return dock.crops.preview


def ran(qtbot, dock, button=None):
    with qtbot.waitSignal(dock.panel.runner.ended, timeout=30_000):
        press(qtbot, button or dock.panel.run_button)
    assert "done in" in dock.panel.message.text()


def tick(dock, row):
    """Click the box of a row."""
    item = dock.table.topLevelItem(row)
    place: QRect = dock.table.visualItemRect(item)
    return dock.table.viewport(), place.topLeft() + (place.bottomLeft() - place.topLeft()) / 2


def texts(box):
    return [box.itemText(i) for i in range(box.count())]


def test_from_an_image_to_cells(qtbot, viewer, dock, place, tmp_path):
    """An image, one click for nuclei, one for all the rest."""
    image, labels = field()
    assert isinstance(dock, CellsDock)
    seen(qtbot, dock)
    assert "There is no image layer" in dock.crops_text.text()
    assert not dock.find.button.isEnabled()
    viewer.add_image(image, name="plate 3")
    seen(qtbot, dock)
    assert "tick one" in dock.crops_text.text()
    press(qtbot, dock.find.button)
    assert dock.find.button.text() == "Find nuclei in 'plate 3'"
    assert not dock.find.button.isEnabled()
    qtbot.waitUntil(lambda: not dock.find.nuclei.busy, timeout=30_000)
    found = viewer.layers["nuclei of plate 3"]
    assert isinstance(found, Labels)
    assert found.editable
    assert len(np.unique(found.data)) == 17
    assert "16 nuclei found" in dock.find.text.text()
    assert np.mean((found.data > 0) == (labels > 0)) > 0.98
    assert seen(qtbot, dock).count == 16
    assert len(dock.crops.preview.crops) == 12
    assert dock.crops_text.text().startswith("16 cells · crops of")

    dock.panel.form.fields["window"].widget.value = "20"
    assert seen(qtbot, dock).windows == (20, 20)
    ran(qtbot, dock)
    assert place[0].endswith("plate 3 study")
    assert dock.session.study.path == tmp_path / "my study"
    cells = dock.session.cells
    assert cells["image"].unique().tolist() == ["plate 3.tif"]
    assert len(cells) == 16
    config = dock.session.study.step("cells").settings(CellsConfig, tmp_path / "my study")
    assert config.window == 20, "settings survive the beginning of a study"
    np.testing.assert_array_equal(tifffile.imread(config.labels[0]), found.data)
    # the crops are those that were seen
    first = dock.crops.preview.crops[0]
    np.testing.assert_allclose(dock.session.study.crops()[0], first, atol=6e-4)
    # and they stand on the user's own layers
    assert dock.overlay.labels is found


def test_a_study_that_is_not_begun(qtbot, viewer, dock, monkeypatch):
    image, labels = field()
    viewer.add_image(image, name="a")
    viewer.add_labels(labels, name="b")
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: ("", ""))
    press(qtbot, dock.panel.run_button)
    press(qtbot, dock.new_button)
    assert dock.session.study is None
    assert dock.panel.message.text() == ""


def test_several_images_with_classes_and_groups(qtbot, viewer, dock, tmp_path):
    classes, wells = {}, {}
    for number in range(2):
        image, labels = field(number)
        classes[number] = [None] + ["ab"[i % 2] for i in range(16)]
        wells[number] = [""] + [f"w{i % 3 + 3 * number}" for i in range(16)]
        features = pd.DataFrame({"phase": classes[number], "well": wells[number]})
        viewer.add_image(image, name=f"field {number}")
        viewer.add_labels(labels, name=f"cells {number}", features=features)
    rows = dock.table.rows
    assert [(row.image.name, row.cells.name) for row in rows] == [
        ("field 0", "cells 0"), ("field 1", "cells 1")
    ]  # fmt: skip
    assert seen(qtbot, dock).count == 32
    viewport, point = tick(dock, 0)
    qtbot.mouseClick(viewport, Qt.MouseButton.LeftButton, pos=point + type(point)(10, 0))
    assert seen(qtbot, dock).count == 16
    assert dock.crops.preview.names[0] == "Cell 1 of field 1"
    qtbot.mouseClick(viewport, Qt.MouseButton.LeftButton, pos=point + type(point)(10, 0))
    assert texts(dock.classes) == texts(dock.groups) == ["none", "phase", "well"]
    dock.classes.setCurrentText("phase")
    dock.groups.setCurrentText("well")
    assert dock.create_study(tmp_path / "study")
    ran(qtbot, dock)
    cells = dock.session.cells
    for number in range(2):
        here = cells[cells["image"] == f"field {number}.tif"]
        assert here["class"].tolist() == classes[number][1:]
        assert here["group"].tolist() == wells[number][1:]
    assert (cells.groupby("group")["split"].nunique() == 1).all()
    # the overlay puts features of its own into the layer, which are nobody's classes
    assert texts(dock.classes) == ["none", "phase", "well"]
    assert dock.classes.currentText() == "phase"
    # without groups again, of one image
    dock.groups.setCurrentText("none")
    dock.table.topLevelItem(1).setCheckState(0, Qt.CheckState.Unchecked)
    ran(qtbot, dock)
    assert dock.session.cells["group"].str.contains("tile").all()
    assert dock.session.cells["class"].tolist() == classes[0][1:]


def test_channels_and_micrometres(qtbot, viewer, dock, tmp_path):
    image, labels = field()
    look = {"blending": "additive", "scale": (0.5, 0.5), "units": ("um", "um")}
    viewer.add_image(image, name="DNA", **look)
    viewer.add_image(1000 - image, name="actin", **look)
    viewer.add_labels(labels, name="cells", scale=(0.5, 0.5), units=("um", "um"))
    assert [row.cells.name for row in dock.table.rows] == ["cells", "cells"]
    assert seen(qtbot, dock).crops.shape == (12, 2, 64, 64)
    fields = dock.panel.form.fields
    assert fields["pixel_size"].get() == 0.5
    fields["window_um"].widget.value = "12"
    assert seen(qtbot, dock).windows == (24, 24)
    assert "crops of 24 pixels (12 µm) · 2 channels" in dock.crops_text.text()
    fields["channels"].widget.value = "1"
    assert seen(qtbot, dock).crops.shape == (12, 1, 64, 64)
    assert dock.create_study(tmp_path / "study")
    fields = dock.panel.form.fields  # another form, with the same settings
    fields["channels"].widget.value = "1, 0"
    ran(qtbot, dock)
    crops = dock.session.study.crops()
    assert crops.shape == (16, 2, 64, 64)
    assert crops[5, 0, 32, 32] < 0.2
    assert crops[5, 1, 32, 32] > 0.8
    assert (dock.session.cells["scale"] == 24 / 64).all()


def test_points_and_tracks(qtbot, viewer, dock, tmp_path):
    image, labels = field()
    centres = np.array([np.argwhere(labels == i + 1).mean(0) for i in range(16)])
    viewer.add_image(image, name="image", scale=(2, 2), translate=(5, 0))
    points = viewer.add_points(centres * 2 + (5, 0), name="clicked")
    assert dock.table.rows[0].cells is points
    seen(qtbot, dock)
    assert "points do not say how large a cell is: give 'window'" in dock.crops_text.text()
    assert dock.crops.preview is None
    dock.panel.form.fields["window"].widget.value = "20"
    assert seen(qtbot, dock).count == 16
    points.add((45, 40))
    assert seen(qtbot, dock).count == 17, "what is clicked is seen"
    points.data = points.data[:16]
    assert dock.create_study(tmp_path / "study")
    ran(qtbot, dock)
    np.testing.assert_allclose(dock.session.cells[["y", "x"]], centres)
    assert dock.overlay.picture is not None, dock.overlay.problem
    shown = dock.overlay.labels.data
    assert shown[tuple(centres[3].round().astype(int))] > 0
    viewer.layers.clear()
    movie = np.stack([image, field(1)[0]])
    viewer.add_image(movie, name="movie")
    rows = [(7 + i, t, *centre) for i, centre in enumerate(centres) for t in (0, 1)]
    viewer.add_tracks(np.array(rows), name="tracked")
    viewer.dims.set_current_step(0, 0)
    before = seen(qtbot, dock)
    assert before.count == 16
    viewer.dims.set_current_step(0, 1)
    assert np.abs(seen(qtbot, dock).crops[0] - before.crops[0]).max() > 0.1
    ran(qtbot, dock)
    cells = dock.session.cells
    assert cells["frame"].tolist() == [0] * 16 + [1] * 16
    assert cells["label"].tolist() == [*range(7, 23)] * 2


def test_the_preview_follows(qtbot, viewer, dock):
    image, labels = field()
    pixels = viewer.add_image(image, name="image")
    layer = viewer.add_labels(labels, name="cells")
    assert seen(qtbot, dock).count == 16
    layer.data = np.where(labels == 3, 0, labels)
    assert seen(qtbot, dock).count == 15
    layer.fill((1, 1), 20)  # the ground, as by a click
    assert seen(qtbot, dock).count == 16
    layer.data = labels
    before = seen(qtbot, dock).crops
    dock.panel.form.fields["orientation"].set("principal axis")
    assert np.abs(seen(qtbot, dock).crops - before).max() > 0.1
    pixels.data = image.max() - image
    assert seen(qtbot, dock).crops[0, 0, 32, 32] < 0.3
    dock.panel.form.fields["window"].widget.value = "wide"
    assert seen(qtbot, dock) is None
    assert "'wide' is not a number" in dock.crops_text.text()
    dock.panel.form.fields["window"].widget.value = ""
    assert seen(qtbot, dock).count == 16
    layer.translate = (3, 0)
    assert seen(qtbot, dock) is None
    assert "do not lie on each other" in dock.crops_text.text()
    press(qtbot, dock.panel.run_button)
    assert dock.session.job is None


def test_labels_named_after_an_image_become_the_cells_of_no_other(viewer, dock):
    """Whoever finds nuclei anew, or corrects a copy, has two layers of labels for one image."""
    image, labels = field()
    viewer.add_image(image, name="well 1")
    viewer.add_labels(labels, name="well 1 labels")
    viewer.add_image(image[::-1], name="dish")
    viewer.add_labels(labels, name="nuclei of well 1")
    rows = dock.table.rows
    assert [row.cells and row.cells.name for row in rows] == ["well 1 labels", None]


def test_images_of_two_magnifications_or_kinds_are_told(qtbot, viewer, dock):
    image, labels = field()
    viewer.add_image(image, name="coarse")
    viewer.add_labels(labels, name="coarse cells")
    viewer.add_image(np.kron(image, np.ones((2, 2), np.uint16)), name="fine")
    viewer.add_labels(np.kron(labels, np.ones((2, 2), np.int32)), name="fine cells")
    small, large = seen(qtbot, dock).windows
    assert large == pytest.approx(2 * small, rel=0.05)
    assert f"crops of {small:.3g} to {large:.3g} pixels" in dock.crops_text.text()
    viewer.layers["fine"].data = viewer.layers["fine"].data.astype(np.float32)
    seen(qtbot, dock)
    text = dock.crops_text.text()
    assert "'coarse' has 1 channel of uint16, 'fine' has 1 channel of float32" in text


def test_labels_that_were_opened_as_an_image_are_told_from_images(qtbot, viewer, dock):
    image, labels = field()
    viewer.add_image(image, name="first")
    seen(qtbot, dock)
    assert "Convert to Labels" not in dock.crops_text.text()
    opened = viewer.add_image(labels, name="first_labels")
    seen(qtbot, dock)
    assert "'first_labels' looks like labels" in dock.crops_text.text()
    opened.data = (labels > 0).astype(np.uint8) * 255
    dock.preview_now()
    seen(qtbot, dock)
    assert "'first_labels' looks like a mask" in dock.crops_text.text()
    viewer.layers.remove(opened)
    viewer.add_labels(labels, name="first_labels")  # as napari converts it
    assert seen(qtbot, dock).count == 16


def test_layers_come_and_go(qtbot, viewer, dock):
    image, labels = field()
    first = viewer.add_image(image, name="first")
    viewer.add_image(image, name="second")
    cells = viewer.add_labels(labels, name="first cells")
    rows = dock.table.rows
    assert [(row.image.name, row.cells) for row in rows] == [("first", cells), ("second", None)]
    assert rows[0].ticked
    assert not rows[1].ticked, "labels are of one image, unless images are channels"
    first.name = "renamed"
    assert dock.table.topLevelItem(0).text(0) == "renamed"
    assert seen(qtbot, dock).names[0] == "Cell 1 of renamed"
    other = viewer.add_labels(labels[::-1].copy(), name="other")
    assert dock.table.rows[0].cells is cells, "the choice stays"
    box = dock.table.itemWidget(dock.table.topLevelItem(0), 1)
    assert isinstance(box, QComboBox)
    box.setCurrentText("other")
    assert dock.table.fields()[0].cells is other
    viewer.layers.remove(other)
    assert seen(qtbot, dock) is None
    assert "'renamed' has no cells yet" in dock.crops_text.text()
    press(qtbot, dock.panel.run_button)
    assert "'renamed' has no cells yet" in dock.panel.message.text()
    viewer.layers.clear()
    seen(qtbot, dock)
    assert "There is no image layer" in dock.crops_text.text()
    assert dock.table.topLevelItemCount() == 0


def test_nuclei_of_a_layer_that_goes(qtbot, viewer, dock):
    layer = viewer.add_image(field()[0], name="gone")
    press(qtbot, dock.find.button)
    viewer.layers.remove(layer)
    qtbot.waitUntil(lambda: not dock.find.nuclei.busy, timeout=30_000)
    assert "'gone' is gone" in dock.find.text.text()
    assert len(viewer.layers) == 0
    viewer.add_image(np.full((40, 40), 7, np.uint8), name="empty")
    press(qtbot, dock.find.button)
    qtbot.waitUntil(lambda: not dock.find.nuclei.busy, timeout=30_000)
    assert "No nucleus was found in 'empty'" in dock.find.text.text()
    press(qtbot, dock.find.button)
    qtbot.waitUntil(lambda: dock.find.nuclei._job is not None, timeout=10_000)
    press(qtbot, dock.find.stop)
    qtbot.waitUntil(lambda: not dock.find.nuclei.busy, timeout=30_000)
    assert len(viewer.layers) == 1


def test_nuclei_of_a_movie_in_channels(qtbot, viewer, dock):
    movie = np.stack([np.stack([np.full((120, 120), 5, np.uint16), field(t)[0]]) for t in range(2)])
    viewer.add_image(movie, name="movie", scale=(1, 1, 0.5, 0.5))
    dock.find.form.fields["channel"].set(1)
    press(qtbot, dock.find.button)
    qtbot.waitUntil(lambda: not dock.find.nuclei.busy, timeout=30_000)
    found = viewer.layers["nuclei of movie"]
    assert found.data.shape == (2, 120, 120)
    assert found.scale.tolist() == [1, 0.5, 0.5]
    assert "32 nuclei" in dock.find.text.text()
    dock.panel.form.fields["channels"].widget.value = "1"
    assert seen(qtbot, dock).count == 16


def test_files_of_a_study(qtbot, viewer, dock, field_study):
    dock.session.open_study(field_study)
    assert dock.source.currentText() == FILES
    assert not dock.layers.isVisible()
    preview = seen(qtbot, dock)
    assert dock.panel.form.fields["image"].widget.native.isVisible()
    assert preview.count == 80
    assert np.abs(preview.crops[0] - dock.session.study.crops()[0]).max() < 1e-3
    dock.source.setCurrentText(LAYERS)
    assert not dock.panel.form.fields["image"].widget.native.isVisible()
    dock.session.close()
    assert dock.title.text() == "<b>No study is open</b>"
    assert "Begin a study" in dock.panel.run_button.text()


def test_a_dock_that_is_gone_follows_nothing(qtbot, viewer, dock):
    image, labels = field()
    layer = viewer.add_image(image)
    viewer.add_labels(labels)
    seen(qtbot, dock)
    viewer.window.remove_dock_widget(dock)
    dock.deleteLater()
    qtbot.wait(1)
    layer.data = image + 1
    viewer.add_image(image)
    viewer.layers.clear()


# Layers to files


def as_field(image, cells):
    return FieldLayers((image,), cells, cells.features)


def test_files_are_used_only_for_what_they_hold(viewer, tmp_path):
    image, labels = field()
    stack = np.stack([image, image + 1])
    tifffile.imwrite(tmp_path / "two.tif", stack, metadata={"axes": "CYX"})
    tifffile.imwrite(tmp_path / "one.tif", image)
    whole, part = (
        viewer.open(tmp_path / name, plugin="napari", channel_axis=axis)
        for name, axis in (("one.tif", None), ("two.tif", 0))
    )
    assert part[1].source.path == str(tmp_path / "two.tif")
    cells = viewer.add_labels(labels)
    study = tmp_path / "study"
    study.mkdir()
    (path,) = save_layers([as_field(whole[0], cells)], study).settings["image"]
    assert path == tmp_path / "one.tif"
    (path,) = save_layers([as_field(part[1], cells)], study).settings["image"]
    assert path.parent == study / "images"
    np.testing.assert_array_equal(tifffile.imread(path), image + 1)
    whole[0].data = image * 2
    (path,) = save_layers([as_field(whole[0], cells)], study).settings["image"]
    np.testing.assert_array_equal(tifffile.imread(path), image * 2)


def test_layers_that_are_no_study(viewer, tmp_path):
    image, labels = field()
    first, second = viewer.add_image(image, name="a"), viewer.add_image(image[:, :90], name="b")
    cells, points = viewer.add_labels(labels, name="c"), viewer.add_points([[5, 5]], name="d")
    with pytest.raises(UserError, match="Some of the images have labels and some points"):
        save_layers([as_field(first, cells), as_field(second, points)], tmp_path)
    with pytest.raises(UserError, match=r"'b' .* and 'c' .* do not fit"):
        open_layers(as_field(second, cells))
    with pytest.raises(UserError, match="'a' and 'b' have the same cells, 'c'"):
        open_layers(FieldLayers((first, second), cells, cells.features))
    with pytest.raises(UserError, match="has no feature 'well'"):
        save_layers([as_field(first, cells)], tmp_path, group_column="well")
    with pytest.raises(UserError, match="do not fit"):
        open_layers(as_field(first, viewer.add_points([[1, 2, 3, 4]])))
    (tmp_path / "study").write_text("no folder")
    with pytest.raises(UserError, match="Could not write into"):
        save_layers([as_field(first, cells)], tmp_path / "study")


def test_points_on_channels(viewer):
    image, labels = field()
    channels = viewer.add_image(np.stack([image, image]), name="channels")
    clicked = viewer.add_points([[1, 15, 15], [0, 45, 15]], name="clicked")
    # as nobody told otherwise, the first axis is time
    assert open_layers(as_field(channels, clicked)).image.count == 2
    opened = open_layers(as_field(channels, clicked), "CYX")
    assert (opened.image.count, opened.image.channels) == (1, 2)
    assert opened.where[["y", "x"]].to_numpy().tolist() == [[15, 15], [45, 15]]
    colours = viewer.add_image(np.stack([image] * 3, -1).astype(np.uint8), rgb=True, name="rgb")
    opened = open_layers(as_field(colours, viewer.add_labels(labels)), channels=(2,))
    np.testing.assert_array_equal(opened.image.read(0)[0], image.astype(np.uint8))


def test_a_table_of_points_may_number_them(viewer):
    image, _ = field()
    layer = viewer.add_image(image)
    points = viewer.add_points([[5, 5], [9, 9]], features={"track_id": [0, 4]})
    assert open_layers(as_field(layer, points)).where["label"].tolist() == [0, 4]


def test_proposed_places_are_free(viewer, dock, tmp_path, monkeypatch):
    from qtpy.QtCore import QStandardPaths

    monkeypatch.setattr(QStandardPaths, "writableLocation", lambda *_: str(tmp_path))
    image, labels = field()
    viewer.add_image(image, name="a/b")
    viewer.add_labels(labels)
    assert dock.proposed_place() == tmp_path / "a_b study"
    Study.create(tmp_path / "a_b study")
    assert dock.proposed_place() == tmp_path / "a_b study 2"
