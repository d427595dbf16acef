"""The dock 'Trust', in a real napari with real clicks."""

import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from mouse import press
from qtpy.QtCore import Qt

from napari_parsimony.cells.table import KEY
from napari_parsimony.gui.docks import open_dock
from napari_parsimony.gui.napari_compat import camera_of
from napari_parsimony.gui.overlay import Overlay
from napari_parsimony.gui.session import Session
from napari_parsimony.gui.trust_dock import FINDINGS, LATENTS, RUN
from napari_parsimony.gui.trust_words import CHECKS, numbers_of, verdict_of
from napari_parsimony.jobs.job import JobState
from napari_parsimony.report import STEPS
from napari_parsimony.study.findings import findings_of
from napari_parsimony.study.run import run_step
from napari_parsimony.study.study import Study
from napari_parsimony.trust.config import TrustConfig
from napari_parsimony.trust.findings import FINDINGS_FILE, LAW, Finding, save_findings

pytestmark = pytest.mark.gui

LEFT = Qt.MouseButton.LeftButton
ORDER, FEW = [61, 3, 40, 17], [5, 70]  # rows of cells, the most telling first
LONG = (
    "The decision rests on brightness or imaging (through z0), which explains 45 % of the score "
    "among cells of one class. Alone it tells the classes apart in the movies that were learned "
    "from (balanced accuracy 0.86) but not in those held out (0.51): it is a short-cut, not "
    "biology."
)
NUMBERS = {
    "share": 0.451, "share, low": 0.3, "share, high": 0.52, "other groups": None, "cells": 1234.0,
}  # fmt: skip


@pytest.fixture
def viewer(make_napari_viewer):
    return make_napari_viewer(show=True)


@pytest.fixture
def session(viewer):
    return Session.of(viewer)


@pytest.fixture
def dock(qtbot, viewer):
    widget = open_dock(viewer, "Trust")
    qtbot.waitUntil(widget.isVisible)
    return widget


def key_of(study, row):
    image, frame, label = study.cells()[KEY].iloc[row]
    return str(image), int(frame), int(label)


def findings_like(study):
    strange = ("gone.tif", 0, 1)
    cells, few = ([key_of(study, row) for row in rows] for rows in (ORDER, FEW))
    return [
        Finding(LAW, "fine", "stretched: elongated.", (), {"stretched, elongation": 0.9}),
        Finding("short-cut: position", "fine", "The decision does not rest on it."),
        Finding("short-cut: intensity/imaging", "alarm", LONG, tuple(cells), NUMBERS),
        Finding("left out", "note", "Some of these are no more.", (strange, *few), {}),
        Finding("lost", "note", "None of these is there.", (strange,), {}),
    ]


def judge(study, findings):
    """Leave findings as the step 'trust' does, whatever it would have found."""
    meanings = pd.DataFrame(
        [
            ("z0", True, True, "central cell", "elongation", 0.91, 0.83, 2.5, True),
            ("z1", False, True, "position", "position left-right", -0.55, 0.4, -1.2, False),
            ("z2", True, False, "unclear", "texture", 0.12, 0.05, np.nan, False),
        ],
        columns=[
            "latent", "equation", "sparse network", "group", "trait", "r", "r2", "change",
            "monotone",
        ],
    )  # fmt: skip

    def write(study, config, out, checkpoints, report):
        save_findings(findings, out / FINDINGS_FILE)
        meanings.to_parquet(out / "meanings.parquet")

    run_step(study, replace(STEPS["trust"], run=write), TrustConfig())


@pytest.fixture
def plain(field_study, tmp_path):
    """A study that nobody has judged."""
    return Study.open(shutil.copytree(field_study, tmp_path / "plain"))


@pytest.fixture
def judged(field_study, tmp_path):
    study = Study.open(shutil.copytree(field_study, tmp_path / "judged"))
    judge(study, findings_like(study))
    return study


def row_of(dock, kind):
    return next(row for row in dock.findings.rows if row.checked.finding.kind == kind)


def said(dock):
    return [row.sentence.text().replace("\N{NO-BREAK SPACE}", " ") for row in dock.findings.rows]


def click(qtbot, widget):
    qtbot.waitUntil(widget.isVisible)
    qtbot.mouseClick(widget, LEFT, pos=widget.rect().center())


