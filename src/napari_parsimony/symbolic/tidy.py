"""A shorter form of an equation that says the same of every cell."""

from typing import NamedTuple

import numpy as np

from napari_parsimony.symbolic.class_scores import E, Equation
from napari_parsimony.symbolic.losses import CERTAIN, Floats, all_odds, scores_on, sides
from napari_parsimony.symbolic.shorten import variants

# A score may move by this much where the decision is not certain: half of the last digit shown
UNSEEN = 0.005
_FEW = 500  # cells that refuse most variants at once


class Change(NamedTuple):
    """What another form of an equation changes.

    Attributes
    ----------
    flips
        Cells that are put on another side, or are decided by one of the forms only.
    moved
        How far the score of a cell moves at most, scores cut at ±4; of more than two classes the
        log-odds of a class against all others.
    """

    flips: int
    moved: float

    @property
    def unseen(self) -> bool:
        """Whether nothing changes that one can see."""
        return self.flips == 0 and self.moved <= UNSEEN


def change(before: Equation, after: Equation, values: Floats, names: tuple[str, ...]) -> Change:
    """Compare two forms of an equation, cell by cell, in float64.

    Parameters
    ----------
    before, after
        The forms.
    values, names
        Latents of the cells, shape (cells, variables), and their names.
    """
    one, other = (scores_on(form, values, names) for form in (before, after))
    flips = sides(one) != sides(other)
    if one.ndim == 2:
        one, other = all_odds(one), all_odds(other)
    undecided = np.isnan(one)
    changed = undecided != np.isnan(other)
    flips |= changed if one.ndim == 1 else changed.any(axis=1)
    both = ~undecided & ~np.isnan(other)
    cut = np.clip(one[both], -CERTAIN, CERTAIN) - np.clip(other[both], -CERTAIN, CERTAIN)
    return Change(int(flips.sum()), float(np.abs(cut).max(initial=0.0)))


def tidied(equation: E, values: Floats, names: tuple[str, ...]) -> E:
    """Expand, factor, collect, and drop what changes nothing, as long as the cells agree.

    Every step is checked against the equation given: no cell may change its side, become undecided
    or be decided where it was not, and no score that is not certain anyway may move by more than
    0.005. A form that does not hold is refused, and the equation comes back as it was if none does.

    Parameters
    ----------
    equation
        What to shorten.
    values, names
        Latents of the cells, shape (cells, variables), and their names.
    """
    few = values[:: max(1, len(values) // _FEW)]

    def holds(form: E) -> bool:
        return all(change(equation, form, cells, names).unseen for cells in (few, values))

    best = equation
    short = equation.simplified()
    if short.size < best.size and holds(short):
        best = short
    while True:
        shorter = next((form for form in variants(best) if holds(form)), None)
        if shorter is None:
            return best
        best = shorter
