"""Marks on cells: the selected one, those selected together, those annotated otherwise."""

from typing import Any

import numpy as np
from napari.components import ViewerModel
from napari.layers import Labels, Points
from numpy.typing import NDArray

from napari_parsimony.gui.pictures import Picture

ONE, MANY, OTHER = "white", "#f0e442", "#ff4fd8"
"""Colours of the marks: none of a class, and seen on dark cells and bright ones."""


class Marks:
    """Layers of marks above the cells; those of many cells come when there are any.

    Parameters
    ----------
    viewer
        Whose layers they become.
    picture, labels, texts
        What is shown, and the layers of its labels and of its texts.

    Attributes
    ----------
    labels
        The layer that it is shown in, or was until the user removed it.
    layers
        The layers that are there, by their names to begin with.
    """

    def __init__(
        self, viewer: ViewerModel, picture: Picture, labels: Labels, texts: Points
    ) -> None:
        self._viewer, self.labels, self._texts = viewer, labels, texts
        self.layers: dict[str, Points] = {}
        self._removed: set[str] = set()  # by the user: they are forced upon nobody
        self.set_picture(picture)
        self.add("selected cell")

    def set_picture(self, picture: Picture) -> None:
        """Go on with another picture in the same layer of labels: nothing is marked on it yet."""
        diameter, ring = picture.diameter, "disc" if picture.image_path else "square"
        # beside the cell, which stays in sight
        beside = diameter * (0.45 if picture.image_path else 0.38)
        self._shifts = {"disagreements": np.array([-beside, beside])}
        around = {
            "face_color": "transparent",
            "symbol": ring,
            "size": diameter * 1.15,
            "border_width": 0.045,
        }
        self._looks: dict[str, dict[str, Any]] = {
            "selected cells": {**around, "border_color": MANY},
            "disagreements": {
                "size": diameter * 0.3,
                "symbol": "x",
                "face_color": OTHER,
                "border_color": "black",
                "border_width": 0.05,
            },
            "selected cell": {**around, "border_color": ONE},
        }
        for name, layer in self.layers.items():
            layer.data = np.zeros((0, 2))
            layer.current_size = self._looks[name]["size"]

    def add(self, name: str) -> Points:
        """Add one of the layers, leaving the active one active."""
        layers = self._viewer.layers
        active = layers.selection.active
        layer = Points(ndim=2, name=name, **self._looks[name])
        self.align(layer)
        # below texts and other marks
        above = [layers.index(x) for x in (*self.layers.values(), self._texts) if x in layers]
        self.layers[name] = layer
        layers.insert(min(above, default=len(layers)), layer)
        layer.editable = False
        layers.selection.active = active
        return layer

    def align(self, layer: Points) -> None:
        """Lay a layer where the cells are."""
        layer.scale, layer.translate = self.labels.scale[-2:], self.labels.translate[-2:]

    def align_all(self) -> None:
        """Lay all layers where the cells are, texts too."""
        for layer in (*self.layers.values(), self._texts):
            self.align(layer)

    def set_places(self, name: str, places: NDArray[np.float64]) -> None:
        """Mark these centres, (N, 2); a layer that is not there yet comes with the first."""
        layer = self.layers.get(name)
        if layer is None:
            if not len(places) or name in self._removed:
                return
            layer = self.add(name)
        places = places + self._shifts.get(name, 0)
        if not np.array_equal(layer.data, places):
            layer.data = places

    def forget(self, layer: Any) -> str | None:
        """Live on without a layer that was removed; its name, None if it is none of these."""
        for name, known in self.layers.items():
            if known is layer:
                del self.layers[name]
                self._removed.add(name)
                return name
        return None
