"""Cells that are unlike those that a VAE was trained on, and what its weights say of them."""

import json

import numpy as np
import pandas as pd
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file

from napari_parsimony.errors import UserError
from napari_parsimony.vae.config import VaeConfig
from napari_parsimony.vae.familiarity import measure_unlikeness
from napari_parsimony.vae.latents import encode_crops
from napari_parsimony.vae.step import run_vae
from napari_parsimony.vae.store import load_vae, save_vae

MADE = {"size": 16, "orientation": "principal axis"}
TRAINING = VaeConfig(
    steps=150, batch=64, latents=8, check_every=50, warmup=0.1, beta=1.0, likelihood="gaussian"
)


def ellipses(count, seed, wide=(2.5, 4.0), bright=(0.6, 0.9)):
    """Cells as bright ellipses on a dark ground."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:16, :16] - 7.5
    a, b = (rng.uniform(*wide, count)[:, None, None] for _ in range(2))
    inside = 1 / (1 + np.exp(6 * (np.hypot(x / (a + 1), y / b) - 1)))
    pictures = 0.1 + inside * rng.uniform(*bright, count)[:, None, None]
    pictures += rng.normal(0, 0.02, pictures.shape)
    return np.clip(pictures, 0, 1)[:, None].astype(np.float16)


def table(count, movies=20):
    movie = np.arange(count) % movies
    return pd.DataFrame(
        {
            "image": "a.tif", "frame": 0, "label": np.arange(count), "class": None,
            "split": np.array(["train"] * 3 + ["validation"])[movie % 4],
            **dict.fromkeys(["low", "high", "angle", "scale"], 0.0),
        }
    )  # fmt: skip


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Weights of a VAE of 800 ellipses."""
    out = tmp_path_factory.mktemp("vae")
    run_vae(ellipses(800, 0), table(800), MADE, TRAINING, out, out)
    return out / "weights.safetensors"


def flagged(path, crops):
    vae, _ = load_vae(path)
    known = vae.training_range
    mean, _ = encode_crops(vae, crops)
    return known.unlikeness(*measure_unlikeness(vae, crops, mean, known)) > 1


def test_new_cells_of_the_same_kind_are_flagged_at_about_the_nominal_rate(trained):
    # two limits, each beyond 99 % of the validation cells
    assert 0 < flagged(trained, ellipses(2000, 1)).mean() < 0.04


@pytest.mark.parametrize("kind", ["too large", "upside down", "two cells", "noise"])
def test_planted_cells_of_another_kind_are_flagged(trained, kind):
    crops = {
        "too large": lambda: ellipses(100, 2, wide=(6.5, 8.0)),
        "upside down": lambda: 1 - ellipses(100, 2),
        "two cells": lambda: np.roll(ellipses(100, 2), 8, axis=3),
        "noise": lambda: np.random.default_rng(2).random((100, 1, 16, 16)).astype(np.float16),
    }[kind]()
    assert flagged(trained, crops).mean() > 0.95


def test_an_exact_reconstruction_has_no_error_whatever_the_contrast(trained):
    vae, _ = load_vae(trained)
    z = np.random.default_rng(0).normal(size=(20, 8)).astype(np.float32)
    from napari_parsimony.vae.latents import decode_latents

    crops = decode_latents(vae, z)
    for likelihood in ("gaussian", "bernoulli"):
        known = type(vae.training_range)(**{**vars(vae.training_range), "likelihood": likelihood})
        errors, _ = measure_unlikeness(vae, crops, z, known)
        np.testing.assert_allclose(errors, 0, atol=1e-2)


def test_pieces_and_rows_change_nothing(trained):
    vae, _ = load_vae(trained)
    crops, known = ellipses(50, 3), vae.training_range
    mean, _ = encode_crops(vae, crops)
    whole = measure_unlikeness(vae, crops, mean, known)
    pieces = measure_unlikeness(vae, crops, mean, known, batch=7)
    rows = np.array([40, 3, 3])
    some = measure_unlikeness(vae, crops, mean, known, rows=rows)
    for each, part, few in zip(whole, pieces, some, strict=True):
        np.testing.assert_allclose(each, part, rtol=1e-3, atol=1e-4)
        np.testing.assert_allclose(each[rows], few, rtol=1e-3, atol=1e-4)


def test_the_range_goes_where_the_weights_go(trained, tmp_path):
    taken = VaeConfig(start_from=trained, steps=0, latents=8, focus=0.0)
    crops = ellipses(40, 4)
    run_vae(crops, table(40), MADE, taken, tmp_path, tmp_path)
    there, here = (load_vae(p)[0].training_range for p in (trained, tmp_path / trained.name))
    assert here.to_dict() == there.to_dict()
    np.testing.assert_array_equal(here.reference, there.reference)
    on = taken.model_copy(update={"steps": 2, "batch": 16})
    run_vae(crops, table(40), MADE, on, tmp_path, tmp_path)
    now = load_vae(tmp_path / trained.name)[0].training_range
    assert (now.judges, now.focus, len(now.reference)) == (10, 0.0, 30)


def test_weights_that_do_not_say_it_are_read(trained, tmp_path):
    vae, made = load_vae(trained)
    vae.training_range = None
    save_vae(vae, made, tmp_path / "w.safetensors")
    assert load_vae(tmp_path / "w.safetensors")[0].training_range is None


def test_a_range_of_other_latents_is_refused(trained, tmp_path):
    with safe_open(trained, framework="np") as file:
        header = json.loads(file.metadata()["napari_parsimony"])
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    header["training_range"]["latents"].append(3)
    save_file(tensors, tmp_path / "w.safetensors", {"napari_parsimony": json.dumps(header)})
    with pytest.raises(UserError, match="training range"):
        load_vae(tmp_path / "w.safetensors")
