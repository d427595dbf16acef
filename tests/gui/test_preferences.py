"""What is remembered from one start of napari to the next."""

import json
from pathlib import Path
from types import SimpleNamespace

import napari.settings
import pytest
from qtpy.QtCore import Qt

from napari_parsimony.gui import preferences
from napari_parsimony.gui.preferences import recall, remember

pytestmark = pytest.mark.gui


@pytest.fixture
def old_napari(monkeypatch, tmp_path):
    """Napari without preferences of plugins, and with settings of its own."""
    monkeypatch.delattr(napari.settings, "get_plugin_settings", raising=False)
    settings = SimpleNamespace(config_path=str(tmp_path / "settings.yaml"))
    monkeypatch.setattr(preferences, "get_settings", lambda: settings)
    return tmp_path / "napari-parsimony.json"


def test_a_file_before_napari_0_9(old_napari):
    assert recall("colour_by") == "class"
    remember("colour_by", "score")
    remember("text_on_cells", False)
    assert json.loads(old_napari.read_text()) == {"colour_by": "score", "text_on_cells": False}
    assert recall("colour_by") == "score"
    old_napari.write_text("{ damaged")
    assert recall("colour_by") == "class"


def test_preferences_of_the_plugin(make_napari_viewer):
    if not hasattr(napari.settings, "get_plugin_settings"):
        pytest.skip("this napari has no preferences of plugins")
    make_napari_viewer()
    section = napari.settings.get_plugin_settings("napari-parsimony").window
    assert {name: getattr(section, name) for name in preferences.DEFAULTS} == preferences.DEFAULTS
    remember("text", "{class}")
    assert section.text == recall("text") == "{class}"


def test_only_what_the_manifest_knows():
    with pytest.raises(KeyError):
        remember("colour", "red")


def test_the_last_study_is_offered_again(make_napari_viewer, qtbot, crops_study):
    remember("last_study", "")
    first = make_napari_viewer(show=True)
    _, dock = first.window.add_plugin_dock_widget("napari-parsimony", "Study")
    assert not dock.again_button.isVisible()
    dock.open_study(crops_study)
    assert not dock.again_button.isVisible(), "it is open"
    assert dock.open_demo(), "a look at it, and back to the own study"
    second = make_napari_viewer(show=True)
    _, dock = second.window.add_plugin_dock_widget("napari-parsimony", "Study")
    assert dock.again_button.text() == f"Open '{Path(crops_study).name}' again"
    qtbot.mouseClick(dock.again_button, Qt.MouseButton.LeftButton)
    assert dock.session.study.path == crops_study
