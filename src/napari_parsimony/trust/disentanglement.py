"""How well latents are disentangled, measured against known factors.

All scores take the same two tables, latents and factors of the same cells, best of held-out ones.
Give active latents only: the posterior means of a collapsed one hardly differ from cell to cell,
but the scores do not look at how much. A latent that does not vary at all carries nothing; a
factor that does not vary is left out. Angles go through `cos_sin` first.

Locatello et al. 2019 ("Challenging common assumptions in the unsupervised learning of disentangled
representations", arXiv 1811.12359) compare the scores; they do not always agree.
"""

from collections.abc import Collection, Hashable
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special, stats
from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor
from sklearn.metrics import r2_score
from sklearn.model_selection import train_test_split
from sklearn.tree import DecisionTreeClassifier

from napari_parsimony.trust.factor_tables import Table, binned, read_known

LEAST = 30
"""Cells that every score needs."""

IN_A_BIN = 5
"""Cells that every bin needs, on average."""


class Gaps(NamedTuple):
    """How far the latent that says most about a factor is ahead of the next.

    Attributes
    ----------
    score
        Mean over factors, 0 to 1.
    by_factor
        ``(factors,)``
    matrix
        ``(latents, factors)`` how much a latent says about a factor, 0 to 1.
    """

    score: float
    by_factor: pd.Series
    matrix: pd.DataFrame


class Dci(NamedTuple):
    """Disentanglement, completeness and informativeness.

    Attributes
    ----------
    disentanglement
        1: each latent is needed for one factor only. Latents weigh by how much they are needed.
    completeness
        1: each factor needs one latent only. Mean over factors.
    informativeness
        1: factors can be predicted perfectly. Mean over factors.
    by_latent
        ``(latents,)`` disentanglement; 0 for latents that are not needed.
    by_factor
        ``(factors, 2)`` completeness and informativeness.
    matrix
        ``(latents, factors)`` importance of a latent for a factor; columns sum to 1, or 0 if
        nothing predicts it.
    """

    disentanglement: float
    completeness: float
    informativeness: float
    by_latent: pd.Series
    by_factor: pd.DataFrame
    matrix: pd.DataFrame


class Votes(NamedTuple):
    """What the FactorVAE score is made from.

    Attributes
    ----------
    score
        Share of votes for a latent's own factor; about 1 / factors by chance, 1 at best.
    matrix
        ``(latents, factors)`` how often a latent varied least where a factor was fixed.
    """

    score: float
    matrix: pd.DataFrame


def mig(
    latents: Table, factors: Table, discrete: Collection[Hashable] = (), bins: int = 20
) -> Gaps:
    """Mutual information gap (Chen et al. 2018, arXiv 1802.04942).

    Latents and factors are divided into bins, 20 as by Locatello et al. 2019. Theirs are of equal
    width; ours have equally many cells, so that one cell far out does not squeeze all others into
    few bins, and so that a monotone change of scale does not matter, as it does not to mutual
    information itself (Kraskov et al. 2004, arXiv cond-mat/0305641). Factors and latents of no
    more than 20 values, and discrete factors, are taken as they are.

    Mutual information of few cells comes out too high, by about (bins − 1)² / (2 cells) nats for
    independent ones: give 2,000 cells or fewer bins, and compare models on equally many cells.

    A cosine and a sine say much about each other: even perfect latents of an angle have gaps of
    about 0.4 only.

    Parameters
    ----------
    latents
        ``(cells, latents)``
    factors
        ``(cells, factors)``
    discrete
        Names of factors whose numbers are names of levels only.
    bins
        Number of bins.

    Returns
    -------
    Gaps
        The matrix holds mutual information as a share of the factor's entropy.

    Raises
    ------
    UserError
        If there are fewer than 5 cells for a bin, or the tables do not fit.
    """
    known = read_known(latents, factors, discrete, max(LEAST, IN_A_BIN * bins))
    z = [binned(column.to_numpy(), bins) for _, column in known.latents.items()]
    v = _levels(known.factors, known.discrete, bins)
    shares = [[_information(one, other) / _entropy(other) for other in v] for one in z]
    return _gaps(known.matrix(shares))


