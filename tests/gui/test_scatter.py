"""The dock 'Scatter plot' in a real napari: points, lasso, links with canvas and sliders."""

import shutil
import sys
import types

import numpy as np
import pytest
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtWidgets import QApplication, QComboBox, QPushButton

from napari_parsimony.figures.palette import LIGHT
from napari_parsimony.gui import scatter_picture as drawing
from napari_parsimony.gui.decoded_layer import place_of
from napari_parsimony.gui.napari_compat import camera_of
from napari_parsimony.gui.scatter_canvas import ScatterCanvas
from napari_parsimony.gui.scatter_dock import ScatterDock
from napari_parsimony.symbolic.expression import Expression

pytestmark = pytest.mark.gui
LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def viewer(make_napari_viewer):
    return make_napari_viewer(show=True)


@pytest.fixture
def dock(viewer, qtbot):
    _, widget = viewer.window.add_plugin_dock_widget("napari-parsimony", "Scatter plot")
    qtbot.waitUntil(widget.isVisible, timeout=5000)
    return widget


@pytest.fixture
def opened(dock, field_study, qtbot):
    dock.session.open_study(field_study)
    qtbot.waitUntil(dock.canvas.isVisible, timeout=5000)
    qtbot.waitUntil(lambda: dock.canvas.height() > 100, timeout=5000)
    return dock


def latents_of(session):
    names = session.latent_statistics["name"].tolist()
    return session.study.latents()[names].to_numpy(float)


def at(canvas, point):
    """Pixel of a value in the plane."""
    x, y = canvas.to_pixels(np.asarray(point))
    return QPoint(round(float(x)), round(float(y)))


def lonely(canvas):
    """Row of the point that is farthest from all others, so that a click is surely on it."""
    pixels = canvas.to_pixels(canvas.points)
    away = np.linalg.norm(pixels[:, None] - pixels[None], axis=2) + 1e9 * np.eye(len(pixels))
    return int(away.min(1).argmax())


def pull(canvas, place):
    """Move the mouse with its left button down; qtbot leaves the time to the window system."""
    none, modifiers = Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier
    everywhere, kind = QPointF(canvas.mapToGlobal(place)), QEvent.Type.MouseMove
    event = QMouseEvent(kind, QPointF(place), everywhere, none, LEFT, modifiers)
    QApplication.sendEvent(canvas, event)


def test_without_a_study_it_says_what_to_do(dock):
    assert isinstance(dock, ScatterDock)
    assert "No study is open" in dock.message.text()
    assert dock.message.isVisible()
    assert not dock.content.isVisible()


def test_points_are_the_cells_by_the_latents_of_the_equation(opened):
    session, values = opened.session, latents_of(opened.session)
    axes = [opened.x.currentData(), opened.y.currentData()]
    assert axes[0] != axes[1]
    assert axes[0] == int(session.expression.variables[0][1:])
    np.testing.assert_allclose(opened.canvas.points, values[:, axes], rtol=1e-6)
    other = next(i for i in session.latent_order if i not in axes)
    opened.y.setCurrentIndex(opened.y.findData(other))
    np.testing.assert_allclose(opened.canvas.points, values[:, [axes[0], other]], rtol=1e-6)
    assert opened.canvas.plane.names == (f"z{axes[0]}", f"z{other}")
    assert "80 cells" in opened.note.text()


def test_colours_are_those_of_the_cells(opened, qtbot):
    session, overlay = opened.session, opened.overlay

    def expected():
        shade = overlay.colouring.colours[overlay.colouring.shade, :3]
        np.testing.assert_allclose(opened.canvas._colours, shade, atol=1e-6)

    expected()
    assert "stretched" in opened.legend.text()
    opened.colours.setCurrentIndex(opened.colours.findData("score"))
    assert overlay.colour_by == "score"
    expected()
    assert opened.bar.isVisible()
    assert not opened.legend.isVisible()
    before = opened.canvas._colours.copy()
    session.try_expression(Expression.parse("1 - z0"))
    assert session.candidate is None
    expected()
    assert not np.array_equal(before, opened.canvas._colours)
    overlay.set_colour_by("annotation")
    assert opened.colours.currentData() == "annotation"
    expected()


def test_a_click_selects_the_cell_and_a_selected_cell_is_marked(opened, qtbot):
    canvas, session = opened.canvas, opened.session
    row = lonely(canvas)
    qtbot.mouseClick(canvas, LEFT, pos=at(canvas, canvas.points[row]))
    assert session.cell == session.key_of(row)
    assert canvas._current == row
    np.testing.assert_allclose(session.latents, latents_of(session)[row])
    np.testing.assert_allclose(canvas._position, canvas.points[row], rtol=1e-5)
    session.select_cell(session.key_of(3))
    assert canvas._current == 3
    session.select_cell(None)
    assert canvas._current is None


