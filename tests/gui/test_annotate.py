"""The dock 'Annotate': clicks and keys on the canvas of a real napari give cells classes."""

import shutil

import napari.layers
import numpy as np
import pandas as pd
import pytest
from mouse import press
from qtpy.QtCore import Qt
from qtpy.QtGui import QColor
from qtpy.QtWidgets import QAbstractButton, QColorDialog, QFileDialog, QLineEdit

from napari_parsimony.cells.annotations import Annotations
from napari_parsimony.cells.table import KEY, SPLITS
from napari_parsimony.classify.config import ClassifyConfig
from napari_parsimony.errors import UserError
from napari_parsimony.figures.palette import CLASS_COLOURS
from napari_parsimony.gui.annotator import Annotator
from napari_parsimony.gui.import_classes import columns, from_layer
from napari_parsimony.gui.napari_compat import camera_of
from napari_parsimony.gui.overlay import Overlay
from napari_parsimony.gui.scoring import uncertainties
from napari_parsimony.gui.session import Session
from napari_parsimony.study.study import Study

pytestmark = pytest.mark.gui

PLUGIN = "napari-parsimony"


@pytest.fixture
def viewer(make_napari_viewer):
    return make_napari_viewer(show=True)


@pytest.fixture
def dock(viewer):
    _, widget = viewer.window.add_plugin_dock_widget(PLUGIN, "Annotate")
    return widget


@pytest.fixture
def own_study(field_study, tmp_path):
    return shutil.copytree(field_study, tmp_path / "study")


@pytest.fixture
def bare_study(field_study, tmp_path):
    """Cells and latents, but nobody knows a class."""
    study = Study.open(shutil.copytree(field_study, tmp_path / "bare"))
    for name in ("classify", "equations"):
        shutil.rmtree(study.path / name)
    keys = study.cells()[KEY].itertuples(index=False, name=None)
    study.annotate(Annotations({}, dict.fromkeys(keys)))
    return study.path


@pytest.fixture
def annotator(dock, own_study):
    dock.session.open_study(own_study)
    return dock.annotator


def test_the_image_whose_cells_are_annotated_is_chosen_here(qtbot, dock, annotator):
    assert dock.picture.isVisible()
    dock.picture.setFocus()
    qtbot.keyClick(dock.picture, Qt.Key.Key_Down)
    assert Overlay.of(dock.session).name == dock.picture.currentText() == "image1.tif"


def test_whoever_removed_the_cells_is_told_where_they_click(viewer, dock, annotator):
    viewer.layers.remove("cells")
    assert "'cells' was removed" in dock.target.text()
    Overlay.of(dock.session).show_again()
    assert "Click a cell" in dock.target.text()


def canvas_of(viewer):
    return viewer.window._qt_viewer.canvas.native


def click_cell(qtbot, viewer, row):
    session = Session.of(viewer)
    camera_of(viewer).zoom = 6
    camera_of(viewer).center = (0, *session.cells.loc[row, ["y", "x"]].astype(float))
    canvas = canvas_of(viewer)
    middle = canvas.rect().center()
    qtbot.wait(50)
    qtbot.mouseMove(canvas, middle)
    qtbot.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=middle)
    assert session.cell == session.key_of(row)


def on_disk(study, row):
    """Class of a cell as another program sees it."""
    name = Study.open(study).cells()["class"][row]
    return name if isinstance(name, str) else None


def texts(dock):
    table = dock.table
    return [
        [table.item(row, column).text() for column in (0, 2, 3, 4, 5)]
        for row in range(table.rowCount())
    ]


def test_without_a_study(dock, viewer, qtbot, crops_study):
    assert dock.message.isVisible()
    assert "No study is open" in dock.message.text()
    assert not dock.content.isVisible()
    qtbot.keyClick(canvas_of(viewer), Qt.Key.Key_1)
    dock.session.open_study(crops_study)
    assert dock.content.isVisible()
    dock.session.close()
    assert "No study is open" in dock.message.text()
    assert not viewer.keymap, "napari has its keys back"


