import json

import numpy as np
import pandas as pd
import pytest

from napari_parsimony.artefact import write_json
from napari_parsimony.classify.scores import centred, columns_of, decided, scores_of
from napari_parsimony.errors import UserError
from napari_parsimony.trust.baseline import shape_baseline
from napari_parsimony.trust.config import EvaluateConfig
from napari_parsimony.trust.evaluate import compare, evaluate, pool
from napari_parsimony.trust.schemes import Complexity, Estimate, Schemes

CONFIG = EvaluateConfig(resamples=300)
SIZES = {
    "black_box": Complexity(parameters=10_000, expression_size=40_000),
    "dense": Complexity(parameters=6_000, expression_size=25_000),
    "sparse": Complexity(parameters=60, expression_size=200),
    "symbolic": Complexity(parameters=3, expression_size=11),
}


def table(n=400, groups=15, seed=0, prefix="movie"):
    rng = np.random.default_rng(seed)
    target = rng.random(n) < 0.4
    signal = 2 * target - 1 + rng.normal(size=n)
    scores = pd.DataFrame(
        {
            "black_box": 2 * signal,
            "dense": signal,
            "sparse": signal + rng.normal(size=n),
            "symbolic": signal + 3 * rng.normal(size=n),
        }
    )
    return scores, target, np.array([f"{prefix}{g}" for g in rng.integers(groups, size=n)])


def test_identical_schemes_have_a_ratio_of_exactly_one():
    scores, target, groups = table()
    dense = compare(scores, target, groups, SIZES, CONFIG).get("dense")
    for ratio in (dense.accuracy_ratio, dense.balanced_accuracy_ratio, dense.auc_ratio):
        assert (ratio.value, ratio.low, ratio.high) == (1, 1, 1)


def test_ratios_are_paired_and_tell_a_worse_scheme():
    scores, target, groups = table(n=2_000)
    result = compare(scores, target, groups, SIZES, CONFIG, classes=("interphase", "metaphase"))
    symbolic, box = result.get("symbolic"), result.get("black_box")
    assert symbolic.accuracy_ratio.high < 1
    assert symbolic.accuracy.low < symbolic.accuracy.value < symbolic.accuracy.high
    assert symbolic.accuracy_ratio.value == pytest.approx(
        symbolic.accuracy.value / box.accuracy.value
    )
    assert symbolic.expression_size_ratio_dense == 11 / 25_000
    assert result.get("sparse").parameters_ratio == 0.006
    assert box.accuracy_ratio is None
    assert box.parameters_ratio is None
    assert result.get("another") is None
    assert result.cells == (int((~target).sum()), int(target.sum()))


def test_only_held_out_cells_with_a_class_count():
    scores, target, groups = table()
    split = np.where(np.isin(groups, ["movie0", "movie1"]), "test", "train")
    labels = np.where(np.arange(len(target)) % 7 == 0, np.nan, target)
    result = evaluate(scores, labels, split, groups, SIZES, CONFIG)
    chosen = (split == "test") & np.isfinite(labels)
    assert sum(result.cells) == chosen.sum()
    assert result.groups == 2
    assert result.schemes[0].accuracy.low is not None
    assert any("come from 2 movies only" in note for note in result.notes)
    scores.loc[split != "test"] = np.nan
    assert evaluate(scores, labels, split, groups, SIZES, CONFIG) == result


def test_one_group_or_one_class_gives_a_value_and_says_why_there_is_no_interval():
    scores, target, groups = table()
    one = compare(scores, target, np.full(len(target), "m"), SIZES, CONFIG).schemes[0]
    assert one.accuracy.value is not None
    assert one.accuracy.low is None
    assert "one movie" in one.accuracy.reason
    only = compare(
        scores[target], target[target], groups[target], SIZES, CONFIG, group_word="image"
    ).schemes[0]
    assert only.auc == Estimate(value=None, reason="all held-out cells are of one class")
    assert only.accuracy.value > 0.5


def test_a_class_in_a_single_movie_still_has_an_interval():
    scores, _, groups = table(groups=12)
    rare = (groups == "movie3") & (np.arange(len(groups)) % 2 == 0)
    # the movie is missing from (1 - 1/12)^12 = 35 % of the resamples: most are usable
    auc = compare(scores, rare, groups, SIZES, CONFIG).schemes[0].auc
    assert auc.low <= auc.value <= auc.high


def test_cells_without_a_decision_are_counted_and_named():
    scores, target, groups = table()
    scores.loc[:9, "symbolic"] = np.nan
    result = compare(scores, target, groups, SIZES, CONFIG)
    symbolic = result.get("symbolic")
    assert symbolic.not_decided == 10
    assert symbolic.wrong == round(len(target) * (1 - symbolic.accuracy.value))
    assert any(note.startswith("Symbolic: 10 of 400 held-out cells") for note in result.notes)


def test_three_classes_are_compared_like_two():
    rng = np.random.default_rng(0)
    classes, target = ("G1", "G2", "M"), rng.integers(3, size=400)
    scores = pd.DataFrame()
    for name, noise in (("black_box", 0.5), ("symbolic", 1.0)):
        each = np.eye(3)[target] + noise * rng.standard_normal((400, 3))
        scores[columns_of(name, classes)] = centred(each)
    result = compare(scores, target, rng.integers(20, size=400), SIZES, CONFIG, classes)
    assert [scheme.name for scheme in result.schemes] == ["black_box", "symbolic"]
    assert result.cells == tuple(np.bincount(target))
    symbolic = result.get("symbolic")
    said = decided(scores_of(scores, "symbolic", classes))
    assert symbolic.accuracy.value == pytest.approx((said == target).mean())
    assert symbolic.wrong == (said != target).sum()
    assert symbolic.balanced_accuracy.low < symbolic.balanced_accuracy.value
    assert symbolic.accuracy_ratio.value < 1