def test_a_selected_cell_that_is_out_of_view_is_brought_into_it(opened):
    canvas, session = opened.canvas, opened.session
    canvas._moved(canvas.plane.zoomed(0.01, tuple(canvas.plane.high)))
    row = int(canvas.points[:, 0].argmin())
    assert not canvas.plane.contains(canvas.points[row])
    session.select_cell(session.key_of(row))
    assert canvas.plane.contains(canvas.points[row])
    canvas.fit()
    assert all(canvas.plane.contains(point) for point in canvas.points)


def test_a_lasso_selects_what_is_inside(opened, qtbot):
    canvas, session = opened.canvas, opened.session
    pixels = canvas.to_pixels(canvas.points)
    area = canvas.area()
    x = (np.sort(pixels[:, 0])[30] + np.sort(pixels[:, 0])[31]) / 2
    expected = np.flatnonzero(pixels[:, 0] < x)
    assert len(expected) == 31
    corners = [(area.left(), area.top()), (x, area.top()), (x, area.bottom()),
               (area.left(), area.bottom())]  # fmt: skip
    places = [QPoint(round(x), round(y)) for x, y in corners]
    qtbot.mousePress(canvas, LEFT, pos=places[0])
    for place in places[1:]:
        pull(canvas, place)
    qtbot.mouseRelease(canvas, LEFT, pos=places[-1])
    near = np.abs(pixels[:, 0] - x) > 1.5
    assert set(session.selection) & set(np.flatnonzero(near)) == set(expected) & set(
        np.flatnonzero(near)
    )
    assert f"{len(session.selection)} selected" in opened.note.text()
    assert session.cell is None, "a lasso is no click"

    # and the other way
    session.select_cells(np.array([4, 7]))
    np.testing.assert_array_equal(canvas._selected, [4, 7])
    assert "2 selected" in opened.note.text()
    qtbot.mouseClick(opened.clear, LEFT)
    assert len(session.selection) == 0
    assert len(canvas._selected) == 0
    session.select_cells(np.array([4, 7]))
    qtbot.keyClick(canvas, Qt.Key.Key_Escape)
    assert len(session.selection) == 0


def test_sliders_go_where_the_mouse_points_and_the_cross_follows_them(opened, qtbot):
    canvas, session = opened.canvas, opened.session
    session.select_cell(session.key_of(2))
    before, axes = session.latents, [opened.x.currentData(), opened.y.currentData()]
    place = QPoint(round(canvas.area().center().x()), round(canvas.area().center().y()))
    value = canvas.plane.to_data(QPointF(place), canvas.area())
    control = Qt.KeyboardModifier.ControlModifier
    qtbot.mouseClick(canvas, LEFT, control, pos=place)
    np.testing.assert_allclose(session.latents[axes], value)
    rest = np.setdiff1d(np.arange(6), axes)
    np.testing.assert_array_equal(session.latents[rest], before[rest])
    assert session.cell == session.key_of(2), "the cell stays selected"

    qtbot.mouseClick(opened.going, LEFT)
    qtbot.mousePress(canvas, LEFT, pos=place)
    other = place + QPoint(20, -15)
    pull(canvas, other)
    qtbot.mouseRelease(canvas, LEFT, pos=other)
    there = canvas.plane.to_data(QPointF(other), canvas.area())
    np.testing.assert_allclose(session.latents[axes], there)
    assert len(session.selection) == 0, "this drag is no lasso"
    session.set_latent(axes[0], 0.123)
    assert canvas._position == pytest.approx((0.123, there[1]))


def test_a_double_click_goes_to_the_cell_on_the_canvas(opened, viewer, qtbot):
    canvas, session = opened.canvas, opened.session
    row = lonely(canvas)
    key = session.key_of(row)
    opened.overlay.labels.scale = (0.5, 0.5)
    qtbot.mouseDClick(canvas, LEFT, pos=at(canvas, canvas.points[row]))
    assert session.cell == key
    assert opened.overlay.name == key[0]
    centre = place_of(opened.overlay, key, 1).affine[:2, 2]
    np.testing.assert_allclose(camera_of(viewer).center[-2:], centre)
    camera_of(viewer).center = (0, 1e4, 1e4)
    qtbot.keyClick(canvas, Qt.Key.Key_Return)
    np.testing.assert_allclose(camera_of(viewer).center[-2:], centre)


