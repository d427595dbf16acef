"""One look for all figures: sober, colour-blind safe, on white and in napari's dark dock."""

import functools
import io
import re
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from numpy.typing import NDArray

from napari_parsimony.figures.palette import LIGHT, SCORE_COLOURS, Theme

SCORE = LinearSegmentedColormap.from_list("score", SCORE_COLOURS)

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
