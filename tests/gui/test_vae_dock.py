"""The dock 'VAE' in a real napari: it trains, shows how that goes, and says what came out."""

import json
import shutil

import numpy as np
import pytest
from qtpy.QtCore import QPoint, Qt, QTimer
from qtpy.QtWidgets import QFileDialog

from napari_parsimony.cli import main
from napari_parsimony.gui.forms import widgets_to_config
from napari_parsimony.gui.sample import copy_of_demo
from napari_parsimony.gui.session import Session
from napari_parsimony.gui.vae_dock import VaeDock
from napari_parsimony.gui.vae_judge import Judge
from napari_parsimony.jobs.job import Job, JobState
from napari_parsimony.study.judge_config import JudgeConfig
from napari_parsimony.study.learned import judge_vae
from napari_parsimony.study.study import Study
from napari_parsimony.vae.config import VaeConfig

pytestmark = pytest.mark.gui
SETTINGS, TRAINING, VERDICT = range(3)


@pytest.fixture
def viewer(make_napari_viewer):
    return make_napari_viewer(show=True)


@pytest.fixture
def dock(viewer, qtbot):
    _, widget = viewer.window.add_plugin_dock_widget("napari-parsimony", "VAE")
    yield widget
    # a test that fails must not leave a training, about which closing napari would ask
    widget.panel.runner.cancel()
    qtbot.waitUntil(lambda: widget.session.job is None, timeout=60_000)


@pytest.fixture(autouse=True)
def quick(monkeypatch, request):
    """Judge in this process; a test that asks for `real_judge` has it in its own, as people do."""
    if "real_judge" not in request.fixturenames:

        def start(self, path):
            QTimer.singleShot(0, lambda: self.done.emit(judge_vae(Study.open(path))))

        monkeypatch.setattr(Judge, "start", start)


@pytest.fixture
def real_judge():
    """Ask for the process that judges."""


@pytest.fixture
def own_study(field_study, tmp_path):
    """A copy that a test may change."""
    return shutil.copytree(field_study, tmp_path / "study")


def click(qtbot, button):
    assert button.isEnabled(), button.text()
    assert button.isVisible(), button.text()
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton, pos=QPoint(12, button.height() // 2))


def judged(qtbot, dock):
    qtbot.waitUntil(lambda: bool(dock.verdict.headline.text()), timeout=60_000)


def settings(dock):
    return widgets_to_config(dock.panel.form, VaeConfig)


def without_vae(study):
    shutil.rmtree(study / "vae")
    return study


def test_without_a_study_it_says_what_to_do(dock):
    assert isinstance(dock, VaeDock)
    assert dock.message.isVisible()
    assert "No study is open" in dock.message.text()
    assert not dock.tabs.isVisible()
    assert not dock.panel.run_button.isVisible()


def test_the_verdict_of_a_study_is_that_of_the_core(qtbot, dock, field_study, real_judge):
    dock.session.open_study(field_study)
    assert dock.tabs.currentIndex() == VERDICT
    assert "Redrawing" in dock.verdict.message.text()
    judged(qtbot, dock)
    assert not dock.verdict.message.isVisible()
    judged_here = judge_vae(dock.session.study)
    verdict, names = judged_here.verdict, judged_here.names
    assert verdict.headline in dock.verdict.headline.text()
    for finding in verdict.findings:
        assert finding.text.split("'")[0] in dock.verdict.findings.text()
        assert finding.advice.split("'")[0] in dock.verdict.findings.text()
    assert dock.verdict.strip.isVisible()
    assert dock.verdict.strip.count == judged_here.examples.shape[1] == 8
    for latent, name in zip(names["latent"], names["name"], strict=True):
        assert f"<b>{latent}</b>&nbsp;{name}" in dock.verdict.names.text()
    # colours go with the theme
    before = dock.verdict.headline.text()
    dock.session.viewer.theme = "light"
    assert dock.verdict.headline.text() != before
    assert verdict.headline in dock.verdict.headline.text()


def test_curves_of_the_last_training(dock, field_study):
    dock.session.open_study(field_study)
    history = dock.session.study.history()
    for name, curves in dock.training.terms.items():
        np.testing.assert_array_equal(curves.curves[name], history[["step", name]])
    assert list(dock.training.losses.curves) == ["loss", "held-out loss"]
    assert f"step {history['step'].iloc[-1]:,}" in dock.training.caption.text()
    assert dock.training.strip.count == 0, "they are not of the last training"


def test_three_ways_to_begin_fill_the_settings(qtbot, dock, tmp_path, monkeypatch):
    dock.session.open_study(copy_of_demo())
    dock.tabs.setCurrentIndex(SETTINGS)
    ways, own = dock.start.ways, dock.session.study.path / "vae" / "weights.safetensors"
    assert dock.start.way == "file"
    assert dock.start.as_they_are.isChecked(), "as the demo's were"
    assert "the VAE of this study" in dock.start.hint.text()

    click(qtbot, dock.start.as_they_are)
    assert (settings(dock).start_from, settings(dock).steps) == (own, 500)

    click(qtbot, ways["nuclei"])
    found = settings(dock)
    assert (found.pretrained, found.start_from, found.steps) == ("nuclei", None, 500)
    assert found.warmup == 0
    click(qtbot, dock.start.as_they_are)
    assert settings(dock).steps == 0
    assert "takes seconds" in dock.start.hint.text()

    click(qtbot, ways["scratch"])
    assert settings(dock) == VaeConfig()
    assert not dock.start.as_they_are.isEnabled()
    assert "3,000 steps" in dock.start.hint.text()

    other = tmp_path / "others" / "vae" / "weights.safetensors"
    answers = iter([str(other), ""])
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (next(answers), ""))
    click(qtbot, dock.start.browse)
    assert dock.start.way == "file"
    assert (settings(dock).pretrained, settings(dock).start_from) == ("none", other)
    assert "others/vae/weights.safetensors" in dock.start.hint.text()
    click(qtbot, dock.start.browse)
    assert settings(dock).start_from == other, "nothing was chosen"


