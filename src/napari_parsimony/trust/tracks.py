"""How the score of a cell goes over time, where labels say which cells are the same."""

from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray


def is_tracked(cells: pd.DataFrame) -> bool:
    """Whether a label of an image comes in more than one frame: it is the number of a track."""
    return bool(cells.duplicated(["image", "label"]).any())


def track_rows(cells: pd.DataFrame, image: str, label: int) -> NDArray[np.intp]:
    """Rows of the table of cells that are one cell, in the order of their frames."""
    rows = np.flatnonzero((cells["label"] == label) & (cells["image"] == image))
    order = np.argsort(cells["frame"].to_numpy()[rows], kind="stable")
    found: NDArray[np.intp] = rows[order]
    return found


def zero_crossings(
    frames: NDArray[np.int64], scores: NDArray[np.float64]
) -> list[tuple[float, bool]]:
    """When a score changes its sign, by linear interpolation between frames.

    Parameters
    ----------
    frames
        (N,) ascending; some may be missing.
    scores
        (N,) NaN where there is no score. A score of 0 is on neither side: what counts is where it
        was before and where it goes.

    Returns
    -------
    list
        Time in frames, and whether the score rises above 0, of each crossing.
    """
    decided = np.isfinite(scores) & (scores != 0)
    at = np.flatnonzero(decided)
    found = []
    for before, after in pairwise(at):
        if (scores[before] > 0) == (scores[after] > 0):
            continue
        zeros = np.flatnonzero(scores[before + 1 : after] == 0)
        if len(zeros):  # it lay on 0 in between
            time = float(np.mean(frames[before + 1 + zeros]))
        else:
            share = scores[before] / (scores[before] - scores[after])
            time = float(frames[before] + share * (frames[after] - frames[before]))
        found.append((time, bool(scores[after] > 0)))
    return found


def class_changes(frames: NDArray[np.int64], decided: NDArray[np.intp]) -> list[tuple[float, int]]:
    """When a cell changes its class: halfway between the frames before and after.

    Parameters
    ----------
    frames
        (N,) ascending; some may be missing.
    decided
        (N,) numbers of classes; below 0 nothing is decided, which is passed over.

    Returns
    -------
    list
        Time in frames, and the number of the new class, of each change.
    """
    at = np.flatnonzero(decided >= 0)
    return [
        (float(frames[before] + frames[after]) / 2, int(decided[after]))
        for before, after in pairwise(at)
        if decided[before] != decided[after]
    ]
