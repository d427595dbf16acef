"""Cells unlike those that the VAE was trained on: in the study, in tables, on the canvas."""

import dataclasses
import shutil

import numpy as np
import pandas as pd
import pytest
from napari.components import ViewerModel
from planted import demo_with_unlike_cells

from napari_parsimony.cells.table import KEY
from napari_parsimony.gui.colours import choices
from napari_parsimony.gui.explorer import DO_NOT_TRUST, LatentExplorer
from napari_parsimony.gui.overlay import Overlay
from napari_parsimony.gui.sample import demo_folder
from napari_parsimony.gui.session import Session
from napari_parsimony.report.config import ReportConfig
from napari_parsimony.report.gather import gather
from napari_parsimony.report.page import page
from napari_parsimony.study.export import export
from napari_parsimony.study.familiarity import read_familiarity
from napari_parsimony.study.findings import findings_of
from napari_parsimony.study.steps import STEPS
from napari_parsimony.study.study import Study
from napari_parsimony.trust.findings import RANGE
from napari_parsimony.vae.store import load_vae, save_vae

FLAG = "do not trust"


@pytest.fixture(scope="module")
def strict(tmp_path_factory):
    return demo_with_unlike_cells(tmp_path_factory.mktemp("strict") / "study").path


@pytest.fixture
def study(strict, tmp_path):
    return Study.open(shutil.copytree(strict, tmp_path / "study"))


def test_every_cell_is_told_and_the_most_unlike_come_first(study):
    table = read_familiarity(study)
    pd.testing.assert_frame_equal(table[KEY], study.cells()[KEY], check_dtype=False)
    flagged = table[table[FLAG]].sort_values("unlikeness", ascending=False)
    assert 3 < len(flagged) < 0.5 * len(table)
    (finding,) = (each for each in findings_of(study)["trust"] if each.kind == RANGE)
    assert list(finding.cells) == [tuple(key) for key in flagged[KEY].to_numpy()]
    assert finding.severity == "note"
    assert finding.numbers["share of held-out cells"] == pytest.approx(table[FLAG].mean())


def test_the_export_has_a_column_of_it(study):
    table = read_familiarity(study)
    exported = export(study).cells
    np.testing.assert_array_equal(exported["do_not_trust"], table[FLAG])
    np.testing.assert_array_equal(exported["unlikeness"], table["unlikeness"])


def test_another_law_changes_nothing_of_it_but_another_vae_does(study):
    before = read_familiarity(study)
    other = next(c.size for c in study.front().candidates if c != study.front().choice)
    study.choose_equation(other)
    assert study.state("trust") == "stale"
    pd.testing.assert_frame_equal(read_familiarity(study), before)
    config = study.step("vae").settings(STEPS["vae"].config, study.path)
    weights = demo_folder() / "vae" / "weights.safetensors"
    study.run("vae", config.model_copy(update={"start_from": weights}))
    assert read_familiarity(study) is None
    assert "do_not_trust" not in export(study).cells


def test_weights_that_do_not_say_what_they_were_trained_on(study, tmp_path):
    vae, made = load_vae(study.path / "vae" / "weights.safetensors")
    vae.training_range = None
    save_vae(vae, made, tmp_path / "old.safetensors")
    for name in ("vae", "classify", "equations", "trust"):
        config = study.step(name).settings(STEPS[name].config, study.path)
        if name == "vae":
            config = config.model_copy(update={"start_from": tmp_path / "old.safetensors"})
        study.run(name, config)
    assert read_familiarity(study) is None
    (finding,) = (each for each in findings_of(study)["trust"] if each.kind == RANGE)
    assert finding.severity == "note"
    assert "cannot be told" in finding.sentence
    assert (study.path / "trust" / "groups.parquet").exists()
    viewer = ViewerModel()
    session = Session.of(viewer)
    session.open_study(study.path)
    overlay = Overlay.of(session)
    assert "familiarity" not in choices(session)
    assert FLAG not in overlay.labels.features
    session.close()


def test_the_report_says_where_not_to_trust(study):
    study.run("evaluate", STEPS["evaluate"].config(resamples=100))
    made = gather(study, ReportConfig())
    assert len(made.groups) == study.cells()["group"].nunique()
    section = page(made).split('<section id="generalisation">')[1].split("</section>")[0]
    assert "unlike those that the VAE was trained on" in section
    assert "Inside and outside of the training range" in section
    assert "Held-out tiles" in section
    assert 'id="generalisation"' in page(dataclasses.replace(made, groups=None))


def test_cells_on_the_canvas_tell_it(study):
    viewer = ViewerModel()
    session = Session.of(viewer)
    overlay = Overlay.of(session)
    session.open_study(study.path)
    table = read_familiarity(study)
    features = overlay.labels.features.set_index("index")[FLAG]
    flagged = set(table.loc[table[FLAG], "label"])
    assert set(features.index[features == "unlike training cells"]) == flagged
    assert features[~features.index.isin(flagged)].isna().all()
    overlay.set_template("{label}{trust}")
    texts = overlay.texts
    assert overlay.text_problem is None
    assert texts is not None
    overlay.set_colour_by("familiarity")
    bar = overlay.colouring.bar
    assert (bar.low, bar.high) == (0, 2)
    assert "do not trust" in overlay.colouring.meaning
    order = np.argsort(table["unlikeness"])
    assert (np.diff(overlay.colouring.shade[order]) >= 0).all()
    session.close()


@pytest.mark.gui
def test_the_selected_cell_says_it(make_napari_viewer, qtbot, study):
    viewer = make_napari_viewer(show=True)
    explorer = LatentExplorer(viewer)
    viewer.window.add_dock_widget(explorer, name="Latents")
    session = Session.of(viewer)
    session.open_study(study.path)
    qtbot.waitUntil(explorer.isVisible, timeout=5000)
    table = read_familiarity(study)
    order = np.argsort(table["unlikeness"].to_numpy())
    session.select_cell(session.key_of(int(order[-1])))
    qtbot.waitUntil(explorer.doubt.isVisible, timeout=5000)
    assert explorer.doubt.text() == DO_NOT_TRUST
    session.select_cell(session.key_of(int(order[0])))
    qtbot.waitUntil(lambda: not explorer.doubt.isVisible(), timeout=5000)
    session.select_cell(None)
    assert not explorer.doubt.isVisible()
