"""The user's layers of a study's other images: put aside, as they would lie upon the one shown."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from napari.components import ViewerModel
from napari.layers import Layer

from napari_parsimony.gui.borrowed import files_of


class Aside:
    """Hides layers of images that are not looked at, and shows them again.

    Parameters
    ----------
    viewer
        Whose layers they are.
    asked
        Called with the name of an image when the user shows one of its layers, that was hidden.
    """

    def __init__(self, viewer: ViewerModel, asked: Callable[[str], None]) -> None:
        self._viewer, self._asked = viewer, asked
        self._hidden: dict[Layer, str] = {}

    def look_at(self, name: str, files: Mapping[str, tuple[Path, ...]]) -> None:
        """Show the layers of one image, and hide those of the others.

        Parameters
        ----------
        name
            Of the image.
        files
            Of each image and its labels, by the name of the image.
        """
        for layer in list(self._viewer.layers):
            of = [other for other, paths in files.items() if files_of(layer) & {*map(str, paths)}]
            if name in of:
                self._bring_back(layer)
            elif of and layer.visible:
                layer.visible = False
                layer.events.visible.connect(self._shown)
                self._hidden[layer] = of[0]

    def give_back(self) -> None:
        """Let all layers be seen that were hidden."""
        for layer in list(self._hidden):
            self._bring_back(layer)

    def _bring_back(self, layer: Layer) -> None:
        if self._hidden.pop(layer, None) is not None:
            layer.events.visible.disconnect(self._shown)
            layer.visible = True

    def _shown(self, event: Any) -> None:
        layer = event.source
        if layer.visible:
            name = self._hidden[layer]
            self._bring_back(layer)
            self._asked(name)
