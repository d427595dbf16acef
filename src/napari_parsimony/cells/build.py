"""The step 'cells': images or crops to the table of cells and the array of crops."""

from collections import Counter
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api.typing import DataFrameGroupBy

from napari_parsimony.cells.config import CellsConfig, movie_groups
from napari_parsimony.cells.crops import CropWriter, Range, fixed_range, image_range
from napari_parsimony.cells.extract import BATCH, Sampler
from napari_parsimony.cells.field import angles, image_names, open_field, open_fields
from napari_parsimony.cells.folder import list_crops, parse_names, read_crops, whole_crop
from napari_parsimony.cells.geometry import crop_to_image
from napari_parsimony.cells.images import Frames
from napari_parsimony.cells.split import assign_splits, tile_groups
from napari_parsimony.cells.table import COLUMNS, write_cells
from napari_parsimony.cells.told import classes_and_groups
from napari_parsimony.errors import UserError
from napari_parsimony.progress import Progress, Report, silent


def build_cells(config: CellsConfig, out: Path, report: Report = silent) -> None:
    """Write ``cells.parquet`` and ``crops.npy`` into a folder.

    Crops are ``(N, C, size, size)`` float16; row i belongs to row i of the table. They are
    written as they are made, so memory does not grow with their number.

    Parameters
    ----------
    config
        Sources and settings.
    out
        An existing folder.
    report
        Called with the number of cells done.

    Raises
    ------
    UserError
        If a file or setting cannot be used, in one sentence.
    """
    make = _from_folder if config.folder is not None else _from_images
    write_cells(make(config, out / "crops.npy", report), out / "cells.parquet")


def _from_folder(config: CellsConfig, out: Path, report: Report) -> pd.DataFrame:
    assert config.folder is not None
    listed = list_crops(config.folder)
    paths = list(listed["path"])
    names = parse_names([path.name for path in paths], config.pattern)
    table = pd.DataFrame({"image": listed["image"], "frame": names["frame"], "label": 1})
    table["class"] = listed["class"]
    by_movie = config.group_by == "movie" or (
        config.group_by == "auto" and movie_groups(config.pattern)
    )
    table["group"] = names["movie"] if by_movie else table["image"]
    # before the long part, so that a wrong setting is told at once
    table["split"] = assign_splits(table, config.folds, config.fold, config.seed)

    def read() -> Iterator[NDArray]:
        return read_crops(paths, config.axes, config.channels)

    first = next(read())
    channels, count = len(first), len(paths)
    if not by_movie:
        report(Progress(0, count, "No movies known: crops of one cell may be in train and test"))
    fixed = fixed_range(config, first.dtype, read(), count)
    columns: dict[str, NDArray] = {name: np.zeros(count) for name in ("y", "x", "angle", "scale")}
    columns["border"] = np.zeros(count, dtype=bool)
    with CropWriter(out, config, count, channels) as writer:
        for i, picture in enumerate(read()):
            whole = whole_crop(picture, config)
            writer.add(whole.sampler, whole.affine, fixed)
            columns["y"][i], columns["x"][i] = whole.y, whole.x
            columns["angle"][i], columns["scale"][i] = whole.angle, whole.scale
            columns["border"][i] = whole.padded
            if (i + 1) % BATCH == 0 or i + 1 == count:
                report(Progress(i + 1, count, "Reading crops"))
    for name, values in columns.items():
        table[name] = values
    for name in ("y", "x"):
        table[name] = names[name].fillna(table[name])
    return _finish(table, writer)


