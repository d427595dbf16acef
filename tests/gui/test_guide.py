"""From the menus to the demo study, in a real napari."""

import tempfile

import numpy as np
import pytest

import napari_parsimony.gui.sample as sample
from napari_parsimony.gui.overlay import Overlay
from napari_parsimony.gui.session import Session

pytestmark = pytest.mark.gui


@pytest.fixture
def demo(field_study, monkeypatch, tmp_path):
    """The tests' own study in place of the demo, which need not be trained yet."""
    monkeypatch.setattr(sample, "demo_folder", lambda: field_study)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return field_study


def test_guide_opens_the_demo_in_all_docks(qtbot, make_napari_viewer, demo):
    viewer = make_napari_viewer()
    viewer.window.add_plugin_dock_widget("napari-parsimony", "Open demo study")
    session = Session.of(viewer)
    qtbot.waitUntil(lambda: session.study is not None, timeout=20_000)
    names = {f"{name} (napari-parsimony)" for name in (*sample.DOCKS, "Open demo study")}
    assert set(viewer.window._wrapped_dock_widgets) == names
    assert session.study.path != demo
    assert session.study.name == "study"


def test_sample_data(qtbot, make_napari_viewer, demo):
    viewer = make_napari_viewer()
    viewer.open_sample("napari-parsimony", "demo")
    session = Session.of(viewer)
    assert [layer.name for layer in viewer.layers] == ["image0.tif", "cells"]
    qtbot.waitUntil(lambda: session.has("equations"), timeout=20_000)
    assert Overlay.of(session).labels is viewer.layers["cells"]
    assert len([layer for layer in viewer.layers if layer.name.startswith("image0")]) == 1


def test_simulated_nuclei(make_napari_viewer):
    viewer = make_napari_viewer()
    viewer.open_sample("napari-parsimony", "simulated")
    image, labels = viewer.layers
    assert [layer.name for layer in viewer.layers] == ["simulated nuclei", "cells"]
    assert image.data.shape == labels.data.shape == (512, 512)
    assert set(labels.features["class"]) == {"negative", "positive"}
    # the status bar finds the row of a label
    cell = labels.features.iloc[6]
    middle = np.argwhere(labels.data == cell["index"])[0]
    status = labels.get_status(tuple(middle))["value"]
    assert f"class: {cell['class']}" in status
    assert f"area: {cell['area']:.3g}" in status


def test_a_missing_demo_is_told(qtbot, make_napari_viewer, monkeypatch, tmp_path):
    monkeypatch.setattr(sample, "demo_folder", lambda: tmp_path)
    viewer = make_napari_viewer()
    _, dock = viewer.window.add_plugin_dock_widget("napari-parsimony", "Study")
    assert not dock.open_demo()
    assert "demo study is missing" in dock.panel.message.text()
