"""The logistic loss and what else is measured on cells with a class."""

import numpy as np
from numpy.typing import NDArray

from napari_parsimony.symbolic.expression import Expression

# A score is not taken as more certain than this. Labels are wrong now and then: without the bound,
# a single wrong one could cost more than all others together, and no law that grows fast, like the
# published one with its exp(exp(z3)), would ever be found.
CERTAIN = 4.0
_LEAST_CERTAIN = 1.0
_CUTS = np.linspace(_LEAST_CERTAIN, CERTAIN, 13)
Floats = NDArray[np.float64]


def logistic(scores: Floats, target: Floats) -> Floats:
    """Logistic loss of each cell in nats, scores cut at ±4.

    A cell without a score (NaN) costs as much as one that is certain and wrong.
    """
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
    """
    cut = np.array(scores)
    for sign in (-1.0, 1.0):
        side = sign * scores > _LEAST_CERTAIN
        if side.any():
            # (cells, cuts)
            trial = sign * np.minimum(sign * scores[side, None], _CUTS)
            means = weights[side] @ logistic(trial, target[side, None])
            cut[side] = trial[:, int(means.argmin())]
    return logistic(cut, target)


def class_weights(target: Floats, balanced: bool) -> Floats:
    """Weights with mean 1, with which both classes count the same if `balanced`."""
    if not balanced:
        return np.ones_like(target)
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


def correct(scores: Floats, target: Floats) -> NDArray[np.bool_]:
    """Which cells are on their side of zero; one without a score is not."""
    return np.where(target > 0, scores > 0, scores <= 0)


def balanced_accuracy(scores: Floats, target: Floats) -> float:
    """Mean of the two classes' accuracies; a cell without a score counts as wrong."""
    right = correct(scores, target)
    return float((right[target > 0].mean() + right[target <= 0].mean()) / 2)


def scores_on(expression: Expression, values: Floats, names: tuple[str, ...]) -> Floats:
    """Score cells by an expression.

    Parameters
    ----------
    expression
        Its value is the score.
    values, names
        Latents of the cells, shape (cells, variables), and their names.

    Returns
    -------
    ndarray, float64
        (cells,), not to be written to: a constant is there once.
    """
    columns = dict(zip(names, values.T, strict=True))
    return np.broadcast_to(expression.evaluate(columns), len(values))


def digits_that_hold(
    expression: Expression, values: Floats, names: tuple[str, ...]
) -> tuple[int, int]:
    """Find how far an expression may be rounded.

    Returns
    -------
    digits, flips
        The fewest significant digits, two or more, with which at most one cell in a thousand
        changes its side, and how many cells do.
    """
    exact = scores_on(expression, values, names) > 0
    for digits in range(2, 18):
        rounded = scores_on(expression.rounded(digits), values, names) > 0
        flips = int((exact != rounded).sum())
        if flips <= len(values) // 1000:
            break
    return digits, flips
