"""The dock 'Equations' in a real napari: front, chart, search, and the equation looked at."""

import io
import json
import math
import shutil

import numpy as np
import pandas as pd
import pytest

napari = pytest.importorskip("napari")
from qtpy.QtCore import QPointF, Qt  # noqa: E402
from qtpy.QtGui import QContextMenuEvent, QGuiApplication  # noqa: E402
from qtpy.QtWidgets import QPushButton, QWidget  # noqa: E402

from napari_parsimony.artefact import write_json  # noqa: E402
from napari_parsimony.gui.equation_view import NOTATIONS  # noqa: E402
from napari_parsimony.gui.front_chart import FrontChart, Point  # noqa: E402
from napari_parsimony.gui.front_table import FrontTable, points_of  # noqa: E402
from napari_parsimony.gui.session import Session  # noqa: E402
from napari_parsimony.jobs.job import JobState  # noqa: E402
from napari_parsimony.study.record import STEP_FILE, describe_again  # noqa: E402
from napari_parsimony.study.study import Study  # noqa: E402
from napari_parsimony.symbolic.choice import good_laws  # noqa: E402
from napari_parsimony.symbolic.expression import Expression  # noqa: E402

pytestmark = pytest.mark.gui
KEY = ("image0.tif", 0, 6)
LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def opened(make_napari_viewer, qtbot):
    def make(path=None, key=None):
        viewer = make_napari_viewer(show=True)
        _, dock = viewer.window.add_plugin_dock_widget("napari-parsimony", "Equations")
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


@pytest.fixture
def own_study(field_study, tmp_path):
    """A copy that a test may change."""
    return shutil.copytree(field_study, tmp_path / "study")


def settle(qtbot, dock):
    view = dock.view
    qtbot.waitUntil(dock.isVisible, timeout=5000)
    qtbot.waitUntil(lambda: not view.busy, timeout=20_000)


def shown(dock, row):
    """Texts of a row of the table by column, those that can be seen."""
    table = dock.front.table
    return {
        table.horizontalHeaderItem(column).text(): table.item(row, column).text()
        for column in range(table.columnCount())
        if not table.isColumnHidden(column)
    }


def as_format_1(content):
    """What an earlier version would have written."""
    later = ("accuracy", "loss_interval", "accuracy_interval", "balanced_accuracy_interval")
    for candidate in content["candidates"]:
        for name in later:
            del candidate[name]
    for name in ("judged", "searches", "laws"):
        del content[name]
    return {**content, "format_version": 1}


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


def pages(dock):
    """What of the dock is to be seen."""
    parts = {
        "message": dock.message, "tabs": dock.tabs, "chart": dock.chart, "front": dock.front,
        "hand": dock.hand, "form": dock.form, "runs": dock.panel.runs, "view": dock.view,
    }  # fmt: skip
    return {name for name, part in parts.items() if part.isVisible()}


def test_each_tab_shows_what_there_is(opened, crops_study, field_study):
    _, dock, session = opened()
    assert pages(dock) == {"message"}
    assert "No study is open" in dock.message.text()
    session.open_study(crops_study)
    assert pages(dock) == {"message", "tabs"}
    assert "was not run yet: run it in the dock 'Study'" in dock.message.text()
    dock.choose_tab("By hand")
    assert pages(dock) == {"tabs", "hand"}
    assert "'Classifiers' was not run yet" in dock.hand.message.text()
    dock.choose_tab("Search")
    assert pages(dock) == {"tabs", "form", "runs"}
    session.open_study(field_study)
    assert pages(dock) == {"tabs", "form", "runs"}
    dock.choose_tab("Front")
    assert pages(dock) == {"tabs", "chart", "front", "view"}
    dock.choose_tab("By hand")
    assert pages(dock) == {"tabs", "chart", "hand", "view"}
    session.close()
    assert pages(dock) == {"message"}


def test_the_search_is_offered_where_only_it_is_missing(opened, own_study):
    shutil.rmtree(own_study / "equations")
    _, dock, _ = opened(own_study)
    assert pages(dock) == {"tabs", "form", "runs"}
    dock.choose_tab("Front")
    assert "run it in the tab 'Search'" in dock.message.text()
    assert pages(dock) == {"message", "tabs"}


def test_the_front_is_listed_and_the_choice_marked(opened, field_study):
    _, dock, session = opened(field_study)
    front, table = session.front, dock.front.table
    assert table.rowCount() == len(front.candidates) > 2
    stars = [row for row in range(table.rowCount()) if "★" in table.item(row, 0).text()]
    assert stars == [front.chosen]
    assert table.currentRow() == front.chosen
    best = front.choice
    assert shown(dock, front.chosen) == {
        "size": f"{best.size} ★",
        "CV loss": f"{best.validation_loss:.3f} ± {best.validation_error:.3f}",
        "bal. acc.": f"{best.balanced_accuracy:.1%}",
        "law": str(front.law_of(front.chosen) + 1),
        "equation": best.unicode(),
    }
    assert table.horizontalHeader().length() <= table.viewport().width(), "nothing is cut off"
    assert "not evaluated" in dock.front.held_out.text()


