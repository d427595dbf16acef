"""Accuracy, balanced accuracy and AUC of scores, with intervals from resampling whole groups.

A resample gives every group a weight (how often it was drawn, see `bootstrap`), and each metric is
a function of those weights, so nothing is copied and no cell is looped over.
"""

import numpy as np
from numpy.typing import NDArray

from napari_parsimony.classify.scores import (
    UNDECIDED,
    class_count,
    decided,
    log_odds,
    probabilities,
)

_AT_ONCE = 4_000_000  # weights of cells held in memory
METRICS = ("accuracy", "balanced_accuracy", "auc")
CLASS_METRICS = ("precision", "recall", "f1")


def confusion(scores: NDArray[np.floating], target: NDArray[np.intp]) -> NDArray[np.intp]:
    """Count cells by class and by what one scheme says.

    Parameters
    ----------
    scores
        (N, outputs) see `classify.scores`; NaN where the scheme does not decide.
    target
        (N,) number of the class.

    Returns
    -------
    numpy.ndarray
        (classes, classes + 1): rows are classes, columns what is said, the last *not decided*.
    """
    classes = class_count(scores)
    said = decided(scores)
    table = np.zeros((classes, classes + 1), np.intp)
    np.add.at(table, (np.asarray(target, np.intp), np.where(said == UNDECIDED, classes, said)), 1)
    return table


def calibration(
    scores: NDArray[np.floating], target: NDArray[np.intp], bins: int = 10
) -> tuple[float, NDArray[np.float64]]:
    """Compare how sure a scheme is of the class that it gives with how often it is right.

    Parameters
    ----------
    scores
        (N, outputs) logits; cells that are not decided are left out.
    target
        (N,) number of the class.
    bins
        Of even width, of the probability of the likeliest class.

    Returns
    -------
    error, table
        Expected calibration error (Guo et al. 2017): the mean difference, bins weighted by their
        cells; NaN without cells. And (bins, 3): cells, mean probability and share that is right,
        NaN where a bin is empty.
    """
    likely = probabilities(scores).max(axis=-1)
    known = np.isfinite(likely)
    place = np.minimum((likely[known] * bins).astype(np.intp), bins - 1)
    right = correct(scores, target)[known]
    cells = np.bincount(place, minlength=bins)
    with np.errstate(invalid="ignore", divide="ignore"):
        sure = np.bincount(place, likely[known], bins) / cells
        share = np.bincount(place, right, bins) / cells
        error = float(np.nansum(cells * np.abs(sure - share)) / cells.sum())
    return error, np.stack([cells, sure, share], axis=1)


