"""Unsupervised disentanglement ranking: whether VAEs of other seeds find the same latents."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_parsimony.errors import UserError
from napari_parsimony.trust.disentanglement import LEAST
from napari_parsimony.trust.factor_tables import Table, read_latents
from napari_parsimony.trust.morphology import correlate


class Udr(NamedTuple):
    """How alike models are.

    Attributes
    ----------
    score
        Mean over models, 0 to 1.
    by_model
        ``(models,)`` median over the other models: the higher, the better disentangled.
    pairs
        ``(models, models)`` of each pair; 1 on the diagonal.
    """

    score: float
    by_model: NDArray[np.float64]
    pairs: NDArray[np.float64]


def udr(models: Sequence[Table]) -> Udr:
    """Unsupervised disentanglement ranking (Duan et al. 2020, arXiv 1905.12614).

    No factors need be known: disentangled models find the same latents whatever the seed, up to
    order, sign and scale; there are many more ways to be entangled. Two latents are as alike as
    their Spearman rank correlation (the paper's UDR_S), so that neither penalty nor seed has to
    be chosen.

    Parameters
    ----------
    models
        Of each model ``(cells, latents)``, all of the same cells in the same order. Give
        active latents only (in the paper, those with a KL divergence above 0.01 nats); those that
        do not vary are left out.

    Raises
    ------
    UserError
        If there are fewer than 2 models or 30 cells, or not the same cells.
    """
    tables = [read_latents(model) for model in models]
    counts = [len(table) for table in tables]
    if len(tables) < 2:
        raise UserError("Two models at least are needed to compare them: train with other seeds.")
    if len(set(counts)) > 1:
        raise UserError(
            f"The models have latents of {min(counts)} to {max(counts)} cells: they must be of "
            "the same cells."
        )
    if counts[0] < LEAST:
        raise UserError(f"This score needs {LEAST} cells at least, but there are {counts[0]}.")
    tables = [table.loc[:, table.max() > table.min()] for table in tables]
    pairs = np.eye(len(tables))
    for i in range(len(tables)):
        for j in range(i):
            alike = correlate(tables[i], tables[j]).abs().to_numpy()
            pairs[i, j] = pairs[j, i] = _one_to_one(alike)
    others = pairs[~np.eye(len(pairs), dtype=bool)].reshape(len(pairs), -1)
    by_model = np.median(others, axis=1)
    return Udr(float(by_model.mean()), by_model, pairs)


def _one_to_one(alike: NDArray[np.float64]) -> float:
    """1 if every latent of either model is like exactly one of the other and unlike the rest."""
    if alike.size == 0:
        return 0.0
    both = [_own(table) for table in (alike, alike.T)]
    return float(np.concatenate(both).mean())


def _own(alike: NDArray[np.float64]) -> NDArray[np.float64]:
    total = alike.sum(axis=1)
    return np.asarray(alike.max(axis=1) ** 2 / np.where(total > 0, total, 1))
