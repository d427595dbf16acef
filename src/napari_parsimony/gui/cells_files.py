"""Layers to files, which stand for them in the settings of a study."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import tifffile
from napari.layers import Labels

from napari_parsimony.cells.field import Field, image_names
from napari_parsimony.cells.images import SUFFIXES, Frames, open_image
from napari_parsimony.errors import UserError
from napari_parsimony.gui.borrowed import SOURCE
from napari_parsimony.gui.cells_layers import FieldLayers, open_layers

# In the study: what is in no file. Apart, as an image and its labels may have one name; and a table
# of classes calls an image by its file, which therefore has just the layer's name.
IMAGES, LABELS, CENTROIDS, CLASSES = "images", "labels", "centroids", "classes.csv"


@dataclass(frozen=True)
class Saved:
    """Layers as files.

    Attributes
    ----------
    settings
        Of the step 'cells', those that name files and columns.
    files
        The file that stands for a layer.
    """

    settings: dict[str, Any]
    files: list[tuple[Any, Path]]


def save_layers(
    fields: Sequence[FieldLayers],
    folder: Path,
    axes: str = "auto",
    class_column: str | None = None,
    group_column: str | None = None,
) -> Saved:
    """Write what is in no file.

    Parameters
    ----------
    fields
        The layers.
    folder
        Of the study.
    axes
        As in the settings of the step 'cells'.
    class_column, group_column
        Columns of the layers' features.

    Raises
    ------
    UserError
        If layers do not fit each other, lack a column, or a file cannot be written.
    """
    labelled = {isinstance(field.cells, Labels) for field in fields}
    if len(labelled) > 1:
        raise UserError(
            "Some of the images have labels and some points or tracks: use labels for all, or "
            "positions for all."
        )
    images: list[Path] = []
    where: list[Path] = []
    files: list[tuple[Any, Path]] = []
    said = []
    taken: set[str] = set()
    try:
        for field in fields:
            opened = open_layers(field, axes)
            name = _free(field.name, taken)
            images.append(_image_file(field, opened, folder / IMAGES / f"{name}.tif"))
            files += [(layer, images[-1]) for layer in field.images]
            columns = _columns(field, class_column, group_column)
            if isinstance(opened.where, Frames):
                where.append(folder / LABELS / f"{_free(field.cells.name, taken)}.tif")
                _write(opened.where, where[-1])
                files.append((field.cells, where[-1]))
                said.append(columns)
            else:
                where.append(folder / CENTROIDS / f"{name}.csv")
                where[-1].parent.mkdir(exist_ok=True)
                table = pd.concat([opened.where, columns.drop(columns="label")], axis=1)
                table.to_csv(where[-1], index=False)
        classes = None
        if said and (class_column or group_column):
            classes = folder / CLASSES
            named = [t.assign(image=n) for t, n in zip(said, image_names(images), strict=True)]
            pd.concat(named).to_csv(classes, index=False)
    except OSError as error:
        raise UserError(f"Could not write into {folder}: {error.strerror}.") from error
    settings = {
        "folder": None,
        "pattern": None,
        "image": tuple(images),
        "labels": tuple(where) if said else (),
        "centroids": () if said else tuple(where),
        "classes": classes,
        "group_column": group_column,
    }
    return Saved(settings, files)


def feature_columns(tables: Sequence[pd.DataFrame]) -> list[str]:
    """Columns that all tables of features have."""
    shared = set.intersection(*(set(table) for table in tables)) if tables else set()
    return [str(name) for name in tables[0] if name in shared and name != "index"] if tables else []


def _columns(
    field: FieldLayers, class_column: str | None, group_column: str | None
) -> pd.DataFrame:
    """Read what features say of each cell: its label, and texts."""
    cells, features = field.cells, field.features
    if group_column == "class" and class_column != "class":
        raise UserError(
            "Groups cannot be from a column called 'class', unless classes are: rename it."
        )
    wanted = {"class": class_column, group_column: group_column}
    for name in wanted.values():
        if name is not None and name not in features:
            raise UserError(f"The layer '{cells.name}' has no feature '{name}': choose another.")
    found = {key: _texts(features[name]) for key, name in wanted.items() if key and name}
    # napari takes the number of the row where there is no index
    label = features.get("index", pd.Series(range(len(features))))
    table = pd.DataFrame({"label": label.to_numpy(), **found})
    if "frame" in features:
        table["frame"] = features["frame"].to_numpy()
    if not isinstance(cells, Labels):
        return table.drop(columns="frame", errors="ignore")
    return table[table["label"] != 0]


def _texts(values: pd.Series) -> pd.Series:
    """Texts, empty where there is nothing; 3.0 is written 3, as it was before it had gaps."""
    if pd.api.types.is_float_dtype(values) and (values.dropna() % 1 == 0).all():
        values = values.astype("Int64")
    return values.astype(object).where(values.notna(), "").map(str).reset_index(drop=True)


def _free(name: str, taken: set[str]) -> str:
    """Name of a file that no other layer has."""
    safe = "".join(c if c.isalnum() or c in "-_ " else "_" for c in name).strip() or "layer"
    number, free = 2, safe
    while free.lower() in taken:
        free, number = f"{safe} {number}", number + 1
    taken.add(free.lower())
    return free


def _image_file(field: FieldLayers, opened: Field, path: Path) -> Path:
    image = field.images[0]
    for source in {image.source.path, image.metadata.get(SOURCE)}:
        if source and len(field.images) == 1 and _holds(Path(source), opened):
            return Path(source)
    _write(opened.image, path)
    return path


def _holds(path: Path, field: Field) -> bool:
    """Whether the step would read a layer's pixels in a file: a reader may have split it, say."""
    if not path.is_file() or path.suffix.lower() not in SUFFIXES:
        return False
    ours, where = field.image, field.where
    labels, timed = (where, False) if isinstance(where, Frames) else (None, "frame" in where)
    try:
        theirs = open_image(path, "auto", labels, timed=timed)
        kinds = [(x.count, x.channels, x.plane_shape, x.dtype) for x in (ours, theirs)]
        return kinds[0] == kinds[1] and all(
            np.array_equal(ours.read(t), theirs.read(t)) for t in {0, ours.count - 1}
        )
    except UserError:
        return False


def _write(frames: Frames, path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    data = np.stack([frames.read(t) for t in range(frames.count)])
    if data.dtype.kind in "iu" and data.dtype.itemsize == 8 and path.parent.name == IMAGES:
        within = data.min(initial=0) >= -(2**31) and data.max(initial=0) < 2**31
        data = data.astype(np.int32 if within else np.float64)
    axes = "TCYX"
    for axis, letter in ((1, "C"), (0, "T")):
        if data.shape[axis] == 1:
            data, axes = data[:, 0] if axis else data[0], axes.replace(letter, "")
    part = path.with_name(f".{path.name}.part")
    try:
        tifffile.imwrite(part, data, metadata={"axes": axes}, photometric="minisblack")
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
