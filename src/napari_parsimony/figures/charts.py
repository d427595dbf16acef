"""Curves and bars: training, use of latents, Pareto front, schemes."""

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

from napari_parsimony.figures.palette import ACCENT, LIGHT, QUIET, Theme
from napari_parsimony.figures.style import new_figure, styled
from napari_parsimony.figures.text import shortened
from napari_parsimony.trust.schemes import Estimate, Schemes

if TYPE_CHECKING:
    from napari_parsimony.symbolic.front import Front

_HELD_OUT = re.compile(r"^(validation|held-out) ")


@styled
def pareto_front(front: "Front", *, theme: Theme = LIGHT) -> Figure:
    """Draw how much each step in size buys.

    Parameters
    ----------
    front
        The equations.
    theme
        Colours.
    """
    members = front.candidates
    chosen = front.chosen
    sizes = [member.size for member in members]
    loss = [member.validation_loss for member in members]
    figure = new_figure(6.4, 3.4)
    axes = figure.subplots()
    axes.grid(axis="y")
    axes.axhline(min(loss), color=ACCENT, linewidth=0.8, zorder=1)
    axes.errorbar(
        sizes, loss, [member.excess_error for member in members], fmt="none", ecolor=ACCENT,
        elinewidth=1, capsize=2, label="standard error of the\ndifference to the best",
    )  # fmt: skip
    axes.plot(
        sizes, [member.train_loss for member in members], "--", color=QUIET, linewidth=1,
        label="fitted cells",
    )  # fmt: skip
    axes.plot(sizes, loss, "-o", color=theme.ink, linewidth=1, markersize=5,
              label="cross-validated")  # fmt: skip
    axes.plot(
        sizes[chosen], loss[chosen], "o", markersize=11, markerfacecolor="none",
        markeredgecolor=ACCENT, markeredgewidth=2.2, zorder=4, label="chosen", linestyle="",
    )  # fmt: skip
    text = members[chosen].expression.unicode(members[chosen].digits)
    axes.set_title(f"chosen: {shortened(text, 85)}", weight="normal", size=8.5)
    axes.set(xlabel="expression size (operators + constants + variables)", ylabel="logistic loss")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.margins(x=0.04, y=0.08)
    axes.legend(loc="best")
    return figure


@styled
def loss_curves(history: pd.DataFrame, *, theme: Theme = LIGHT) -> Figure:
    """Draw training, one panel for each quantity.

    Parameters
    ----------
    history
        ``step`` (or ``epoch``) and a column for each quantity; "validation loss" or "held-out
        loss" is drawn into the panel of "loss".
    theme
        Colours.
    """
    steps = next((name for name in ("step", "epoch") if name in history), None)
    x = history[steps].to_numpy() if steps else np.arange(len(history))
    names = [name for name in history if name != steps]
    panels: dict[str, list[str]] = {}
    for name in names:
        base = _HELD_OUT.sub("", str(name))
        panels.setdefault(base if base in names else str(name), []).append(str(name))
    columns = min(3, len(panels))
    rows = -(-len(panels) // columns)
    figure = new_figure(2.6 * columns + 0.2, 1.9 * rows + 0.3)
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes in grid.flat[len(panels) :]:
        axes.remove()
    for axes, (title, members) in zip(grid.flat, panels.items(), strict=False):
        axes.grid(axis="y")
        seen = []
        for name in members:
            y = history[name].to_numpy(float)
            held_out = name != title or bool(_HELD_OUT.match(name))
            known = np.isfinite(y)  # some quantities are measured less often
            axes.plot(
                x[known], y[known], color=ACCENT if held_out else theme.ink,
                label="validation" if held_out else "training", linewidth=1.3,
            )  # fmt: skip
            seen.append(y[known])
        axes.set_title(title, size=9)
        axes.xaxis.set_major_locator(MaxNLocator(3, integer=True))
        axes.yaxis.set_major_locator(MaxNLocator(4))
        _without_first_drop(axes, np.concatenate(seen))
        if len(members) > 1:
            axes.legend(loc="upper right", handlelength=1.2)
    figure.supxlabel(steps or "report", size=9)
    return figure


def _without_first_drop(axes: object, y: np.ndarray) -> None:
    """Spend the panel on the part of the curve that differs; the start may leave it at the top."""
    if len(y) < 10:
        return
    low, high = np.quantile(y, [0.0, 0.9])
    room = max(high - low, 1e-12) * 0.25
    if y.max() > high + 4 * room:
        axes.set_ylim(low - room / 2, high + room)  # type: ignore[attr-defined]


@styled
def latent_usage(
    before: Mapping[str, float],
    after: Mapping[str, float],
    chosen: Sequence[str] = (),
    networks: int | None = None,
    *,
    theme: Theme = LIGHT,
) -> Figure:
    """Draw how often sparse networks from different starts keep each latent.

    Parameters
    ----------
    before, after
        Share of the networks, 0..1, by latent: before and after inputs were pruned.
    chosen
        Latents of the network in use: their names are bold.
    networks
        How many there are.
    theme
        Colours.
    """
    names = list(before)
    figure = new_figure(max(4.0, 0.26 * len(names) + 0.9), 2.7)
    axes = figure.subplots()
    axes.grid(axis="y")
    place = np.arange(len(names))
    axes.bar(
        place, [before[name] for name in names], width=0.78, color=theme.faint,
        label="before pruning",
    )  # fmt: skip
    axes.bar(
        place, [after.get(name, 0.0) for name in names], width=0.46, color=ACCENT,
        label="after pruning",
    )  # fmt: skip
    axes.set_xticks(place, names, rotation=90 if len(names) > 12 else 0)
    for label in axes.get_xticklabels():
        if label.get_text() in chosen:
            label.set_fontweight("bold")
    axes.set(
        ylim=(0, 1.02),
        xlim=(-0.7, len(names) - 0.3),
        ylabel="share of networks" + (f" (of {networks})" if networks else ""),
    )
    axes.tick_params(axis="x", length=0)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, borderaxespad=0.1)
    return figure


