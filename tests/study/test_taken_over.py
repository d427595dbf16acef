"""Models that were trained in one study and are used in another."""

import shutil

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_parsimony.errors import UserError
from napari_parsimony.gui.sample import demo_folder
from napari_parsimony.gui.session import Session
from napari_parsimony.study.steps import STEPS, target
from napari_parsimony.study.study import Study

CLASSES = {"interphase": ["interphase"], "metaphase": ["metaphase"]}


@pytest.fixture
def study(tmp_path):
    """A study whose networks are another one's."""
    shutil.copytree(demo_folder(), tmp_path / "study")
    study = Study.open(tmp_path / "study")
    run(study, "classify", start_from=demo_folder() / "classify", classes=CLASSES)
    return study


def run(study, name, **settings):
    return study.run(name, STEPS[name].config(**settings))


def test_networks_of_other_classes_or_another_order_are_refused(study):
    swapped = dict(reversed(CLASSES.items()))
    before = study.network_scores()
    with pytest.raises(UserError, match="but here the classes are metaphase, interphase"):
        run(study, "classify", start_from=demo_folder() / "classify", classes=swapped)
    assert study.network_scores().equals(before)


def test_cells_of_which_no_class_is_known_are_classified(study):
    record = study.step("cells")
    run(
        study,
        "cells",
        **{**record.settings(STEPS["cells"].config, study.path).model_dump(), "classes": None},
    )
    run(study, "vae", start_from=demo_folder() / "vae" / "weights.safetensors", steps=0)
    run(study, "classify", start_from=demo_folder() / "classify")
    run(study, "equations", start_from=demo_folder() / "equations" / "front.json")
    assert np.isfinite(study.network_scores()["sparse"]).all()
    assert target(study)[1] == ("interphase", "metaphase")
    session = Session.of(ViewerModel())
    session.open_study(study.path)
    assert session.class_of(np.ones(1)) == "metaphase"
    with pytest.raises(UserError, match="held out"):
        run(study, "evaluate")


def test_all_cells_are_new_only_to_what_was_learned_elsewhere(study):
    labelled = study.cells()["class"].notna().to_numpy()
    held_out = labelled & (study.cells()["split"] == "test").to_numpy()
    run(study, "equations", start_from=demo_folder() / "equations" / "front.json")
    run(study, "evaluate", resamples=100)
    assert sum(study.schemes().cells) == labelled.sum()
    run(study, "equations", engines=("quick",))
    run(study, "evaluate", resamples=100)
    assert sum(study.schemes().cells) == held_out.sum() < labelled.sum()


def test_a_choice_that_a_new_search_does_not_find_becomes_the_next_smaller_one(study):
    run(study, "equations", engines=("quick",), choice=1000)
    sizes = [candidate.size for candidate in study.front().candidates]
    assert study.front().choice.size == max(sizes)


def test_every_step_of_the_demo_can_be_run_again(tmp_path):
    shutil.copytree(demo_folder(), tmp_path / "demo")
    study = Study.open(tmp_path / "demo")
    ready = [name for name in STEPS if study.state(name) == "ready"]
    assert ready == [name for name, step in STEPS.items() if not step.optional]
    before, front = {name: study.step(name).outputs for name in ready}, study.front()
    for name in ready:
        study.run(name, study.step(name).settings(STEPS[name].config, study.path))
        assert study.state(name) == "ready"
    for name, file in (("vae", "weights.safetensors"), ("classify", "networks.safetensors")):
        assert study.step(name).outputs[file] == before[name][file]
    assert study.front() == front