def test_arrow_keys_walk_to_neighbours_and_others_move_the_view(opened, qtbot):
    canvas, session = opened.canvas, opened.session
    row = int(canvas.points[:, 0].argsort()[40])
    session.select_cell(session.key_of(row))
    qtbot.keyClick(canvas, Qt.Key.Key_Right)
    to = session.row_of(session.cell)
    assert canvas.points[to, 0] > canvas.points[row, 0]
    edge = int(canvas.points[:, 1].argmax())
    session.select_cell(session.key_of(edge))
    qtbot.keyClick(canvas, Qt.Key.Key_Up)
    assert session.cell == session.key_of(edge), "there is nothing above"
    width = np.ptp([canvas.plane.low[0], canvas.plane.high[0]])
    qtbot.keyClick(canvas, Qt.Key.Key_Plus)
    assert np.ptp([canvas.plane.low[0], canvas.plane.high[0]]) < width
    qtbot.keyClick(canvas, Qt.Key.Key_Home)
    assert np.ptp([canvas.plane.low[0], canvas.plane.high[0]]) == pytest.approx(width)


def test_pca_places_cells_and_moves_sliders_back(opened, qtbot):
    canvas, session = opened.canvas, opened.session
    opened.kind.setCurrentIndex(opened.kind.findData("pca"))
    qtbot.waitUntil(lambda: len(canvas.points) == 80, timeout=60_000)
    values, active = latents_of(session), session.latent_order
    assert opened.x.count() == min(len(active), 10)
    assert opened.x.currentText().startswith("PC 1 (")
    centred = values[:, active] - values[:, active].mean(0)
    strengths = np.linalg.svd(centred, compute_uv=False) ** 2 / len(values)
    np.testing.assert_allclose(canvas.points.var(0), strengths[:2], rtol=1e-3)
    session.select_cell(session.key_of(9))
    np.testing.assert_allclose(canvas._position, canvas.points[9], atol=1e-4)
    place = QPoint(round(canvas.area().center().x()), round(canvas.area().center().y()))
    value = canvas.plane.to_data(QPointF(place), canvas.area())
    qtbot.mouseClick(canvas, LEFT, Qt.KeyboardModifier.ControlModifier, pos=place)
    assert canvas._position == pytest.approx(value, abs=1e-6)


def test_umap_says_how_to_install_it_and_is_used_where_it_is(opened, qtbot, monkeypatch):
    canvas, session = opened.canvas, opened.session
    monkeypatch.setattr("napari_parsimony.vae.projection.find_spec", lambda name: None)
    opened.kind.setCurrentIndex(opened.kind.findData("umap"))
    assert len(canvas.points) == 0, "nothing of another map is left"
    qtbot.waitUntil(lambda: "pip install umap-learn" in opened.note.text(), timeout=20_000)
    before = session.latents
    qtbot.mouseClick(canvas, LEFT, Qt.KeyboardModifier.ControlModifier, pos=QPoint(100, 100))
    np.testing.assert_array_equal(session.latents, before)

    class Fitted:
        def __init__(self, **settings):
            assert settings["random_state"] == 0

        def fit(self, values):
            assert values.shape == (80, len(session.latent_order))
            self.embedding_ = values[:, :2] * 2
            return self

    fake = types.ModuleType("umap")
    fake.UMAP = Fitted
    monkeypatch.setitem(sys.modules, "umap", fake)
    monkeypatch.setattr("napari_parsimony.vae.projection.find_spec", lambda name: object())
    opened.kind.setCurrentIndex(0)
    opened.kind.setCurrentIndex(opened.kind.findData("umap"))
    qtbot.waitUntil(lambda: len(canvas.points) == 80, timeout=20_000)
    assert not opened.x.isEnabled()
    assert not canvas.plane.numbered
    session.select_cell(session.key_of(9))
    np.testing.assert_allclose(canvas._position, canvas.points[9])
    row = lonely(canvas)
    control = Qt.KeyboardModifier.ControlModifier
    qtbot.mouseClick(canvas, LEFT, control, pos=at(canvas, canvas.points[row]))
    np.testing.assert_allclose(session.latents, latents_of(session)[row], rtol=1e-6)


def test_a_picture_of_the_cell_below_the_mouse(opened, qtbot):
    canvas = opened.canvas
    row = lonely(canvas)
    place = at(canvas, canvas.points[row])
    pull(canvas, place)
    assert canvas._hover == row
    assert not canvas._hover_picture.isNull()
    pull(canvas, QPoint(1, 1))
    assert canvas._hover == -1