def test_classes_and_counts_of_the_study(dock, annotator):
    cells = dock.session.cells
    counts = {
        name: [str(((cells["class"] == name) & (cells["split"] == s)).sum()) for s in SPLITS]
        for name in ("round", "long")
    }
    # in the order in which the classifier was told: compact (round), stretched (long)
    assert texts(dock) == [["1", "round", *counts["round"]], ["2", "long", *counts["long"]]]
    assert annotator.colours == {"round": CLASS_COLOURS[0], "long": CLASS_COLOURS[1]}
    assert dock.session.annotations == Annotations(), "looking changes nothing"
    assert "0 cells have no class" in dock.lacking.text()
    for button in dock.content.findChildren(QAbstractButton):
        assert button.toolTip() or not (button.isVisible() and button.text()), button.text()


def test_click_and_key_annotate_and_are_on_disk_at_once(qtbot, viewer, dock, own_study):
    session = dock.session
    session.open_study(own_study)
    row = int(np.flatnonzero(session.cells["class"] == "long")[0])
    session.select_cell(session.key_of(row))
    click_cell(qtbot, viewer, row)
    assert dock.target.text().endswith("<b>long</b>")
    before = texts(dock)
    qtbot.keyClick(canvas_of(viewer), Qt.Key.Key_1)
    assert on_disk(own_study, row) == "round"
    assert dock.target.text().endswith("<b>round</b>")
    assert texts(dock) != before
    assert dock.overlay.labels.mode == "pan_zoom", "1 is no tool of the layer now"
    assert "1 cell has another class than the classifiers learned" in dock.since.text()
    qtbot.keyClick(canvas_of(viewer), Qt.Key.Key_0)
    assert on_disk(own_study, row) is None
    qtbot.keyClick(canvas_of(viewer), Qt.Key.Key_2)
    qtbot.keyClick(canvas_of(viewer), Qt.Key.Key_Delete)
    assert on_disk(own_study, row) is None
    assert "1 cell has no class" in dock.lacking.text()
    assert dock.target.text().endswith("<b>no class</b>")
    qtbot.keyClick(canvas_of(viewer), Qt.Key.Key_9)
    assert "no class number 9" in dock.said.text()
    for _ in range(4):
        qtbot.keyClick(canvas_of(viewer), Qt.Key.Key_U)
    assert on_disk(own_study, row) == "long"
    assert texts(dock) == before
    assert "know all classes" in dock.since.text()
    assert not dock.undo.isEnabled()
    qtbot.keyClick(canvas_of(viewer), Qt.Key.Key_U, Qt.KeyboardModifier.ShiftModifier)
    assert on_disk(own_study, row) == "round"
    session.select_cell(None)
    qtbot.keyClick(canvas_of(viewer), Qt.Key.Key_2)
    assert "Click a cell first" in dock.said.text()
    assert dock.overlay.labels.mode == "pan_zoom"


def test_paint_gives_every_clicked_cell_the_class(qtbot, viewer, dock, own_study):
    session = dock.session
    session.open_study(own_study)
    here = np.flatnonzero(session.cells["image"] == "image0.tif")
    first, second = here[session.cells["class"].iloc[here] == "round"][:2]
    dock.table.choose("long")
    click_cell(qtbot, viewer, int(first))
    assert on_disk(own_study, first) == "round", "not while it is off"
    press(qtbot, dock.paint)
    assert "make them <b>long</b>" in dock.target.text()
    click_cell(qtbot, viewer, int(first))
    click_cell(qtbot, viewer, int(second))
    assert [on_disk(own_study, row) for row in (first, second)] == ["long", "long"]
    # selected by other means: not painted
    third = int(np.flatnonzero(session.cells["class"] == "round")[-1])
    session.select_cell(session.key_of(third))
    assert on_disk(own_study, third) == "round"


