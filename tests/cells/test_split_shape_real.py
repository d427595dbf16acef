import numpy as np
import pandas as pd
import pytest
from drawn import draw_ellipse
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.measure import regionprops

from napari_parsimony.cells.build import build_cells
from napari_parsimony.cells.config import CellsConfig
from napari_parsimony.cells.folder import list_crops, parse_names
from napari_parsimony.cells.orient import central_mask
from napari_parsimony.cells.shape import FEATURES, shape_features
from napari_parsimony.cells.split import assign_splits
from napari_parsimony.cells.table import read_cells

MITOCHECK = (
    r"(?P<movie1>PLLT\d+_\d+)--.*___(?P<movie2>P\d+_\d+)___T(?P<frame>\d+)"
    r"___X(?P<x>\d+)___Y(?P<y>\d+)"
)


@settings(max_examples=30)
@given(st.integers(5, 30), st.integers(3, 5), st.integers(0, 2**32 - 1))
def test_splits_keep_groups_and_every_cell_is_tested_once(groups, folds, seed):
    rng = np.random.default_rng(seed)
    group = np.concatenate([np.arange(groups), rng.integers(0, groups, 60)]).astype(str)
    table = pd.DataFrame({"group": group, "class": rng.choice(["a", "b", None], len(group))})
    tested = np.zeros(len(table), dtype=int)
    for fold in range(folds):
        table["split"] = assign_splits(table, folds, fold, seed)
        assert (table.groupby("group")["split"].nunique() == 1).all()
        assert set(table["split"]) == {"train", "validation", "test"}
        tested += table["split"] == "test"
    assert (tested == 1).all()
    assert (table["split"] == assign_splits(table, folds, folds - 1, seed)).all()


def test_classes_are_spread_evenly():
    classes = ["rare"] * 50 + ["common"] * 450
    table = pd.DataFrame({"group": np.arange(500).astype(str), "class": classes})
    table["split"] = assign_splits(table)
    assert (table[table["class"] == "rare"]["split"] == "test").sum() == 10


def test_shape_of_an_ellipse():
    mask = draw_ellipse((64, 64), 31, 32, 16, 8, 0.5)
    crops = np.stack([mask, np.zeros_like(mask)])[:, None].astype(np.float16)
    features = shape_features(crops)
    assert tuple(features.columns) == FEATURES
    area, major, minor, eccentricity, solidity, mean = features.iloc[0]
    assert area == pytest.approx(np.pi * 16 * 8, rel=0.04)
    assert (major, minor) == pytest.approx((32, 16), rel=0.03)
    assert eccentricity == pytest.approx(np.sqrt(3) / 2, rel=0.02)
    assert 0.9 < solidity <= 1
    assert mean > 0.95
    assert (features.iloc[1] == 0).all()


def test_features_agree_with_scikit_image():
    rng = np.random.default_rng(3)
    blob = draw_ellipse((48, 48), 24, 22, 15, 7, 1.0) | draw_ellipse((48, 48), 18, 28, 9, 5, 0.0)
    crops = (0.8 * blob + rng.uniform(0, 0.1, blob.shape))[None, None]
    ours = shape_features(crops).iloc[0]
    theirs = regionprops(central_mask(crops[0, 0]).astype(int), crops[0, 0])[0]
    assert ours["area"] == theirs.area
    # ours adds the spread of a pixel, 1/12, to the second moments
    assert ours["major axis"] ** 2 == pytest.approx(theirs.axis_major_length**2 + 16 / 12)
    assert ours["minor axis"] ** 2 == pytest.approx(theirs.axis_minor_length**2 + 16 / 12)
    assert ours["eccentricity"] == pytest.approx(theirs.eccentricity, abs=0.01)
    assert ours["mean intensity"] == pytest.approx(theirs.mean_intensity)
    # theirs counts pixels of a drawn hull, ours measures the hull itself
    assert ours["solidity"] == pytest.approx(theirs.solidity, abs=0.03)


def test_mitocheck_names_and_splits(real_data):
    listed = list_crops(real_data / "mitocheck")
    names = parse_names([path.name for path in listed["path"]], MITOCHECK)
    assert (len(listed), listed["class"].nunique(), names["movie"].nunique()) == (2482, 16, 56)
    table = pd.DataFrame({"group": names["movie"], "class": listed["class"]})
    table["split"] = assign_splits(table)
    assert (table.groupby("group")["split"].nunique() == 1).all()
    assert table["split"].value_counts(normalize=True)["test"] == pytest.approx(0.2, abs=0.05)


def test_human_mitosis(real_data, tmp_path):
    folder = real_data / "human_mitosis"
    config = CellsConfig(
        image=(folder / "dna.tif",),
        labels=(folder / "labels_auto.tif",),
        classes=folder / "nuclei.csv",
        orientation="principal axis",
    )
    build_cells(config, tmp_path)
    cells = read_cells(tmp_path / "cells.parquet")
    listed = pd.read_csv(folder / "nuclei.csv")
    assert cells["class"].value_counts().to_dict() == {"interphase": 292, "mitotic": 21}
    assert np.abs(cells["y"] - listed["y"]).max() < 0.06
    assert cells["scale"][0] * 64 == pytest.approx(32, abs=2)
