"""The latent explorer in a real napari, with real clicks and keys."""

import numpy as np
import pytest

napari = pytest.importorskip("napari")
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt  # noqa: E402
from qtpy.QtGui import QMouseEvent  # noqa: E402
from qtpy.QtWidgets import QApplication, QStyle, QStyleOptionSlider  # noqa: E402

from napari_parsimony.cells.geometry import crop_to_image  # noqa: E402
from napari_parsimony.gui.decoded_layer import NAME  # noqa: E402
from napari_parsimony.gui.explorer import LatentExplorer  # noqa: E402
from napari_parsimony.gui.session import Session  # noqa: E402

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

    score = session.scores(moved)["symbolic"]
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
    for button, name in zip(explorer.means, ("round", "long"), strict=True):
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


def test_crops_without_images_change_in_their_tile(opened, crops_study):
    viewer, explorer, session = opened(crops_study)
    key = session.key_of(7)
    session.select_cell(key)
    layer, picture = viewer.layers[NAME], explorer.overlay.picture
    at = np.flatnonzero(picture.rows == 7)[0]
    np.testing.assert_allclose(layer.data_to_world((15.5, 15.5)), (picture.y[at], picture.x[at]))
    # no classes yet: it says so
    assert not explorer.means[0].isEnabled()
    assert "classify" in explorer.means[0].toolTip()
    assert explorer.symbolic.text() == "–"
    assert "long" in explorer.where.text()


def test_every_control_has_a_tooltip(opened, field_study):
    _, explorer, _ = opened(field_study, KEY)
    controls = [explorer.reset, *explorer.means, explorer.on_canvas, explorer.sparse]
    controls += [explorer.original, explorer.decoded, explorer.where, explorer.symbolic]
    controls += list(explorer.sliders.sliders.values())
    assert all(control.toolTip() for control in controls)


def test_a_closed_study_leaves_nothing(opened, field_study):
    viewer, explorer, session = opened(field_study, KEY)
    session.close()
    assert len(viewer.layers) == 0
    assert explorer.message.isVisible()
