"""The step 'cells': images or crops to the table of cells and the array of crops."""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api.typing import DataFrameGroupBy

from napari_parsimony.cells import normalise
from napari_parsimony.cells.config import CellsConfig, movie_groups
from napari_parsimony.cells.crops import CropWriter
from napari_parsimony.cells.extract import BATCH, Sampler, label_moments
from napari_parsimony.cells.folder import list_crops, parse_names, read_crops, unpadded
from napari_parsimony.cells.geometry import Floats, crop_to_image
from napari_parsimony.cells.images import Frames, open_image, open_labels
from napari_parsimony.cells.orient import central_mask, mask_moments
from napari_parsimony.cells.split import assign_splits, tile_groups
from napari_parsimony.cells.table import COLUMNS, KEY, write_cells
from napari_parsimony.errors import UserError
from napari_parsimony.progress import Progress, Report, silent

LARGEST_LABEL = 2**63 - 1

WINDOW = 2.8
"""Window in median nuclear diameters: the cell fills a third of it, and its neighbours show."""


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

    first = next(read_crops(paths, config.axes))
    channels, count = len(first), len(paths)
    if not by_movie:
        report(Progress(0, count, "No movies known: crops of one cell may be in train and test"))
    fixed = _fixed_range(config, first.dtype, read_crops(paths, config.axes), count)
    columns: dict[str, NDArray] = {name: np.zeros(count) for name in ("y", "x", "angle", "scale")}
    columns["border"] = np.zeros(count, dtype=bool)
    with CropWriter(out, config, count, channels, fixed) as writer:
        for i, picture in enumerate(read_crops(paths, config.axes)):
            height, width = picture.shape[1:]
            middle = (height - 1) / 2, (width - 1) / 2
            scale = max(height, width) / config.size
            angle = 0.0
            if config.orientation == "principal axis":
                mask = central_mask(picture[0])
                angle = float(mask_moments(mask).angle[0]) if mask.any() else 0.0
            top, bottom, left, right = unpadded(picture)
            padded = height != width or (bottom - top) * (right - left) < height * width
            sampler = Sampler(
                picture[:, top:bottom, left:right], scale, "background" if padded else "mirror"
            )
            corner = middle[0] - top, middle[1] - left
            writer.add(sampler, crop_to_image([angle], scale, config.size, *corner))
            columns["y"][i], columns["x"][i] = middle
            columns["angle"][i], columns["scale"][i] = angle, scale
            columns["border"][i] = padded
            if (i + 1) % BATCH == 0 or i + 1 == count:
                report(Progress(i + 1, count, "Reading crops"))
    for name, values in columns.items():
        table[name] = values
    for name in ("y", "x"):
        table[name] = names[name].fillna(table[name])
    return _finish(table, writer)


def _from_images(config: CellsConfig, out: Path, report: Report) -> pd.DataFrame:
    names = _image_names(config.image)
    parsed = parse_names([path.name for path in config.image], config.pattern)
    kinds: list[tuple[np.dtype, int]] = []
    parts = []
    for i, (image_path, labels_path) in enumerate(zip(config.image, config.labels, strict=True)):
        labels = open_labels(labels_path, config.axes)
        image = open_image(image_path, config.axes, labels)
        found = _find_cells(labels, config)
        found["image"], found["source"], found["t"] = names[i], i, found["frame"]
        found["frame"] += int(parsed["frame"][i])
        found["movie"] = parsed["movie"][i]
        found["height"], found["width"] = image.plane_shape
        parts.append(found)
        kinds.append((image.dtype, image.channels))
        if kinds[i] != kinds[0]:
            raise UserError(
                f"The image {image_path} has {image.channels} channels of {image.dtype}, but "
                f"{config.image[0]} has {kinds[0][1]} of {kinds[0][0]}; save all images alike."
            )
        report(Progress(i, len(config.image), f"Finding cells in {image_path.name}"))
    table = pd.concat(parts, ignore_index=True)
    if table.empty:
        raise UserError(
            f"The labels {config.labels[0]} hold no cell"
            f"{' and neither do the others' if len(config.labels) > 1 else ''}; "
            "segment the image first."
        )
    table["class"] = _read_classes(config.classes, table, names)
    table["group"] = _group(table, config)
    table["split"] = assign_splits(table, config.folds, config.fold, config.seed)

    fields = table.groupby(["source", "t"], sort=True)
    dtype, channels = kinds[0]
    fixed = _fixed_range(
        config, dtype, (picture for _, _, picture in _read_fields(config, fields)), len(fields)
    )
    border = []
    with CropWriter(out, config, len(table), channels, fixed) as writer:
        for name, cells, picture in _read_fields(config, fields):
            scale = float(cells["scale"].iloc[0])
            sampler = Sampler(picture, scale, "background")
            affine = crop_to_image(cells["angle"], scale, config.size, cells["y"], cells["x"])
            for start in range(0, len(cells), BATCH):
                border.append(writer.add(sampler, affine[start : start + BATCH]))
                report(Progress(writer.done, len(table), f"Cutting cells out of {name}"))
    table["border"] = np.concatenate(border)
    return _finish(table, writer)


