"""Simulated fields of nuclei with their ground truth."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_parsimony.simulate.config import SimulateConfig
from napari_parsimony.simulate.factors import draw_factors
from napari_parsimony.simulate.law import classify
from napari_parsimony.simulate.places import scatter, spread, surroundings
from napari_parsimony.simulate.render import render
from napari_parsimony.simulate.shortcut import groups_with_it, plant


@dataclass(frozen=True)
class Simulated:
    """Simulated fields: a table of all cells, and pictures that are drawn when they are read.

    Attributes
    ----------
    config
        What they were made by.
    cells
        One row a cell: its key (``image``, ``frame``, ``label``), ``y`` and ``x`` in pixels,
        ``group`` and ``class``, its factors (see `draw_factors` and `surroundings`),
        ``score`` by the law and whether the class was ``flipped``, whether its group has the
        ``shortcut``, and ``exposure``, ``psf`` and ``background`` of its group.
    """

    config: SimulateConfig
    cells: pd.DataFrame

    @property
    def names(self) -> list[str]:
        """Names of the images."""
        return image_names(self.config)

    def read(self, number: int) -> tuple[NDArray[np.uint16], NDArray[np.int32]]:
        """Draw the image of a field and its labels, ``(size, size)`` each; always the same ones."""
        first = number * self.config.cells
        cells = self.cells.iloc[first : first + self.config.cells]
        return render(self.config, cells, _generator(self.config, "picture", number))

    def __iter__(self) -> Iterator[tuple[NDArray[np.uint16], NDArray[np.int32]]]:
        """Image and labels of one field after the other."""
        return (self.read(number) for number in range(self.config.fields))


def simulate_fields(config: SimulateConfig) -> Simulated:
    """Simulate fields of nuclei whose class follows from a law.

    Parameters
    ----------
    config
        Settings. The same ones give the same cells and pictures, to the bit.

    Raises
    ------
    UserError
        If the nuclei find no room, or the law cannot be used for them.
    """
    fields = [_draw(config, number) for number in range(config.fields)]
    cells = pd.concat(fields, ignore_index=True)
    cells = classify(config, cells, _generator(config, "classes"))
    cells["shortcut"] = groups_with_it(config, cells)
    if cells["shortcut"].any():
        parts = [
            plant(config, field, _generator(config, "shortcut", number))
            if field["shortcut"].iloc[0]
            else field
            for number, (_, field) in enumerate(cells.groupby("image", sort=False))
        ]
        cells = pd.concat(parts)
    return Simulated(config, cells)


def image_names(config: SimulateConfig) -> list[str]:
    """Names of the images of all fields."""
    return [_name(number) for number in range(config.fields)]


def _name(number: int) -> str:
    return f"field{number:04d}.tif"


def _generator(config: SimulateConfig, purpose: str, number: int = 0) -> np.random.Generator:
    """Random numbers of their own for each purpose: noise, say, does not depend on the law."""
    purposes = ("cells", "group", "classes", "shortcut", "picture")
    key = (purposes.index(purpose), number)
    return np.random.default_rng(np.random.SeedSequence(config.seed, spawn_key=key))


def _draw(config: SimulateConfig, number: int) -> pd.DataFrame:
    """Cells of one field, but for their classes."""
    rng = _generator(config, "cells", number)
    factors = draw_factors(config, rng)
    places = surroundings(spread(scatter(config, rng), factors, config), config)
    group = number // config.fields_per_group
    differs = np.exp(config.variation * _generator(config, "group", group).standard_normal(3))
    about = {
        "image": _name(number),
        "frame": 0,
        "label": np.arange(1, config.cells + 1),
        **{name: places.pop(name) for name in ("y", "x")},
        "group": f"group{group:03d}",
    }
    group_factors = {
        "exposure": differs[0],
        "psf": config.psf * differs[1],
        "background": config.background * differs[2],
    }
    return pd.DataFrame(about).join([factors, places]).assign(**group_factors)
