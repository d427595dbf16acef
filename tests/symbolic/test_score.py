"""How good an equation is that somebody writes."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings

from napari_parsimony.symbolic.expression import Expression
from napari_parsimony.symbolic.losses import balanced_accuracy, logistic
from napari_parsimony.symbolic.score import Cells

from .test_expression import expressions

NAMES = ("z3", "z17", "z21", "z29")
RNG = np.random.default_rng(0)
VALUES = RNG.normal(size=(600, 4))
LATENTS = pd.DataFrame(VALUES, columns=NAMES)
SPLIT = np.repeat(["train", "validation", "test"], 200)
TARGET = (RNG.random(600) < 1 / (1 + np.exp(-3 * VALUES[:, 0]))) * 1.0
TARGET[::7] = np.nan
LOGITS = VALUES[:, 0] + 0.1 * VALUES[:, 1]


def made(balanced=False):
    return Cells(LATENTS, LOGITS, TARGET, SPLIT, balanced)


def test_it_is_what_the_search_measures():
    expression = Expression.parse("2*z3 + 0.5")
    found = made().goodness(expression)
    assert set(found) == {"train", "validation"}
    for name, goodness in found.items():
        rows = name == SPLIT
        known = rows & np.isfinite(TARGET)
        scores = 2 * VALUES[:, 0] + 0.5
        assert goodness.loss == pytest.approx(logistic(scores[known], TARGET[known]).mean())
        assert goodness.balanced_accuracy == balanced_accuracy(scores[known], TARGET[known])
        assert goodness.agreement == np.mean((scores[rows] > 0) == (LOGITS[rows] > 0))


def test_test_cells_have_no_say():
    other = LATENTS.copy()
    other[SPLIT == "test"] = np.nan
    expression = Expression.parse("z3 - z17")
    changed = Cells(other, LOGITS, TARGET, SPLIT, False)
    assert changed.goodness(expression) == made().goodness(expression)
    assert changed.refitted(expression) == made().refitted(expression)


def test_refitting_lowers_the_loss_and_can_be_read():
    cells = made(balanced=True)
    before = Expression.parse("0.1*z3 - 1")
    after = cells.refitted(before)
    assert cells.goodness(after)["train"].loss < cells.goodness(before)["train"].loss
    assert len(str(after)) < 25, "rounded as far as that holds"
    assert cells.refitted(Expression.parse("z3")) == Expression.parse("z3")


def test_a_part_of_one_class_is_left_out():
    target = np.where(SPLIT == "validation", 1.0, TARGET)
    cells = Cells(LATENTS, LOGITS, target, SPLIT, True)
    assert cells.parts == ("train",)
    assert set(cells.goodness(Expression.parse("z3"))) == {"train"}


@given(expressions)
@settings(max_examples=60, deadline=None)
def test_anything_that_can_be_written_can_be_scored(expression):
    for goodness in made().goodness(expression).values():
        assert 0 <= goodness.loss <= 4.1
        assert 0 <= goodness.balanced_accuracy <= 1
        assert 0 <= goodness.agreement <= 1


def test_of_many_cells_a_sample_is_scored(monkeypatch):
    monkeypatch.setattr("napari_parsimony.symbolic.score.MOST_CELLS", 100)
    few, again, all_of_them = made(), made(), Expression.parse("z3")
    assert few.goodness(all_of_them) == again.goodness(all_of_them)
    assert few.goodness(all_of_them)["train"].loss == pytest.approx(0.4, abs=0.2)
