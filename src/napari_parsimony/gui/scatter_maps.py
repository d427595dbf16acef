"""The maps that the scatter plot offers, each computed once for a study's latents."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_parsimony.gui.session import Session
from napari_parsimony.vae.projection import (
    Components,
    NearestCells,
    PrincipalPlane,
    Projection,
    TwoLatents,
    principal_components,
    umap_points,
)

LATENTS, PCA, UMAP = "latents", "pca", "umap"
MAPS = (("latents", LATENTS), ("PCA", PCA), ("UMAP", UMAP))


class Maps:
    """Maps of one session's cells.

    Attributes
    ----------
    projection
        The one that is shown; None before there is one.
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        self.forget()

    def forget(self) -> None:
        """Forget all: the cells or their latents are others."""
        self.projection: Projection | None = None
        self._values: NDArray[np.float32] | None = None
        self._results: dict[str, Any] = {}

    @property
    def values(self) -> NDArray[np.float32]:
        """(N, latents) of the cells; there must be a VAE."""
        if self._values is None:
            study = self.session.study
            assert study is not None
            names = self.session.latent_statistics["name"].tolist()
            self._values = study.latents()[names].to_numpy(np.float32)
        return self._values

    @property
    def _active(self) -> NDArray[np.int64]:
        return np.array(self.session.latent_order, np.int64)

    def ready(self, kind: str) -> bool:
        """Whether a map can be shown without computing it."""
        return self.session.has("vae") and (kind == LATENTS or kind in self._results)

    def task(self, kind: str) -> tuple[Callable[..., Any], Any, Any] | None:
        """Say what has to be computed, in a thread, before a map can be shown; None if nothing."""
        if self.ready(kind):
            return None
        function = principal_components if kind == PCA else umap_points
        return function, self.values, self._active

    def keep(self, kind: str, result: Any) -> None:
        """Take what was computed."""
        self._results[kind] = result

    def axes(self, kind: str) -> list[tuple[str, int]]:
        """List what can be across and up: a text, and the number that `choose` takes."""
        if kind == LATENTS:
            return [(self.session.title_of(f"z{i}"), i) for i in self.session.latent_order]
        found = self._results.get(kind)
        if isinstance(found, Components):
            return [(f"PC {i + 1} ({share:.0%})", i) for i, share in enumerate(found.share)]
        return []

    def choose(self, kind: str, x: int, y: int) -> None:
        """Show a map that is ready, with two of its axes."""
        if kind == LATENTS:
            self.projection = TwoLatents(self.values, x, y)
        elif kind == PCA:
            self.projection = PrincipalPlane(self._results[kind], x, y)
        else:
            self.projection = NearestCells(self._results[kind], self.values, self._active)