def test_napari_has_all_its_keys_while_somebody_paints_and_afterwards(
    qtbot, viewer, dock, own_study
):
    session, canvas = dock.session, canvas_of(viewer)
    session.open_study(own_study)
    labels = dock.overlay.labels
    session.select_cell(session.key_of(0))
    before = on_disk(own_study, 0)
    labels.mode = "paint"
    qtbot.keyClick(canvas, Qt.Key.Key_1)
    assert labels.mode == "erase"
    labels.data_setitem((np.array([0]), np.array([0])), 5)
    assert labels.data[0, 0] == 5
    qtbot.keyClick(canvas, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert labels.data[0, 0] == 0, "Ctrl+Z is of the layer"
    assert on_disk(own_study, 0) == before
    labels.mode = "pan_zoom"
    shapes = viewer.add_shapes(name="mine")
    qtbot.keyClick(canvas, Qt.Key.Key_R)
    assert shapes.mode == "add_rectangle"
    qtbot.keyClick(canvas, Qt.Key.Key_5)
    assert shapes.mode == "select"
    assert on_disk(own_study, 0) == before
    viewer.layers.selection.active = viewer.layers["image0.tif"]
    wanted = "round" if before == "long" else "long"
    qtbot.keyClick(canvas, Qt.Key.Key_1 if wanted == "round" else Qt.Key.Key_2)
    assert on_disk(own_study, 0) == wanted, "images need no number keys"
    viewer.layers.selection.active = labels

    viewer.bind_key("n", lambda viewer: None, overwrite=True)
    theirs = dict(viewer.keymap)
    dock.parentWidget().close()
    assert not labels.keymap
    assert viewer.keymap == {key: theirs[key] for key in viewer.keymap}
    assert len(viewer.keymap) == 1, "what somebody else bound meanwhile stays"
    qtbot.keyClick(canvas, Qt.Key.Key_2)
    assert labels.mode == "paint"
    assert on_disk(own_study, 0) == wanted
    dock.parentWidget().show()
    labels.mode = "pan_zoom"
    qtbot.keyClick(canvas, Qt.Key.Key_0)
    assert on_disk(own_study, 0) is None
    dock.parentWidget().destroyOnClose()
    assert not labels.keymap
    assert len(viewer.keymap) == 1


def test_keys_in_the_dock(qtbot, dock, annotator, own_study):
    session = dock.session
    session.select_cell(session.key_of(3))
    before = on_disk(own_study, 3)
    for widget in (dock.table, dock.paint, dock):
        qtbot.keyClick(widget, Qt.Key.Key_0)
        assert on_disk(own_study, 3) is None
        qtbot.keyClick(widget, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
        assert on_disk(own_study, 3) == before
    press(qtbot, dock.redo)
    assert on_disk(own_study, 3) is None


def test_rename_recolour_add_remove_and_undo_all_of_it(qtbot, monkeypatch, dock, annotator):
    session = dock.session
    before, whole = session.cells["class"].copy(), texts(dock)
    dock.table.choose("long")
    dock.table.edit_name()
    editor = dock.table.findChild(QLineEdit)
    editor.selectAll()
    qtbot.keyClicks(editor, "rod 1")
    assert list(session.cells["class"]) == list(before), "not while it is typed"
    qtbot.keyClick(editor, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: "rod 1" in annotator.colours)
    assert list(session.cells["class"]) == ["rod 1" if name == "long" else name for name in before]
    assert list(annotator.colours) == ["round", "rod 1"]
    assert dock.table.name == "rod 1"

    monkeypatch.setattr(QColorDialog, "getColor", lambda *_: QColor("#123456"))
    press(qtbot, dock.table.cellWidget(1, 1))
    assert annotator.colours["rod 1"] == "#123456"
    assert Study.open(session.study.path).annotations().colours["rod 1"] == "#123456"

    press(qtbot, dock.add)
    editor = dock.table.findChildren(QLineEdit)[-1]
    qtbot.keyClicks(editor, "debris")
    qtbot.keyClick(editor, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: list(annotator.colours) == ["round", "rod 1", "debris"])
    assert annotator.colours["debris"] == CLASS_COLOURS[1], "free again"
    annotator.annotate([0, 1], "debris")
    assert "There is no debris in" in dock.lacking.text()

    dock.table.choose("round")
    press(qtbot, dock.remove)
    assert list(annotator.colours) == ["rod 1", "debris"]
    assert not (session.cells["class"] == "round").any()
    assert dock.table.item(0, 0).text() == "1"

    steps = 0
    while annotator.undo():
        steps += 1
    assert steps == 6
    assert list(session.cells["class"]) == list(before)
    assert texts(dock) == whole
    while annotator.redo():
        pass
    assert list(annotator.colours) == ["rod 1", "debris"]


@pytest.mark.parametrize(("theme", "red"), [("dark", "#ff6b6b"), ("light", "#c01818")])
def test_what_lacks_can_be_read_in_both_themes(viewer, own_study, theme, red):
    viewer.theme = theme
    _, dock = viewer.window.add_plugin_dock_widget(PLUGIN, "Annotate")
    dock.session.open_study(own_study)
    dock.annotator.add("debris")
    dock.annotator.annotate([0, 1], "debris")
    assert f"color:{red}'>There is no debris in" in dock.lacking.text()


def test_classes_change_places_and_keys(qtbot, viewer, dock, own_study):
    dock.session.open_study(own_study)
    assert list(dock.annotator.colours) == ["round", "long"]
    colours = dock.annotator.colours
    dock.table.choose("long")
    assert not dock.move_down.isEnabled()
    press(qtbot, dock.move_up)
    assert [dock.table.item(row, 2).text() for row in (0, 1)] == ["long", "round"]
    assert dock.table.name == "long", "what moved is still chosen"
    assert not dock.move_up.isEnabled()
    click_cell(qtbot, viewer, 3)
    qtbot.keyClick(canvas_of(viewer), Qt.Key.Key_1)
    assert on_disk(own_study, 3) == "long"
    assert list(Study.open(own_study).annotations().colours) == ["long", "round"]
    press(qtbot, dock.undo)
    qtbot.keyClick(dock.table, Qt.Key.Key_Down, Qt.KeyboardModifier.AltModifier)
    assert list(dock.annotator.colours) == ["round", "long"]
    assert dock.annotator.colours == colours
    press(qtbot, dock.undo)
    assert dock.table.item(0, 2).text() == "long"


def test_all_classes_are_in_sight(qtbot, dock, annotator):
    for number in range(3, 10):
        scrolls = dock.table.verticalScrollBar()
        qtbot.waitUntil(lambda scrolls=scrolls: scrolls.maximum() == 0)
        annotator.add(f"class {number}")


def test_what_cannot_be_changes_nothing(dock, annotator, monkeypatch):
    def full(*_):
        raise UserError("Could not write: the disk is full.")

    before = texts(dock)
    dock.table.item(0, 2).setText("long")
    assert "There is a class 'long' already" in dock.said.text()
    dock.table.item(0, 2).setText("  ")
    assert "A class needs a name" in dock.said.text()
    assert texts(dock) == before
    with pytest.raises(UserError, match="no class 'gone'"):
        annotator.remove("gone")
    dock.session.select_cell(dock.session.key_of(0))
    monkeypatch.setattr(Study, "annotate", full)
    dock.press("0")
    assert "the disk is full" in dock.said.text()
    assert annotator.undo_text is None


def test_next_is_the_most_uncertain_that_nobody_looked_at(qtbot, viewer, dock, annotator):
    session = dock.session
    uncertain = np.argsort(-uncertainties(session.best_scores()), kind="stable")
    qtbot.keyClick(canvas_of(viewer), Qt.Key.Key_N)
    assert session.row_of(session.cell) == uncertain[0], "all have a class: to be confirmed"
    assert dock.overlay.name == session.cell[0]
    press(qtbot, dock.next)
    assert session.row_of(session.cell) == uncertain[1], "the first was passed over"
    qtbot.keyClick(canvas_of(viewer), Qt.Key.Key_1)
    press(qtbot, dock.next)
    assert session.row_of(session.cell) == uncertain[2]
    # cells without a class come first
    bare = uncertain[-3:]
    annotator.annotate_keys(
        {session.key_of(int(row)): None for row in range(80) if row not in bare}
    )
    press(qtbot, dock.next)
    assert session.row_of(session.cell) == bare[0]
    annotator.annotate(bare, "long")
    press(qtbot, dock.next)
    assert "looked at all cells" in dock.said.text()


def test_next_before_there_are_scores_is_unlike_those_known(dock, bare_study):
    session = dock.session
    session.open_study(bare_study)
    assert dock.annotator.select_next() is None
    session.annotate(Annotations())
    annotator = dock.annotator
    annotator.annotate_keys({session.key_of(row): None for row in range(79) if row % 2})
    found = []
    for _ in range(6):
        found.append(session.row_of(annotator.select_next()))
    assert len(set(found)) == 6
    assert all(row % 2 == 0 or row == 79 for row in found)
    # deterministic
    again = Annotator(session)
    session.select_cell(None)
    assert session.row_of(again.select_next()) == found[0]


def test_keys_act_on_whatever_was_selected_last(qtbot, viewer, dock, annotator, own_study):
    session = dock.session
    session.select_cell(session.key_of(1))
    session.select_cells(np.array([4, 5, 6]))
    assert "3 selected cells" in dock.target.text()
    qtbot.keyClick(canvas_of(viewer), Qt.Key.Key_0)
    assert [on_disk(own_study, row) for row in (4, 5, 6)] == [None] * 3
    assert on_disk(own_study, 1) is not None
    click_cell(qtbot, viewer, 1)
    assert dock.target.text().startswith("Cell ")
    assert np.array_equal(annotator.rows, [1])
    annotator.undo()
    assert all(on_disk(own_study, row) for row in (4, 5, 6)), "one step"


def test_a_dock_opened_late_and_what_others_do(qtbot, viewer, own_study):
    session = Session.of(viewer)
    session.open_study(own_study)
    session.select_cell(session.key_of(2))
    _, dock = viewer.window.add_plugin_dock_widget(PLUGIN, "Annotate")
    qtbot.waitUntil(dock.isVisible)
    assert dock.table.rowCount() == 2
    assert dock.target.text().startswith("Cell ")
    # another window annotates the same study
    other = Study.open(own_study)
    other.annotate(Annotations({"new": "#00ff00"}, {session.key_of(2): "new"}))
    session.refresh()
    assert dock.table.item(0, 2).text() == "new"
    assert dock.target.text().endswith("<b>new</b>")
    assert not dock.undo.isEnabled()
    # undo leaves alone what others said
    dock.press("0")
    other.annotate(other.annotations().with_cells({session.key_of(7): None}))
    session.refresh()
    dock.press("U")
    assert on_disk(own_study, 2) == "new"
    assert on_disk(own_study, 7) is None
    shutil.rmtree(own_study / "classify")
    session.refresh()
    assert "No classifier was trained yet" in dock.since.text()
    shutil.rmtree(own_study / "cells")
    session.refresh()
    assert dock.message.isVisible()
    assert not dock.content.isVisible()


def test_import_of_a_csv(qtbot, dock, annotator, tmp_path):
    session = dock.session
    before = session.cells["class"].copy()
    table = session.cells[KEY].head(4).assign(**{"class": ["a", "b", "a", "long"]})
    table.loc[99] = ["image0.tif", 0, 999, "a"]
    table.to_csv(tmp_path / "classes.csv", index=False)
    dock.import_file(tmp_path / "classes.csv")
    text = dock.preview.text.text()
    assert "<b>a</b>: 2 cells (a new class)" in text
    assert "<b>long</b>: 1 cell<br>" in text
    assert "1 lines are of no cell" in text
    assert list(session.cells["class"]) == list(before), "only shown"
    press(qtbot, dock.preview.take)
    assert session.cells["class"].tolist()[:4] == ["a", "b", "a", "long"]
    assert set(annotator.colours) == {"round", "long", "a", "b"}
    assert annotator.undo_text == "import of 4 classes"
    qtbot.keyClick(dock, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert list(session.cells["class"]) == list(before)
    table.drop(columns="image").to_csv(tmp_path / "short.csv", index=False)
    dock.import_file(tmp_path / "short.csv")
    assert "no column 'image'" in dock.said.text()


def test_import_from_features_of_layers(qtbot, viewer, dock, annotator):
    session, overlay = dock.session, dock.overlay
    assert (overlay.labels, "annotation") in list(columns(session))
    here = session.cells[session.cells["image"] == "image0.tif"]
    features = pd.DataFrame({"index": here["label"], "mine": ["x", "y"] * 8})
    mine = viewer.add_labels(overlay.labels.data, features=features, name="mine")
    found = from_layer(session, mine, "mine").classes
    assert found == {
        session.key_of(i): name for i, name in zip(here.index, ["x", "y"] * 8, strict=True)
    }
    assert from_layer(session, mine, "mine").counts == {"x": 8, "y": 8}

    scale = 0.5
    points = napari.layers.Points(
        np.vstack([here[["y", "x"]] / scale, [[0, 0], [9999, 0]]]),
        features=pd.DataFrame({"kind": [*["x", "y"] * 8, "x", "x"]}),
        scale=(scale, scale),
        name="points",
    )
    viewer.add_layer(points)
    assert from_layer(session, points, "kind").classes == found
    dock.import_layer(points, "kind")
    press(qtbot, dock.preview.take)
    assert session.cells["class"].tolist()[:16] == ["x", "y"] * 8
    dock.import_layer(overlay.labels, "score")
    assert "no class" in dock.said.text() or dock.preview.isVisible()


def test_export_button(qtbot, dock, annotator, tmp_path, monkeypatch):
    annotator.annotate([0], "debris")
    out = tmp_path / "cells.csv"
    monkeypatch.setattr(
        QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "cells"), "CSV (*.csv)")
    )
    with qtbot.waitSignal(dock.export.process.finished, timeout=60_000):
        press(qtbot, dock.export)
        assert "Exporting" in dock.said.text()
        assert dock.export.text() == "Cancel export"
    qtbot.waitUntil(lambda: "80 cells" in dock.said.text())
    assert pd.read_csv(out)["class"][0] == "debris"
    assert dock.export.text() == "Export…"
    (tmp_path / "folder.csv").mkdir()
    with qtbot.waitSignal(dock.export.process.finished, timeout=60_000):
        dock.export.export(tmp_path / "folder.csv")
    qtbot.waitUntil(lambda: "Could not write" in dock.said.text())


def test_train_again(dock, annotator, own_study):
    cells = dock.session.cells
    annotator.annotate(np.flatnonzero(cells["class"] == "round")[:1], "long")
    assert "train again" in dock.since.text()
    assert dock.panel.run_button.text() == "Run again: Classifiers"
    assert dock.panel.run_button.isVisible()
    assert dock.panel.run_button.isEnabled()
    two = {"compact": ["round"], "stretched": ["long"]}
    small = ClassifyConfig(
        classes=two, seeds=1, steps=20, black_box_seeds=1, black_box_epochs=1, density=0.5
    )
    Study.open(own_study).run("classify", small)
    dock.session.refresh()
    assert "know all classes" in dock.since.text()
