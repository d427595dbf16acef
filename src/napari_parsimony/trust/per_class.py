"""How well each of the classes is found."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_parsimony import bootstrap
from napari_parsimony.trust import metrics
from napari_parsimony.trust.config import EvaluateConfig
from napari_parsimony.trust.schemes import Estimate

ClassEstimates = Mapping[str, Estimate]
"""`metrics.CLASS_METRICS` → the number with its interval."""


def per_class(
    scores: NDArray[np.floating],
    target: NDArray[np.intp],
    groups: ArrayLike,
    config: EvaluateConfig,
) -> list[ClassEstimates]:
    """Precision, recall and F1 of each class.

    Parameters
    ----------
    scores
        (N, outputs) see `classify.scores`; NaN where the scheme does not decide.
    target
        (N,) number of the class.
    groups
        (N,) movie of each cell: what is drawn anew in a resample.
    config
        Number of resamples, confidence, seed.
    """
    names, group = bootstrap.encode(np.asarray(groups))
    plain = metrics.class_metrics(scores, target, group, np.ones((1, len(names))))
    many = len(names) > 1
    drawn = bootstrap.draw(len(names), config.resamples if many else 0, config.seed)
    samples = metrics.class_metrics(scores, target, group, drawn)
    empty = ("there is no such cell", "no cell is said to be of this class")

    def estimate(which: int, metric: str) -> Estimate:
        value = float(plain[which][metric][0])
        if not np.isfinite(value):
            return Estimate(value=None, reason=empty[metric == "precision"])
        if not many:
            return Estimate(value=value, reason="all cells are of one group")
        bounds = bootstrap.interval(samples[which][metric], config.confidence)
        if bounds is None:
            return Estimate(value=value, reason="most resamples hold no such cell")
        return Estimate(value=value, low=bounds[0], high=bounds[1])

    return [
        {metric: estimate(which, metric) for metric in metrics.CLASS_METRICS}
        for which in range(len(plain))
    ]
