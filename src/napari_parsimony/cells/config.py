"""Settings of the step that cuts cells out of images."""

import re
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, JsonValue, field_validator, model_validator

from napari_parsimony.config import Config

ADVANCED: dict[str, JsonValue] = {"advanced": True}


class CellsConfig(Config):
    """Where cells come from, how they are cut out, and how they are split.

    Either `folder` (crops that were cut out already, one sub-folder per class) or `image` and
    `labels` (whole fields with one integer per cell) has to be given.
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
    axes: str = Field(
        "auto",
        description="Axes of the images, for instance YX, TYX, CYX or TCYX; auto: as the file says",
        json_schema_extra=ADVANCED,
    )
    classes: Path | None = Field(
        None, description="CSV with the columns image, frame, label and class"
    )
    size: int = Field(64, ge=16, le=512, description="Side of a crop in pixels")
    window: float | None = Field(
        None,
        gt=0,
        description="Side of a crop in pixels of the source image (not for a folder of crops); "
        "empty: 2.8 times the median diameter of the image's nuclei",
    )
    normalisation: Literal["percentile", "dataset", "none"] = Field(
        "percentile",
        description="What becomes black and white: minimum and 99.5th percentile of each crop, "
        "of all images together, or the range of the pixel type",
    )
    orientation: Literal["imaged", "principal axis"] = Field(
        "imaged", description="Leave crops as imaged or turn each cell's long axis to horizontal"
    )
    group_by: Literal["auto", "movie", "image", "tile"] = Field(
        "auto",
        description="What a split keeps together: all cells of a movie, of an image or of a tile "
        "of an image",
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

    @field_validator("pattern")
    @classmethod
    def _is_regular_expression(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                re.compile(value)
            except re.error as error:
                raise ValueError(f"'{value}' is not a regular expression ({error})") from error
        return value

    @field_validator("axes")
    @classmethod
    def _are_axes(cls, value: str) -> str:
        if value not in ("auto", "YX", "TYX", "CYX", "TCYX", "CTYX"):
            raise ValueError(f"'{value}' is none of auto, YX, TYX, CYX, TCYX and CTYX")
        return value

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        if (self.folder is None) == (not self.image):
            raise ValueError("give either a folder of crops, or images and their labels")
        if len(self.image) != len(self.labels):
            raise ValueError(
                f"{len(self.image)} images but {len(self.labels)} label files were given; "
                "each image needs its labels"
            )
        if len(set(self.image)) < len(self.image):
            raise ValueError("an image is listed twice")
        if self.folder is not None and self.classes is not None:
            raise ValueError("the sub-folders already name the classes; leave 'classes' empty")
        if self.folder is not None and self.window is not None:
            raise ValueError("crops of a folder are used as a whole; leave 'window' empty")
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
