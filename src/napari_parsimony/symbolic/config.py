"""Settings of the step that looks for equations."""

from pathlib import Path
from typing import Literal

from pydantic import Field, JsonValue, model_validator

from napari_parsimony.config import Config

_ADVANCED: dict[str, JsonValue] = {"advanced": True}
EngineName = Literal["quick", "operon", "pysr"]
Operator = Literal["add", "sub", "mul", "div", "square", "exp", "log", "sqrt", "abs", "tanh", "sin"]
_BINARY = ("add", "sub", "mul", "div")


class EquationsConfig(Config):
    """How to look for an equation between the used latents and the class."""

    engines: tuple[EngineName, ...] = Field(
        ("quick", "operon"),
        description="Engines that look for equations: 'quick' adds up terms of a fixed library and "
        "takes a second; 'operon' is an evolutionary search of free forms and takes up to minutes; "
        "'pysr' is another one, in Julia, which has to be installed first. Each starts from what "
        "those before it found; what all of them find is put in one Pareto front.",
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
        "to the classes like those of all others. Of more than two classes, 'G1: z3; M: z3*z7' "
        "says whose they are; one that does not is tried for each.",
    )
    hall_of_fame: Path | None = Field(
        None,
        description="A hall_of_fame.csv that PySR wrote elsewhere, or the folder of its run: its "
        "equations compete with what the engines find, and no Julia is needed to read it. They "
        "read latents by name, or as x0, x1, … in the order of the latents that the sparse "
        "network uses.",
    )
    target: Literal["logits", "labels"] = Field(
        "logits",
        description="What the engines imitate: 'logits', the scores of the sparse network, which "
        "say more about each cell; or 'labels', the classes themselves. Either way, the numbers "
        "in what they find are fitted to the classes afterwards.",
    )
    reference: str = Field(
        "",
        description="Of more than two classes: the class that all others are held against. Its "
        "score is then 0, and the equation of every other class is the logarithm of the odds "
        "against it. Empty: each class has a score of its own, and is left at 0 where it needs "
        "none.",
        json_schema_extra=_ADVANCED,
    )
    max_size: int = Field(
        20,
        ge=1,
        le=100,
        description="Largest size of an equation: operators + constants + variables, one each. Of "
        "more than two classes it is that of the equation of each class.",
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
    operators: tuple[Operator, ...] = Field(
        ("add", "sub", "mul", "square", "exp"),
        min_length=1,
        description="Operators of the evolutionary search; few find more in the same time.",
        json_schema_extra=_ADVANCED,
    )
    balanced: bool = Field(
        True,
        description="Let all classes count the same in every loss, however many cells they have.",
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
    pysr_iterations: int = Field(
        100,
        ge=1,
        le=1_000_000,
        description="Iterations of PySR, each of all its populations.",
        json_schema_extra=_ADVANCED,
    )
    pysr_parsimony: float = Field(
        0.0,
        ge=0,
        description="What PySR adds to the loss for each part of an equation; 0 leaves the size to "
        "the front.",
        json_schema_extra=_ADVANCED,
    )
    pysr_deterministic: bool = Field(
        True,
        description="Let PySR find the same with the same seed, on one processor core. Without, it "
        "uses 'threads', and every run finds something else.",
        json_schema_extra=_ADVANCED,
    )
    pysr_guesses: bool = Field(
        True,
        description="Let PySR start from the equations that the engines before it found, and from "
        "those by hand.",
        json_schema_extra=_ADVANCED,
    )
    pysr_forbidden: dict[Operator, tuple[Operator, ...]] = Field(
        {},
        description="Which operators PySR may not put inside of which, for instance "
        "'exp = exp, sin'. Empty: it may nest all, for the law of the published method has "
        "exp(exp(z)) in it.",
        json_schema_extra=_ADVANCED,
    )
    pysr_constraints: dict[Operator, tuple[int, ...]] = Field(
        {},
        description="Largest size of what PySR may put inside of an operator, for instance "
        "'exp = 5; div = -1, 3': -1 is any size, and operators with two sides have two numbers.",
        json_schema_extra=_ADVANCED,
    )
    pysr_template: str = Field(
        "",
        max_length=1000,
        description="A form for PySR's equations, with functions in it that PySR looks for, for "
        "instance 'f(z3, z17) - exp(g(z21))'. Their sizes are limited, not that of the whole. A "
        "hall_of_fame.csv of a template is read with it, too. Empty: any form.",
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
        given = {"by_hand": self.by_hand, "hall_of_fame": self.hall_of_fame}
        for name, value in given.items():
            if self.start_from is not None and value:
                raise ValueError(
                    f"with 'start_from' nothing is searched, and '{name}' would not count: empty "
                    "one of them"
                )
        if not self.engines and not any(given.values()):
            raise ValueError(
                "there is nothing to take equations from: choose one of the 'engines', or give "
                "equations 'by_hand' or a 'hall_of_fame'"
            )
        return self

    @model_validator(mode="after")
    def _pysr_can_keep_to_it(self) -> "EquationsConfig":
        named = {*self.pysr_forbidden, *self.pysr_constraints}
        for inside in self.pysr_forbidden.values():
            named.update(inside)
        for name in sorted(named - set(self.operators)):
            raise ValueError(f"a limit for PySR names '{name}', which is not one of the operators")
        for name, sizes in self.pysr_constraints.items():
            sides = 2 if name in _BINARY else 1
            if len(sizes) != sides:
                raise ValueError(
                    f"the limit for PySR's '{name}' has {len(sizes)} numbers, but it has {sides} "
                    f"side{'s' if sides > 1 else ''}"
                )
            if name in ("add", "sub") and sizes[0] != sizes[1]:
                raise ValueError(f"PySR takes the same limit only on both sides of '{name}'")
            if any(size != -1 and size < 1 for size in sizes):
                raise ValueError(f"a limit for PySR's '{name}' is neither -1 nor 1 or more")
        return self
