"""Laws learned once more: how far they decide alike, and how good without parts of the method."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter
from numpy.typing import NDArray

from napari_parsimony.figures.palette import ACCENT, LIGHT, QUIET, Theme
from napari_parsimony.figures.style import new_figure, styled

_MOST_NUMBERS = 14  # laws up to which squares have room for their numbers


@styled
def agreement_matrix(
    shares: NDArray[np.float64], runs: pd.DataFrame, *, theme: Theme = LIGHT
) -> Figure:
    """Draw on which share of the held-out cells any two laws decide the same.

    Parameters
    ----------
    shares, runs
        See `trust.stability.run_stability`; laws that decide alike stand beside each other.
    theme
        Colours.
    """
    order = np.argsort(runs["group"].to_numpy(), kind="stable")
    labels = [law_label(runs.iloc[i]) for i in order]
    table = shares[np.ix_(order, order)]
    side = min(0.42 * len(order), 5.2) + 0.4
    figure = new_figure(side + 3, side + 0.6)
    axes = figure.subplots()
    low = min(0.9, float(table.min()))
    image = axes.imshow(table, cmap="viridis", vmin=low, vmax=1)
    axes.set_yticks(range(len(order)), labels)
    axes.set_xticks([])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    for tick, i in zip(axes.get_yticklabels(), order, strict=True):
        tick.set_color(ACCENT if i == 0 else theme.ink)
    groups = runs["group"].to_numpy()[order]
    for edge in np.flatnonzero(np.diff(groups)) + 0.5:
        axes.axhline(edge, color=theme.background, linewidth=2)
        axes.axvline(edge, color=theme.background, linewidth=2)
    if len(order) <= _MOST_NUMBERS:
        for (y, x), share in np.ndenumerate(table):
            dark = share < low + 0.6 * (1 - low)
            axes.text(x, y, f"{100 * share:.0f}", ha="center", va="center", fontsize=7,
                      color="#ffffff" if dark else "#222222")  # fmt: skip
    bar = figure.colorbar(
        image, ax=axes, shrink=0.8, format=PercentFormatter(1.0, decimals=0),
        ticks=MaxNLocator(6, steps=[1, 2, 5, 10]),
    )  # fmt: skip
    bar.set_label("held-out cells given the same class")
    bar.outline.set_visible(False)
    return figure


def law_label(run: pd.Series) -> str:
    """Name a law by where it comes from: of the study, or its VAE, networks and search."""
    if run["networks"] < 0:
        return "the study's law"
    vae = "own VAE" if run["vae"] == 0 else f"VAE {run['vae'] + 1}"
    search = f", search {run['search'] + 1}" if run["search"] > 0 else ""
    return f"{vae}, networks {run['networks'] + 1}{search}"


@styled
def ablation_dots(table: pd.DataFrame, *, theme: Theme = LIGHT) -> Figure:
    """Draw the balanced accuracy of each row with its interval, and that of the law as a line.

    Parameters
    ----------
    table
        See `trust.ablations.run_ablations`; rows without a number are left out.
    theme
        Colours.
    """
    rows = table[table["balanced_accuracy"].notna()].reset_index(drop=True)
    reference = rows.loc[rows["reference"], "balanced_accuracy"].iloc[0]
    figure = new_figure(6.4, 0.24 * len(rows) + 0.9)
    axes = figure.subplots()
    axes.grid(axis="x")
    axes.axvline(reference, color=ACCENT, linewidth=1)
    part = rows["part"].to_numpy()
    at = -np.arange(len(rows)) - 0.6 * np.cumsum(np.append(False, part[1:] != part[:-1]))
    middle, low, high = (
        rows[f"balanced_accuracy{end}"].to_numpy() for end in ("", " low", " high")
    )
    with_interval = np.isfinite(low)
    axes.hlines(at[with_interval], low[with_interval], high[with_interval], color=QUIET,
                linewidth=1.5)  # fmt: skip
    colours = np.where(rows["reference"], ACCENT, theme.ink)
    axes.scatter(middle, at, color=colours, s=28, zorder=3)
    axes.set_yticks(at, rows["title"])
    axes.set_ylim(at[-1] - 0.7, at[0] + 0.7)
    axes.set_xlabel("balanced accuracy on held-out cells")
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    return figure