def test_columns_are_chosen_by_a_menu_and_stay(opened, field_study, qtbot):
    _, dock, session = opened(field_study)
    front, table = session.front, dock.front.table
    qtbot.waitUntil(lambda: table.horizontalScrollBar().maximum() == 0, timeout=5000)
    ticks = {action.text(): action for action in dock.front.columns.actions()}
    assert {name for name, tick in ticks.items() if tick.isChecked()} == set(shown(dock, 0)) - {
        "size",
        "equation",
    }
    for part in (table.horizontalHeader().viewport(), table.viewport(), table):
        reason = (
            QContextMenuEvent.Reason.Keyboard if part is table else QContextMenuEvent.Reason.Mouse
        )
        place = part.rect().center()
        event = QContextMenuEvent(reason, place, part.mapToGlobal(place))
        QGuiApplication.sendEvent(part, event)
        assert dock.front.columns.isVisible()
        dock.front.columns.hide()
    for tick in ticks.values():
        tick.setChecked(True)
    best, row = front.choice, shown(dock, front.chosen)
    low, high = best.loss_interval
    assert row["loss 95 %"] == f"{low:.3f}–{high:.3f}"
    assert low <= best.validation_loss <= high
    assert row["acc."] == f"{best.accuracy:.1%}"
    assert row["agrees"] == f"{best.agreement:.1%}"
    assert row["flips"] == str(best.flips)
    assert row["found by"].endswith(f"/{len(front.searches)}")
    assert float(row["gain"]) >= 0
    assert table.horizontalScrollBar().maximum() > 0, "what does not fit can be reached"
    for name, tick in ticks.items():
        tick.setChecked(name == "flips")
    assert set(shown(dock, 0)) == {"size", "flips", "equation"}
    # a window opened later has the same
    again = FrontTable(session)
    qtbot.addWidget(again)
    hidden = [again.table.isColumnHidden(i) for i in range(again.table.columnCount())]
    assert hidden == [table.isColumnHidden(i) for i in range(table.columnCount())]


def test_laws_are_listed_and_can_be_looked_at(opened, field_study):
    _, dock, session = opened(field_study)
    front, button = session.front, dock.front.laws
    law = front.laws[front.law_of(front.chosen)]
    assert f"★ found by {len(law.found_by)} of {len(front.searches)} search" in button.text()
    actions = button.menu().actions()
    assert len(actions) == len(good_laws(front))
    assert "★" in actions[0].text()
    assert front.candidates[law.members[0]].unicode()[:20] in actions[0].text()
    actions[0].trigger()
    assert session.candidate == law.members[0]


def test_a_front_from_before_there_were_laws_opens(opened, own_study):
    folder = own_study / "equations"
    content = json.loads((folder / "front.json").read_text())
    (folder / "front.json").write_text(json.dumps(as_format_1(content)))
    record = Study.open(own_study).step("equations")
    (folder / STEP_FILE).unlink()
    again = describe_again(record, record.config, folder)
    write_json(folder / STEP_FILE, again.model_dump(mode="json"))
    _, dock, session = opened(own_study)
    assert session.front.laws == ()
    row = shown(dock, session.front.chosen)
    assert row["law"] == "–"
    assert row["bal. acc."] == f"{session.front.choice.balanced_accuracy:.1%}"
    assert dock.front.laws.text() == "Laws are not known: search again"
    assert not dock.front.laws.isEnabled()


def test_the_chart_says_what_the_table_says(opened, field_study, qtbot):
    _, dock, session = opened(field_study)
    front, chart = session.front, dock.chart
    assert [point.size for point in chart.points] == [c.size for c in front.candidates]
    assert [point.loss for point in chart.points] == [c.validation_loss for c in front.candidates]
    assert [point.error for point in chart.points] == [c.validation_error for c in front.candidates]
    assert chart.chosen == chart.current == front.chosen
    smallest = min(index for index, point in enumerate(chart.points) if point.near)
    assert smallest == front.chosen, "the rule chose the smallest of those that are near"
    # click, and the arrow keys
    qtbot.mouseClick(chart, LEFT, pos=chart.position(0).toPoint())
    assert session.candidate == chart.current == dock.front.table.currentRow() == 0
    qtbot.keyClick(chart, Qt.Key.Key_Right)
    assert session.candidate == chart.current == 1
    qtbot.keyClick(chart, Qt.Key.Key_Left)
    qtbot.keyClick(chart, Qt.Key.Key_Left)
    assert session.candidate == 0
    assert front.candidates[0].unicode() in chart.points[0].text


