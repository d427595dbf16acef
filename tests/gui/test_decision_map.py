"""The window with the decision map: it is the session's position, and moves it."""

import dataclasses
import shutil

import numpy as np
import pytest

napari = pytest.importorskip("napari")
from qtpy.QtCore import QPointF, Qt  # noqa: E402
from qtpy.QtGui import QImage  # noqa: E402

from napari_parsimony.cells.annotations import Annotations  # noqa: E402
from napari_parsimony.figures.palette import NEGATIVE, POSITIVE  # noqa: E402
from napari_parsimony.gui.session import Session  # noqa: E402
from napari_parsimony.study.steps import target  # noqa: E402
from napari_parsimony.symbolic.expression import Expression  # noqa: E402

pytestmark = pytest.mark.gui
KEY = ("image0.tif", 0, 6)
LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def opened(make_napari_viewer, qtbot):
    def make(path, text=None):
        viewer = make_napari_viewer(show=True)
        _, dock = viewer.window.add_plugin_dock_widget("napari-parsimony", "Equations")
        session = Session.of(viewer)
        session.open_study(path)
        session.select_cell(KEY)
        if text is not None:
            session.try_expression(Expression.parse(text))
        qtbot.mouseClick(dock.view.show_map, LEFT)
        window = dock.view.map
        settle(qtbot, window)
        return window, session

    return make


def settle(qtbot, window):
    """Wait until scores are drawn, and cells decoded."""
    qtbot.waitUntil(window.isVisible, timeout=5000)
    qtbot.waitUntil(lambda: not window._soon.due, timeout=5000)
    busy = lambda: window._rest.isActive() or window.view.strips_are_old  # noqa: E731
    qtbot.waitUntil(lambda: not busy(), timeout=60_000)


def drawn(qtbot, window):
    qtbot.waitUntil(lambda: not window._soon.due, timeout=5000)
    return window.view.scores


def latents_of(window):
    return tuple(int(box.currentData()[1:]) for box in window.axes)


def test_any_two_latents_those_of_the_equation_first(opened, field_study, qtbot):
    window, session = opened(field_study, "z2 - z0*z1")
    names = [window.axes[0].itemData(i) for i in range(window.axes[0].count())]
    active = [f"z{index}" for index in session.latent_order]
    assert names[:3] == ["z2", "z0", "z1"]
    assert set(names) == {"z0", "z1", "z2", *active}
    assert latents_of(window) == (2, 0)
    assert list(window.sliders) == ["z1"]
    assert window.sliders["z1"].value() == pytest.approx(session.latents[1])
    # the same one twice is no map
    window.axes[0].setCurrentIndex(1)
    window.axes[0].activated.emit(1)
    assert len(set(latents_of(window))) == 2
    assert latents_of(window)[0] == 0


def test_scores_are_those_of_the_position(opened, field_study, qtbot):
    window, session = opened(field_study, "z2 - z0*z1")
    view = window.view
    x, y = (np.linspace(*axis.limits, len(view.scores)) for axis in view.axes)
    np.testing.assert_allclose(drawn(qtbot, window), x - y[:, None] * session.latents[1])
    session.set_latent(1, 1.75)
    np.testing.assert_allclose(drawn(qtbot, window), x - y[:, None] * 1.75)
    assert window.sliders["z1"].value() == 1.75
    assert view.strips_are_old, "decoded cells of another position are not shown as if they fit"
    settle(qtbot, window)
    # a slider moves the session
    window.sliders["z1"].bar.setValue(10)
    assert session.latents[1] == window.sliders["z1"].value() != 1.75
    np.testing.assert_allclose(drawn(qtbot, window), x - y[:, None] * session.latents[1])
    score = float(
        session.expression.evaluate(dict(zip(["z0", "z1", "z2"], session.latents[:3], strict=True)))
    )
    assert f"{score:+.2f}".replace("-", "−") in window.result.text()
    settle(qtbot, window)
    across, up = view._strips
    assert len(across) == len(up) == 7


def test_a_click_moves_there(opened, field_study, qtbot):
    window, session = opened(field_study, "z2 - z0*z1")
    view, before = window.view, session.latents
    where = view.square().center() + QPointF(20, -15)
    qtbot.mouseClick(view, LEFT, pos=where.toPoint())
    after = session.latents
    assert set(np.flatnonzero(after != before)) == {0, 2}
    drawn(qtbot, window)
    away = view.at(*view.position) - QPointF(where.toPoint())
    assert abs(away.x()) < 1.5
    assert abs(away.y()) < 1.5
    assert view.position == (after[2], after[0])
    # the selected cell stays where it is
    row = session.study.latents().iloc[session.row_of(KEY)]
    assert view.marked == (pytest.approx(row["z2"]), pytest.approx(row["z0"]))
    qtbot.mouseClick(view, LEFT, pos=view.rect().bottomLeft())  # not in the map
    np.testing.assert_array_equal(session.latents, after)
    qtbot.keyClick(view, Qt.Key.Key_Up)
    assert session.latents[0] > after[0]
    assert session.latents[2] == after[2]


