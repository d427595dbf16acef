"""Equations as code that runs elsewhere, and a front as a table."""

import io

import numpy as np
import pandas as pd
import pytest
import sympy
from hypothesis import given, settings

from napari_parsimony.symbolic.export import front_table, python_function, sympy_code
from napari_parsimony.symbolic.expression import Expression
from napari_parsimony.symbolic.front import Front, Law, Search

from .test_expression import LAW, NAMES, cells, expressions, stable
from .test_front import candidate


@given(expressions)
@settings(max_examples=200, deadline=None)
def test_the_numpy_function_gives_the_same_numbers(expression):
    values = cells()
    code = python_function(expression, ("rest\\ing", 'a "class"'))
    space = {}
    exec(compile(code, "score.py", "exec"), space)  # of a test: it is our own code
    used = {name: values[name] for name in expression.variables}
    found = np.broadcast_to(space["score"](**used), 40)
    # numpy's own powers differ in the last bit between one number and many
    fine = stable(expression, values)
    expected = np.broadcast_to(expression.evaluate(values), 40)
    np.testing.assert_allclose(found[fine], expected[fine], rtol=1e-9)
    one = space["score"](**{name: float(column[0]) for name, column in used.items()})
    if fine[0]:
        np.testing.assert_allclose(one, expected[0], rtol=1e-9)


def test_the_numpy_function_can_be_read():
    code = python_function(Expression.parse(LAW), ("interphase", "metaphase"))
    assert code.startswith("import numpy as np\n")
    assert "def score(z29, z17, z21, z3):" in code
    assert "Above 0: metaphase; below 0: interphase" in code
    assert "return z29*(z17**2 + z21**2) - np.exp(np.exp(z3))" in code


@pytest.mark.parametrize("text", [LAW, "0.5", "min(z3, abs(z17), 2)/sqrt(z21)", "z3 + 1/0"])
def test_sympy_code_runs(text):
    expression = Expression.parse(text)
    space = {}
    exec(compile(sympy_code(expression), "law.py", "exec"), space)
    names = expression.variables
    symbols = sympy.symbols(names, real=True)
    function = sympy.lambdify(symbols, space["score"], "numpy")
    values = {name: column[:1] ** 2 + 0.5 for name, column in cells().items()}
    found = function(*(values[name] for name in names))
    np.testing.assert_allclose(
        np.broadcast_to(np.asarray(found, float), 1), expression.evaluate(values) * np.ones(1)
    )


def test_the_table_of_a_front():
    known = {"loss_interval": (0.25, 0.36), "accuracy": 0.91, "accuracy_interval": (0.85, 0.95)}
    larger = candidate("z3 + z17^2", 0.25, validation=0.3, flips=2, **known)
    law = Law(larger.expression, 3, (1,), (Search("operon", 1), Search("quick", 0)))
    front = Front(
        (candidate(), larger), 1, tuple(NAMES), searches=(Search("quick", 0),) * 3, laws=(law,)
    )
    text = front_table(front).to_csv(index=False)
    table = pd.read_csv(io.StringIO(text))
    assert table["size"].tolist() == [1, 4]
    assert table["chosen"].tolist() == [False, True]
    assert table["cross_validated_loss"].tolist() == [0.5, 0.3]
    second = table.loc[1]
    assert second["cross_validated_loss_low"] == 0.25
    assert second["cross_validated_accuracy_high"] == 0.95
    assert second["pysr_score"] == pytest.approx(np.log(2) / 3)
    assert second["cells_that_flip_when_rounded"] == 2
    assert (second["law"], second["law_found_by"], second["searches"]) == (1, 2, 3)
    assert table.loc[0].isna().sum() >= 5, "what is not known is empty"
    assert [Expression.parse(text) for text in table["equation"]] == [
        c.expression for c in front.candidates
    ]
