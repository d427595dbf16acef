"""Settings of the step that looks for equations."""

from pathlib import Path
from typing import Literal

from pydantic import Field, JsonValue, model_validator

from napari_parsimony.config import Config

_ADVANCED: dict[str, JsonValue] = {"advanced": True}


class EquationsConfig(Config):
    """How to look for an equation between the used latents and the class."""

    engines: tuple[Literal["quick", "operon"], ...] = Field(
        ("quick", "operon"),
        min_length=1,
        description="Engines that look for equations: 'quick' adds up terms of a fixed library and "
        "takes a second; 'operon' is an evolutionary search of free forms and takes up to minutes. "
        "Each starts from what those before it found; what all of them find is put in one Pareto "
        "front.",
    )
    start_from: Path | None = Field(
        None,
        description="The front.json of another study whose equations are taken over without a "
        "search; this study must use the same VAE.",
    )
    by_hand: str = Field(
        "",
        description="Equations written by hand, separated by ';', for instance "
        "'z3 - exp(z7); z3*z7': they compete with what the engines find. Their numbers are fitted "
        "to the classes like those of all others.",
    )
    target: Literal["logits", "labels"] = Field(
        "logits",
        description="What the engines imitate: 'logits', the scores of the sparse network, which "
        "say more about each cell; or 'labels', the classes themselves. Either way, the numbers "
        "in what they find are fitted to the classes afterwards.",
    )
    max_size: int = Field(
        20,
        ge=1,
        le=100,
        description="Largest size of an equation: operators + constants + variables, one each.",
    )
    generations: int = Field(
        60,
        ge=1,
        le=100_000,
        description="Most generations of each evolutionary search; it ends earlier when nothing "
        "has improved for 20 of them, or when the equation is exact.",
    )
    population: int = Field(
        500, ge=10, le=100_000, description="Equations in the population of a search."
    )
    restarts: int = Field(
        2,
        ge=1,
        le=100,
        description="Evolutionary searches with different seeds; one alone can miss an interaction "
        "by bad luck.",
    )
    time_limit: float | None = Field(
        None,
        gt=0,
        description="Minutes after which the evolutionary search ends with what it has found; "
        "empty: none. With a limit, what is found depends on the speed of the computer.",
    )
    operators: tuple[
        Literal["add", "sub", "mul", "div", "square", "exp", "log", "sqrt", "abs", "tanh", "sin"],
        ...,
    ] = Field(
        ("add", "sub", "mul", "square", "exp"),
        min_length=1,
        description="Operators of the evolutionary search; few find more in the same time.",
        json_schema_extra=_ADVANCED,
    )
    balanced: bool = Field(
        True,
        description="Let both classes count the same in every loss, however many cells they have.",
    )
    clip: float = Field(
        6.0,
        gt=0,
        le=100,
        description="Training cells whose score is beyond ± this do not drive the search: the "
        "network is certain of them, and by how much says nothing. They count in fitting the "
        "numbers and in scoring. Raised where it would leave out more than half of the cells.",
        json_schema_extra=_ADVANCED,
    )
    cells: int = Field(
        2000,
        ge=100,
        description="At most so many training cells drive a search; fitting the numbers uses more, "
        "and scoring uses all.",
        json_schema_extra=_ADVANCED,
    )
    threads: int = Field(
        0,
        ge=0,
        le=256,
        description="Threads of the evolutionary search; 0: one for each processor core. The "
        "result does not depend on it.",
        json_schema_extra=_ADVANCED,
    )
    choice: int | None = Field(
        None,
        ge=1,
        description="Size of the equation to use, or the next smaller one that is found; empty: "
        "the smallest within one standard error of the best in cross-validation.",
        json_schema_extra=_ADVANCED,
    )
    seed: int = Field(0, ge=0, lt=2**31, description="Seed of all that is drawn at random.")

    @model_validator(mode="after")
    def _only_where_it_counts(self) -> "EquationsConfig":
        if self.start_from is not None and self.by_hand:
            raise ValueError(
                "with 'start_from' nothing is searched, and 'by_hand' would not count: empty one "
                "of them"
            )
        return self