def test_what_format_1_counted_is_read(tmp_path):
    scores, target, groups = table()
    result = compare(scores, target, groups, SIZES, CONFIG)
    old = result.model_dump(mode="json") | {"format_version": 1}
    for scheme in old["schemes"]:
        wrong, undecided = scheme.pop("wrong"), scheme.pop("not_decided")
        scheme["counts"] = [200 - wrong, wrong, 0, 200, undecided]
    write_json(tmp_path / "schemes.json", old)
    assert Schemes.load(tmp_path / "schemes.json") == result
    del old["schemes"][0]["counts"]
    write_json(tmp_path / "schemes.json", old)
    with pytest.raises(UserError, match=r"damaged .*run the evaluate step again"):
        Schemes.load(tmp_path / "schemes.json")


def test_uneven_classes_are_named():
    scores, _, groups = table()
    result = compare(scores, np.arange(400) < 5, groups, SIZES, CONFIG, ("rest", "mitosis"))
    assert any("always answering rest would have an accuracy of 0.99" in n for n in result.notes)
    assert any("Only 5 held-out cells are mitosis" in n for n in result.notes)


def test_a_poor_black_box_is_named():
    scores, target, groups = table()
    assert not any(
        "black box" in note for note in compare(scores, target, groups, {}, CONFIG).notes
    )
    scores["black_box"] = np.random.default_rng(0).normal(size=400)
    notes = compare(scores, target, groups, {}, CONFIG).notes
    assert any("ratios to it flatter the other schemes" in note for note in notes)


def test_the_same_seed_gives_the_same_file_and_it_reads_back(tmp_path):
    scores, target, groups = table()
    first, again = (compare(scores, target, groups, SIZES, CONFIG) for _ in range(2))
    assert first == again
    first.save(tmp_path / "schemes.json")
    assert Schemes.load(tmp_path / "schemes.json") == first
    assert "NaN" not in (tmp_path / "schemes.json").read_text()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"format_version": 99}, "newer napari-parsimony"),
        ({"schemes": "none"}, "damaged at 'schemes'"),
        ({"surprise": 1}, "damaged at 'surprise'"),
    ],
)
def test_damaged_files_are_refused(tmp_path, change, words):
    path = tmp_path / "schemes.json"
    compare(*table(), SIZES, CONFIG).save(path)
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(UserError, match=words):
        Schemes.load(path)


def test_folds_are_pooled():
    parts = [table(n=100, seed=seed, prefix=f"fold{seed}-") for seed in range(3)]
    pooled = pool(parts)
    assert len(pooled.scores) == 300
    assert pooled.folds.tolist() == [0] * 100 + [1] * 100 + [2] * 100
    result = compare(pooled.scores, pooled.target, pooled.groups, SIZES, CONFIG, folds=pooled.folds)
    assert (result.folds, result.groups) == (3, 45)
    each = [compare(*part, SIZES, CONFIG).schemes[0].accuracy.value for part in parts]
    assert result.schemes[0].accuracy.value == pytest.approx(np.mean(each))


def test_folds_that_do_not_belong_together_are_refused():
    part = table()
    with pytest.raises(UserError, match="held out in two"):
        pool([part, part])
    with pytest.raises(UserError, match="different schemes"):
        pool([part, (part[0].drop(columns="sparse"), *part[1:])])
    with pytest.raises(UserError, match="no predictions"):
        pool([])


def test_wrong_input_is_refused():
    scores, target, groups = table()
    with pytest.raises(UserError, match="400 scores for 399 classes"):
        compare(scores, target[:-1], groups, SIZES, CONFIG)
    with pytest.raises(UserError, match="held out"):
        evaluate(scores, target, np.full(400, "train"), groups, SIZES, CONFIG)


def shapes(n=300, seed=0):
    rng = np.random.default_rng(seed)
    names = ["area", "major axis", "minor axis", "eccentricity", "solidity", "mean intensity"]
    features = pd.DataFrame(rng.normal(size=(n, 6)), columns=names)
    target = features["area"] * features["solidity"] > 0  # only a product tells the classes
    split = rng.choice(["train", "validation", "test"], size=n, p=[0.6, 0.2, 0.2])
    return features, target.to_numpy(), split


def test_the_baseline_learns_products_and_leaves_holes_undecided():
    features, target, split = shapes()
    features.loc[3, "area"] = np.nan
    features.loc[5] = 0.0
    baseline = shape_baseline(features, target, split)
    test = split == "test"
    assert np.mean((baseline.scores[:, 0] > 0)[test] == target[test]) > 0.85
    assert np.flatnonzero(np.isnan(baseline.scores)).tolist() == [3, 5]
    assert baseline.complexity == Complexity(parameters=28, expression_size=145)


def test_the_baseline_never_sees_test_cells():
    features, target, split = shapes()
    flipped = np.where(split == "test", ~target, target)
    np.testing.assert_array_equal(
        shape_baseline(features, target, split).scores,
        shape_baseline(features, flipped, split).scores,
    )


def test_the_baseline_needs_all_classes():
    features, target, split = shapes()
    with pytest.raises(UserError, match="all classes"):
        shape_baseline(features, np.zeros(len(target)), split)
