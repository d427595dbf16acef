"""Which latent of one VAE is which of another: they come in another order, with other signs."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from napari_parsimony.symbolic.class_scores import ClassScores, Equation, expressions_of
from napari_parsimony.symbolic.expression import substituted, variable
from napari_parsimony.symbolic.laws import terms_of
from napari_parsimony.trust.morphology import correlate

SAME = 0.7
"""Spearman's correlation, whatever its sign, from which two latents count as the same: about half
of the variance of their ranks is then common."""

_MOST = 5_000


def align(reference: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
    """Match the latents of two VAEs one to one, so that the correlations add up to the most.

    Parameters
    ----------
    reference, other
        (N, latents) posterior means of the same cells in the same order, active latents only; of
        more than 5,000 cells every so many is taken.

    Returns
    -------
    DataFrame
        A row for each latent of `other`: ``latent``, ``match`` in `reference`, missing for one
        too many, ``r``, Spearman's correlation of the two with its sign, NaN without a match, and
        ``same``, whether it is `SAME` at least.
    """
    step = -(-len(reference) // _MOST)
    found = correlate(reference[::step], other[::step]).fillna(0.0)
    rows, columns = linear_sum_assignment(found.abs().to_numpy(), maximize=True)
    match = dict(zip(found.columns[columns], found.index[rows], strict=True))
    table = pd.DataFrame({"latent": list(map(str, other))})
    table["match"] = table["latent"].map(match)
    table["r"] = [
        float(found.loc[match[name], name]) if name in match else np.nan for name in table["latent"]
    ]
    return table.assign(same=table["r"].abs() >= SAME)


def aligned_names(matches: pd.DataFrame, vae: int) -> dict[str, str]:
    """Name latents of VAE number `vae` as the same ones of the reference; ``z5_vae2`` if none is.

    Parameters
    ----------
    matches
        From `align`.
    vae
        Its number.
    """
    return {
        row["latent"]: str(row["match"]) if row["same"] else f"{row['latent']}_vae{vae}"
        for _, row in matches.iterrows()
    }


def in_other_names(equation: Equation, matches: pd.DataFrame, vae: int) -> Equation:
    """Write an equation of VAE number `vae` in the latents of the reference, signs among them.

    Parameters
    ----------
    equation
        In the latents of this VAE.
    matches, vae
        As for `aligned_names`.
    """
    names = aligned_names(matches, vae)
    flipped = set(matches.loc[matches["same"] & (matches["r"] < 0), "latent"])
    values = {
        name: -variable(names[name]) if name in flipped else variable(names[name])
        for name in equation.variables
    }
    if isinstance(equation, ClassScores):
        each = (substituted(one, values).simplified() for one in equation.expressions)
        return ClassScores(equation.classes, tuple(each))
    return substituted(equation, values).simplified()


def structure(equation: Equation) -> tuple[object, ...]:
    """Say what an equation is apart from its numbers.

    Equal for two equations that are sums of the same terms; see `symbolic.laws.terms_of`.
    """
    each = expressions_of(equation)
    terms = [terms_of(expression) for expression in each]
    return tuple(str(e) if t is None else t for e, t in zip(each, terms, strict=True))


def agreement(said: NDArray[np.intp]) -> NDArray[np.float64]:
    """(laws, laws) share of the cells of which two say the same.

    Parameters
    ----------
    said
        (laws, cells) the class that each law gives.
    """
    return np.asarray((said[:, None] == said[None]).mean(axis=2))


def alike(shares: NDArray[np.float64], least: float) -> NDArray[np.intp]:
    """Group laws so that any two of a group agree on `least` of the cells: numbers from 0.

    Complete linkage; groups are numbered in order of their first law.

    Parameters
    ----------
    shares
        From `agreement`.
    least
        Between 0 and 1.
    """
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    if len(shares) < 2:
        return np.zeros(len(shares), np.intp)
    tree = linkage(squareform(1 - shares, checks=False), "complete")
    found = fcluster(tree, 1 - least + 1e-9, "distance")
    _, first, number = np.unique(found, return_index=True, return_inverse=True)
    order = np.argsort(np.argsort(first))
    return np.asarray(order[number.reshape(-1)], np.intp)
