"""Smallest changes of latents where they are known, and edits of drawn cells."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

import napari_parsimony
from napari_parsimony.cells.orient import central_mask
from napari_parsimony.cells.shape import shape_features
from napari_parsimony.errors import UserError
from napari_parsimony.study.study import Study
from napari_parsimony.symbolic.class_scores import ClassScores
from napari_parsimony.symbolic.expression import Expression
from napari_parsimony.trust.attacks import decisions
from napari_parsimony.trust.counterfactual import counterfactuals
from napari_parsimony.trust.edits import EDITS
from napari_parsimony.trust.image_scores import EquationScore, image_schemes, latent_schemes
from napari_parsimony.trust.perturbation import perturb
from napari_parsimony.trust.robustness_config import RobustnessConfig
from napari_parsimony.trust.robustness_tables import Resampling

NAMES = ["z0", "z1", "z2"]


def cells(count=400):
    rng = np.random.default_rng(0)
    return pd.DataFrame(rng.normal(0, [1, 2, 5], (count, 3)).astype("f4"), columns=NAMES)


def law(text):
    return EquationScore(Expression.parse(text), NAMES)


ROWS = np.arange(0, 400, 20)


def test_distances_of_a_linear_law_are_known():
    latents, head = cells(), law("z0 - 0.5*z1 + 0.3")
    found = counterfactuals(head, latents, ROWS, ["z0", "z1"])
    sd = latents.std(ddof=0)
    score = head(torch.from_numpy(latents.to_numpy()[ROWS]))[:, 0].numpy()
    expected = np.abs(score) / np.hypot(sd["z0"], 0.5 * sd["z1"])
    np.testing.assert_allclose(found.table["distance"], expected, rtol=0.01, atol=1e-3)
    after = decisions(head(torch.from_numpy(found.flipped))).numpy()
    assert (after == 1 - found.table["own"]).all()
    assert (found.table["other"] == after).all()
    assert (found.flipped[:, 2] == found.start[:, 2]).all()
    moved = np.hypot(found.table["z0"], found.table["z1"])
    np.testing.assert_allclose(moved, found.table["distance"], rtol=1e-4)
    assert found.summary()["none"] == 0
    assert set(found.movers()["latent"]) == {"z0", "z1"}


def test_a_circle_has_its_nearest_edge():
    latents = cells()
    found = counterfactuals(law("z0*z0 + z1*z1 - 1"), latents, ROWS, ["z0", "z1"])
    start = latents.to_numpy()[ROWS]
    angle = np.linspace(0, 2 * np.pi, 2000)
    edge = np.stack([np.cos(angle), np.sin(angle)], 1)
    sd = latents.to_numpy()[:, :2].std(0)
    far = np.linalg.norm((start[:, None, :2] - edge) / sd, axis=2).min(1)
    np.testing.assert_allclose(found.table["distance"], far, rtol=0.05, atol=0.01)


def test_what_no_cell_can_reach_is_said():
    found = counterfactuals(law("z0 + 100"), cells(), ROWS, ["z0"])
    assert np.isinf(found.table["distance"]).all()
    assert (found.table["other"] == -1).all()
    assert found.table["z0"].isna().all()
    assert (found.flipped == found.start).all()
    assert found.summary()["none"] == 1


def test_more_classes():
    law = ClassScores(("a", "b", "c"), tuple(map(Expression.parse, ("z0", "z1", "0"))))
    found = counterfactuals(EquationScore(law, NAMES), cells(), ROWS, ["z0", "z1"])
    assert (found.table["other"] != found.table["own"]).all()
    assert set(found.table["own"]) == {0, 1, 2}
    assert np.isfinite(found.table["distance"]).all()


def test_what_is_wrong_is_said():
    with pytest.raises(UserError, match="no latent z9"):
        counterfactuals(law("z0"), cells(), ROWS, ["z9"])
    with pytest.raises(UserError, match="same for all"):
        counterfactuals(law("z0"), cells().assign(z0=np.float32(1)), ROWS, ["z0"])
    with pytest.raises(UserError, match="at least one"):
        counterfactuals(law("z0"), cells(), ROWS, [])


def drawn(count=4, size=64):
    """Ellipses of known size between two neighbours."""
    crops = np.zeros((count, 1, size, size), np.float32)
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    for number, crop in enumerate(crops):
        angle = number * np.pi / count
        along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
        crop[0] = 0.1 + 0.5 * ((along / 12) ** 2 + (across / 8) ** 2 <= 1)
        crop[0, :6, 20:40], crop[0, -6:, 20:40] = 0.5, 0.4
    masks = np.stack([central_mask(crop[0]) for crop in crops])
    return torch.from_numpy(crops), torch.from_numpy(masks)


@pytest.mark.parametrize("name", list(EDITS))
def test_no_dose_changes_nothing(name):
    crops, masks = drawn()
    edit = EDITS[name]
    torch.testing.assert_close(edit.apply(crops, masks, edit.nothing), crops)
    for dose in edit.doses:
        changed = edit.apply(crops, masks, dose)
        assert changed.min() >= 0
        assert changed.max() <= 1
        assert (changed != crops).any()


def test_edits_do_what_they_say():
    crops, masks = drawn()
    before = shape_features(crops.numpy())

    def after(name, dose):
        return shape_features(EDITS[name].apply(crops, masks, dose).numpy())

    for dose in EDITS["size"].doses:
        ratio = after("size", dose)["area"] / before["area"]
        assert ratio.between(dose * 0.9, dose * 1.1).all()
        kept = after("size", dose)["eccentricity"] - before["eccentricity"]
        assert kept.abs().max() < 0.05
    longer = after("elongation", 1.6)
    ratio = (longer["major axis"] / longer["minor axis"]) / (
        before["major axis"] / before["minor axis"]
    )
    assert ratio.between(1.45, 1.75).all()
    assert (longer["area"] / before["area"]).between(0.93, 1.07).all()
    np.testing.assert_allclose(after("brightness", 0.5)["mean intensity"], 0.35, atol=0.02)
    changed = EDITS["neighbours"].apply(crops, masks, 1.0)
    assert torch.allclose(changed[:, 0, :6], torch.tensor(0.1))
    assert (changed[:, 0][masks] == crops[:, 0][masks]).all()


def test_the_demo_study():
    folder = Path(napari_parsimony.__file__).parent / "sample_data" / "demo_study"
    study = Study.open(folder)
    vae, classifier = study.vae(), study.classifier()
    equation = study.front().choice.expression
    latents, used = study.latents()[classifier.latents], list(equation.variables)
    rows = np.flatnonzero(study.cells()["split"] == "test")[:5]
    for name, reads in (("symbolic", used), ("sparse", classifier.used)):
        head = latent_schemes(classifier, equation)[name]
        found = counterfactuals(head, latents, rows, reads)
        assert np.isfinite(found.table["distance"]).all()
        before, after = found.decoded(vae)
        assert before.shape == after.shape == (5, 1, 64, 64)
    schemes = image_schemes(vae, classifier, equation)
    edits = {"neighbours": EDITS["neighbours"]}
    spread = latents.std(ddof=0).to_dict()
    told = []
    draw = Resampling(None, len(rows), RobustnessConfig(resamples=100))
    crops = study.crops()[rows]
    done = perturb(schemes, vae, crops, used, spread, draw, edits, report=told.append)
    assert len(told) == 2
    assert len(done.scores) == 2 * len(schemes)
    law = done.scores.set_index(["scheme", "dose"]).loc["symbolic"]
    assert law["agreement"].to_numpy() == pytest.approx(1)
    # the law is a sum, so that the moves of its latents say how its score changes
    moves = done.moves[done.moves["dose"] == 1.0].set_index("latent")["mean_move"]
    at_mean = {name: latents[name].to_numpy()[rows].mean() for name in used}
    moved = {name: at_mean[name] + moves[name] * spread[name] for name in used}
    expected = equation.evaluate(moved) - equation.evaluate(at_mean)
    assert law.loc[1.0, "mean_change"] == pytest.approx(float(expected), abs=0.01)
