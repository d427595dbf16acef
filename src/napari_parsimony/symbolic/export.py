"""Equations as code and tables that other programs read."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from napari_parsimony.symbolic.class_scores import ZERO, ClassScores, Equation, expressions_of
from napari_parsimony.symbolic.expression import Expression
from napari_parsimony.symbolic.render import _ATOM, _SIGN, _Piece, _Plain

if TYPE_CHECKING:
    import pandas as pd

    from napari_parsimony.symbolic.front import Front


def python_function(equation: Equation, classes: Sequence[str]) -> str:
    """Write numpy functions that can be run as they stand, with all digits.

    Parameters
    ----------
    equation
        What to write.
    classes
        Names of the classes; of two, those below and above 0.
    """
    if isinstance(equation, ClassScores):
        return _python_of_classes(equation)
    names = equation.variables
    below, above = (_in_docstring(name) for name in classes)
    lines = [
        "import numpy as np",
        "",
        "",
        f"def score({', '.join(names)}):",
        f'    """Above 0: {above}; below 0: {below}; latents as numbers or arrays."""',
        *(f"    {name} = np.asarray({name}, dtype=float)" for name in names),
        '    with np.errstate(all="ignore"):',
        f"        return {_Numpy().write(equation)[0]}",
    ]
    return "\n".join(lines) + "\n"


def _python_of_classes(equation: ClassScores) -> str:
    arguments = ", ".join(equation.variables)
    lines = [
        "import numpy as np",
        "",
        f"CLASSES = {equation.classes!r}",
        "",
        "",
        f"def scores({arguments}):",
        '    """The largest is the class; (..., classes), NaN where one is not finite."""',
        *(f"    {name} = np.asarray({name}, dtype=float)" for name in equation.variables),
        '    with np.errstate(all="ignore"):',
        "        each = np.broadcast_arrays(",
        *(f"            {_Numpy().write(each)[0]},  # {_in_docstring(name)}"
          for name, each in equation.lines),
        "        )",
        "    found = np.stack(each, axis=-1)",
        "    return np.where(np.isfinite(found).all(axis=-1, keepdims=True), found, np.nan)",
        "",
        "",
        f"def probabilities({arguments}):",
        '    """Softmax of the scores, (..., classes)."""',
        f"    found = scores({arguments})",
        "    odds = np.exp(found - found.max(axis=-1, keepdims=True))",
        "    return odds / odds.sum(axis=-1, keepdims=True)",
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def _in_docstring(name: str) -> str:
    return " ".join(name.replace("\\", "/").replace('"', "'").split())


def sympy_code(equation: Equation) -> str:
    """Write Python lines that make the equation a sympy expression, with all digits.

    Of more than two classes they make ``scores`` and ``probabilities``, by the names of classes.
    """
    names, parts = equation.variables, expressions_of(equation)
    used = {node.op for each in parts for node in each.nodes}
    if isinstance(equation, ClassScores):
        used.add("exp")  # of the softmax
    functions = [_Sympy.functions.get(op, op) for op in _CALLED if op in used]
    lines = [f"from sympy import {', '.join(sorted([*functions, 'Float', 'symbols']))}", ""]
    if names:
        comma = "," if len(names) == 1 else ""
        lines.append(f'{", ".join(names)}{comma} = symbols("{" ".join(names)}{comma}", real=True)')
    if isinstance(equation, ClassScores):
        lines += [
            "scores = {",
            *(f"    {name!r}: {_Sympy().write(each)[0]}," for name, each in equation.lines),
            "}",
            "total = sum(exp(score) for score in scores.values())",
            "probabilities = {name: exp(score) / total for name, score in scores.items()}",
        ]
    else:
        lines.append(f"score = {_Sympy().write(equation)[0]}")
    return "\n".join(lines) + "\n"


def front_table(front: "Front") -> "pd.DataFrame":
    """Make a table of a front, one row an equation, by size."""
    import pandas as pd

    from napari_parsimony.symbolic.choice import pysr_scores

    scores = pysr_scores(front.candidates)
    rows = []
    for index, candidate in enumerate(front.candidates):
        law = front.law_of(index)
        low, high = candidate.loss_interval or (None, None)
        least, most = candidate.accuracy_interval or (None, None)
        fewest, highest = candidate.balanced_accuracy_interval or (None, None)
        rows.append(
            {
                "size": candidate.size,
                "chosen": index == front.chosen,
                "cross_validated_loss": candidate.validation_loss,
                "cross_validated_loss_low": low,
                "cross_validated_loss_high": high,
                "standard_error": candidate.validation_error,
                "standard_error_of_difference_to_best": candidate.excess_error,
                "training_loss": candidate.train_loss,
                "pysr_score": scores[index],
                "cross_validated_accuracy": candidate.accuracy,
                "cross_validated_accuracy_low": least,
                "cross_validated_accuracy_high": most,
                "cross_validated_balanced_accuracy": candidate.balanced_accuracy,
                "cross_validated_balanced_accuracy_low": fewest,
                "cross_validated_balanced_accuracy_high": highest,
                "agreement_with_sparse_network": candidate.agreement,
                "digits_shown": candidate.digits,
                "cells_that_flip_when_rounded": candidate.flips,
                "law": None if law is None else law + 1,
                "law_found_by": None if law is None else len(front.laws[law].found_by),
                "searches": len(front.searches) or None,
                "engine": candidate.engine,
                "seed": candidate.seed,
                "equation": str(candidate.expression),
                "latex": candidate.latex(),
                **_of_each_class(candidate.expression),
            }
        )
    return pd.DataFrame(rows)


def _of_each_class(equation: Equation) -> dict[str, object]:
    if not isinstance(equation, ClassScores):
        return {}
    columns: dict[str, object] = {}
    for name, each in equation.lines:
        columns |= {f"size {name}": 0 if each == ZERO else each.size, f"equation {name}": str(each)}
    return columns


_CALLED = ("min", "max", "exp", "log", "sqrt", "abs", "sin", "cos", "tanh")


class _Code(_Plain):
    """Python's notation with the functions of a library."""

    functions: ClassVar[dict[str, str]]
    special: ClassVar[dict[str, str]]

    def write(self, node: Expression) -> _Piece:
        if node.args and not node.variables:
            # Python's own numbers raise where IEEE says infinity, and become complex
            return self.number(float(node.evaluate({})))
        return super().write(node)

    def number(self, value: float) -> _Piece:
        if not np.isfinite(value):
            text = self.special["nan" if np.isnan(value) else "inf"]
            return (f"-{text}", _SIGN) if value < 0 else (text, _ATOM)
        return super().number(value)

    def call(self, function: str, args: list[str]) -> str:
        return super().call(self.functions.get(function, function), args)


class _Numpy(_Code):
    functions: ClassVar = {
        **{name: f"np.{name}" for name in _CALLED},
        "min": "np.minimum",
        "max": "np.maximum",
    }
    special: ClassVar = {"nan": "np.nan", "inf": "np.inf"}


class _Sympy(_Code):
    functions: ClassVar = {"min": "Min", "max": "Max", "abs": "Abs"}
    special: ClassVar = {"nan": "Float('nan')", "inf": "Float('inf')"}
