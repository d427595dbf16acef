"""Texts on the cells that are in view, where they can be read."""

import math
from typing import Any

import numpy as np
import pandas as pd
from napari.components import ViewerModel
from napari.layers import Points
from numpy.typing import NDArray

from napari_parsimony.gui.napari_compat import camera_of, canvas_size_of

LEGIBLE = 20  # screen pixels that a cell must be wide for a text to be readable
TEXTS = 500  # about so many at most; more take longer to draw than a frame lasts
SIZE = 8  # points
LETTER, LINE = 6.5, 15.0  # screen pixels that they take, with what keeps them apart
STEP = 1.25  # zoom is looked at in such steps
MARGIN = 0.25  # of the view on each of its sides where there are texts already


class CellTexts:
    """A points layer with the texts of cells in view.

    Few of the cells have room for a text, so only theirs are made. Texts are chosen anew when the
    view leaves where they are, and at every step of the zoom; moving a little costs nothing.

    Parameters
    ----------
    viewer
        Where the view is.
    layer
        An empty points layer of the viewer, aligned with the cells.
    diameter
        About that of a cell, in pixels of its data.
    below
        How far below the centre of its cell a text stands, in the same pixels.
    """

    def __init__(self, viewer: ViewerModel, layer: Points, diameter: float, below: float) -> None:
        self._viewer, self.layer, self._diameter = viewer, layer, diameter
        self.wanted = True
        self._rows = np.zeros(0, np.int64)
        self._places = np.zeros((0, 2))
        self._write: Any = None
        self._hidden: int | None = None
        self._chosen: NDArray[np.int64] = np.zeros(0, np.int64)
        self._texts: list[str] = []
        self._around: tuple[int, NDArray[np.float64], NDArray[np.float64]] | None = None
        layer.features = pd.DataFrame({"text": []})
        layer.text = {
            "string": "{text}",
            "size": SIZE,
            "color": "white",
            "translation": [below, 0],
            "visible": False,
        }

    @property
    def chosen(self) -> NDArray[np.int64]:
        """Rows of the table of cells that have a text now."""
        return self._chosen

    def set_cells(self, rows: NDArray[np.int64], places: NDArray[np.float64], write: Any) -> None:
        """Write other texts.

        Parameters
        ----------
        rows
            Of the cells that are shown, in the table of cells.
        places
            (N, 2) their centres.
        write
            Gives the texts of some rows.
        """
        self._rows, self._places, self._write = rows, places, write
        self._around = None
        self.follow_view()

    def hide(self, row: int | None) -> None:
        """Write nothing on one cell: the docks show that one, live."""
        if row != self._hidden:
            changed = {self._hidden, row} & set(self._chosen.tolist())
            self._hidden = row
            if changed:
                self._show()

    def follow_view(self, *_: object) -> None:
        """Choose texts for where the camera is, if those that are there do not do."""
        zoom = camera_of(self._viewer).zoom * self.layer.scale[-1]  # screen pixels a data pixel
        legible = self.wanted and self._write is not None and zoom * self._diameter >= LEGIBLE
        if not legible:
            self._visible(False)
            return
        scale, translate = self.layer.scale[-2:], self.layer.translate[-2:]
        centre = (np.array(camera_of(self._viewer).center[-2:]) - translate) / scale
        half = np.array(canvas_size_of(self._viewer)) / 2 / zoom
        step = math.floor(math.log(zoom, STEP))
        if self._around is not None:
            known, low, high = self._around
            if known == step and (centre - half >= low).all() and (centre + half <= high).all():
                self._visible(True)
                return
        half *= 1 + 2 * MARGIN
        low, high = centre - half, centre + half
        self._around = step, low, high
        inside = ((self._places >= low) & (self._places <= high)).all(axis=1)
        candidates = np.flatnonzero(inside)
        texts = self._write(self._rows[candidates])
        # of a step of the zoom, the least: where texts are closest
        places, lengths = self._places[candidates] * STEP**step, list(map(len, texts))
        kept = apart(places, lengths)
        if len(kept) > TEXTS:  # thinned out evenly
            kept = apart(places * math.sqrt(TEXTS / len(kept)), lengths)[: 2 * TEXTS]
        self._chosen = self._rows[candidates[kept]]
        self._texts = [texts[i] for i in kept]
        self._visible(False)  # or the text would be drawn for each of the changes
        self.layer.data = self._places[candidates[kept]]
        self._show()
        self._visible(True)

    def _show(self) -> None:
        hidden = self._chosen == self._hidden
        texts = ["" if off else text for text, off in zip(self._texts, hidden, strict=True)]
        self.layer.features = pd.DataFrame({"text": texts})

    def _visible(self, visible: bool) -> None:
        if self.layer.text.visible != visible:
            self.layer.text.visible = visible


def apart(places: NDArray[np.float64], lengths: list[int]) -> list[int]:
    """Choose texts that do not overlap, the first that come.

    Parameters
    ----------
    places
        (N, 2) y and x of their middles, in screen pixels.
    lengths
        Number of letters of each.

    Returns
    -------
    list
        Indices of those that stay.
    """
    kept: list[int] = []
    if not lengths:
        return kept
    wide = LETTER * (max(lengths) + 1)
    # only texts in the same and in neighbouring fields of a grid can overlap
    fields: dict[tuple[int, int], list[tuple[float, float, float]]] = {}
    grid = np.floor(places / (LINE, wide)).astype(int)
    for index, ((line, column), (y, x)) in enumerate(
        zip(grid.tolist(), places.tolist(), strict=True)
    ):
        half = LETTER * (lengths[index] + 1) / 2
        free = all(
            abs(y - other_y) >= LINE or abs(x - other_x) >= half + other_half
            for near in (line - 1, line, line + 1)
            for beside in (column - 1, column, column + 1)
            for other_y, other_x, other_half in fields.get((near, beside), ())
        )
        if free:
            fields.setdefault((line, column), []).append((y, x, half))
            kept.append(index)
    return kept
