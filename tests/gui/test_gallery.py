"""The dock 'Gallery': which crops are shown in which order, and what clicks and keys do there."""

import shutil

import numpy as np
import pandas as pd
import pytest
from qtpy.QtCore import Qt

from napari_parsimony.cells.table import KEY
from napari_parsimony.gui.gallery_view import KEPT
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
def own_study(field_study, tmp_path):
    return shutil.copytree(field_study, tmp_path / "study")


@pytest.fixture
def dock(qtbot, viewer):
    _, widget = viewer.window.add_plugin_dock_widget(PLUGIN, "Gallery")
    qtbot.waitUntil(widget.isVisible)
    return widget


@pytest.fixture
def session(dock, own_study):
    dock.session.open_study(own_study)
    return dock.session


def choose(qtbot, box, data):
    """Choose an entry as a person does, with keys."""
    box.setFocus()
    qtbot.keyClick(box, Qt.Key.Key_Home)
    for _ in range(box.findData(data)):
        qtbot.keyClick(box, Qt.Key.Key_Down)
    assert box.currentData() == data


def click(qtbot, dock, row, modifier=Qt.KeyboardModifier.NoModifier):
    view = dock.view
    index = dock.crops.index(dock.crops.place_of(row))
    view.scrollTo(index)
    middle = view.visualRect(index).center()
    qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, modifier, middle)


def classes_on_disk(study):
    return Study.open(study).cells()["class"].to_numpy()


def test_without_a_study_and_with_another(qtbot, dock, crops_study, own_study):
    assert "No study is open" in dock.message.text()
    assert not dock.content.isVisible()
    dock.session.open_study(crops_study)
    assert dock.content.isVisible()
    assert len(dock.crops.rows) == 40
    assert dock.by.findData("score") < 0
    dock.session.open_study(own_study)
    assert len(dock.crops.rows) == 80
    assert dock.by.findData("score") > 0
    dock.session.close()
    assert len(dock.crops.rows) == 0
    assert dock.message.isVisible()


def test_orders_follow_the_equation(qtbot, dock, session):
    np.testing.assert_array_equal(dock.crops.rows, np.arange(80))
    assert dock.crops.caption(7) == session.cells["class"][7]
    choose(qtbot, dock.by, "score")
    scores = session.cell_scores()[:, 0]
    np.testing.assert_array_equal(scores[dock.crops.rows], np.sort(scores))
    row = int(dock.crops.rows[3])
    assert dock.crops.caption(row) == f"{scores[row]:.2f}".replace("-", "−")
    qtbot.mouseClick(dock.direction, Qt.MouseButton.LeftButton)
    np.testing.assert_array_equal(scores[dock.crops.rows], np.sort(scores)[::-1])
    choose(qtbot, dock.by, "uncertainty")
    other = next(i for i in range(len(session.front.candidates)) if i != session.candidate)
    session.choose_expression(other)
    doubt = uncertainties(session.cell_scores())
    qtbot.waitUntil(
        lambda: np.array_equal(doubt[dock.crops.rows], np.sort(doubt)[::-1]), timeout=5000
    )
    latent = f"z{session.latent_order[0]}"
    choose(qtbot, dock.by, latent)
    values = session.study.latents()[latent].to_numpy()
    np.testing.assert_array_equal(values[dock.crops.rows], np.sort(values)[::-1])
    session.name_latent(latent, "width")
    qtbot.waitUntil(lambda: dock.by.currentText() == f"latent {latent} width")
    choose(qtbot, dock.by, "class")
    names = session.cells["class"].to_numpy()[dock.crops.rows]
    assert list(names) == sorted(names), "long after round, the other way round"


def test_a_click_selects_the_cell_and_its_image(qtbot, dock, session):
    row = 70
    click(qtbot, dock, row)
    assert session.cell == session.key_of(row)
    assert Overlay.of(session).name == session.cell[0]
    assert len(session.selection) == 0
    assert dock.crops.current == row
    # and the other way round
    session.select_cell(session.key_of(2))
    assert dock.crops.current == 2
    np.testing.assert_array_equal(dock.view.selected_rows(), [2])
    assert dock.view.visualRect(dock.crops.index(2)).intersects(dock.view.viewport().rect())
    session.select_cells(np.array([1, 5, 6]))
    np.testing.assert_array_equal(dock.view.selected_rows(), [1, 5, 6])
    assert "3 selected" in dock.status.text()


