"""The latent explorer in a real napari, with real clicks and keys."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtWidgets import (
    QApplication,
    QComboBox,
    QFileDialog,
    QLineEdit,
    QPushButton,
    QStyle,
    QStyleOptionSlider,
)

from napari_parsimony.cells.geometry import crop_to_image
from napari_parsimony.errors import UserError
from napari_parsimony.gui.decoded_layer import NAME
from napari_parsimony.gui.explorer import LatentExplorer
from napari_parsimony.gui.movie import PNG
from napari_parsimony.gui.positions import mean_of_class
from napari_parsimony.gui.session import Session
from napari_parsimony.study.bookmarks import read_bookmarks, write_bookmarks
from napari_parsimony.study.learned import suggest_names
from napari_parsimony.study.study import Study
from napari_parsimony.symbolic.expression import Expression
from napari_parsimony.vae.traversal import nearest_share

pytestmark = pytest.mark.gui
KEY = ("image0.tif", 0, 6)


@pytest.fixture
def opened(make_napari_viewer, qtbot):
    def make(path=None, key=None):
        viewer = make_napari_viewer(show=True)
        explorer = LatentExplorer(viewer)
        viewer.window.add_dock_widget(explorer, name="Latents")
        session = Session.of(viewer)
        if path is not None:
            session.open_study(path)
        if key is not None:
            session.select_cell(key)
        settle(qtbot, explorer)
        return viewer, explorer, session

    return make


def settle(qtbot, explorer):
    qtbot.waitUntil(explorer.isVisible, timeout=5000)
    qtbot.waitUntil(lambda: not explorer._soon.due, timeout=5000)


def pull(bar, to):
    """Move the mouse with its left button down; qtbot leaves the time to the window system."""
    none, left = Qt.MouseButton.NoButton, Qt.MouseButton.LeftButton
    modifiers, everywhere = Qt.KeyboardModifier.NoModifier, QPointF(bar.mapToGlobal(to))
    kind = QEvent.Type.MouseMove
    event = QMouseEvent(kind, QPointF(to), everywhere, none, left, modifiers)
    QApplication.sendEvent(bar, event)


def drag(qtbot, slider, to):
    """Press a slider's handle, pull it to a share of its width, let go."""
    bar, left = slider.bar, Qt.MouseButton.LeftButton
    option = QStyleOptionSlider()
    bar.initStyleOption(option)
    part = QStyle.SubControl.SC_SliderHandle
    kind = QStyle.ComplexControl.CC_Slider
    start = bar.style().subControlRect(kind, option, part, bar).center()
    end = QPoint(round(8 + to * (bar.width() - 16)), start.y())
    qtbot.mousePress(bar, left, pos=start)
    assert bar.isSliderDown()
    for share in np.linspace(0.2, 1, 5):
        to = QPoint(round(start.x() + share * (end.x() - start.x())), start.y())
        pull(bar, to)
    qtbot.mouseRelease(bar, left, pos=end)


def test_without_a_study_it_says_what_to_do(opened):
    _, explorer, _ = opened()
    assert explorer.message.isVisible()
    assert not explorer.content.isVisible()
    assert "No study is open" in explorer.message.text()


def test_a_slider_for_each_active_latent_most_informative_first(opened, field_study):
    _, explorer, session = opened(field_study)
    assert not explorer.message.isVisible()
    sliders = explorer.sliders.sliders
    assert list(sliders) == session.latent_order
    kl = session.latent_statistics["kl"].to_numpy()[list(sliders)]
    assert (np.diff(kl) <= 0).all()
    used = session.expression.variables
    for index, slider in sliders.items():
        label = explorer.sliders.labels[index]
        assert label.text() == f"z{index}"
        assert label.used == (f"z{index}" in used)
        assert f"{kl[list(sliders).index(index)]:.2f} nats" in slider.toolTip()


