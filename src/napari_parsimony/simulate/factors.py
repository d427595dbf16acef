"""Factors of simulated cells: what is drawn, and what follows from it."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_parsimony.simulate.config import SimulateConfig

Floats = NDArray[np.float64]

DRAWN = ("area", "eccentricity", "brightness", "texture", "grain")


def draw_factors(config: SimulateConfig, rng: np.random.Generator) -> pd.DataFrame:
    """Draw the cells of a field, all factors independently.

    Parameters
    ----------
    config
        Gives their ranges.
    rng
        What to draw with.

    Returns
    -------
    DataFrame
        ``(config.cells,)`` rows: ``area`` (square pixels), ``eccentricity``, ``angle`` (radians in
        [−π/2, π/2), from the column axis towards the row axis, as that of a crop), ``brightness``
        (photoelectrons a pixel), ``texture``, ``grain`` (pixels), and ``position_y`` and
        ``position_x`` (pixels from the middle of the crop).
    """
    count = config.cells
    ranges: dict[str, tuple[float, float]] = {name: getattr(config, name) for name in DRAWN}
    table = pd.DataFrame({k: rng.uniform(low, high, count) for k, (low, high) in ranges.items()})
    table.insert(2, "angle", rng.uniform(-np.pi / 2, np.pi / 2, count))
    for name in ("position_y", "position_x"):
        table[name] = rng.uniform(-config.position, config.position, count)
    return table


def half_axes(cells: pd.DataFrame) -> tuple[Floats, Floats]:
    """Half of the major and of the minor axis of each cell, in pixels."""
    ratio = np.sqrt(1 - cells["eccentricity"].to_numpy() ** 2)
    major = np.sqrt(cells["area"].to_numpy() / (np.pi * ratio))
    return major, major * ratio
