"""Where an expression decides what: over two latents, or along a single one."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import NDArray

from napari_parsimony.figures.along import RESOLUTION, MapPage, curve_page
from napari_parsimony.figures.palette import LIGHT, NEGATIVE, POSITIVE, QUIET, Theme
from napari_parsimony.figures.score_map import (
    LIMIT,
    AlongLatent,
    Evaluates,
    drawn_cells,
    score_grid,
)
from napari_parsimony.figures.style import SCORE, bare, styled
from napari_parsimony.figures.text import shortened


@styled
def decision_map(
    expression: Evaluates,
    x: AlongLatent,
    y: AlongLatent,
    fixed: Mapping[str, float],
    classes: Sequence[str],
    target: NDArray | None = None,
    *,
    theme: Theme = LIGHT,
) -> Figure:
    """Draw the score over two latents, with decoded cells along both.

    Parameters
    ----------
    expression
        What decides.
    x, y
        The two latents.
    fixed
        Values of the expression's other latents, written above the map.
    classes
        Negative and positive class.
    target
        (N,) 1 for the positive class, 0 for the negative, NaN for neither: cells to scatter over
        the map. Their other latents differ from `fixed`, so the map need not agree with them.
    theme
        Colours.
    """
    long = len(shortened(classes[0], 20)) + len(shortened(classes[1], 20)) > 28
    page = MapPage(x, y, fixed, legend_high=0.44 if long else 0.24, beside=0.95)
    figure, axes, side = page.figure, page.axes, page.side
    horizontal, vertical, scores = score_grid(expression, x, y, fixed, RESOLUTION)
    colours = SCORE.with_extremes(bad=QUIET)
    shown = axes.imshow(
        np.ma.masked_invalid(np.clip(np.where(np.isnan(scores), np.nan, scores), -LIMIT, LIMIT)),
        extent=(*x.limits, *y.limits), origin="lower", aspect="auto", cmap=colours,
        vmin=-LIMIT, vmax=LIMIT, interpolation="bilinear",
    )  # fmt: skip
    handles: list[Any] = []
    finite = scores[np.isfinite(scores)]
    if finite.size and finite.min() < 0 < finite.max():
        bounded = np.clip(scores, -LIMIT, LIMIT)
        axes.contour(horizontal, vertical, bounded, levels=[0], colors="#222222", linewidths=1.6)
        handles.append(Line2D([], [], color=theme.ink, linewidth=1.6, label="score = 0"))
    if np.isnan(scores).any():
        handles.append(Patch(facecolor=QUIET, label="not decided"))
    if target is not None and x.cells is not None and y.cells is not None:
        handles += _scatter(axes, x, y, target, classes)
    bar = figure.colorbar(
        shown,
        cax=page.place(page.left + side + 0.15, page.bottom, 0.16, side),
        extend="both",
        extendfrac=0.03,
    )
    bar.outline.set_visible(False)
    bar.set_ticks(np.linspace(-LIMIT, LIMIT, 7).tolist())
    bar.ax.tick_params(length=2, labelsize=8)
    for name, middle in ((classes[1], 0.75), (classes[0], 0.25)):
        figure.text(
            (page.left + side + 0.78) / page.width, (page.bottom + middle * side) / page.height,
            shortened(name, 24), rotation=90, ha="center", va="center", weight="bold", size=9,
        )  # fmt: skip
    bar.ax.set_title("score", size=8.5, weight="normal", loc="center", pad=5)
    return page.finish(handles, 2 if long else 4)


@styled
def score_curve(
    expression: Evaluates,
    x: AlongLatent,
    fixed: Mapping[str, float],
    classes: Sequence[str],
    target: NDArray | None = None,
    *,
    theme: Theme = LIGHT,
) -> Figure:
    """Draw the score along one latent, for expressions of a single one; see `decision_map`."""
    figure, axes = curve_page(x, 0.5)
    along = np.linspace(*x.limits, 400)
    values = {name: np.full(along.shape, value) for name, value in fixed.items()}
    with np.errstate(all="ignore"):
        scores = np.broadcast_to(expression.evaluate({**values, x.name: along}), along.shape)
    axes.axhline(0, color=theme.faint, linewidth=1)
    axes.plot(along, np.where(scores > 0, scores, np.nan), color=POSITIVE, linewidth=2.2)
    axes.plot(along, np.where(scores <= 0, scores, np.nan), color=NEGATIVE, linewidth=2.2)
    axes.set(xlim=x.limits, xticks=[], ylabel="score")
    if target is not None and x.cells is not None:
        bins = np.linspace(*x.limits, 40).tolist()
        density = axes.twinx()
        for value, name, colour in ((0, classes[0], NEGATIVE), (1, classes[1], POSITIVE)):
            density.hist(
                x.cells[target == value], bins=bins, density=True, color=colour, alpha=0.3,
                label=shortened(name, 24),
            )  # fmt: skip
        bare(density)
        axes.set_zorder(density.get_zorder() + 1)
        axes.patch.set_visible(False)
        density.legend(
            loc="lower left", bbox_to_anchor=(0, 1), ncols=2, borderaxespad=0.2,
            title="cells (histograms)", title_fontsize=8, alignment="left",
        )  # fmt: skip
    return figure


def _scatter(
    axes: Any,
    x: AlongLatent,
    y: AlongLatent,
    target: NDArray,
    classes: Sequence[str],
) -> list[Any]:
    assert x.cells is not None
    assert y.cells is not None
    known = drawn_cells(np.isfinite(target))
    colours = np.where(target[known] > 0, POSITIVE, NEGATIVE)
    axes.scatter(
        x.cells[known], y.cells[known], s=9, c=colours, edgecolors="white", linewidths=0.4,
        rasterized=True,
    )  # fmt: skip
    return [
        Line2D(
            [], [], marker="o", linestyle="", markersize=5, color=colour, label=shortened(name, 20)
        )
        for name, colour in zip(classes, (NEGATIVE, POSITIVE), strict=True)
    ]