def test_dragging_morphs_the_cell_in_its_place(opened, field_study, qtbot):
    viewer, explorer, session = opened(field_study, KEY)
    layer = viewer.layers[NAME]
    start = layer.data.copy()
    np.testing.assert_allclose(start, session.decode(session.latents)[0], atol=1e-6)

    # in place: the crop's middle is the cell's centre, its right is where the crop was turned to
    cell = session.cells.iloc[session.row_of(KEY)]
    affine = crop_to_image(cell["angle"], cell["scale"], 32, cell["y"], cell["x"])
    np.testing.assert_allclose(layer.data_to_world((15.5, 15.5)), (cell["y"], cell["x"]))
    np.testing.assert_allclose(layer.data_to_world((0, 31)), (affine @ (0, 31, 1))[:2])

    buffer, selected = layer.data, set(viewer.layers.selection)
    # the latent that changes the picture most
    index = max(
        session.latent_order,
        key=lambda i: np.ptp([session.decode(session.latents + d * np.eye(6)[i]) for d in (-1, 1)],
                             axis=0).sum(),
    )  # fmt: skip
    slider = explorer.sliders.sliders[index]
    to = 0.1 if session.latents[index] > 0 else 0.9
    drag(qtbot, slider, to)
    settle(qtbot, explorer)
    assert viewer.layers[NAME] is layer
    assert layer.data is buffer
    assert set(viewer.layers.selection) == selected
    moved = session.latents
    assert moved[index] == pytest.approx(slider.value())
    others = np.arange(6) != index
    np.testing.assert_array_equal(moved[others], session.study.latents().iloc[
        session.row_of(KEY)][[f"z{i}" for i in range(6)]].to_numpy(float)[others])  # fmt: skip
    np.testing.assert_allclose(layer.data, session.decode(moved)[0], atol=1e-6)
    assert np.abs(layer.data - start).max() > 0.02
    # and it is on the screen: what is drawn is what the layer has
    shown = viewer.window._qt_viewer.layer_to_visual[layer].node._data
    np.testing.assert_allclose(shown, layer.data)

    score = session.scores(moved)["symbolic"][0]
    assert session.class_of(score) in explorer.symbolic.text()
    assert f"{score:+.2f}".replace("-", "−") in explorer.symbolic.text()

    qtbot.mouseClick(explorer.reset, Qt.MouseButton.LeftButton)
    settle(qtbot, explorer)
    np.testing.assert_allclose(layer.data, start)


def test_keys_move_a_slider_and_only_its_latent(opened, field_study, qtbot):
    _, explorer, session = opened(field_study, KEY)
    index = session.latent_order[0]
    before, seen = session.latents, []
    session.latents_changed.connect(seen.append)
    slider = explorer.sliders.sliders[index]
    bar = slider.bar
    bar.setFocus()
    qtbot.keyClick(bar, Qt.Key.Key_Left if bar.value() > 200 else Qt.Key.Key_Right)
    assert len(seen) == 1
    assert np.flatnonzero(session.latents != before).tolist() == [index]
    # and a number that is typed is taken as it is, also from beyond the slider's range
    slider.box.selectAll()
    qtbot.keyClicks(slider.box, "4.25")
    qtbot.keyClick(slider.box, Qt.Key.Key_Return)
    assert session.latents[index] == 4.25
    assert slider.maximum() == 4.25
    for typed in ("-1.25", "−1.5"):
        slider.box.selectAll()
        slider.box.lineEdit().insert(typed)  # Qt's tests press keys of letters in ASCII alone
        qtbot.keyClick(slider.box, Qt.Key.Key_Return)
        assert session.latents[index] == float(typed.replace("−", "-"))
        assert slider.box.text() == f"{session.latents[index]:.2f}".replace("-", "−")


def test_positions_from_elsewhere_move_sliders_without_an_echo(opened, field_study):
    _, explorer, session = opened(field_study, KEY)
    seen = []
    session.latents_changed.connect(seen.append)
    far = session.latents + 7.3
    session.set_latents(far)
    assert len(seen) == 1
    np.testing.assert_array_equal(session.latents, far)
    for index, slider in explorer.sliders.sliders.items():
        assert slider.value() == pytest.approx(far[index])
        assert slider.maximum() >= far[index]


def test_means_of_the_classes(opened, field_study, qtbot):
    _, explorer, session = opened(field_study, KEY)
    cells, latents = session.cells, session.study.latents()
    for button, name in zip(explorer.means.buttons, ("round", "long"), strict=True):
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
        mean = latents.loc[cells["class"] == name, "z0"].mean()
        assert session.latents[0] == pytest.approx(mean)
        settle(qtbot, explorer)
    assert "stretched" in explorer.symbolic.text()