def test_many_cells_are_selected_and_annotated_with_one_key(qtbot, dock, session, own_study):
    click(qtbot, dock, 4)
    click(qtbot, dock, 8, Qt.KeyboardModifier.ShiftModifier)
    np.testing.assert_array_equal(session.selection, np.arange(4, 9))
    click(qtbot, dock, 6, Qt.KeyboardModifier.ControlModifier)
    np.testing.assert_array_equal(session.selection, [4, 5, 7, 8])
    before = classes_on_disk(own_study)
    qtbot.keyClick(dock.view, Qt.Key.Key_0)
    after = classes_on_disk(own_study)
    np.testing.assert_array_equal(np.flatnonzero(pd.isna(after)), [4, 5, 7, 8])
    np.testing.assert_array_equal(session.selection, [4, 5, 7, 8])
    qtbot.keyClick(dock.view, Qt.Key.Key_2)
    assert set(classes_on_disk(own_study)[[4, 5, 7, 8]]) == {"long"}
    orange = dock.annotator.colours["long"]
    qtbot.waitUntil(lambda: dock.crops.colour(4) == orange)
    qtbot.keyClick(dock.view, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    qtbot.keyClick(dock.view, Qt.Key.Key_U)
    assert list(classes_on_disk(own_study)) == list(before)
    qtbot.keyClick(dock.view, Qt.Key.Key_N)
    assert session.row_of(session.cell) == dock.crops.current


def test_filters_follow_what_people_say(qtbot, dock, session, own_study):
    choose(qtbot, dock.which, "none")
    assert dock.status.text() == "No such cell."
    annotator = dock.annotator
    annotator.annotate([3, 9, 30], None)
    qtbot.waitUntil(lambda: list(dock.crops.rows) == [3, 9, 30])
    click(qtbot, dock, 9)
    qtbot.keyClick(dock.view, Qt.Key.Key_1)
    qtbot.waitUntil(lambda: list(dock.crops.rows) == [3, 30])
    choose(qtbot, dock.which, "class long")
    long = np.flatnonzero(session.cells["class"] == "long")
    np.testing.assert_array_equal(dock.crops.rows, long)
    annotator.rename("long", "rod")
    # the class that was shown is gone: all are shown
    qtbot.waitUntil(lambda: len(dock.crops.rows) == 80)
    assert "rod" in dock.legend.text()
    choose(qtbot, dock.which, "selected")
    assert len(dock.crops.rows) == 0
    session.select_cells(np.array([10, 20, 21]))
    qtbot.waitUntil(lambda: list(dock.crops.rows) == [10, 20, 21])
    click(qtbot, dock, 20)
    np.testing.assert_array_equal(session.selection, [10, 20, 21])
    assert session.cell == session.key_of(20)
    shutil.rmtree(own_study / "cells")
    session.refresh()
    qtbot.waitUntil(dock.message.isVisible)
    assert len(dock.crops.rows) == 0


def test_a_hidden_gallery_is_up_to_date_when_it_is_seen(qtbot, viewer, own_study):
    Session.of(viewer).open_study(own_study)
    container, dock = viewer.window.add_plugin_dock_widget(PLUGIN, "Gallery")
    qtbot.waitUntil(lambda: len(dock.crops.rows) == 80)
    choose(qtbot, dock.which, "none")
    container.close()
    dock.annotator.annotate([5], None)
    container.show()
    qtbot.waitUntil(lambda: list(dock.crops.rows) == [5])


def test_pictures_are_made_on_demand_and_are_those_of_the_cells(qtbot, dock, session):
    made = []
    picture = dock.crops.picture
    dock.crops.picture = lambda row: made.append(row) or picture(row)
    dock.crops.forget_pictures()
    rows = np.tile(np.arange(80), 700)  # as many as a large study has
    dock.view.show_rows(rows)
    dock.view.viewport().grab()
    assert 0 < len(made) < 400 < KEPT
    shown = dock.crops.picture_at(7).toImage()
    crop = np.clip(session.crop(session.key_of(7))[0], 0, 1)
    middle = crop.shape[0] // 2
    assert shown.pixelColor(middle, middle).red() == int(crop[middle, middle] * 255 + 0.5)
    tip = dock.crops.tip(7)
    image, _, label = session.cells[KEY].iloc[7]
    assert image in tip
    assert f"cell {label}" in tip
