"""Settings of the steps that learn the law once more: stability and ablations."""

from pydantic import Field, JsonValue

from napari_parsimony.config import Config
from napari_parsimony.symbolic.config import EngineName

_ADVANCED: dict[str, JsonValue] = {"advanced": True}


class StabilityConfig(Config):
    """How often all is learned again from other random starts."""

    vaes: int = Field(
        3,
        ge=0,
        le=100,
        description="VAEs trained with other seeds, beside the study's own; 0: its own only. All "
        "have the settings of the study.",
    )
    networks: int = Field(
        2,
        ge=1,
        le=100,
        description="How often sparse networks are trained on the latents of each VAE; each time "
        "as many as in the study.",
    )
    searches: int = Field(
        1,
        ge=1,
        le=100,
        description="Searches for an equation for each of these. More than 1 is of use with "
        "'operon' or 'pysr': 'quick' draws nothing at random, and only the choice of the equation "
        "may differ.",
    )
    engines: tuple[EngineName, ...] = Field(
        ("quick",),
        min_length=1,
        description="Engines that look for the equations: 'quick' takes seconds, 'operon' up to "
        "minutes each time.",
    )
    same: float = Field(
        0.95,
        gt=0.5,
        le=1,
        description="Two laws decide alike if they give this part of the held-out cells the same "
        "class.",
        json_schema_extra=_ADVANCED,
    )


class AblationsConfig(Config):
    """How parts of the method are left out or replaced, one at a time."""

    engines: tuple[EngineName, ...] = Field(
        ("quick",),
        min_length=1,
        description="Engines that look for the equations of all rows: 'quick' takes seconds, "
        "'operon' up to minutes each time.",
    )
    beta: bool = Field(
        True,
        description="Also train a VAE with β = 1: it takes as long as the study's own.",
    )
    resamples: int = Field(
        2_000,
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
        description="Seed of the resampling.",
        json_schema_extra=_ADVANCED,
    )