def test_many_positions_are_drawn_once(opened, field_study, qtbot, monkeypatch):
    _, explorer, session = opened(field_study, KEY)
    decoded = []
    decode = session.decode
    monkeypatch.setattr(session, "decode", lambda z: (decoded.append(z[0]), decode(z))[1])
    for value in np.linspace(-1, 1, 50):
        session.set_latent(0, value)
    settle(qtbot, explorer)
    qtbot.wait(20)
    assert decoded == [1.0]


def test_a_scaled_and_moved_image_takes_the_cell_along(opened, field_study):
    viewer, explorer, session = opened(field_study)
    labels = explorer.overlay.labels
    labels.scale, labels.translate = (0.5, 0.5), (10, 20)
    session.select_cell(KEY)
    cell = session.cells.iloc[session.row_of(KEY)]
    centre = viewer.layers[NAME].data_to_world((15.5, 15.5))
    np.testing.assert_allclose(centre, (10 + cell["y"] / 2, 20 + cell["x"] / 2))


def test_the_layer_goes_and_comes_back(opened, field_study, qtbot):
    viewer, explorer, session = opened(field_study, KEY)
    viewer.layers.remove(NAME)
    assert not explorer.on_canvas.isChecked()
    session.select_cell(("image0.tif", 0, 2))
    assert NAME not in viewer.layers
    explorer.on_canvas.click()
    assert NAME in viewer.layers
    session.select_cell(("image1.tif", 0, 3))  # another picture is shown by then
    assert NAME in viewer.layers
    names = [layer.name for layer in viewer.layers]
    assert names.index(NAME) == names.index("cells") + 1
    session.select_cell(None)
    assert NAME not in viewer.layers
    assert explorer.on_canvas.isChecked()


def test_the_layer_goes_with_the_dock(opened, field_study):
    viewer, explorer, _ = opened(field_study, KEY)
    dock = explorer.parentWidget()
    dock.hide()
    assert NAME not in viewer.layers
    dock.show()
    assert NAME in viewer.layers
    dock.destroyOnClose()  # its cross
    assert NAME not in viewer.layers


def test_crops_without_images_change_in_their_tile(opened, crops_study):
    viewer, explorer, session = opened(crops_study)
    key = session.key_of(7)
    session.select_cell(key)
    layer, picture = viewer.layers[NAME], explorer.overlay.picture
    at = np.flatnonzero(picture.rows == 7)[0]
    np.testing.assert_allclose(layer.data_to_world((15.5, 15.5)), (picture.y[at], picture.x[at]))
    # no classes yet: it says so
    assert not explorer.means.buttons[0].isEnabled()
    assert "classify" in explorer.means.buttons[0].toolTip()
    assert explorer.symbolic.text() == "–"
    assert "long" in explorer.where.text()


def test_every_control_has_a_tooltip(opened, field_study):
    _, explorer, _ = opened(field_study, KEY)
    controls = [explorer.reset, *explorer.means.buttons, explorer.on_canvas, explorer.sparse]
    controls += [explorer.original, explorer.decoded, explorer.where, explorer.symbolic]
    controls += list(explorer.sliders.sliders.values()) + list(explorer.sliders.labels.values())
    explorer.show_traversals()
    buttons = (*explorer.findChildren(QPushButton), *explorer.findChildren(QComboBox))
    controls += [button for button in buttons if not button.objectName().startswith("qt_")]
    assert len(controls) > 30
    assert all(control.toolTip() for control in controls)


def test_a_closed_study_leaves_nothing(opened, field_study):
    viewer, explorer, session = opened(field_study, KEY)
    session.close()
    assert len(viewer.layers) == 0
    assert explorer.message.isVisible()


# Names


@pytest.fixture
def own_study(field_study, tmp_path):
    """A copy that a test may change."""
    return shutil.copytree(field_study, tmp_path / "study")


def test_a_name_is_typed_at_the_slider_and_followed_everywhere(opened, own_study, qtbot):
    _, explorer, session = opened(own_study, KEY)
    index = session.latent_order[0]
    latent = f"z{index}"
    label = explorer.sliders.labels[index]
    label.setFocus()
    qtbot.keyClick(label, Qt.Key.Key_F2)
    qtbot.keyClicks(label.editor, "size of it")
    qtbot.keyClick(label.editor, Qt.Key.Key_Return)
    assert session.latent_names == {latent: "size of it"}
    assert label.text() == f"{latent} size of it"
    assert "size of it" in explorer.sliders.sliders[index].toolTip()
    assert explorer.window().focusWidget() is label

    qtbot.mouseDClick(label, Qt.MouseButton.LeftButton)
    qtbot.keyClicks(label.editor, "nothing")
    qtbot.keyClick(label.editor, Qt.Key.Key_Escape)
    assert label.editor is None
    assert session.latent_names == {latent: "size of it"}

    session.name_latent(latent, "")
    assert label.text() == latent


