"""The numbers, colours and lines of decision maps."""

import numpy as np
import pytest

from napari_parsimony.figures.palette import QUIET, SCORE_COLOURS, rgba
from napari_parsimony.figures.score_map import (
    LIMIT,
    MOST_CELLS,
    AlongLatent,
    boundary,
    drawn_cells,
    score_grid,
    score_picture,
)
from napari_parsimony.symbolic.expression import Expression

X, Y = AlongLatent("z3", -2, 2), AlongLatent("z17", -3, 3)


def test_rows_are_the_second_latent():
    x, y, scores = score_grid(Expression.parse("z3 - 10*z17 + z21"), X, Y, {"z21": 0.5}, 21)
    assert scores.shape == (21, 21)
    np.testing.assert_allclose(scores, x - 10 * y[:, None] + 0.5)
    assert (x[0], x[-1]) == X.limits


def test_colours_are_those_of_scores():
    picture = score_picture(np.array([[-LIMIT, -99, 0, LIMIT, np.inf, np.nan]]))[0] / 255
    first, middle, last = (rgba(colour)[:3] for colour in SCORE_COLOURS)
    expected = [first, first, middle, last, last, rgba(QUIET)[:3]]
    np.testing.assert_allclose(picture, expected, atol=0.01)


def test_the_line_is_where_the_score_is_zero():
    circle = Expression.parse("exp(z3^2 + z17^2) - exp(1.44)")
    (line,) = boundary(*score_grid(circle, X, Y, {}, 161))
    np.testing.assert_allclose(np.hypot(*line.T), 1.2, atol=0.03)
    assert boundary(*score_grid(Expression.parse("z3^2 + 1"), X, Y, {}, 21)) == []


@pytest.mark.parametrize(
    "text", ["log(z3)", "1/z3", "z3^-0.5", "exp(exp(exp(9*z17)))", "-1/z3^2", "0", "log(-1)", "z3"]
)
def test_every_equation_has_a_map(text):
    x, y, scores = score_grid(Expression.parse(text), X, Y, {}, 15)
    assert score_picture(scores).shape == (15, 15, 3)
    for line in boundary(x, y, scores):
        assert np.isfinite(line).all()
        assert (abs(line[:, 0]) <= X.limits[1]).all()


def test_of_many_cells_always_the_same_are_drawn():
    known = np.arange(5 * MOST_CELLS) % 2 == 0
    rows = drawn_cells(known)
    assert len(rows) == MOST_CELLS
    assert known[rows].all()
    np.testing.assert_array_equal(rows, drawn_cells(known))
    np.testing.assert_array_equal(drawn_cells(known[:9]), [0, 2, 4, 6, 8])
