import numpy as np
import pandas as pd
import pytest

from napari_parsimony.classify.config import ClassifyConfig
from napari_parsimony.classify.targets import (
    balanced_weights,
    class_targets,
    require_all_classes,
    sample_of_each,
)
from napari_parsimony.config import parse_config
from napari_parsimony.errors import UserError

CLASSES = pd.Series(["meta", "inter", None, "align", "inter"])


def test_two_raw_classes_in_alphabetical_order():
    targets, names = class_targets(CLASSES.where(CLASSES != "align"), {})
    assert names == ("inter", "meta")
    np.testing.assert_array_equal(targets, [1, 0, np.nan, np.nan, 0])


def test_gathered_classes_keep_the_order_they_were_given_in():
    mapping = {"mitosis": ("meta", "align"), "interphase": ("inter",)}
    targets, names = class_targets(CLASSES, mapping)
    assert names == ("mitosis", "interphase")
    np.testing.assert_array_equal(targets, [0, 1, np.nan, 0, 1])


def test_all_raw_classes_there_are():
    targets, names = class_targets(CLASSES, {})
    assert names == ("align", "inter", "meta")
    np.testing.assert_array_equal(targets, [2, 1, np.nan, 0, 1])


@pytest.mark.parametrize(
    ("classes", "mapping", "message"),
    [
        (pd.Series(["a", "a"]), {}, "Two classes are needed.* a .2."),
        (pd.Series([None, None]), {}, "Two classes are needed.* none"),
        (CLASSES, {"a": ("inter",), "b": ("metaphase",)}, "'metaphase' into 'b'"),
        (CLASSES, {"a": ("inter",)}, "names one class only"),
    ],
)
def test_what_cannot_be_told_apart_is_refused(classes, mapping, message):
    with pytest.raises(UserError, match=message):
        class_targets(classes, mapping)


def test_a_split_without_a_class_is_refused():
    with pytest.raises(UserError, match=r"No cell of the class 'b' is in the validation split"):
        require_all_classes(np.zeros(3), "validation", ("a", "b"))


@pytest.mark.parametrize("y", [np.array([1, 0, 0, 0, 0]), np.array([1, 0, 2, 2, 0])])
def test_all_classes_weigh_the_same(y):
    weight = balanced_weights(y)
    sums = [weight[y == value].sum() for value in np.unique(y)]
    assert sums == pytest.approx([len(y) / len(sums)] * len(sums))
    assert weight.mean() == pytest.approx(1)


def test_a_sample_has_enough_of_a_rare_class():
    targets = np.where(np.arange(30_000) % 2, np.nan, 0.0)
    targets[np.arange(0, 30_000, 3_000)] = 1
    rows = sample_of_each(targets, 1000, np.random.default_rng(0))
    assert (np.diff(rows) > 0).all()
    assert (targets[rows] == 1).sum() == 10
    assert np.isnan(targets[rows]).sum() == pytest.approx(500, abs=5)
    assert len(rows) == pytest.approx(1000, abs=20)
    assert len(sample_of_each(targets[:9], 10, np.random.default_rng(0))) == 9


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"classes": {"a": ["x"]}}, "two classes or more"),
        ({"classes": {"a": ["x"], "b": []}}, "at least one raw class"),
        ({"classes": {"a": ["x"], "b": ["x"]}}, "'x' is listed more than once"),
        ({"hidden": [0]}, "between 1 and 1024"),
        ({"density": 0.9}, "density"),
    ],
)
def test_settings_that_make_no_sense_are_refused(values, message):
    with pytest.raises(UserError, match=message):
        parse_config(ClassifyConfig, values)


def test_every_setting_is_described():
    assert all(field.description for field in ClassifyConfig.model_fields.values())
