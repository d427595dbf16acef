"""An equation as an immutable tree of checked operators.

Meaning, the same in numpy, torch and sympy: IEEE arithmetic in float64. The logarithm or root of a
negative number and a negative number to a broken power are NaN, ``x/0`` is infinite (NaN for 0/0),
NaN spreads through ``min`` and ``max``. Constants are finite, and there is no negative zero.
"""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_parsimony.errors import UserError

if TYPE_CHECKING:
    import sympy
    import torch

ARITY = {
    "variable": 0,
    "constant": 0,
    "neg": 1,
    "square": 1,
    "cube": 1,
    "exp": 1,
    "log": 1,
    "sqrt": 1,
    "abs": 1,
    "sin": 1,
    "cos": 1,
    "tanh": 1,
    "add": 2,
    "sub": 2,
    "mul": 2,
    "div": 2,
    "pow": 2,
    "min": 2,
    "max": 2,
}
"""Number of arguments of every kind of node there is."""

MAX_DEPTH = 100
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
RESERVED = {*ARITY, "inv", "nan", "inf", "infinity"} - {"variable", "constant"}


@dataclass(frozen=True)
class Expression:
    """A node and, through its arguments, the whole tree below it.

    Make one with `Expression.parse`, `variable`, `constant` or `apply`, or with ``+ - * / **`` on
    others. ``pow`` with the exponent 2 or 3 is always ``square`` or ``cube``, so that one thing has
    one size.

    Attributes
    ----------
    op
        A key of `ARITY`.
    args
        The arguments.
    value
        The number, if `op` is ``"constant"``.
    name
        The name, if `op` is ``"variable"``, for instance ``"z3"``.
    size
        Operators + constants + variables, one each.
    depth
        Longest way down to a leaf; 1 for a leaf.

    Raises
    ------
    UserError
        If the tree would be more than 100 levels deep, or a constant is not finite.
    """

    op: str
    args: tuple["Expression", ...] = ()
    value: float | None = None
    name: str | None = None
    size: int = field(init=False, repr=False, compare=False)
    depth: int = field(init=False, repr=False, compare=False)
    _hash: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if ARITY.get(self.op) != len(self.args):
            raise UserError(f"'{self.op}' with {len(self.args)} arguments is no part of equations.")
        if self.op == "constant" and (self.value is None or not math.isfinite(self.value)):
            raise UserError(f"An equation holds the number {self.value}, which is not finite.")
        if self.op == "variable" and (
            self.name is None or not NAME.fullmatch(self.name) or self.name in RESERVED
        ):
            raise UserError(f"'{str(self.name)[:60]}' cannot be the name of a variable.")
        depth = 1 + max((arg.depth for arg in self.args), default=0)
        if depth > MAX_DEPTH:
            raise UserError(f"The equation is nested more than {MAX_DEPTH} levels deep.")
        # ways around "frozen": these are functions of the other fields
        object.__setattr__(self, "depth", depth)
        object.__setattr__(self, "size", 1 + sum(arg.size for arg in self.args))
        object.__setattr__(self, "_hash", hash((self.op, self.args, self.value, self.name)))

    def __hash__(self) -> int:
        return self._hash

    def __str__(self) -> str:
        """Python's notation, exact: ``Expression.parse(str(e)) == e``."""
        return self._text

    @cached_property
    def _text(self) -> str:
        from napari_parsimony.symbolic.render import plain

        return plain(self)

    # Making and changing

    @staticmethod
    def parse(text: str, variables: Sequence[str] | None = None) -> "Expression":
        """Read an equation that people or engines wrote; see `parse.parse`."""
        from napari_parsimony.symbolic.parse import parse

        return parse(text, variables)

    def __add__(self, other: "Expression | float") -> "Expression":
        return apply("add", self, as_expression(other))

    def __sub__(self, other: "Expression | float") -> "Expression":
        return apply("sub", self, as_expression(other))

    def __mul__(self, other: "Expression | float") -> "Expression":
        return apply("mul", self, as_expression(other))

    def __truediv__(self, other: "Expression | float") -> "Expression":
        return apply("div", self, as_expression(other))

    def __pow__(self, other: "Expression | float") -> "Expression":
        return apply("pow", self, as_expression(other))

    def __neg__(self) -> "Expression":
        return apply("neg", self)

    @property
    def nodes(self) -> Iterator["Expression"]:
        """All nodes, each before its arguments, arguments from left to right."""
        yield self
        for arg in self.args:
            yield from arg.nodes

    @cached_property
    def variables(self) -> tuple[str, ...]:
        """Names of the variables, each once, in order of appearance."""
        if self.name is not None:
            return (self.name,)
        return tuple(dict.fromkeys(name for arg in self.args for name in arg.variables))

    @cached_property
    def constants(self) -> tuple[float, ...]:
        """The numbers, in order of appearance."""
        if self.value is not None:
            return (self.value,)
        return tuple(value for arg in self.args for value in arg.constants)

    @property
    def terms(self) -> tuple["Expression", ...]:
        """Parts that add up to the expression, signs and a common factor included."""
        if self.op == "add":
            return self.args[0].terms + self.args[1].terms
        if self.op == "sub":
            return self.args[0].terms + tuple(_negated(term) for term in self.args[1].terms)
        if self.op == "mul" and self.args[0].op == "constant":
            return tuple(self.args[0] * term for term in self.args[1].terms)
        return (self,)

    def with_constants(self, values: Sequence[float]) -> "Expression":
        """Put other numbers in the places of `constants`, in the same order."""
        rest = iter(values)
        changed = self._replace(
            lambda node: constant(next(rest)) if node.op == "constant" else node
        )
        if next(rest, None) is not None:
            raise ValueError("more numbers than constants")
        return changed

    def rounded(self, digits: int) -> "Expression":
        """Round all constants to so many significant digits."""
        return self.with_constants([float(f"{value:.{digits}g}") for value in self.constants])

    def simplified(self) -> "Expression":
        """Write the same function with fewer nodes where possible; see `simplify.simplify`."""
        from napari_parsimony.symbolic.simplify import simplify

        return simplify(self)

    def _replace(self, leaf: Any) -> "Expression":
        if not self.args:
            return leaf(self)
        return apply(self.op, *(arg._replace(leaf) for arg in self.args))

    # Values and notations

    def evaluate(self, values: Mapping[str, ArrayLike]) -> NDArray[np.float64]:
        """Evaluate with numpy; see `evaluate.evaluate`."""
        from napari_parsimony.symbolic.evaluate import evaluate

        return evaluate(self, values)

    def torch(self, values: "Mapping[str, torch.Tensor]") -> "torch.Tensor":
        """Evaluate with torch, differentiably; see `evaluate.evaluate_torch`."""
        from napari_parsimony.symbolic.evaluate import evaluate_torch

        return evaluate_torch(self, values)

    def sympy(self) -> "sympy.Expr":
        """Convert to sympy, as it stands; see `render.to_sympy`."""
        from napari_parsimony.symbolic.render import to_sympy

        return to_sympy(self)

    def latex(self, digits: int | None = 3, values: Mapping[str, float] | None = None) -> str:
        """LaTeX that matplotlib's mathtext understands too; see `render.latex`."""
        from napari_parsimony.symbolic.render import latex

        return latex(self, digits, values)

    def unicode(self, digits: int | None = 3, values: Mapping[str, float] | None = None) -> str:
        """Text for a line on the screen; see `render.unicode`."""
        from napari_parsimony.symbolic.render import unicode

        return unicode(self, digits, values)


