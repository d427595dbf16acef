"""How good equations are on cells that their numbers were not fitted to."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold

from napari_parsimony import bootstrap
from napari_parsimony.symbolic.class_scores import Equation
from napari_parsimony.symbolic.config import EquationsConfig
from napari_parsimony.symbolic.fitting import Fitted
from napari_parsimony.symbolic.front import Candidate, Interval
from napari_parsimony.symbolic.losses import (
    CERTAIN,
    Floats,
    balanced_accuracy,
    class_weights,
    correct,
    digits_that_hold,
    fair_logistic,
    mean_and_error,
    scores_on,
    sides,
)
from napari_parsimony.symbolic.refit import refit
from napari_parsimony.symbolic.scale import calmed
from napari_parsimony.symbolic.splits import SplitCells
from napari_parsimony.symbolic.tidy import tidied

FOLDS = 5  # of the cross-validation by which one equation is chosen
RESAMPLES, CONFIDENCE = 1000, 0.95  # of intervals
_AT_ONCE = 100


class Judgement(NamedTuple):
    """A candidate, and its cross-validated loss and scores of each of the fresh cells."""

    candidate: Candidate
    losses: Floats
    scores: Floats


def judge(
    member: Fitted,
    known: SplitCells,
    validation: SplitCells,
    names: tuple[str, ...],
    config: EquationsConfig,
) -> Judgement:
    """Fit an equation to all cells that may be learned from, and tell how well that works.

    What changes nothing for any of these cells is dropped.
    """
    weights = class_weights(known.target, config.balanced)
    final, _ = refit(member.expression, known.values, names, known.target, weights)
    final = tidied(final, known.values, names)
    fitted = fair_logistic(scores_on(final, known.values, names), known.target, weights)
    # what is compared is the loss of the numbers that fit best
    final = calmed(final, known.values, names, known.target, weights)
    fresh = known.take(known.fresh)
    scores = _cross_validated(final, known, names, config)[known.fresh]
    weights_fresh = class_weights(fresh.target, config.balanced)
    losses = fair_logistic(scores, fresh.target, weights_fresh)
    mean, error = mean_and_error(losses, weights_fresh, fresh.groups)
    digits, flips = digits_that_hold(final, known.values, names)
    agrees = sides(scores_on(final, validation.values, names)) == sides(validation.logits)
    candidate = Candidate(
        expression=final,
        engine=member.engine,
        seed=member.seed,
        train_loss=float(np.average(fitted, weights=weights)),
        validation_loss=mean,
        validation_error=error,
        excess_error=0.0,
        balanced_accuracy=balanced_accuracy(scores, fresh.target),
        agreement=float(agrees.mean()),
        digits=digits,
        flips=flips,
        accuracy=float(correct(scores, fresh.target).mean()),
    )
    return Judgement(candidate, losses, scores)


def _cross_validated(
    expression: Equation, known: SplitCells, names: tuple[str, ...], config: EquationsConfig
) -> Floats:
    """Score every cell by the equation with its numbers fitted to other groups only."""
    scores = np.array(scores_on(expression, known.values, names))
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
        scores[held_out] = scores_on(fitted, part.values, names)
    return scores


def compared(
    judged: Sequence[Judgement], fresh: SplitCells, config: EquationsConfig
) -> list[Candidate]:
    """Tell each candidate its intervals, and how sure it is that it is worse than the best.

    Equations that are certain of most cells differ by a handful of them, and the front's best is
    the one that those happen to favour: from themselves, they cannot tell how uncertain that is.
    As for paired proportions (Agresti & Min 2005), the standard error of the difference is
    therefore that with two more cells of average weight, one that each of the two gets wrong.
    """
    weights = class_weights(fresh.target, config.balanced)
    best = min(judged, key=lambda each: each.candidate.validation_loss).losses
    bounds = _intervals(judged, fresh, weights, config.seed)
    # in the mean over cells; where a class is rare, fewer count
    added = np.sqrt(2) * CERTAIN * (weights**2).sum() / weights.sum() ** 2
    return [
        replace(
            each.candidate,
            excess_error=_error(each.losses - best, weights, fresh.groups, added),
            loss_interval=loss,
            accuracy_interval=accuracy,
            balanced_accuracy_interval=balanced,
        )
        for each, (loss, accuracy, balanced) in zip(judged, bounds, strict=True)
    ]


def _error(excess: Floats, weights: Floats, groups: NDArray, added: float) -> float:
    if not excess.any():
        return 0.0
    return float(np.hypot(mean_and_error(excess, weights, groups)[1], added))


def _intervals(
    judged: Sequence[Judgement], fresh: SplitCells, weights: Floats, seed: int
) -> list[tuple[Interval | None, Interval | None, Interval | None]]:
    """Intervals of loss, accuracy and balanced accuracy of each, from the same resamples."""
    names, group = bootstrap.encode(fresh.groups)
    if len(names) < 2:
        return [(None, None, None)] * len(judged)
    kinds = [fresh.target == kind for kind in np.unique(fresh.target)]
    columns = [weights, *kinds]
    for each in judged:
        right = correct(each.scores, fresh.target)
        columns += [weights * each.losses, *(right & kind for kind in kinds)]
    sums = np.stack([np.bincount(group, column, len(names)) for column in columns], axis=1)
    # a part at a time: there may be as many groups as cells
    totals = np.concatenate(
        [
            bootstrap.draw(len(names), _AT_ONCE, seed + start) @ sums
            for start in range(0, RESAMPLES, _AT_ONCE)
        ]
    ).T
    weight, *members = totals[: len(kinds) + 1]
    found = []
    for loss, *hits in totals[len(kinds) + 1 :].reshape(len(judged), len(kinds) + 1, -1):
        with np.errstate(invalid="ignore", divide="ignore"):
            shares = [hit / count for hit, count in zip(hits, members, strict=True)]
            samples = (loss / weight, sum(hits) / sum(members), sum(shares) / len(kinds))
        low, mid, high = (bootstrap.interval(sample, CONFIDENCE) for sample in samples)
        found.append((low, mid, high))
    return found