def test_numbers_are_written_with_their_intervals():
    finding = Finding("x", "fine", "x", (), NUMBERS)
    assert numbers_of(finding) == [
        ("share", "0.45 (0.30 to 0.52)"),
        ("other groups", "not known"),
        ("cells", "1,234"),
    ]
    alone = Finding("x", "fine", "x", (), {"share, low": -0.3, "p": 0.0004})
    assert numbers_of(alone) == [("share, low", "−0.30"), ("p", "0.0004")]


def test_the_verdict_is_of_all_checks(judged):
    found = findings_of(judged)
    verdict = verdict_of(judged, found)
    assert verdict.severity == "alarm"
    assert verdict.headline == "1 alarm: look before you believe the law."
    assert verdict.alarms == (LONG.split(" Alone")[0],)
    assert "2 notes are worth knowing." in verdict.rest
    more = verdict_of(judged, {**found, "report": (Finding("x", "alarm", "No."),) * 4})
    assert more.headline.startswith("5 alarms")
    assert len(more.alarms) == 3
    assert "2 more alarms below." in more.rest
    fine = verdict_of(judged, {"trust": (Finding("x", "fine", "Yes."),)})
    assert (fine.severity, fine.headline) == ("fine", "No alarm from Trust.")


def test_without_a_study_with_two_and_without_again(qtbot, dock, session, plain, judged):
    assert "No study is open" in dock.message.text()
    assert not dock.tabs.isVisible()
    session.open_study(judged.path)
    assert not dock.message.isVisible()
    assert "1 alarm" in dock.verdict.text()
    assert "stretched: elongated." in dock.law.text()
    assert "0.90" in dock.law.toolTip()
    # the gravest first, each with its whole sentence
    assert said(dock)[0] == LONG
    assert [row.checked.finding.severity for row in dock.findings.rows] == [
        "alarm", "note", "note", "fine",
    ]  # fmt: skip
    assert [row.head.text().count(word) for row, word in zip(
        dock.findings.rows, ("Alarm", "Note", "Note", "Fine"), strict=True
    )] == [1] * 4  # fmt: skip
    click(qtbot, row_of(dock, "short-cut: intensity/imaging"))
    session.open_study(plain.path)
    assert said(dock) == []
    assert "Nothing was looked into yet." in dock.verdict.text()
    assert "Not run yet: " in dock.verdict.text()
    assert "Trust" in dock.verdict.text()
    assert not dock.law.isVisible()
    assert dock.tabs.currentIndex() == RUN, "there is nothing else to do"
    assert "was not run yet" in dock.meanings.message.text()
    session.close()
    assert dock.message.isVisible()
    assert not dock.verdict.isVisible()
    assert not dock.panel.runs.isVisible()


def test_whole_sentences_fit_a_narrow_dock(qtbot, dock, session, judged):
    session.open_study(judged.path)
    dock.parentWidget().setFixedWidth(350)
    row = dock.findings.rows[0]

    def fits():
        label = row.sentence
        return row.width() < 350 and label.height() >= label.heightForWidth(label.width()) > 60

    qtbot.waitUntil(fits)


def test_a_check_runs_and_its_findings_are_shown(qtbot, dock, session, plain):
    session.open_study(plain.path)
    assert dock.checks.list.item(0).text().endswith("Trust – not run yet")
    dock.panel.set_values({"resamples": 100})
    with qtbot.waitSignal(dock.panel.runner.ended, timeout=120_000) as ended:
        press(qtbot, dock.panel.run_button)
        assert dock.panel.cancel_button.isVisible()
    assert ended.args[0].error is None, ended.args[0].error
    assert dock.tabs.currentIndex() == FINDINGS
    found = findings_of(Study.open(plain.path))["trust"]
    assert said(dock) == [finding.sentence for finding in found if finding.kind != LAW]
    laws = [finding.sentence for finding in found if finding.kind == LAW]
    assert laws[0] in dock.law.text()
    assert dock.checks.list.item(0).text().endswith("Trust – ready")
    assert dock.meanings.table.rowCount() > 0
    assert not dock.panel.runs.isVisible(), "findings have the room, now that nothing runs"


def test_a_check_is_cancelled(qtbot, dock, session, plain):
    session.open_study(plain.path)
    with qtbot.waitSignal(dock.panel.runner.ended, timeout=60_000) as ended:
        press(qtbot, dock.panel.run_button)
        press(qtbot, dock.panel.cancel_button)
    assert ended.args[0].state is JobState.IDLE
    assert "cancelled" in dock.panel.message.text()
    assert "Nothing was looked into yet." in dock.verdict.text()
    assert plain.state("trust") == "missing"


