"""Settings of the evaluate step."""

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
