"""What is said of a VAE: good ones are praised, and every way to fail is told with its remedy."""

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest
import torch

from napari_parsimony.vae.config import VaeConfig
from napari_parsimony.vae.latents import encode_crops, latent_statistics
from napari_parsimony.vae.measure import Measured, measure
from napari_parsimony.vae.model import Architecture, Vae
from napari_parsimony.vae.verdict import Verdict, judge

CONFIG = VaeConfig()
NOTHING = pd.DataFrame({"latent": [], "name": [], "r": []}).astype({"latent": str, "name": str})
GOOD = Measured(
    trained=5000,
    held_out=400,
    explained=0.85,
    explained_training=0.88,
    detail=0.4,
    fine=6.4,
    sample=2000,
    mutual_information=6.0,
    total_correlation=4.0,
    dimension_wise_kl=2.0,
    related=pd.DataFrame({"first": ["z0"], "second": ["z3"], "r": [0.2]}),
    examples=np.zeros((2, 8, 1, 64, 64), np.float32),
)


def latents(active, count=32):
    return pd.DataFrame({"active": np.arange(count) < active})


def trained(*held_out, loss=None, every=300):
    steps = every * np.arange(1, len(held_out) + 1)
    return pd.DataFrame({"step": steps, "loss": loss or held_out, "held-out loss": held_out})


LEVEL = trained(*[900.0 - 300 * (1 - 0.3**k) for k in range(10)])


def verdict(active=15, measured=None, history=LEVEL, config=None, names=NOTHING):
    changed = dataclasses.replace(GOOD, **(measured or {}))
    settings = CONFIG.model_copy(update=config or {})
    return judge(latents(active), changed, history, settings, names)


def words(found, severity):
    chosen = [each for each in found.findings if each.severity == severity]
    return " ".join(f"{each.text} {each.advice}" for each in chosen)


def test_a_good_vae():
    found = verdict()
    assert found.severity == "good"
    assert found.headline == "Good latents."
    text = words(found, "good")
    assert "15 of 32 latents are active; the other 17" in text
    assert "85 %" in text
    assert "400 held-out cells" in text
    assert "total correlation 4.0" in text
    assert "levelled off" in text
    assert not any(each.advice for each in found.findings), "nothing is to be done"


@pytest.mark.parametrize(
    ("change", "severity", "said", "advised"),
    [
        ({"active": 0}, "bad", "All 32 latents have collapsed", "Lower 'beta' (now 4)"),
        ({"active": 2}, "note", "Only 2 of 32 latents are active", "Lower 'beta'"),
        ({"active": 32}, "note", "none was left over", "Raise 'latents'"),
        ({"measured": {"explained": 0.1}}, "bad", "only 10 %", "Train for more steps"),
        ({"measured": {"explained": -0.4}}, "bad", "only 0 %", "lower 'beta'"),
        ({"measured": {"explained": 0.45}}, "note", "45 %", "lower 'beta'"),
        ({"measured": {"explained": np.nan}}, "bad", "nothing to redraw", "cells step"),
        ({"measured": {"detail": 0.05}}, "note", "smooth: they show 5 %", "'likelihood'"),
        ({"measured": {"explained_training": 0.99, "explained": 0.7}}, "note", "by heart", "Add"),
        ({"measured": {"total_correlation": 30.0}}, "note", "entangled", "Raise 'beta'"),
        (
            {"measured": {"related": pd.DataFrame([("z1", "z7", -0.83)],
                                                  columns=["first", "second", "r"])}},
            "note", "z1 and z7 (r = −0.83)", "principal axis",
        ),
        ({"measured": {"trained": 74}}, "note", "only 74 training cells", "Add cells"),
        (
            {"history": trained(900, 700, 600, 550, 520, 500, 480, 460, 440, 420),
             "config": {"steps": 3000}},
            "note", "still learning when its 3,000 steps were over: held-out loss fell by 40.0",
            "more steps",
        ),
        ({"history": trained(900, 950, 2000)}, "bad", "learned nothing", "Lower 'learning_rate'"),
        (
            {"history": trained(900, 600, 1500, loss=[900, 610, 1400])},
            "note", "rose again by 900.0 nats after step 600", "lower 'learning_rate'",
        ),
        (
            {"history": trained(900, 600, 800, loss=[900, 610, 500])},
            "note", "The weights of step 600 were kept", "Add cells",
        ),
        (
            {"history": trained(900.0), "config": {"steps": 300}},
            "note", "cannot be seen", "more steps",
        ),
        (
            {"history": trained(900, 950, 2000), "config": {"pretrained": "nuclei"}},
            "note", "brought nothing", "use the weights as they are",
        ),
        (
            {"names": pd.DataFrame({"latent": ["z2", "z4", "z9"],
                                    "name": ["size", "brightness", "position up-down"],
                                    "r": [0.9, 0.8, 0.3]})},
            "note", "is in the latents: z4 follows brightness (r = 0.80).",
            "normalising each crop",
        ),
    ],
)  # fmt: skip
def test_ways_to_fail(change, severity, said, advised):
    found = verdict(**change)
    assert found.severity == severity
    assert found.findings[0].severity == severity, "the worst comes first"
    assert found.headline != "Good latents."
    assert said in words(found, severity)
    assert advised in words(found, severity)


