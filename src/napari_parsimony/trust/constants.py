"""How much the numbers of an equation owe to single movies."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_parsimony import bootstrap
from napari_parsimony.symbolic.class_scores import Equation
from napari_parsimony.symbolic.losses import class_weights, scores_on, sides
from napari_parsimony.symbolic.refit import refit
from napari_parsimony.trust.findings import CONSTANTS, Finding, Severity
from napari_parsimony.trust.regress import Floats

MOST = 40
"""Refits, at most: of more groups, several are left out at a time."""
CHANGED = 0.05


class Learned(NamedTuple):
    """The cells that the numbers of an equation were fitted to, and those to look at.

    Attributes
    ----------
    values, target, groups
        (N, V) latents that the equation reads, (N,) class and (N,) movie.
    balanced
        Whether classes counted the same.
    new
        (M, V) latents of held-out cells.
    """

    values: Floats
    target: Floats
    groups: NDArray
    balanced: bool
    new: Floats


def check_constants(
    equation: Equation, cells: Learned, group_word: str, seed: int
) -> Finding | None:
    """Fit the numbers again without each of the groups, one after another (jackknife).

    None if the equation has no number, or cells are of one group only.
    """
    names, group = bootstrap.encode(cells.groups)
    if not equation.constants or len(names) < 2:
        return None
    parts = np.random.default_rng(seed).permutation(len(names)) % min(MOST, len(names))
    part = parts[group]

    def fitted(rows: NDArray[np.bool_]) -> Equation:
        target = cells.target[rows]
        weights = class_weights(target, cells.balanced)
        return refit(equation, cells.values[rows], equation.variables, target, weights)[0]

    def said(each: Equation) -> NDArray:
        return np.asarray(sides(scores_on(each, cells.new, equation.variables)))

    kinds = len(np.unique(cells.target))
    rests = [part != index for index in np.unique(part)]
    rests = [rows for rows in rests if len(np.unique(cells.target[rows])) == kinds]
    if len(rests) < 2:
        return None
    whole = fitted(np.ones(len(cells.target), bool))
    others = [fitted(rows) for rows in rests]
    found = np.array([each.constants for each in others])
    # of the grouped jackknife (Miller 1974)
    error = np.sqrt((len(others) - 1) * found.var(axis=0))
    changed = [float((said(each) != said(whole)).mean()) for each in others]
    numbers: dict[str, float | None] = {"refits": float(len(others))}
    for index, (value, each) in enumerate(zip(whole.constants, error, strict=True)):
        numbers |= {f"number {index + 1}": float(value), f"number {index + 1}, error": float(each)}
    numbers["held-out cells that change class, at most"] = max(changed)
    unsure = int((error > np.abs(whole.constants)).sum())
    sentence = (
        f"Fitted again without any one {group_word}, the equation says something else of "
        f"{100 * max(changed):.1f} % of the held-out cells at most"
        if len(names) <= MOST
        else f"Fitted again without a {len(others)}th of the {group_word}s, the equation says "
        f"something else of {100 * max(changed):.1f} % of the held-out cells at most"
    )
    if unsure:
        sentence += (
            f"; {unsure} of its {len(error)} numbers could as well be 0, as their standard errors "
            "are larger than they are"
        )
    severity: Severity = "note" if unsure or max(changed) > CHANGED else "fine"
    return Finding(CONSTANTS, severity, f"{sentence}.", (), numbers)