def test_the_first_choice_follows_the_settings(dock):
    dock.session.open_study(copy_of_demo())
    fields = dock.panel.form.fields
    fields["start_from"].set(None)
    assert dock.start.ways["scratch"].isChecked()
    fields["pretrained"].set("nuclei")
    fields["steps"].set(70)
    assert dock.start.ways["nuclei"].isChecked()
    assert not dock.start.as_they_are.isChecked()
    assert "70 steps" in dock.start.hint.text()


def test_nuclei_weights_are_suggested_where_they_fit(dock, crops_study, tmp_path):
    dock.session.open_study(without_vae(copy_of_demo()))
    assert dock.tabs.currentIndex() == SETTINGS
    assert dock.start.ways["nuclei"].isChecked()
    assert "recommended" in dock.start.ways["nuclei"].text()
    assert settings(dock).pretrained == "nuclei"
    assert "was not run yet" in dock.verdict.message.text()

    dock.session.open_study(without_vae(shutil.copytree(crops_study, tmp_path / "study")))
    assert not dock.start.ways["nuclei"].isEnabled()
    assert "size = 64, these have 32" in dock.start.hint.text()
    assert dock.start.ways["scratch"].isChecked()
    assert settings(dock).pretrained == "none"


def test_without_weights_of_its_own_a_file_is_asked_for(
    qtbot, dock, crops_study, tmp_path, monkeypatch
):
    dock.session.open_study(without_vae(shutil.copytree(crops_study, tmp_path / "study")))
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: ("", ""))
    click(qtbot, dock.start.ways["file"])
    assert dock.start.ways["scratch"].isChecked(), "no file, no such way"
    assert settings(dock).start_from is None


def test_train_cancel_resume(qtbot, dock, own_study):
    dock.session.open_study(own_study)
    judged(qtbot, dock)
    before = dock.verdict.headline.text(), dock.session.study.step("vae").fingerprint
    dock.tabs.setCurrentIndex(SETTINGS)
    click(qtbot, dock.start.ways["scratch"])
    usual = {"steps": 100_000, "check_every": 10, "patience": 10_000, "batch": 16, "latents": 6}
    dock.panel.set_values(usual)
    click(qtbot, dock.panel.run_button)
    training, name = dock.training, "total correlation"
    assert dock.tabs.currentIndex() == TRAINING
    assert training.message.isVisible(), "nothing of the last training is shown any more"
    assert not training.terms[name].isVisible()

    def checks():
        return [step for step, _ in training.terms[name].curves.get(name, [])]

    qtbot.waitUntil(lambda: len(checks()) >= 3 and training.strip.count > 0, timeout=60_000)
    assert checks()[:3] == [10, 20, 30]
    assert training.terms[name].isVisible()
    assert not training.message.isVisible()
    assert training.strip.isVisible()
    assert "latents are active" in training.caption.text()
    assert list(training.losses.curves) == ["loss", "held-out loss"]
    with qtbot.waitSignal(dock.panel.runner.ended, timeout=60_000):
        click(qtbot, dock.panel.cancel_button)
    stopped = checks()[-1]
    assert training.terms[name].isVisible()
    assert (dock.verdict.headline.text(), dock.session.study.step("vae").fingerprint) == before

    assert dock.panel.run_button.text().startswith("Resume")
    click(qtbot, dock.panel.run_button)
    qtbot.waitUntil(lambda: bool(checks()) and checks()[-1] > stopped, timeout=60_000)
    assert checks() == list(range(10, int(checks()[-1]) + 1, 10)), (
        "from the first check on, each once"
    )
    assert [x for x, _ in training.losses.curves["loss"]] == checks()
    with qtbot.waitSignal(dock.panel.runner.ended, timeout=60_000):
        click(qtbot, dock.panel.cancel_button)