def test_names_studies_and_late_docks(viewer, dock, field_study, crops_study, tmp_path):
    own = shutil.copytree(field_study, tmp_path / "study")
    session = dock.session
    session.open_study(own)
    session.select_cell(session.key_of(5))
    session.select_cells(np.array([1, 2]))
    latent = f"z{dock.x.currentData()}"
    session.name_latent(latent, "length")
    assert dock.x.currentText() == f"{latent} length"
    assert dock.canvas.plane.names[0] == f"{latent} length"

    late = ScatterDock(viewer)
    assert late.canvas._current == 5
    np.testing.assert_array_equal(late.canvas._selected, [1, 2])
    assert late.x.currentText() == f"{latent} length"
    late.deleteLater()

    session.open_study(crops_study)
    assert len(session.latent_order) < 2
    assert "a plane needs two" in dock.message.text()
    assert len(dock.canvas.points) == 0
    session.open_study(field_study)
    assert len(dock.canvas.points) == 80
    assert dock.canvas._current is None
    assert len(dock.canvas._selected) == 0
    assert dock.x.currentText() == f"z{dock.x.currentData()}"
    session.close()
    assert dock.message.isVisible()
    assert len(dock.canvas.points) == 0


def test_every_control_has_a_tooltip(opened):
    controls = [opened.canvas, *opened.findChildren(QPushButton), *opened.findChildren(QComboBox)]
    assert len(controls) == 8
    assert all(control.toolTip() for control in controls)


# Drawing


def test_points_are_drawn_where_they_are_and_mixed_where_they_crowd():
    at = np.array([[10, 5], [30.2, 12.4], [30.2, 12.4], [-500, 3], [1e12, 4]], np.float32)
    colours = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1], [1, 1, 1]], np.float32)
    picture = drawing.scatter_picture(at, colours, np.ones(5, np.float32), (20, 40), 2)
    assert picture.shape == (20, 40, 4)
    rows, columns = np.nonzero(picture[..., 3])
    assert (np.hypot(columns - 10, rows - 5) <= 2.5).sum() + (
        np.hypot(columns - 30, rows - 12) <= 2.5
    ).sum() == len(rows)
    assert tuple(picture[5, 10, :3]) == (255, 0, 0)
    assert tuple(picture[12, 30, :3]) == (0, 128, 128)
    assert picture[12, 30, 3] > picture[5, 10, 3]
    at_edge = drawing.scatter_picture(
        np.zeros((1, 2), np.float32), colours[:1], np.ones(1, np.float32), (4, 4), 3
    )
    assert at_edge[0, 0, 3] > 0, "points at the edge are cut, not lost"
    assert at_edge[3, 3, 3] == 0


def test_the_order_of_points_does_not_matter():
    rng = np.random.default_rng(0)
    at, colours = rng.uniform(0, 30, (200, 2)), rng.random((200, 3))
    order = rng.permutation(200)
    first, second = (
        drawing.scatter_picture(
            at[o].astype(np.float32), colours[o].astype(np.float32), np.ones(200, np.float32),
            (30, 30), 2,
        ).astype(int)
        for o in (np.arange(200), order)
    )  # fmt: skip
    assert np.abs(first - second).max() <= 1


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(-1.2, 1.2, [-1, 0, 1]), (0, 10, [0, 5, 10]), (0.31, 0.39, [0.32, 0.34, 0.36, 0.38])],
)
def test_ticks_are_round(low, high, expected):
    np.testing.assert_allclose(drawing.ticks(low, high, 4), expected)


def test_pixels_and_values_are_inverse(qtbot):
    canvas = ScatterCanvas(lambda: LIGHT)
    qtbot.addWidget(canvas)
    canvas.resize(330, 400)
    points = np.random.default_rng(0).normal(size=(50, 2)).astype(np.float32)
    canvas.set_points(points, ("z0", "z1"), True)
    x, y = canvas.to_pixels(points[7])
    assert canvas.plane.to_data(QPointF(x, y), canvas.area()) == pytest.approx(points[7], abs=1e-4)
    canvas._zoom(0.5, QPointF(x, y))
    np.testing.assert_allclose(canvas.to_pixels(points[7]), (x, y), atol=1e-2)
    canvas.set_points(np.ones((3, 2), np.float32), ("z0", "z1"), True)
    assert np.isfinite(canvas.to_pixels(canvas.points)).all(), "all cells at one place"