def test_a_finding_is_one_click_away_from_its_cells(qtbot, viewer, dock, session, judged):
    session.open_study(judged.path)
    row, other = (row_of(dock, kind) for kind in ("short-cut: intensity/imaging", "left out"))
    assert row.cells.text() == "Show its 4 cells"
    click(qtbot, row)  # anywhere on it
    gallery = open_dock(viewer, "Gallery")
    qtbot.waitUntil(lambda: list(gallery.crops.rows) == ORDER, timeout=20_000)
    np.testing.assert_array_equal(session.selection, ORDER)
    assert session.cell == session.key_of(ORDER[0])
    overlay = Overlay.of(session)
    assert overlay.name == session.cell[0]
    assert gallery.crops.current == ORDER[0]
    centre = session.cells.loc[ORDER[0], ["y", "x"]].astype(float)
    np.testing.assert_allclose(camera_of(viewer).center[-2:], centre)
    here = [r for r in ORDER if session.key_of(r)[0] == overlay.name]
    assert len(overlay.marks.layers["selected cells"].data) == len(here)
    assert row.current
    assert not other.current
    # both docks can be seen
    qtbot.waitUntil(lambda: not gallery.visibleRegion().isEmpty())
    assert not dock.visibleRegion().isEmpty()

    # looked at again after somebody went elsewhere: the first cell is in the middle again
    camera_of(viewer).center = (0, 5, 5)
    click(qtbot, row)
    qtbot.waitUntil(lambda: np.allclose(camera_of(viewer).center[-2:], centre))
    # a click in the gallery moves the viewer, and keeps the cells
    qtbot.waitUntil(lambda: gallery.view.visualRect(gallery.crops.index(2)).isValid())
    place = gallery.view.visualRect(gallery.crops.index(2)).center()
    qtbot.mouseClick(gallery.view.viewport(), LEFT, pos=place)
    assert session.cell == session.key_of(ORDER[2])
    assert list(gallery.crops.rows) == ORDER
    assert row.current

    # cells that the study has not are told of
    click(qtbot, other.cells)
    qtbot.waitUntil(lambda: list(gallery.crops.rows) == FEW)
    assert dock.note.text() == "1 of its 3 cells are not in the study any more."
    assert other.current
    assert not row.current
    click(qtbot, row_of(dock, "lost").cells)
    assert dock.note.text() == "1 of its 1 cells are not in the study any more."
    assert list(gallery.crops.rows) == FEW

    # the way back
    assert other.cells.text() == "All cells again"
    click(qtbot, other.cells)
    qtbot.waitUntil(lambda: list(gallery.crops.rows) == list(range(80)))
    assert len(session.selection) == 0
    assert not other.current
    assert gallery.by.currentData() == "image"
    assert not gallery.back.isVisible()


def test_the_gallery_has_a_way_back_to_how_it_was(qtbot, viewer, dock, session, judged, plain):
    session.open_study(judged.path)
    gallery = open_dock(viewer, "Gallery")
    qtbot.waitUntil(lambda: len(gallery.crops.rows) == 80)
    gallery.by.setFocus()
    qtbot.keyClick(gallery.by, Qt.Key.Key_Down)  # by class
    press(qtbot, gallery.direction)
    before = list(gallery.crops.rows)
    open_dock(viewer, "Trust")
    click(qtbot, dock.findings.rows[0].cells)
    qtbot.waitUntil(lambda: list(gallery.crops.rows) == ORDER)
    press(qtbot, gallery.back)
    assert list(gallery.crops.rows) == before
    assert gallery.by.currentData() == "class"
    np.testing.assert_array_equal(session.selection, ORDER)  # they stay marked
    # another study has other cells
    click(qtbot, dock.findings.rows[0])
    qtbot.waitUntil(lambda: list(gallery.crops.rows) == ORDER)
    session.open_study(plain.path)
    qtbot.waitUntil(lambda: list(gallery.crops.rows) == before)


