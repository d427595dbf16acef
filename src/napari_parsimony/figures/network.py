"""The sparse network as a diagram of what is left of it."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from napari_parsimony.figures.diagram import in_order
from napari_parsimony.figures.palette import LIGHT, NEGATIVE, POSITIVE, Theme
from napari_parsimony.figures.style import bare, new_figure, styled
from napari_parsimony.figures.text import shortened


@styled
def sparse_network(
    weights: Sequence[NDArray],
    inputs: Sequence[str],
    classes: Sequence[str],
    *,
    theme: Theme = LIGHT,
) -> Figure:
    """Draw the connections on a path from an input to the score; everything else is dead.

    Parameters
    ----------
    weights
        (in, out) of each layer, 0 where there is no connection; the last has one column, or one
        for each of more than two classes.
    inputs
        Name of each input.
    classes
        Negative and positive class, or more.
    theme
        Colours.
    """
    live, kept = alive(weights)
    places = [np.flatnonzero(k) for k in kept]
    if not len(places[0]):
        raise ValueError("no input reaches the output")
    orders = in_order(live, places)
    tallest = max(len(order) for order in orders)
    figure = new_figure(6.8, float(np.clip(0.28 * tallest + 0.9, 2.4, 9)))
    axes = figure.subplots()
    bare(axes)
    height: dict[tuple[int, int], float] = {}
    for layer, order in enumerate(orders):
        spread = min(1.0, max(len(order) - 1, 1) / max(tallest - 1, 1) * 1.35)
        y = np.linspace(spread, -spread, len(order)) if len(order) > 1 else np.zeros(1)
        height |= {(layer, int(unit)): y[position] for position, unit in enumerate(order)}
    for layer, weight in enumerate(live):
        largest = np.abs(weight).max()
        for source, target in sorted(
            zip(*np.nonzero(weight), strict=True), key=lambda pair: abs(weight[pair])
        ):
            value = weight[source, target]
            share = abs(value) / largest
            axes.plot(
                [layer, layer + 1],
                [height[layer, int(source)], height[layer + 1, int(target)]],
                color=POSITIVE if value > 0 else NEGATIVE,
                linewidth=0.5 + 3.0 * share,
                alpha=0.35 + 0.6 * share,
                solid_capstyle="round",
                zorder=1,
            )
    last = len(live)
    for (layer, unit), level in height.items():
        outer = layer in (0, last)
        axes.plot(
            layer, level, "o", markersize=8 if outer else 6, zorder=2,
            markerfacecolor=theme.ink if outer else theme.background, markeredgecolor=theme.ink,
        )  # fmt: skip
        if layer == 0:
            axes.annotate(
                inputs[unit], (layer, level), (-9, 0), textcoords="offset points",
                ha="right", va="center", size=9,
            )  # fmt: skip
    said = {0: f"score\n> 0: {shortened(classes[1], 24)}\n< 0: {shortened(classes[0], 24)}"}
    if len(classes) > 2:
        said = {number: shortened(name, 24) for number, name in enumerate(classes)}
    for unit in orders[last]:
        axes.annotate(
            said[int(unit)], (last, height[last, int(unit)]), (10, 0),
            textcoords="offset points", ha="left", va="center", size=9, linespacing=1.5,
        )  # fmt: skip
    axes.set_xlim(-0.05, last + 0.05)
    axes.set_ylim(-1.08, 1.08)
    number = int(sum(np.count_nonzero(weight) for weight in live))
    total = int(sum(weight.size for weight in weights))
    hidden = sum(len(order) for order in orders[1:-1])
    axes.set_title(
        f"{_count(len(orders[0]), 'input')}, {_count(hidden, 'hidden unit')}, "
        f"{number} of {total:,} connections",
        weight="normal",
        size=9,
    )
    axes.legend(
        handles=[
            Line2D([], [], color=POSITIVE, linewidth=2.5, label="positive weight"),
            Line2D([], [], color=NEGATIVE, linewidth=2.5, label="negative weight"),
        ],
        loc="upper center",
        bbox_to_anchor=(0.5, 0.0),
        ncols=2,
        title="line width: size of the weight within its layer",
        title_fontsize=8,
    )
    return figure


def alive(weights: Sequence[NDArray]) -> tuple[list[NDArray], list[NDArray[np.bool_]]]:
    """Keep what is on a path from an input to the output.

    Returns
    -------
    weights
        (in, out) of each layer, dead connections 0.
    units
        Which units of each layer are alive, inputs first, the output last.
    """
    live = [np.where(np.isfinite(weight), weight, 0.0) for weight in weights]
    reached = np.ones(len(live[0]), bool)
    for layer, weight in enumerate(live):
        live[layer] = weight * reached[:, None]
        reached = (live[layer] != 0).any(0)
    needed = np.ones(live[-1].shape[1], bool)
    units = [needed]
    for layer in range(len(live) - 1, -1, -1):
        live[layer] = live[layer] * needed[None, :]
        needed = (live[layer] != 0).any(1)
        units.insert(0, needed)
    return live, units


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
