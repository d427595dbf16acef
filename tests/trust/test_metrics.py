import numpy as np
import pytest
from scipy.special import softmax
from sklearn.metrics import (
    balanced_accuracy_score,
    precision_recall_fscore_support,
    roc_auc_score,
)

from napari_parsimony import bootstrap
from napari_parsimony.classify.scores import probabilities
from napari_parsimony.trust import metrics


def cells(rng, n=400, groups=20):
    group = rng.integers(groups, size=n)
    target = rng.random(n) < 0.4
    return 2 * target - 1 + rng.normal(size=n), target, np.char.add("movie", group.astype(str))


@pytest.mark.parametrize("groups", [20, 300])
def test_metrics_are_those_of_sklearn_whatever_the_weights(groups, monkeypatch):
    monkeypatch.setattr(metrics, "_AT_ONCE", 900)  # two rows of weights at a time
    rng = np.random.default_rng(0)
    scores, target, groups = cells(rng, groups=groups)
    scores = np.round(scores, 1)  # many ties
    names, index = bootstrap.encode(groups)
    weights = rng.integers(0, 4, size=(5, len(names))).astype(float)
    ours = metrics.metrics(scores[:, None], target, index, weights)
    for row, each in enumerate(weights):
        of_cell = each[index]
        assert ours["auc"][row] == pytest.approx(
            roc_auc_score(target, scores, sample_weight=of_cell)
        )
        assert ours["balanced_accuracy"][row] == pytest.approx(
            balanced_accuracy_score(target, scores > 0, sample_weight=of_cell)
        )
        assert ours["accuracy"][row] == pytest.approx(
            np.average((scores > 0) == target, weights=of_cell)
        )


def test_metrics_of_three_classes_are_those_of_sklearn():
    rng = np.random.default_rng(3)
    target = rng.integers(3, size=300)
    scores = rng.normal(size=(300, 3)) + 1.5 * np.eye(3)[target]
    weights = rng.integers(1, 4, size=(4, 20)).astype(float)
    groups = rng.integers(20, size=300)
    groups[:60] = np.tile(np.arange(20), 3)
    ours = metrics.metrics(scores, target, groups, weights)
    of_class = metrics.class_metrics(scores, target, groups, weights)
    probability, said = softmax(scores, axis=1), scores.argmax(1)
    for row, each in enumerate(weights):
        of_cell = each[groups]
        areas = [roc_auc_score(target == kind, probability[:, kind], sample_weight=of_cell)
                 for kind in range(3)]  # fmt: skip
        assert ours["auc"][row] == pytest.approx(np.mean(areas))
        assert ours["balanced_accuracy"][row] == pytest.approx(
            balanced_accuracy_score(target, said, sample_weight=of_cell)
        )
        assert ours["accuracy"][row] == pytest.approx(np.average(said == target, weights=of_cell))
        expected = precision_recall_fscore_support(target, said, sample_weight=of_cell)
        for metric, values in zip(metrics.CLASS_METRICS, expected, strict=False):
            assert [found[metric][row] for found in of_class] == pytest.approx(values)
    scores[0, 1] = np.nan
    table = metrics.confusion(scores, target)
    np.testing.assert_array_equal(table[:, 3], np.eye(3)[target[0]])
    np.testing.assert_array_equal(table.sum(1), np.bincount(target))


def test_a_cell_that_is_not_decided_is_wrong():
    scores = np.array([2.0, np.nan, -1.0, np.nan])
    target = np.array([True, True, False, False])
    assert metrics.confusion(scores[:, None], target).tolist() == [[1, 0, 1], [0, 1, 1]]
    values = metrics.metrics(scores[:, None], target, np.zeros(4, int), np.ones((1, 1)))
    assert values["accuracy"] == 0.5
    assert values["auc"] == pytest.approx(0.25)  # only the two decided cells are ordered rightly


def test_auc_never_compares_cells_of_two_models():
    target = np.array([True, False, True, False])
    scores = np.array([1.0, 0.0, -9.0, -10.0])  # the second model's scale is shifted
    group, folds = np.arange(4), np.array([0, 0, 1, 1])
    assert metrics.auc(scores, target, group, np.ones((1, 4)), folds) == 1
    assert metrics.auc(scores, target, group, np.ones((1, 4))) == 0.75


def test_intervals_cover_the_truth_about_as_often_as_they_say():
    """Movies differ as much as cells do: resampling cells would cover far too seldom."""
    rng = np.random.default_rng(2)
    truth = 0.7602  # P(1 + N(0, 1) + N(0, 1) > 0) = Φ(1/√2)
    covered = {"movies": 0, "cells": 0}
    repeats = 150
    for repeat in range(repeats):
        movie = np.repeat(np.arange(25), 20)
        right = 1 + rng.normal(size=25)[movie] + rng.normal(size=len(movie)) > 0
        for name, group in (("movies", movie), ("cells", np.arange(len(movie)))):
            weights = bootstrap.draw(group.max() + 1, 200, seed=repeat)
            scores, target = np.where(right, 1.0, -1.0), np.ones(len(right), bool)
            samples = metrics.metrics(scores[:, None], target, group, weights)["accuracy"]
            low, high = bootstrap.interval(samples, 0.95)
            covered[name] += low <= truth <= high
    assert covered["movies"] / repeats > 0.87
    assert covered["cells"] / repeats < 0.75


def test_no_interval_where_most_resamples_lack_the_metric():
    samples = np.where(np.arange(100) < 60, np.nan, 0.5)
    assert bootstrap.interval(samples, 0.95) is None
    assert bootstrap.interval(samples[40:], 0.95) == (0.5, 0.5)


@pytest.mark.parametrize("classes", [2, 4])
def test_calibration_is_zero_for_probabilities_that_come_true(classes):
    rng = np.random.default_rng(0)
    scores = 1.5 * rng.normal(size=(20_000, 1 if classes == 2 else classes))
    likely = probabilities(scores)
    target = (rng.random(20_000)[:, None] > likely.cumsum(axis=1)).sum(axis=1)
    error, table = metrics.calibration(scores, target)
    assert error < 0.02
    assert table[:, 0].sum() == 20_000
    assert metrics.calibration(5 * scores, target)[0] > 0.1
    undecided = np.vstack([scores, np.full((50, scores.shape[1]), np.nan)])
    assert metrics.calibration(undecided, np.append(target, [0] * 50))[0] == pytest.approx(error)
