"""Which of more than two classes an equation gives: over two latents, or along a single one."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import NDArray

from napari_parsimony.classify.scores import probabilities
from napari_parsimony.figures.along import RESOLUTION, MapPage, curve_page
from napari_parsimony.figures.palette import LIGHT, QUIET, Theme, class_colours
from napari_parsimony.figures.score_map import (
    AlongLatent,
    Evaluates,
    class_picture,
    drawn_cells,
    score_grid,
)
from napari_parsimony.figures.style import styled
from napari_parsimony.figures.text import shortened

_SHORT = 12  # letters of a name, of which three fit beside each other


@styled
def class_map(
    equation: Evaluates,
    x: AlongLatent,
    y: AlongLatent,
    fixed: Mapping[str, float],
    classes: Sequence[str],
    target: NDArray | None = None,
    *,
    theme: Theme = LIGHT,
) -> Figure:
    """Draw the likeliest class over two latents, paler where it is less likely.

    Parameters
    ----------
    equation
        What decides: scores (…, classes).
    x, y, fixed, theme
        As of `decision.decision_map`.
    classes
        Names of the classes, three or more.
    target
        (N,) number of the class, NaN for none: cells to scatter over the map.
    """
    columns = 2 if max(map(len, classes)) > _SHORT else 3
    colours = class_colours(classes)
    _, _, scores = score_grid(equation, x, y, fixed, RESOLUTION, len(classes))
    handles: list[Any] = [
        Patch(facecolor=colour, label=shortened(name, 20))
        for name, colour in zip(classes, colours, strict=True)
    ]
    if np.isnan(scores).any():
        handles.append(Patch(facecolor=QUIET, label="not decided"))
    legend_high = 0.2 * -(-len(handles) // columns) + 0.04
    page = MapPage(x, y, fixed, legend_high, beside=0.15)
    page.axes.imshow(
        class_picture(scores, colours), extent=(*x.limits, *y.limits), origin="lower",
        aspect="auto", interpolation="nearest",
    )  # fmt: skip
    if target is not None and x.cells is not None and y.cells is not None:
        known = drawn_cells(np.isfinite(target))
        page.axes.scatter(
            x.cells[known], y.cells[known], s=9, linewidths=0.5, rasterized=True,
            c=[colours[int(kind)] for kind in target[known]], edgecolors=theme.ink,
        )  # fmt: skip
        handles.append(
            Line2D([], [], marker="o", linestyle="", markersize=4, markerfacecolor="none",
                   markeredgecolor=theme.ink, label="cells, by their class")
        )  # fmt: skip
    return page.finish(handles, columns)


@styled
def class_curves(
    equation: Evaluates,
    x: AlongLatent,
    fixed: Mapping[str, float],
    classes: Sequence[str],
    *,
    theme: Theme = LIGHT,
) -> Figure:
    """Draw the probability of each class along one latent; see `class_map`."""
    columns = 2 if max(map(len, classes)) > _SHORT else 3
    figure, axes = curve_page(x, top=0.2 * -(-len(classes) // columns) + 0.2)
    along = np.linspace(*x.limits, 400)
    values = {name: np.full(along.shape, value) for name, value in fixed.items()}
    scores = np.broadcast_to(
        equation.evaluate({**values, x.name: along}), (len(along), len(classes))
    )
    for name, colour, likely in zip(
        classes, class_colours(classes), probabilities(scores).T, strict=True
    ):
        axes.plot(along, likely, color=colour, linewidth=2.2, label=shortened(name, 20))
    axes.set(xlim=x.limits, ylim=(-0.02, 1.02), xticks=[], ylabel="probability")
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=columns, borderaxespad=0.2)
    return figure
