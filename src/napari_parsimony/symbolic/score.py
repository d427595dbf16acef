"""How good an equation is on the cells of a study, as a person writes it."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_parsimony.symbolic.class_scores import E, Equation
from napari_parsimony.symbolic.losses import (
    Floats,
    balanced_accuracy,
    class_weights,
    digits_that_hold,
    fair_logistic,
    scores_on,
    sides,
)
from napari_parsimony.symbolic.refit import refit
from napari_parsimony.symbolic.scale import calmed
from napari_parsimony.symbolic.tidy import tidied

PARTS = ("train", "validation")
MOST_CELLS = 10_000  # of each part; of more a sample, always the same


class Goodness(NamedTuple):
    """How good an equation is on some cells.

    Attributes
    ----------
    loss
        Mean logistic loss in nats of the cells with a class.
    balanced_accuracy
        Of the same cells; one that is not decided is wrong.
    agreement
        Part of all cells on the same side as the sparse network puts them.
    """

    loss: float
    balanced_accuracy: float
    agreement: float


class _Part(NamedTuple):
    values: Floats  # (cells, latents)
    known: NDArray[np.bool_]
    target: Floats  # of the known
    weights: Floats  # of the known
    sides: NDArray[np.intp]  # by the sparse network, of all


class Cells:
    """Training and validation cells of a study, ready to score equations on.

    Parameters
    ----------
    latents
        All of them, one column each, one row a cell.
    logits
        The sparse network's scores, (cells,), or (cells, classes) of more than two.
    target
        (cells,) number of the class, NaN without one.
    split
        (cells,) ``"train"``, ``"validation"`` or ``"test"``; the test cells are not looked at.
    balanced
        Whether all classes count the same in the loss.
    """

    def __init__(
        self,
        latents: pd.DataFrame,
        logits: Floats,
        target: Floats,
        split: NDArray,
        balanced: bool,
    ) -> None:
        self.names = tuple(str(name) for name in latents.columns)
        self._parts: dict[str, _Part] = {}
        for name in PARTS:
            rows = np.flatnonzero(split == name)
            if len(rows) > MOST_CELLS:
                rows = np.sort(np.random.default_rng(0).choice(rows, MOST_CELLS, replace=False))
            known = np.isfinite(target[rows])
            classes = target[rows][known]
            if len(np.unique(classes)) == (2 if logits.ndim == 1 else logits.shape[1]):
                weights = class_weights(classes, balanced)
                values = latents.iloc[rows].to_numpy(np.float64)
                self._parts[name] = _Part(values, known, classes, weights, sides(logits[rows]))

    @property
    def parts(self) -> tuple[str, ...]:
        """Those of ``"train"`` and ``"validation"`` that have cells of all classes."""
        return tuple(self._parts)

    def goodness(self, expression: Equation) -> dict[str, Goodness]:
        """Score an equation on each of the `parts`."""
        found = {}
        for name, part in self._parts.items():
            scores = scores_on(expression, part.values, self.names)
            known = scores[part.known]
            losses = fair_logistic(known, part.target, part.weights)
            found[name] = Goodness(
                float(np.average(losses, weights=part.weights)),
                balanced_accuracy(known, part.target),
                float((sides(scores) == part.sides).mean()),
            )
        return found

    def tidied(self, expression: E) -> tuple[E, int]:
        """Shorten an equation where no training or validation cell notices; see `tidy.tidied`.

        Returns
        -------
        expression, cells
            The shorter form, or the one given, and how many cells were asked.
        """
        values = np.concatenate([part.values for part in self._parts.values()])
        return tidied(expression, values, self.names), len(values)

    def refitted(self, expression: E) -> E:
        """Fit the numbers to the classes of the training cells, rounded as far as that holds."""
        part = self._parts["train"]
        values = part.values[part.known]
        fitted, _ = refit(expression, values, self.names, part.target, part.weights)
        fitted = calmed(fitted, values, self.names, part.target, part.weights)
        digits, _ = digits_that_hold(fitted, values, self.names)
        return fitted.rounded(digits)
