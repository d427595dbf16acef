"""Short-cuts: what goes along with the class in the groups for training and means nothing."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_parsimony.cells.split import assign_splits
from napari_parsimony.simulate.config import SHORTCUTS, SimulateConfig
from napari_parsimony.simulate.law import CLASSES
from napari_parsimony.simulate.places import spread, surroundings


def groups_with_it(config: SimulateConfig, cells: pd.DataFrame) -> NDArray[np.bool_]:
    """Which cells are in groups with the short-cut: all that the step cells does not test on."""
    if config.shortcut == "none":
        return np.zeros(len(cells), dtype=bool)
    return assign_splits(cells, config.folds, config.fold) != "test"


def matched(
    values: NDArray, positive: NDArray[np.bool_], strength: float, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Deal values out anew, so that positive cells tend to get the larger ones.

    What values there are stays as it was: only who has which changes.

    Parameters
    ----------
    values
        ``(N,)``
    positive
        ``(N,)``
    strength
        From 0, at random, to 1: every positive cell has a larger one than any other.
    rng
        What to draw with.

    Returns
    -------
    ndarray
        ``(N,)`` whose value each cell gets.
    """
    noise = rng.standard_normal(len(values))
    wish = strength * np.where(positive, 1, -1) + np.sqrt(1 - strength**2) * noise
    if strength == 1:
        wish += 1e-3 * np.tanh(noise)  # order within a class
    # equal values in no order
    order = np.lexsort((rng.random(len(values)), values))
    mine = np.empty(len(values), dtype=np.int64)
    mine[np.argsort(wish)] = order
    return mine


def plant(config: SimulateConfig, field: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Plant the short-cut into the cells of one field.

    Parameters
    ----------
    config
        Says which and how strong.
    field
        Its cells, with their classes.
    rng
        What to draw with.
    """
    name = SHORTCUTS[config.shortcut]
    positive = (field["class"] == CLASSES[1]).to_numpy()
    values = field[name].to_numpy()
    mine = matched(-values if name == "border_distance" else values, positive, config.strength, rng)
    if name == "brightness":
        return field.assign(brightness=values[mine])
    # cells change places; as they differ in size, they have to make room for each other again
    places = spread(field[["y", "x"]].to_numpy()[mine], field, config)
    around = surroundings(places, config).set_axis(field.index)
    # those columns anew, where they were
    return field.drop(columns=around.columns).join(around)[field.columns]
