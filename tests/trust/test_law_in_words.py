"""The law in words: what holds on held-out cells is said, what does not is not."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from toy import toy

from napari_parsimony.trust.config import TrustConfig
from napari_parsimony.trust.law import check_law
from napari_parsimony.trust.meaning import explain

CONFIG = TrustConfig(resamples=200)
NAMES = {"area": "size", "eccentricity": "elongation"}


@pytest.fixture
def subject():
    """The class is 2 eccentricity − area > 0."""
    subject = toy()
    groups = {key: [NAMES.get(t, t) for t in names] for key, names in subject.groups.items()}
    return dataclasses.replace(subject, traits=subject.traits.rename(columns=NAMES), groups=groups)


def said(subject):
    (finding,) = check_law(subject, explain(subject), CONFIG)
    assert finding.severity == "fine"
    return finding


def test_traits_are_named_the_heaviest_first(subject):
    finding = said(subject)
    assert finding.sentence == "positive: elongated and small."
    assert finding.numbers["positive, elongation: difference in SD"] > 1
    assert finding.numbers["positive, size: correlation with the score, high"] < 0


def test_a_law_that_is_wrong_about_cells_is_not_put_into_words(subject):
    law = subject.law
    wrong = dataclasses.replace(subject, law=lambda z: -law(z))
    assert said(wrong).sentence == "positive: nothing that is measured says what the law reads."


def test_traits_in_one_term_make_up_for_each_other(subject):
    def law(z):
        return np.exp(0.7 * z[["z1"]].to_numpy() - 0.4 * z[["z0"]].to_numpy()) - 1

    joint = dataclasses.replace(subject, law=law, reads=["z0", "z1"], joint=[("z0", "z1")])
    assert said(joint).sentence == (
        "positive: elongated and small; the smaller, the less elongated it has to be."
    )
    assert said(dataclasses.replace(joint, joint=[])).sentence == "positive: elongated and small."


def test_two_latents_on_a_circle_are_one_thing(subject):
    rng = np.random.default_rng(0)
    angle = rng.uniform(-np.pi, np.pi, len(subject.target))
    radius = np.exp(0.3 * subject.traits["elongation"].to_numpy())
    z = pd.DataFrame({"z17": radius * np.cos(angle), "z21": radius * np.sin(angle)})
    turning = dataclasses.replace(
        subject, latents=z, reads=["z17", "z21"], pairs=[("z17", "z21")],
        law=lambda z: (z**2).sum(axis=1).to_numpy()[:, None] - 1,
    )  # fmt: skip
    assert said(turning).sentence == "positive: elongated."


def test_a_sentence_for_each_of_more_classes(subject):
    target = np.where(subject.traits["size"] > 0.5, 2, subject.traits["elongation"] > 0)
    three = dataclasses.replace(
        subject, classes=("round", "long", "big"), target=target.astype(int),
        reads=["z0", "z1"],
        law=lambda z: np.column_stack([-z["z1"], z["z1"], 2 * z["z0"]]),
    )  # fmt: skip
    text = said(three).sentence
    assert "big: large" in text
    assert "long: elongated" in text