@pytest.mark.parametrize(
    "losses", [[0.7, 0.4, 0.2], [0.5], [0.3, 0.3], [9.0, 1.0, 1e-4], [math.inf, 0.3], [math.nan]]
)
def test_any_front_can_be_drawn(qtbot, losses):
    chart = FrontChart()
    qtbot.addWidget(chart)
    chart.resize(328, chart.sizeHint().height())
    points = [Point(2 * i + 1, loss, 0.1, str(i)) for i, loss in enumerate(losses)]
    chart.set_points(points, "loss", chosen=0)
    assert not chart.grab().isNull()
    for index, loss in enumerate(losses):
        if math.isfinite(loss):
            where = chart.position(index)
            assert chart.rect().contains(where.toPoint())
            assert chart.nearest(where) == index
    assert chart.nearest(QPointF(-99, -99)) is None


def test_numbers_follow_at_once_and_the_picture_when_it_rests(opened, field_study, qtbot):
    _, dock, session = opened(field_study, KEY)
    view = dock.view
    name = session.expression.variables[0]
    before = view.with_numbers.pixmap().cacheKey()
    session.set_latent(int(name[1:]), 1.25)
    qtbot.waitUntil(lambda: not view._soon.due)
    score = float(session.expression.evaluate(view.values(session.expression)))
    assert view.values(session.expression)[name] == 1.25
    assert f"{score:+.2f}".replace("-", "−") in view.result.text()
    assert session.class_of(score) in view.result.text()
    assert sum(value for _, value in view.terms.value()) == pytest.approx(score)
    settle(qtbot, dock)
    assert view.with_numbers.pixmap().cacheKey() != before


def test_another_equation_by_a_click(opened, field_study, qtbot):
    _, dock, session = opened(field_study, KEY)
    seen = []
    session.expression_changed.connect(seen.append)
    row, table = session.front.chosen - 1, dock.front.table
    middle = table.visualItemRect(table.item(row, 0)).center()
    qtbot.mouseClick(table.viewport(), LEFT, pos=middle)
    assert seen == [row]
    assert session.candidate == dock.chart.current == row
    assert session.front.chosen == row + 1  # the study's own choice stays
    texts = [text for text, _ in dock.view.terms.value()]
    candidate = session.front.candidates[row]
    assert texts == [t.unicode(candidate.digits) for t in candidate.expression.terms]


def test_every_notation_can_be_copied_and_saved(opened, field_study, tmp_path, monkeypatch):
    _, dock, session = opened(field_study)
    copied = {}
    for action in dock.view.copy.menu().actions():
        action.trigger()
        copied[action.text()] = QGuiApplication.clipboard().text()
    latex, text, numpy_code, sympy_code, table, hall = copied.values()
    assert latex == session.front.choice.latex()
    assert Expression.parse(text) == session.expression
    assert session.classes[1] in numpy_code
    assert numpy_code.startswith("import numpy as np")
    assert "symbols(" in sympy_code
    for csv in (table, hall):
        assert len(pd.read_csv(io.StringIO(csv))) == len(session.front.candidates)
    for notation, text in zip(NOTATIONS, copied.values(), strict=True):
        file = tmp_path / f"law{notation.suffix}"
        dock.view.save_as(notation, file)
        assert file.read_text(encoding="utf-8") == text
    said = []
    monkeypatch.setattr("napari_parsimony.gui.equation_view.show_warning", said.append)
    dock.view.save_as(NOTATIONS[0], tmp_path / "nowhere" / "law.tex")
    assert len(said) == 1
    assert "law.tex could not be written: No such" in said[0]


def test_nothing_is_cut_off_and_themes_differ(opened, field_study, qtbot):
    viewer, dock, _ = opened(field_study, KEY)
    view = dock.view
    for label in (view.equation, view.with_numbers):
        drawn = ink(label)
        assert drawn.any()
        edges = (drawn[0], drawn[-1], drawn[:, 0], drawn[:, -1])
        assert not any(edge.any() for edge in edges)
        assert label.pixmap().deviceIndependentSize().width() <= view.area.viewport().width()
    dark = brightness(view.equation)
    viewer.theme = "light"
    settle(qtbot, dock)
    assert dark > 180
    assert brightness(view.equation) < 80


def test_names_of_latents_are_shown_as_they_change(opened, own_study):
    _, dock, session = opened(own_study)
    name = session.expression.variables[0]
    assert not dock.view.names.isVisible()
    session.name_latent(name, "length")
    assert dock.view.names.isVisible()
    assert dock.view.names.text() == f"{name} length"
    assert f"{name} length" in dock.view.terms.toolTip()
    dock.choose_tab("By hand")
    assert f"{name} length" in dock.hand.text.toolTip()
    session.name_latent(name, "")
    assert not dock.view.names.isVisible()
    assert "length" not in dock.hand.text.toolTip()


