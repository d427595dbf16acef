"""Classes of simulated cells by a law over their factors."""

import numpy as np
import pandas as pd

from napari_parsimony.errors import UserError
from napari_parsimony.simulate.config import SimulateConfig
from napari_parsimony.simulate.factors import Floats

CLASSES = ("negative", "positive")


def law_scores(config: SimulateConfig, cells: pd.DataFrame) -> Floats:
    """Score of each cell by the law.

    Parameters
    ----------
    config
        With the law.
    cells
        All cells with their factors.

    Raises
    ------
    UserError
        If the law speaks of what does not differ between cells, is no number for one of them, or
        puts all of them into one class.
    """
    values = {}
    for name in config.expression.variables:
        column = cells[name].to_numpy(np.float64)
        spread = column.std()
        if not spread > 1e-9 * max(abs(column).max(), 1):
            raise UserError(
                f"The law '{config.law}' speaks of '{name}', which is the same for all cells: let "
                "it differ, or leave it out."
            )
        # an angle keeps its unit, or no law could say sin(2*angle)
        values[name] = column if name == "angle" else (column - column.mean()) / spread
    scores = config.expression.evaluate(values)
    if not np.isfinite(scores).all():
        raise UserError(
            f"The law '{config.law}' is no number for {(~np.isfinite(scores)).sum():,} of "
            f"{len(scores):,} cells: factors are negative, too, as their mean is 0."
        )
    if (scores > 0).all() or (scores <= 0).all():
        raise UserError(
            f"The law '{config.law}' puts all {len(scores):,} cells into one class: add a number "
            "to it."
        )
    return scores


def classify(config: SimulateConfig, cells: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Add ``score``, ``flipped`` and ``class`` to a table of cells.

    Parameters
    ----------
    config
        With the law, and the share of cells that get the other class.
    cells
        All cells with their factors.
    rng
        What to choose these with.
    """
    scores = law_scores(config, cells)
    count = len(cells)
    flipped = np.zeros(count, dtype=bool)
    flipped[rng.choice(count, round(config.flipped * count), replace=False)] = True
    names = np.array(CLASSES, dtype=object)[((scores > 0) ^ flipped).astype(int)]
    return cells.assign(score=scores, flipped=flipped, **{"class": pd.Series(names, dtype="str")})
