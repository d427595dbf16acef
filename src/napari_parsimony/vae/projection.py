"""Maps of the latents in the plane: where cells and positions lie, and the way back."""

from importlib.util import find_spec
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from napari_parsimony.errors import UserError

Points = NDArray[np.float32]
MOST_COMPONENTS = 10


class Projection(Protocol):
    """A map of the cells."""

    points: Points
    """(N, 2), where each cell is."""

    def place(self, latents: NDArray[Any]) -> NDArray[np.float64]:
        """Where a position (latents,) is, (2,)."""

    def move(self, latents: NDArray[Any], point: tuple[float, float]) -> NDArray[np.float64]:
        """Find the position (latents,) at a point of the map, as near as can be to another."""


class TwoLatents:
    """Two latents as they are.

    Parameters
    ----------
    values
        (N, latents) of the cells.
    x, y
        Indices of the latents across and up.
    """

    def __init__(self, values: NDArray[np.float32], x: int, y: int) -> None:
        self._axes = [x, y]
        self.points: Points = values[:, self._axes]

    def place(self, latents: NDArray[Any]) -> NDArray[np.float64]:
        """See `Projection`."""
        return np.asarray(latents, np.float64)[self._axes]

    def move(self, latents: NDArray[Any], point: tuple[float, float]) -> NDArray[np.float64]:
        """See `Projection`: the other latents stay."""
        moved = np.array(latents, np.float64)
        moved[self._axes] = point
        return moved


class Components(NamedTuple):
    """Principal components of the active latents.

    Attributes
    ----------
    mean
        (latents,) mean of the cells.
    axes
        (components, latents), orthonormal; 0 for latents that are not active.
    share
        (components,) of the variance.
    scores
        (N, components) of the cells.
    """

    mean: NDArray[np.float64]
    axes: NDArray[np.float64]
    share: NDArray[np.float64]
    scores: Points


def principal_components(values: NDArray[np.float32], active: NDArray[Any]) -> Components:
    """Find the directions in which cells differ most.

    Latents are not scaled to equal variance: that would make noise of the weakest as wide as the
    strongest.

    Parameters
    ----------
    values
        (N, latents) of the cells.
    active
        Indices of the latents to look at, at least two.
    """
    from sklearn.decomposition import PCA

    count = min(len(active), len(values), MOST_COMPONENTS)
    fitted = PCA(count, svd_solver="covariance_eigh").fit(values[:, active].astype(np.float64))
    axes = np.zeros((count, values.shape[1]))
    axes[:, active] = fitted.components_
    mean = values.mean(0, dtype=np.float64)
    scores = ((values - mean) @ axes.T).astype(np.float32)
    return Components(mean, axes, fitted.explained_variance_ratio_, scores)


class PrincipalPlane:
    """Two principal components; all other directions stay as they are.

    Parameters
    ----------
    components
        Of the cells.
    x, y
        Numbers of the components across and up, from 0.
    """

    def __init__(self, components: Components, x: int, y: int) -> None:
        self.points: Points = components.scores[:, [x, y]]
        self._mean, self._axes = components.mean, components.axes[[x, y]]

    def place(self, latents: NDArray[Any]) -> NDArray[np.float64]:
        """See `Projection`."""
        found: NDArray[np.float64] = self._axes @ (np.asarray(latents, np.float64) - self._mean)
        return found

    def move(self, latents: NDArray[Any], point: tuple[float, float]) -> NDArray[np.float64]:
        """See `Projection`."""
        shift = np.asarray(point, np.float64) - self.place(latents)
        # twice the same component moves once
        step = np.linalg.lstsq(self._axes, shift, rcond=None)[0]
        return np.asarray(latents, np.float64) + step


def umap_installed() -> bool:
    """Whether `umap_points` can be called."""
    return find_spec("umap") is not None


def umap_points(values: NDArray[np.float32], active: NDArray[Any], seed: int = 0) -> Points:
    """Lay cells out so that neighbours in the active latents stay neighbours, (N, 2).

    Raises
    ------
    UserError
        If umap-learn is not installed, or there are too few cells.
    """
    if not umap_installed():
        raise UserError(
            "UMAP needs one more package: run 'pip install umap-learn' and start napari anew."
        )
    if len(values) < 5:
        raise UserError("UMAP needs at least five cells.")
    from umap import UMAP

    neighbours = min(15, len(values) - 1)
    fitted = UMAP(n_neighbors=neighbours, random_state=seed, n_jobs=1).fit(values[:, active])
    return np.asarray(fitted.embedding_, np.float32)


class NearestCells:
    """A map that has no formula: positions are where the cell with the most similar latents is.

    Parameters
    ----------
    points
        (N, 2) of the cells.
    values
        (N, latents) of the cells.
    active
        Indices of the latents that count.
    """

    def __init__(self, points: Points, values: NDArray[np.float32], active: NDArray[Any]) -> None:
        self.points = points
        self._values, self._active = values, active
        self._compared = values[:, active]

    def place(self, latents: NDArray[Any]) -> NDArray[np.float64]:
        """See `Projection`."""
        away = self._compared - np.asarray(latents, np.float32)[self._active]
        return self.points[np.einsum("ij,ij->i", away, away).argmin()].astype(np.float64)

    def move(self, latents: NDArray[Any], point: tuple[float, float]) -> NDArray[np.float64]:
        """See `Projection`: to the latents of the nearest cell."""
        away = self.points - np.asarray(point, np.float32)
        return self._values[np.einsum("ij,ij->i", away, away).argmin()].astype(np.float64)
