"""What is said of laws from other random starts."""

import numpy as np
import pandas as pd
import pytest

from napari_parsimony.trust.align import agreement, alike
from napari_parsimony.trust.relearn_config import StabilityConfig
from napari_parsimony.trust.stability_findings import (
    Likeness,
    Stability,
    stability_findings,
    variance_shares,
)


def drawn(vae, networks, search, shape=(400, 3, 3), seed=0):
    """Accuracies with these standard deviations of what each start adds."""
    rng = np.random.default_rng(seed)
    a, b, _ = shape
    values = (
        vae * rng.standard_normal((a, 1, 1))
        + networks * rng.standard_normal((a, b, 1))
        + search * rng.standard_normal(shape)
    )
    index = pd.MultiIndex.from_product(map(range, shape), names=["vae", "networks", "search"])
    return pd.DataFrame({"balanced_accuracy": values.ravel()}, index).reset_index()


def test_where_the_variance_comes_from():
    shares = variance_shares(drawn(2, 1, 1))
    assert shares["VAEs"] == pytest.approx(4 / 6, abs=0.12)
    assert shares["networks"] == pytest.approx(1 / 6, abs=0.08)
    assert sum(shares.values()) == pytest.approx(1)
    assert variance_shares(drawn(0, 0, 1))["searches"] > 0.9
    one = variance_shares(drawn(1, 2, 0, (300, 4, 1)))
    assert np.isnan(one["searches"])
    assert one["networks"] == pytest.approx(0.8, abs=0.1)
    assert np.isnan(list(variance_shares(drawn(0, 0, 0)).values())).all()


def found(said, structures, laws_reading=3, target=None, engines=("quick",)):
    said = np.asarray(said)
    shares = agreement(said)
    target = said[0] if target is None else target
    right = [(row == target).mean() for row in said]
    runs = pd.DataFrame(
        {"vae": range(len(said)), "networks": 0, "search": 0, "structure": structures,
         "balanced_accuracy": right, "group": alike(shares, 0.95)}
    )  # fmt: skip
    kept = pd.DataFrame(
        {"kind": ["latent"], "name": ["z3"], "meaning": ["size"], "group": ["central cell"],
         "laws": [laws_reading], "of_laws": [len(said) - 1], "networks": [1], "of_networks": [1],
         "alike": [0.9]}
    )  # fmt: skip
    keys = pd.DataFrame({"image": "a", "frame": 0, "label": range(1, said.shape[1] + 1)})
    networks = said[:2]
    made = Stability(
        runs, kept, shares, said, networks, keys, target, StabilityConfig(), engines,
        Likeness(8, 6, 0.81, 0.7), False, True,
    )  # fmt: skip
    return {finding.kind: finding for finding in stability_findings(made)}


def test_cells_that_laws_decide_differently_are_listed_the_most_disputed_first():
    said = np.zeros((4, 100), int)
    said[0, 7] = 1  # one of four
    said[:2, 4] = 1  # two of four
    target = np.zeros(100, int)
    findings = found(said, [0, 0, 0, 0], target=target)
    decisions = findings["stability: decisions"]
    assert decisions.cells == (("a", 0, 5), ("a", 0, 8))
    assert decisions.numbers["cells not decided alike by all"] == 0.02
    assert decisions.numbers["right where all agree"] == 1
    assert decisions.numbers["right elsewhere"] == 0
    assert decisions.severity == "fine"
    assert "1 different equation, and" in findings["stability: laws"].sentence
    assert "one way" in findings["stability: laws"].sentence
    assert "Of the 8 active latents, 6 have their like in each of the 3 other VAEs" in (
        findings["stability: VAEs"].sentence
    )
    assert "start from the same weights" in findings["stability: starts"].sentence


def test_laws_that_disagree_are_an_alarm():
    said = np.zeros((4, 100), int)
    said[1, :60], said[2, 40:], said[3, :5] = 1, 1, 1
    findings = found(said, [0, 1, 2, 2], laws_reading=1)
    assert findings["stability: decisions"].severity == "alarm"
    assert "imitate, on 60%." in findings["stability: decisions"].sentence
    laws = findings["stability: laws"]
    assert laws.numbers["equations"] == 3
    assert laws.numbers["ways to decide"] == 3
    assert laws.numbers["others that decide as the study's own"] == 1
    latents = findings["stability: latents"]
    assert latents.severity == "note"
    assert latents.sentence == (
        "Of 3 laws found from other random starts, 1 reads what z3 tells (size)."
    )
    assert "best of all" in findings["stability: accuracy"].sentence
    others = found(said, [0, 1, 2, 2], engines=("quick", "operon"))["stability: accuracy"]
    assert "It was found by quick and operon, the others by quick." in others.sentence
    assert others.severity == "fine"
