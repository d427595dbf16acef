"""Shorter variants of an expression: without a term, with a factor of one, with a number shared."""

from collections.abc import Iterator

from napari_parsimony.symbolic.class_scores import ZERO, ClassScores, E
from napari_parsimony.symbolic.expression import Expression, apply, constant


def variants(equation: E) -> list[E]:
    """All equations that are smaller by one idea, simplified, each once, smallest first.

    The ideas: a constant becomes 1, -1 or 0; an operator gives way to one of its arguments; two
    constants of about the same size (within a quarter) become the same. Of more than two classes,
    the expression of one gets smaller, or becomes a number or 0.
    """
    found = _of_classes(equation) if isinstance(equation, ClassScores) else _smaller(equation)
    return sorted(found, key=lambda variant: (variant.size, str(variant)))


def _of_classes(equation: ClassScores) -> list[ClassScores]:
    found: dict[ClassScores, None] = {}
    for which, each in enumerate(equation.expressions):
        if each != ZERO:
            shorter = [*_smaller(each), *([constant(1.0)] if each.size > 1 else []), ZERO]
            found |= dict.fromkeys(equation.replaced(which, short) for short in shorter)
    return [variant for variant in found if variant.variables]


def _smaller(expression: Expression) -> list[Expression]:
    found: dict[Expression, None] = {}
    for variant in (*_replaced(expression), *_shared(expression)):
        short = variant.simplified()
        if short.size < expression.size and short.variables:
            found[short] = None
    return list(found)


def _replaced(node: Expression) -> Iterator[Expression]:
    if node.value is not None:
        for value in (1.0, -1.0, 0.0):
            if value != node.value:
                yield constant(value)
    yield from node.args
    for index, arg in enumerate(node.args):
        for changed in _replaced(arg):
            yield apply(node.op, *node.args[:index], changed, *node.args[index + 1 :])


def _shared(expression: Expression) -> Iterator[Expression]:
    numbers = expression.constants
    for i, one in enumerate(numbers):
        for j in range(i):
            other = numbers[j]
            if one != other and abs(abs(one) - abs(other)) < 0.25 * max(abs(one), abs(other)):
                mean = (abs(one) + abs(other)) / 2
                changed = list(numbers)
                changed[i] = mean if one > 0 else -mean
                changed[j] = mean if other > 0 else -mean
                yield expression.with_constants(changed)
