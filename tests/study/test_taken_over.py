"""Models that were trained in one study and are used in another."""

import shutil

import pytest

from napari_parsimony.errors import UserError
from napari_parsimony.gui.sample import demo_folder
from napari_parsimony.study.steps import STEPS
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
    with pytest.raises(UserError, match="but here the classes are metaphase and interphase"):
        run(study, "classify", start_from=demo_folder() / "classify", classes=swapped)
    assert study.network_scores().equals(before)


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
