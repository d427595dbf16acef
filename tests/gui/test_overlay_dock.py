"""The dock 'Overlay' in a real napari: colours, legend, texts, disagreements."""

import shutil

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QAbstractButton, QComboBox, QLabel

from napari_parsimony.cells.annotations import Annotations
from napari_parsimony.gui.napari_compat import camera_of
from napari_parsimony.gui.preferences import recall

pytestmark = pytest.mark.gui

PLUGIN = "napari-parsimony"


@pytest.fixture
def viewer(make_napari_viewer):
    return make_napari_viewer(show=True)


@pytest.fixture
def dock(viewer):
    return viewer.window.add_plugin_dock_widget(PLUGIN, "Overlay")[1]


@pytest.fixture
def own_study(field_study, tmp_path):
    """A copy that a test may change."""
    return shutil.copytree(field_study, tmp_path / "study")


def press(qtbot, button):
    assert button.isVisible()
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def choose(qtbot, box, text):
    """Choose with the keyboard, as somebody would who has no mouse."""
    box.setFocus()
    index = box.findText(text)
    assert index >= 0, [box.itemText(i) for i in range(box.count())]
    qtbot.keyClick(box, Qt.Key.Key_Home)
    for _ in range(index):
        qtbot.keyClick(box, Qt.Key.Key_Down)
    assert box.currentText() == text


def write(qtbot, box, text):
    edit = box.lineEdit()
    edit.setFocus()
    edit.selectAll()
    qtbot.keyClick(edit, Qt.Key.Key_Backspace)
    qtbot.keyClicks(edit, text)
    qtbot.keyClick(edit, Qt.Key.Key_Return)


def test_without_a_study(dock, field_study):
    assert "No study is open" in dock.message.text()
    assert dock.message.isVisible()
    assert not dock.controls.isVisible()
    dock.session.open_study(field_study)
    assert not dock.message.isVisible()
    assert dock.controls.isVisible()
    dock.session.close()
    assert dock.message.isVisible()
    assert not dock.disagreements.isVisible()


def test_opened_late_it_shows_what_is_there(viewer, dock, field_study):
    dock.session.open_study(field_study)
    dock.overlay.set_colour_by("score")
    dock.overlay.set_template("{label}")
    _, study_dock = viewer.window.add_plugin_dock_widget(PLUGIN, "Study")
    controls = study_dock.controls
    assert controls.colours.currentText() == "score"
    assert controls.legend.bar.value() == dock.overlay.colouring.bar


def test_the_legend_is_of_what_is_shown(qtbot, dock, field_study):
    dock.session.open_study(field_study)
    overlay, legend, session = dock.overlay, dock.controls.legend, dock.session
    here = np.flatnonzero(session.cells["image"] == overlay.name)
    score = session.cell_scores()[here, 0]
    for name, count in (("compact", (score < 0).sum()), ("stretched", (score > 0).sum())):
        assert f"{name}&nbsp;{count}" in legend.classes.text()
    assert not legend.bar.isVisible()

    choose(qtbot, dock.controls.colours, "score")
    assert overlay.colour_by == recall("colour_by") == "score"
    assert legend.bar.isVisible()
    assert not legend.classes.isVisible()
    limit = np.percentile(np.abs(session.cell_scores()), 95)
    assert legend.bar.value().high == pytest.approx(limit)
    assert "95 %" in legend.meaning.text()
    # another equation: another scale, at once
    other = next(i for i in range(len(session.front.candidates)) if i != session.candidate)
    session.choose_expression(other)
    limit = np.percentile(np.abs(session.cell_scores()), 95) or 1.0  # it may be the constant 0
    assert legend.bar.value().high == pytest.approx(limit)

    choose(qtbot, dock.controls.colours, "uncertainty")
    assert (legend.bar.value().low, legend.bar.value().high) == (0, 1)
    choose(qtbot, dock.controls.colours, "probability of stretched")
    assert "stretched" in legend.meaning.text()
    for i in range(dock.controls.colours.count()):
        dock.controls.colours.setCurrentIndex(i)
        assert not legend.grab().isNull()
        assert legend.meaning.text()


def test_names_of_latents_and_terms_are_listed(dock, own_study):
    dock.session.open_study(own_study)
    session, colours = dock.session, dock.controls.colours

    def listed():
        return [colours.itemText(i) for i in range(colours.count())]

    first = f"z{session.latent_order[0]}"
    assert f"latent {first}" in listed()
    dock.overlay.set_colour_by(first)
    session.name_latent(first, "length")
    assert colours.currentText() == f"latent {first} length"
    assert "length" in dock.controls.legend.meaning.text()
    terms = [term.unicode(3) for term in session.expression.terms if term.variables]
    assert [text for text in listed() if text.startswith("term")] == [f"term {t}" for t in terms]


def test_images_are_chosen_and_followed(dock, field_study):
    dock.session.open_study(field_study)
    picture = dock.controls.picture
    assert picture.isVisible()
    dock.session.select_cell(("image2.tif", 0, 5))
    assert picture.currentText() == "image2.tif"


