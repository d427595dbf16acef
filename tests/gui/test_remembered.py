"""Settings of steps as they were used last are offered in the next study."""

import json
import shutil
from pathlib import Path

import pytest
from mouse import press
from napari.settings import get_settings

from napari_parsimony.gui.docks import open_dock
from napari_parsimony.gui.remembered import recall_settings
from napari_parsimony.report import STEPS

pytestmark = pytest.mark.gui


@pytest.fixture
def own_study(field_study, tmp_path):
    return shutil.copytree(field_study, tmp_path / "study")


def run(qtbot, panel, **values):
    panel.set_values(values)
    with qtbot.waitSignal(panel.runner.ended, timeout=60_000) as ended:
        press(qtbot, panel.run_button)
    assert ended.args[0].error is None, ended.args[0].error


def test_settings_of_the_last_study_are_offered_in_the_next(
    make_napari_viewer, qtbot, own_study, tmp_path
):
    viewer = make_napari_viewer(show=True)
    dock = open_dock(viewer, "Study")
    assert dock.open_study(own_study)
    dock.choose_step("equations")
    run(qtbot, dock.panel, engines=["quick"], max_size=7, by_hand="z0")
    second = make_napari_viewer(show=True)
    other = open_dock(second, "Study")
    assert other.create_study(tmp_path / "next")
    other.choose_step("equations")
    fields = other.panel.form.fields
    assert (fields["engines"].get(), fields["max_size"].get()) == (("quick",), 7)
    assert fields["by_hand"].get() == "", "an equation is of the latents of one study"
    defaults = STEPS["equations"].config()
    press(qtbot, other.panel.reset_button)
    assert fields["engines"].get() == defaults.engines
    assert fields["max_size"].get() == defaults.max_size
    # a study that has run the step shows what it was run with
    assert other.open_study(own_study)
    other.choose_step("equations")
    assert other.panel.form.fields["max_size"].get() == 7


def test_reset_leaves_the_files_of_the_study(make_napari_viewer, qtbot, crops_study):
    viewer = make_napari_viewer(show=True)
    dock = open_dock(viewer, "Study")
    dock.open_study(crops_study)
    dock.choose_step("cells")
    assert dock.panel.form.fields["size"].get() == 32
    press(qtbot, dock.panel.reset_button)
    fields = dock.panel.form.fields
    assert fields["size"].get() == 64
    assert fields["folder"].get() == Path(crops_study).parent / "crops"
    assert "movie" in fields["pattern"].get()


def test_the_start_of_a_vae(make_napari_viewer, qtbot, own_study, tmp_path):
    viewer = make_napari_viewer(show=True)
    dock = open_dock(viewer, "VAE")
    dock.session.open_study(own_study)
    dock.tabs.setCurrentIndex(0)
    run(qtbot, dock.panel, steps=2, beta=0.5)
    shutil.rmtree(own_study / "vae")
    second = make_napari_viewer(show=True)
    other = open_dock(second, "VAE")
    other.session.open_study(own_study)
    fields = other.panel.form.fields
    assert (other.start.way, fields["steps"].get(), fields["beta"].get()) == ("scratch", 2, 0.5)
    press(qtbot, other.panel.reset_button)
    assert (other.start.way, fields["steps"].get()) == ("scratch", 3000)


def test_what_is_damaged_or_of_another_version_is_left_out(make_napari_viewer):
    make_napari_viewer()
    file = Path(get_settings().config_path).with_name("napari-parsimony-steps.json")
    kind = STEPS["vae"].config
    file.write_text("{ damaged")
    assert recall_settings("vae", kind) == {}
    file.write_text(json.dumps({"vae": {"beta": "high", "steps": 5, "gone": 1}}))
    assert recall_settings("vae", kind) == {"steps": 5}