def test_another_cell_and_a_position_beyond_the_cells(opened, field_study, qtbot):
    window, session = opened(field_study, "z2 - z0")
    session.select_cell(session.key_of(3))
    drawn(qtbot, window)
    row = session.study.latents().iloc[3]
    assert window.view.marked == (pytest.approx(row["z2"]), pytest.approx(row["z0"]))
    low, high = window.view.axes[0].limits
    session.set_latent(2, high + 5)
    drawn(qtbot, window)
    assert window.view.axes[0].limits[1] > high + 5 > window.view.position[0] - 1e-9
    session.set_latent(2, (low + high) / 2)
    drawn(qtbot, window)
    assert window.view.axes[0].limits == (low, high)
    session.select_cell(None)
    drawn(qtbot, window)
    assert window.view.marked is None


def test_cells_have_the_colours_of_their_classes(opened, qtbot, field_study, tmp_path):
    window, session = opened(shutil.copytree(field_study, tmp_path / "study"), "z2 - z0")
    dots, known = window.view.dots, target(session.study)[0]
    assert list(dots.colours) == [POSITIVE if second else NEGATIVE for second in known > 0]
    np.testing.assert_allclose(dots.x, session.study.latents()["z2"])
    told = Annotations({"odd": "#123456"}, {session.key_of(4): "odd", session.key_of(7): None})
    session.annotate(told)
    assert len(window.view.dots.x) == len(known) - 1
    assert window.view.dots.colours[4] == "#123456"


def test_it_follows_equations_and_says_what_they_do_not_read(opened, field_study, qtbot):
    window, session = opened(field_study)
    session.try_expression(Expression.parse("z3 + z4"))
    drawn(qtbot, window)
    assert latents_of(window) == (3, 4)
    for place, name in enumerate(("z4", "z5")):
        index = window.axes[place].findData(name)
        window.axes[place].setCurrentIndex(index)
        window.axes[place].activated.emit(index)
    session.try_expression(Expression.parse("z4 - 1"))
    assert latents_of(window) == (4, 5), "axes that were chosen stay where one is still read"
    assert "does not read z5" in window.note.text()
    assert window.note.isVisible()
    session.try_expression(Expression.parse("0.5"))
    assert "reads no latent" in window.note.text()
    assert (drawn(qtbot, window) == 0.5).all()
    session.try_expression(Expression.parse("log(z3 - 99)"))
    assert np.isnan(drawn(qtbot, window)).all()
    session.choose_expression(session.front.chosen)
    assert set(session.expression.variables) & {box.currentData() for box in window.axes}


def test_names_are_shown_as_they_change(opened, qtbot, field_study, tmp_path):
    window, session = opened(shutil.copytree(field_study, tmp_path / "study"), "z2 - z0*z1")
    session.name_latent("z2", "length")
    assert "z2 length" in window.axes[0].currentText()
    assert window.view.axes[0].label == "length"
    session.name_latent("z1", "width")
    assert [label.text() for label in window._labels.values()] == ["z1 width"]


def test_it_closes_with_what_it_shows(opened, qtbot, field_study, tmp_path):
    own = shutil.copytree(field_study, tmp_path / "study")
    window, session = opened(own)
    session.close()
    assert not window.isVisible()
    assert not window._background.busy


def test_the_picture_is_saved_finer_than_the_screen(
    opened, field_study, qtbot, tmp_path, monkeypatch
):
    window, _ = opened(field_study, "z2 - z0*z1")
    paths = [str(tmp_path / "map.png"), str(tmp_path / "nowhere" / "map.png")]
    module = "napari_parsimony.gui.decision_window"
    monkeypatch.setattr(f"{module}.QFileDialog.getSaveFileName", lambda *_: (paths.pop(0), ""))
    said = []
    monkeypatch.setattr(f"{module}.show_warning", said.append)
    qtbot.mouseClick(window.save, LEFT)
    image = QImage(str(tmp_path / "map.png"))
    assert image.width() == 3 * window.view.width()
    assert not said
    qtbot.mouseClick(window.save, LEFT)
    assert "could not be written" in said[0]


def test_every_control_has_a_tooltip(opened, field_study):
    window, _ = opened(field_study, "z2 - z0*z1")
    controls = [*window.axes, window.view, window.result, window.save, *window.sliders.values()]
    assert all(control.toolTip() for control in controls)
    assert window.sizeHint().height() <= 700, "it fits into a low screen"


def test_a_front_that_is_replaced_is_followed(opened, field_study, tmp_path, monkeypatch):
    own = shutil.copytree(field_study, tmp_path / "study")
    window, session = opened(own)
    front = session.front
    changed = dataclasses.replace(front.choice, expression=Expression.parse("z3*z4"))
    candidates = [changed if c is front.choice else c for c in front.candidates]
    new = dataclasses.replace(front, candidates=tuple(candidates))
    monkeypatch.setattr(type(session.study), "front", lambda study: new)
    session.artefacts_changed.emit("equations")
    session.expression_changed.emit(session.candidate)
    assert latents_of(window) == (3, 4)