def variable(name: str) -> Expression:
    """Make a variable, for instance ``z3``."""
    return Expression("variable", name=name)


def constant(value: float) -> Expression:
    """Make a number."""
    return Expression("constant", value=float(value) + 0.0)  # -0.0 becomes 0.0


def _negated(term: Expression) -> Expression:
    """Change the sign of a term, in its number if it begins with one."""
    if term.value is not None:
        return constant(-term.value)
    if term.op in ("mul", "div") and term.args[0].value is not None:
        return apply(term.op, constant(-term.args[0].value), term.args[1])
    return -term


def apply(op: str, *args: Expression) -> Expression:
    """Apply an operator."""
    if op == "pow" and len(args) == 2 and args[1].value in (2.0, 3.0):
        return Expression("square" if args[1].value == 2.0 else "cube", args[:1])
    return Expression(op, args)


def as_expression(value: Expression | float) -> Expression:
    """Take an expression as it is, and a number as a constant."""
    return value if isinstance(value, Expression) else constant(value)


def renamed(expression: Expression, names: Mapping[str, str]) -> Expression:
    """Give other names to all variables."""
    return substituted(expression, {name: variable(names[name]) for name in expression.variables})


def substituted(expression: Expression, values: Mapping[str, Expression]) -> Expression:
    """Put expressions in the places of variables; those that are not named stay."""
    if expression.name is not None:
        return values.get(expression.name, expression)
    if not expression.args:
        return expression
    return apply(expression.op, *(substituted(arg, values) for arg in expression.args))
