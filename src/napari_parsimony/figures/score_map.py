"""The score over two latents as numbers, colours and lines: what decision maps are made of."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_parsimony.classify.scores import UNDECIDED, decided, probabilities
from napari_parsimony.figures.palette import QUIET, SCORE_COLOURS, rgba

LIMIT = 3.0  # scores beyond ± this have the strongest colour
MOST_CELLS = 1_500  # drawn on a map; of more a sample, always the same
STEPS = 7
_SHADES = 256
_PALEST = 0.25  # how much of a class's colour is left where it is no likelier than the others

Floats = NDArray[np.float64]


class Evaluates(Protocol):
    """What is drawn: an `Expression`, or `ClassScores`."""

    def evaluate(self, values: Mapping[str, ArrayLike]) -> Floats:
        """Scores from latents by name."""
        ...


class AlongLatent(NamedTuple):
    """One axis of a decision map.

    Attributes
    ----------
    name
        Of the latent.
    low, high
        Its range.
    strip
        (7, C, S, S) crops decoded at 7 even steps from `low` to `high`; None: no pictures.
    cells
        (N,) its value in each cell, to be scattered.
    label
        What it is about, for instance "eccentricity".
    """

    name: str
    low: float
    high: float
    strip: NDArray | None = None
    cells: NDArray | None = None
    label: str = ""

    @property
    def text(self) -> str:
        """Label of the axis."""
        return f"{self.name}  {self.label}".strip()

    @property
    def steps(self) -> Floats:
        """Where the pictures are."""
        return np.linspace(self.low, self.high, STEPS)

    @property
    def limits(self) -> tuple[float, float]:
        """Half a step wider, so that 7 pictures fill the axis."""
        half = (self.high - self.low) / (STEPS - 1) / 2
        return self.low - half, self.high + half


def score_grid(
    expression: Evaluates,
    x: AlongLatent,
    y: AlongLatent,
    fixed: Mapping[str, float],
    resolution: int,
    outputs: int = 1,
) -> tuple[Floats, Floats, Floats]:
    """Evaluate an expression over two latents.

    Parameters
    ----------
    expression
        What decides.
    x, y
        The two latents.
    fixed
        Values of its other latents.
    resolution
        Points along each of them.
    outputs
        Scores that it gives: one, or one for each of more than two classes.

    Returns
    -------
    x, y, scores
        (resolution,), (resolution,) and (resolution, resolution), rows along `y`, of more scores
        (resolution, resolution, outputs); NaN where nothing is decided.
    """
    across, up = np.linspace(*x.limits, resolution), np.linspace(*y.limits, resolution)
    shape = (resolution, resolution)
    values: dict[str, ArrayLike] = {
        **fixed,
        x.name: np.broadcast_to(across, shape),
        y.name: np.broadcast_to(up[:, None], shape),
    }
    with np.errstate(all="ignore"):
        scores = np.broadcast_to(
            expression.evaluate(values), shape if outputs == 1 else (*shape, outputs)
        )
    return across, up, scores


def score_picture(scores: Floats) -> NDArray[np.uint8]:
    """Colour scores, (rows, columns) to (rows, columns, 3); what decides nothing is grey."""
    undecided = np.isnan(scores)
    bounded = np.clip(np.where(undecided, 0, scores), -LIMIT, LIMIT)
    shades = ((bounded + LIMIT) * ((_SHADES - 1) / (2 * LIMIT)) + 0.5).astype(np.intp)
    picture = _table()[shades]
    picture[undecided] = (rgba(QUIET)[:3] * 255 + 0.5).astype(np.uint8)
    return picture


def class_picture(scores: NDArray[np.float64], colours: Sequence[str]) -> NDArray[np.float64]:
    """Colour scores (…, classes) by the likeliest class, (…, 3); what decides nothing is grey."""
    table = np.stack([rgba(colour)[:3] for colour in [*colours, QUIET]])
    said = decided(scores)
    likely = np.nan_to_num(probabilities(scores).max(axis=-1), nan=1.0)
    none = 1 / len(colours)
    strength = _PALEST + (1 - _PALEST) * (likely - none) / (1 - none)
    picture: NDArray[np.float64] = 1 - strength[..., None] * (1 - table[said])
    picture[said == UNDECIDED] = table[-1]
    return picture


def class_boundaries(x: Floats, y: Floats, scores: Floats) -> list[Floats]:
    """Find where another class gets the largest of the scores (rows, columns, classes)."""
    found = []
    for number in range(scores.shape[-1]):
        others = np.delete(scores, number, axis=-1).max(axis=-1)
        found += boundary(x, y, scores[..., number] - others)
    return found


def _table() -> NDArray[np.uint8]:
    stops = np.linspace(0, 1, len(SCORE_COLOURS))
    channels = np.transpose([rgba(colour)[:3] for colour in SCORE_COLOURS])
    shades = np.linspace(0, 1, _SHADES)
    colours = np.stack([np.interp(shades, stops, channel) for channel in channels], axis=1)
    return (colours * 255 + 0.5).astype(np.uint8)


def boundary(x: Floats, y: Floats, scores: Floats) -> list[Floats]:
    """Find where a grid of scores is 0; lines of (points, 2), x first."""
    finite = scores[np.isfinite(scores)]
    if not finite.size or finite.min() >= 0 or finite.max() <= 0:
        return []
    from skimage.measure import find_contours

    # far scores would pull the line that is drawn between two points to one of them
    lines = find_contours(np.clip(scores, -1, 1), 0.0)  # rows and columns
    places = np.arange(len(y)), np.arange(len(x))
    return [
        np.column_stack([np.interp(c, places[1], x), np.interp(r, places[0], y)])
        for r, c in (line.T for line in lines)
    ]


def drawn_cells(known: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Choose which of the cells to draw: all, or always the same sample of many."""
    rows = np.flatnonzero(known)
    if len(rows) > MOST_CELLS:
        rows = np.sort(np.random.default_rng(0).choice(rows, MOST_CELLS, replace=False))
    return rows
