"""An expression in other notations: Python, unicode, LaTeX, sympy, Julia."""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from napari_parsimony.symbolic.expression import Expression

if TYPE_CHECKING:
    import sympy

# how tightly a piece of text binds
_SUM, _PRODUCT, _SIGN, _POWER, _ATOM, _BRACKETED = range(1, 7)
_Piece = tuple[str, int]
_JULIA = {"add": "+", "sub": "-", "mul": "*", "div": "/", "pow": "^"}


def plain(expression: Expression) -> str:
    """Python's notation with all digits; reading it gives back the same expression."""
    return _Plain().write(expression)[0]


def unicode(
    expression: Expression, digits: int | None = 3, values: Mapping[str, float] | None = None
) -> str:
    """One line of text, for instance ``z29·(z17² + z21²) − exp(exp(z3))``.

    Parameters
    ----------
    expression
        What to write.
    digits
        Significant digits of its numbers; all, if None.
    values
        Numbers to write in the places of variables, for instance those of one cell.
    """
    return _Unicode(digits, values).write(expression)[0]


def latex(
    expression: Expression, digits: int | None = 3, values: Mapping[str, float] | None = None
) -> str:
    r"""LaTeX without dollars, for instance ``z_{29} \, \left(z_{17}^{2} + z_{21}^{2}\right)``.

    Parameters
    ----------
    expression, digits, values
        As in `unicode`.
    """
    return _Latex(digits, values).write(expression)[0]


def julia(expression: Expression, forms: Mapping[str, str] = MappingProxyType({})) -> str:
    """Write an equation with PySR's operators, all digits and all brackets.

    Parameters
    ----------
    forms
        How to write operators otherwise, for instance ``{"neg": "(-{})"}``.
    """
    if expression.value is not None:
        return repr(expression.value)
    if expression.name is not None:
        return expression.name
    args = [julia(arg, forms) for arg in expression.args]
    if expression.op in forms:
        return forms[expression.op].format(*args)
    if expression.op in _JULIA:
        return f"({args[0]} {_JULIA[expression.op]} {args[1]})"
    return f"{expression.op}({', '.join(args)})"


_MEASURED = 3  # significant digits of numbers that are put in, at least


class _Plain:
    """Python's notation, brackets wherever the tree would be read back differently."""

    plus, minus, times, over, sign = " + ", " - ", "*", "/", "-"
    exact = True

    def __init__(
        self, digits: int | None = None, values: Mapping[str, float] | None = None
    ) -> None:
        self.digits = digits
        self.values = values or {}

    def write(self, node: Expression) -> _Piece:
        if node.value is not None:
            return self.number(node.value)
        if node.name is not None:
            put_in = self.values.get(node.name)
            if put_in is None:
                return self.name(node.name), _ATOM
            # measured, so that they are not rounded as far as an equation may be
            exactly = type(self)(self.digits and max(self.digits, _MEASURED))
            return exactly.number(float(put_in))
        args = [self.write(arg) for arg in node.args]
        match node.op:
            case "add":
                return self.sum(args[0], args[1], self.plus, self.minus)
            case "sub":
                return self.sum(args[0], args[1], self.minus, self.plus)
            case "mul":
                return self.product(args[0], args[1])
            case "div":
                return self.quotient(args[0], args[1])
            case "neg":
                # a bare number after the sign would be read as a negative number
                binds = _BRACKETED if node.args[0].value is not None else _POWER
                return self.sign + self.at_least(args[0], binds), _SIGN
            case "pow":
                return self.power(args[0], args[1])
            case "square":
                return self.power(args[0], ("2", _ATOM))
            case "cube":
                return self.power(args[0], ("3", _ATOM))
        return self.call(node.op, [text for text, _ in args]), _ATOM

    def at_least(self, piece: _Piece, binds: int) -> str:
        return piece[0] if piece[1] >= binds else self.bracket(piece[0])

    def digits_of(self, value: float) -> str:
        if self.digits is not None:
            value = float(f"{value:.{self.digits}g}")
        if value.is_integer() and abs(value) < (1e15 if self.digits is None else 1e6):
            return str(int(value))
        # with an exponent below 1e-4 and from 1e16 on, as Python does, or from a million on
        if self.digits is not None and abs(value) >= 1e6:
            return f"{value:.{self.digits - 1}e}"
        return repr(value)

    # What notations differ in

    def number(self, value: float) -> _Piece:
        text = self.digits_of(value)
        return text, _SIGN if text.startswith("-") else _ATOM

    def name(self, name: str) -> str:
        return name

    def bracket(self, text: str) -> str:
        return f"({text})"

    def sum(self, left: _Piece, right: _Piece, operator: str, opposite: str) -> _Piece:
        signed = right[0].startswith(self.sign)
        text = self.bracket(right[0]) if signed else self.at_least(right, _PRODUCT)
        return self.at_least(left, _SUM) + operator + text, _SUM

    def product(self, left: _Piece, right: _Piece) -> _Piece:
        return self.at_least(left, _PRODUCT) + self.times + self.at_least(right, _POWER), _PRODUCT

    def quotient(self, left: _Piece, right: _Piece) -> _Piece:
        return self.at_least(left, _PRODUCT) + self.over + self.at_least(right, _POWER), _PRODUCT

    def power(self, base: _Piece, exponent: _Piece) -> _Piece:
        return f"{self.at_least(base, _ATOM)}**{self.at_least(exponent, _ATOM)}", _POWER

    def call(self, function: str, args: list[str]) -> str:
        return f"{function}({', '.join(args)})"