def _from_images(config: CellsConfig, out: Path, report: Report) -> pd.DataFrame:
    names = image_names(config.image)
    parsed = parse_names([path.name for path in config.image], config.pattern)
    kinds: list[tuple[np.dtype, int]] = []
    parts = []
    for i, field in enumerate(open_fields(config)):
        image, found = field.image, field.cells(config)
        found["image"], found["source"], found["t"] = names[i], i, found["frame"]
        found["frame"] += int(parsed["frame"][i])
        found["movie"] = parsed["movie"][i]
        found["height"], found["width"] = image.plane_shape
        parts.append(found)
        kinds.append((image.dtype, image.channels))
        if kinds[i] != kinds[0]:
            raise UserError(
                f"The image {image.path} has {image.channels} channels of {image.dtype}, but "
                f"{config.image[0]} has {kinds[0][1]} of {kinds[0][0]}; save all images alike."
            )
        report(Progress(i, len(config.image), f"Finding cells in {image.path.name}"))
    table = pd.concat(parts, ignore_index=True)
    if table.empty:
        which = f"labels {config.labels[0]}" if config.labels else f"table {config.centroids[0]}"
        raise UserError(
            f"The {which} hold{'' if config.labels else 's'} no cell"
            f"{' and neither do the others' if len(config.image) > 1 else ''}; "
            "segment the image first."
        )
    classes, groups = classes_and_groups(config, table, names)
    table["class"] = classes
    table["group"] = _group(table, config) if groups is None else groups
    table["split"] = assign_splits(table, config.folds, config.fold, config.seed)

    fields = table.groupby(["source", "t"], sort=True)
    dtype, channels = kinds[0]
    ranges = _ranges(config, dtype, fields)
    border = []
    with CropWriter(out, config, len(table), channels) as writer:
        for name, cells, picture in _read_fields(config, fields):
            scale = float(cells["scale"].iloc[0])
            sampler = Sampler(picture, scale, "background")
            turned = angles(sampler, cells, config)
            table.loc[cells.index, "angle"] = turned
            affine = crop_to_image(turned, scale, config.size, cells["y"], cells["x"])
            for start in range(0, len(cells), BATCH):
                some = affine[start : start + BATCH]
                border.append(writer.add(sampler, some, ranges[cells["source"].iloc[0]]))
                report(Progress(writer.done, len(table), f"Cutting cells out of {name}"))
    table["border"] = np.concatenate(border)
    return _finish(table, writer)


def _ranges(
    config: CellsConfig, dtype: np.dtype, fields: DataFrameGroupBy
) -> dict[int, Range | None]:
    """Grey values that become 0 and 1, by number of the image."""
    read = _read_fields(config, fields)
    frames = Counter(int(cells["source"].iloc[0]) for _, cells in fields)
    if config.normalisation != "image":
        one = fixed_range(config, dtype, (picture for _, _, picture in read), len(fields))
        return dict.fromkeys(frames, one)
    return {
        source: image_range(
            config.image[source].name,
            ((cells, picture) for _, cells, picture in parts),
            frames[source],
            config.size,
        )
        for source, parts in groupby(read, lambda part: int(part[1]["source"].iloc[0]))
    }


def _read_fields(
    config: CellsConfig, fields: DataFrameGroupBy
) -> Iterator[tuple[str, pd.DataFrame, NDArray]]:
    """File name, cells and picture ``(C, Y, X)`` of each frame that has cells, in order."""
    image: Frames | None = None
    for (source, t), cells in fields:
        path = config.image[source]
        if image is None or image.path != path:
            image = open_field(config, source).image
        picture = image.read(t)
        flat = [c for c, plane in enumerate(picture) if plane.min() == plane.max()]
        if flat:
            raise UserError(
                f"The image {path} is a single grey value (frame {t}, channel {flat[0]}); "
                "export it again, or leave it out."
            )
        yield path.name, cells, picture


def _group(table: pd.DataFrame, config: CellsConfig) -> pd.Series | NDArray:
    by = config.group_by
    if by == "auto":
        enough = table["image"].nunique() >= config.folds
        by = "movie" if movie_groups(config.pattern) else "image" if enough else "tile"
    if by != "tile":
        return table[by]
    return tile_groups(table, config.folds)


def _finish(table: pd.DataFrame, writer: CropWriter) -> pd.DataFrame:
    names = list(COLUMNS)
    for channel in range(writer.shape[1]):
        # most images have one channel; later ones have columns of their own
        suffix = str(channel) if channel else ""
        table[f"low{suffix}"] = writer.low[:, channel]
        table[f"high{suffix}"] = writer.high[:, channel]
        names += [f"low{suffix}", f"high{suffix}"] if channel else []
    return table[names]