def test_suggested_names_are_measured_and_taken_with_one_click(opened, own_study, qtbot):
    _, explorer, session = opened(own_study, KEY)
    menu = explorer.names
    menu.aboutToShow.emit()
    assert "Measuring" in menu.actions()[0].text()
    qtbot.waitUntil(lambda: menu.suggestions is not None, timeout=60_000)
    expected = suggest_names(session.study)
    assert len(expected), "round and long cells differ in what is measured"
    assert {z: found[0][0] for z, found in menu.suggestions.items()} == dict(
        zip(expected["latent"], expected["name"], strict=True)
    )
    latent, name, r = expected.iloc[0][["latent", "name", "r"]]
    label = explorer.sliders.labels[int(latent[1:])]
    written = f"{name} (r = {r:.2f})".replace("= -", "= −")
    assert written in label.toolTip()
    label.edit()
    assert label.editor.placeholderText() == written
    qtbot.keyClick(label.editor, Qt.Key.Key_Escape)
    next(a for a in menu.actions() if a.text() == f"{latent}: {written}").trigger()
    assert session.latent_names == {latent: name}
    assert label.text() == f"{latent} {name}"
    next(a for a in label.menu().actions() if a.text().startswith("Remove")).trigger()
    assert session.latent_names == {}
    next(a for a in menu.actions() if a.text().startswith("Use all")).trigger()
    assert session.latent_names == dict(zip(expected["latent"], expected["name"], strict=True))

    session.close()
    assert menu.suggestions is None, "they are of another study"


def test_an_equation_by_hand_is_followed(opened, own_study, qtbot):
    _, explorer, session = opened(own_study, KEY)
    index = session.latent_order[-1]
    session.try_expression(Expression.parse(f"2*z{index} + 1"))
    assert session.candidate is None
    settle(qtbot, explorer)
    used = [i for i, label in explorer.sliders.labels.items() if label.used]
    assert used == [index]
    value = 2 * session.latents[index] + 1
    assert f"{value:+.2f}".replace("-", "−") in explorer.symbolic.text()


def test_a_latent_that_another_dock_asks_for_is_brought_into_sight(opened, field_study):
    _, explorer, session = opened(field_study)
    index = session.latent_order[-1]
    session.look_at_latent(f"z{index}")
    assert explorer.window().focusWidget() is explorer.sliders.sliders[index].bar


# Morph


def choose(explorer, name):
    explorer.tools[name].click()


def test_a_morph_moves_between_two_cells(opened, field_study, qtbot):
    _, explorer, session = opened(field_study, KEY)
    morph = explorer.morph
    assert not morph.isVisible()
    choose(explorer, "Morph")
    assert morph.isVisible()
    assert not morph.slider.isEnabled()
    assert not morph.play.isEnabled()
    first = session.latents
    qtbot.mouseClick(morph.set_ends[0], Qt.MouseButton.LeftButton)
    session.select_cell(("image0.tif", 0, 11))
    second = session.latents
    qtbot.mouseClick(morph.set_ends[1], Qt.MouseButton.LeftButton)
    assert morph.set_ends[0].text() == "A: cell 6"
    assert morph.set_ends[1].text() == "B: cell 11"
    assert morph.slider.value() == 1
    drag(qtbot, morph.slider, 0.25)
    share = morph.slider.value()
    assert share == pytest.approx(0.25, abs=0.05)
    np.testing.assert_allclose(session.latents, (1 - share) * first + share * second)
    settle(qtbot, explorer)
    np.testing.assert_allclose(
        explorer.layer.layer.data, session.decode(session.latents)[0], atol=1e-6
    )
    assert session.class_of(session.scores(session.latents)["symbolic"]) in explorer.symbolic.text()

    # from elsewhere: the nearest place on the line
    session.set_latents(0.5 * first + 0.5 * second)
    assert morph.slider.value() == pytest.approx(0.5)
    session.close()
    assert morph.ends is None
    assert not morph.slider.isEnabled()