class _Display(_Plain):
    """What notations for people share: no brackets and no signs that mathematics does not need."""

    def sum(self, left: _Piece, right: _Piece, operator: str, opposite: str) -> _Piece:
        text, binds = right
        if text.startswith(self.sign) and binds > _SUM:
            return self.at_least(left, _SUM) + opposite + text[len(self.sign) :], _SUM
        needed = _SUM if operator == self.plus and not text.startswith(self.sign) else _PRODUCT
        return self.at_least(left, _SUM) + operator + self.at_least(right, needed), _SUM

    def product(self, left: _Piece, right: _Piece) -> _Piece:
        needed = _SIGN + 1 if right[0].startswith(self.sign) else _PRODUCT
        return self.at_least(left, _PRODUCT) + self.times + self.at_least(right, needed), _PRODUCT

    def number(self, value: float) -> _Piece:
        mantissa, _, exponent = self.digits_of(value).partition("e")
        text = mantissa.replace("-", self.sign)
        if exponent:
            times_ten = self.power(("10", _ATOM), self.number(float(exponent)))[0]
            return f"{text}{self.by_ten}{times_ten}", _PRODUCT
        return text, _SIGN if value < 0 else _ATOM

    by_ten = "×"


class _Unicode(_Display):
    plus, minus, times, over, sign = " + ", " − ", "·", " / ", "−"
    _raised = str.maketrans("−0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")

    def power(self, base: _Piece, exponent: _Piece) -> _Piece:
        if re.fullmatch(r"−?\d+", exponent[0]):
            return self.at_least(base, _ATOM) + exponent[0].translate(self._raised), _POWER
        return f"{self.at_least(base, _ATOM)}^{self.at_least(exponent, _ATOM)}", _POWER

    def call(self, function: str, args: list[str]) -> str:
        return f"|{args[0]}|" if function == "abs" else super().call(function, args)


class _Latex(_Display):
    plus, minus, times, over, sign = " + ", " - ", r" \, ", "/", "-"
    by_ten = r" \times "

    def name(self, name: str) -> str:
        latent = re.fullmatch(r"([A-Za-z])_?(\d+)", name)
        if latent:
            return f"{latent[1]}_{{{latent[2]}}}"
        escaped = name.replace("_", r"\_")
        return name if len(escaped) == 1 else rf"\mathrm{{{escaped}}}"

    def bracket(self, text: str) -> str:
        return rf"\left({text}\right)"

    def product(self, left: _Piece, right: _Piece) -> _Piece:
        text, binds = super().product(left, right)
        if right[0][0].isdigit():  # two numbers side by side would read as one
            return self.at_least(left, _PRODUCT) + r" \cdot " + self.at_least(
                right, _PRODUCT
            ), binds
        return text, binds

    def quotient(self, left: _Piece, right: _Piece) -> _Piece:
        return rf"\frac{{{left[0]}}}{{{right[0]}}}", _POWER

    def power(self, base: _Piece, exponent: _Piece) -> _Piece:
        return f"{self.at_least(base, _ATOM)}^{{{exponent[0]}}}", _POWER

    def call(self, function: str, args: list[str]) -> str:
        if function == "abs":
            return rf"\left|{args[0]}\right|"
        if function == "sqrt":
            return rf"\sqrt{{{args[0]}}}"
        return rf"\{function}{self.bracket(', '.join(args))}"


def to_sympy(expression: Expression) -> "sympy.Expr":
    """Convert to sympy, unevaluated and with real symbols.

    Unevaluated, because sympy's own rules are those of mathematics and not of IEEE: it would make
    0 of ``0*x`` even where x is infinite, and a complex number of ``log(-1)``. ``.doit()``
    evaluates.
    """
    import sympy

    def negative(a: sympy.Expr) -> sympy.Expr:
        return sympy.Mul(sympy.Integer(-1), a, evaluate=False)

    functions: dict[str, Callable[..., sympy.Expr]] = {
        "add": lambda a, b: sympy.Add(a, b, evaluate=False),
        "sub": lambda a, b: sympy.Add(a, negative(b), evaluate=False),
        "mul": lambda a, b: sympy.Mul(a, b, evaluate=False),
        "div": lambda a, b: sympy.Mul(a, sympy.Pow(b, -1, evaluate=False), evaluate=False),
        "pow": lambda a, b: sympy.Pow(a, b, evaluate=False),
        "square": lambda a: sympy.Pow(a, 2, evaluate=False),
        "cube": lambda a: sympy.Pow(a, 3, evaluate=False),
        "sqrt": lambda a: sympy.Pow(a, sympy.Rational(1, 2), evaluate=False),
        "neg": negative,
        "min": lambda a, b: sympy.Min(a, b, evaluate=False),
        "max": lambda a, b: sympy.Max(a, b, evaluate=False),
        "abs": lambda a: sympy.Abs(a, evaluate=False),
    }

    def convert(node: Expression) -> sympy.Expr:
        if node.name is not None:
            return sympy.Symbol(node.name, real=True)
        if node.value is not None:
            whole = node.value.is_integer() and abs(node.value) < 1e15
            return sympy.Integer(int(node.value)) if whole else sympy.Float(node.value, 17)
        args = [convert(arg) for arg in node.args]
        if node.op in functions:
            return functions[node.op](*args)
        return getattr(sympy, node.op)(*args, evaluate=False)

    return convert(expression)
