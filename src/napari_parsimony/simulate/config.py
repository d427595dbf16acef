"""Settings of simulated fields of nuclei."""

import math
from typing import Literal, Self

from pydantic import Field, JsonValue, ValidationInfo, field_validator, model_validator

from napari_parsimony.config import Config
from napari_parsimony.errors import UserError
from napari_parsimony.symbolic.expression import Expression

ADVANCED: dict[str, JsonValue] = {"advanced": True}

FACTORS = (
    "area", "eccentricity", "angle", "brightness", "texture", "grain", "position_y", "position_x",
    "neighbours", "border_distance",
)  # fmt: skip
"""What differs from cell to cell, and what a law may speak of."""

OF_PLACES = ("neighbours", "border_distance")
"""Those of them that follow from where a nucleus lies in its field."""

SHORTCUTS = {"brightness": "brightness", "neighbours": "neighbours", "border": "border_distance"}
"""Factor of every short-cut."""


LIMITS = {
    "area": (50, 10_000),
    "eccentricity": (0, 0.95),
    "brightness": (1, 20_000),
    "texture": (0, 1),
    "grain": (0.5, 20),
}
"""Between which numbers the range of a factor may be."""


class SimulateConfig(Config):
    """Nuclei, how they lie, the law of their class, and the microscope that images them.

    Area, eccentricity, brightness, texture and grain are drawn independently and evenly between a
    lowest and a highest value; the angle from all directions.
    """

    seed: int = Field(0, ge=0, lt=2**32, description="Same seed, same cells and same pictures")
    fields: int = Field(20, ge=1, le=100_000, description="Number of fields, one image each")
    fields_per_group: int = Field(
        2, ge=1, description="Fields of one movie, well or slide, which a split keeps together"
    )
    cells: int = Field(60, ge=1, le=100_000, description="Nuclei in each field")
    size: int = Field(512, ge=64, le=16_384, description="Side of a field in pixels")
    law: str = Field(
        "2*eccentricity - area",
        description="Score of a cell: above 0 it is positive. An equation of area, eccentricity, "
        "angle, brightness, texture, grain, position_y, position_x, neighbours and "
        "border_distance, each with mean 0 and standard deviation 1 over all cells; but the angle "
        "is in radians",
    )
    flipped: float = Field(
        0.0, ge=0, le=0.5, description="Share of cells that get the class of the other side"
    )
    shortcut: Literal["none", "brightness", "neighbours", "border"] = Field(
        "none",
        description="What gives the class away in the groups for training, and not in those for "
        "test: positive cells are brighter, have more neighbours, or lie nearer to the border",
    )
    strength: float = Field(
        0.8,
        ge=0,
        le=1,
        description="How reliable the short-cut is: at 0 it says nothing of the class, at 1 all",
    )
    area: tuple[float, float] = Field(
        (350, 1000), description="Lowest and highest area of a nucleus in pixels"
    )
    eccentricity: tuple[float, float] = Field(
        (0.2, 0.9), description="Lowest and highest eccentricity; a circle has 0"
    )
    brightness: tuple[float, float] = Field(
        (200, 500), description="Lowest and highest mean of a nucleus in photoelectrons a pixel"
    )
    texture: tuple[float, float] = Field(
        (0.05, 0.35),
        description="Lowest and highest contrast of the chromatin: the standard deviation of the "
        "logarithm of its density",
    )
    grain: tuple[float, float] = Field(
        (1.0, 2.5), description="Lowest and highest size of the grains of chromatin in pixels"
    )
    position: float = Field(
        0.0,
        ge=0,
        description="How far a nucleus may lie from the middle of its crop in pixels, up or down "
        "and left or right; above 0, cells are told by centroids instead of labels",
    )
    clustering: float = Field(
        0.4, ge=0, le=1, description="Share of nuclei that lie beside another one"
    )
    irregularity: float = Field(
        0.03,
        ge=0,
        le=0.1,
        description="How far outlines differ from ellipses, as a share of the radius",
        json_schema_extra=ADVANCED,
    )
    psf: float = Field(
        1.2,
        ge=0,
        le=20,
        description="Blur: standard deviation of the Gaussian point spread function in pixels",
        json_schema_extra=ADVANCED,
    )
    haze: float = Field(
        0.15,
        ge=0,
        le=0.9,
        description="Share of the light that comes from out of focus, as a glow around nuclei",
        json_schema_extra=ADVANCED,
    )
    background: float = Field(
        60.0,
        ge=0,
        le=20_000,
        description="Light between the nuclei in photoelectrons a pixel",
        json_schema_extra=ADVANCED,
    )
    unevenness: float = Field(
        0.5,
        ge=0,
        le=1,
        description="How uneven the background is: at 0.5 between 50 and 150 % of it",
        json_schema_extra=ADVANCED,
    )
    vignetting: float = Field(
        0.2,
        ge=0,
        le=0.9,
        description="Share of the light that the corners of a field lack",
        json_schema_extra=ADVANCED,
    )
    offset: float = Field(
        100.0,
        ge=0,
        le=10_000,
        description="Grey value that the camera gives without light",
        json_schema_extra=ADVANCED,
    )
    read_noise: float = Field(
        3.0,
        ge=0,
        le=1000,
        description="Standard deviation of the camera's noise without light in grey values",
        json_schema_extra=ADVANCED,
    )
    variation: float = Field(
        0.1,
        ge=0,
        le=1,
        description="How groups differ: about this share in exposure, background and blur",
        json_schema_extra=ADVANCED,
    )
    folds: int = Field(
        5,
        ge=3,
        le=50,
        description="Number of parts that the step cells is to divide groups into",
        json_schema_extra=ADVANCED,
    )
    fold: int = Field(
        0,
        ge=0,
        description="Which part is for test, and has no short-cut",
        json_schema_extra=ADVANCED,
    )

    @property
    def groups(self) -> int:
        """Number of groups."""
        return -(-self.fields // self.fields_per_group)

    @property
    def diameter(self) -> float:
        """Diameter of a round nucleus of middling area, in pixels."""
        return float((2 * (self.area[0] + self.area[1]) / math.pi) ** 0.5)

    @property
    def expression(self) -> Expression:
        """The law, read."""
        return Expression.parse(self.law)

    @field_validator("law")
    @classmethod
    def _is_a_law(cls, value: str) -> str:
        try:
            names = Expression.parse(value).variables
        except UserError as error:
            raise ValueError(str(error).rstrip(".")) from error
        for name in names:
            if name not in FACTORS:
                raise ValueError(f"'{name}' is no factor of a cell: use {', '.join(FACTORS)}")
        if not names:
            raise ValueError(f"it speaks of no factor of a cell: use {', '.join(FACTORS)}")
        return value

    @field_validator(*LIMITS)
    @classmethod
    def _is_a_range(cls, value: tuple[float, float], info: ValidationInfo) -> tuple[float, float]:
        least, most = LIMITS[str(info.field_name)]
        if not least <= value[0] <= value[1] <= most:
            raise ValueError(
                f"{value[0]:g} to {value[1]:g} is no range between {least:g} and {most:g}"
            )
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.fold >= self.folds:
            raise ValueError(
                f"fold {self.fold} does not exist among {self.folds} (they count from 0)"
            )
        if self.position > self.size / 2 - 1:
            raise ValueError(
                f"nuclei {self.position:g} pixels from the middle of their crops leave no room in "
                f"a field of {self.size} pixels: lower 'position'"
            )
        if self.shortcut == "none":
            return self
        if self.groups < self.folds:
            raise ValueError(
                f"a short-cut is in some groups and not in others: {self.groups} are fewer than "
                f"the {self.folds} folds, so give more 'fields'"
            )
        moved = OF_PLACES if self.shortcut in ("neighbours", "border") else ("brightness",)
        used = [name for name in moved if name in self.expression.variables]
        if used:
            raise ValueError(
                f"the short-cut '{self.shortcut}' would change '{used[0]}', of which the law "
                "speaks: choose another one"
            )
        return self