def test_a_morph_plays_until_somebody_else_moves(opened, field_study, qtbot):
    _, explorer, session = opened(field_study, KEY)
    morph = explorer.morph
    choose(explorer, "Morph")
    morph.set_end(0)
    session.select_cell(("image0.tif", 0, 11))
    morph.set_end(1)
    morph.slider.set_value(0.5)
    seen = []
    session.latents_changed.connect(seen.append)
    qtbot.mouseClick(morph.play, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: len(seen) > 3, timeout=5000)
    first, second = morph.ends
    for position in seen:
        share = nearest_share(first, second, position)
        np.testing.assert_allclose(position, (1 - share) * first + share * second, atol=1e-9)
    session.select_cell(KEY)
    assert not morph.play.isChecked()
    assert not morph._timer.isActive()
    morph.play.click()
    choose(explorer, "Morph")
    assert not morph._timer.isActive(), "what is hidden does not move"


def test_a_morph_is_saved_as_a_movie(opened, field_study, qtbot, tmp_path, monkeypatch):
    _, explorer, session = opened(field_study, KEY)
    morph = explorer.morph
    choose(explorer, "Morph")
    morph.set_end(0)
    session.select_cell(("image0.tif", 0, 11))
    morph.set_end(1)
    target = tmp_path / "there" / "morph.gif"
    answer(monkeypatch, target)
    qtbot.mouseClick(morph.film, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "Saved" in explorer.note.text(), timeout=20_000)
    assert Image.open(target).n_frames == 58
    # where nothing can be written, one sentence
    (tmp_path / "folder.gif").mkdir()
    answer(monkeypatch, tmp_path / "folder.gif")
    qtbot.mouseClick(morph.film, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "Could not write" in explorer.note.text(), timeout=20_000)


def answer(monkeypatch, path, kind="PNG (*.png)"):
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, **__: (str(path), kind))


# Bookmarks


def test_bookmarks_stay_in_the_study(opened, own_study, qtbot):
    _, explorer, session = opened(own_study, KEY)
    marks = explorer.bookmarks
    choose(explorer, "Bookmarks")
    first = session.latents
    qtbot.mouseClick(marks.add, Qt.MouseButton.LeftButton)
    editor = marks.list.findChild(QLineEdit)
    assert editor.text() == "cell 6"
    editor.selectAll()
    qtbot.keyClicks(editor, "a round one")
    qtbot.keyClick(editor, Qt.Key.Key_Return)
    # Qt takes the text after the key
    qtbot.waitUntil(lambda: marks.names == ["a round one"], timeout=5000)
    session.set_latents(first + 1)
    marks.add_here()
    editor = marks.list.findChildren(QLineEdit)[-1]
    assert editor.text() == "near cell 6"
    qtbot.keyClick(editor, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: not editor.isVisible(), timeout=5000)
    assert marks.names == ["a round one", "near cell 6"]
    np.testing.assert_array_equal(read_bookmarks(session.study)["near cell 6"], first + 1)

    marks.list.setCurrentRow(0)
    qtbot.keyClick(marks.list, Qt.Key.Key_Return)
    np.testing.assert_array_equal(session.latents, first)
    marks.list.item(1).setText("a round one")
    assert "already" in explorer.note.text()
    assert marks.names == ["a round one", "near cell 6"]
    marks.list.setCurrentRow(0)
    qtbot.keyClick(marks.list, Qt.Key.Key_Delete)
    assert list(read_bookmarks(session.study)) == ["near cell 6"]

    # another dock, later
    session.close()
    assert marks.names == []
    session.open_study(own_study)
    assert marks.names == ["near cell 6"]


def test_bookmarks_of_another_vae_are_not_shown_and_nonsense_is_told(opened, own_study):
    study = Study.open(own_study)
    write_bookmarks(study, {"here": np.arange(6.0)})
    path = own_study / "bookmarks.json"
    content = json.loads(path.read_text())
    path.write_text(json.dumps({**content, "vae": "another"}))
    assert read_bookmarks(study) == {}
    for broken in (
        {**content, "bookmarks": {"here": [1.0, 2.0]}},
        {**content, "bookmarks": [1]},
        {**content, "format_version": 99},
        [],
    ):
        path.write_text(json.dumps(broken))
        with pytest.raises(UserError, match=r"bookmarks\.json"):
            read_bookmarks(study)
    _, explorer, session = opened(own_study, KEY)
    assert "bookmarks.json" in explorer.note.text()
    assert explorer.bookmarks.names == []
    assert session.cell == KEY, "all else works"


