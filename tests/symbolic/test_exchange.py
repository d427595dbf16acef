"""Terms chosen by the classes themselves, and scores no larger than the cells call for."""

import numpy as np
import pandas as pd
import pytest

from napari_parsimony.progress import silent
from napari_parsimony.symbolic.config import EquationsConfig
from napari_parsimony.symbolic.exchange import exchanged
from napari_parsimony.symbolic.expression import Expression
from napari_parsimony.symbolic.fitting import fitting
from napari_parsimony.symbolic.lapses import MANY
from napari_parsimony.symbolic.laws import terms_of
from napari_parsimony.symbolic.losses import class_weights
from napari_parsimony.symbolic.scale import calmed, scaled
from napari_parsimony.symbolic.search import search_front
from napari_parsimony.symbolic.splits import SplitCells

NAMES = ("z3", "z17", "z21", "z29")
LAW = Expression.parse("z29*(z17^2 + z21^2) - exp(exp(z3))")


def drawn(cells, law=LAW, flipped=0.02, seed=0):
    """Latents, and classes of which some are wrong."""
    generator = np.random.default_rng(seed)
    values = generator.normal(size=(cells, 4))
    score = law.evaluate(pd.DataFrame(values, columns=NAMES))
    return values, score, ((score > 0) ^ (generator.random(cells) < flipped)) * 1.0


def test_the_published_law_is_found_from_scores_that_a_network_has_smoothed():
    values, score, target = drawn(3000)
    smooth = 3 * np.tanh(score / 3 + 0.5)
    movies = np.arange(3000) % 50
    split = np.where(movies < 40, "train", "validation")
    front = search_front(
        pd.DataFrame(values, columns=NAMES), smooth, target, split, movies,
        EquationsConfig(engines=("quick",)), silent,
    )  # fmt: skip
    found = front.choice.expression
    assert terms_of(found) == terms_of(LAW)
    fresh, true, _ = drawn(10_000, seed=1)
    said = found.evaluate(pd.DataFrame(fresh, columns=NAMES)) > 0
    assert (said == (true > 0)).mean() > 0.995
    assert max(map(abs, found.constants), default=0.0) < 1000


def cells_of(values, target):
    rows = np.arange(len(target))
    return SplitCells(values, target, target, rows, np.ones(len(rows), bool))


@pytest.mark.parametrize("start", ["z29*exp(0.1*z17 + z21*z3)", "0.5", "sin(3.7*z17)*z29"])
def test_whatever_it_starts_from_it_is_no_worse(start):
    values, _, target = drawn(MANY, Expression.parse("z29 - z17^2 + z3*z21"))
    cells = cells_of(values, target)
    fit = fitting(cells, NAMES, balanced=True)
    first = [fit(Expression.parse(start), ("quick", 0)), fit(Expression.parse("z3"), ("quick", 0))]
    better = exchanged(first, cells, NAMES, True, lambda done: None)
    assert {origin for _, origin in better} <= set(first)
    losses = [fit(expression, ("quick", 0)).loss for expression, _ in better]
    assert min(losses) < min(member.loss for member in first) - 0.05


def test_nothing_is_made_of_latents_that_say_nothing():
    _, _, target = drawn(MANY)
    cells = cells_of(np.ones((MANY, 4)), target)
    number = fitting(cells, NAMES, balanced=True)(Expression.parse("0.5"), ("quick", 0))
    assert exchanged([number], cells, NAMES, True, lambda done: None) == []


def test_few_cells_choose_no_terms():
    values, _, target = drawn(MANY - 1)
    cells = cells_of(values, target)
    first = fitting(cells, NAMES, balanced=True)(Expression.parse("z3"), ("quick", 0))
    assert exchanged([first], cells, NAMES, True, lambda done: None) == []


@pytest.mark.parametrize(
    "text",
    [
        "12000*(z3 + z17*z21)",
        "900*z3 - 450*sin(2.5*z17) + 17",
        "-(3000/(z3 - 7)) + 2000*z17",
        "5000*z3/(2 + z17^2)",
    ],
)
def test_no_decision_changes_when_scores_get_smaller(text):
    law = Expression.parse(text)
    values, score, target = drawn(2000, law)
    weights = class_weights(target, balanced=True)
    calm = calmed(law, values, NAMES, target, weights)
    after = calm.evaluate(pd.DataFrame(values, columns=NAMES))
    np.testing.assert_array_equal(after > 0, score > 0)
    assert calm.size == law.size
    assert 4 <= np.median(abs(after)) < np.median(abs(score)) / 8


@pytest.mark.parametrize("text", ["z3 + 300*z17", "exp(900*z3) - 1000*z17", "2.5*z3 - 0.5", "3"])
def test_what_has_no_number_in_front_or_is_calm_stays(text):
    law = Expression.parse(text)
    values, _, target = drawn(500, Expression.parse("z3 + 300*z17"))
    assert calmed(law, values, NAMES, target, np.ones(500)) == law


def test_scaling_multiplies():
    for text in ("3*z3 - 2*z17*z21 + 1", "-(z3*(2*z17 - 4))", "z3/(4*z17)", "2"):
        expression = Expression.parse(text)
        table = dict(zip(NAMES, np.random.default_rng(0).normal(size=(4, 20)), strict=True))
        quarter = scaled(expression, 0.25)
        np.testing.assert_array_equal(quarter.evaluate(table), expression.evaluate(table) / 4)
