"""Regressions that are judged on groups they have not seen."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.model_selection import GroupKFold

from napari_parsimony import bootstrap
from napari_parsimony.errors import UserError

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]

PARTS = 5
STRENGTHS = np.logspace(-1, 4, 11)
FARTHEST = 3.0  # standard deviations: squares of what lies farther out would rule


class Plan(NamedTuple):
    """Which cells are predicted from which.

    Attributes
    ----------
    folds
        Rows to fit and rows to predict; no group is in both. Each cell is predicted once.
    held_out
        (N,) the cells that count.
    groups
        (N,) index of each cell's group.
    """

    folds: tuple[tuple[Rows, Rows], ...]
    held_out: NDArray[np.bool_]
    groups: Rows


def plan(groups: Sequence[str] | NDArray, held_out: NDArray[np.bool_]) -> Plan:
    """Plan predictions: held-out cells from all others, and these by cross-validation.

    Parameters
    ----------
    groups
        (N,) what is never divided.
    held_out
        (N,) cells that the models of a study have not seen; if all, they are cross-validated.

    Raises
    ------
    UserError
        If cells of two groups at least are not there to be fitted to.
    """
    names, index = bootstrap.encode(groups)
    rest = np.flatnonzero(~held_out) if not held_out.all() else np.arange(len(held_out))
    number = len(np.unique(index[rest]))
    if number < 2:
        raise UserError(
            f"What a law rests on is judged on groups of cells, of which there are {len(names)} "
            "here: give images of more movies, or set 'group_by' of the step cells to tile."
        )
    split = GroupKFold(min(PARTS, number)).split(rest, groups=index[rest])
    folds = [(rest[fitted], rest[told]) for fitted, told in split]
    if not held_out.all() and held_out.any():
        folds.append((rest, np.flatnonzero(held_out)))
    return Plan(tuple(folds), held_out, index)


def design(values: Floats, fitted: Rows) -> Floats:
    """Standardise columns by some rows, and add their squares: (N, 2 F)."""
    spread = values[fitted].std(axis=0)
    scaled = (values - values[fitted].mean(axis=0)) / np.where(spread > 0, spread, 1)
    scaled = np.clip(scaled, -FARTHEST, FARTHEST)
    return np.concatenate([scaled, scaled**2 - 1], axis=1)


def predict(values: Floats, told: Floats, plan: Plan) -> Floats:
    """Ridge regression on traits and their squares, its penalty by leave-one-out.

    Parameters
    ----------
    values
        (N, F) traits.
    told
        (N, outputs) what is explained.
    plan
        Which cells are predicted from which.

    Returns
    -------
    ndarray
        (N, outputs); NaN for cells that are not held out.
    """
    found = np.full(told.shape, np.nan)
    for fitted, rows in plan.folds:
        if not plan.held_out[rows].any():
            continue
        x = design(values, fitted)
        model = RidgeCV(STRENGTHS, alpha_per_target=True).fit(x[fitted], told[fitted])
        found[rows] = model.predict(x[rows]).reshape(-1, told.shape[1])
    return found


def predict_class(values: Floats, target: Rows, plan: Plan) -> Rows:
    """Logistic regression on traits and their squares, classes balanced: (N,) class of each cell.

    Where the cells that are fitted to are of one class, all are said to be of it.
    """
    said = np.zeros(len(target), np.intp)
    for fitted, rows in plan.folds:
        kinds = np.unique(target[fitted])
        if len(kinds) == 1:
            said[rows] = kinds[0]
            continue
        x = design(values, fitted)
        model = LogisticRegression(C=0.1, class_weight="balanced", max_iter=1_000)
        said[rows] = model.fit(x[fitted], target[fitted]).predict(x[rows])
    return said


def r_squared(told: Floats, predicted: Floats) -> Floats:
    """Share of the variance that is predicted, (outputs,); below 0 if worse than the mean."""
    error = ((told - predicted) ** 2).sum(axis=0)
    spread = ((told - told.mean(axis=0)) ** 2).sum(axis=0)
    return np.asarray(1 - error / np.where(spread > 0, spread, np.nan))