def _find_cells(labels: Frames, config: CellsConfig) -> pd.DataFrame:
    """Key, position, angle and scale of every cell of one image."""
    frames = []
    for t in range(labels.count):
        plane = labels.read(t)[0]
        if plane.min() < 0:
            raise UserError(f"The labels {labels.path} have negative values; 0 is no cell.")
        if int(plane.max()) > LARGEST_LABEL:
            raise UserError(
                f"The labels {labels.path} go up to {plane.max()}, more than {LARGEST_LABEL}; "
                "number the cells anew."
            )
        ids, found = label_moments(plane)
        turned = config.orientation == "principal axis"
        frames.append(
            pd.DataFrame(
                {
                    "frame": t,
                    "label": ids,
                    "y": found.y,
                    "x": found.x,
                    "angle": found.angle if turned else 0.0,
                    "area": found.area,
                }
            )
        )
    table = pd.concat(frames, ignore_index=True)
    window = config.window
    if window is None and len(table):
        window = WINDOW * float(np.sqrt(4 / np.pi * table["area"].median()))
    table["scale"] = (window or 1.0) / config.size
    return table


def _read_fields(
    config: CellsConfig, fields: DataFrameGroupBy
) -> Iterator[tuple[str, pd.DataFrame, NDArray]]:
    """File name, cells and picture ``(C, Y, X)`` of each frame that has cells, in order."""
    image: Frames | None = None
    for (source, t), cells in fields:
        path = config.image[source]
        if image is None or image.path != path:
            image = open_image(path, config.axes, open_labels(config.labels[source], config.axes))
        picture = image.read(t)
        flat = [c for c, plane in enumerate(picture) if plane.min() == plane.max()]
        if flat:
            raise UserError(
                f"The image {path} is a single grey value (frame {t}, channel {flat[0]}); "
                "export it again, or leave it out."
            )
        yield path.name, cells, picture


def _image_names(paths: tuple[Path, ...]) -> list[str]:
    """File names, or whole paths where two files have the same name."""
    names = [path.name for path in paths]
    return names if len(set(names)) == len(names) else [path.as_posix() for path in paths]


def _group(table: pd.DataFrame, config: CellsConfig) -> pd.Series | NDArray:
    by = config.group_by
    if by == "auto":
        enough = table["image"].nunique() >= config.folds
        by = "movie" if movie_groups(config.pattern) else "image" if enough else "tile"
    if by != "tile":
        return table[by]
    return tile_groups(table, config.folds)


def _read_classes(path: Path | None, cells: pd.DataFrame, names: list[str]) -> pd.Series:
    """Class of each cell from a CSV, null where it is not listed or its field is empty."""
    if path is None:
        return pd.Series(None, index=cells.index, dtype="str")
    try:
        # a class may well be called NA or None
        listed = pd.read_csv(path, dtype="str", keep_default_na=False)
    except (OSError, ValueError) as error:
        raise UserError(f"The classes {path} cannot be read as CSV: {error}.") from error
    defaults: dict[str, str] = {}
    if len(names) == 1:
        defaults["image"] = names[0]
    if (cells["t"] == 0).all() and len(names) == 1:
        defaults["frame"] = str(cells["frame"].iloc[0])
    elif (cells["frame"] == 0).all():
        defaults["frame"] = "0"
    for name, value in defaults.items():
        if name not in listed:
            listed[name] = value
    missing = [name for name in [*KEY, "class"] if name not in listed]
    if missing:
        raise UserError(f"The classes {path} lack the column '{missing[0]}'.")
    listed["class"] = listed["class"].mask(listed["class"] == "")
    for name in ("frame", "label"):
        numbers = [_integer(text, name, path) for text in listed[name]]
        listed[name] = np.array(numbers, dtype=np.int64)
    stems = {Path(name).stem: name for name in names}
    if len(stems) == len(names):
        listed["image"] = listed["image"].map(lambda name: stems.get(name, name))
    if listed.duplicated(KEY).any():
        image, frame, label = listed.loc[listed.duplicated(KEY), KEY].iloc[0]
        raise UserError(f"The classes {path} list cell {label} of frame {frame} of {image} twice.")
    unknown = listed.merge(cells[KEY], on=KEY, how="left", indicator=True)
    unknown = unknown[unknown["_merge"] == "left_only"]
    if len(unknown):
        image, frame, label = unknown[KEY].iloc[0]
        raise UserError(
            f"The classes {path} list cell {label} of frame {frame} of {image}, which is in none "
            "of the label files; check that they belong together."
        )
    return cells[KEY].merge(listed, on=KEY, how="left")["class"].astype("str").set_axis(cells.index)


def _integer(text: str, name: str, path: Path) -> int:
    try:
        # never through floats, which merge large labels
        number = Decimal(text)
        if abs(number) <= LARGEST_LABEL and number == int(number):
            return int(number)
    except (ArithmeticError, TypeError, ValueError):
        pass
    raise UserError(
        f"The classes {path} have the {name} '{text}', which is no integer up to {LARGEST_LABEL}; "
        "write it as in the label file."
    )


def _fixed_range(
    config: CellsConfig, dtype: np.dtype, images: Iterable[NDArray], count: int
) -> tuple[Floats, Floats] | None:
    """Grey values (per channel) that become 0 and 1 in all crops; none where each has its own."""
    if config.normalisation == "percentile":
        return None
    if config.normalisation == "dataset":
        return normalise.dataset_range(images, count)
    low, high = normalise.type_range(dtype)
    return np.array([low]), np.array([high])


def _finish(table: pd.DataFrame, writer: CropWriter) -> pd.DataFrame:
    names = list(COLUMNS)
    for channel in range(writer.shape[1]):
        # most images have one channel; later ones have columns of their own
        suffix = str(channel) if channel else ""
        table[f"low{suffix}"] = writer.low[:, channel]
        table[f"high{suffix}"] = writer.high[:, channel]
        names += [f"low{suffix}", f"high{suffix}"] if channel else []
    return table[names]