def correct(scores: NDArray[np.floating], target: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Which cells are given their class; one that is not decided is not."""
    return np.asarray(decided(scores) == target)


def metrics(
    scores: NDArray[np.floating],
    target: NDArray[np.intp],
    groups: NDArray[np.intp],
    weights: NDArray[np.float64],
    folds: NDArray[np.intp] | None = None,
) -> dict[str, NDArray[np.float64]]:
    """Every metric of one scheme, once for each row of group weights.

    Parameters
    ----------
    scores
        (N, outputs) see `classify.scores`; NaN (not decided) is wrong and ranks behind every cell
        of another class.
    target
        (N,) number of the class.
    groups
        (N,) index of each cell's group, 0 … G-1.
    weights
        (B, G) weight of each group; ones for the plain metrics.
    folds
        (N,) which model scored each cell. Scores of different models are not on one scale, so the
        AUC only compares cells of one fold. None: one model.

    Returns
    -------
    dict
        `METRICS` → (B,), NaN where a row of weights leaves a class empty. The balanced accuracy is
        the mean over the classes of the share that is found; the AUC of more than two classes is
        the mean of those of each class against the rest.
    """
    number = weights.shape[1]
    right = correct(scores, target)

    def total(chosen: NDArray[np.bool_]) -> NDArray[np.float64]:
        return weights @ np.bincount(groups[chosen], minlength=number)

    kinds = [target == kind for kind in range(class_count(scores))]
    members = [total(kind) for kind in kinds]
    with np.errstate(invalid="ignore", divide="ignore"):
        found = [total(right & kind) / count for kind, count in zip(kinds, members, strict=True)]
        accuracy = total(right) / sum(members)
    areas = [
        auc(odds, kind, groups, weights, folds)
        for odds, kind in zip(log_odds(scores), kinds[-scores.shape[1] :], strict=True)
    ]
    return {
        "accuracy": accuracy,
        "balanced_accuracy": np.mean(found, axis=0),
        "auc": np.mean(areas, axis=0),
    }


def class_metrics(
    scores: NDArray[np.floating],
    target: NDArray[np.intp],
    groups: NDArray[np.intp],
    weights: NDArray[np.float64],
) -> list[dict[str, NDArray[np.float64]]]:
    """Precision, recall and F1 of each class; see `metrics`.

    A cell that is not decided is of no class: it lowers the recall of its own only.

    Returns
    -------
    list of dict
        `CLASS_METRICS` → (B,) each, NaN where a row of weights leaves nothing to divide by.
    """
    number = weights.shape[1]

    def total(chosen: NDArray[np.bool_]) -> NDArray[np.float64]:
        return weights @ np.bincount(groups[chosen], minlength=number)

    said = decided(scores)
    found = []
    for kind in range(class_count(scores)):
        true, answered = target == kind, said == kind
        hits, members, answers = total(true & answered), total(true), total(answered)
        with np.errstate(invalid="ignore", divide="ignore"):
            found.append(
                {
                    "precision": hits / answers,
                    "recall": hits / members,
                    "f1": 2 * hits / (members + answers),
                }
            )
    return found


def auc(
    scores: NDArray[np.floating],
    target: NDArray[np.bool_],
    groups: NDArray[np.intp],
    weights: NDArray[np.float64],
    folds: NDArray[np.intp] | None = None,
) -> NDArray[np.float64]:
    """Area under the ROC curve by weighted ranks, ties counted half; see `metrics`.

    Here `scores` are (N,) and `target` is True for the class that has the high ones.
    """
    ranked = np.where(np.isnan(scores), np.where(target, -np.inf, np.inf), scores)
    fold = np.zeros(len(scores), int) if folds is None else folds
    won, pairs = np.zeros(len(weights)), np.zeros(len(weights))
    for each in np.unique(fold):
        cells = np.flatnonzero(fold == each)
        _, place = np.unique(ranked[cells], return_inverse=True)
        few = len(np.unique(groups[cells])) ** 2 < 20 * len(cells)
        count = _pairs_by_group if few else _pairs_by_cell
        here_won, here_pairs = count(place.reshape(-1), target[cells], groups[cells], weights)
        won += here_won
        pairs += here_pairs
    with np.errstate(invalid="ignore"):
        return won / np.where(pairs > 0, pairs, np.nan)


Pairs = tuple[NDArray[np.float64], NDArray[np.float64]]


def _pairs_by_group(
    place: NDArray[np.intp],
    target: NDArray[np.bool_],
    groups: NDArray[np.intp],
    weights: NDArray[np.float64],
) -> Pairs:
    """Weighted pairs of a positive and a negative cell that are ordered rightly, and all, (B,).

    They are quadratic forms of the group weights: their matrix is counted once, one group of
    negatives at a time, so that resamples cost nothing where there are few groups.
    """
    number = weights.shape[1]
    won, pairs = np.zeros(len(weights)), np.zeros(len(weights))
    positives = weights @ np.bincount(groups[target], minlength=number)
    for group in np.unique(groups[~target]):
        here = np.bincount(place[~target & (groups == group)], minlength=place.max() + 1)
        below = np.cumsum(here) - here / 2
        beaten = np.bincount(groups[target], weights=below[place[target]], minlength=number)
        won += weights[:, group] * (weights @ beaten)
        pairs += weights[:, group] * positives * here.sum()
    return won, pairs


def _pairs_by_cell(
    place: NDArray[np.intp],
    target: NDArray[np.bool_],
    groups: NDArray[np.intp],
    weights: NDArray[np.float64],
) -> Pairs:
    """Count the same cell by cell, in order of rank: quicker where there are many groups."""
    order = np.argsort(place, kind="stable")
    target, groups = target[order], groups[order]
    first = np.flatnonzero(np.diff(place[order], prepend=-1))
    won, pairs = np.zeros(len(weights)), np.zeros(len(weights))
    many = max(1, _AT_ONCE // len(place))
    for start in range(0, len(weights), many):
        part = slice(start, start + many)
        weight = weights[part][:, groups]
        negative = np.add.reduceat(np.where(target, 0, weight), first, axis=1)
        positive = np.add.reduceat(np.where(target, weight, 0), first, axis=1)
        below = np.cumsum(negative, axis=1)
        won[part] = np.einsum("bi,bi->b", positive, below - negative / 2)
        pairs[part] = below[:, -1] * positive.sum(1)
    return won, pairs