@styled
def schemes_table(schemes: Schemes, *, theme: Theme = LIGHT) -> Figure:
    """Draw how good and how large each scheme is, with intervals."""
    rows = schemes.schemes
    figure = new_figure(7.2, 0.34 * len(rows) + 1.15)
    panels = figure.subplots(1, 4, sharey=True, width_ratios=[1, 1, 1, 1.1])
    place = np.arange(len(rows))[::-1]
    measures = [
        ("accuracy", "accuracy"),
        ("balanced\naccuracy", "balanced_accuracy"),
        ("AUC", "auc"),
    ]
    bounds = [_bounds(getattr(row, field)) for row in rows for _, field in measures]
    low = min((b[0] for b in bounds if b), default=0.5)
    for axes, (title, field) in zip(panels, measures, strict=False):
        axes.grid(axis="x")
        for y, row in zip(place, rows, strict=True):
            estimate = getattr(row, field)
            if estimate.value is None:
                axes.text(0.5, y, "–", transform=axes.get_yaxis_transform(), ha="center")
                continue
            colour = QUIET if row.name == "shape" else theme.ink
            if estimate.low is not None and estimate.high is not None:
                axes.plot([estimate.low, estimate.high], [y, y], color=colour, linewidth=1.6)
            axes.plot(estimate.value, y, "o", color=colour, markersize=5)
        axes.set_title(title, size=9)
        axes.set_xlim(max(0.0, low - 0.03), 1.01)
        axes.xaxis.set_major_locator(MaxNLocator(3))
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
    sizes = panels[3]
    sizes.grid(axis="x")
    known = [row.complexity.expression_size for row in rows if row.complexity.expression_size]
    for y, row in zip(place, rows, strict=True):
        size = row.complexity.expression_size
        if size:
            sizes.plot([1, size], [y, y], color=theme.faint, linewidth=3, zorder=1)
            sizes.plot(size, y, "s", color=ACCENT, markersize=5)
            sizes.annotate(
                f"{size:,}", (size, y), (6, 0), textcoords="offset points", va="center", size=8
            )
        else:
            sizes.text(0.02, y, "–", transform=sizes.get_yaxis_transform(), va="center")
    sizes.set_xscale("log")
    sizes.set_xlim(1, max([*known, 10]) * 60)
    sizes.xaxis.set_major_locator(LogLocator(base=100))
    sizes.xaxis.set_minor_formatter(NullFormatter())
    sizes.set_title("expression\nsize", size=9)
    sizes.tick_params(axis="y", length=0)
    sizes.spines["left"].set_visible(False)
    panels[0].set_yticks(place, [row.title for row in rows])
    panels[0].set_ylim(-0.6, len(rows) - 0.4)
    return figure


def _bounds(estimate: Estimate) -> tuple[float, float] | None:
    if estimate.value is None:
        return None
    return (
        estimate.value if estimate.low is None else estimate.low,
        estimate.value if estimate.high is None else estimate.high,
    )
