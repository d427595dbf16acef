"""Settings of the steps evaluate and trust."""

from pydantic import Field

from napari_parsimony.config import Config


class EvaluateConfig(Config):
    """How the schemes are compared on held-out cells."""

    resamples: int = Field(
        2_000,
        ge=100,
        le=100_000,
        description="How often whole movies are drawn anew for the intervals (bootstrap).",
    )
    confidence: float = Field(
        0.95, gt=0.5, lt=1, description="How much an interval should cover, 0.95 for 95 %."
    )
    baseline: bool = Field(
        True,
        description="Also score a logistic regression on hand-made shape features of each cell.",
    )
    seed: int = Field(
        0,
        ge=0,
        description="Seed of the resampling.",
        json_schema_extra={"advanced": True},
    )


class TrustConfig(Config):
    """How it is judged whether the law can be believed."""

    cells: int = Field(
        2_000,
        ge=100,
        le=100_000,
        description="How many cells with a class are measured, drawn at random: half of them from "
        "those held out, if there are so many.",
    )
    resamples: int = Field(
        1_000,
        ge=100,
        le=100_000,
        description="How often whole movies are drawn anew for the intervals (bootstrap).",
    )
    confidence: float = Field(
        0.95, gt=0.5, lt=1, description="How much an interval should cover, 0.95 for 95 %."
    )
    seed: int = Field(
        0,
        ge=0,
        description="Seed of the choice of cells and of the resampling.",
        json_schema_extra={"advanced": True},
    )
