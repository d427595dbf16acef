"""Other models that people can read, fitted to the same latents as the law."""

import importlib.util
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from napari_parsimony.classify.scores import as_outputs, centred
from napari_parsimony.classify.targets import balanced_weights
from napari_parsimony.trust.baseline import STRENGTHS

Floats = NDArray[np.float64]

LEAVES = (2, 3, 4, 6, 8, 12, 16, 24, 32)
"""Sizes of a decision tree that validation chooses from."""


DOUBT = 0.02
"""Part of every probability that is shared out among all classes when models are judged."""


class Model(NamedTuple):
    """A fitted model.

    Attributes
    ----------
    scores
        (N, outputs) see `classify.scores`.
    inputs
        How many columns it reads.
    parameters, size
        Fitted numbers, and operators + constants + variables of the model written out; None where
        nobody would.
    """

    scores: Floats
    inputs: int
    parameters: int
    size: int | None


def logistic_regression(values: pd.DataFrame, target: Floats, split: NDArray) -> Model:
    """Fit a logistic regression with a ridge penalty that validation chooses; see `_chosen`."""
    fits = [
        make_pipeline(
            StandardScaler(), LogisticRegression(C=c, class_weight="balanced", max_iter=5_000)
        )
        for c in STRENGTHS
    ]
    model, x = _chosen(fits, values, target, split)
    scores = centred(as_outputs(np.asarray(model.decision_function(x), np.float64)))
    inputs, outputs = x.shape[1], scores.shape[1]
    return Model(scores, inputs, outputs * (inputs + 1), outputs * (4 * inputs + 1))


def decision_tree(values: pd.DataFrame, target: Floats, split: NDArray) -> Model:
    """Fit a decision tree with as many leaves as validation chooses.

    Written out, a question costs 4 (if, <, a latent, a number) and a leaf 1.
    """
    fits = [
        DecisionTreeClassifier(max_leaf_nodes=n, class_weight="balanced", random_state=0)
        for n in LEAVES
    ]
    model, x = _chosen(fits, values, target, split)
    likely = np.log(np.clip(model.predict_proba(x), 1e-6, 1))
    scores = likely[:, 1:] - likely[:, :1] if likely.shape[1] == 2 else centred(likely)
    asked = model.tree_.feature[model.tree_.feature >= 0]
    leaves = len(asked) + 1
    inputs = len(np.unique(asked))
    return Model(scores, inputs, len(asked) + leaves * scores.shape[1], 4 * len(asked) + leaves)


def boosting_machine(values: pd.DataFrame, target: Floats, split: NDArray) -> Model:
    """Fit an explainable boosting machine of the package ``interpret``: a curve for each column.

    It stops by cells of its own choice; training and validation cells are therefore one.
    """
    from interpret.glassbox import ExplainableBoostingClassifier

    rows = np.isfinite(target) & (split != "test")
    x = values.to_numpy(np.float64)
    model = ExplainableBoostingClassifier(interactions=0, random_state=0, n_jobs=1)
    model.fit(x[rows], target[rows].astype(int), sample_weight=balanced_weights(target[rows]))
    scores = centred(as_outputs(np.asarray(model.decision_function(x), np.float64)))
    return Model(scores, x.shape[1], sum(term.size for term in model.term_scores_), None)


def has_boosting_machine() -> bool:
    """Whether the package ``interpret`` is installed; the plugin does not need it."""
    return importlib.util.find_spec("interpret") is not None


MODELS: dict[str, tuple[str, Callable[[pd.DataFrame, Floats, NDArray], Model]]] = {
    "logistic": ("logistic regression", logistic_regression),
    "tree": ("decision tree", decision_tree),
    "ebm": ("explainable boosting machine", boosting_machine),
}
"""Title of each model, and the function from values (N, columns), number of the class (N,) and
split (N,) to it."""


def _chosen(
    models: Sequence[Any], values: pd.DataFrame, target: Floats, split: NDArray
) -> tuple[Any, Floats]:
    """Fit the model that does best on validation cells to these and the training cells."""
    x, known = values.to_numpy(np.float64), np.isfinite(target)
    train, check = known & (split == "train"), known & (split == "validation")
    weights = balanced_weights(target[check])
    losses = []
    for model in models:
        likely = model.fit(x[train], target[train]).predict_proba(x[check])
        # a tree is certain of what it has seen; one cell that is otherwise must not decide
        likely = (1 - DOUBT) * likely + DOUBT / likely.shape[1]
        losses.append(log_loss(target[check], likely, sample_weight=weights))
    both = train | check
    return models[int(np.argmin(losses))].fit(x[both], target[both]), x
