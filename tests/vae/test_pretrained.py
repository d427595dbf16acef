import json
import shutil
from typing import get_args

import numpy as np
import pytest
import tifffile

from napari_parsimony.cells.config import CellsConfig
from napari_parsimony.config import parse_config
from napari_parsimony.errors import UserError
from napari_parsimony.study.run import run_step
from napari_parsimony.study.steps import STEPS
from napari_parsimony.study.study import Study
from napari_parsimony.vae.config import VaeConfig
from napari_parsimony.vae.latents import decode_latents, encode_crops
from napari_parsimony.vae.pretrained import NORMALISATIONS, weights_to_start_from
from napari_parsimony.vae.store import load_vae

ORIENTATIONS = get_args(CellsConfig.model_fields["orientation"].annotation)
SHIPPED = get_args(VaeConfig.model_fields["pretrained"].annotation)[1:]


def study_of(path, field, **cells):
    """A study of one field, with crops made by default settings but those that are named."""
    study = Study.create(path)
    image, labels = ([file] for file in field)
    settings = {"image": image, "labels": labels, "folds": 5, **cells}
    run_step(study, STEPS["cells"], parse_config(CellsConfig, settings))
    return study


def train(study, **settings):
    config = parse_config(VaeConfig, {"pretrained": "nuclei", "steps": 0, **settings})
    return run_step(study, STEPS["vae"], config)


def shipped(name, orientation, normalisation="percentile"):
    config = VaeConfig(pretrained=name)
    made = {"orientation": orientation, "normalisation": normalisation}
    return weights_to_start_from(config, made)


@pytest.mark.parametrize("name", SHIPPED)
@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("normalisation", NORMALISATIONS)
def test_weights_fit_crops_of_the_default_size(name, orientation, normalisation):
    path = shipped(name, orientation, normalisation)
    vae, made = load_vae(path)
    assert made == {
        "size": CellsConfig.model_fields["size"].default,
        "normalisation": normalisation,
        "orientation": orientation,
    }
    assert vae.architecture.latents == VaeConfig().latents
    assert vae.guidance == 0, "no class had a say"
    assert path.stat().st_size < 2e6


def test_crops_of_default_settings_have_weights():
    assert CellsConfig.model_fields["normalisation"].default in NORMALISATIONS


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("normalisation", NORMALISATIONS)
def test_without_steps_the_weights_are_used_as_they_are(
    tmp_path, field, orientation, normalisation
):
    made = {"orientation": orientation, "normalisation": normalisation}
    study = study_of(tmp_path / "study", field, **made)
    record = train(study)
    expected = shipped("nuclei", orientation, normalisation).read_bytes()
    assert (study.path / "vae" / "weights.safetensors").read_bytes() == expected
    latents = study.latents().filter(regex=r"^z\d+$").to_numpy()
    assert latents.shape == (len(study.cells()), 32)
    assert np.isfinite(latents).all()
    assert record.config["pretrained"] == "nuclei"
    installed = str(shipped("nuclei", orientation).parent)
    assert installed not in json.dumps(record.model_dump(mode="json")), "a study can be moved"


def test_training_goes_on_from_the_weights(tmp_path, field):
    study = study_of(tmp_path / "study", field)
    train(study, steps=1, batch=8, learning_rate=1e-6, warmup=0.0)
    before, _ = load_vae(shipped("nuclei", "imaged"))
    crops = np.asarray(study.crops())
    old, new = encode_crops(before, crops)[0], encode_crops(study.vae(), crops)[0]
    assert not np.array_equal(old, new)
    np.testing.assert_allclose(old, new, atol=0.05)


@pytest.mark.parametrize(
    ("cells", "vae", "differs"),
    [
        ({"size": 32}, {}, "size = 64"),
        ({"normalisation": "dataset"}, {}, "normalisation = 'percentile' or 'image', .* 'dataset'"),
        ({}, {"latents": 8}, "latents = 32"),
    ],
)
def test_misfits_are_refused_by_name(tmp_path, field, cells, vae, differs):
    study = study_of(tmp_path / "study", field, **cells)
    with pytest.raises(UserError, match=differs):
        train(study, **vae)


def test_crops_of_two_channels_are_refused(tmp_path, field):
    image, labels = field
    plane = tifffile.imread(image)
    tifffile.imwrite(image, np.stack([plane, plane]), metadata={"axes": "CYX"})
    with pytest.raises(UserError, match="channels = 1"):
        train(study_of(tmp_path / "study", (image, labels)))


def test_two_places_to_start_from_are_refused(tmp_path):
    own = tmp_path / "own.safetensors"
    shutil.copyfile(shipped("nuclei", "imaged"), own)
    with pytest.raises(UserError, match="'pretrained' and 'start_from'"):
        parse_config(VaeConfig, {"pretrained": "nuclei", "start_from": own})


def test_nothing_to_start_from_and_no_steps_is_refused(tmp_path, field):
    with pytest.raises(UserError, match="'pretrained'"):
        train(study_of(tmp_path / "study", field), pretrained="none")


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("normalisation", NORMALISATIONS)
def test_cells_of_another_laboratory_are_reproduced(
    tmp_path, real_data, orientation, normalisation
):
    folder = real_data / "human_mitosis"
    field = folder / "dna.tif", folder / "labels_auto.tif"
    made = {"orientation": orientation, "normalisation": normalisation}
    crops = np.asarray(study_of(tmp_path / "study", field, **made).crops(), float)
    vae, _ = load_vae(shipped("nuclei", orientation, normalisation))
    decoded = decode_latents(vae, encode_crops(vae, crops)[0])
    error = np.mean((decoded - crops) ** 2)
    assert error < 0.3 * np.mean((crops.mean(0) - crops) ** 2)
