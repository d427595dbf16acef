"""Settings of the adversarial test."""

from typing import Literal

from pydantic import Field, field_validator

from napari_parsimony.config import Config

Norm = Literal["l2", "linf"]
NORMS: tuple[Norm, ...] = ("l2", "linf")


class RobustnessConfig(Config):
    """How the schemes are attacked."""

    cells: int = Field(
        100,
        ge=10,
        le=10_000,
        description="Most held-out cells to attack, drawn at random: a second or so for each, on "
        "one processor.",
    )
    edited: int = Field(
        500,
        ge=10,
        le=100_000,
        description="Most held-out cells whose picture is edited, and of which the smallest change "
        "of the latents is searched: far quicker.",
    )
    shown: int = Field(6, ge=1, le=24, description="Cells to keep pictures of, for the report.")
    levels: tuple[int, ...] = Field(
        (1, 2, 4, 8, 16, 32, 64),
        description="Budgets in grey levels of 255: largest change of a pixel under L∞, root mean "
        "square of all pixels' changes under L2.",
        json_schema_extra={"advanced": True},
    )
    steps: int = Field(
        10,
        ge=1,
        le=1_000,
        description="Steps of an attack at the largest budget; half as many at smaller ones.",
        json_schema_extra={"advanced": True},
    )
    rounds: int = Field(
        6,
        ge=0,
        le=30,
        description="How many smaller budgets are tried, each between one that flips the cell and "
        "one that does not.",
        json_schema_extra={"advanced": True},
    )
    restarts: int = Field(
        1,
        ge=0,
        le=100,
        description="Random starts for cells that are not flipped from where they are.",
        json_schema_extra={"advanced": True},
    )
    resamples: int = Field(
        1_000,
        ge=100,
        le=100_000,
        description="How often whole movies are drawn anew for the intervals (bootstrap).",
        json_schema_extra={"advanced": True},
    )
    confidence: float = Field(
        0.95, gt=0.5, lt=1, description="How much an interval should cover, 0.95 for 95 %."
    )
    seed: int = Field(
        0,
        ge=0,
        description="Seed of the draw of cells, random starts and controls.",
        json_schema_extra={"advanced": True},
    )

    @field_validator("levels")
    @classmethod
    def _ascending(cls, levels: tuple[int, ...]) -> tuple[int, ...]:
        if not levels or levels[0] <= 0 or list(levels) != sorted(set(levels)):
            raise ValueError("levels must be above 0 and ascend")
        return levels

    def budgets(self, norm: Norm, pixels: int) -> tuple[float, ...]:
        """Return the levels as norms ε of changes of crops with so many pixels in all channels."""
        return tuple(level / grey_levels(norm, pixels) for level in self.levels)


def grey_levels(norm: Norm, pixels: int) -> float:
    """Grey levels of 255 for each unit of ε, of crops with so many pixels in all channels.

    Under L∞ those of the most changed pixel, under L2 the root mean square over all pixels.
    """
    return 255 / (pixels**0.5 if norm == "l2" else 1.0)
