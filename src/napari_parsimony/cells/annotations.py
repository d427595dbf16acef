"""Classes that people gave to cells of a study after they were cut out."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import pandas as pd

from napari_parsimony.artefact import read_json, replace_file
from napari_parsimony.cells.table import KEY
from napari_parsimony.errors import UserError

FORMAT_VERSION = 1

CellKey = tuple[str, int, int]


@dataclass(frozen=True)
class Annotations:
    """What people said about cells.

    Attributes
    ----------
    colours
        Names of classes, in the order of their number keys, and their colours ``#rrggbb``.
    cells
        Class of every cell that somebody looked at, by (image, frame, label). None: it has no
        class, whatever the table of cells says.
    """

    colours: Mapping[str, str] = field(default_factory=dict)
    cells: Mapping[CellKey, str | None] = field(default_factory=dict)

    @cached_property
    def stamp(self) -> str:
        """Hash of the classes of cells; an empty text if nobody annotated any."""
        if not self.cells:
            return ""
        content = json.dumps(sorted([*key, name] for key, name in self.cells.items()))
        return hashlib.sha256(content.encode()).hexdigest()

    def with_cells(self, cells: Mapping[CellKey, str | None]) -> "Annotations":
        """Give cells other classes."""
        return replace(self, cells={**self.cells, **cells})

    def __post_init__(self) -> None:
        # a table gives numpy's integers, which JSON does not know
        cells = {(str(i), int(f), int(n)): name for (i, f, n), name in self.cells.items()}
        object.__setattr__(self, "cells", cells)

    def applied(self, table: pd.DataFrame) -> pd.DataFrame:
        """Put the classes into a table of cells; of cells that it has not, nothing is said."""
        if not self.cells:
            return table
        keys = zip(*(table[name] for name in KEY), strict=True)
        before = table["class"].astype(object).where(table["class"].notna(), None)
        said = [self.cells.get(key, known) for key, known in zip(keys, before, strict=True)]
        return table.assign(**{"class": pd.Series(said, table.index, dtype="str")})


def read_annotations(path: Path) -> Annotations:
    """Read annotations; there are none yet if the file is not there.

    Raises
    ------
    UserError
        If the file is something else, or of a newer version.
    """
    if not path.exists():
        return Annotations()
    content = read_json(path)
    try:
        version = content["format_version"]
        if version > FORMAT_VERSION:
            raise UserError(
                f"The file {path} has format {version}, but this napari-parsimony reads formats "
                f"up to {FORMAT_VERSION}: update napari-parsimony to open it."
            )
        cells = {
            (str(image), int(frame), int(label)): None if name is None else str(name)
            for image, frame, label, name in content["cells"]
        }
        colours = {str(name): str(colour) for name, colour in content["colours"].items()}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserError(
            f"The file {path} holds no annotations that can be read: restore it, or move it away."
        ) from error
    if wrong := [c for c in colours.values() if not re.fullmatch("#[0-9a-fA-F]{6}", c)]:
        raise UserError(f"The file {path} has the colour '{wrong[0]}', which is not #rrggbb.")
    return Annotations(colours, cells)


def write_annotations(annotations: Annotations, path: Path) -> None:
    """Write annotations, whole or not at all."""
    content = {
        "format_version": FORMAT_VERSION,
        "colours": dict(annotations.colours),
        "cells": [[*key, name] for key, name in annotations.cells.items()],
    }
    replace_file(path, json.dumps(content) + "\n")
