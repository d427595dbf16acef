"""How good equations are on cells that their numbers were not fitted to."""

from dataclasses import replace

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold

from napari_parsimony.symbolic.config import EquationsConfig
from napari_parsimony.symbolic.expression import Expression
from napari_parsimony.symbolic.fitting import Fitted
from napari_parsimony.symbolic.front import Candidate
from napari_parsimony.symbolic.losses import (
    Floats,
    balanced_accuracy,
    class_weights,
    digits_that_hold,
    logistic,
    mean_and_error,
)
from napari_parsimony.symbolic.refit import refit
from napari_parsimony.symbolic.splits import SplitCells

FOLDS = 5  # of the cross-validation by which one equation is chosen


def _scores(expression: Expression, cells: SplitCells, names: tuple[str, ...]) -> Floats:
    columns = dict(zip(names, cells.values.T, strict=True))
    return np.broadcast_to(expression.evaluate(columns), len(cells.values))


def judge(
    member: Fitted,
    known: SplitCells,
    validation: SplitCells,
    names: tuple[str, ...],
    config: EquationsConfig,
) -> tuple[Candidate, Floats]:
    """Fit an equation to all cells that may be learned from, and tell how well that works.

    Returns the candidate and its cross-validated loss on each of the fresh cells.
    """
    weights = class_weights(known.target, config.balanced)
    final, loss = refit(member.expression, known.values, names, known.target, weights)
    fresh = known.take(known.fresh)
    scores = _cross_validated(final, known, names, config)[known.fresh]
    losses = logistic(scores, fresh.target)
    mean, error = mean_and_error(losses, class_weights(fresh.target, config.balanced), fresh.groups)
    digits, flips = digits_that_hold(final, known.values, names)
    agrees = (_scores(final, validation, names) > 0) == (validation.logits > 0)
    candidate = Candidate(
        expression=final,
        engine=member.engine,
        seed=member.seed,
        train_loss=loss,
        validation_loss=mean,
        validation_error=error,
        excess_error=0.0,
        balanced_accuracy=balanced_accuracy(scores, fresh.target),
        agreement=float(agrees.mean()),
        digits=digits,
        flips=flips,
    )
    return candidate, losses


def _cross_validated(
    expression: Expression, known: SplitCells, names: tuple[str, ...], config: EquationsConfig
) -> Floats:
    """Score every cell by the equation with its numbers fitted to other groups only."""
    scores = np.array(_scores(expression, known, names))
    groups = known.groups if len(np.unique(known.groups)) > 1 else np.arange(len(known.target))
    rarest = int(np.unique(known.target, return_counts=True)[1].min())
    folds = StratifiedGroupKFold(
        min(FOLDS, len(np.unique(groups)), rarest), shuffle=True, random_state=config.seed
    )
    for others, held_out in folds.split(known.values, known.target, groups):
        rest, part = known.take(others), known.take(held_out)
        if len(np.unique(rest.target)) < 2:
            continue  # nothing to fit to: these cells keep the scores of the whole
        weights = class_weights(rest.target, config.balanced)
        fitted, _ = refit(expression, rest.values, names, rest.target, weights)
        scores[held_out] = _scores(fitted, part, names)
    return scores


def compared(
    judged: list[tuple[Candidate, Floats]], fresh: SplitCells, balanced: bool
) -> list[Candidate]:
    """Tell each candidate how sure it is that it is worse than the best."""
    weights = class_weights(fresh.target, balanced)
    _, best = min(judged, key=lambda pair: pair[0].validation_loss)
    return [
        replace(candidate, excess_error=mean_and_error(losses - best, weights, fresh.groups)[1])
        for candidate, losses in judged
    ]