def test_texts_by_a_template(qtbot, viewer, dock, field_study):
    dock.session.open_study(field_study)
    camera_of(viewer).zoom = 10
    text, overlay = dock.text, dock.overlay
    write(qtbot, text.box, "{class} {probability:.0%}")
    assert overlay.template == recall("text") == "{class} {probability:.0%}"
    shown = overlay.scores.features["text"]
    assert shown.str.fullmatch(r"(compact|stretched) \d+%").all()
    assert not text.problem.isVisible()

    write(qtbot, text.box, "{score.real}")
    assert overlay.template == "{class} {probability:.0%}"
    assert text.problem.isVisible()
    assert "score" in text.problem.text()
    # what was written stays to be mended, whatever happens elsewhere
    overlay.set_colour_by("score")
    assert text.box.currentText() == "{score.real}"
    assert text.problem.isVisible()
    write(qtbot, text.box, "{score:.1f}")
    assert overlay.template == "{score:.1f}"
    assert not text.problem.isVisible()
    write(qtbot, text.box, "")
    assert overlay.template == text.box.currentText() == "{score:.2f}", "as before it was chosen"

    latent = dock.session.expression.variables[0]
    index = text.box.findText(f"{{{latent}:.1f}}")
    assert index >= 0
    dock.overlay.set_template("{label}")
    assert text.box.currentText() == "{label}"

    qtbot.keyClick(dock.controls.scores, Qt.Key.Key_Space)
    assert not overlay.scores.text.visible
    assert recall("text_on_cells") is False


def test_disagreements_one_after_the_other(qtbot, dock, own_study):
    dock.session.open_study(own_study)
    session, part = dock.session, dock.disagreements
    score, side = session.cell_scores()[:, 0], {"round": -1, "long": 1}
    right = {"round": "long", "long": "round"}
    # as if somebody had said the opposite of three cells
    rows = [r for r in range(len(score)) if side[session.cells["class"][r]] * score[r] > 0][::40]
    before = len(dock.overlay.values.disagreeing)
    said = {session.key_of(r): right[session.cells["class"][r]] for r in rows}
    session.annotate(Annotations({}, said))
    number = before + len(rows)
    cells = f"{number} of {len(score)} annotated cells of the whole study disagree"
    assert part.count.text().startswith(cells)
    for name in dock.overlay.names:
        dock.overlay.show(name)
        wrong = session.cells["image"].iloc[dock.overlay.values.disagreeing]
        assert f", {(wrong == name).sum() or 'none'} of them in this image." in part.count.text()
        assert dock.controls.legend.classes.text().startswith("In this image:")
    seen = set()
    for _ in range(number):
        press(qtbot, part.next)
        seen.add(session.row_of(session.cell))
        assert dock.overlay.name == session.cell[0]
    assert set(rows) <= seen
    assert len(seen) == number
    marks = dock.overlay.marks.layers["disagreements"]
    assert len(marks.data) > 0
    press(qtbot, part.marked)
    assert len(marks.data) == 0
    # nobody says anything any more
    session.annotate(Annotations({}, {session.key_of(r): None for r in range(len(score))}))
    assert "nothing to compare" in part.count.text()
    assert not part.next.isEnabled()


def test_a_lost_layer_comes_back_with_a_press(qtbot, viewer, dock, field_study):
    dock.session.open_study(field_study)
    assert not dock.controls.again.isVisible()
    viewer.layers.remove("cells")
    assert "was removed" in dock.controls.problem.text()
    press(qtbot, dock.controls.again)
    assert "cells" in viewer.layers
    assert not dock.controls.problem.isVisible()


def test_a_study_without_scores_says_so(dock, crops_study):
    dock.session.open_study(crops_study)
    assert "no score yet" in dock.controls.legend.meaning.text()
    assert "no score yet" in dock.disagreements.count.text()
    # what people said is there, and stays in sight until there is something to compare it with
    assert "long&nbsp;20" in dock.controls.legend.classes.text()
    assert not len(dock.overlay.texts.chosen), "no dashes"


def test_what_was_chosen_is_remembered(make_napari_viewer, qtbot, dock, field_study):
    dock.session.open_study(field_study)
    choose(qtbot, dock.controls.colours, "annotation")
    write(qtbot, dock.text.box, "{label}")
    _, second = make_napari_viewer(show=True).window.add_plugin_dock_widget(PLUGIN, "Overlay")
    assert second.overlay.colour_by == "annotation"
    assert second.overlay.template == "{label}"


def test_every_control_has_a_tooltip_and_room(qtbot, viewer, dock, field_study):
    dock.session.open_study(field_study)
    dock.session.select_cell(dock.session.key_of(0))
    controls = dock.findChildren(QAbstractButton) + dock.findChildren(QComboBox)
    assert controls
    assert all(control.toolTip() for control in controls if control.isVisible())
    dock.parentWidget().resize(340, 600)
    for widget in [*controls, *dock.findChildren(QLabel)]:
        if widget.isVisible():
            right = widget.mapTo(dock, widget.rect().topRight()).x()
            assert right <= dock.width(), widget


def test_another_image_comes_in_the_same_layers(viewer, dock, field_study):
    dock.session.open_study(field_study)
    overlay, session, camera = dock.overlay, dock.session, camera_of(viewer)
    layers = list(viewer.layers)
    camera.zoom, camera.center = 5, (0, 80, 80)
    session.select_cells(np.arange(len(session.cells)))
    for name in ("image3.tif", "image1.tif"):
        overlay.show(name)
        assert [layer for layer in viewer.layers if layer in layers] == layers
        assert viewer.layers[0].name == name
        assert viewer.layers[0].metadata["napari-parsimony source"].endswith(name)
        np.testing.assert_array_equal(viewer.layers[0].data, overlay.picture.image)
        np.testing.assert_array_equal(overlay.labels.data, overlay.picture.labels)
        rows = np.flatnonzero(session.cells["image"] == name)
        np.testing.assert_array_equal(
            overlay.labels.features["score"], session.cell_scores()[rows, 0]
        )
        places = session.cells.loc[rows, ["y", "x"]].to_numpy(float)
        np.testing.assert_allclose(overlay.marks.layers["selected cells"].data, places)
        assert set(overlay.texts.chosen) <= set(rows.tolist())
        assert camera.zoom == 5, "the view stays"
    viewer.layers.remove("scores")
    overlay.show("image2.tif")
    assert overlay.problem is None
    assert "scores" in viewer.layers
