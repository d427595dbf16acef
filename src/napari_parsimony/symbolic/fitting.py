"""Numbers fitted to the classes, and shorter variants where they do as well."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from napari_parsimony.symbolic.class_scores import Equation
from napari_parsimony.symbolic.losses import class_weights, fair_logistic, scores_on
from napari_parsimony.symbolic.refit import refit
from napari_parsimony.symbolic.shorten import variants
from napari_parsimony.symbolic.splits import SplitCells

_EXPANSIONS = 30  # equations of which all shorter variants are tried
_ROUGH = 10  # steps of a fit after which it shows which variants are worth more
_NEAR = 1.05  # times the loss of what is as short, after these


@dataclass(frozen=True)
class Fitted:
    """An equation with numbers that fit, its `fair_logistic` loss, and where it comes from."""

    expression: Equation
    loss: float
    engine: str
    seed: int


class Fit(Protocol):
    """Fits an equation that comes from an engine and its seed."""

    def __call__(self, expression: Equation, source: tuple[str, int], steps: int = 50) -> Fitted:
        """Fit in at most so many steps."""


def fitting(cells: SplitCells, names: tuple[str, ...], balanced: bool) -> Fit:
    """Make a function that fits an equation to the classes of these cells."""
    weights = class_weights(cells.target, balanced)

    def fit(expression: Equation, source: tuple[str, int], steps: int = 50) -> Fitted:
        fitted, _ = refit(expression, cells.values, names, cells.target, weights, steps)
        scores = scores_on(fitted, cells.values, names)
        losses = fair_logistic(scores, cells.target, weights)
        return Fitted(fitted, float(np.average(losses, weights=weights)), *source)

    return fit


def best_by_size(fitted: list[Fitted], least: float = 0.0) -> list[Fitted]:
    """Those that nothing as small is as good as, by size; better by this part of the loss."""
    best: list[Fitted] = []
    key = lambda m: (m.expression.size, m.loss, str(m.expression))  # noqa: E731
    for member in sorted(fitted, key=key):
        if not best or member.loss < best[-1].loss * (1 - least):
            best.append(member)
    return best


def shortened(
    fitted: list[Fitted],
    fit: Fit,
    report: Callable[[float, list[Fitted]], None],
    smaller: Callable[[Equation], list[Equation]] = variants,
    least: float = 0.0,
) -> list[Fitted]:
    """Add shorter variants wherever they are better than all that is as short, largest first.

    Parameters
    ----------
    fitted
        What to shorten.
    fit
        Fits the numbers of a variant.
    report
        Is told which part is done, and the best by size so far.
    smaller
        Makes the variants.
    least
        Part of the loss by which a larger one has to be better, or it is left out.
    """
    pool = best_by_size(fitted, least)
    tried: set[Equation] = set()
    below = math.inf
    for step in range(_EXPANSIONS):
        report(step / _EXPANSIONS, pool)
        rest = [m for m in reversed(pool) if m.expression.size < below]
        if not rest:
            break
        # where there are more than can be expanded, some of all sizes
        member = rest[(len(rest) - 1) // (_EXPANSIONS - step)]
        below, source = member.expression.size, (member.engine, member.seed)
        new = []
        for variant in smaller(member.expression):
            if variant not in tried:
                tried.add(variant)
                rough = fit(variant, source, _ROUGH)
                if rough.loss < _NEAR * _loss_at(pool, rough.expression.size):
                    new.append(fit(rough.expression, source))
        pool = best_by_size([*pool, *new], least)
    return pool


def _loss_at(front: list[Fitted], size: int) -> float:
    return min((m.loss for m in front if m.expression.size <= size), default=np.inf)
