"""Classes follow from the law, and short-cuts are where they should be and nowhere else."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from napari_parsimony.cells.split import assign_splits
from napari_parsimony.config import parse_config
from napari_parsimony.errors import UserError
from napari_parsimony.simulate.config import SHORTCUTS, SimulateConfig
from napari_parsimony.simulate.fields import simulate_fields
from napari_parsimony.simulate.shortcut import matched


def cells_of(**settings):
    return simulate_fields(SimulateConfig(**settings)).cells


def standard(column):
    return (column - column.mean()) / column.std(ddof=0)


def test_the_law_decides():
    cells = cells_of(law="-2*area + 1.5*eccentricity")
    score = -2 * standard(cells["area"]) + 1.5 * standard(cells["eccentricity"])
    assert cells["score"].to_numpy() == pytest.approx(score.to_numpy())
    assert ((cells["class"] == "positive") == (score > 0)).all()
    assert not cells["flipped"].any()
    assert cells["class"].value_counts().min() > 500


def test_angles_are_in_radians_and_neighbours_count():
    cells = cells_of(law="sin(2*angle) + neighbours*neighbours - 1", fields=2)
    score = np.sin(2 * cells["angle"]) + standard(cells["neighbours"]) ** 2 - 1
    assert cells["score"].to_numpy() == pytest.approx(score.to_numpy())


@pytest.mark.parametrize("share", [0.1, 0.25])
def test_flipped_share(share):
    cells = cells_of(flipped=share)
    wrong = (cells["class"] == "positive") != (cells["score"] > 0)
    assert (wrong == cells["flipped"]).all()
    assert wrong.mean() == pytest.approx(share, abs=1e-3)
    # of both classes alike
    assert wrong[cells["score"] > 0].mean() == pytest.approx(share, abs=0.05)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"law": "2*size - area"}, "'law' is not usable: 'size' is no factor of a cell: use area,"),
        ({"law": "area +"}, "'law' is not usable: The equation 'area +' cannot be read"),
        ({"law": "3"}, "speaks of no factor"),
        ({"flipped": 0.6}, "'flipped' is not usable"),
        ({"cells": 0}, "'cells' is not usable"),
        ({"psf": float("nan")}, "'psf' is not usable"),
        ({"area": (800, 500)}, "'area' is not usable: 800 to 500 is no range between 50"),
        ({"eccentricity": (0.2, 1)}, "'eccentricity' is not usable: 0.2 to 1 is no range"),
        ({"position": 300}, "leave no room in a field of 512 pixels"),
        ({"shortcut": "border", "fields": 8}, "4 are fewer than the 5 folds"),
        ({"shortcut": "brightness", "law": "brightness"}, "of which the law speaks"),
        ({"shortcut": "border", "law": "neighbours - area"}, "would change 'neighbours'"),
        ({"fold": 5}, "fold 5 does not exist"),
    ],
)
def test_wrong_settings_are_told_in_a_sentence(settings, said):
    with pytest.raises(UserError) as error:
        parse_config(SimulateConfig, settings)
    assert said in str(error.value)
    assert str(error.value).endswith(".")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"law": "area + 10"}, "puts all 120 cells into one class"),
        ({"law": "log(area)"}, r"is no number for \d+ of 120 cells"),
        ({"law": "position_x"}, "'position_x', which is the same for all cells"),
        ({"law": "texture", "texture": (0.2, 0.2)}, "'texture', which is the same"),
    ],
)
def test_laws_that_do_not_fit_the_cells(settings, said):
    with pytest.raises(UserError, match=said):
        cells_of(fields=2, **settings)


def correlation(cells, name):
    return np.corrcoef(cells[name], cells["class"] == "positive")[0, 1]


@pytest.mark.parametrize(
    ("shortcut", "sign", "least"),
    [("brightness", 1, 0.6), ("neighbours", 1, 0.4), ("border", -1, 0.5)],
)
def test_shortcut_is_in_groups_for_training_only(shortcut, sign, least):
    settings = {"fields": 25, "fields_per_group": 1, "flipped": 0.1}
    name = SHORTCUTS[shortcut]
    before = cells_of(**settings)
    cells = cells_of(**settings, shortcut=shortcut)
    # as the step cells divides them
    split = assign_splits(cells)
    assert ((split != "test") == cells["shortcut"]).all()
    training, test = cells[cells["shortcut"]], cells[~cells["shortcut"]]
    assert len(test) >= 300
    assert sign * correlation(training, name) > least
    assert abs(correlation(test, name)) < 0.12
    assert abs(correlation(before, name)) < 0.08
    for split in ("train", "validation"):
        assert sign * correlation(cells[assign_splits(cells) == split], name) > least
    # nothing else changes with it
    others = ["area", "eccentricity", "angle", "texture", "grain", "score", "class", "flipped"]
    pd.testing.assert_frame_equal(cells[others], before[others])
    assert list(cells.columns) == list(before.columns)
    pd.testing.assert_frame_equal(
        test.drop(columns="shortcut"), before[~cells["shortcut"]].drop(columns="shortcut")
    )
    spread = {part[name].std() / before[name].std() for part in (training, test)}
    assert min(spread) > 0.85
    assert max(spread) < 1.15


def test_strength():
    found = [
        correlation(cells_of(shortcut="brightness", strength=s).query("shortcut"), "brightness")
        for s in (0, 0.4, 0.8, 1)
    ]
    assert found == sorted(found)
    assert abs(found[0]) < 0.08
    cells = cells_of(shortcut="brightness", strength=1).query("shortcut")
    for _, field in cells.groupby("image"):
        bright = field.groupby("class")["brightness"].agg(["min", "max"])
        assert bright.loc["negative", "max"] < bright.loc["positive", "min"]


def test_shortcut_is_seen_in_the_picture():
    simulated = simulate_fields(SimulateConfig(shortcut="brightness", strength=1))
    number = int(np.flatnonzero(simulated.cells["shortcut"])[0]) // 60
    image, labels = simulated.read(number)
    cells = simulated.cells[simulated.cells["image"] == simulated.names[number]]
    means = np.bincount(labels.ravel(), image.ravel())[1:] / np.bincount(labels.ravel())[1:]
    assert (
        means[cells["class"] == "positive"].mean()
        > 1.25 * means[cells["class"] == "negative"].mean()
    )


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    values=st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=50),
    strength=st.floats(0, 1),
    seed=st.integers(0, 99),
)
def test_values_are_dealt_out_anew(values, strength, seed):
    rng = np.random.default_rng(seed)
    positive = rng.random(len(values)) < 0.5
    mine = matched(np.array(values), positive, strength, rng)
    assert sorted(mine) == list(range(len(values)))
    if strength == 1 and 0 < positive.sum() < len(values):
        dealt = np.array(values)[mine]
        assert dealt[positive].min() >= dealt[~positive].max()
