"""Groups of cells that belong together, and their division into train, validation and test."""

import warnings

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from napari_parsimony.errors import UserError

MOST_TILES = 8


def assign_splits(
    table: pd.DataFrame, folds: int = 5, fold: int = 0, seed: int = 0
) -> NDArray[np.object_]:
    """Divide cells by group, with classes in like proportions.

    Parameters
    ----------
    table
        With the columns ``group`` and ``class`` (which may be null).
    folds
        Number of parts.
    fold
        The part that becomes test; the next one becomes validation and the others train.
    seed
        Of the shuffling.

    Returns
    -------
    ndarray
        ``train``, ``validation`` or ``test`` for each row.

    Raises
    ------
    UserError
        If there are fewer groups than folds, or fewer cells of every class.
    """
    groups = table["group"].to_numpy()
    count = len(np.unique(groups))
    if count < folds:
        raise UserError(
            f"There are {count} groups of cells that a split keeps together, fewer than the "
            f"{folds} folds; add images or movies, lower 'folds', or group by image or tile."
        )
    classes = (
        table["class"].astype("object").where(table["class"].notna(), "").to_numpy(dtype=object)
    )
    most = np.unique(classes, return_counts=True)[1].max()
    if most < folds:
        raise UserError(
            f"No class has more than {most} cells, fewer than the {folds} folds; add cells, or "
            "lower 'folds'."
        )
    # where each cell is its own group, the plain splitter does the same at a fraction of the time
    kind = StratifiedKFold if count == len(groups) else StratifiedGroupKFold
    splitter = kind(folds, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        # a class with fewer cells than folds is no reason to warn: some parts lack it
        warnings.simplefilter("ignore", UserWarning)
        parts = [part for _, part in splitter.split(np.zeros(len(groups)), classes, groups)]
    splits = np.full(len(groups), "train", dtype=object)
    splits[parts[(fold + 1) % folds]] = "validation"
    splits[parts[fold]] = "test"
    for name in ("train", "validation", "test"):
        if not (splits == name).any():
            raise UserError(
                f"The {count} groups of cells are too unequal for {folds} folds: no cell is left "
                f"to {name}; add images or movies, or lower 'folds'."
            )
    return splits


def tile_groups(table: pd.DataFrame, folds: int) -> NDArray[np.object_]:
    """Group cells by square blocks of their image, the same ones in all frames.

    Blocks are 3 × 3, or finer where fewer than `folds` of them hold cells.

    Parameters
    ----------
    table
        With the columns ``image``, ``y`` and ``x`` of each cell, and the ``height`` and ``width``
        of its image.
    folds
        Number of groups needed.

    Returns
    -------
    ndarray
        ``(N,)`` such as ``field.tif tile 2,1``.
    """
    groups = np.empty(0, dtype=object)
    for side in range(3, MOST_TILES + 1):
        row = np.clip((table["y"] + 0.5) / table["height"] * side, 0, side - 1).astype(int)
        column = np.clip((table["x"] + 0.5) / table["width"] * side, 0, side - 1).astype(int)
        groups = np.array(
            [
                f"{name} tile {r},{c}"
                for name, r, c in zip(table["image"], row, column, strict=True)
            ],
            dtype=object,
        )
        if len(set(groups)) >= folds:
            break
    return groups
