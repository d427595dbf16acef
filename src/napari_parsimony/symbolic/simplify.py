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


def _simplify(node: Expression, seen: dict[Expression, Expression]) -> Expression:
    if not node.args:
        return node
    if node not in seen:
        best = apply(node.op, *(_simplify(arg, seen) for arg in node.args))
        if not best.variables:
            best = _number(best)
        elif best.op in ("add", "sub", "neg", "mul", "div", "square", "cube", "pow"):
            try:
                polynomial = _polynomial(best)
                ways = [_sum_of(polynomial), _factored(polynomial)]
            except (_TooLarge, OverflowError):
                ways = []
            best = min([best, *ways], key=lambda way: way.size)
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


def _plus(left: _Polynomial, right: _Polynomial, sign: float) -> _Polynomial:
    result = dict(left)
    for monomial, coefficient in right.items():
        before = result.get(monomial, 0.0)
        after = before + sign * coefficient
        if abs(after) <= _ROUNDING * (abs(before) + abs(coefficient)):
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


def _sum_of(polynomial: _Polynomial) -> Expression:
    """Term after term, with a coefficient that all share in front."""
    if not polynomial:
        return constant(0.0)
    sizes = {abs(coefficient) for coefficient in polynomial.values()}
    shared = sizes.pop() if len(sizes) == 1 and len(polynomial) > 1 and _ONE not in polynomial else 1
    terms = [(_term(monomial, c / shared), c / shared) for monomial, c in _ordered(polynomial)]
    # start with a term that is added, so that no sign is needed
    start = next((i for i, (_, coefficient) in enumerate(terms) if coefficient > 0), 0)
    result = terms.pop(start)[0]
    for term, coefficient in terms:
        if coefficient < 0:
            result = apply("sub", result, _negated(term))
        else:
            result = apply("add", result, term)
    return result if shared == 1 else apply("mul", constant(shared), result)


def _negated(term: Expression) -> Expression:
    """The same without the minus that `_term` gave it."""
    if term.value is not None:
        return constant(-term.value)
    if term.op == "neg":
        return term.args[0]
    if term.args and term.args[0].value is not None:
        return apply(term.op, constant(-term.args[0].value), *term.args[1:])
    return apply("neg", term)


def _term(monomial: _Monomial, coefficient: float) -> Expression:
    atoms = sorted(monomial, key=lambda item: (str(item[0]), item[1]))
    above = [_power(atom, exponent) for atom, exponent in atoms if exponent > 0]
    below = [_power(atom, -exponent) for atom, exponent in atoms if exponent < 0]
    if not above or abs(coefficient) != 1.0:
        above = [constant(coefficient), *above]
    result = _product(above)
    if below:
        result = apply("div", result, _product(below))
    return apply("neg", result) if coefficient == -1.0 and result.constants == () else result


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


def _factored(polynomial: _Polynomial) -> Expression:
    """Horner's way: take out the atom that most terms share, and go on with both parts."""
    counts: Counter[Expression] = Counter()
    for monomial in polynomial:
        counts.update(atom for atom, exponent in monomial if exponent > 0)
    shared = [(count, str(atom), atom) for atom, count in counts.items() if count > 1]
    if not shared:
        return _sum_of(polynomial)
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
    factor = _factored(inside)
    if factor.op == "mul" and factor.args[0].value is not None:
        product = apply("mul", factor.args[0], apply("mul", atom, factor.args[1]))
    else:
        product = apply("mul", atom, factor)
    return apply("add", product, _factored(rest)) if rest else product
