"""Held-out cells with a class, and what each scheme says of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_parsimony import bootstrap
from napari_parsimony.trust.config import TrustConfig
from napari_parsimony.trust.findings import Key, keys_of
from napari_parsimony.trust.metrics import correct
from napari_parsimony.trust.regress import Floats, Rows
from napari_parsimony.trust.resample import Measured, resampled

LAW, BOX = "symbolic", "black_box"
LISTED = 500
"""Cells of a finding, at most."""


@dataclass(frozen=True)
class Judged:
    """Held-out cells with a class.

    Attributes
    ----------
    keys
        (N,) image, frame, label.
    target, classes
        (N,) number of the class, and the names.
    groups, group_word
        (N,) movie of each cell, and what it is called: movie, image or tile.
    scores
        (N, outputs) of each scheme by its name, the law's as ``symbolic``; see `classify.scores`.
    """

    keys: pd.DataFrame
    target: Rows
    classes: Sequence[str]
    groups: NDArray
    group_word: str
    scores: Mapping[str, Floats]

    def wrong(self, scheme: str = LAW) -> NDArray[np.bool_]:
        """(N,) which cells a scheme does not give their class."""
        return ~correct(self.scores[scheme], self.target)

    def keys_of(self, rows: Rows) -> tuple[Key, ...]:
        """Keys of some cells in their order, `LISTED` at most."""
        return keys_of(self.keys, rows[:LISTED])

    def mean(self, values: NDArray, among: NDArray[np.bool_], config: TrustConfig) -> Measured:
        """Mean of (N,) values over some cells, with an interval from drawing groups anew."""
        names, group = bootstrap.encode(self.groups)
        total = np.bincount(group[among], values[among].astype(np.float64), len(names))
        count = np.bincount(group[among], minlength=len(names))

        def metric(weights: Floats) -> Floats:
            with np.errstate(invalid="ignore", divide="ignore"):
                return np.asarray((weights @ total) / (weights @ count))

        return resampled(metric, group, len(names), config)
