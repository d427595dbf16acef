"""What would have to be different about a cell, and what edits of its picture do."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, PercentFormatter
from numpy.typing import ArrayLike, NDArray

from napari_parsimony.figures.palette import LIGHT, QUIET, Theme, class_colours, pictures
from napari_parsimony.figures.robustness import scheme_colour
from napari_parsimony.figures.style import bare, mosaic, new_figure, styled
from napari_parsimony.figures.text import shortened
from napari_parsimony.trust.schemes import TITLES

_GAP = 2
_SIDE = 0.95  # inches of one picture
_MOST_BARS = 8


@styled
def smallest_changes(
    crops: NDArray,
    before: NDArray,
    after: NDArray,
    table: pd.DataFrame,
    classes: Sequence[str],
    *,
    theme: Theme = LIGHT,
) -> Figure:
    """Show cells, what the latents keep of them, the smallest change that flips them, and it.

    Parameters
    ----------
    crops, before, after
        (N, C, S, S) in 0..1: the cells, decoded, and decoded where they are flipped.
    table
        Of the same N cells, see `trust.counterfactual.Counterfactuals`.
    classes
        Names of the classes.
    theme
        Colours.
    """
    names = [str(name) for name in table if name not in ("cell", "own", "other", "distance")]
    # of many latents those that move
    order = table[names].abs().max().sort_values(ascending=False, kind="stable").index
    shown = [name for name in names if name in order[:_MOST_BARS]]
    colours = class_colours(classes)
    count, size = len(table), crops.shape[-1]
    left, top, below, room = 0.1, 0.3, 0.32, 0.5
    strip, bars = 4 * _SIDE, max(1.6, 0.36 * len(shown) + 0.4)
    width = left + strip + room + bars + 0.1
    height = top + count * (_SIDE + below) + 0.1
    figure = new_figure(width, height)
    figure.set_layout_engine("none")
    centres = np.arange(4) * (size + _GAP) + size / 2 - 0.5
    moves = np.nan_to_num(table[shown].to_numpy(float))
    reach = max(float(np.abs(moves).max(initial=0.0)), 0.1) * 1.1
    own, other = (table[name].to_numpy(int) for name in ("own", "other"))
    distance = table["distance"].to_numpy(float)
    for row, (crop, old, new) in enumerate(zip(crops, before, after, strict=True)):
        y = (height - top - row * (_SIDE + below) - _SIDE) / height
        difference = 0.5 + np.asarray(new, np.float32) - old
        axes = figure.add_axes((left / width, y, strip / width, _SIDE / height))
        axes.imshow(
            mosaic(pictures(np.stack([crop, old, new, difference]))[None], _GAP),
            interpolation="antialiased",
        )
        bare(axes)
        chart = figure.add_axes(((left + strip + room) / width, y, bars / width, _SIDE / height))
        chart.axhline(0, color=theme.ink, linewidth=0.8)
        hit = np.isfinite(distance[row])
        colour = colours[other[row]] if hit else QUIET
        chart.bar(np.arange(len(shown)), moves[row], width=0.7, color=colour)
        chart.set_ylim(-reach, reach)
        chart.set_xlim(-0.6, len(shown) - 0.4)
        chart.yaxis.set_major_locator(MaxNLocator(3))
        chart.spines["bottom"].set_visible(False)
        chart.tick_params(axis="x", length=0)
        chart.set_xticks(np.arange(len(shown)), shown if row == count - 1 else [""] * len(shown))
        text = shortened(classes[own[row]], 22) if own[row] >= 0 else "not decided"
        if hit:
            text += f" → {shortened(classes[other[row]], 22)}: {distance[row]:.2f} "
            text += "standard deviations"
        elif own[row] >= 0:
            text += ": nothing within the range of the cells flips it"
        axes.text(0, -0.05, text, transform=axes.transAxes, va="top", size=8)
        if row == 0:
            axes.set_xticks(centres, ["cell", "decoded", "flipped", "change"])
            axes.tick_params(labeltop=True, labelbottom=False, length=0, pad=2)
            chart.set_title("latents: change (standard deviations)", size=8, weight="normal")
    return figure


@styled
def distances(found: Mapping[str, ArrayLike], *, theme: Theme = LIGHT) -> Figure:
    """Draw how many cells are flipped by changes up to a distance, by scheme.

    Parameters
    ----------
    found
        By scheme, the ``distance`` of each cell in standard deviations; infinite: never flipped.
    theme
        Colours.
    """
    figure = new_figure(4.4, 2.9)
    axes = figure.subplots()
    axes.grid(axis="y")
    for name, values in found.items():
        known = np.sort(np.asarray(values, float)[~np.isnan(np.asarray(values, float))])
        reached = known[np.isfinite(known)]
        share = np.arange(1, len(reached) + 1) / max(len(known), 1)
        axes.step(
            [0, *reached], [0, *share], where="post", color=scheme_colour(name, theme),
            label=TITLES.get(name, name),
        )  # fmt: skip
    axes.set(
        xlabel="distance in latents (standard deviations)", ylabel="cells flipped",
        xlim=(0, None), ylim=(0, 1.02),
    )  # fmt: skip
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    axes.legend(loc="lower right")
    return figure


@styled
def edit_effects(scores: pd.DataFrame, *, theme: Theme = LIGHT) -> Figure:
    """Draw how scores change when pictures are edited, and how many cells are flipped.

    Parameters
    ----------
    scores
        See `trust.perturbation.Perturbed`. Changes are drawn in standard deviations of all
        changes of a scheme, as scores of schemes have different units.
    theme
        Colours.
    """
    edits = list(dict.fromkeys(scores["edit"]))
    schemes = list(dict.fromkeys(scores["scheme"]))
    figure = new_figure(2.05 * len(edits) + 0.6, 3.9)
    panels = figure.subplots(2, len(edits), sharey="row", sharex="col", squeeze=False)
    unit = {
        name: float(np.sqrt((each["mean_change"] ** 2 + each["sd_change"] ** 2).mean())) or 1.0
        for name, each in scores.groupby("scheme")
    }
    for (above, below), edit in zip(panels.T, edits, strict=True):
        known = scores[scores["edit"] == edit]
        nothing = float(known["nothing"].iloc[0])
        for axes in (above, below):
            axes.grid(axis="y")
            axes.axvline(nothing, color=theme.faint, linewidth=1)
        above.axhline(0, color=theme.faint, linewidth=1)
        for name in schemes:
            here = known.loc[known["scheme"] == name, ["dose", "mean_change", "flips"]]
            start = pd.DataFrame({"dose": [nothing], "mean_change": [0.0], "flips": [0.0]})
            here = pd.concat([here, start]).sort_values("dose")
            colour = scheme_colour(name, theme)
            above.plot(here["dose"], here["mean_change"] / unit[name], "-o", markersize=3,
                       color=colour)  # fmt: skip
            below.plot(here["dose"], here["flips"], "-o", markersize=3, color=colour)
        below.set_xlabel(str(known["title"].iloc[0]))
        below.xaxis.set_major_locator(MaxNLocator(4))
    panels[0, 0].set_ylabel("mean change of score\n(standard deviations)")
    panels[1, 0].set_ylabel("cells flipped")
    panels[1, 0].yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    panels[1, 0].set_ylim(-0.02, max(0.1, 1.1 * float(scores["flips"].max())))
    figure.legend(
        [Line2D([], [], color=scheme_colour(name, theme)) for name in schemes],
        [TITLES.get(name, name) for name in schemes],
        loc="outside upper center", ncols=len(schemes),
    )  # fmt: skip
    return figure
