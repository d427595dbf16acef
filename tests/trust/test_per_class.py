import numpy as np
import pytest
from sklearn.metrics import precision_recall_fscore_support

from napari_parsimony.trust import metrics
from napari_parsimony.trust.config import EvaluateConfig
from napari_parsimony.trust.per_class import per_class

CONFIG = EvaluateConfig(resamples=400)


@pytest.fixture
def cells():
    rng = np.random.default_rng(0)
    target = rng.random(300) < 0.3
    return (target * 2.0 - 1 + rng.normal(size=300))[:, None], target, rng.integers(0, 20, 300)


def test_agrees_with_scikit_learn(cells):
    scores, target, groups = cells
    expected = precision_recall_fscore_support(target, scores[:, 0] > 0)
    for which, found in enumerate(per_class(scores, target, groups, CONFIG)):
        for metric, values in zip(metrics.CLASS_METRICS, expected, strict=False):
            estimate = found[metric]
            assert estimate.value == pytest.approx(values[which])
            assert estimate.low < estimate.value < estimate.high
            assert estimate.high - estimate.low < 0.3


def test_weights_count_groups_as_often_as_they_are_drawn(cells):
    scores, target, groups = cells
    twice = np.concatenate([np.arange(300), np.flatnonzero(groups == 3)])
    weights = np.ones((1, 20))
    weights[0, 3] = 2
    for which in (0, 1):
        mine = metrics.class_metrics(scores, target, groups, weights)[which]
        plain = metrics.class_metrics(
            scores[twice], target[twice], groups[twice], np.ones((1, 20))
        )[which]
        for metric in metrics.CLASS_METRICS:
            np.testing.assert_allclose(mine[metric], plain[metric])


def test_a_cell_without_a_decision_lowers_only_the_recall_of_its_class():
    scores, target = (
        np.array([[1.0], [np.nan], [-1.0], [-1.0]]),
        np.array([True, True, False, False]),
    )
    first, second = per_class(scores, target, np.zeros(4), CONFIG)
    assert (second["recall"].value, second["precision"].value) == (0.5, 1.0)
    assert (first["recall"].value, first["precision"].value) == (1.0, 1.0)


def test_what_cannot_be_said_has_a_reason():
    first, second = per_class(np.full((3, 1), -1.0), np.zeros(3, bool), np.zeros(3), CONFIG)
    assert first["f1"].value == 1.0
    assert (first["f1"].low, first["f1"].reason) == (None, "all cells are of one group")
    assert (second["recall"].value, second["recall"].reason) == (None, "there is no such cell")
    assert second["precision"].reason == "no cell is said to be of this class"
