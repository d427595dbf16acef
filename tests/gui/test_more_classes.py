"""Docks with a study of more than two classes, whose scores they do not show."""

import pytest
from planted import planted_study
from qtpy.QtWidgets import QLabel

from napari_parsimony.cli import main
from napari_parsimony.gui import docks
from napari_parsimony.study.study import Study

pytestmark = pytest.mark.gui

SETTINGS = """
[classify]
seeds = 2
steps = 200
black_box_seeds = 1
black_box_epochs = 1
sweep = false
density = 0.2

[equations]
engines = ["quick"]
max_size = 6
cells = 100

[evaluate]
resamples = 100
baseline = false

[report]
"""


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("three")
    study = planted_study(folder, {"A": "z3", "B": "-z3", "C": "0.5"}, images=6, side=5)
    recipe = folder / "three.toml"
    recipe.write_text(SETTINGS)
    assert main(["run", str(recipe), "--study", str(study.path)]) == 0
    assert study.front().classes == ("A", "B", "C")
    return study


def sentences(widget):
    return [label.text() for label in widget.findChildren(QLabel) if label.isVisibleTo(widget)]


def test_docks_say_that_they_show_two_classes_and_go_on(make_napari_viewer, study, qtbot):
    viewer = make_napari_viewer(show=True)
    _, dock = viewer.window.add_plugin_dock_widget("napari-parsimony", "Study")
    opened = {name: dock.open_dock(name) for name in docks.ALL if name != "Study"}
    assert dock.open_study(study.path)
    session = dock.session
    for name, tab in (("Equations", 0), ("Sparse classifier", 1), ("Sparse classifier", 3)):
        opened[name].tabs.setCurrentIndex(tab)
        told = sentences(opened[name])
        assert any("tells 3 classes apart (A, B, C)" in text for text in told), (name, tab, told)
    for row in (0, 7):
        session.select_cell(session.key_of(row))
    session.set_latent(3, 1.5)
    for index in range(dock.steps.count()):
        dock.steps.setCurrentRow(index)
    assert session.scores(session.latents) == {"sparse": None, "symbolic": None}
    for name, widget in opened.items():
        tabs = getattr(widget, "tabs", None)
        for index in range(tabs.count() if tabs is not None else 0):
            tabs.setCurrentIndex(index)
            assert widget.isVisibleTo(widget), name
    # what a step does elsewhere is seen
    Study.open(study.path).choose_equation(study.front().candidates[-1].size)
    session.refresh()
    assert session.too_many is not None
    session.close()
    assert session.too_many is None
