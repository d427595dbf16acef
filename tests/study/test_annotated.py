"""Annotations in a study: seen at once, learned from when a step is run again."""

import pandas as pd
import pytest
import tifffile
from drawn import make_field

from napari_parsimony.cells.annotations import Annotations
from napari_parsimony.cells.config import CellsConfig
from napari_parsimony.classify.config import ClassifyConfig
from napari_parsimony.errors import UserError
from napari_parsimony.study.latent_names import read_latent_names, write_latent_names
from napari_parsimony.study.steps import target
from napari_parsimony.study.study import Study
from napari_parsimony.vae.config import VaeConfig


@pytest.fixture
def study(tmp_path):
    images, labels = [], []
    for number in range(3):
        image, mask = make_field(number)
        images.append(tmp_path / f"i{number}.tif")
        labels.append(tmp_path / f"l{number}.tif")
        tifffile.imwrite(images[-1], image)
        tifffile.imwrite(labels[-1], mask)
    study = Study.create(tmp_path / "study")
    study.run("cells", CellsConfig(image=images, labels=labels, size=32, folds=3))
    vae = VaeConfig(
        steps=500, batch=16, beta=0.01, latents=4, focus=0, warmup=0, check_every=500, augment=False
    )
    study.run("vae", vae)
    return study


def annotated(study, names):
    cells = study.cells()
    keys = zip(cells["image"], cells["frame"], cells["label"], strict=True)
    return Annotations({}, dict(zip(keys, names, strict=True)))


def test_learned_from_when_run_again(study):
    count = len(study.cells())
    assert study.cells()["class"].isna().all()
    study.annotate(annotated(study, ["a", "b"] * (count // 2)))
    assert study.cells()["class"].tolist() == ["a", "b"] * (count // 2)
    assert study.state("vae") == "ready"
    assert not study.annotated_since("vae"), "it does not read classes"
    config = ClassifyConfig(seeds=1, steps=20, black_box_seeds=1, black_box_epochs=1, density=0.5)
    study.run("classify", config)
    assert not study.annotated_since("classify")
    assert target(study)[0].tolist() == [0.0, 1.0] * (count // 2)

    study.annotate(annotated(study, ["b", "a"] * (count // 2)))
    assert study.state("classify") == "ready", "scores are shown while somebody annotates"
    assert study.annotated_since("classify")
    assert target(study)[0].tolist() == [0.0, 1.0] * (count // 2), "what it was told"
    assert Study.open(study.path).cells()["class"].iloc[0] == "b"

    study.run("classify", config)
    assert not study.annotated_since("classify")
    assert target(study)[0].tolist() == [1.0, 0.0] * (count // 2)


def test_two_windows(study):
    other = Study.open(study.path)
    assert other.cells()["class"].isna().all()
    key = tuple(study.cells().loc[3, ["image", "frame", "label"]])
    study.annotate(Annotations({"a": "#ff0000"}, {key: "a"}))
    pd.testing.assert_series_equal(other.cells()["class"], study.cells()["class"])
    assert other.annotations().colours == {"a": "#ff0000"}


def test_names_of_latents_are_of_this_vae(study):
    write_latent_names(study, {"z1": "size"})
    assert read_latent_names(Study.open(study.path)) == {"z1": "size"}
    study.run("vae", VaeConfig(steps=40, batch=16, latents=4, check_every=40))
    assert read_latent_names(study) == {}, "z1 is something else now"
    (study.path / "latent_names.json").write_text("[]")
    with pytest.raises(UserError, match="holds no names of latents"):
        read_latent_names(study)
