"""Settings of the step that trains the black box, the dense and the sparse networks."""

from pathlib import Path
from typing import Literal

from pydantic import Field, JsonValue, field_validator

from napari_parsimony.config import Config

ADVANCED: dict[str, JsonValue] = {"advanced": True}


class ClassifyConfig(Config):
    """How crops and latents become scores (of two classes: above 0 the second)."""

    classes: dict[str, tuple[str, ...]] = Field(
        default_factory=dict,
        description="The classes, two or more, each with the raw classes it gathers; of two the "
        "first scores below 0, the second above. Empty: all raw classes found, in alphabetical "
        "order.",
    )
    start_from: Path | None = Field(
        None,
        description="The folder 'classify' of another study whose networks are applied as they "
        "are, without training; this study must use the same VAE.",
    )
    hidden: tuple[int, ...] = Field(
        (64, 64),
        min_length=1,
        max_length=4,
        description="Units of each hidden layer of the dense and the sparse networks.",
        json_schema_extra=ADVANCED,
    )
    density: float = Field(
        0.02,
        gt=0,
        le=0.5,
        description="Weights of a sparse network divided by those of the dense network that "
        "reads all latents.",
    )
    rewiring: Literal["rigl", "set", "magnitude", "l1"] = Field(
        "rigl",
        description="How a sparse network finds its connections: rigl grows where the loss "
        "falls fastest, set grows at random. Two to compare with begin with all connections: "
        "magnitude removes the smallest weights bit by bit, l1 makes all weights smaller until "
        "enough are 0.",
    )
    seeds: int = Field(
        16,
        ge=1,
        le=256,
        description="Dense and sparse networks trained side by side, each from its own "
        "random start; how often they agree on a latent is reported.",
    )
    steps: int = Field(
        3000, ge=10, le=1_000_000, description="Training steps of the dense and sparse networks."
    )
    learning_rate: float = Field(
        1e-2,
        gt=0,
        le=1,
        description="Learning rate of the dense and sparse networks (Adam), falling to 0 along "
        "a cosine.",
        json_schema_extra=ADVANCED,
    )
    weight_decay: float = Field(
        0.1,
        ge=0,
        le=100,
        description="Decoupled weight decay of the sparse networks.",
        json_schema_extra=ADVANCED,
    )
    dense_weight_decay: float = Field(
        3.0,
        ge=0,
        le=100,
        description="Decoupled weight decay of the dense networks, whose many weights otherwise "
        "fit the training cells by heart.",
        json_schema_extra=ADVANCED,
    )
    drop_fraction: float = Field(
        0.3,
        gt=0,
        lt=1,
        description="Share of a layer's connections moved at the first rewiring; falls to 0 "
        "along a cosine.",
        json_schema_extra=ADVANCED,
    )
    rewire_every: int = Field(
        50,
        ge=2,
        le=100_000,
        description="Training steps between two rewirings of the sparse networks.",
        json_schema_extra=ADVANCED,
    )
    rewire_until: float = Field(
        0.75,
        gt=0,
        le=1,
        description="Share of the training steps after which connections stay where they are.",
        json_schema_extra=ADVANCED,
    )
    dense_output: bool = Field(
        False,
        description="Give sparse networks a dense last layer; otherwise it is as sparse as the "
        "Erdős-Rényi rule says.",
        json_schema_extra=ADVANCED,
    )
    prune_inputs: bool = Field(
        True,
        description="Afterwards remove whole latents from the sparse networks while the loss "
        "on validation cells hardly rises, and train them once more on the latents that enough "
        "of them kept and that help on cells of other groups.",
    )
    tolerance: float = Field(
        0.5,
        ge=0,
        le=3,
        description="How far the loss on validation cells may rise when latents are removed, in "
        "standard errors. More means fewer latents: 1 found exactly the inputs of a planted law "
        "from thousands of cells, and removed too many from hundreds.",
        json_schema_extra=ADVANCED,
    )
    votes: float = Field(
        0.25,
        gt=0,
        le=1,
        description="Share of the sparse networks that must keep a latent for it to be in the "
        "second training.",
        json_schema_extra=ADVANCED,
    )
    sweep: bool = Field(
        True,
        description="Also train a few sparse networks, more shortly, with a quarter to four times "
        "the density: how accurate they are on validation cells shows what sparsity costs.",
        json_schema_extra=ADVANCED,
    )
    black_box_seeds: int = Field(
        3,
        ge=1,
        le=20,
        description="Convolutional networks trained on the crops, each from its own random start.",
    )
    black_box_epochs: int = Field(
        60,
        ge=1,
        le=10_000,
        description="Most passes over the training cells for a convolutional network.",
    )
    patience: int = Field(
        15,
        ge=1,
        le=10_000,
        description="Evaluations on validation cells without improvement before training stops.",
        json_schema_extra=ADVANCED,
    )
    batch: int = Field(
        256,
        ge=2,
        le=65_536,
        description="Cells per training step (the convolutional networks take a quarter).",
        json_schema_extra=ADVANCED,
    )
    seed: int = Field(
        0, ge=0, le=2**31 - 1, description="Random seed: the same seed gives the same networks."
    )

    @field_validator("classes")
    @classmethod
    def _disjoint_classes(cls, value: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        if len(value) == 1:
            raise ValueError("name two classes or more, or none")
        if any(not raw for raw in value.values()):
            raise ValueError("each of the classes needs at least one raw class")
        raw = [name for names in value.values() for name in names]
        twice = sorted({name for name in raw if raw.count(name) > 1})
        if twice:
            raise ValueError(f"the raw class {twice[0]!r} is listed more than once")
        return value

    @field_validator("hidden")
    @classmethod
    def _hidden_sizes(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if any(not 1 <= size <= 1024 for size in value):
            raise ValueError("every hidden layer needs between 1 and 1024 units")
        return value
