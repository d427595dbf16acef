"""The law beside what is left when a part of the method goes: one row each."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_parsimony import bootstrap
from napari_parsimony.trust.metrics import metrics
from napari_parsimony.trust.relearn_config import AblationsConfig

Floats = NDArray[np.float64]

STUDY, DISENTANGLING, SPARSITY, REWIRING, EQUATION, LATENTS = (
    "the study", "disentanglement", "sparsity", "rewiring", "equation", "latents",
)  # fmt: skip
"""What a row is about: the study as it is, or the part of the method that it leaves out."""


@dataclass(frozen=True)
class Row:
    """One way to a decision.

    Attributes
    ----------
    name, title, part
        What it is, what people read, and which part of the method is left out or replaced.
    scores
        (N, outputs) of all cells, see `classify.scores`; NaN where it does not decide, which is
        counted as wrong. None where it could not be made.
    networks
        (N, outputs) of the sparse networks on the way, None where there are none.
    inputs
        How many latents or traits it reads; None for pixels.
    parameters, size
        Fitted numbers, and operators + constants + variables; None where nobody would count.
    equation
        In words of the inputs, if it is one.
    note
        Why there is no number, or what to know about it.
    """

    name: str
    title: str
    part: str
    scores: Floats | None
    networks: Floats | None = None
    inputs: int | None = None
    parameters: int | None = None
    size: int | None = None
    equation: str = ""
    note: str = ""


def compared(
    scores: Mapping[str, Floats | None],
    reference: str,
    target: NDArray[np.intp],
    groups: NDArray,
    config: AblationsConfig,
) -> pd.DataFrame:
    """Balanced accuracy of each row, and its difference to one of them, on the same cells.

    Parameters
    ----------
    scores
        (n, outputs) of n held-out cells by the name of the row; None where there is none.
    reference
        The row that all others are compared with.
    target, groups
        (n,) number of the class, and the group that is drawn anew.
    config
        Resamples, confidence and seed.

    Returns
    -------
    DataFrame
        By name: ``balanced_accuracy``, ``difference`` (its own minus the reference's) and ``… low``
        and ``… high`` of both, from the same resamples; NaN where there is none.
    """
    names, group = bootstrap.encode(groups)
    weights = np.ones((1, len(names)))
    if len(names) > 1:
        drawn = bootstrap.draw(len(names), config.resamples, config.seed)
        weights = np.concatenate([weights, drawn])
    values = {
        name: np.full(len(weights), np.nan)
        if each is None
        else metrics(each, target, group, weights)["balanced_accuracy"]
        for name, each in scores.items()
    }
    lines = {}
    for name, value in values.items():
        line = {}
        pairs = {"balanced_accuracy": value, "difference": value - values[reference]}
        for what, each in pairs.items():
            bounds = bootstrap.interval(each[1:], config.confidence) if len(each) > 1 else None
            line[what] = each[0]
            line[f"{what} low"], line[f"{what} high"] = bounds or (np.nan, np.nan)
        lines[name] = line
    return pd.DataFrame.from_dict(lines, orient="index").rename_axis("name")
