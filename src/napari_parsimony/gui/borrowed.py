"""The user's own layers, on which a study is shown without keeping anything of theirs."""

from pathlib import Path
from typing import TypeVar

import numpy as np
import pandas as pd
from napari.components import ViewerModel
from napari.layers import Labels, Layer
from numpy.typing import NDArray

SOURCE = "napari-parsimony source"  # in a layer's metadata: the file that stands for it

Kind = TypeVar("Kind", bound=Layer)


def layer_of(viewer: ViewerModel, path: Path | None, kind: type[Kind]) -> Kind | None:
    """Find the user's own layer of a file, which keeps its scale and place."""
    if path is None:
        return None
    for layer in viewer.layers:
        if isinstance(layer, kind) and str(path) in files_of(layer):
            return layer
    return None


def files_of(layer: Layer) -> set[str | None]:
    """Name the files that a layer is of, or that stand for it."""
    return {layer.metadata.get(SOURCE), layer.source.path}


def of_labels(values: NDArray[np.float64], axes: int, default: float) -> list[float]:
    """Of one number for each axis of an image those of ([T,] Y, X); it may have channels."""
    time = [values[0] if len(values) > 2 else default] * (axes - 2)
    return [*time, *values[-2:]]


class Borrowed:
    """A labels layer that is coloured by us for a while.

    Parameters
    ----------
    layer
        As the user made it.
    """

    def __init__(self, layer: Labels) -> None:
        self._layer = layer
        self._colormap, self._features = layer.colormap, layer.features

    def joined(self, ours: pd.DataFrame) -> pd.DataFrame:
        """Add what the layer said of its labels to ``ours``, both with a column ``index``."""
        theirs = self._features
        if "index" not in theirs:
            return ours
        others = ["index", *(name for name in theirs if name not in ours)]
        return ours.merge(theirs[others], on="index", how="outer")

    def give_back(self) -> None:
        """Let the layer look as it did."""
        self._layer.colormap, self._layer.features = self._colormap, self._features