# Traversals


def test_traversals_follow_the_position_and_are_saved(
    opened, own_study, qtbot, tmp_path, monkeypatch
):
    _, explorer, session = opened(own_study, KEY)
    choose(explorer, "Traversals")
    dialog = explorer.traversals
    drawn = []
    dialog._background.done.connect(drawn.append)
    qtbot.waitUntil(lambda: not dialog.picture.pixmap().isNull(), timeout=20_000)
    assert dialog.picture.pixmap().width() <= dialog.scroll.viewport().width()
    assert dialog.latent.count() == len(session.latent_order)
    assert [dialog.around.itemText(i) for i in range(4)] == [
        "the position looked at", "all cells", "mean compact", "mean stretched"
    ]  # fmt: skip

    def settled(count):
        qtbot.waitUntil(
            lambda: (
                len(drawn) >= count and not dialog._rest.isActive() and not dialog._background.busy
            ),
            timeout=20_000,
        )
        return drawn[-1]

    before = settled(1)
    session.set_latents(session.latents + 1)
    after = settled(len(drawn) + 1)
    assert before.shape == after.shape
    assert not np.array_equal(before, after)
    dialog.around.setCurrentIndex(3)
    np.testing.assert_array_equal(dialog.start, mean_of_class(session, 1))
    around = settled(len(drawn) + 1)
    assert not np.array_equal(around, after)
    session.set_latents(session.latents - 3)
    assert not dialog._rest.isActive(), "rows start from the class now"

    answer(monkeypatch, tmp_path / "grid")
    qtbot.mouseClick(dialog.save, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "Saved" in dialog.message.text(), timeout=20_000)
    assert Image.open(tmp_path / "grid.png").width > 1.8 * around.shape[1]
    answer(monkeypatch, tmp_path / "sweep", PNG)
    dialog._say("")
    qtbot.mouseClick(dialog.film, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "Saved" in dialog.message.text(), timeout=20_000)
    assert Image.open(tmp_path / "sweep.png").n_frames == 58

    session.name_latent(f"z{session.latent_order[0]}", "size")
    assert dialog.latent.itemText(0).endswith(" size")
    session.close()
    assert dialog.picture.pixmap().isNull()
    assert "No study is open" in dialog.message.text()


def test_a_vae_that_has_learned_nothing_is_told(opened, crops_study, monkeypatch):
    _, explorer, session = opened(crops_study)
    statistics = session.latent_statistics.assign(active=False)
    monkeypatch.setattr(Session, "latent_statistics", statistics)
    session.artefacts_changed.emit("vae")
    explorer.show_traversals()
    assert "No latent is active" in explorer.traversals.message.text()
    assert not explorer.traversals.save.isEnabled()
    assert explorer.sliders.sliders == {}


def test_before_torch_is_imported_no_cell_is_drawn(opened, field_study, qtbot, monkeypatch):
    where = "napari_parsimony.gui.explorer"
    imported, asked = [False], []
    monkeypatch.setattr(f"{where}.torch_is_imported", lambda: imported[0])
    monkeypatch.setattr(f"{where}.import_torch", lambda: asked.append(True))
    _, explorer, session = opened(field_study)
    with qtbot.waitSignal(explorer._torch.done, timeout=5000):
        session.select_cell(KEY)
        settle(qtbot, explorer)
    assert asked
    assert explorer.decoded.pixmap().isNull()
    assert explorer.layer.layer is None
    assert explorer.sparse.text() == explorer.symbolic.text() == "…"
    imported[0] = True
    explorer._on_torch(None)
    assert not explorer.decoded.pixmap().isNull()
    assert explorer.layer.layer is not None
    assert session.class_of(session.scores(session.latents)["sparse"]) in explorer.sparse.text()


def test_torch_is_imported_in_a_thread_of_a_new_process():
    code = (
        "import gc, sys, threading\n"
        "from napari_parsimony.gui.torch_import import import_torch, torch_is_imported\n"
        "assert 'torch' not in sys.modules and not torch_is_imported()\n"
        "thread = threading.Thread(target=import_torch)\n"
        "thread.start(); thread.join()\n"
        "assert torch_is_imported() and gc.isenabled()\n"
        "import torch\n"
        "print(float(torch.ones(2) @ torch.ones(2)))\n"
    )
    said = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=240, check=True
    )
    assert said.stdout.strip() == "2.0"
