"""Settings of the vae step (no torch here: forms and ``--help`` must be quick)."""

from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from napari_parsimony.config import Config

_ADVANCED: dict[str, Any] = {"advanced": True}


class VaeConfig(Config):
    """How the β-TCVAE is built and trained."""

    beta: float = Field(
        4.0,
        ge=0,
        le=100,
        description="Weight of the total correlation: higher separates the latents more and "
        "reproduces the crops less.",
    )
    steps: int = Field(
        3000,
        ge=0,
        description="Training steps at most; 0 uses the weights of 'pretrained' or 'start_from' "
        "as they are.",
    )
    pretrained: Literal["none", "nuclei"] = Field(
        "none",
        description="Where training starts. nuclei: a VAE that comes with napari-parsimony and "
        "has seen 18,000 nuclei of many fluorescence images, so that few steps on your own are "
        "needed, or none. It fits crops of one channel, cut out with the default size and the "
        "normalisation 'percentile' or 'image'. none: from scratch.",
    )
    start_from: Path | None = Field(
        None,
        description="Weights of an earlier VAE (a weights.safetensors file) to go on from. "
        "They must have been trained on crops made the same way.",
    )
    focus: float = Field(
        0.75,
        ge=0,
        lt=1,
        description="How much more the centre of the crop counts than its border, 0 (equal) to 1.",
    )
    guidance: float = Field(
        0.0,
        ge=0,
        description="Weight of predicting a cell's class from its latents. 0: the latents are "
        "found without labels. Above 0 the VAE is semi-supervised: latents line up with the "
        "classes of the training cells, and say less about what else is in the images.",
    )
    objective: Literal["beta-tcvae", "beta-vae"] = Field(
        "beta-tcvae",
        description="What 'beta' weighs. beta-tcvae: the total correlation only. beta-vae: the "
        "whole KL divergence, which costs more of the reconstruction: a baseline to compare with "
        "(with beta 1 a plain VAE).",
        json_schema_extra=_ADVANCED,
    )
    likelihood: Literal["bernoulli", "gaussian"] = Field(
        "bernoulli",
        description="How a reconstruction is compared with its crop.",
        json_schema_extra=_ADVANCED,
    )
    noise: float = Field(
        0.3,
        gt=0,
        description="Standard deviation of a pixel for the gaussian likelihood (crops are 0..1).",
        json_schema_extra=_ADVANCED,
    )
    latents: int = Field(
        32,
        ge=1,
        le=256,
        description="Number of latents; those that are not needed stay inactive.",
        json_schema_extra=_ADVANCED,
    )
    batch: int = Field(
        256, ge=8, description="Crops in one training step.", json_schema_extra=_ADVANCED
    )
    learning_rate: float = Field(
        1e-3,
        gt=0,
        le=1,
        description="Step size of Adam at the start; it falls along a cosine to a hundredth.",
        json_schema_extra=_ADVANCED,
    )
    warmup: float = Field(
        0.2,
        ge=0,
        le=1,
        description="Fraction of the steps over which the weights of the KL terms rise from 0.",
        json_schema_extra=_ADVANCED,
    )
    augment: bool = Field(
        True,
        description="Show each crop turned by 90° and mirrored at random (mirrored only, where "
        "crops are turned to the principal axis).",
        json_schema_extra=_ADVANCED,
    )
    check_every: int = Field(
        50,
        ge=1,
        description="Steps between two checks on held-out groups; each also saves a checkpoint.",
        json_schema_extra=_ADVANCED,
    )
    patience: int = Field(
        12,
        ge=1,
        description="Checks without progress on held-out groups after which training stops.",
        json_schema_extra=_ADVANCED,
    )
    seed: int = Field(0, ge=0, lt=2**31, description="Seed of everything random.")

    @model_validator(mode="after")
    def _starts_from_one(self) -> Self:
        if self.pretrained != "none" and self.start_from is not None:
            raise ValueError(
                "'pretrained' and 'start_from' both say where training starts; set 'pretrained' "
                "to none, or leave 'start_from' empty"
            )
        return self