def test_every_control_has_a_tooltip(opened, field_study):
    _, dock, _ = opened(field_study)
    view = dock.view
    controls = [dock.chart, dock.front.table, view.equation, view.with_numbers, view.result]
    controls += [view.terms, view.names, dock.hand.text, *dock.hand.numbers.values()]
    for part in (dock.front, dock.hand, view):
        controls += part.findChildren(QPushButton)
    assert all(control.toolTip() for control in controls)
    assert all(dock.tabs.tabToolTip(index) for index in range(dock.tabs.count()))
    assert dock.minimumSizeHint().width() <= 340
    assert dock.minimumSizeHint().height() <= 600, "a low window shows all of it"


def test_another_equation_is_looked_at_and_then_used(opened, qtbot, own_study):
    _, dock, session = opened(own_study)
    former = session.front.chosen
    other = int(former == 0)
    assert not dock.front.keep.isEnabled()
    session.choose_expression(other)
    assert dock.front.keep.isEnabled()
    assert session.front.chosen == former, "looking changes nothing"
    qtbot.mouseClick(dock.front.keep, LEFT)
    assert Study.open(own_study).front().chosen == other
    assert "★" in dock.front.table.item(other, 0).text()
    assert session.candidate == dock.chart.chosen == other
    assert not dock.front.keep.isEnabled()


def test_a_search_shows_its_front_and_then_the_new_one(opened, qtbot, own_study):
    _, dock, session = opened(own_study)
    seen = []
    dock.panel.previewed.connect(lambda _: seen.append((dock.chart.title, dock.chart.points)))
    dock.choose_tab("Search")
    assert not dock.chart.isVisible()
    name = session.front.variables[0]
    dock.panel.set_values({"max_size": 1, "engines": ("quick",), "by_hand": name})
    with qtbot.waitSignal(dock.panel.runner.ended, timeout=60_000) as ended:
        qtbot.mouseClick(dock.panel.run_button, LEFT)
    assert ended.args[0].state is JobState.DONE, ended.args[0].error
    assert seen
    for title, points in seen:
        assert title.startswith("searching: ")
        sizes = [point.size for point in points]
        assert sizes == sorted(set(sizes))
    assert dock.tabs.tabText(dock.tabs.currentIndex()) == "Front", "the search is over"
    front = session.front
    assert len(front.candidates) == 1
    assert dock.chart.points == tuple(points_of(front))
    assert dock.front.table.rowCount() == len(front.candidates)
    assert session.study.step("equations").config["by_hand"] == name


def test_points_of_a_search_cannot_be_chosen(opened, qtbot, field_study):
    _, dock, session = opened(field_study)
    before = session.candidate
    dock.panel.previewed.emit({"front": [[1, 0.5, "z0"], [3, 0.2, "z0 + 1"]], "loss": "error"})
    assert [point.loss for point in dock.chart.points] == [0.5, 0.2]
    assert dock.chart.current is None
    qtbot.mouseClick(dock.chart, LEFT, pos=dock.chart.position(1).toPoint())
    assert session.candidate == before
    session.job_changed.emit(None)
    assert dock.chart.points == tuple(points_of(session.front))


def test_the_dock_fits_into_a_narrow_window(opened, field_study, qtbot):
    viewer, dock, _ = opened(field_study)
    window = viewer.window._qt_window
    window.resize(1100, 700)
    window.resizeDocks([dock.parentWidget()], [340], Qt.Orientation.Horizontal)
    for tab in ("Front", "By hand", "Search"):
        dock.choose_tab(tab)
        qtbot.wait(20)
        for child in dock.findChildren(QWidget):
            inside = child.isVisible() and child.parentWidget() in (dock, dock.front, dock.hand)
            if inside:
                assert child.geometry().right() <= child.parentWidget().width(), child


def test_a_picture_that_comes_late_is_not_shown_for_another_equation(opened, field_study, qtbot):
    _, dock, session = opened(field_study, KEY)
    view = dock.view
    drawn = [label.pixmap().cacheKey() for label in (view.equation, view.with_numbers)]
    told = []
    view._pictures.done.connect(told.append)
    shorter = session.front.chosen - 1
    session.choose_expression(shorter)
    assert view.equation.pixmap().isNull(), "the former one is gone at once"
    session.choose_expression(session.front.chosen)
    session.choose_expression(shorter)
    assert view.busy
    settle(qtbot, dock)
    assert len(told) == 1, "only what was asked for last"
    now = [label.pixmap().cacheKey() for label in (view.equation, view.with_numbers)]
    assert not set(now) & set(drawn)
    session.choose_expression(session.front.chosen)
    session.close()
    settle(qtbot, dock)
    assert view.equation.pixmap().isNull()
