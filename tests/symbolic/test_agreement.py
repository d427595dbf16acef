"""One value, or one NaN, in every notation: also where numbers overflow or are not defined."""

import re

import numpy as np
import pytest
import sympy
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_parsimony.symbolic.expression import Expression, apply, constant, variable

from .test_expression import NAMES, expressions, stable

EDGES = [0.0, 1.0, -1.0, 0.5, -3.7, 2.0, 1e-300, -1e-5, 40.0, 800.0, -1e155, 1e200]
edges = st.lists(st.sampled_from(EDGES), min_size=8, max_size=8)
tables = st.fixed_dictionaries({name: edges.map(np.array) for name in NAMES})


def same(found, expression, values):
    expected = np.broadcast_to(expression.evaluate(values), (8,))
    fine = stable(expression, values)
    found = np.broadcast_to(np.asarray(found, float), (8,))
    # infinity and NaN too must be in the same places
    np.testing.assert_allclose(found[fine], expected[fine], rtol=1e-6, atol=1e-300)


@given(expressions, tables)
@settings(max_examples=200, deadline=None)
def test_reading_what_was_printed(expression, values):
    again = Expression.parse(str(expression)).evaluate(values)
    np.testing.assert_array_equal(again, expression.evaluate(values))


@given(expressions, tables)
@settings(max_examples=200, deadline=None)
def test_torch(expression, values):
    found = expression.torch({name: torch.tensor(column) for name, column in values.items()})
    same(found.numpy(), expression, values)


@given(expressions, tables)
@settings(max_examples=40, deadline=None)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_sympy(expression, values):
    """Numbers are put in as arrays: Python's own raise where IEEE has an infinity."""
    numbers = {}

    def lifted(node):
        if node.value is not None:
            name = f"c{len(numbers)}"
            numbers[name] = np.full(8, node.value)
            return variable(name)
        return apply(node.op, *map(lifted, node.args)) if node.args else node

    general = lifted(expression)
    columns = {**values, **numbers}
    symbols = [sympy.Symbol(name, real=True) for name in columns]
    function = sympy.lambdify(symbols, general.sympy(), "numpy")
    with np.errstate(all="ignore"):
        found = function(*columns.values())
    same(found, expression, values)


@given(expressions, tables)
@settings(max_examples=200, deadline=None)
def test_latex(expression, values):
    """What people read, read again by the rules of LaTeX."""
    again = Expression.parse(read_latex(expression.latex(digits=None)))
    same(again.evaluate(values), expression, values)


@pytest.mark.parametrize(
    "text", ["exp(exp(z3))", "1/z3", "log(z3)", "z3^0.5", "0/z3", "max(z3, log(z17))", "2^1e3*z3"]
)
def test_the_edges_are_met(text):
    """What the random ones are for: these are infinite or undefined somewhere."""
    expression = Expression.parse(text)
    values = {name: np.array(EDGES[:8] if name == "z17" else EDGES[-8:]) for name in NAMES}
    values["z3"][:2] = 0, -2
    assert not np.isfinite(expression.evaluate(values)).all()
    same(expression.torch({n: torch.tensor(c) for n, c in values.items()}), expression, values)
    same(Expression.parse(read_latex(expression.latex(None))).evaluate(values), expression, values)


_TOKEN = re.compile(
    r"\s*(\\left[(|]|\\right[)|]|\\[a-z]+|\\,|[A-Za-z]_\{\d+\}|\d+\.?\d*(?:e-?\d+)?|[A-Za-z]+"
    r"|[-+/^{},])"
)
_PLAIN = {
    r"\left(": "(", r"\right)": ")", r"\left|": "abs(", r"\right|": ")", r"\,": "*",
    r"\cdot": "*", r"\times": "*",
}  # fmt: skip


def read_latex(text):
    """Write LaTeX as Python does, by its own structure: braces group, ``\\frac`` divides."""
    tokens, place = [], 0
    while place < len(text.rstrip()):
        match = _TOKEN.match(text, place)
        assert match, text[place:]
        tokens.append(match[1])
        place = match.end()
    position = iter(tokens)

    def group():
        assert next(position) == "{"
        return until("}")

    def until(end):
        out = ""
        for token in position:
            if token == end:
                return out
            if token == r"\frac":
                out += f"(({group()})/({group()}))"
            elif token == r"\sqrt":
                out += f"sqrt({group()})"
            elif token == "^":
                out += f"^({group()})"
            elif re.fullmatch(r"[A-Za-z]_\{\d+\}", token):
                out += token[0] + token[3:-1]
            else:
                out += _PLAIN.get(token, token.lstrip("\\"))
        assert end is None
        return out

    return until(None)


def test_the_reader_of_latex_knows_its_brackets():
    assert read_latex(r"\frac{z_{3} + 1}{2 \, x}^{2}") == "((z3+1)/(2*x))^(2)"
    with pytest.raises(StopIteration):
        read_latex(r"\frac{z_{3}}")
    assert constant(2.5).latex(None) == "2.5"
