"""The equation of more than two classes: an expression for each, which decide together."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_parsimony.errors import UserError
from napari_parsimony.symbolic.expression import Expression, constant

ZERO = constant(0.0)


@dataclass(frozen=True)
class ClassScores:
    """One expression for each class; the softmax of their values are the probabilities.

    Only differences between the scores count, so that the expression of a class may be 0: the
    others are then logarithms of odds against it.

    Attributes
    ----------
    classes
        Names of the classes, three or more.
    expressions
        Of each class, in this order.

    Raises
    ------
    UserError
        If there is not one expression for each of three or more classes.
    """

    classes: tuple[str, ...]
    expressions: tuple[Expression, ...]

    def __post_init__(self) -> None:
        if len(self.classes) < 3 or len(set(self.classes)) < len(self.classes):
            raise UserError(
                f"Three or more classes with different names are needed, not "
                f"{', '.join(self.classes) or 'none'}."
            )
        if len(self.classes) != len(self.expressions):
            raise UserError(
                f"There are {len(self.expressions)} expressions for the {len(self.classes)} "
                f"classes {', '.join(self.classes)}."
            )

    def __str__(self) -> str:
        """Python's notation, exact: ``interphase: z3 - 1.5; metaphase: 0; …``."""
        return "; ".join(f"{name}: {each}" for name, each in self.lines)

    @property
    def lines(self) -> Iterator[tuple[str, Expression]]:
        """Name and expression of each class."""
        return zip(self.classes, self.expressions, strict=True)

    @cached_property
    def size(self) -> int:
        """Sum of the sizes; an expression that is 0 counts nothing, as there is none to read."""
        return sum(each.size for each in self.expressions if each != ZERO)

    @cached_property
    def variables(self) -> tuple[str, ...]:
        """Names of the variables, each once, in order of appearance."""
        return tuple(dict.fromkeys(name for each in self.expressions for name in each.variables))

    @cached_property
    def constants(self) -> tuple[float, ...]:
        """The numbers that may be fitted, class after class; a 0 that stands alone is none."""
        return tuple(number for each in self.expressions for number in numbers_of(each))

    # Making others

    def replaced(self, which: int, expression: Expression) -> "ClassScores":
        """Put another expression in the place of one class's."""
        changed = (*self.expressions[:which], expression, *self.expressions[which + 1 :])
        return ClassScores(self.classes, changed)

    def with_constants(self, values: Sequence[float]) -> "ClassScores":
        """Put other numbers in the places of `constants`, in the same order."""
        rest, changed = list(values), []
        for each in self.expressions:
            count = len(numbers_of(each))
            own, rest = rest[:count], rest[count:]
            changed.append(each.with_constants(own) if own else each)
        if rest:
            raise ValueError("more numbers than constants")
        return ClassScores(self.classes, tuple(changed))

    def rounded(self, digits: int) -> "ClassScores":
        """Round all constants to so many significant digits."""
        return self._each(each.rounded(digits) for each in self.expressions)

    def simplified(self) -> "ClassScores":
        """Write the same functions with fewer nodes where possible."""
        return self._each(each.simplified() for each in self.expressions)

    def _each(self, expressions: Iterable[Expression]) -> "ClassScores":
        return ClassScores(self.classes, tuple(expressions))

    # Values and notations

    def evaluate(self, values: Mapping[str, ArrayLike]) -> NDArray[np.float64]:
        """Evaluate with numpy; see `evaluate.evaluate`.

        Returns
        -------
        ndarray, float64
            (…, classes); NaN for all classes where one has no finite value: not decided.
        """
        parts = np.broadcast_arrays(*(each.evaluate(values) for each in self.expressions))
        # class after class in memory, as everything runs over the cells
        return decidable(np.moveaxis(np.stack(parts), 0, -1))

    def latex(self, digits: int | None = 3, values: Mapping[str, float] | None = None) -> str:
        """LaTeX, a line for each class; for matplotlib's mathtext take `lines` one by one."""
        rows = [
            rf"s_{{{named(name)}}} &= {each.latex(digits, values)}" for name, each in self.lines
        ]
        return "\n".join([r"\begin{aligned}", " \\\\\n".join(rows), r"\end{aligned}"])

    def unicode(self, digits: int | None = 3, values: Mapping[str, float] | None = None) -> str:
        """Text for a line on the screen: ``interphase: z3 − 1.5; metaphase: 0; …``."""
        return "; ".join(f"{name}: {each.unicode(digits, values)}" for name, each in self.lines)


Equation = Expression | ClassScores
"""What decides: the score of two classes, above 0 for the second, or one score for each of more."""

E = TypeVar("E", Expression, ClassScores, Equation)


def decidable(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Take the scores (…, classes) where all are finite, and NaN for all of them elsewhere."""
    finite = np.asarray(np.isfinite(scores).all(axis=-1))
    if finite.all():
        return scores
    return np.where(finite[..., None], scores, np.nan)


def expressions_of(equation: Equation) -> tuple[Expression, ...]:
    """List the expressions of an equation: one, or one for each of more than two classes."""
    return (equation,) if isinstance(equation, Expression) else equation.expressions


def largest(equation: Equation) -> int:
    """Tell the size of the largest expression of an equation."""
    return max(each.size for each in expressions_of(equation))


def named(name: str, mathtext: bool = False) -> str:
    """Write the name of a class in LaTeX, or in matplotlib's mathtext, which knows less of it."""
    kept = re.sub(r"[\\^~]", "", " ".join(name.split()))
    if mathtext:
        kept = re.sub('["`#]', "", kept) or "class"
    special = "$%_{}" if mathtext else "#$%_{}&"
    escaped = re.sub(f"([{special}])", r"\\\1", kept).replace(" ", r"\ ")
    return rf"\mathrm{{{escaped}}}"


def numbers_of(expression: Expression) -> tuple[float, ...]:
    """List the numbers of one class's expression that may be fitted."""
    return () if expression == ZERO else expression.constants