def sap(latents: Table, factors: Table, discrete: Collection[Hashable] = ()) -> Gaps:
    """Separated attribute predictability (Kumar et al. 2018, arXiv 1711.00848).

    A continuous factor is predicted from one latent at a time by a straight line, a discrete one
    by thresholds (a tree with as many leaves as levels).

    Parameters
    ----------
    latents
        ``(cells, latents)``
    factors
        ``(cells, factors)``
    discrete
        Names of factors whose numbers are names of levels only.

    Returns
    -------
    Gaps
        The matrix holds R², and balanced accuracy of discrete factors, which is 1 / levels by
        chance.

    Raises
    ------
    UserError
        If there are fewer than 30 cells, or the tables do not fit.
    """
    known = read_known(latents, factors, discrete, LEAST)
    z = known.latents.to_numpy()
    scores = _standardised(z).T @ _standardised(known.factors.to_numpy()) / len(z)
    scores **= 2
    for column, name in enumerate(known.factors.columns):
        if name in known.discrete:
            level = known.factors[name].to_numpy()
            leaves = len(np.unique(level))
            tree = DecisionTreeClassifier(
                max_leaf_nodes=leaves, class_weight="balanced", random_state=0
            )
            scores[:, column] = [
                _balanced_accuracy(tree.fit(one[:, None], level).predict(one[:, None]), level)
                for one in z.T
            ]
    return _gaps(known.matrix(scores))


def dci(latents: Table, factors: Table, discrete: Collection[Hashable] = (), seed: int = 0) -> Dci:
    """Disentanglement, completeness and informativeness (Eastwood & Williams 2018).

    "A framework for the quantitative evaluation of disentangled representations", ICLR 2018.
    Gradient boosted trees predict each factor from all latents, as by Locatello et al. 2019;
    importance of a latent is how much its splits lower the error. Informativeness is of a third
    of the cells that the trees have not seen: R², and balanced accuracy of discrete factors, from
    0 by chance to 1.

    A factor that the latents say nothing about has its importance spread over all of them, and
    lowers disentanglement and completeness; where one latent varies, completeness is 1 whatever it
    says. So look at informativeness first. Takes about a second for each factor and 2,000 cells
    with 10 latents.

    Parameters
    ----------
    latents
        ``(cells, latents)``
    factors
        ``(cells, factors)``
    discrete
        Names of factors whose numbers are names of levels only.
    seed
        Which cells the trees do not see.

    Raises
    ------
    UserError
        If there are fewer than 30 cells, or the tables do not fit.
    """
    known = read_known(latents, factors, discrete, LEAST)
    z = known.latents.to_numpy()
    train, test = train_test_split(np.arange(len(z)), test_size=1 / 3, random_state=seed)
    importance, told = np.zeros((z.shape[1], known.factors.shape[1])), []
    for column, (name, factor) in enumerate(known.factors.items()):
        v, levels = factor.to_numpy(), name in known.discrete
        if np.ptp(v[train]) == 0:  # a rare level that no tree has seen
            told.append(0.0)
            continue
        kind = GradientBoostingClassifier if levels else GradientBoostingRegressor
        trees = kind(random_state=seed).fit(z[train], v[train])
        importance[:, column] = trees.feature_importances_
        said = trees.predict(z[test])
        if levels:
            chance = 1 / len(np.unique(v))
            right = (_balanced_accuracy(said, v[test]) - chance) / (1 - chance)
        else:
            right = r2_score(v[test], said)
        told.append(max(float(right), 0.0))
    by_latent, completeness = _concentration(importance), _concentration(importance.T)
    weight = importance.sum(1) / (importance.sum() or 1.0)
    by_factor = {"completeness": completeness, "informativeness": told}
    return Dci(
        disentanglement=float(weight @ by_latent),
        completeness=float(completeness.mean()),
        informativeness=float(np.mean(told)),
        by_latent=pd.Series(by_latent, known.latents.columns),
        by_factor=pd.DataFrame(by_factor, known.factors.columns),
        matrix=known.matrix(importance),
    )