def test_a_finished_training_has_a_verdict_of_its_own(qtbot, dock, own_study):
    dock.session.open_study(own_study)
    judged(qtbot, dock)
    assert "collapsed" not in dock.verdict.findings.text()
    dock.tabs.setCurrentIndex(SETTINGS)
    click(qtbot, dock.start.ways["scratch"])
    dock.panel.set_values({"steps": 12, "check_every": 4, "batch": 16, "latents": 6, "beta": 90.0})
    with qtbot.waitSignal(dock.panel.runner.ended, timeout=60_000):
        click(qtbot, dock.panel.run_button)
    assert dock.tabs.currentIndex() == VERDICT
    judged(qtbot, dock)
    verdict = judge_vae(dock.session.study).verdict
    assert verdict.findings[0].text.split("'")[0] in dock.verdict.findings.text()
    history = dock.session.study.history()
    assert [step for step, _ in dock.training.losses.curves["loss"]] == list(history["step"])


def test_a_training_that_fails_says_why(qtbot, dock, own_study):
    dock.session.open_study(own_study)
    dock.tabs.setCurrentIndex(SETTINGS)
    click(qtbot, dock.start.ways["file"])
    dock.panel.set_values({"latents": 5})
    with qtbot.waitSignal(dock.panel.runner.ended, timeout=60_000):
        click(qtbot, dock.panel.run_button)
    assert "latents = 6, but this study needs 5" in dock.panel.message.text()
    assert dock.training.losses.curves, "those of the last training are back"


def test_nothing_stale_is_shown(qtbot, dock, own_study, crops_study):
    dock.session.open_study(own_study)
    judged(qtbot, dock)
    # as if another process had run the first step anew
    record = own_study / "vae" / "step.json"
    content = json.loads(record.read_text())
    content["inputs"]["cells"] = "0" * 64
    record.write_text(json.dumps(content))
    dock.session.refresh()
    assert "out of date" in dock.verdict.message.text()
    for label in (dock.verdict.headline, dock.verdict.findings, dock.verdict.names):
        assert not label.text()
        assert not label.isVisible()
    assert dock.verdict.strip.count == 0
    dock.tabs.setCurrentIndex(TRAINING)
    assert not dock.training.losses.curves
    assert dock.training.message.isVisible()

    dock.session.open_study(crops_study)
    judged(qtbot, dock)
    assert "13" not in dock.training.caption.text()
    assert "step 100." in dock.training.caption.text()
    dock.session.close()
    assert not dock.tabs.isVisible()
    assert not dock.verdict.headline.text()
    assert "No study is open" in dock.message.text()


def test_the_command_line_says_the_same(field_study, capsys):
    assert main(["judge", str(field_study), "--progress", "none", "--cells", "40"]) == 0
    lines = capsys.readouterr().out.splitlines()
    found = judge_vae(Study.open(field_study), JudgeConfig(cells=40))
    assert lines[0] == found.verdict.headline
    marked = [line[2:] for line in lines if line[:2] in ("+ ", "! ", "x ")]
    assert marked == [finding.text for finding in found.verdict.findings]
    for latent, name in zip(found.names["latent"], found.names["name"], strict=True):
        assert f"{latent} {name} (r = " in lines[-1]


def test_a_verdict_that_comes_too_late_is_not_shown(
    qtbot, dock, own_study, crops_study, real_judge
):
    dock.session.open_study(own_study)
    (job,) = dock.judge._jobs
    dock.session.open_study(without_vae(shutil.copytree(crops_study, own_study.parent / "crops")))
    assert not dock.judge.busy
    assert job.state in (JobState.CANCELLING, JobState.IDLE)
    assert "was not run yet" in dock.verdict.message.text()


def test_a_study_that_cannot_be_judged_says_why(qtbot, dock, own_study, real_judge):
    weights = own_study / "vae" / "weights.safetensors"
    weights.write_bytes(b"x" * weights.stat().st_size)
    dock.session.open_study(own_study)
    qtbot.waitUntil(lambda: not dock.judge.busy, timeout=60_000)
    assert "weights.safetensors is not a VAE" in dock.verdict.message.text()
    assert dock.verdict.message.isVisible()


def test_a_running_step_is_not_disturbed(qtbot, dock, own_study, real_judge):
    dock.session.open_study(own_study)
    assert dock.judge.busy
    dock.session.set_job(Job(own_study, "classify", {}))
    assert not dock.judge.busy
    assert "when the running step has ended" in dock.verdict.message.text()
    dock.session.set_job(None)
    assert dock.judge.busy
    judged(qtbot, dock)


def test_opened_late_it_shows_what_there_is(qtbot, viewer, field_study):
    Session.of(viewer).open_study(field_study)
    _, dock = viewer.window.add_plugin_dock_widget("napari-parsimony", "VAE")
    judged(qtbot, dock)
    assert dock.training.losses.curves
    assert dock.tabs.currentIndex() == VERDICT


def test_nothing_is_cut_off_in_a_narrow_dock(qtbot, dock, field_study):
    dock.session.open_study(field_study)
    judged(qtbot, dock)
    for index in range(dock.tabs.count()):
        scroll = dock.tabs.widget(index)
        assert scroll.widget().minimumSizeHint().width() <= 320, dock.tabs.tabText(index)
        for widget in (*dock.start.ways.values(), dock.start.browse, dock.start.as_they_are):
            assert widget.toolTip()
