"""Colours of cells on a labels layer."""

from typing import Literal, get_args

import numpy as np
from napari.utils.colormaps import DirectLabelColormap
from numpy.typing import NDArray

from napari_parsimony.figures.palette import NEGATIVE, POSITIVE, QUIET, SCORE_COLOURS, rgba

ColourBy = Literal["class", "score", "annotation", "none"]
COLOUR_BY: tuple[ColourBy, ...] = get_args(ColourBy)

#: Okabe & Ito, for annotations of more than two classes.
PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#f0e442")
SHADES = 64  # of the score: fewer colours make a quicker colormap, and nobody sees more


def colour_cells(
    by: ColourBy,
    label: NDArray[np.int64],
    score: NDArray[np.float64],
    annotation: NDArray[np.object_],
    annotated: "NDArray[np.float64] | None",
) -> DirectLabelColormap:
    """Make a colormap that gives every cell its colour; what is no cell of the study has none.

    Parameters
    ----------
    by
        What the colours mean.
    label
        (N,) values in the labels layer.
    score
        (N,) above 0 is the second class; NaN is grey.
    annotation
        (N,) raw classes, or missing.
    annotated
        (N,) 0 and 1 for the two classes that are told apart, NaN for neither; None where nobody
        said yet which those are.
    """
    if by == "none":
        colours = np.tile(rgba(QUIET), (len(label), 1))
    elif by == "score":
        colours = _shades(score)
    elif by == "class":
        colours = _two(np.sign(score))
    elif annotated is not None:
        colours = _two(annotated * 2 - 1)
    else:
        colours = _many(annotation)
    table: dict[int | None, NDArray[np.float64]] = {None: np.zeros(4), 0: np.zeros(4)}
    table.update(zip(label.tolist(), colours, strict=True))
    return DirectLabelColormap(color_dict=table)


def score_limit(score: NDArray[np.float64]) -> float:
    """Score at which the colours are fullest: the 95th percentile of its size, at least 1."""
    finite = np.abs(score[np.isfinite(score)])
    return max(float(np.percentile(finite, 95)), 1.0) if len(finite) else 1.0


def _shades(score: NDArray[np.float64]) -> NDArray[np.float64]:
    scaled = np.clip(np.nan_to_num(score / score_limit(score), nan=0.0), -1, 1)
    steps = np.round((scaled + 1) / 2 * (SHADES - 1)) / (SHADES - 1)
    stops = np.linspace(0, 1, len(SCORE_COLOURS))
    channels = np.transpose([rgba(colour) for colour in SCORE_COLOURS])
    colours = np.stack([np.interp(steps, stops, channel) for channel in channels], axis=1)
    colours[np.isnan(score)] = rgba(QUIET)
    return colours


def _two(side: NDArray[np.float64]) -> NDArray[np.float64]:
    colours = np.tile(rgba(QUIET), (len(side), 1))
    colours[side < 0], colours[side > 0] = rgba(NEGATIVE), rgba(POSITIVE)
    return colours


def _many(annotation: NDArray[np.object_]) -> NDArray[np.float64]:
    colours = np.tile(rgba(QUIET), (len(annotation), 1))
    known = sorted({name for name in annotation if isinstance(name, str)})
    for number, name in enumerate(known):
        colours[annotation == name] = rgba(PALETTE[number % len(PALETTE)])
    return colours
