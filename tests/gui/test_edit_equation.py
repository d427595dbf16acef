"""Equations by hand: scored as they are typed, followed by all docks, and given to the search."""

import shutil

import numpy as np
import pytest

napari = pytest.importorskip("napari")
from qtpy.QtCore import Qt  # noqa: E402
from qtpy.QtGui import QGuiApplication  # noqa: E402

from napari_parsimony.gui.session import Session  # noqa: E402
from napari_parsimony.study.steps import target  # noqa: E402
from napari_parsimony.symbolic.expression import Expression  # noqa: E402
from napari_parsimony.symbolic.losses import balanced_accuracy  # noqa: E402

pytestmark = pytest.mark.gui
LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def opened(make_napari_viewer, qtbot):
    def make(path):
        viewer = make_napari_viewer(show=True)
        _, dock = viewer.window.add_plugin_dock_widget("napari-parsimony", "Equations")
        session = Session.of(viewer)
        session.open_study(path)
        dock.choose_tab("By hand")
        qtbot.waitUntil(dock.hand.text.isVisible)
        return dock, session

    return make


def write(qtbot, hand, text):
    """Type over what is there, and wait until the docks follow."""
    hand.text.selectAll()
    qtbot.keyClicks(hand.text, text)
    qtbot.waitUntil(lambda: not hand._rest.isActive(), timeout=5000)


def test_it_begins_with_the_equation_looked_at(opened, field_study):
    dock, session = opened(field_study)
    for index in (session.front.chosen, 0):
        session.choose_expression(index)
        candidate = session.front.candidates[index]
        shown = Expression.parse(dock.hand.text.toPlainText())
        assert shown == candidate.expression.rounded(candidate.digits)
        assert session.candidate == index, "showing it changes nothing"
    assert not dock.hand.problem.isVisible()


def test_all_follow_what_is_typed(opened, field_study, qtbot):
    dock, session = opened(field_study)
    name = session.expression.variables[0]
    write(qtbot, dock.hand, f"2*{name} - 0.25")
    assert session.expression == Expression.parse(f"2*{name} - 0.25")
    assert session.candidate is None
    assert dock.view.isVisible()
    assert [text for text, _ in dock.view.terms.value()] == [f"2·{name}", "−0.25"]
    # nothing of the former one is pretended
    assert dock.chart.current is None
    assert dock.front.table.selectedItems() == []
    assert not dock.front.keep.isEnabled()
    dock.view.copy.menu().actions()[1].trigger()
    assert Expression.parse(QGuiApplication.clipboard().text()) == session.expression
    # and back
    dock.choose_tab("Front")
    table = dock.front.table
    middle = table.visualItemRect(table.item(0, 0)).center()
    qtbot.mouseClick(table.viewport(), LEFT, pos=middle)
    assert session.candidate == dock.chart.current == 0
    assert Expression.parse(dock.hand.text.toPlainText()) == session.expression.rounded(
        session.front.candidates[0].digits
    )


def test_numbers_are_of_what_is_typed_and_of_where_it_began(opened, field_study, qtbot):
    dock, session = opened(field_study)
    origin, study = session.expression, session.study
    name = origin.variables[0]
    write(qtbot, dock.hand, f"-1*{name}")
    positive, latents, cells = target(study)[0], study.latents(), study.cells()
    for part, column in (("train", "train"), ("validation", "validation")):
        rows = ((cells["split"] == column) & np.isfinite(positive)).to_numpy()
        values = {name: latents[name].to_numpy(float)[rows] for name in latents.columns[3:]}
        was, now = (
            balanced_accuracy(np.broadcast_to(e.evaluate(values), rows.sum()), positive[rows])
            for e in (origin, Expression.parse(f"-1*{name}"))
        )
        assert dock.hand.numbers["bal. acc.", part].text() == f"{was:.1%} → {now:.1%}"


def test_mistakes_are_pointed_at_and_change_nothing(opened, field_study, qtbot):
    dock, session = opened(field_study)
    hand, before = dock.hand, session.expression
    write(qtbot, hand, "z1 + exq(z1)")
    assert hand.problem.isVisible()
    assert hand.problem.text() == "There is no function 'exq' of 1 numbers (at character 6)."
    (mark,) = hand.text.extraSelections()
    assert mark.cursor.selectedText() == "e"
    assert hand.numbers["loss", "train"].text().endswith("→ –")
    assert not hand.refit.isEnabled()
    assert not hand.propose.isEnabled()
    assert session.expression == before
    write(qtbot, hand, "z99")
    assert "'z99' is not one of its variables" in hand.problem.text()
    write(qtbot, hand, "z1 + exp(z1)")
    assert not hand.problem.isVisible()
    assert hand.text.extraSelections() == []
    assert session.expression == Expression.parse("z1 + exp(z1)")


def test_reset_goes_back_even_from_a_mistake(opened, field_study, qtbot):
    dock, session = opened(field_study)
    index, text = session.candidate, dock.hand.text.toPlainText()
    write(qtbot, dock.hand, "z1 +")
    qtbot.mouseClick(dock.hand.reset, LEFT)
    assert dock.hand.text.toPlainText() == text
    write(qtbot, dock.hand, "z1*z2")
    assert session.candidate is None
    qtbot.mouseClick(dock.hand.reset, LEFT)
    assert session.candidate == index
    assert dock.hand.text.toPlainText() == text
    assert not dock.hand.problem.isVisible()


