"""What tables say of cells: positions, classes and groups."""

from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from napari_parsimony.cells.config import CellsConfig
from napari_parsimony.cells.table import KEY
from napari_parsimony.errors import UserError

LARGEST_LABEL = 2**63 - 1
PARQUET = (".parquet", ".pq")

Texts = pd.Series  # of str, null where a table says nothing


def read_points(path: Path) -> pd.DataFrame:
    """Read a table of positions, one row a cell.

    Parameters
    ----------
    path
        CSV or Parquet with the columns ``y`` and ``x``, and optionally ``frame``, ``label`` or
        ``track_id``, and any others.

    Returns
    -------
    DataFrame
        ``y``, ``x`` (float64), ``label`` (int64; where it has none, the number of the row from 1),
        ``frame`` (int64, only if it has one), and the others as texts, null where they are empty.

    Raises
    ------
    UserError
        If it cannot be read or lacks a position.
    """
    what = f"The centroids {path}"
    table = _read(path, what)
    for name in ("y", "x"):
        if name not in table:
            raise UserError(
                f"{what} lack the column '{name}'; name the columns with the positions in pixels "
                "y and x."
            )
        numbers = pd.to_numeric(table[name], errors="coerce").to_numpy(np.float64)
        wrong = np.flatnonzero(~np.isfinite(numbers))
        if len(wrong):
            raise UserError(
                f"{what} have the {name} '{table[name].iloc[wrong[0]]}' in row {wrong[0] + 1}, "
                "which is no number."
            )
        table[name] = numbers
    label = next((name for name in ("label", "track_id") if name in table), None)
    if label is None:
        table["label"] = np.arange(1, len(table) + 1)
    else:
        table["label"] = _integers(table[label], label, what)
    if "frame" in table:
        table["frame"] = _integers(table["frame"], "frame", what)
    others = table.columns.difference(["y", "x", "label", "frame"], sort=False)
    return table.assign(**{name: _filled(table[name]) for name in others})


def classes_and_groups(
    config: CellsConfig, cells: pd.DataFrame, names: list[str]
) -> tuple[Texts, Texts | None]:
    """Class and group of each cell.

    Parameters
    ----------
    config
        Names the table of classes and the column of groups.
    cells
        With their key; and ``class`` and ``group`` where tables of their positions say them.
    names
        Of the images.

    Returns
    -------
    classes
        Null where nobody says.
    groups
        None where no column is named.

    Raises
    ------
    UserError
        If the table speaks of other cells, or a cell has no group.
    """
    said = cells
    if config.classes is not None:
        if "class" in cells:
            raise UserError(
                f"Classes are in the column 'class' of the centroids and in {config.classes}: "
                "leave one out."
            )
        said = _listed(config.classes, cells, names, config.group_column)
    classes = said["class"] if "class" in said else pd.Series(None, cells.index, dtype="str")
    if config.group_column is None:
        return classes, None
    column = config.group_column
    groups = said[column] if said is not cells and column in said else cells.get("group")
    if groups is None or column in (*KEY, "y", "x"):
        where = config.classes or (config.centroids[0] if config.centroids else None)
        raise UserError(
            f"There is no column '{column}' to group by"
            + (f" in {where}." if where else ": give it in a table of classes or centroids.")
        )
    if groups.isna().any():
        raise UserError(
            f"{_cell(cells[groups.isna()].iloc[0]).capitalize()} has no '{column}' to group by: "
            "fill in the column for every cell."
        )
    return classes, groups


def _listed(path: Path, cells: pd.DataFrame, names: list[str], column: str | None) -> pd.DataFrame:
    """Rows of a table of classes in the order of the cells, null where it has none."""
    what = f"The classes {path}"
    listed = _read(path, what)
    if len(names) == 1 and "image" not in listed:
        listed["image"] = names[0]
    if "frame" not in listed and cells["frame"].nunique() == 1:
        listed["frame"] = str(cells["frame"].iloc[0])
    # without frames, a table of a movie means a cell in all of them
    key = [name for name in KEY if name in listed or name != "frame"]
    for name in (*key, *(() if column else ("class",))):
        if name not in listed:
            raise UserError(f"{what} lack the column '{name}'.")
    for name in {"frame", "label"} & set(key):
        listed[name] = _integers(listed[name], name, what)
    for name in listed.columns.difference(KEY):
        listed[name] = _filled(listed[name])
    stems = {Path(name).stem: name for name in names}
    if len(stems) == len(names):
        listed["image"] = listed["image"].map(lambda name: stems.get(name, name))
    if listed.duplicated(key).any():
        raise UserError(f"{what} list {_cell(listed[listed.duplicated(key)].iloc[0])} twice.")
    found = listed.merge(cells[key].drop_duplicates(), on=key, how="left", indicator=True)
    unknown = found[found["_merge"] == "left_only"]
    if len(unknown):
        where = "tables of centroids" if "area" not in cells else "label files"
        raise UserError(
            f"{what} list {_cell(unknown.iloc[0])}, which is in none of the {where}; check that "
            "they belong together."
        )
    said = [name for name in dict.fromkeys(("class", column)) if name in listed]
    return cells[key].merge(listed[[*key, *said]], on=key, how="left").set_axis(cells.index)


def _cell(row: pd.Series) -> str:
    frame = f" of frame {row['frame']}" if "frame" in row else ""
    return f"cell {row['label']}{frame} of {row['image']}"


def _read(path: Path, what: str) -> pd.DataFrame:
    """Read a table, all columns as texts: numbers are read exactly, later."""
    try:
        if path.suffix.lower() in PARQUET:
            table = pd.read_parquet(path)
            return table.astype("str").mask(table.isna(), "").reset_index(drop=True)
        # a class may well be called NA or None
        return pd.read_csv(path, dtype="str", keep_default_na=False)
    except (OSError, ValueError, pa.ArrowException) as error:
        kind = "Parquet" if path.suffix.lower() in PARQUET else "CSV"
        raise UserError(f"{what} cannot be read as {kind}: {error}.") from error


def _filled(texts: pd.Series) -> Texts:
    return texts.mask(texts == "").astype("str")


def _integers(texts: pd.Series, name: str, what: str) -> NDArray[np.int64]:
    return np.array([_integer(text, name, what) for text in texts], dtype=np.int64)


def _integer(text: str, name: str, what: str) -> int:
    try:
        # never through floats, which merge large labels
        number = Decimal(text)
        if abs(number) <= LARGEST_LABEL and number == int(number):
            return int(number)
    except (ArithmeticError, TypeError, ValueError):
        pass
    raise UserError(
        f"{what} have the {name} '{text}', which is no integer up to {LARGEST_LABEL}; "
        "write it as in the label file."
    )
