"""What six hand-made numbers about a cell's shape achieve: a baseline for every table."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from napari_parsimony.classify.scores import centred, outputs_for
from napari_parsimony.classify.targets import balanced_weights
from napari_parsimony.errors import UserError
from napari_parsimony.trust.schemes import Complexity

STRENGTHS = (0.001, 0.01, 0.1, 1.0, 10.0, 100.0)
"""Inverse strengths of the ridge penalty that validation chooses from."""


class Baseline(NamedTuple):
    """A fitted baseline.

    Attributes
    ----------
    scores
        (N, outputs) see `classify.scores`; NaN where no cell was found in the crop.
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
        (N,) number of the class, NaN for none.
    split
        (N,) "train", "validation" or "test"; test cells are only scored.

    Raises
    ------
    UserError
        If the training cells with features lack a class.
    """
    values = features.to_numpy(dtype=np.float64)
    number, where = np.asarray(target, dtype=np.float64), np.asarray(split, dtype=str)
    found = np.isfinite(values).all(axis=1) & (values != 0).any(axis=1)
    usable = found & np.isfinite(number)
    train, validation = usable & (where == "train"), usable & (where == "validation")
    kinds = np.unique(number[np.isfinite(number)])
    if len(kinds) < 2 or not np.isin(kinds, number[train]).all():
        raise UserError(
            "The shape baseline needs training cells of all classes: give more cells a class, or "
            "switch the baseline off."
        )
    strength = 1.0
    if np.isin(kinds, number[validation]).all():
        losses = [
            log_loss(
                number[validation],
                _model(each).fit(values[train], number[train]).predict_proba(values[validation]),
                sample_weight=balanced_weights(number[validation]),
            )
            for each in STRENGTHS
        ]
        strength = STRENGTHS[int(np.argmin(losses))]
    fitted = _model(strength).fit(values[train | validation], number[train | validation])
    outputs = outputs_for(kinds)
    scores = np.full((len(values), outputs), np.nan)
    if found.any():
        scores[found] = fitted.decision_function(values[found]).reshape(-1, outputs)
    return Baseline(centred(scores), _complexity(values.shape[1], outputs), strength)


def _model(strength: float) -> Pipeline:
    return make_pipeline(
        StandardScaler(),
        PolynomialFeatures(2, include_bias=False),
        StandardScaler(),
        LogisticRegression(C=strength, class_weight="balanced", max_iter=5_000),
    )


def _complexity(features: int, outputs: int) -> Complexity:
    """Count the nodes of c + Σ c x + Σ c x² + Σ c x y, with squares as one operator each."""
    pairs = features * (features - 1) // 2
    terms = 2 * features + pairs
    size = 1 + 3 * features + 4 * features + 5 * pairs + terms
    return Complexity(parameters=outputs * (terms + 1), expression_size=outputs * size)