def test_a_verdict_survives_json():
    found = verdict(active=0)
    assert Verdict.from_dict(json.loads(json.dumps(found.to_dict()))) == found


def test_a_training_that_stopped_by_itself():
    found = verdict(history=trained(900, 600, 590, 600, 600), config={"steps": 5000})
    assert "stopped by itself at step 1,500 of 5,000" in words(found, "good")


def test_weights_of_the_warm_up_are_not_kept():
    history = trained(500, 300, 900, 480, 800, loss=[500, 300, 900, 480, 490])
    text = words(verdict(history=history, config={"steps": 1500, "warmup": 0.5}), "note")
    assert "The weights of step 1,200 were kept" in text


def test_weights_that_were_taken_over():
    nothing = trained()
    assert "taken over" in words(verdict(history=nothing), "good")
    poor = verdict(history=nothing, measured={"explained": 0.1})
    assert "Train some hundred steps on these crops" in words(poor, "bad")


def test_few_cells_bound_mutual_information_and_say_nothing_of_entanglement():
    numbers = {"sample": 125, "mutual_information": 4.8, "total_correlation": 30.0}
    found = verdict(measured=numbers)
    assert "mutual information is 4.8 nats at most" in words(found, "good")
    assert "entangled" not in words(found, "note")


def test_guidance_is_told():
    assert "semi-supervised" in words(verdict(config={"guidance": 5.0}), "good")


# What is measured


def crops(count=60, seed=0):
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:16, :16] - 7.5
    radius = random.uniform(2, 6, (count, 2, 1, 1))
    return np.exp(-((y / radius[:, 0]) ** 2) - (x / radius[:, 1]) ** 2)[:, None].astype("f4")


@pytest.fixture
def vae():
    torch.manual_seed(0)
    return Vae(Architecture(1, 16, 4)).eval()


SPLIT = np.repeat(["train", "validation", "test"], 20)


def found(vae, pictures, monkeypatch=None, draw=None, active=None):
    if draw is not None:
        monkeypatch.setattr("napari_parsimony.vae.measure.decode_latents", draw)
    return measure(vae, pictures, SPLIT, np.ones(4, bool) if active is None else active)


def test_a_perfect_copy_explains_all_and_the_mean_crop_nothing(vae, monkeypatch):
    pictures = crops()
    parts = {"training": pictures[:20], "held out": pictures[20:]}
    order = iter(parts)
    copied = found(vae, pictures, monkeypatch, lambda *_: parts[next(order)])
    assert copied.explained == copied.explained_training == copied.detail == 1
    assert (copied.trained, copied.held_out, copied.sample) == (20, 40, 60)
    assert copied.examples.shape == (2, 8, 1, 16, 16)
    np.testing.assert_array_equal(copied.examples[0], pictures[20::5])

    average = pictures[:20].mean(0)
    dull = found(vae, pictures, monkeypatch, lambda _, z: np.repeat(average[None], len(z), 0))
    assert dull.explained == pytest.approx(0, abs=1e-5)
    assert dull.explained_training == pytest.approx(0, abs=1e-5)


def test_smooth_copies_lose_detail_and_little_else(vae, monkeypatch):
    from scipy.ndimage import gaussian_filter

    pictures = crops()
    noisy = pictures + np.random.default_rng(1).normal(0, 0.05, pictures.shape).astype("f4")
    parts = iter([noisy[:20], noisy[20:]])
    blurred = found(
        vae, noisy, monkeypatch, lambda *_: gaussian_filter(next(parts), (0, 0, 0.8, 0.8))
    )
    assert blurred.explained > 0.8
    assert blurred.detail < 0.5 * blurred.explained


def test_terms_add_up_and_pairs_are_of_active_latents(vae):
    pictures, active = crops(), np.array([True, False, True, True])
    measured = found(vae, pictures, active=active)
    assert set(measured.related["first"]) | set(measured.related["second"]) == {"z0", "z2", "z3"}
    assert len(measured.related) == 3
    assert measured.related["r"].abs().is_monotonic_decreasing
    kl = latent_statistics(*encode_crops(vae, pictures))["kl"].sum()
    terms = measured.mutual_information + measured.total_correlation + measured.dimension_wise_kl
    assert terms == pytest.approx(kl, abs=0.5)  # one sample of each posterior
    assert len(found(vae, pictures, active=np.zeros(4, bool)).related) == 0


def test_crops_that_are_all_the_same_explain_nothing(vae):
    measured = found(vae, np.full((60, 1, 16, 16), 0.5, np.float32))
    assert np.isnan(measured.explained)
    assert judge(latents(4, 4), measured, LEVEL, CONFIG, NOTHING).severity == "bad"
