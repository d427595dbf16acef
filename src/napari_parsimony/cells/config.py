"""Settings of the step that cuts cells out of images."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, JsonValue, field_validator, model_validator

from napari_parsimony.config import Config

ADVANCED: dict[str, JsonValue] = {"advanced": True}


def _are_axes(value: str) -> str:
    if value not in ("auto", "YX", "TYX", "CYX", "TCYX", "CTYX"):
        raise ValueError(f"'{value}' is none of auto, YX, TYX, CYX, TCYX and CTYX")
    return value


class CellsConfig(Config):
    """Where cells come from, how they are cut out, and how they are split.

    Either `folder` (crops that were cut out already, one sub-folder per class) or `image` has to
    be given, and with it `labels` (one integer per cell) or `centroids` (tables of positions).
    """

    folder: Path | None = Field(
        None, description="Folder of crops with one sub-folder per class; the cell is in the centre"
    )
    pattern: str | None = Field(
        None,
        description="Regular expression on file names; named groups 'movie…' say which files "
        "belong together, and 'frame', 'y' and 'x' where the cell was",
    )
    image: tuple[Path, ...] = Field((), description="Image files, TIFF or PNG")
    labels: tuple[Path, ...] = Field(
        (), description="Label files, one for each image, in the same order"
    )
    centroids: tuple[Path, ...] = Field(
        (),
        description="Instead of labels: tables of positions, CSV or Parquet, one for each image; "
        "columns y and x in pixels, and optionally frame, label or track_id, and class",
    )
    axes: str = Field(
        "auto",
        description="Axes of the images, for instance YX, TYX, CYX or TCYX; auto: as the file says",
        json_schema_extra=ADVANCED,
    )
    channels: tuple[int, ...] = Field(
        (), description="Channels to use, counted from 0, for instance 0, 2; empty: all"
    )
    classes: Path | None = Field(
        None, description="CSV with the columns image, frame, label and class"
    )
    group_column: str | None = Field(
        None,
        min_length=1,
        description="Column of the classes or centroids, for instance well, plate or patient: "
        "cells with the same value are never split between train and test",
    )
    size: int = Field(
        64, ge=16, le=512, description="Side of a crop in its own pixels; 'window' is shrunk to it"
    )
    window: float | None = Field(
        None,
        gt=0,
        description="Side of a crop in pixels of the source image (not for a folder of crops); "
        "empty: 2.8 times the median diameter of the image's nuclei",
    )
    window_um: float | None = Field(
        None,
        gt=0,
        description="The same in micrometres, instead of 'window'; needs the pixel size",
    )
    pixel_size: float | None = Field(
        None, gt=0, description="Micrometres per pixel of the images, for a window in micrometres"
    )
    normalisation: Literal["percentile", "image", "dataset", "none"] = Field(
        "percentile",
        description="What becomes black and white. percentile: the minimum and 99.5th percentile "
        "of each crop, so that bright and dim cells look alike. image: the 0.5th and 99.9th of "
        "what all crops of an image or movie show together, so that its cells keep their "
        "brightness relative to each other; images differ in exposure, and that is removed. "
        "dataset: the minimum and 99.5th of all images together. none: the range of the pixel "
        "type",
    )
    orientation: Literal["imaged", "principal axis"] = Field(
        "imaged",
        description="Leave crops as imaged or turn each cell's long axis to horizontal; without "
        "labels, the axis of what is bright in the middle of the first channel",
    )
    group_by: Literal["auto", "movie", "image", "tile", "column"] = Field(
        "auto",
        description="What a split keeps together: all cells of a movie, of an image, of a tile "
        "of an image, or with the same value in the group column",
        json_schema_extra=ADVANCED,
    )
    folds: int = Field(
        5, ge=3, le=50, description="Number of parts: one to test, one to validate, the rest train"
    )
    fold: int = Field(
        0, ge=0, description="Which part is held out as test", json_schema_extra=ADVANCED
    )
    seed: int = Field(
        0, ge=0, lt=2**32, description="Seed of the split", json_schema_extra=ADVANCED
    )

    @property
    def source_window(self) -> float | None:
        """Side of a crop in pixels of the source image; None: by the size of the nuclei."""
        if self.window_um is None or self.pixel_size is None:
            return self.window
        return self.window_um / self.pixel_size

    @model_validator(mode="before")
    @classmethod
    def _groups_by_its_column(cls, values: Any) -> Any:
        column = isinstance(values, Mapping) and values.get("group_column")
        if column and values.get("group_by") in (None, "auto"):
            return {**values, "group_by": "column"}
        return values

    @field_validator("pattern")
    @classmethod
    def _is_regular_expression(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                re.compile(value)
            except re.error as error:
                raise ValueError(f"'{value}' is not a regular expression ({error})") from error
        return value

    _axes = field_validator("axes")(_are_axes)

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        if (self.folder is None) == (not self.image):
            raise ValueError("give either a folder of crops, or images and their labels")
        if self.labels and self.centroids:
            raise ValueError("give either labels or centroids of the cells, not both")
        where, what = (
            (self.centroids, "tables of centroids")
            if self.centroids
            else (self.labels, "label files")
        )
        if len(self.image) != len(where):
            raise ValueError(
                f"{len(self.image)} images but {len(where)} {what} were given; each image needs "
                "its labels or centroids"
            )
        if len(set(self.channels)) < len(self.channels) or min(self.channels, default=0) < 0:
            raise ValueError("channels are counted from 0, and each is used once")
        if self.window_um is not None and self.pixel_size is None:
            raise ValueError("a window in micrometres needs the setting 'pixel_size'")
        if self.window_um is not None and self.window is not None:
            raise ValueError("give the window in pixels or in micrometres, not in both")
        if self.centroids and self.source_window is None:
            raise ValueError(
                "points do not say how large a cell is: give 'window', or 'window_um' and "
                "'pixel_size'"
            )
        if len(set(self.image)) < len(self.image):
            raise ValueError("an image is listed twice")
        if self.folder is not None and self.classes is not None:
            raise ValueError("the sub-folders already name the classes; leave 'classes' empty")
        if self.folder is not None and self.source_window is not None:
            raise ValueError("crops of a folder are used as a whole; leave 'window' empty")
        if self.folder is not None and self.normalisation == "image":
            raise ValueError(
                "crops of a folder do not say which image they are from; choose the normalisation "
                "'percentile' or 'dataset'"
            )
        if self.folder is not None and self.group_column is not None:
            raise ValueError("a folder of crops has no columns; group by movie, with a pattern")
        if (self.group_by == "column") != (self.group_column is not None):
            raise ValueError("'group_by' is column where 'group_column' names one, and only there")
        if self.fold >= self.folds:
            raise ValueError(
                f"fold {self.fold} does not exist among {self.folds} (they count from 0)"
            )
        if self.group_by == "movie" and not movie_groups(self.pattern):
            raise ValueError(
                "grouping by movie needs a pattern with a named group such as (?P<movie>…)"
            )
        if self.group_by == "tile" and self.folder is not None:
            raise ValueError("a folder of crops has no tiles; group by movie or image")
        return self


def movie_groups(pattern: str | None) -> list[str]:
    """Names of the groups of a pattern that say which movie a file belongs to, in order."""
    if pattern is None:
        return []
    return [name for name in re.compile(pattern).groupindex if name.startswith("movie")]


class SegmentConfig(Config):
    """How nuclei are found in an image that has no labels."""

    channel: int = Field(0, ge=0, description="Channel with the nuclei, counted from 0")
    diameter: float | None = Field(
        None,
        gt=1,
        description="Approximate diameter of a nucleus in pixels; empty: found from each frame",
    )
    threshold: Literal["local", "otsu"] = Field(
        "local",
        description="What is bright: compared with nuclei and ground around it, for uneven light "
        "or nuclei of uneven brightness; or by Otsu's threshold of the whole frame",
    )
    offset: float = Field(
        0.0,
        ge=-0.9,
        le=9,
        description="Raises the threshold, 0.1 by a tenth; negative: finds dimmer nuclei",
    )
    min_area: int | None = Field(
        None,
        ge=1,
        description="Area in pixels of the smallest nucleus; empty: 15 % of a round one of that "
        "diameter",
        json_schema_extra=ADVANCED,
    )
    axes: str = Field(
        "auto",
        description="Axes of the image, for instance YX, TYX, CYX or TCYX; auto: as the file says",
        json_schema_extra=ADVANCED,
    )

    _axes = field_validator("axes")(_are_axes)
