"""Pages whose axes are latents, with decoded cells along them."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from napari_parsimony.figures.palette import pictures
from napari_parsimony.figures.score_map import STEPS, AlongLatent
from napari_parsimony.figures.style import bare, new_figure
from napari_parsimony.figures.text import numbers

RESOLUTION = 241  # scores along each axis of a map


class MapPage:
    """A square over two latents, pictures along both, a legend and the other latents above.

    Parameters
    ----------
    x, y
        The two latents.
    fixed
        Values of the other latents.
    legend_high, beside
        Room for the legend above, and for what is right of the square, in inches.

    Attributes
    ----------
    figure, axes
        All of it, and the square.
    left, bottom, side
        Where the square is, in inches.
    width, height
        Of the figure, in inches.
    """

    def __init__(
        self,
        x: AlongLatent,
        y: AlongLatent,
        fixed: Mapping[str, float],
        legend_high: float,
        beside: float,
    ) -> None:
        self._x, self._y, self._legend_high = x, y, legend_high
        held = ", ".join(f"{name} = {value:.2f}" for name, value in fixed.items())
        self._lines = textwrap.wrap(f"at {held}".replace("-", "−"), 66) if held else []
        self.side = 4.2
        self.left, self.bottom = 0.6 + _thickness(y, self.side), 0.5 + _thickness(x, self.side)
        top = 0.12 + legend_high + 0.15 * len(self._lines)
        self.width, self.height = self.left + self.side + beside, self.bottom + self.side + top
        self.figure = new_figure(self.width, self.height)
        self.figure.set_layout_engine("none")
        self.axes = self.place(self.left, self.bottom, self.side, self.side)

    def place(self, left: float, bottom: float, wide: float, high: float) -> Any:
        """Add axes, in inches."""
        width, height = self.width, self.height
        return self.figure.add_axes((left / width, bottom / height, wide / width, high / height))

    def finish(self, handles: Sequence[Any], columns: int) -> Figure:
        """Add pictures, legend and the other latents to what was drawn in the square."""
        left, bottom, side = self.left, self.bottom, self.side
        self.axes.set(xlim=self._x.limits, ylim=self._y.limits)
        bare(self.axes)
        thick = _thickness(self._x, side)
        _strip(self.place(left, bottom - thick, side, thick), self._x, vertical=False)
        thick = _thickness(self._y, side)
        _strip(self.place(left - thick, bottom, thick, side), self._y, vertical=True)
        self.figure.text(
            left / self.width, (bottom + side + 0.06 + self._legend_high) / self.height,
            "\n".join(self._lines), ha="left", va="bottom", size=8.5,
        )  # fmt: skip
        self.figure.legend(
            handles=handles, loc="lower left", ncols=columns, handletextpad=0.4,
            columnspacing=1.2, borderaxespad=0,
            bbox_to_anchor=(left / self.width, (bottom + side + 0.04) / self.height),
        )  # fmt: skip
        return self.figure


def curve_page(x: AlongLatent, top: float) -> tuple[Figure, Any]:
    """Lay out a curve along one latent, with pictures below.

    Parameters
    ----------
    x
        The latent.
    top
        Room above, in inches.

    Returns
    -------
    figure, axes
        All of it, and where the curve goes.
    """
    side, left, high = 5.2, 0.65, 2.6
    image = _thickness(x, side)
    bottom = 0.5 + image
    width, height = left + side + 0.1, bottom + high + top
    figure = new_figure(width, height)
    figure.set_layout_engine("none")
    axes = figure.add_axes((left / width, bottom / height, side / width, high / height))
    below = figure.add_axes((left / width, (bottom - image) / height, side / width, image / height))
    _strip(below, x, vertical=False)
    return figure, axes


def _thickness(along: AlongLatent, side: float) -> float:
    """Inches of a strip of pictures; just a line without them."""
    return side / STEPS if along.strip is not None else 0.01


def _strip(axes: Any, along: AlongLatent, vertical: bool) -> None:
    """Draw the pictures along a latent as the labels of an axis."""
    bare(axes)
    labels = numbers(along.steps)
    if along.strip is not None:
        images = pictures(along.strip)
        tiles = images[::-1] if vertical else images
        joined = np.concatenate(list(tiles), axis=0 if vertical else 1)
        extent = (0, 1, 0, STEPS) if vertical else (0, STEPS, 0, 1)
        axes.imshow(joined, extent=extent, aspect="auto", interpolation="antialiased")
        for edge in range(1, STEPS):
            (axes.axhline if vertical else axes.axvline)(edge, color="white", linewidth=0.8)
    places = np.arange(STEPS) + 0.5
    if vertical:
        axes.set(xlim=(0, 1), ylim=(0, STEPS), ylabel=along.text)
        axes.set_yticks(places, labels)
    else:
        axes.set(xlim=(0, STEPS), ylim=(0, 1), xlabel=along.text)
        axes.set_xticks(places, labels)
    axes.tick_params(length=0, pad=3)
