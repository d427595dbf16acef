"""Cheap algebra: fewer nodes for the same function.

Every part of an expression is read as a polynomial in its atoms (variables, and whatever is under
a function), and written back in the shortest of a few ways. Equal as mathematics; in floating
point up to rounding, and where a part was infinite or undefined the shorter one may not be.
"""

import math
from collections import Counter

from napari_parsimony.symbolic.evaluate import evaluate
from napari_parsimony.symbolic.expression import Expression, apply, constant

_Monomial = frozenset[tuple[Expression, int]]  # atoms with their exponents, which may be negative
_Polynomial = dict[_Monomial, float]
_ONE: _Monomial = frozenset()
_MOST_TERMS = 30
_MOST_NODES = 200
_ROUNDING = 1e-12  # coefficients that cancel to less than this part of them have cancelled


class _TooLarge(Exception):
    """The polynomial would have more than `_MOST_TERMS` terms."""


def simplify(expression: Expression) -> Expression:
    """Shorten an expression; it comes back unchanged where nothing was found.

    Parameters
    ----------
    expression
        Larger ones than 200 nodes are left alone: the time grows with the square of the size.
    """
    if expression.size > _MOST_NODES:
        return expression
    return _simplify(expression, {})


def expanded(expression: Expression) -> list[frozenset[tuple[Expression, int]]] | None:
    """Expand into terms, each of atoms with their exponents, numbers left out.

    None if there are more than 30, or the expression has more than 200 nodes.
    """
    if expression.size > _MOST_NODES:
        return None
    try:
        return list(_polynomial(expression))
    except (_TooLarge, OverflowError):
        return None


def difference(left: Expression, right: Expression, rounding: float) -> Expression:
    """Subtract expressions term by term; a term goes that cancels to this part of it or less."""
    try:
        polynomial = _plus(_polynomial(left), _polynomial(right), -1.0, rounding)
    except (_TooLarge, OverflowError):
        return apply("sub", left, right)
    return _shortest(polynomial)


def _shortest(polynomial: _Polynomial) -> Expression:
    ways = [_sum_of(_factored(polynomial)), _sum_of(_flat(polynomial))]
    return min(ways, key=lambda way: way.size)


def _simplify(node: Expression, seen: dict[Expression, Expression]) -> Expression:
    if not node.args:
        return node
    if node not in seen:
        best = apply(node.op, *(_simplify(arg, seen) for arg in node.args))
        if not best.variables:
            best = _number(best)
        elif best.op in ("add", "sub", "neg", "mul", "div", "square", "cube", "pow"):
            try:
                ways = [_shortest(_polynomial(best))]
            except (_TooLarge, OverflowError):
                ways = []
            # among equals the ways come first: one order for what is the same sum
            best = min([*ways, best], key=lambda way: way.size)
        seen[node] = best
    return seen[node]


def _number(node: Expression) -> Expression:
    value = float(evaluate(node, {}))
    return constant(value) if math.isfinite(value) else node


def _polynomial(node: Expression) -> _Polynomial:
    if node.value is not None:
        return {_ONE: node.value} if node.value else {}
    match node.op:
        case "add":
            return _plus(_polynomial(node.args[0]), _polynomial(node.args[1]), 1.0)
        case "sub":
            return _plus(_polynomial(node.args[0]), _polynomial(node.args[1]), -1.0)
        case "neg":
            return _plus({}, _polynomial(node.args[0]), -1.0)
        case "mul":
            return _times(_polynomial(node.args[0]), _polynomial(node.args[1]))
        case "square":
            return _to_the(_polynomial(node.args[0]), 2)
        case "cube":
            return _to_the(_polynomial(node.args[0]), 3)
        case "div":
            inverse = _inverse(_polynomial(node.args[1]), node.args[1])
            return _times(_polynomial(node.args[0]), inverse)
        case "pow" if node.args[1].value in (-3.0, -2.0, -1.0, 1.0, 4.0):
            base, exponent = node.args[0], int(node.args[1].value or 0)
            if exponent < 0:
                return _to_the(_inverse(_polynomial(base), base), -exponent)
            return _to_the(_polynomial(base), exponent)
    return {frozenset([(node, 1)]): 1.0}


def _plus(
    left: _Polynomial, right: _Polynomial, sign: float, rounding: float = _ROUNDING
) -> _Polynomial:
    result = dict(left)
    for monomial, coefficient in right.items():
        before = result.get(monomial, 0.0)
        after = before + sign * coefficient
        if abs(after) <= rounding * (abs(before) + abs(coefficient)):
            result.pop(monomial, None)
        else:
            result[monomial] = after
    return _checked(result)


def _times(left: _Polynomial, right: _Polynomial) -> _Polynomial:
    result: _Polynomial = {}
    for a, factor in left.items():
        for b, coefficient in right.items():
            exponents: Counter[Expression] = Counter(dict(a))
            for atom, exponent in b:
                exponents[atom] += exponent
            product = frozenset((atom, power) for atom, power in exponents.items() if power)
            result = _plus(result, {product: factor * coefficient}, 1.0)
    return result


