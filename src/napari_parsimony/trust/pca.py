"""Principal components of crops: what a linear method without training makes of them."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.decomposition import PCA

from napari_parsimony.errors import UserError

MOST = 10_000
"""Crops to learn from at most: 160 MB of 64 × 64 pixels."""

AT_ONCE = 1024


class Components(NamedTuple):
    """Principal components of crops.

    Attributes
    ----------
    latents
        ``(N, count)`` float32, the component with the largest variance first.
    explained
        Share of the variance of the pixels of crops not learned from, about the mean crop that
        was learned, that reconstructions account for; of all crops if it learned from all. It
        compares with `vae.measure.Measured.explained`.
    """

    latents: NDArray[np.float32]
    explained: float


def pca_latents(crops: NDArray, learned: ArrayLike, count: int, seed: int = 0) -> Components:
    """Learn principal components from some crops, and describe all by them.

    Parameters
    ----------
    crops
        ``(N, C, S, S)``, may be memory mapped: read in pieces.
    learned
        ``(N,)`` the crops to learn from, those of training cells; of more than 10,000, so many
        are drawn.
    count
        Number of components, as many as there are latents to compare with.
    seed
        Of what is drawn.

    Raises
    ------
    UserError
        If there are fewer crops to learn from, or fewer pixels, than components.
    """
    chosen = np.asarray(learned, dtype=bool)
    rows = np.flatnonzero(chosen)
    most = min(len(rows), int(np.prod(crops.shape[1:])))
    if count > most:
        raise UserError(
            f"Of {len(rows)} crops to learn from there are {most} principal components at most, "
            f"not {count}: ask for fewer."
        )
    if len(rows) > MOST:
        rows = np.sort(np.random.default_rng(seed).choice(rows, MOST, replace=False))
    pca = PCA(count, svd_solver="randomized", random_state=seed).fit(_flat(crops[rows]))
    latents = np.empty((len(crops), count), np.float32)
    judged = ~chosen if not chosen.all() else chosen
    left = whole = 0.0
    for start in range(0, len(crops), AT_ONCE):
        part = slice(start, start + AT_ONCE)
        pixels = _flat(crops[part])
        latents[part] = pca.transform(pixels)
        rest = pixels - pca.inverse_transform(latents[part])
        left += float((rest[judged[part]] ** 2).sum())
        whole += float(((pixels - pca.mean_)[judged[part]] ** 2).sum())
    return Components(latents, 1 - left / whole if whole else 0.0)


def _flat(crops: NDArray) -> NDArray[np.float32]:
    return np.asarray(crops, np.float32).reshape(len(crops), -1)
