"""An image and where its cells are: from labels or from positions."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from napari_parsimony.cells.config import CellsConfig
from napari_parsimony.cells.extract import BATCH, Sampler, label_moments
from napari_parsimony.cells.geometry import Floats, crop_to_image
from napari_parsimony.cells.images import Frames, open_image, open_labels
from napari_parsimony.cells.orient import central_mask, mask_moments
from napari_parsimony.cells.told import LARGEST_LABEL, read_points
from napari_parsimony.errors import UserError

WINDOW = 2.8
"""Window in median nuclear diameters: the cell fills a third of it, and its neighbours show."""


@dataclass(frozen=True)
class Field:
    """An image with what says where its cells are.

    Attributes
    ----------
    image
        Its frames.
    where
        Labels of the same frames, or positions as read by `read_points`.
    path
        File of `where`, for messages.
    """

    image: Frames
    where: Frames | pd.DataFrame
    path: Path

    def cells(self, config: CellsConfig, frames: Iterable[int] | None = None) -> pd.DataFrame:
        """Cells of some frames; None: of all.

        Returns
        -------
        DataFrame
            ``frame``, ``label``, ``y``, ``x``, ``angle`` (NaN where it has to be found in the
            picture, see `angles`) and ``scale``; from labels also ``area``, and from positions
            ``class`` and ``group`` where their table has them.

        Raises
        ------
        UserError
            If they cannot be used.
        """
        chosen = range(self.image.count) if frames is None else frames
        if isinstance(self.where, Frames):
            turned = config.orientation == "principal axis"
            table = pd.concat([_labelled(self.where, t, turned) for t in chosen], ignore_index=True)
        else:
            table = self._placed(self.where, config)
            table = table[table["frame"].isin(list(chosen))].reset_index(drop=True)
        window = config.source_window
        if window is None and len(table):
            window = WINDOW * float(np.sqrt(4 / np.pi * table["area"].median()))
        table["scale"] = (window or 1.0) / config.size
        return table

    def _placed(self, points: pd.DataFrame, config: CellsConfig) -> pd.DataFrame:
        table = points[["label", "y", "x"]].assign(frame=points.get("frame", 0))
        for name, column in (("class", "class"), ("group", config.group_column)):
            if column in points:
                table[name] = points[column]
        height, width = self.image.plane_shape
        outside = ~(table["y"].between(-0.5, height - 0.5) & table["x"].between(-0.5, width - 0.5))
        for wrong, place in (
            (outside, f"{height} × {width} pixels"),
            (
                ~table["frame"].between(0, self.image.count - 1),
                f"frames 0 to {self.image.count - 1}",
            ),
        ):
            if wrong.any():
                cell = table[wrong].astype(object).iloc[0]  # or integers became floats
                raise UserError(
                    f"The centroids {self.path} have a cell at y {cell['y']:g}, x {cell['x']:g} in "
                    f"frame {cell['frame']}, beyond the image {self.image.path} of {place}; check "
                    "that they belong together and are in pixels."
                )
        twice = table.duplicated(["frame", "label"])
        if twice.any():
            cell = table[twice].astype(object).iloc[0]
            raise UserError(
                f"The centroids {self.path} list cell {cell['label']} of frame {cell['frame']} "
                "twice; number the cells of each frame, or leave the label out."
            )
        turned = config.orientation == "principal axis"
        # frame by frame, as pictures are read
        return table.assign(angle=np.nan if turned else 0.0).sort_values("frame", kind="stable")


def open_fields(config: CellsConfig) -> Iterator[Field]:
    """Open the images of a configuration, one after the other, with their labels or positions."""
    for number in range(len(config.image)):
        yield open_field(config, number)


def open_field(config: CellsConfig, number: int) -> Field:
    """Open one image of a configuration with its labels or positions.

    Raises
    ------
    UserError
        If they cannot be read or do not fit each other.
    """
    path = config.image[number]
    if config.labels:
        labels = open_labels(config.labels[number], config.axes)
        image = open_image(path, config.axes, labels, config.channels)
        return Field(image, labels, labels.path)
    points = read_points(config.centroids[number])
    timed = "frame" in points
    image = open_image(path, config.axes, None, config.channels, timed=timed)
    return Field(image, points, config.centroids[number])


def angles(sampler: Sampler, cells: pd.DataFrame, config: CellsConfig) -> Floats:
    """Direction of each cell; of a cell without labels, of what is bright in its middle.

    Parameters
    ----------
    sampler
        Of the picture that the cells are in.
    cells
        Of one frame, by `Field.cells`.
    config
        Says how large a crop is.
    """
    found = cells["angle"].to_numpy(np.float64, copy=True)
    unknown = np.flatnonzero(np.isnan(found))
    for start in range(0, len(unknown), BATCH):
        rows = unknown[start : start + BATCH]
        some = cells.iloc[rows]
        affine = crop_to_image(0.0, some["scale"], config.size, some["y"], some["x"])
        crops, _ = sampler.read(affine, config.size)
        for row, crop in zip(rows, crops, strict=True):
            mask = central_mask(crop[0])
            found[row] = mask_moments(mask).angle[0] if mask.any() else 0.0
    return found


def image_names(paths: Iterable[Path]) -> list[str]:
    """File names, or whole paths where two files have the same name."""
    paths = list(paths)
    names = [path.name for path in paths]
    return names if len(set(names)) == len(names) else [path.as_posix() for path in paths]


def _labelled(labels: Frames, t: int, turned: bool) -> pd.DataFrame:
    plane = labels.read(t)[0]
    if plane.min() < 0:
        raise UserError(f"The labels {labels.path} have negative values; 0 is no cell.")
    if int(plane.max()) > LARGEST_LABEL:
        raise UserError(
            f"The labels {labels.path} go up to {plane.max()}, more than {LARGEST_LABEL}; "
            "number the cells anew."
        )
    ids, found = label_moments(plane)
    return pd.DataFrame(
        {
            "frame": t,
            "label": ids,
            "y": found.y,
            "x": found.x,
            "angle": found.angle if turned else 0.0,
            "area": found.area,
        }
    )
