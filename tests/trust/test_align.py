"""Latents of VAEs that are the same in another order; laws that are the same."""

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from napari_parsimony.symbolic.class_scores import ClassScores
from napari_parsimony.symbolic.expression import Expression
from napari_parsimony.trust.align import (
    agreement,
    align,
    aligned_names,
    alike,
    in_other_names,
    structure,
)


def drawn(cells=300, latents=5, seed=0):
    values = np.random.default_rng(seed).standard_normal((cells, latents))
    return pd.DataFrame(values, columns=[f"z{i}" for i in range(latents)])


@given(order=st.permutations(range(5)), signs=st.tuples(*[st.sampled_from([-1, 1])] * 5),
       seed=st.integers(0, 5))  # fmt: skip
def test_permuted_and_flipped_latents_are_found(order, signs, seed):
    own = drawn(seed=seed)
    values = own.to_numpy()[:, order] * signs
    other = pd.DataFrame(np.tanh(values), columns=[f"z{i + 10}" for i in range(5)])
    found = align(own, other)
    assert found["latent"].tolist() == list(other)
    assert found["match"].tolist() == [f"z{i}" for i in order]
    np.testing.assert_allclose(found["r"], signs, atol=1e-9)
    assert found["same"].all()


def test_matches_are_one_to_one_and_strangers_keep_names_of_their_own():
    own = drawn()
    noise = np.random.default_rng(1).standard_normal((300, 2))
    other = pd.DataFrame({"z0": own["z1"], "z1": own["z1"] + 0.3 * noise[:, 0], "z2": noise[:, 1],
                          "z3": -own["z4"] + noise[:, 0]})  # fmt: skip
    found = align(own, other).set_index("latent")
    assert found.loc["z0", "match"] == "z1", "the closest of two that are alike"
    assert found["match"].is_unique
    assert found.loc["z3", "match"] == "z4"
    assert -0.8 < found.loc["z3", "r"] < -0.5
    names = aligned_names(found.reset_index(), 3)
    assert names["z0"] == "z1"
    assert names["z1"] == "z1_vae3"
    assert names["z2"] == "z2_vae3"


def test_a_vae_with_more_latents_has_some_without_a_match():
    own = drawn(latents=2)
    other = pd.concat([own, drawn(latents=1, seed=3).rename(columns={"z0": "z9"})], axis=1)
    found = align(own, other).set_index("latent")
    assert pd.isna(found.loc["z9", "match"])
    assert np.isnan(found.loc["z9", "r"])
    assert not found.loc["z9", "same"]


MATCHES = pd.DataFrame(
    {"latent": ["z0", "z1", "z2"], "match": ["z3", "z4", "z5"], "r": [0.9, -0.8, 0.4],
     "same": [True, True, False]}
)  # fmt: skip


def test_equations_are_written_in_the_latents_of_the_reference():
    equation = Expression.parse("2*z0*z1 - z2 + 3")
    aligned = in_other_names(equation, MATCHES, 1)
    assert set(aligned.variables) == {"z3", "z4", "z2_vae1"}
    values = {"z3": 1.5, "z4": -0.7, "z2_vae1": 0.2}
    assert aligned.evaluate(values) == equation.evaluate({"z0": 1.5, "z1": 0.7, "z2": 0.2})
    several = ClassScores(("a", "b", "c"), tuple(map(Expression.parse, ("z0", "0", "z1"))))
    assert in_other_names(several, MATCHES, 1).unicode() == "a: z3; b: 0; c: −z4"


def test_structures_leave_numbers_and_order_aside():
    def of(text):
        return structure(Expression.parse(text))

    assert of("2*z3*z4 - z4 + 3") == of("z4*0.5 - z3*z4")
    assert of("2*z3*z4 - z4 + 3") != of("z5*0.5 - z3*z4")
    assert of("(z3 + 1)*z4") == of("2*z4*z3 - z4")
    several = [
        ClassScores(("a", "b", "c"), tuple(map(Expression.parse, texts)))
        for texts in (("z0", "0", "z1**2"), ("-2*z0+1", "0", "3*z1**2"), ("0", "z0", "z1**2"))
    ]
    first, same, other = map(structure, several)
    assert first == same != other


def test_laws_that_decide_alike_are_counted():
    said = np.zeros((5, 100), int)
    said[1, :3] = 1  # as the first but for 3 cells
    said[2, 3:6] = 1  # as both, 6 cells from the second
    said[3, 50:] = 1
    said[4, 50:] = 1
    shares = agreement(said)
    assert shares[1, 2] == 0.94
    assert (shares == shares.T).all()
    assert alike(shares, 0.94).tolist() == [0, 0, 0, 1, 1]
    groups = alike(shares, 0.95)
    assert len(set(groups)) == 3, "any two of a group agree, and not only neighbours"
    assert groups[3] == groups[4]
    assert alike(shares, 1).tolist() == [0, 1, 2, 3, 3]
    assert alike(np.ones((1, 1)), 0.95).tolist() == [0]
