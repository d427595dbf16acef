"""The logistic loss and what else is measured on cells with a class."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_parsimony.classify.scores import decided
from napari_parsimony.symbolic.class_scores import Equation
from napari_parsimony.symbolic.expression import Expression

# A score is not taken as more certain than this. Labels are wrong now and then: without the bound,
# a single wrong one could cost more than all others together, and no law that grows fast, like the
# published one with its exp(exp(z3)), would ever be found.
CERTAIN = 4.0
LEAST_CERTAIN = 1.0
_CUTS = np.linspace(LEAST_CERTAIN, CERTAIN, 13)
_RIGHT_AT_CUT = np.logaddexp(0.0, -_CUTS)  # loss of a cell that is right, as certain as each cut
Floats = NDArray[np.float64]


def logistic(scores: Floats, target: Floats) -> Floats:
    """Logistic loss of each cell in nats, scores cut at ±4.

    Of more than two classes it is the cross-entropy of the softmax, which is the logistic loss of
    the log-odds of a cell's own class against all others together; these are cut.
    A cell without a score (NaN) costs as much as one that is certain and wrong.

    Parameters
    ----------
    scores
        (cells,) of two classes, (cells, classes) of more.
    target
        (cells,) number of the class.
    """
    if scores.ndim > target.ndim:
        odds = own_odds(scores, target)
        cut = np.where(np.isnan(odds), -CERTAIN, np.clip(odds, -CERTAIN, CERTAIN))
        return np.logaddexp(0.0, -cut)
    wrong = CERTAIN * (1 - 2 * target)
    cut = np.where(np.isnan(scores), wrong, np.clip(scores, -CERTAIN, CERTAIN))
    return np.logaddexp(0.0, cut) - target * cut


def fair_logistic(scores: Floats, target: Floats, weights: Floats) -> Floats:
    """Logistic loss of each cell by which equations are compared: cut as the classes justify.

    Where labels are wrong now and then, an equation that levels off at the right certainty would
    beat the law that decides, which grows on, and what it would be praised for is the rate of
    wrong labels, not the decision. How certain is right differs between both sides, above all if
    one class is rare and both count the same. So scores are cut on either side where the mean
    loss is least, between ±1 and ±4, as with the lapse rates of psychometric functions (Wichmann &
    Hill 2001). Decisions and their order stay.

    Parameters
    ----------
    scores, target
        As for `logistic`.
    weights
        Weights of the cells in the mean.

    Of more than two classes, the log-odds of the class that the scores mean are cut, for each class
    on its own; the other classes share what is left as before.
    """
    if scores.ndim == 2:
        return _fair_softmax(scores, target, weights)
    cut = np.array(scores)
    for sign in (-1.0, 1.0):
        side = sign * scores > LEAST_CERTAIN
        if side.any():
            height, weight = sign * scores[side], weights[side]
            right = (sign > 0) == (target[side] > 0)
            own = logistic(scores[side], target[side])
            # sums over the cells up to each cut, and over those beyond
            place = np.searchsorted(_CUTS, height)
            parts = np.stack([weight * own, weight * right, weight * ~right])
            sums = np.stack([np.bincount(place, part, len(_CUTS) + 1) for part in parts])
            within = sums.cumsum(axis=1)[:, :-1]
            _, more_right, more_wrong = sums.sum(axis=1)[:, None] - within
            losses = within[0] + more_right * _RIGHT_AT_CUT + more_wrong * (_RIGHT_AT_CUT + _CUTS)
            cut[side] = sign * np.minimum(height, _CUTS[int(losses.argmin())])
    return logistic(cut, target)


def _fair_softmax(scores: Floats, target: Floats, weights: Floats) -> Floats:
    losses, said = logistic(scores, target), decided(scores)
    for kind in np.unique(said[said >= 0]):
        side = np.flatnonzero(said == kind)
        odds = own_odds(scores[side], np.full(len(side), kind))
        side, odds = side[odds > LEAST_CERTAIN], odds[odds > LEAST_CERTAIN]
        if not len(side):
            continue
        lowered = np.minimum(odds[:, None], _CUTS)  # (cells, cuts)
        # what the others get more, logarithms of shares
        more = np.logaddexp(0.0, odds)[:, None] - np.logaddexp(0.0, lowered)
        others = np.logaddexp(0.0, -own_odds(scores[side], target[side]))[:, None] - more
        right = (target[side] == kind)[:, None]
        trial = np.where(
            right, np.logaddexp(0.0, -lowered), np.minimum(others, np.logaddexp(0.0, CERTAIN))
        )
        losses[side] = trial[:, int((weights[side] @ trial).argmin())]
    return losses


def own_odds(scores: Floats, target: NDArray[Any]) -> Floats:
    """Log-odds (cells,) of each cell's own class against all others; scores (cells, classes)."""
    rows, own = np.arange(len(scores)), target.astype(np.intp)
    others = scores.copy(order="F")
    others[rows, own] = -np.inf
    most = others.max(axis=1)
    with np.errstate(all="ignore"):
        rest = most + np.log(np.exp(others - most[:, None]).sum(axis=1))
    return np.asarray(scores[rows, own] - rest)


