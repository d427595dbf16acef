"""What it takes to flip each scheme: curves, and adversarial crops."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, PercentFormatter
from numpy.typing import NDArray

from napari_parsimony.figures.palette import ACCENT, LIGHT, Theme, pictures
from napari_parsimony.figures.style import bare, mosaic, new_figure, styled
from napari_parsimony.trust.robustness_config import Norm, grey_levels
from napari_parsimony.trust.schemes import TITLES

_NORMS: dict[Norm, tuple[str, str]] = {
    "l2": ("L2", "change of a crop, root mean square (grey levels)"),
    "linf": ("L∞", "change of its most changed pixel (grey levels)"),
}
_GAP = 2
_SIDE = 0.8  # inches of one picture


def scheme_colour(name: str, theme: Theme) -> str:
    """Colour a scheme, apart from those of classes."""
    colours = {"black_box": theme.ink, "dense": "#cc79a7", "sparse": "#e69f00", "symbolic": ACCENT}
    return colours.get(name, "#56b4e9")


@styled
def flip_rates(rates: pd.DataFrame, pixels: int, *, theme: Theme = LIGHT) -> Figure:
    """Draw which part of the cells is flipped at each budget, a panel for each norm.

    Parameters
    ----------
    rates
        See `trust.robustness_tables.rate_table`: lines are PGD with its interval, dashed lines
        noise of the same norm.
    pixels
        Of a crop, in all channels.
    theme
        Colours.
    """
    norms = [norm for norm in _NORMS if norm in set(rates["norm"])]
    figure = new_figure(3.6 * len(norms) + 0.2, 3.1)
    panels = figure.subplots(1, len(norms), sharey=True, squeeze=False)[0]
    schemes = list(dict.fromkeys(rates["scheme"]))
    for axes, norm in zip(panels, norms, strict=True):
        axes.grid(axis="y")
        for scheme in schemes:
            colour = scheme_colour(scheme, theme)
            here = rates[(rates["norm"] == norm) & (rates["scheme"] == scheme)]
            searched, noise = (here[here["attack"] == name] for name in ("pgd", "noise"))
            unit = grey_levels(norm, pixels)
            levels = unit * searched["epsilon"]
            axes.plot(levels, searched["flip_rate"], "-o", markersize=3.5, color=colour)
            axes.fill_between(levels, searched["low"], searched["high"], color=colour,
                              alpha=0.15, linewidth=0)  # fmt: skip
            axes.plot(unit * noise["epsilon"], noise["flip_rate"], "--", linewidth=1, color=colour)
        title, label = _NORMS[norm]
        axes.set_title(title)
        axes.set_xscale("log")
        axes.set(xlabel=label, ylim=(-0.02, 1.02))
        axes.xaxis.set_major_locator(LogLocator(base=2, numticks=20))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.minorticks_off()
    panels[0].set_ylabel("cells given another class")
    panels[0].yaxis.set_major_formatter(PercentFormatter(1.0))
    lines = [Line2D([], [], color=scheme_colour(name, theme)) for name in schemes]
    kinds = [Line2D([], [], color=theme.ink, linestyle=style) for style in ("-", "--")]
    figure.legend(
        [*lines, *kinds],
        [*(TITLES.get(name, name) for name in schemes), "adversarial (PGD)", "noise"],
        loc="outside upper center", ncols=len(schemes) + 2, handlelength=1.6, columnspacing=1.2,
    )  # fmt: skip
    return figure


@styled
def adversarial_strip(
    crops: NDArray,
    adversarial: Mapping[str, NDArray],
    levels: Mapping[str, Sequence[float]],
    *,
    theme: Theme = LIGHT,
) -> Figure:
    """Show cells, the smallest change that flips each scheme (grey: none), and the changed cells.

    Parameters
    ----------
    crops
        (N, C, S, S) in 0..1.
    adversarial
        By scheme, (N, C, S, S).
    levels
        By scheme, (N,) how large the changes are, in grey levels; not finite: nothing flips the
        cell.
    theme
        Colours.
    """
    schemes, (count, size) = list(adversarial), (len(crops), crops.shape[-1])
    left, top, below, between = 1.25, 0.28, 0.24, 0.14
    block = 3 * _SIDE
    width = left + count * block + (count - 1) * between + 0.05
    height = top + len(schemes) * (_SIDE + below)
    figure = new_figure(width, height)
    figure.set_layout_engine("none")
    centres = np.arange(3) * (size + _GAP) + size / 2 - 0.5
    for row, name in enumerate(schemes):
        change = np.asarray(adversarial[name], np.float32) - np.asarray(crops, np.float32)
        # one gain for a row: all but its largest changes fit into the grey levels
        gain = _round_gain(0.5 / max(float(np.quantile(np.abs(change), 0.995)), 1e-6))
        top_of_row = height - top - row * (_SIDE + below)
        for cell in range(count):
            trio = np.stack([crops[cell], 0.5 + gain * change[cell], adversarial[name][cell]])
            place = left + cell * (block + between)
            axes = figure.add_axes(
                (place / width, (top_of_row - _SIDE) / height, block / width, _SIDE / height)
            )
            axes.imshow(mosaic(pictures(trio)[None], _GAP), interpolation="antialiased")
            bare(axes)
            level = float(levels[name][cell])
            text = f"{level:.2g} grey levels" if np.isfinite(level) else "never flipped"
            axes.set_xlabel(text, size=8, labelpad=2)
            if row == 0:
                axes.set_xticks(centres, ["cell", "change", "adversarial"])
                axes.tick_params(labeltop=True, labelbottom=False, length=0, pad=2)
        middle = (top_of_row - _SIDE / 2) / height
        figure.text(0.08 / width, middle + 0.1 / height, TITLES.get(name, name), weight="bold")
        figure.text(
            0.08 / width,
            middle + 0.02 / height,
            f"change × {gain:g}\n(grey: none)",
            size=8,
            va="top",
        )
    return figure


def _round_gain(gain: float) -> float:
    """Round down to 1, 2 or 5 times a power of 10, which people can read."""
    power = 10.0 ** np.floor(np.log10(gain))
    return float(power * max(step for step in (1, 2, 5) if step * power <= gain * (1 + 1e-9)))
