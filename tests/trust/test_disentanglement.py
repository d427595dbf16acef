"""Scores of disentanglement, on made-up latents of which everything is known."""

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import special_ortho_group

from napari_parsimony.errors import UserError
from napari_parsimony.trust.disentanglement import dci, factor_vae, mig, sap
from napari_parsimony.trust.factor_tables import binned, cos_sin
from napari_parsimony.trust.pca import pca_latents
from napari_parsimony.trust.udr import udr

CELLS = 1000
HADAMARD = np.array([[1, 1, 1, 1], [1, -1, 1, -1], [1, 1, -1, -1], [1, -1, -1, 1]]) / 2
KNOWN = (mig, sap, dci, factor_vae)


def main_score(found):
    return found.disentanglement if hasattr(found, "disentanglement") else found.score


@pytest.fixture(scope="module")
def factors():
    values = np.random.default_rng(0).standard_normal((CELLS, 4))
    return pd.DataFrame(values, columns=["area", "length", "texture", "brightness"])


@pytest.fixture(scope="module")
def clean(factors):
    """Factors in another order, turned round, rescaled, a little noisy; and two of noise."""
    rng = np.random.default_rng(1)
    z = factors.to_numpy()[:, [2, 0, 3, 1]] * [-1, 5, 0.01, -30]
    z = z * (1 + rng.normal(0, 0.002, z.shape))
    return np.hstack([z, rng.standard_normal((CELLS, 2))])


def test_clean_latents_score_near_one(clean, factors):
    assert mig(clean, factors).score > 0.85
    assert sap(clean, factors).score > 0.98
    found = dci(clean, factors)
    assert min(found.disentanglement, found.completeness, found.informativeness) > 0.95
    assert factor_vae(clean, factors).score > 0.99


@pytest.mark.parametrize("score", KNOWN)
def test_the_matrix_says_which_latent_carries_which_factor(score, clean, factors):
    matrix = score(clean, factors).matrix
    assert matrix.idxmax().to_dict() == {
        "area": "z1", "length": "z3", "texture": "z0", "brightness": "z2",
    }  # fmt: skip


def test_mixed_latents_score_low(factors):
    mixed = factors.to_numpy() @ HADAMARD
    assert mig(mixed, factors).score < 0.05
    assert sap(mixed, factors).score < 0.1
    found = dci(mixed, factors)
    assert found.disentanglement < 0.3
    assert found.completeness < 0.3
    assert found.informativeness > 0.8  # all is there, only not apart
    assert factor_vae(mixed, factors).score < 0.7


def test_latents_that_are_noise(factors):
    noise = np.random.default_rng(2).standard_normal((CELLS, 6))
    assert mig(noise, factors).score < 0.02
    assert sap(noise, factors).score < 0.01
    found = dci(noise, factors)
    assert found.disentanglement < 0.15
    assert found.completeness < 0.15
    assert found.informativeness == pytest.approx(0, abs=0.02)
    assert factor_vae(noise, factors).score < 0.45  # 0.25 by chance


def test_mig_of_a_case_worked_out_by_hand():
    # z0 is the factor, 2 bits; z1 tells only whether it is above 1, 1 bit; z2 nothing
    factor = np.tile([0, 1, 2, 3], 100)
    latents = np.column_stack([10 - factor, factor > 1, np.repeat([0, 1], 200)]).astype(float)
    found = mig(latents, factor[:, None])
    assert found.matrix[0].tolist() == pytest.approx([1, 0.5, 0])
    assert found.score == pytest.approx(0.5)


def test_sap_of_a_case_worked_out_by_hand():
    # z0 takes half of the variance; z1 none; z2 a quarter
    a, b, c = np.array(np.meshgrid([-1, 1], [-1, 1], [-1, 1])).reshape(3, -1).repeat(10, axis=1)
    found = sap(np.column_stack([a + b, b, a + np.sqrt(3) * c]), a[:, None])
    assert found.matrix[0].tolist() == pytest.approx([0.5, 0, 0.25])
    assert found.score == pytest.approx(0.25)


def test_informativeness_is_what_noise_leaves(factors):
    rng = np.random.default_rng(3)
    latents = factors.to_numpy() + 0.5 * rng.standard_normal((CELLS, 4))  # a fifth of the variance
    assert dci(latents, factors).informativeness == pytest.approx(0.8, abs=0.08)


