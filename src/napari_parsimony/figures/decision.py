"""Where an expression decides what: over two latents, or along a single one."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import NDArray

from napari_parsimony.figures.palette import LIGHT, NEGATIVE, POSITIVE, QUIET, Theme, pictures
from napari_parsimony.figures.score_map import (
    LIMIT,
    STEPS,
    AlongLatent,
    Evaluates,
    drawn_cells,
    score_grid,
)
from napari_parsimony.figures.style import SCORE, bare, new_figure, styled
from napari_parsimony.figures.text import numbers, shortened

RESOLUTION = 241


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
    side = 4.2
    held = ", ".join(f"{name} = {value:.2f}" for name, value in fixed.items()).replace("-", "−")
    lines = textwrap.wrap(f"at {held}", 66) if held else []
    long = len(shortened(classes[0], 20)) + len(shortened(classes[1], 20)) > 28
    legend_high, line_high = 0.44 if long else 0.24, 0.15
    left, bottom = 0.6 + thickness(y, side), 0.5 + thickness(x, side)
    top = 0.12 + legend_high + line_high * len(lines)
    width, height = left + side + 0.95, bottom + side + top
    figure = new_figure(width, height)
    figure.set_layout_engine("none")

    def place(from_left: float, from_bottom: float, wide: float, high: float) -> Any:
        return figure.add_axes(
            (from_left / width, from_bottom / height, wide / width, high / height)
        )

    axes = place(left, bottom, side, side)
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
    axes.set(xlim=x.limits, ylim=y.limits)
    bare(axes)
    thick = thickness(x, side)
    strip_of(place(left, bottom - thick, side, thick), x, vertical=False)
    thick = thickness(y, side)
    strip_of(place(left - thick, bottom, thick, side), y, vertical=True)
    bar = figure.colorbar(
        shown, cax=place(left + side + 0.15, bottom, 0.16, side), extend="both", extendfrac=0.03
    )
    bar.outline.set_visible(False)
    bar.set_ticks(np.linspace(-LIMIT, LIMIT, 7).tolist())
    bar.ax.tick_params(length=2, labelsize=8)
    for name, middle in ((classes[1], 0.75), (classes[0], 0.25)):
        figure.text(
            (left + side + 0.78) / width, (bottom + middle * side) / height, shortened(name, 24),
            rotation=90, ha="center", va="center", weight="bold", size=9,
        )  # fmt: skip
    bar.ax.set_title("score", size=8.5, weight="normal", loc="center", pad=5)
    figure.text(
        left / width, (bottom + side + 0.06 + legend_high) / height, "\n".join(lines),
        ha="left", va="bottom", size=8.5,
    )  # fmt: skip
    figure.legend(
        handles=handles, loc="lower left", ncols=2 if long else 4, handletextpad=0.4,
        columnspacing=1.2, bbox_to_anchor=(left / width, (bottom + side + 0.04) / height),
        borderaxespad=0,
    )  # fmt: skip
    return figure


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
    side, left, high = 5.2, 0.65, 2.6
    image = thickness(x, side)
    bottom = 0.5 + image
    width, height = left + side + 0.1, bottom + high + 0.5
    figure = new_figure(width, height)
    figure.set_layout_engine("none")
    axes = figure.add_axes((left / width, bottom / height, side / width, high / height))
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
    below = figure.add_axes((left / width, (bottom - image) / height, side / width, image / height))
    strip_of(below, x, vertical=False)
    return figure


def thickness(along: AlongLatent, side: float) -> float:
    """Inches of a strip of pictures; just a line without them."""
    return side / STEPS if along.strip is not None else 0.01


def strip_of(axes: Any, along: AlongLatent, vertical: bool) -> None:
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
