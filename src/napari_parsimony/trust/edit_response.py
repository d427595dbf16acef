"""What an edit does to the score of a law, beside what real cells lead to expect of it.

Among real cells the score goes along with size, elongation and brightness. A law that reads these
answers an edit of the picture in the same way; one that reads something else that real cells have
together with them does not.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_parsimony.trust.edits import EDITS
from napari_parsimony.trust.perturbation import AS_IT_IS, Perturbed
from napari_parsimony.trust.regions import LEAST_HEIGHT
from napari_parsimony.trust.robustness_tables import Resampling

Floats = NDArray[np.float64]

TWICE = float(np.log(2))
EDITED = ("size", "elongation", "brightness")
"""Edits that multiply what they are called after."""


def doublings(traits: pd.DataFrame) -> pd.DataFrame:
    """Measure in doublings what edits change, and the area of other objects beside the cell's.

    Parameters
    ----------
    traits
        (N,), see `traits.measure_traits`.

    Returns
    -------
    DataFrame
        (N, 4) ``size``, ``elongation``, ``brightness`` (above the background), ``neighbours``;
        NaN where a crop has no cell.
    """
    height = np.maximum(traits["brightness"] - traits["background"], LEAST_HEIGHT)
    return pd.DataFrame(
        {
            "size": np.log(traits["size"]) / TWICE,
            "elongation": traits["elongation"] / TWICE,  # a logarithm already
            "brightness": np.log(height) / TWICE,
            "neighbours": traits["area of others"] / traits["size"],
        }
    )


def responses(
    done: Perturbed, measured: pd.DataFrame, classes: Sequence[str], draw: Resampling
) -> pd.DataFrame:
    """Put what edits do to the law's scores beside what real cells lead to expect.

    Parameters
    ----------
    done
        From `perturbation.perturb`, with the edits `EDITED`.
    measured
        (N, 4) of the same cells, from `doublings`.
    classes
        Names of the classes.
    draw
        Of the same cells.

    Returns
    -------
    DataFrame
        ``edit``, ``class``, ``expected``: by how much the logarithm of the odds of the class rises
        among real cells with each doubling, size, elongation, brightness and neighbours taken
        together (linear regression); ``observed``: by how much it rises with each doubling in the
        edited pictures of a cell, mean over the cells; ``along``: share of the cells whose score
        goes the way that is expected; each with its interval, ``…_low`` and ``…_high``.
    """
    plain = done.odds[AS_IT_IS]
    names = classes[1:] if plain.shape[1] == 1 else classes
    rows = []
    for column, name in enumerate(names):
        slopes = _regressed(measured, plain[:, column], draw)
        for edit in EDITED:
            mine = _slopes(done, edit, column)
            expected, observed = slopes[edit], draw.mean(mine)
            same = np.where(np.isfinite(mine), np.sign(mine) == np.sign(expected[0]), np.nan)
            along = draw.mean(same.astype(np.float64))
            row: dict[str, object] = {"edit": edit, "class": name}
            for key, found in (("expected", expected), ("observed", observed), ("along", along)):
                row |= {key: found[0], f"{key}_low": found[1], f"{key}_high": found[2]}
            rows.append(row)
    return pd.DataFrame(rows)


def _slopes(done: Perturbed, edit: str, column: int) -> Floats:
    """Rise of each cell's score with each doubling, through its own score; (N,)."""
    doses = np.array(EDITS[edit].doses)
    far = np.log(doses) / TWICE
    plain = done.odds[AS_IT_IS][:, column]
    rise = np.stack([done.odds[edit, dose][:, column] - plain for dose in EDITS[edit].doses])
    return np.asarray(far @ rise / (far @ far))


def _regressed(
    measured: pd.DataFrame, odds: Floats, draw: Resampling
) -> Mapping[str, tuple[float, float, float]]:
    """Linear regression of scores on what is measured, and the intervals of its slopes."""
    known = np.isfinite(odds) & np.isfinite(measured.to_numpy()).all(1)
    names = [str(name) for name in measured]
    if known.sum() <= measured.shape[1] + 1:
        return dict.fromkeys(names, (np.nan, np.nan, np.nan))
    values = measured.to_numpy()[known]
    spread = values.std(0)
    x = np.column_stack([(values - values.mean(0)) / np.where(spread > 0, spread, 1), odds[known]])
    x = np.column_stack([np.ones(len(x)), x])
    # sums over each group, so that resamples only weigh them
    products = np.zeros((draw.drawn.shape[1], x.shape[1], x.shape[1]))
    np.add.at(products, draw.group[known], x[:, :, None] * x[:, None, :])
    weights = np.vstack([np.ones(draw.drawn.shape[1]), draw.drawn])
    sums = np.einsum("rg,gij->rij", weights, products)
    left, right = sums[:, :-1, :-1], sums[:, :-1, -1:]
    # a trait that does not vary in a resample has no slope: pinv gives 0
    slopes = (np.linalg.pinv(left, hermitian=True) @ right)[:, 1:, 0]
    slopes /= np.where(spread > 0, spread, np.nan)
    return {
        name: (float(column[0]), *draw.interval(column[1:]))
        for name, column in zip(names, slopes.T, strict=True)
    }