def all_odds(scores: Floats) -> Floats:
    """Log-odds (cells, classes) of each class against all others."""
    kinds = [own_odds(scores, np.full(len(scores), k)) for k in range(scores.shape[1])]
    return np.stack(kinds).T


def class_weights(target: Floats, balanced: bool) -> Floats:
    """Weights with mean 1, with which all classes count the same if `balanced`."""
    if not balanced:
        return np.ones_like(target)
    if target.max() > 1:
        _, kind, counts = np.unique(target, return_inverse=True, return_counts=True)
        return np.asarray(len(target) / (len(counts) * counts))[kind]
    positive = target.mean()
    return np.where(target > 0, 0.5 / positive, 0.5 / (1 - positive))


def mean_and_error(losses: Floats, weights: Floats, groups: NDArray) -> tuple[float, float]:
    """Weighted mean and its standard error with cells clustered in groups.

    The sandwich estimator for a ratio of sums (Cochran 1977, section 6): cells of one movie are
    not independent. With a single group, each cell stands for itself.
    """
    mean = float(np.average(losses, weights=weights))
    _, group = np.unique(groups, return_inverse=True)
    count = int(group.max()) + 1
    if count < 2:
        group, count = np.arange(len(losses)), len(losses)
    sums = np.bincount(group, weights * (losses - mean), count)
    error = np.sqrt(count / max(count - 1, 1) * (sums**2).sum()) / weights.sum()
    return mean, float(error)


def sides(scores: Floats) -> NDArray[np.intp]:
    """Say on which side of 0 (cells,) scores are, or which class (cells, classes) scores mean.

    Without a score a cell is not above 0, and of more classes it has the number -1.
    """
    return decided(scores) if scores.ndim == 2 else (scores > 0).astype(np.intp)


def correct(scores: Floats, target: Floats) -> NDArray[np.bool_]:
    """Which cells are given their class; one without a score is not."""
    right = sides(scores) == target
    return np.asarray(right if scores.ndim == 2 else right & ~np.isnan(scores))


def balanced_accuracy(scores: Floats, target: Floats) -> float:
    """Mean of the classes' accuracies; a cell without a score counts as wrong."""
    right = correct(scores, target)
    kinds = np.unique(target)
    return float(sum(right[target == kind].mean() for kind in kinds) / len(kinds))


def scores_on(equation: Equation, values: Floats, names: tuple[str, ...]) -> Floats:
    """Score cells by an equation.

    Parameters
    ----------
    equation
        Its value is the score, or the scores.
    values, names
        Latents of the cells, shape (cells, variables), and their names.

    Returns
    -------
    ndarray, float64
        (cells,), or (cells, classes) of more than two classes; not to be written to: a constant is
        there once.
    """
    columns = dict(zip(names, values.T, strict=True))
    scores = equation.evaluate(columns)
    shape = (len(values),) if isinstance(equation, Expression) else (len(values), scores.shape[-1])
    return np.broadcast_to(scores, shape)


def digits_that_hold(equation: Equation, values: Floats, names: tuple[str, ...]) -> tuple[int, int]:
    """Find how far an equation may be rounded.

    Returns
    -------
    digits, flips
        The fewest significant digits, two or more, with which at most one cell in a thousand
        is given another class, and how many cells are.
    """
    exact = sides(scores_on(equation, values, names))
    for digits in range(2, 18):
        rounded = sides(scores_on(equation.rounded(digits), values, names))
        flips = int((exact != rounded).sum())
        if flips <= len(values) // 1000:
            break
    return digits, flips
