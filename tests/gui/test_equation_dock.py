"""The equation dock in a real napari."""

import dataclasses
import shutil

import numpy as np
import pytest

napari = pytest.importorskip("napari")
from qtpy.QtCore import Qt  # noqa: E402
from qtpy.QtGui import QGuiApplication  # noqa: E402

from napari_parsimony.gui.equation_widget import EquationDock  # noqa: E402
from napari_parsimony.gui.session import Session  # noqa: E402
from napari_parsimony.study.study import Study  # noqa: E402
from napari_parsimony.symbolic.expression import Expression  # noqa: E402

pytestmark = pytest.mark.gui
KEY = ("image0.tif", 0, 6)


@pytest.fixture
def opened(make_napari_viewer, qtbot):
    def make(path=None, key=None):
        viewer = make_napari_viewer(show=True)
        dock = EquationDock(viewer)
        viewer.window.add_dock_widget(dock, name="Equation")
        session = Session.of(viewer)
        if path is not None:
            session.open_study(path)
        if key is not None:
            session.select_cell(key)
        settle(qtbot, dock)
        qtbot.wait(50)  # the window's layout
        settle(qtbot, dock)
        return viewer, dock, session

    return make


def settle(qtbot, dock):
    qtbot.waitUntil(dock.isVisible, timeout=5000)
    qtbot.waitUntil(lambda: not (dock._soon.due or dock._later.isActive()), timeout=5000)


def ink(label):
    """(height, width) booleans: where something is drawn."""
    image = label.pixmap().toImage()
    return np.array(
        [[image.pixelColor(x, y).alpha() > 60 for x in range(image.width())]
         for y in range(image.height())]
    )  # fmt: skip


def brightness(label):
    image = label.pixmap().toImage()
    drawn = np.argwhere(ink(label))
    return np.mean([image.pixelColor(int(x), int(y)).lightness() for y, x in drawn])


def test_it_says_which_step_is_missing(opened, crops_study):
    _, dock, session = opened(crops_study)
    assert dock.message.isVisible()
    assert not dock.content.isVisible()
    assert "was not run yet: run it in the dock 'Study'" in dock.message.text()
    session.close()
    assert "No study is open" in dock.message.text()


def test_the_front_is_listed_and_the_choice_marked(opened, field_study):
    _, dock, session = opened(field_study)
    front = session.front
    table = dock.table
    assert table.rowCount() == len(front.candidates) > 2
    stars = [row for row in range(table.rowCount()) if "★" in table.item(row, 0).text()]
    assert stars == [front.chosen]
    assert table.currentRow() == front.chosen
    best = front.choice
    assert table.item(front.chosen, 1).text() == (
        f"{best.validation_loss:.3f} ± {best.validation_error:.3f}"
    )
    assert table.item(front.chosen, 3).text() == best.unicode()


def test_numbers_follow_at_once_and_the_picture_when_it_rests(opened, field_study, qtbot):
    _, dock, session = opened(field_study, KEY)
    settle(qtbot, dock)
    name = session.expression.variables[0]
    before = dock.with_numbers.pixmap().cacheKey()
    session.set_latent(int(name[1:]), 1.25)
    qtbot.waitUntil(lambda: not dock._soon.due)
    score = float(session.expression.evaluate({name: 1.25}))
    assert f"{score:+.2f}".replace("-", "−") in dock.result.text()
    assert session.class_of(score) in dock.result.text()
    assert sum(value for _, value in dock.terms.value()) == pytest.approx(score)
    settle(qtbot, dock)
    assert dock.with_numbers.pixmap().cacheKey() != before


def test_another_equation_by_a_click(opened, field_study, qtbot):
    _, dock, session = opened(field_study, KEY)
    seen = []
    session.expression_changed.connect(seen.append)
    row = session.front.chosen - 1
    middle = dock.table.visualItemRect(dock.table.item(row, 0)).center()
    qtbot.mouseClick(dock.table.viewport(), Qt.MouseButton.LeftButton, pos=middle)
    assert seen == [row]
    assert session.candidate == row
    assert session.front.chosen == row + 1  # the study's own choice stays
    texts = [text for text, _ in dock.terms.value()]
    candidate = session.front.candidates[row]
    assert texts == [t.unicode(candidate.digits) for t in candidate.expression.terms]


def test_copies_can_be_read_again(opened, field_study, qtbot):
    _, dock, session = opened(field_study)
    qtbot.mouseClick(dock.copy_python, Qt.MouseButton.LeftButton)
    assert Expression.parse(QGuiApplication.clipboard().text()) == session.expression
    qtbot.mouseClick(dock.copy_latex, Qt.MouseButton.LeftButton)
    assert QGuiApplication.clipboard().text() == session.front.choice.latex()


def test_nothing_is_cut_off_and_themes_differ(opened, field_study, qtbot):
    viewer, dock, _ = opened(field_study, KEY)
    for label in (dock.equation, dock.with_numbers):
        drawn = ink(label)
        assert drawn.any()
        edges = (drawn[0], drawn[-1], drawn[:, 0], drawn[:, -1])
        assert not any(edge.any() for edge in edges)
        assert label.pixmap().deviceIndependentSize().width() <= dock.area.viewport().width()
    dark = brightness(dock.equation)
    viewer.theme = "light"
    settle(qtbot, dock)
    assert dark > 180
    assert brightness(dock.equation) < 80


def test_the_decision_map_follows(opened, field_study, qtbot, monkeypatch):
    front = Study.open(field_study).front()
    number = dataclasses.replace(front.candidates[0], expression=Expression.parse("0.5", ()))
    front = dataclasses.replace(front, candidates=(number, *front.candidates[1:]))
    monkeypatch.setattr(Study, "front", lambda study: front)
    _, dock, session = opened(field_study, KEY)
    qtbot.mouseClick(dock.show_map, Qt.MouseButton.LeftButton)
    assert dock.map.isVisible()
    first = dock.map.picture.pixmap().cacheKey()
    name = session.expression.variables[0]
    assert dock.map.axes[0].currentText() == name
    session.set_latent(int(name[1:]), -0.7)
    settle(qtbot, dock)
    assert dock.map.picture.pixmap().cacheKey() != first
    session.choose_expression(0)  # a number, which reads no latent
    assert "no latent" in dock.map.picture.text()
    dock.map.close()


def test_every_control_has_a_tooltip(opened, field_study):
    _, dock, _ = opened(field_study)
    controls = [dock.table, dock.equation, dock.with_numbers, dock.result, dock.terms]
    controls += [dock.copy_latex, dock.copy_python, dock.show_map]
    assert all(control.toolTip() for control in controls)


def test_another_equation_is_looked_at_and_then_used(opened, qtbot, field_study, tmp_path):
    own = shutil.copytree(field_study, tmp_path / "study")
    _, dock, session = opened(own)
    former = session.front.chosen
    other = int(former == 0)
    assert not dock.keep.isEnabled()
    session.choose_expression(other)
    assert dock.keep.isEnabled()
    assert session.front.chosen == former, "looking changes nothing"
    qtbot.mouseClick(dock.keep, Qt.MouseButton.LeftButton)
    assert Study.open(own).front().chosen == other
    assert "★" in dock.table.item(other, 0).text()
    assert session.candidate == other
    assert not dock.keep.isEnabled()
