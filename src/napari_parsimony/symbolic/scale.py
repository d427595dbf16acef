"""Scores no larger than the cells call for."""

import numpy as np

from napari_parsimony.symbolic.class_scores import ClassScores, E
from napari_parsimony.symbolic.expression import Expression, apply, constant
from napari_parsimony.symbolic.losses import CERTAIN, Floats, fair_logistic, scores_on
from napari_parsimony.symbolic.tidy import UNSEEN


def calmed(
    equation: E, values: Floats, names: tuple[str, ...], target: Floats, weights: Floats
) -> E:
    """Make the numbers of an equation smaller that nearly separates two classes.

    Of such classes the likelihood hardly bounds the scale, and what it does say is about the few
    cells next to the boundary. So scores are halved as long as most cells stay certain and the mean
    `fair_logistic` loss rises by no more than can be seen, 0.005. Halving is exact in floating
    point: no cell changes its side. Of more than two classes, and where a term has no number in
    front, the equation comes back as it is.

    Parameters
    ----------
    equation
        With numbers that are fitted.
    values, names
        Latents of the cells, shape (cells, variables), and their names.
    target, weights
        Classes of the cells, 0 or 1, and their weights in the loss, shape (cells,).
    """
    if isinstance(equation, ClassScores) or equation.op == "constant":
        return equation
    scores = scores_on(equation, values, names)

    def loss(factor: float) -> float:
        losses = fair_logistic(factor * scores, target, weights)
        return float(np.average(losses, weights=weights))

    factor, most = 1.0, loss(1.0) + UNSEEN
    middle = float(np.nanmedian(np.abs(scores)))
    while CERTAIN <= factor / 2 * middle < np.inf and loss(factor / 2) <= most:
        factor /= 2
    return scaled(equation, factor) or equation


def scaled(expression: Expression, factor: float) -> Expression | None:
    """Multiply the numbers in front of all terms; None if there are not enough of them."""
    args = expression.args
    match expression.op:
        case "constant":
            return constant(factor * expression.constants[0])
        case "neg":
            inside = scaled(args[0], factor)
            return None if inside is None else -inside
        case "add" | "sub":
            both = [scaled(arg, factor) for arg in args]
            terms = tuple(term for term in both if term is not None)
            return apply(expression.op, *terms) if len(terms) == 2 else None
        case "mul" | "div":
            factors = (factor, factor if expression.op == "mul" else 1 / factor)
            for place in (0, 1):
                changed = scaled(args[place], factors[place])
                if changed is not None:
                    return apply(expression.op, *args[:place], changed, *args[place + 1 :])
    return None