def test_numbers_are_refitted(opened, field_study, qtbot):
    dock, session = opened(field_study)
    name = session.expression.variables[0]
    write(qtbot, dock.hand, f"0.01*{name} + 3.5")
    before = dock.hand.numbers["loss", "train"].text().partition("→ ")[2]
    qtbot.mouseClick(dock.hand.refit, LEFT)
    qtbot.waitUntil(lambda: dock.hand.expression != session.expression, timeout=5000)
    qtbot.waitUntil(lambda: dock.hand.expression == session.expression, timeout=5000)
    assert float(dock.hand.numbers["loss", "train"].text().partition("→ ")[2]) < float(before)
    assert session.expression.variables == (name,)
    assert str(session.expression) == dock.hand.text.toPlainText()
    write(qtbot, dock.hand, name)
    assert not dock.hand.refit.isEnabled(), "there is no number in it"


@pytest.mark.parametrize("text", ["log(0 - 1)", "0/(z1 - z1)", "exp(800) - exp(900)"])
def test_a_score_that_does_not_exist_is_not_decided(opened, field_study, qtbot, text):
    dock, session = opened(field_study)
    write(qtbot, dock.hand, text)
    assert np.isnan(session.expression.evaluate({"z1": 0.5}))
    assert dock.view.result.text() == "score = +nan → not decided"


def test_it_is_simplified_where_no_cell_notices(opened, field_study, qtbot):
    dock, session = opened(field_study)
    hand = dock.hand
    write(qtbot, hand, "(z1 + 1)*(z1 - 1) - z1^2 + z2 + 1 + 0.0000001*z1")
    qtbot.mouseClick(hand.simplify, LEFT)
    qtbot.waitUntil(hand.told.isVisible, timeout=5000)
    assert hand.text.toPlainText() == "z2"
    study = session.study
    asked = study.cells()["split"].isin(["train", "validation"]).sum()
    assert hand.told.text() == f"Size 18 → 1: all {asked} cells stay on their side."
    qtbot.mouseClick(hand.simplify, LEFT)
    qtbot.waitUntil(lambda: "Nothing shorter" in hand.told.text(), timeout=5000)
    assert hand.text.toPlainText() == "z2"
    write(qtbot, hand, "z2 +")
    assert not hand.told.isVisible()
    assert not hand.simplify.isEnabled()


def test_it_can_take_part_in_the_search(opened, qtbot, field_study, tmp_path):
    dock, session = opened(field_study)
    known = session.front.variables
    write(qtbot, dock.hand, f"{known[0]} - exp({known[-1]})")
    qtbot.mouseClick(dock.hand.propose, LEFT)
    assert dock.tab == "Search"
    field = dock.panel.form.fields["by_hand"]
    assert field.get() == f"{known[0]} - exp({known[-1]})"
    assert "run it" in dock.panel.message.text()
    dock.choose_tab("By hand")
    write(qtbot, dock.hand, known[0])
    dock.panel.set_values({"start_from": tmp_path / "front.json"})
    qtbot.mouseClick(dock.hand.propose, LEFT)
    assert field.get() == f"{known[0]} - exp({known[-1]}); {known[0]}"
    assert dock.panel.form.fields["start_from"].get() is None
    assert "emptied" in dock.panel.message.text()
    others = [n for n in session.latent_statistics["name"] if n not in known]
    if others:
        dock.choose_tab("By hand")
        write(qtbot, dock.hand, others[0])
        assert not dock.hand.propose.isEnabled()
        assert others[0] in dock.hand.propose.toolTip()


def test_it_needs_no_front(opened, qtbot, field_study, tmp_path):
    own = shutil.copytree(field_study, tmp_path / "study")
    shutil.rmtree(own / "equations")
    dock, session = opened(own)
    assert dock.hand.text.toPlainText() == ""
    assert not dock.view.isVisible()
    write(qtbot, dock.hand, "z1 - 0.5")
    assert session.expression == Expression.parse("z1 - 0.5")
    assert dock.view.isVisible()
    assert "→" not in dock.hand.numbers["loss", "train"].text()
    dock.view.copy.menu().aboutToShow.emit()
    assert not dock.view.copy.menu().actions()[-1].isEnabled(), "there is no table of none"


def test_nothing_of_it_outlives_the_study_or_its_front(opened, qtbot, field_study, tmp_path):
    own = shutil.copytree(field_study, tmp_path / "study")
    dock, session = opened(own)
    write(qtbot, dock.hand, "z1*z2")
    other = int(session.front.chosen == 0)
    session.study.choose_equation(session.front.candidates[other].size)
    session.refresh()
    candidate = session.front.candidates[other]
    shown = Expression.parse(dock.hand.text.toPlainText())
    assert shown == candidate.expression.rounded(candidate.digits)
    write(qtbot, dock.hand, "z1*z2")
    dock.hand.text.setPlainText("z1*z2 + 1")  # about to be followed
    session.open_study(field_study)
    assert not dock.hand._rest.isActive()
    assert session.candidate == session.front.chosen
    session.close()
    assert not dock.hand.isVisible()


def test_enter_and_tab_do_not_get_into_the_text(opened, qtbot, field_study):
    dock, _ = opened(field_study)
    before = dock.hand.text.toPlainText()
    qtbot.keyClick(dock.hand.text, Qt.Key.Key_Return)
    qtbot.keyClick(dock.hand.text, Qt.Key.Key_Tab)
    assert dock.hand.text.toPlainText() == before
