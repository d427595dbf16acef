"""The table of cells: its columns, and how it is read and written."""

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from napari_parsimony.errors import UserError

KEY = ["image", "frame", "label"]
SPLITS = ("train", "validation", "test")
COLUMNS = {
    "image": "str",
    "frame": "int64",
    "label": "int64",
    "y": "float64",
    "x": "float64",
    "group": "str",
    "split": "str",
    "class": "str",
    "angle": "float64",
    "scale": "float64",
    "border": "bool",
    "low": "float64",
    "high": "float64",
}
"""Column → dtype. Images of several channels add ``low1``, ``high1``, … for the later ones."""


TYPES = {"str": pa.string(), "int64": pa.int64(), "float64": pa.float64(), "bool": pa.bool_()}


def write_cells(table: pd.DataFrame, path: Path) -> None:
    """Write a table of cells as Parquet, after `check_cells`."""
    check_cells(table, path)
    # an explicit schema, because a column of nulls has no type of its own
    schema = pa.schema([(name, TYPES[COLUMNS.get(name, "float64")]) for name in table.columns])
    pq.write_table(pa.Table.from_pandas(table, schema=schema, preserve_index=False), path)


def read_cells(path: Path) -> pd.DataFrame:
    """Read a table of cells.

    Raises
    ------
    UserError
        If the file is missing, is not Parquet, or is no table of cells.
    """
    try:
        table = pq.read_table(path).to_pandas()
    except FileNotFoundError as error:
        raise UserError(f"The table of cells {path} is missing; run the step 'cells'.") from error
    except (OSError, pa.ArrowException) as error:
        raise UserError(
            f"The table of cells {path} cannot be read ({error}); run the step 'cells' again."
        ) from error
    missing = [name for name in COLUMNS if name not in table]
    if missing:
        raise UserError(
            f"The table of cells {path} lacks the column '{missing[0]}'; run the step "
            "'cells' again."
        )
    for name, kind in COLUMNS.items():
        if kind != "str" and table[name].dtype != kind:
            raise UserError(
                f"The column '{name}' of the table of cells {path} is of type {table[name].dtype} "
                f"instead of {kind}; run the step 'cells' again."
            )
    check_cells(table, path)
    return table


def check_cells(table: pd.DataFrame, path: Path) -> None:
    """Make sure that keys are unique, positions are known and splits keep groups together.

    Raises
    ------
    UserError
        Naming the first thing that is wrong.
    """
    problem = None
    twice = table.duplicated(KEY)
    if twice.any():
        image, frame, label = table.loc[twice, KEY].iloc[0]
        problem = f"lists cell {label} of frame {frame} of {image} more than once"
    elif table.drop(columns="class").isna().any(axis=None):
        problem = "has empty entries"
    elif not table["split"].isin(SPLITS).all():
        problem = f"has a split that is none of {', '.join(SPLITS)}"
    elif (table.groupby("group")["split"].nunique() > 1).any():
        problem = "has a group whose cells are in several splits"
    if problem:
        raise UserError(f"The table of cells {path} {problem}; run the step 'cells' again.")
