"""Shorter, and still the same function."""

import numpy as np
import pytest
from hypothesis import given, settings

from napari_parsimony.symbolic.evaluate import jacobian
from napari_parsimony.symbolic.expression import Expression
from napari_parsimony.symbolic.shorten import variants

from .test_expression import NAMES, cells, expressions, stable


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ("x*1 + 0", "x"),
        ("2*(3*x+1) - 6*x + y", "y + 2"),
        ("x*x*x", "x**3"),
        ("-(-x)", "x"),
        ("x + -1*y", "x - y"),
        ("2*x*z + 2*y*z", "2*(z*(x + y))"),
        ("a*b + a*c - d*a", "a*(b + c - d)"),
        (
            "0.5*((1.2*z17)^2 + (1.2*z21)^2)*z29*2 - 1*exp(1*exp(z3)) + 0",
            "1.44*(z29*(z17**2 + z21**2)) - exp(exp(z3))",
        ),
        ("3/(x+y)*2", "6/(x + y)"),
        ("exp(2-2)*x", "x"),
        ("x/x", "1"),
        ("x/0", "x/0"),
        ("log(0-1)", "log(-1)"),
        ("(39*x)^2 - (2*y - 39*x)^2", "y*(156*x - 4*y)"),
        ("-1.5 - x", "-1.5 - x"),
        ("1 - exp(2*x)", "1 - exp(2*x)"),
        ("2*(a - exp(3*x)) - a", "a - 2*exp(3*x)"),
        ("5*(z29*(a^2 + b^2)) - 5*exp(c)", "5*(z29*(a**2 + b**2) - exp(c))"),
        ("abs(x)*abs(x)", "abs(x)**2"),
    ],
)
def test_examples(text, short):
    assert str(Expression.parse(text).simplified()) == short


@given(expressions)
@settings(max_examples=150, deadline=None)
def test_never_longer_and_the_same_where_all_is_moderate(expression):
    short = expression.simplified()
    assert short.size <= expression.size
    values = cells()
    everything = [node.evaluate(values) for node in expression.nodes]
    fine = stable(expression, values)
    for part in everything:
        fine = fine & np.isfinite(part) & (np.abs(part) < 1e6)
    for node in expression.nodes:
        if node.op == "div":
            fine = fine & (np.abs(node.args[1].evaluate(values)) > 1e-3)
    before = np.broadcast_to(expression.evaluate(values), (40,))[fine]
    after = np.broadcast_to(short.evaluate(values), (40,))[fine]
    # cancellation: an error in proportion to the largest number on the way
    largest = max(np.abs(np.broadcast_to(p, (40,))[fine]).max(initial=1) for p in everything)
    slopes = [op for op in (node.op for node in expression.nodes) if op in ("exp", "cube", "pow")]
    np.testing.assert_allclose(after, before, rtol=1e-6, atol=1e-9 * largest * 10 ** len(slopes))


def test_simplifying_twice_changes_nothing_and_order_does_not_matter():
    one = Expression.parse("a*b + 2*c - 1").simplified()
    assert one.simplified() == one
    assert Expression.parse("-1 + c*2 + b*a").simplified() == one


def test_variants_are_shorter():
    law = Expression.parse("1.1*z29*(0.9*z17^2 + 1.2*z21^2) - exp(exp(z3)) + 0.01")
    found = {str(variant.rounded(6)) for variant in variants(law)}
    assert all(variant.size < law.size for variant in variants(law))
    # without the last number, with a number that two terms share, with a factor of one
    assert "z29*(0.99*z17**2 + 1.32*z21**2) - exp(exp(z3))" in found
    assert "1.155*(z29*(z17**2 + z21**2)) - exp(exp(z3)) + 0.01" in found
    assert "z29*(0.9*z17**2 + 1.2*z21**2) - exp(exp(z3)) + 0.01" in found
    assert variants(Expression.parse("z1")) == []


@given(expressions)
@settings(max_examples=60, deadline=None)
def test_derivatives_by_constants_agree_with_torch(expression):
    torch = pytest.importorskip("torch")
    from napari_parsimony.symbolic.evaluate import evaluate_torch

    values = cells(6)
    value, derivatives = jacobian(expression, values, 6)
    np.testing.assert_equal(value, np.broadcast_to(expression.evaluate(values), (6,)))
    constants = [torch.tensor(c, dtype=torch.float64) for c in expression.constants]
    if not constants or not np.isfinite(value).all() or np.abs(value).max() > 1e10:
        return
    tensors = {name: torch.tensor(values[name]) for name in NAMES}
    expected = torch.autograd.functional.jacobian(
        lambda *numbers: evaluate_torch(expression, tensors, numbers).expand(6), tuple(constants)
    )
    expected = np.stack([column.numpy() for column in expected])
    fine = (
        stable(expression, values)
        & np.isfinite(expected)
        & np.isfinite(derivatives)
        & (np.abs(expected) < 1e12)
    )
    kinks = {"abs", "min", "max"} & {node.op for node in expression.nodes}
    if not kinks:  # at a kink every slope between both sides is a derivative
        np.testing.assert_allclose(derivatives[fine], expected[fine], rtol=1e-6, atol=1e-9)