@settings(max_examples=5, deadline=None)
@given(
    order=st.permutations(range(4)),
    signs=st.lists(st.sampled_from([-1, 1]), min_size=4, max_size=4),
    scales=st.lists(st.floats(1e-3, 1e3), min_size=4, max_size=4),
    seed=st.integers(0, 1000),
)
def test_order_sign_and_scale_of_latents_do_not_matter(order, signs, scales, seed):
    rng = np.random.default_rng(seed)
    factors = rng.standard_normal((400, 4))
    latents = factors @ special_ortho_group.rvs(4, random_state=seed) + rng.normal(0, 0.3, (400, 4))
    other = (latents * np.multiply(signs, scales))[:, order]
    for score in (mig, sap, factor_vae):
        one, two = score(latents, factors), score(other, factors)
        assert two.score == pytest.approx(one.score, abs=1e-6)
        assert two.matrix.to_numpy() == pytest.approx(one.matrix.to_numpy()[order], abs=1e-6)
    assert udr([latents, factors]).score == pytest.approx(udr([factors, other]).score)


def test_order_sign_and_scale_hardly_matter_to_trees():
    rng = np.random.default_rng(0)
    factors = rng.standard_normal((400, 3))
    latents = factors @ special_ortho_group.rvs(3, random_state=0)
    one, two = dci(latents, factors), dci(latents[:, [2, 0, 1]] * [-3, 0.1, 9], factors)
    assert two[:3] == pytest.approx(one[:3], abs=0.02)


def test_discrete_factors():
    rng = np.random.default_rng(4)
    shape = rng.integers(0, 3, 600)
    factors = pd.DataFrame({"shape": np.array(["oval", "round", "lobed"])[shape]})
    factors["area"] = rng.standard_normal(600)
    # levels in an order that no straight line follows
    latents = np.column_stack([shape + rng.uniform(0, 0.5, 600), factors["area"]])
    for table, discrete in ((factors, ()), (factors.assign(shape=shape), ("shape",))):
        found = sap(latents, table, discrete)
        assert found.matrix.loc["z0", "shape"] == 1
        assert found.matrix.loc["z1", "shape"] == pytest.approx(1 / 3, abs=0.12)
        assert mig(latents, table, discrete).by_factor["shape"] > 0.9
        assert dci(latents, table, discrete).by_factor.loc["shape", "informativeness"] > 0.98
        assert factor_vae(latents, table, discrete).score > 0.95


def test_a_level_too_rare_for_the_trees():
    latents = np.random.default_rng(0).standard_normal((60, 2))
    rare = pd.DataFrame({"kind": ["a"] * 59 + ["b"], "area": latents[:, 0]})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for seed in range(4):
            assert np.isfinite(dci(latents, rare, seed=seed)[:3]).all()


def test_angles_are_followed_by_their_cosine_and_sine():
    rng = np.random.default_rng(5)
    factors = pd.DataFrame({"area": rng.random(CELLS), "angle": rng.uniform(0, np.pi, CELLS)})
    turned = cos_sin(factors, {"angle": np.pi})
    assert list(turned) == ["area", "cos angle", "sin angle"]
    again = cos_sin(factors.assign(angle=factors["angle"] + np.pi), {"angle": np.pi})
    assert again.to_numpy() == pytest.approx(turned.to_numpy())
    latents = turned.to_numpy()[:, [1, 2, 0]]
    assert sap(latents, turned).score > 0.99
    assert dci(latents, turned).disentanglement > 0.95
    gaps = mig(latents, turned).by_factor
    assert gaps["area"] > 0.9
    assert gaps["sin angle"] == pytest.approx(0.4, abs=0.05)  # as its docstring says
    with pytest.raises(UserError, match="no factor 'tilt': there are area, angle"):
        cos_sin(factors, {"tilt": np.pi})


