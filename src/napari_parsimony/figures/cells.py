"""Pictures of cells: reconstructions and traversals."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from napari_parsimony.figures.palette import LIGHT, Theme, pictures
from napari_parsimony.figures.style import bare, mosaic, new_figure, styled
from napari_parsimony.figures.text import numbers

_GAP = 2
_SIDE = 0.72  # inches of one picture


@styled
def reconstructions(
    crops: NDArray, decoded: NDArray, columns: int = 10, *, theme: Theme = LIGHT
) -> Figure:
    """Show cells above what is left of them after the latents.

    Parameters
    ----------
    crops, decoded
        (N, C, S, S) in 0..1.
    columns
        Cells in a row.
    theme
        Colours.
    """
    if crops.shape != decoded.shape or len(crops) == 0:
        raise ValueError("crops and decoded must be the same, not empty, shape")
    columns = min(columns, len(crops))
    blocks = -(-len(crops) // columns)
    both = np.stack([pictures(crops), pictures(decoded)])
    left, between = 0.75, 0.1
    width = left + columns * _SIDE
    height = blocks * (2 * _SIDE + between)
    figure = new_figure(width, height)
    figure.set_layout_engine("none")
    for block in range(blocks):
        part = both[:, block * columns : (block + 1) * columns]
        axes = figure.add_axes(
            (
                left / width,
                1 - (block + 1) * (2 * _SIDE + between) / height,
                part.shape[1] * _SIDE / width,
                2 * _SIDE / height,
            )
        )
        _show(axes, part)
        _label_rows(axes, part.shape[2], ["original", "decoded"])
    return figure


@styled
def traversals(
    images: NDArray,
    names: Sequence[str],
    values: ArrayLike,
    *,
    theme: Theme = LIGHT,
) -> Figure:
    """Show how cells change along each latent.

    Parameters
    ----------
    images
        (L, steps, C, S, S) in 0..1: a row for each latent.
    names
        L labels, for instance ``"z17  eccentricity"``.
    values
        (steps,) of every latent, or (L, steps), each its own.
    theme
        Colours.
    """
    rows, steps = images.shape[:2]
    each = np.broadcast_to(np.asarray(values, float), (rows, steps))
    left, top = 0.2 + 0.075 * max(len(name) for name in names), 0.25
    width, height = left + _SIDE * steps + 0.05, _SIDE * rows + top + 0.05
    figure = new_figure(width, height)
    figure.set_layout_engine("none")
    axes = figure.add_axes(
        (left / width, 0.05 / height, _SIDE * steps / width, _SIDE * rows / height)
    )
    _show(axes, pictures(images))
    size = images.shape[-1]
    centres = np.arange(steps) * (size + _GAP) + size / 2 - 0.5
    _label_rows(axes, size, names)
    axes.tick_params(labeltop=True, labelbottom=False, length=0, pad=3)
    if np.allclose(each, each[0]):
        axes.set_xticks(centres, numbers(each[0]))
        return figure
    # every latent has its own range: its ends are written into its row
    axes.set_xticks([centres[0], centres[-1]], ["low", "high"])
    for row in range(rows):
        texts = numbers(each[row])
        for column in (0, steps - 1):
            axes.text(
                centres[column] - size / 2 + 2,
                row * (size + _GAP) + size - 3,
                texts[column],
                color="white",
                size=6.5,
                va="bottom",
                bbox={"facecolor": "black", "alpha": 0.55, "pad": 1, "linewidth": 0},
            )
    return figure


def _show(axes: Axes, images: NDArray) -> None:
    axes.imshow(mosaic(images, _GAP), interpolation="antialiased")
    bare(axes)


def _label_rows(axes: Axes, size: int, names: Sequence[str]) -> None:
    centres = np.arange(len(names)) * (size + _GAP) + size / 2 - 0.5
    axes.set_yticks(centres, names)
    axes.tick_params(left=False)
