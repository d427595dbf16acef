"""Whether a law holds for other cells: planted movies, probabilities and numbers are found out."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from napari_parsimony.symbolic.class_scores import ClassScores
from napari_parsimony.symbolic.expression import Expression, constant
from napari_parsimony.trust.config import TrustConfig
from napari_parsimony.trust.constants import Learned, check_constants
from napari_parsimony.trust.familiarity import check_familiarity
from napari_parsimony.trust.flags import FLAG, UNLIKE
from napari_parsimony.trust.groups import check_groups, group_table, surprise
from napari_parsimony.trust.judged import Judged
from napari_parsimony.trust.sureness import check_calibration
from napari_parsimony.vae.familiarity import TrainingRange

CONFIG = TrustConfig(resamples=300)
RANGE = TrainingRange("bernoulli", 0.5, 0.3, (0,), np.zeros((5, 1), np.float32), 2.0, 3.0, 200)


def judged(scores, target, group):
    count = len(target)
    keys = pd.DataFrame({"image": "a.tif", "frame": 0, "label": np.arange(count)})
    return Judged(
        keys, np.asarray(target, np.intp), ("round", "long"),
        np.array([f"m{number}" for number in group]), "movie",
        {name: np.asarray(scores, float).reshape(count, -1)
         for name in ("black_box", "dense", "sparse", "symbolic")},
    )  # fmt: skip


def cells(seed, count=600, movies=12, rate=0.1, worse=None, bad=0.5):
    """Cells with a class in movies, wrong at a rate; at another in the movie `worse`."""
    rng = np.random.default_rng(seed)
    group, target = rng.integers(movies, size=count), rng.integers(2, size=count)
    wrong = rng.random(count) < np.where(group == worse, bad, rate)
    return judged(np.where(wrong, -1, 1) * (2 * target - 1) * 2.0, target, group)


def test_a_movie_that_is_told_worse_is_named_with_its_wrong_cells():
    subject = cells(0, worse=7)
    table = group_table(subject, CONFIG)
    assert table.loc[0, "group"] == "m7"
    row = table.iloc[0]
    assert row["symbolic"] == pytest.approx(1 - row["wrong"] / row["cells"])
    assert table["cells"].sum() == 600
    assert table["expected"].sum() == pytest.approx(subject.wrong().sum())
    finding = check_groups(subject, table)
    assert finding.severity == "note"
    assert "movie m7 (" in finding.sentence
    rows = [label for _, _, label in finding.cells]
    assert sorted(rows) == np.flatnonzero(subject.wrong() & (subject.groups == "m7")).tolist()


def test_chance_blames_no_movie_more_often_than_it_says():
    found = [check_groups(subject, group_table(subject, CONFIG))
             for subject in (cells(seed) for seed in range(40))]  # fmt: skip
    assert sum(finding.severity == "note" for finding in found) <= 5  # 2 expected at 0.05


def test_a_movie_is_not_blamed_for_a_class_that_is_hard_to_tell():
    rng = np.random.default_rng(0)
    group = rng.integers(10, size=800)
    target = (rng.random(800) < np.where(group == 3, 0.95, 0.1)).astype(int)
    wrong = rng.random(800) < np.where(target == 1, 0.5, 0.05)
    _, p = surprise(wrong, target, group, CONFIG)
    assert p.min() > 0.05


def test_one_movie_has_nothing_to_be_compared_with():
    subject = cells(0, movies=1)
    assert check_groups(subject, group_table(subject, CONFIG)) is None


@pytest.mark.parametrize(
    ("factor", "severity", "word"), [(1, "fine", "sure"), (3, "note", "high"), (0.2, "note", "low")]
)
def test_probabilities_that_are_off_are_found_out(factor, severity, word):
    rng = np.random.default_rng(1)
    true = rng.normal(0, 1.5, 2000)
    target = rng.random(2000) < expit(true)
    subject = judged(factor * true, target, rng.integers(20, size=2000))
    finding = check_calibration(subject, CONFIG)
    assert finding.severity == severity
    assert word in finding.sentence
    assert len(finding.cells) == (500 if word == "high" else 0)
    if word == "high":  # the surest of the wrong first
        scores = np.abs(true[[label for _, _, label in finding.cells]])
        assert (np.diff(scores) <= 0).all()


def test_the_gap_is_that_of_the_means():
    sure, wrong = 2.0, np.arange(400) % 4 == 0
    target = np.arange(400) % 2
    scores = np.where(wrong, -1, 1) * (2 * target - 1) * sure
    found = check_calibration(judged(scores, target, np.arange(400) // 50), CONFIG)
    gap = expit(sure) - 0.75
    assert found.numbers["symbolic: surer than right by"] == pytest.approx(gap)
    assert found.numbers["symbolic: calibration error"] == pytest.approx(gap)
    assert f"{100 * gap:.0f} points" in found.sentence


@pytest.mark.parametrize(("many", "severity"), [(0, "fine"), (12, "fine"), (90, "note"),
                                                (450, "alarm")])  # fmt: skip
def test_errors_inside_and_outside_of_the_training_range(many, severity):
    subject = cells(2, rate=0.1)
    unlike = np.full(700, 0.5)  # 100 cells without a class after those with one
    unlike[:many] = np.linspace(3, 1.5, many)
    table = subject.keys.reindex(range(700)).assign(**{UNLIKE: unlike, FLAG: unlike > 1})
    table[["image", "frame", "label"]] = [["a.tif", 0, label] for label in range(700)]
    rows, new = np.arange(600), np.ones(700, bool)
    finding = check_familiarity(table, RANGE, new, subject, rows, CONFIG)
    assert finding.severity == severity
    assert [label for _, _, label in finding.cells] == list(range(many))
    numbers = finding.numbers
    assert numbers["share of held-out cells"] == pytest.approx(many / 700)
    wrong = subject.wrong()
    inside = numbers["symbolic wrong, inside"]
    assert inside == pytest.approx(wrong[many:].mean())
    assert numbers["symbolic wrong, inside, low"] < inside < numbers["symbolic wrong, inside, high"]
    if many:
        assert numbers["black box wrong, outside"] == pytest.approx(wrong[:many].mean())
        assert f"{100 * wrong[:many].mean():.0f} %" in finding.sentence
    else:
        assert numbers["black box wrong, outside"] is None
        assert finding.sentence.startswith("None of 700 held-out cells")


def learned(seed, movies=10, odd=0.0, reads=1):
    """Cells whose class follows z0; in one movie it follows the opposite with weight `odd`.

    The law reads so many latents.
    """
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(600, 2))
    group = rng.integers(movies, size=600)
    score = np.where(group == 0, -odd, 1.0) * 2 * z[:, 0] if odd else 2 * z[:, 0]
    target = (rng.random(600) < expit(score)).astype(float)
    return Learned(z[:, :reads], target, group.astype(str), True, rng.normal(size=(300, reads)))


def test_numbers_have_the_standard_errors_of_a_jackknife_over_movies():
    law = Expression.parse("2*z0 + 0.01*z1")
    found = check_constants(law, learned(5, reads=2), "movie", 0)
    assert found.numbers["refits"] == 10
    slope, error = found.numbers["number 1"], found.numbers["number 1, error"]
    assert abs(slope - 2) < 3 * error
    assert 0.08 < error < 0.5  # 0.17 by theory
    assert found.severity == "note"  # the second number is none
    assert "1 of its 2 numbers could as well be 0" in found.sentence
    assert check_constants(Expression.parse("2*z0"), learned(0), "movie", 0).severity == "fine"


def test_numbers_that_rest_on_one_movie_move_without_it():
    law = Expression.parse("2*z0 + 0.1")
    calm, moved = (
        check_constants(law, learned(1, movies=3, odd=odd), "movie", 0) for odd in (0.0, 2.0)
    )
    changed = "held-out cells that change class, at most"
    assert moved.numbers["number 1, error"] > 5 * calm.numbers["number 1, error"]
    assert moved.numbers[changed] >= calm.numbers[changed]


def test_laws_without_numbers_and_laws_of_many_classes():
    assert check_constants(Expression.parse("z0"), learned(0), "movie", 0) is None
    assert check_constants(Expression.parse("2*z0"), learned(0, movies=1), "movie", 0) is None
    cells = learned(0, reads=2)
    three = cells._replace(target=np.where(cells.values[:, 1] > 1, 2.0, cells.target))
    parts = (Expression.parse("0.5*z0"), constant(0.0), Expression.parse("3*z1 - 2"))
    found = check_constants(ClassScores(("a", "b", "c"), parts), three, "movie", 0)
    assert len([name for name in found.numbers if name.endswith("error")]) == 3
