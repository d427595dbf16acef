"""What six hand-made numbers about a cell's shape achieve: a baseline for every table."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from napari_parsimony.errors import UserError
from napari_parsimony.trust.schemes import Complexity

STRENGTHS = (0.001, 0.01, 0.1, 1.0, 10.0, 100.0)
"""Inverse strengths of the ridge penalty that validation chooses from."""


class Baseline(NamedTuple):
    """A fitted baseline.

    Attributes
    ----------
    scores
        (N,) logits, NaN where no cell was found in the crop.
    complexity
        Coefficients, and nodes of the quadratic written out in the six features.
    strength
        The inverse penalty that validation chose.
    """

    scores: NDArray[np.float64]
    complexity: Complexity
    strength: float


def shape_baseline(features: pd.DataFrame, target: ArrayLike, split: ArrayLike) -> Baseline:
    """Quadratic logistic regression: all features, their squares and products, ridge penalty.

    Each strength is fitted on the training cells and judged by the logistic loss on the validation
    cells; the best is fitted again on both. Classes weigh the same however many cells they have.

    Parameters
    ----------
    features
        (N, F) one row for each cell, see `cells.shape.shape_features`; all 0 or NaN where no cell
        was found.
    target
        (N,) 1 for the second class, 0 for the first, NaN for neither.
    split
        (N,) "train", "validation" or "test"; test cells are only scored.

    Raises
    ------
    UserError
        If the training cells with features are all of one class.
    """
    values = features.to_numpy(dtype=np.float64)
    positive, where = np.asarray(target, dtype=np.float64), np.asarray(split, dtype=str)
    found = np.isfinite(values).all(axis=1) & (values != 0).any(axis=1)
    usable = found & np.isfinite(positive)
    train, validation = usable & (where == "train"), usable & (where == "validation")
    if len(np.unique(positive[train])) < 2:
        raise UserError(
            "The shape baseline needs training cells of both classes: give more cells a class, or "
            "switch the baseline off."
        )
    strength = 1.0
    if len(np.unique(positive[validation])) == 2:
        losses = [
            log_loss(
                positive[validation],
                _model(each)
                .fit(values[train], positive[train])
                .predict_proba(values[validation])[:, 1],
                sample_weight=_even(positive[validation]),
            )
            for each in STRENGTHS
        ]
        strength = STRENGTHS[int(np.argmin(losses))]
    fitted = _model(strength).fit(values[train | validation], positive[train | validation])
    scores = np.full(len(values), np.nan)
    if found.any():
        scores[found] = fitted.decision_function(values[found])
    return Baseline(scores, _complexity(values.shape[1]), strength)


def _model(strength: float) -> Pipeline:
    return make_pipeline(
        StandardScaler(),
        PolynomialFeatures(2, include_bias=False),
        StandardScaler(),
        LogisticRegression(C=strength, class_weight="balanced", max_iter=5_000),
    )


def _even(positive: NDArray[np.float64]) -> NDArray[np.float64]:
    share = positive.mean()
    return np.where(positive > 0, 0.5 / share, 0.5 / (1 - share))


def _complexity(features: int) -> Complexity:
    """Count the nodes of c + Σ c x + Σ c x² + Σ c x y, with squares as one operator each."""
    pairs = features * (features - 1) // 2
    terms = 2 * features + pairs
    size = 1 + 3 * features + 4 * features + 5 * pairs + terms
    return Complexity(parameters=terms + 1, expression_size=size)
