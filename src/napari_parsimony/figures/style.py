"""One look for all figures: sober, colour-blind safe, on white and in napari's dark dock."""

import functools
import io
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from numpy.typing import NDArray

NEGATIVE, POSITIVE = "#0072b2", "#d55e00"
"""The two classes, from the palette of Okabe & Ito: blue below zero, orange above."""

ACCENT, QUIET = "#009e73", "#8a8a8a"

SCORE = LinearSegmentedColormap.from_list("score", [NEGATIVE, "#f7f7f7", POSITIVE])
"""Scores: blue below zero, white at zero, orange above."""


@dataclass(frozen=True)
class Theme:
    """Colours of what is neither class nor cell."""

    name: str
    background: str
    ink: str
    faint: str


LIGHT = Theme("light", background="#ffffff", ink="#222222", faint="#d9d9d9")
DARK = Theme("dark", background="#262930", ink="#e6e6e6", faint="#4a4f59")

_BASE: dict[str, Any] = {
    "font.family": ["DejaVu Sans"],
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "axes.axisbelow": True,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "lines.linewidth": 1.5,
    "image.interpolation": "nearest",
    "mathtext.fontset": "cm",
    "svg.fonttype": "path",
    "svg.hashsalt": "napari-parsimony",
}

P = ParamSpec("P")
R = TypeVar("R")


def _colours(theme: Theme) -> dict[str, Any]:
    ink = dict.fromkeys(
        ["text.color", "axes.labelcolor", "axes.titlecolor", "xtick.color", "ytick.color"],
        theme.ink,
    )
    return {
        **ink,
        "axes.edgecolor": theme.ink,
        "axes.facecolor": theme.background,
        "figure.facecolor": theme.background,
        "grid.color": theme.faint,
    }


def styled(draw: Callable[P, R]) -> Callable[P, R]:
    """Make a function draw in the style of its keyword `theme`, not in the user's own."""

    @functools.wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> R:
        theme = kwargs.get("theme", LIGHT)
        if not isinstance(theme, Theme):
            raise TypeError("theme must be LIGHT or DARK")
        # the user's own settings would make two studies look different
        with mpl.rc_context():
            mpl.rcdefaults()
            settings: Any = {**_BASE, **_colours(theme)}
            mpl.rcParams.update(settings)
            return draw(*args, **kwargs)

    return drawn


def new_figure(width: float, height: float) -> Figure:
    """Make a figure of so many inches that belongs to no window and no global state."""
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def bare(axes: Axes) -> None:
    """Remove everything but the content."""
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)


@styled
def to_png(figure: Figure, dpi: int = 150) -> bytes:
    """Draw as PNG."""
    target = io.BytesIO()
    figure.savefig(target, format="png", dpi=dpi, metadata={"Software": None})
    return target.getvalue()


@styled
def to_svg(figure: Figure, dpi: int = 150) -> bytes:
    """Draw as SVG, letters as outlines; the same figure gives the same bytes.

    Parameters
    ----------
    figure
        What to draw.
    dpi
        Resolution of pictures in it.
    """
    target = io.BytesIO()
    nothing = dict.fromkeys(["Creator", "Date", "Format", "Type"])
    figure.savefig(target, format="svg", dpi=dpi, metadata=nothing)
    # the document type names an address, and browsers do not need it
    return re.sub(rb"<!DOCTYPE[^>]*>\s*", b"", target.getvalue())


def pictures(crops: NDArray) -> NDArray[np.float32]:
    """Turn crops into what `imshow` shows.

    Parameters
    ----------
    crops
        (..., C, S, S), 0..1. One channel is shown grey, two magenta and green, of more the first
        three as red, green and blue.

    Returns
    -------
    ndarray
        (..., S, S, 3) in 0..1.
    """
    clipped = np.clip(np.nan_to_num(np.asarray(crops, np.float32)), 0, 1)
    channels = np.moveaxis(clipped, -3, -1)
    match channels.shape[-1]:
        case 1:
            return np.repeat(channels, 3, axis=-1)
        case 2:
            return channels[..., [0, 1, 0]]
    return channels[..., :3]


def mosaic(images: NDArray[np.float32], gap: int = 2) -> NDArray[np.float32]:
    """Put pictures into one.

    Parameters
    ----------
    images
        (rows, columns, S, S, 3).
    gap
        Transparent pixels between neighbours.

    Returns
    -------
    ndarray
        (rows·(S+gap) - gap, columns·(S+gap) - gap, 4).
    """
    rows, columns, height, width = images.shape[:4]
    size = (rows * (height + gap) - gap, columns * (width + gap) - gap, 4)
    whole = np.zeros(size, np.float32)
    for row in range(rows):
        for column in range(columns):
            y, x = row * (height + gap), column * (width + gap)
            whole[y : y + height, x : x + width, :3] = images[row, column]
            whole[y : y + height, x : x + width, 3] = 1
    return whole


def numbers(values: Iterable[float]) -> list[str]:
    """Write numbers of one axis with as many decimals as tell them apart, and a true minus."""
    listed = [float(value) for value in values]
    decimals = 1
    while decimals < 4 and len({f"{v:.{decimals}f}" for v in listed}) < len(set(listed)):
        decimals += 1
    texts = [f"{value:.{decimals}f}" for value in listed]
    return ["0" if float(text) == 0 else text.replace("-", "−") for text in texts]


def shortened(text: str, length: int) -> str:
    """Cut a text that would leave its place, visibly."""
    return text if len(text) <= length else text[: length - 1] + "…"
