"""Fitting, fronts and the choice."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from numpy.testing import assert_array_equal

from napari_parsimony.errors import UserError
from napari_parsimony.symbolic import summary
from napari_parsimony.symbolic.choice import good_laws, one_standard_error, pysr_scores
from napari_parsimony.symbolic.config import EquationsConfig
from napari_parsimony.symbolic.export import front_table
from napari_parsimony.symbolic.expression import Expression, constant
from napari_parsimony.symbolic.front import Candidate, Front, Judged, Law, Search, non_dominated
from napari_parsimony.symbolic.judge import Judgement, compared
from napari_parsimony.symbolic.losses import (
    balanced_accuracy,
    class_weights,
    digits_that_hold,
    fair_logistic,
    logistic,
    mean_and_error,
)
from napari_parsimony.symbolic.refit import refit
from napari_parsimony.symbolic.splits import SplitCells

from .test_expression import NAMES, cells, expressions

VALUES = np.stack(list(cells(500).values()), axis=1)
LABELS = (np.random.default_rng(1).random(500) < 1 / (1 + np.exp(1 - 2 * VALUES[:, 0]))) * 1.0
ONES = np.ones(500)


def candidate(text="z3", train=0.5, validation=0.5, error=0.1, **changes):
    values = {
        "expression": Expression.parse(text),
        "engine": "quick",
        "seed": 0,
        "train_loss": train,
        "validation_loss": validation,
        "validation_error": 0.1,
        "excess_error": error,
        "balanced_accuracy": 0.9,
        "agreement": 0.95,
        "digits": 3,
        "flips": 0,
    }
    return Candidate(**values | changes)


def test_refit_is_logistic_regression():
    from sklearn.linear_model import LogisticRegression

    reference = LogisticRegression(C=np.inf, tol=1e-8).fit(VALUES[:, :1], LABELS)
    start = Expression.parse("0.1*z3 + 0.0001")
    fitted, loss = refit(start, VALUES, tuple(NAMES), LABELS, ONES)
    # cut scores and the small price on large ones make it differ a little
    assert fitted.constants[0] == pytest.approx(reference.coef_[0, 0], rel=0.1)
    assert fitted.constants[1] == pytest.approx(reference.intercept_[0], rel=0.1)
    scores = fitted.evaluate(dict(zip(NAMES, VALUES.T, strict=True)))
    assert loss == pytest.approx(fair_logistic(scores, LABELS, ONES).mean())


def test_refit_of_the_published_law_whose_labels_are_wrong_now_and_then():
    """Where one class is rare, wrong labels of the other must not bend the law."""
    generator = np.random.default_rng(4)
    names = ("z3", "z17", "z21", "z29")
    values, fresh = (generator.normal(size=(cells, 4)) for cells in (3000, 10_000))
    law = Expression.parse("z29*z17^2 + z29*z21^2 - exp(exp(z3))")
    sides = [law.evaluate(dict(zip(names, x.T, strict=True))) > 0 for x in (values, fresh)]
    target = (sides[0] ^ (generator.random(3000) < 0.02)) * 1.0
    start = Expression.parse("1.3*z29*z17^2 + 1.3*z29*z21^2 - 0.6*exp(exp(z3)) - 0.1")
    fitted, _ = refit(start, values, names, target, class_weights(target, balanced=True))
    said = fitted.evaluate(dict(zip(names, fresh.T, strict=True))) > 0
    assert (said == sides[1]).mean() > 0.995


def test_a_constant_of_balanced_classes_decides_nothing():
    generator = np.random.default_rng(0)
    target = (generator.random(331) < 0.07) * 1.0
    values, weights = generator.normal(size=(331, 1)), class_weights(target, balanced=True)
    fitted, loss = refit(constant(0.4), values, ("z0",), target, weights)
    assert fitted == constant(0.0)
    assert loss == pytest.approx(np.log(2))


def test_refit_of_constants_inside():
    start = Expression.parse("exp(0.3*z3) - 1.5*tanh(z17*0.2) - 2")
    fitted, loss = refit(start, VALUES, tuple(NAMES), LABELS, ONES)
    before = logistic(start.evaluate(dict(zip(NAMES, VALUES.T, strict=True))), LABELS).mean()
    assert loss < before - 0.05
    assert fitted.size == start.size


@given(expressions)
@settings(max_examples=60, deadline=None)
def test_refit_is_never_worse_and_never_raises(expression):
    weights = class_weights(LABELS, True)
    fitted, loss = refit(expression, VALUES, tuple(NAMES), LABELS, weights, steps=5)
    columns = dict(zip(NAMES, VALUES.T, strict=True))
    before = np.broadcast_to(expression.evaluate(columns), (500,))
    after = np.broadcast_to(fitted.evaluate(columns), (500,))
    losses = [fair_logistic(scores, LABELS, weights) for scores in (before, after)]
    assert np.average(losses[1], weights=weights) == pytest.approx(loss)
    assert loss <= np.average(losses[0], weights=weights) + 1e-12


def test_separable_classes_do_not_run_away():
    target = (VALUES[:, 0] > 0) * 1.0
    fitted, loss = refit(Expression.parse("1.1*z3"), VALUES, tuple(NAMES), target, ONES)
    assert loss < 0.05
    assert 1 < fitted.constants[0] < 1e4


def test_losses():
    scores = np.array([0.0, np.inf, -np.inf, np.nan, 1e300])
    loss = logistic(scores, np.array([1.0, 1, 1, 1, 0]))
    assert loss[0] == pytest.approx(np.log(2))
    assert loss[1] < 0.02
    assert loss[2] == loss[3] == loss[4] == pytest.approx(np.log1p(np.exp(4)))
    weights = class_weights(np.array([1.0, 0, 0, 0]), True)
    assert weights.mean() == pytest.approx(1)
    assert weights[0] == pytest.approx(weights[1:].sum())
    assert balanced_accuracy(np.array([1, np.nan, -1, 1]), np.array([1.0, 1, 0, 0])) == 0.5


def test_a_law_that_grows_on_is_as_good_as_one_that_levels_off_where_labels_are_wrong():
    generator = np.random.default_rng(2)
    law = 3 * generator.normal(size=20_000) - 3.5
    target = ((law > 0) ^ (generator.random(20_000) < 0.02)) * 1.0
    weights = class_weights(target, True)

    def mean(losses):
        return np.average(losses, weights=weights)

    grown = 100 * law
    wrong, right = (weights[(law < 0) & (target == kind)].sum() for kind in (1, 0))
    levelled = np.where(law > 0, 4.0, np.log(wrong / right))
    assert mean(logistic(grown, target)) > 1.2 * mean(logistic(levelled, target))
    fair = [mean(fair_logistic(scores, target, weights)) for scores in (grown, levelled)]
    assert fair[0] == pytest.approx(fair[1], rel=0.02)
    # neither is called wrong where it is right, and a score that knows little is left alone
    assert mean(fair_logistic(-grown, target, weights)) > 1
    unsure = np.clip(law, -1, 1)
    assert_array_equal(fair_logistic(unsure, target, weights), logistic(unsure, target))


def test_a_sharp_law_is_not_dearer_than_one_that_levels_off():
    generator = np.random.default_rng(3)
    values = generator.normal(size=(4000, 3))
    target = ((values.prod(axis=1) > 0) ^ (generator.random(4000) < 0.02)) * 1.0
    losses = [
        refit(Expression.parse(text), values, ("z3", "z17", "z21"), target, np.ones(4000))[1]
        for text in ("10*z3*z17*z21", "2.5*exp(exp(10*z3*z17*z21)) - 6.5")
    ]
    assert losses[0] < losses[1] + 3e-4


def test_standard_error_knows_groups():
    """Doubling every cell inside its group adds no knowledge, doubling the groups does."""
    losses = np.random.default_rng(0).random(60)
    groups = np.repeat(np.arange(12), 5)
    mean, error = mean_and_error(losses, np.ones(60), groups)
    twice = mean_and_error(np.tile(losses, 2), np.ones(120), np.tile(groups, 2))
    assert twice == pytest.approx((mean, error))
    more = mean_and_error(np.tile(losses, 2), np.ones(120), np.arange(120) // 5)
    assert more[1] == pytest.approx(error / np.sqrt(2), rel=0.05)
    alone = mean_and_error(losses, np.ones(60), np.zeros(60))
    assert alone[1] == pytest.approx(losses.std(ddof=1) / np.sqrt(60))


def test_rounding_stops_where_cells_would_flip():
    values = np.linspace(0.1231, 0.1239, 2000)[:, None]
    digits, flips = digits_that_hold(Expression.parse("z3 - 0.1234567"), values, ("z3",))
    assert digits >= 4
    assert flips <= 2
    assert digits_that_hold(Expression.parse("z3 - 5.1234567"), values, ("z3",)) == (2, 0)


def test_dominance():
    front = non_dominated(
        [
            candidate("z3", 0.5),
            candidate("z17", 0.4),
            candidate("z3 + 1", 0.45),
            candidate("z3 + z17", 0.2),
            candidate("z3 + z17 + 1", 0.2),
        ]
    )
    assert [str(c.expression) for c in front] == ["z17", "z3 + z17"]


def test_one_standard_error():
    front = [
        candidate("z3", validation=0.5, error=0.2),
        candidate("z3 + 1", validation=0.29, error=0.1),
        candidate("z3 + z17 + 1", validation=0.2, error=0.0),
        candidate("z3 + z17*2 + 1", validation=0.25, error=0.1),
    ]
    assert one_standard_error(front) == 1
    front[1] = dataclasses.replace(front[1], excess_error=0.05)
    assert one_standard_error(front) == 2


def test_what_is_no_better_than_a_coin_is_not_chosen_over_what_is():
    def few_cells(text, accuracy, loss, interval=(0.25, 0.7)):
        return candidate(
            text, 0.5, loss, 0.2, balanced_accuracy=accuracy, balanced_accuracy_interval=interval
        )

    coin = few_cells("-z17", 0.47, 0.71)
    larger = few_cells("z3*z17 + z3 - 0.5", 0.76, 0.6, (0.55, 0.95))
    assert one_standard_error([coin, larger]) == 1
    lucky = dataclasses.replace(coin, balanced_accuracy=0.56)
    assert one_standard_error([lucky, larger]) == 1
    assert one_standard_error([few_cells("z17", 0.7, 0.65, (0.51, 0.9)), larger]) == 0
    unclear = few_cells("z3*z17 + z3", 0.55, 0.69)
    assert one_standard_error([lucky, unclear]) == 0, "none is better than a coin"
    assert one_standard_error([coin, unclear]) == 1
    alone = [dataclasses.replace(each, balanced_accuracy_interval=None) for each in (coin, larger)]
    assert one_standard_error(alone) == 1, "of one group no interval is known"


def test_a_handful_of_cells_does_not_make_an_equation_better():
    """Scores that are certain of nearly all cells differ by single ones."""
    target = np.arange(1000) % 2.0
    wrong = np.arange(20)
    cells = SplitCells(
        np.zeros((1000, 1)), np.zeros(1000), target, np.arange(1000) % 50, np.ones(1000, bool)
    )

    def judgement(text, wrong, unsure=()):
        scores = 300 * (2 * target - 1)
        scores[wrong] *= -1
        scores[list(unsure)] /= 600
        losses = logistic(scores, target)
        return Judgement(candidate(text, 0.1, losses.mean()), losses, scores)

    few = [judgement("z3", wrong, [1]), judgement("z3 + 1", wrong[2:], [1])]
    assert one_standard_error(compared(few, cells, EquationsConfig())) == 0
    many = [judgement("z3", np.arange(60)), judgement("z3 + 1", wrong)]
    assert one_standard_error(compared(many, cells, EquationsConfig())) == 1


def test_pysr_scores():
    """As PySR has them in its table of equations."""
    front = [candidate("z3", 0.5), candidate("z3 + 1", 0.25), candidate("z3 + z17 + 1", 0.25)]
    assert pysr_scores(front) == pytest.approx([0, np.log(2) / 2, 0])
    assert pysr_scores([candidate("z3", 0.5), candidate("z3 + 1", 0.0)])[1] == np.inf


def test_good_laws_are_as_good_as_the_best():
    front = Front(
        (
            candidate("z3", validation=0.5, error=0.1),
            candidate("z3 + 1", validation=0.3, error=0.1),
            candidate("z3 + z17 + 1", validation=0.25, error=0.0),
        ),
        1,
        ("z3", "z17"),
        laws=tuple(
            Law(Expression.parse(text), 3, members, (Search("quick", 0),))
            for text, members in (("z3", (0,)), ("z3 + z17 + 1", (2,)), ("z17", ()), ("z3", (1,)))
        ),
    )
    assert good_laws(front) == [3, 1, 2]
    assert [front.law_of(index) for index in range(3)] == [0, 3, 1]
    assert good_laws(front.choose(0)) == [0, 1, 3, 2]


def test_saved_fronts_come_back(tmp_path):
    law = Law(Expression.parse("z3"), 2, (0, 1), (Search("by hand", 0), Search("operon", 3)))
    better = candidate(
        "1.1*z3 - 0.1",
        0.4,
        accuracy=0.9,
        loss_interval=(0.3, 0.6),
        accuracy_interval=(0.8, 0.95),
        balanced_accuracy_interval=(0.7, 1.0),
    )
    front = Front(
        (candidate(), better),
        1,
        ("z3", "z17"),
        Judged(100, 5, 120),
        (Search("operon", 3), Search("quick", 0)),
        (law,),
    )
    front.save(tmp_path / "front.json")
    assert Front.load(tmp_path / "front.json") == front
    assert front.choice.unicode({"z3": -0.5}) == "1.1·(−0.5) − 0.1"
    assert front.choose(0).choice.size == 1
    with pytest.raises(UserError, match="number 7"):
        front.choose(7)


def test_fronts_of_format_1_open(tmp_path):
    """The file is one of that time."""
    front = Front.load(Path(__file__).with_name("front_format_1.json"))
    assert len(front.candidates) == 18
    assert front.choice.size == front.candidates[5].size
    assert (front.judged, front.searches, front.laws) == (None, (), ())
    assert front.choice.accuracy is None
    assert front.law_of(0) is None
    assert summary.headline(front) == "Laws are not known: search again"
    assert front_table(front)["cross_validated_loss_low"].isna().all()
    front.save(tmp_path / "front.json")
    assert Front.load(tmp_path / "front.json") == front


def _damage(path, change):
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda c: c.update(format_version=99), "newer"),
        (lambda c: c.update(format_version="1"), "format"),
        (lambda c: c.pop("candidates"), "'candidates' is missing"),
        (lambda c: c.update(candidates=[], laws=[]), "chosen"),
        (lambda c: c.update(chosen=5), "chosen"),
        (lambda c: c.update(chosen=True), "int"),
        (lambda c: c.update(variables=[3]), "str"),
        (lambda c: c["candidates"][0].update(expression="__import__('os')"), "read"),
        (lambda c: c["candidates"][0].update(expression="z99"), "z99"),
        (lambda c: c["candidates"][0].update(expression=3), "text"),
        (lambda c: c["candidates"][0].update(train_loss=float("nan")), "finite"),
        (lambda c: c["candidates"][0].update(train_loss="x"), "float"),
        (lambda c: c["candidates"][0].update(digits=0), "digits"),
        (lambda c: c.update(candidates=3), "damaged"),
        (lambda c: c["candidates"][0].update(digits=10**10), "digits"),
        (lambda c: c["candidates"][0].update(train_loss=10**400), "damaged"),
        (lambda c: c["candidates"][0].update(accuracy="x"), "float"),
        (lambda c: c["candidates"][0].update(loss_interval=[1]), "damaged"),
        (lambda c: c["candidates"][0].update(loss_interval=[1, float("inf")]), "finite"),
        (lambda c: c["laws"][0].update(members=[1]), "not there"),
        (lambda c: c["laws"][0].update(members=[-1]), "not there"),
        (lambda c: c["laws"][0].update(expression="z99"), "z99"),
        (lambda c: c["laws"][0].update(found_by=[["quick"]]), "damaged"),
        (lambda c: c.update(searches=3), "damaged"),
        (lambda c: c.update(judged={"cells": 3}), "'groups' is missing"),
    ],
)
def test_damaged_fronts_are_one_sentence(tmp_path, change, what):
    path = tmp_path / "front.json"
    law = Law(Expression.parse("z3"), 3, (0,), (Search("quick", 0),))
    Front((candidate(),), 0, ("z3",), laws=(law,)).save(path)
    _damage(path, change)
    with pytest.raises(UserError, match=what) as caught:
        Front.load(path)
    assert "\n" not in str(caught.value)
    path.write_text("[]")
    with pytest.raises(UserError, match="damaged"):
        Front.load(path)


def test_a_front_of_constants_can_be_saved(tmp_path):
    front = Front((dataclasses.replace(candidate(), expression=constant(0.25)),), 0, ())
    front.save(tmp_path / "front.json")
    assert Front.load(tmp_path / "front.json") == front