def test_what_does_not_vary(clean, factors):
    clean, factors = clean[:400], factors[:400]
    constant = np.column_stack([np.full(400, 0.1), clean])
    known = factors.assign(border=7.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for score in KNOWN:
            found = score(constant, known)
            assert main_score(found) == pytest.approx(main_score(score(clean, factors)), abs=0.02)
            assert (found.matrix.loc["z0"] == 0).all()
            assert "border" not in found.matrix
            nothing = score(np.ones((400, 2)), factors)
            assert main_score(nothing) == 0
            assert (nothing.matrix == 0).all(axis=None)
        assert udr([constant, clean]).score == pytest.approx(udr([clean, clean]).score)
        assert udr([np.ones((400, 2)), clean]).score == 0


@pytest.mark.parametrize("score", KNOWN)
def test_one_latent_and_one_factor(score, factors):
    one = factors[["area"]]
    assert main_score(score(one.to_numpy(), one)) > 0.99


def test_udr_of_the_same_latents_and_of_others(clean, factors):
    own = clean[:, :4]
    same = udr([own, own[:, [3, 1, 0, 2]] * [-1, 2, -3, 4], np.tanh(own / own.std(0))])
    assert same.by_model == pytest.approx([1, 1, 1], abs=0.15)  # chance correlations count
    rng = np.random.default_rng(6)
    turned = [factors.to_numpy() @ special_ortho_group.rvs(4, random_state=s) for s in range(3)]
    apart = udr(turned)
    assert apart.score < 0.6 < same.score
    noise = udr([rng.standard_normal((CELLS, 5)) for _ in range(3)])
    assert noise.score < 0.05
    assert noise.pairs.shape == (3, 3)
    exact = np.array(np.meshgrid(*[np.arange(8.0)] * 2)).reshape(2, -1).T
    assert udr([exact, -exact[:, ::-1]]).score == pytest.approx(1)


def test_bins_hold_equally_many_cells():
    values = np.random.default_rng(7).lognormal(0, 3, 400)
    assert np.bincount(binned(values, 20)).tolist() == [20] * 20
    assert binned(np.array([3.0, 1.0, 3.0, 2.0]), 20).tolist() == [2, 0, 2, 1]


@pytest.mark.parametrize("score", KNOWN)
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda z, v: (z[:-1], v), "latents of 999 cells and factors of 1000"),
        (lambda z, v: (z[:20], v[:20]), "cells at least, but there are 20"),
        (lambda z, v: (z[:, 0], v), "array of 1 axes"),
        (lambda z, v: (np.where(z > 1e9, z, np.nan), v), "latents are missing or infinite"),
        (lambda z, v: (z, v.assign(area=np.inf)), "'area' is infinite"),
        (lambda z, v: (z, v.assign(area=np.nan)), "'area' is missing"),
        (lambda z, v: (z, v * 0), "No factor differs"),
        (lambda z, v: (z[:, :0], v), "no latents"),
        (lambda z, v: (z.astype(str), v), "Latents are numbers"),
        (lambda z, v: (pd.DataFrame(z).assign(image="a.tif"), v), "the column 'image' has none"),
    ],
)
def test_what_cannot_be_scored_is_said(score, change, message, clean, factors):
    with pytest.raises(UserError, match=message):
        score(*change(clean, factors))


def test_what_udr_cannot_score_is_said(clean):
    with pytest.raises(UserError, match="Two models"):
        udr([clean])
    with pytest.raises(UserError, match="999 to 1000 cells"):
        udr([clean, clean[1:]])
    with pytest.raises(UserError, match="30 cells at least, but there are 9"):
        udr([clean[:9], clean[:9]])


def test_principal_components_of_crops():
    rng = np.random.default_rng(8)
    amounts = rng.standard_normal((300, 2)) * [3, 1]
    patterns = np.zeros((2, 1, 16, 16))
    patterns[0, 0, :8], patterns[1, 0, :, 8:] = 1, 1
    patterns[1, 0, 8:] *= -1
    crops = 0.1 * np.einsum("nk,kcij->ncij", amounts, patterns).astype(np.float32)
    learned = np.arange(300) < 200
    found = pca_latents(crops, learned, 2)
    assert found.latents.shape == (300, 2)
    assert found.explained == pytest.approx(1, abs=1e-4)
    assert pca_latents(crops, learned, 1).explained < 0.98
    assert sap(found.latents, amounts).score > 0.9
    # only those to learn from matter
    other = np.where(learned[:, None, None, None], crops, 0)
    assert pca_latents(other, learned, 2).latents[:200] == pytest.approx(found.latents[:200])
    with pytest.raises(UserError, match="Of 200 crops to learn from there are 200"):
        pca_latents(crops, learned, 257)
