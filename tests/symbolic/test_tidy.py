"""Shorter forms that say the same of every cell."""

import numpy as np
import pytest
from hypothesis import given, settings

from napari_parsimony.symbolic.expression import Expression
from napari_parsimony.symbolic.tidy import UNSEEN, change, tidied

from .test_expression import NAMES, cells, expressions

VALUES = np.stack(list(cells(400).values()), axis=1) / 2


def tidy(text, values=VALUES):
    return str(tidied(Expression.parse(text), values, tuple(NAMES)))


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ("z3*z17 + z3*z21", "z3*(z17 + z21)"),
        ("(z3 + 1)^2 - z3^2 - 2*z3", "1"),
        ("z3 - exp(z17) + 0.0000001*z21", "z3 - exp(z17)"),
        ("z3 + 1e-20*exp(z17)", "z3"),
        ("1.0000001*z3 - 0.5", "z3 - 0.5"),
        ("z3*exp(0.000001*z17) - 0.5", "z3 - 0.5"),
        ("abs(z17^2 + 1)*z3", "z3*(z17**2 + 1)"),
        ("z3 - 0.5", "z3 - 0.5"),
        ("1000*(z3 - 0.5)", "1000*(z3 - 0.5)"),
    ],
)
def test_what_changes_nothing_is_dropped(text, short):
    found = Expression.parse(tidy(text))
    assert found.size == Expression.parse(short).size
    assert change(found, Expression.parse(short), VALUES, tuple(NAMES)).unseen


def test_a_form_that_moves_a_cell_is_refused():
    """One cell of 400 that a small term decides keeps the term."""
    values = VALUES.copy()
    values[7] = [0.0001, 0, -1, 0]  # z3, z17, z21, z29
    assert tidy("z3 + 0.001*z21", values) == "z3 + 0.001*z21"
    assert tidy("z3 + 0.001*z21", np.delete(values, 7, axis=0)) in ("z3", "z3 + 0.001*z21")


def test_what_is_not_decided_stays_so():
    """x/x is 1, but for cells where x is 0; and log(x^2)/2 is decided where log(x) is not."""
    values = VALUES.copy()
    values[3, 0] = 0.0
    assert "z3/z3" in tidy("z17 + z3/z3", values)
    assert Expression.parse("z17 + z3/z3").simplified().size == 3
    assert (
        change(
            Expression.parse("log(z3)"), Expression.parse("log(abs(z3))"), VALUES, tuple(NAMES)
        ).flips
        == (VALUES[:, 0] < 0).sum()
    )


@given(expressions)
@settings(max_examples=40, deadline=None)
def test_any_equation_keeps_its_cells(expression):
    short = tidied(expression, VALUES[:60], tuple(NAMES))
    assert short.size <= expression.size
    columns = dict(zip(NAMES, VALUES[:60].T, strict=True))
    before = np.broadcast_to(expression.evaluate(columns), 60)
    after = np.broadcast_to(short.evaluate(columns), 60)
    np.testing.assert_array_equal(np.isnan(after), np.isnan(before))
    np.testing.assert_array_equal(after > 0, before > 0)
    known = ~np.isnan(before)
    assert np.abs(np.clip(after, -4, 4) - np.clip(before, -4, 4))[known].max(initial=0) <= UNSEEN