def factor_vae(
    latents: Table,
    factors: Table,
    discrete: Collection[Hashable] = (),
    bins: int = 20,
    votes: int = 800,
    batch: int = 64,
    seed: int = 0,
) -> Votes:
    """FactorVAE score (Kim & Mnih 2018, arXiv 1802.05983).

    A factor is fixed; the latent that then varies least, compared with all cells, votes for it.
    Each latent stands for the factor it gets most votes for, and other votes are predicted.

    The published score draws new pictures with one factor exactly the same. Of a table of cells
    that cannot be: here cells are drawn, with replacement, out of one of 20 bins of the factor, of
    equally many cells. So the score of continuous factors is a little lower, and votes are less
    independent where bins are small.

    Parameters
    ----------
    latents
        ``(cells, latents)``; those that do not vary get no votes.
    factors
        ``(cells, factors)``
    discrete
        Names of factors whose numbers are names of levels only.
    bins
        Number of bins.
    votes
        How many to learn from, and how many to predict.
    batch
        Cells drawn for a vote.
    seed
        Of the draws.

    Raises
    ------
    UserError
        If there are fewer than 5 cells for a bin, or the tables do not fit.
    """
    known = read_known(latents, factors, discrete, max(LEAST, IN_A_BIN * bins))
    rng = np.random.default_rng(seed)
    z = _standardised(known.latents.to_numpy())
    varying = np.flatnonzero(z.any(axis=0))
    tables = np.zeros((2, z.shape[1], known.factors.shape[1]), np.int64)
    if len(varying) == 0:
        return Votes(0.0, known.matrix(tables[0]))
    levels = _levels(known.factors, known.discrete, bins)
    members = [[np.flatnonzero(codes == one) for one in np.unique(codes)] for codes in levels]
    for table in tables:
        for factor in rng.integers(len(members), size=votes):
            cells = members[factor][rng.integers(len(members[factor]))]
            drawn = z[rng.choice(cells, batch)][:, varying]
            table[varying[drawn.var(axis=0).argmin()], factor] += 1
    own = tables[0].argmax(axis=1)
    score = tables[1][np.arange(len(own)), own].sum() / votes
    return Votes(float(score), known.matrix(tables[0]))


def _gaps(matrix: pd.DataFrame) -> Gaps:
    """Gap between the first and the second latent; the only one is compared with nothing."""
    ordered = np.sort(np.vstack([np.zeros(matrix.shape[1]), matrix.to_numpy()]), axis=0)
    gaps = pd.Series(ordered[-1] - ordered[-2], matrix.columns)
    return Gaps(float(gaps.mean()), gaps, matrix)


def _levels(
    factors: pd.DataFrame, discrete: Collection[Hashable], bins: int
) -> list[NDArray[np.int64]]:
    return [
        column.to_numpy(np.int64) if name in discrete else binned(column.to_numpy(), bins)
        for name, column in factors.items()
    ]


def _entropy(codes: NDArray[np.int64]) -> float:
    """Entropy of codes 0, 1, … in nats."""
    return float(stats.entropy(np.bincount(codes)))


def _information(one: NDArray[np.int64], other: NDArray[np.int64]) -> float:
    """Mutual information of codes in nats."""
    both = _entropy(one * (other.max() + 1) + other)
    return max(_entropy(one) + _entropy(other) - both, 0.0)


def _standardised(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Columns with mean 0 and variance 1; those that do not vary are all 0."""
    varies = np.ptp(values, axis=0) > 0
    centred = np.where(varies, values - values.mean(axis=0), 0)
    return np.asarray(centred / np.where(varies, values.std(axis=0), 1))


def _balanced_accuracy(said: NDArray, true: NDArray) -> float:
    return float(np.mean([(said[true == level] == level).mean() for level in np.unique(true)]))


def _concentration(importance: NDArray[np.float64]) -> NDArray[np.float64]:
    """1 if all of a row is in one column, 0 if it is spread evenly or there is none."""
    total = importance.sum(axis=1)
    shares = importance / np.where(total > 0, total, 1)[:, None]
    most = np.log(importance.shape[1]) or 1.0  # one column: nothing to spread over
    return np.asarray(np.where(total > 0, 1 - special.entr(shares).sum(axis=1) / most, 0))
