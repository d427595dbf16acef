"""Docks that were open all along show what docks that are opened now show."""

import shutil

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QTabBar,
    QTableView,
    QWidget,
)
from seen import pixels

from napari_parsimony.cells.annotations import Annotations
from napari_parsimony.classify.config import ClassifyConfig
from napari_parsimony.gui.background import Background
from napari_parsimony.gui.dock import LiveLabel
from napari_parsimony.gui.docks import ALL, open_dock
from napari_parsimony.gui.session import Session
from napari_parsimony.gui.vae_judge import Judge
from napari_parsimony.study.study import Study
from napari_parsimony.symbolic.config import EquationsConfig

pytestmark = pytest.mark.gui

BUSY = Background, Judge
TRIES = 3  # what is drawn once a dock rests is late on a busy machine; what is stale stays so


def said(widget):
    """What a widget tells by itself, if it is one that tells anything."""
    if isinstance(widget, QComboBox):
        return widget.currentText(), *map(widget.itemText, range(widget.count()))
    if isinstance(widget, QLabel) and widget.pixmap() and not widget.pixmap().isNull():
        return widget.pixmap().toImage().sizeInBytes(), drawn(widget)
    if isinstance(widget, QAbstractButton):
        return widget.text(), widget.isChecked(), widget.isEnabled()
    if isinstance(widget, QLabel | QLineEdit | QAbstractSpinBox | LiveLabel):
        return widget.text()
    if isinstance(widget, QPlainTextEdit):
        return widget.toPlainText()
    if isinstance(widget, QAbstractItemView):
        model = widget.model()
        return [
            model.index(row, column).data(Qt.ItemDataRole.DisplayRole)
            for row in range(model.rowCount())
            for column in range(model.columnCount() if isinstance(widget, QTableView) else 1)
        ]
    ours = type(widget).__module__.startswith("napari_parsimony")
    return drawn(widget) if ours and not widget.findChildren(QWidget) else None


def drawn(widget):
    return hash(pixels(widget).tobytes())


def all_that_is_said(qtbot, viewer, docks):
    """Of each dock, tab after tab, what each of its widgets says; in any order."""
    window, told = viewer.window._qt_window, {}
    for name, dock in docks.items():
        open_dock(viewer, name)
        tabs = dock.findChild(QTabBar)
        for tab in range(tabs.count() if tabs else 1):
            if tabs:
                tabs.setCurrentIndex(tab)
            qtbot.wait(150)  # for what is drawn once a dock rests
            qtbot.waitUntil(
                lambda: not any(part.busy for kind in BUSY for part in window.findChildren(kind)),
                timeout=60_000,
            )
            qtbot.wait(50)
            if (focus := QApplication.focusWidget()) is not None:
                focus.clearFocus()
            found = [
                f"{type(widget).__name__}: {said(widget)}"
                for widget in dock.findChildren(QWidget)
                if widget.isVisibleTo(dock) and said(widget) is not None
            ]
            told[f"{name}, tab {tab}"] = sorted(found)
    return told


def look(session, path, row, candidate):
    session.open_study(path)
    session.choose_expression(candidate)
    session.select_cells(np.array([1, 2, 3]))
    session.select_cell(session.key_of(row))
    session.set_latent(session.latent_order[0], 0.25)


def compare(qtbot, make_napari_viewer, viewer, docks, look):
    """Look at the same with docks that know of nothing before."""
    fresh = make_napari_viewer(show=True)
    fresh.window._qt_window.resize(1366, 768)
    look(Session.of(fresh))
    others = {name: open_dock(fresh, name) for name in ALL}
    # what people choose in a dock stays there
    others["Study"].choose_step(docks["Study"].panel.step)
    others["Scatter plot"].x.setCurrentText(docks["Scatter plot"].x.currentText())
    others["Scatter plot"].y.setCurrentText(docks["Scatter plot"].y.currentText())
    others["Annotate"].table.choose(docks["Annotate"].table.name or "")
    for _ in range(TRIES):
        before = all_that_is_said(qtbot, viewer, docks)
        now = all_that_is_said(qtbot, fresh, others)
        wrong = [
            f"{place}:\n  before {set(before[place]) - set(now[place])}\n  "
            f"now {set(now[place]) - set(before[place])}"
            for place in now
            if before[place] != now[place]
        ]
        if not wrong:
            break
    Session.of(fresh).close()
    fresh.close()
    assert not wrong, "\n".join(wrong)


@pytest.fixture
def opened(make_napari_viewer, qtbot, field_study, tmp_path):
    """All docks, each tab of which somebody has looked at, with a study, a cell, an equation."""
    viewer = make_napari_viewer(show=True)
    viewer.window._qt_window.resize(1366, 768)
    docks = {name: open_dock(viewer, name) for name in ALL}
    look(Session.of(viewer), shutil.copytree(field_study, tmp_path / "own"), 7, 2)
    all_that_is_said(qtbot, viewer, docks)
    yield viewer, docks
    Session.of(viewer).close()


def test_another_study_cell_equation_and_position(
    make_napari_viewer, qtbot, opened, field_study, tmp_path
):
    viewer, docks = opened
    other = Study.open(shutil.copytree(field_study, tmp_path / "other"))
    other.run("classify", ClassifyConfig(
        seeds=1, steps=150, batch=64, black_box_seeds=1, black_box_epochs=1, density=0.15,
    ))  # fmt: skip
    other.run("equations", EquationsConfig(engines=["quick"], max_size=5))
    look(Session.of(viewer), other.path, 21, 1)
    Session.of(viewer).name_latent("z0", "size")
    compare(qtbot, make_napari_viewer, viewer, docks, lambda fresh: look(fresh, other.path, 21, 1))


def test_a_step_that_ran_elsewhere(make_napari_viewer, qtbot, opened):
    viewer, docks = opened
    session = Session.of(viewer)

    def go_on(fresh):
        fresh.open_study(session.study.path)
        fresh.select_cell(session.cell)
        fresh.select_cells(session.selection)
        fresh.set_latents(session.latents)

    study = Study.open(session.study.path)
    everybody = [session.key_of(row) for row in range(0, 80, 7)]
    study.annotate(Annotations({"round": "#884400"}, dict.fromkeys(everybody, "round")))
    study.run("classify", ClassifyConfig(
        seeds=1, steps=150, batch=64, black_box_seeds=1, black_box_epochs=1, density=0.15,
    ))  # fmt: skip
    assert session.refresh() == ["classify", "equations"]
    compare(qtbot, make_napari_viewer, viewer, docks, go_on)


def test_a_study_of_crops_and_none(make_napari_viewer, qtbot, opened, crops_study):
    viewer, docks = opened
    session = Session.of(viewer)
    session.open_study(crops_study)
    compare(qtbot, make_napari_viewer, viewer, docks, lambda fresh: fresh.open_study(crops_study))
    session.close()
    compare(qtbot, make_napari_viewer, viewer, docks, lambda fresh: None)
