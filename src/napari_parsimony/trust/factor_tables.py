"""Latents and known factors of the same cells, checked and made into numbers."""

from collections.abc import Collection, Hashable, Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from napari_parsimony.errors import UserError

Table = pd.DataFrame | ArrayLike


def cos_sin(factors: pd.DataFrame, periods: Mapping[str, float]) -> pd.DataFrame:
    """Replace factors that are angles by their cosine and sine.

    An angle begins anew after its period, which no latent can follow without a jump; its cosine
    and sine it can follow.

    Parameters
    ----------
    factors
        ``(cells, factors)``
    periods
        Period of each angle, in its units: π for ellipses, which look the same after half a turn,
        if angles are in radians.

    Returns
    -------
    DataFrame
        Columns ``cos angle`` and ``sin angle``, of a whole turn for each period, in the place of
        the column ``angle``.

    Raises
    ------
    UserError
        If there is no such factor.
    """
    _check_names(factors, periods)
    columns: dict[Hashable, NDArray] = {}
    for name, column in factors.items():
        if name in periods:
            turn = 2 * np.pi * column.to_numpy(np.float64) / periods[str(name)]
            columns |= {f"cos {name}": np.cos(turn), f"sin {name}": np.sin(turn)}
        else:
            columns[name] = column.to_numpy()
    return pd.DataFrame(columns, index=factors.index)


class Known(NamedTuple):
    """Latents of cells, and those of their factors that vary.

    Attributes
    ----------
    latents
        ``(cells, latents)`` float64.
    factors
        ``(cells, factors)`` float64; 0, 1, … for the levels of discrete factors.
    discrete
        Names of these.
    """

    latents: pd.DataFrame
    factors: pd.DataFrame
    discrete: frozenset[Hashable]

    def matrix(self, values: NDArray | list[list[float]]) -> pd.DataFrame:
        """Give ``(latents, factors)`` values their names."""
        return pd.DataFrame(values, self.latents.columns, self.factors.columns)


def read_known(latents: Table, factors: Table, discrete: Collection[Hashable], least: int) -> Known:
    """Check latents and factors; leave out factors that do not vary.

    Parameters
    ----------
    latents
        ``(cells, latents)``; without names they are called z0, z1, ….
    factors
        ``(cells, factors)``; without names they are called 0, 1, ….
    discrete
        Names of factors whose numbers are names of levels only; text, categories and booleans are
        discrete anyhow.
    least
        Cells that are needed.

    Raises
    ------
    UserError
        If one of them is no table of numbers, they do not belong together, there are too few
        cells, or no factor varies.
    """
    z = read_latents(latents)
    if isinstance(factors, pd.DataFrame):
        given = factors
    else:
        given = pd.DataFrame(_two_axes(factors)).infer_objects()
    if len(z) != len(given):
        raise UserError(
            f"There are latents of {len(z)} cells and factors of {len(given)}: they must be of "
            "the same cells."
        )
    if len(z) < least:
        raise UserError(f"This score needs {least} cells at least, but there are {len(z)}.")
    _check_names(given, discrete)
    columns, levels = {}, set(discrete)
    for name, column in given.items():
        if column.isna().any():
            raise UserError(f"The factor '{name}' is missing in some cells: leave those out.")
        if name in levels or not _is_measured(column):
            levels.add(name)
            columns[name] = pd.factorize(column, sort=True)[0].astype(np.float64)
        else:
            columns[name] = column.to_numpy(np.float64)
        if not np.isfinite(columns[name]).all():
            raise UserError(f"The factor '{name}' is infinite in some cells: leave those out.")
    varying = {name: column for name, column in columns.items() if np.ptp(column) > 0}
    if not varying:
        raise UserError("No factor differs between these cells: there is nothing to score.")
    return Known(z, pd.DataFrame(varying), frozenset(levels & varying.keys()))


def read_latents(latents: Table) -> pd.DataFrame:
    """Check latents, ``(cells, latents)``, and name them z0, z1, … if they have no names."""
    if isinstance(latents, pd.DataFrame):
        for name, column in latents.items():
            if not _is_measured(column):
                raise UserError(
                    f"Latents are numbers, but the column '{name}' has none: give only the "
                    "columns of latents."
                )
        table = latents.reset_index(drop=True).astype(np.float64)
    else:
        values = _two_axes(latents)
        if not np.issubdtype(values.dtype, np.number):
            raise UserError("Latents are numbers, but those given are not.")
        names = [f"z{i}" for i in range(values.shape[1])]
        table = pd.DataFrame(values.astype(np.float64), columns=names)
    if table.shape[1] == 0:
        raise UserError("There are no latents to score.")
    if not np.isfinite(table.to_numpy()).all():
        raise UserError("Some latents are missing or infinite: leave those cells out.")
    return table


def binned(values: NDArray[np.float64], bins: int) -> NDArray[np.int64]:
    """Divide values into bins of as many cells each, as far as there are no equal values.

    Parameters
    ----------
    values
        ``(cells,)``
    bins
        How many. No more different values than this are a bin each.

    Returns
    -------
    ndarray
        ``(cells,)`` number of the bin.
    """
    levels, codes = np.unique(values, return_inverse=True)
    if len(levels) <= bins:
        return np.asarray(codes, np.int64)
    return np.asarray((stats.rankdata(values) - 0.5) * bins / len(values), np.int64)


def _two_axes(values: ArrayLike) -> NDArray:
    array = np.asarray(values)
    if array.ndim != 2:
        raise UserError(
            f"Latents and factors are tables with a row for each cell, but an array of "
            f"{array.ndim} axes was given."
        )
    return array


def _is_measured(column: pd.Series) -> bool:
    types = pd.api.types
    return types.is_numeric_dtype(column) and not types.is_bool_dtype(column)


def _check_names(factors: pd.DataFrame, names: Collection[Hashable]) -> None:
    for name in names:
        if name not in factors.columns:
            raise UserError(
                f"There is no factor '{name}': there are {', '.join(map(str, factors.columns))}."
            )