def _to_the(base: _Polynomial, exponent: int) -> _Polynomial:
    result: _Polynomial = {_ONE: 1.0}
    for _ in range(exponent):
        result = _times(result, base)
    return result


def _inverse(denominator: _Polynomial, node: Expression) -> _Polynomial:
    if len(denominator) == 1:
        ((monomial, coefficient),) = denominator.items()
        return {frozenset((atom, -exponent) for atom, exponent in monomial): 1.0 / coefficient}
    if not denominator:  # division by what is always zero: left as it stands
        raise _TooLarge
    return {frozenset([(node, -1)]): 1.0}


def _checked(polynomial: _Polynomial) -> _Polynomial:
    if len(polynomial) > _MOST_TERMS or not all(map(math.isfinite, polynomial.values())):
        raise _TooLarge
    return polynomial


def _ordered(polynomial: _Polynomial) -> list[tuple[_Monomial, float]]:
    """In an order that does not depend on hashes: the number last, larger terms first."""
    return sorted(
        polynomial.items(),
        key=lambda item: (
            item[0] == _ONE,
            -sum(abs(exponent) for _, exponent in item[0]),
            sorted((str(atom), exponent) for atom, exponent in item[0]),
        ),
    )


def _sum_of(terms: list[Expression]) -> Expression:
    """Add up, beginning with a term that needs no sign."""
    start = next((i for i, term in enumerate(terms) if not _negative(term)), 0)
    result = terms[start]
    for term in terms[:start] + terms[start + 1 :]:
        result = _add(result, term)
    return result


def _flat(polynomial: _Polynomial) -> list[Expression]:
    """Term after term."""
    if not polynomial:
        return [constant(0.0)]
    return [_term(monomial, coefficient) for monomial, coefficient in _ordered(polynomial)]


def _negative(term: Expression) -> bool:
    if term.op in ("mul", "div"):
        term = term.args[0]
    return term.op == "neg" or (term.value or 0.0) < 0


def _add(left: Expression, right: Expression) -> Expression:
    """Add, or subtract where the right begins with a minus."""
    if right.op == "neg":
        return apply("sub", left, right.args[0])
    if right.value is not None and right.value < 0:
        return apply("sub", left, constant(-right.value))
    if right.op in ("mul", "div") and (right.args[0].value or 0.0) < 0:
        return apply(
            "sub", left, apply(right.op, constant(-(right.args[0].value or 0.0)), *right.args[1:])
        )
    return apply("add", left, right)


def _term(monomial: _Monomial, coefficient: float) -> Expression:
    atoms = sorted(monomial, key=lambda item: (str(item[0]), item[1]))
    above = [_power(atom, exponent) for atom, exponent in atoms if exponent > 0]
    below = [_power(atom, -exponent) for atom, exponent in atoms if exponent < 0]
    plain = bool(above) and abs(coefficient) == 1.0
    if not plain:
        above = [constant(coefficient), *above]
    result = _product(above)
    if below:
        result = apply("div", result, _product(below))
    return apply("neg", result) if plain and coefficient < 0 else result


def _product(factors: list[Expression]) -> Expression:
    if not factors:
        return constant(1.0)
    if len(factors) == 1:
        return factors[0]
    # a number stays outside: c*(a*b), so that its sign can be changed
    if factors[0].value is not None:
        return apply("mul", factors[0], _product(factors[1:]))
    return apply("mul", _product(factors[:-1]), factors[-1])


def _power(atom: Expression, exponent: int) -> Expression:
    return atom if exponent == 1 else apply("pow", atom, constant(exponent))


def _factored(polynomial: _Polynomial) -> list[Expression]:
    """Horner's way: take out what most terms share, and go on with both parts."""
    sizes = {abs(coefficient) for coefficient in polynomial.values()}
    if len(polynomial) > 1 and len(sizes) == 1 and sizes != {1.0} and _ONE not in polynomial:
        (number,) = sizes
        signs = {monomial: math.copysign(1.0, c) for monomial, c in polynomial.items()}
        return [apply("mul", constant(number), _sum_of(_factored(signs)))]
    counts: Counter[Expression] = Counter()
    for monomial in polynomial:
        counts.update(atom for atom, exponent in monomial if exponent > 0)
    shared = [(count, str(atom), atom) for atom, count in counts.items() if count > 1]
    if not shared:
        return _flat(polynomial)
    atom = max(shared)[2]
    inside: _Polynomial = {}
    rest: _Polynomial = {}
    for monomial, coefficient in polynomial.items():
        exponents = dict(monomial)
        if exponents.get(atom, 0) > 0:
            exponents[atom] -= 1
            inside[frozenset((a, e) for a, e in exponents.items() if e)] = coefficient
        else:
            rest[monomial] = coefficient
    factor = _sum_of(_factored(inside))
    if factor.op == "mul" and factor.args[0].value is not None:
        product = apply("mul", factor.args[0], apply("mul", atom, factor.args[1]))
    else:
        product = apply("mul", atom, factor)
    return [product, *(_factored(rest) if rest else [])]
