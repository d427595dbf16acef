"""Classes of cells from tables that other programs wrote."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd

from napari_parsimony.cells.annotations import CellKey
from napari_parsimony.cells.table import KEY
from napari_parsimony.errors import UserError

MOST = 50  # classes; a column of more is one of numbers


@dataclass(frozen=True)
class ImportedClasses:
    """What a table says of the cells of a study.

    Attributes
    ----------
    classes
        Class of every cell that it lists with one.
    strangers
        How many of its lines are of no cell of the study.
    first_stranger
        The first of these, in words.
    """

    classes: dict[CellKey, str]
    strangers: int = 0
    first_stranger: str = ""

    @property
    def counts(self) -> dict[str, int]:
        """Number of cells of each class, by name."""
        return {str(k): int(n) for k, n in _series(self.classes.values()).value_counts().items()}


def _series(names: Iterable[str]) -> "pd.Series":
    return pd.Series(sorted(names), dtype=object)


def read_class_list(path: Path, cells: pd.DataFrame) -> ImportedClasses:
    """Read classes from a CSV with the columns image, frame, label and class.

    Columns of the key may be left out where the others tell the cells apart. Columns are separated
    by commas, semicolons or tabs, whichever the first line has most of.

    Parameters
    ----------
    path
        The file.
    cells
        Table of cells of the study.

    Raises
    ------
    UserError
        If the file cannot be read, or it is not clear which cells it speaks of.
    """
    try:
        with path.open(encoding="utf-8-sig") as file:
            first = file.readline()
        separator = max(",;\t", key=first.count)
        # a class may well be called NA or None
        listed = pd.read_csv(
            path, sep=separator, dtype="str", keep_default_na=False, encoding="utf-8-sig"
        )
    except (OSError, ValueError) as error:
        raise UserError(f"The classes {path} cannot be read as CSV: {error}.") from error
    listed.columns = pd.Index([str(name).strip().lower() for name in listed])
    return match_classes(listed, cells, f"The table {path.name}")


def match_classes(
    listed: pd.DataFrame, cells: pd.DataFrame, source: str, seen: pd.DataFrame | None = None
) -> ImportedClasses:
    """Find the cells that a table of classes speaks of.

    Parameters
    ----------
    listed
        With the column ``class`` and columns of the key, as text or integers; a line whose class
        is missing or empty says nothing.
    cells
        Table of cells.
    source
        What the table is called at the beginning of a sentence.
    seen
        The keys of `cells`, row by row, as `listed` speaks of them; by default their own.

    Raises
    ------
    UserError
        If it is not clear which cells it speaks of, or of which class they are.
    """
    seen = cells[KEY] if seen is None else seen
    if "class" not in listed:
        raise UserError(f"{source} has no column 'class'.")
    on = [name for name in KEY if name in listed]
    missing = [name for name in KEY if name not in on]
    if not on or seen.duplicated(on).any():
        # one of them may be enough
        needed = next((k for k in missing if not seen.duplicated([*on, k]).any()), missing[-1])
        raise UserError(
            f"{source} has no column '{needed}', and without it its lines could be of several "
            "cells: add it."
        )
    listed = listed[[*on, "class"]].copy()
    listed["class"] = [_text(name) for name in listed["class"]]
    listed = listed[listed["class"] != ""]
    for name in ("frame", "label"):
        if name in on:
            numbers = [_integer(value, name, source) for value in listed[name]]
            listed[name] = np.array(numbers, np.int64)
    if "image" in on:
        listed["image"] = _images(listed["image"].astype(str), seen["image"])
    listed = listed.drop_duplicates()
    if (twice := listed.duplicated(on)).any():
        raise UserError(f"{source} gives several classes to {_words(listed.loc[twice, on])}.")
    names = listed["class"].unique()
    if len(names) > MOST:
        raise UserError(
            f"{source} has {len(names):,} different classes, more than {MOST}: these seem to be "
            "numbers, not classes."
        )
    place = pd.MultiIndex.from_frame(seen[on]).get_indexer(pd.MultiIndex.from_frame(listed[on]))
    strange = listed.loc[place < 0, on]
    if len(listed) and len(strange) == len(listed):
        raise UserError(f"{source} lists no cell of this study; the first is {_words(strange)}.")
    keys = cells[KEY].iloc[place[place >= 0]]
    columns = (keys[name].tolist() for name in KEY)
    return ImportedClasses(
        dict(zip(zip(*columns, strict=True), listed.loc[place >= 0, "class"], strict=True)),
        len(strange),
        _words(strange) if len(strange) else "",
    )


def _text(value: object) -> str:
    """Write a class as text; a whole number without decimals, what is missing as nothing."""
    if value is None or value is pd.NA or value != value:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


def _integer(value: object, name: str, source: str) -> int:
    try:
        # never through floats, which merge large labels
        number = Decimal(str(value))
        if number == int(number) and abs(number) < 2**63:
            return int(number)
    except (ArithmeticError, ValueError):
        pass
    raise UserError(f"{source} has the {name} '{value}', which is no whole number.")


def _images(listed: pd.Series, known: pd.Series) -> list[str]:
    """Names as the study has them: tables may give them with their folders, or without suffix."""
    names = [str(name) for name in known.unique()]
    by: dict[str, list[str]] = {}
    for name in names:
        for alias in {Path(name).name, Path(name).stem}:
            by.setdefault(alias, []).append(name)

    def of(name: str) -> str:
        if name in names:
            return name
        for alias in (Path(name).name, Path(name).stem):
            if len(by.get(alias, [])) == 1:
                return by[alias][0]
        return name

    found = {name: of(name) for name in listed.unique()}
    return [found[name] for name in listed]


def _words(keys: pd.DataFrame) -> str:
    """Name the first cell of these in words."""
    first = keys.iloc[0]
    parts = [f"cell {first['label']}" if "label" in first else "the cell"]
    parts += [f"{name} {first[name]}" for name in ("frame", "image") if name in first]
    return " of ".join(parts)