def test_a_finding_without_cells_has_numbers_only(qtbot, dock, session, judged):
    session.open_study(judged.path)
    row = row_of(dock, "short-cut: position")
    assert not row.cells.isVisible()
    assert not row.more.isVisible()
    click(qtbot, row)
    assert len(session.selection) == 0
    assert not any("Gallery" in name for name in session.viewer.window.dock_widgets)
    row = row_of(dock, "short-cut: intensity/imaging")
    qtbot.waitUntil(row.more.isVisible)
    assert not row.numbers.isVisible()
    press(qtbot, row.more)
    assert row.numbers.isVisible()
    assert "0.45 (0.30 to 0.52)" in row.numbers.text()
    assert "In brackets: 95 % intervals." in row.numbers.text()


def test_what_is_stale_is_not_shown_but_said(qtbot, dock, session, judged):
    session.open_study(judged.path)
    front = session.front
    size = next(c.size for i, c in enumerate(front.candidates) if i != front.chosen)
    judged.choose_equation(size)
    session.refresh()
    assert said(dock) == []
    assert "Trust is out of date" in dock.verdict.text()
    assert "The step 'equations' has been run again" in dock.verdict.text().replace("&#x27;", "'")
    assert not dock.law.isVisible()
    assert "out of date" in dock.meanings.message.text()
    assert dock.checks.list.item(0).text().endswith("Trust – out of date")
    assert "Out of date:" in dock.panel.summary.text()


def test_a_damaged_file_is_one_sentence(dock, session, judged):
    path = judged.path / "trust" / FINDINGS_FILE
    path.write_text(path.read_text().replace('"alarm"', '"alarx"'))
    session.open_study(judged.path)
    assert said(dock) == []
    assert "is damaged" in dock.message.text()
    assert dock.message.isVisible()
    assert not dock.verdict.isVisible(), "that nothing was found is not known"


def test_latents_are_looked_at_and_named(qtbot, dock, session, judged):
    session.open_study(judged.path)
    bar = dock.tabs.tabBar()
    qtbot.mouseClick(bar, LEFT, pos=bar.tabRect(LATENTS).center())
    panel, table = dock.meanings, dock.meanings.table
    texts = [[table.item(r, c).text() for c in range(6)] for r in range(table.rowCount())]
    assert texts == [
        ["z0", "elongation (+0.91)", "central cell", "0.83", "both", "+2.5 SD"],
        ["z1", "position left-right (−0.55)", "position", "0.40", "network",
         "−1.2 SD, not steadily"],
        ["z2", "texture (+0.12)", "unclear", "0.05", "equation", "–"],
    ]  # fmt: skip
    looked = []
    session.latent_looked_at.connect(looked.append)
    place = table.visualItemRect(table.item(1, 0)).center()
    qtbot.mouseClick(table.viewport(), LEFT, pos=place)
    assert looked == ["z1"]
    press(qtbot, panel.name)
    assert session.latent_names == {"z1": "position left-right"}
    assert table.item(1, 0).text() == "z1 position left-right"
    assert not panel.name.isEnabled()
    press(qtbot, panel.name_all)
    assert session.latent_names["z0"] == "elongation"
    assert not panel.name_all.isVisible()
    table.setFocus()
    qtbot.keyClick(table, Qt.Key.Key_Down)  # z2, of which too little is known
    assert panel.name.text() == "No name to suggest"
    qtbot.keyClick(table, Qt.Key.Key_Home, Qt.KeyboardModifier.ControlModifier)
    remove = next(action for action in panel.menu().actions() if "Remove" in action.text())
    remove.trigger()
    assert session.latent_names == {"z1": "position left-right"}
    session.look_at_latent("z2")  # asked for elsewhere
    assert table.currentRow() == 2
    press(qtbot, panel.explore)
    assert any("Latent explorer" in name for name in session.viewer.window.dock_widgets)
    assert looked[-1] == "z2"


def test_every_check_can_be_chosen_and_the_report_be_opened(qtbot, dock, session, judged):
    session.open_study(judged.path)
    press(qtbot, dock.report)
    assert "'Report' was not run yet" in dock.note.text()
    bar = dock.tabs.tabBar()
    qtbot.mouseClick(bar, LEFT, pos=bar.tabRect(RUN).center())
    assert dock.checks.list.count() == len(CHECKS) > 0
    for row, name in enumerate(CHECKS):
        place = dock.checks.list.visualItemRect(dock.checks.list.item(row)).center()
        qtbot.mouseClick(dock.checks.list.viewport(), LEFT, pos=place)
        assert dock.panel.step == name
        assert set(dock.panel.form.fields) == set(STEPS[name].config.model_fields)
