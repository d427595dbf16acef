"""The Pareto front: the best equation of every size."""

import dataclasses
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from napari_parsimony.artefact import read_json, write_json
from napari_parsimony.errors import UserError
from napari_parsimony.symbolic.expression import Expression

FORMAT_VERSION = 1


@dataclass(frozen=True)
class Candidate:
    """An equation and how good it is.

    Attributes
    ----------
    expression
        Its value is the score: above 0 is the second class.
    engine, seed
        Where it comes from.
    train_loss
        Mean logistic loss in nats on the labelled cells that the numbers were fitted to, those of
        the training and the validation split; classes weighted as the search was told.
    validation_loss
        The same by cross-validation over the groups of these cells.
    validation_error
        Standard error of `validation_loss`, cells clustered by group.
    excess_error
        Standard error of how much `validation_loss` exceeds that of the front's best, from the
        differences cell by cell, clustered by group; 0 for the best.
    balanced_accuracy
        By the same cross-validation.
    agreement
        Part of all validation cells on the same side as the sparse network puts them.
    digits, flips
        Significant digits to show, and how many of the cells fitted to change side
        when the numbers are rounded so.
    """

    expression: Expression
    engine: str
    seed: int
    train_loss: float
    validation_loss: float
    validation_error: float
    excess_error: float
    balanced_accuracy: float
    agreement: float
    digits: int
    flips: int

    @property
    def size(self) -> int:
        """Operators + constants + variables, one each."""
        return self.expression.size

    def unicode(self, values: Mapping[str, float] | None = None) -> str:
        """One line of text, rounded as far as the cells allow; see `render.unicode`."""
        return self.expression.unicode(self.digits, values)

    def latex(self, values: Mapping[str, float] | None = None) -> str:
        """LaTeX, rounded as far as the cells allow; see `render.latex`."""
        return self.expression.latex(self.digits, values)


@dataclass(frozen=True)
class Front:
    """Equations by size, each better on the training cells than all smaller ones.

    Dominance is judged on the training loss, so that validation cells serve for one thing only:
    the choice. The validation loss may therefore rise along the front; where it does, the
    equations overfit.

    Attributes
    ----------
    candidates
        Sorted by size.
    chosen
        Index of the one in use.
    variables
        The latents that the search could use.
    """

    candidates: tuple[Candidate, ...]
    chosen: int
    variables: tuple[str, ...]

    def __post_init__(self) -> None:
        if not 0 <= self.chosen < len(self.candidates):
            raise UserError(
                f"Equation number {self.chosen} is chosen, but there are {len(self.candidates)}."
            )

    @property
    def choice(self) -> Candidate:
        """The equation in use."""
        return self.candidates[self.chosen]

    def choose(self, index: int) -> "Front":
        """Use another equation of the front.

        Raises
        ------
        UserError
            If there is no equation of that index.
        """
        return dataclasses.replace(self, chosen=index)

    def save(self, path: Path) -> None:
        """Write the front as JSON."""
        candidates = [
            {**dataclasses.asdict(candidate), "expression": str(candidate.expression)}
            for candidate in self.candidates
        ]
        write_json(
            path,
            {
                "format_version": FORMAT_VERSION,
                "variables": list(self.variables),
                "chosen": self.chosen,
                "candidates": candidates,
            },
        )

    @staticmethod
    def load(path: Path) -> "Front":
        """Read a front.

        Raises
        ------
        UserError
            If the file is missing, newer than this program, or anything but a front.
        """
        content = read_json(path)
        try:
            version = content["format_version"]
            if type(version) is int and version > FORMAT_VERSION:
                raise UserError(
                    f"The front in {path} was written by a newer napari-parsimony (format "
                    f"{version}); update to read it."
                )
            if version != FORMAT_VERSION:
                raise ValueError("its format is unknown")
            variables = tuple(_checked(name, str) for name in content["variables"])
            candidates = tuple(_candidate(entry, variables) for entry in content["candidates"])
            return Front(candidates, _checked(content["chosen"], int), variables)
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            what = f"{error} is missing" if isinstance(error, KeyError) else str(error)
            raise UserError(
                f"The front in {path} is damaged ({what[:200]}); look for equations again."
            ) from error


def _candidate(entry: Any, variables: tuple[str, ...]) -> Candidate:
    values: dict[str, Any] = {}
    for field in dataclasses.fields(Candidate):
        value = entry[field.name]
        if field.name == "expression":
            values["expression"] = Expression.parse(value, variables)
        else:
            values[field.name] = _checked(value, field.type)  # type: ignore[arg-type]
    if not 1 <= values["digits"] <= 17:
        raise ValueError("the number of digits to show is not between 1 and 17")
    return Candidate(**values)


def _checked(value: Any, kind: type) -> Any:
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        raise ValueError(f"{str(value)[:40]!r} stands where {kind.__name__} belongs")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("a number is not finite")
    return value


def non_dominated(candidates: Iterable[Candidate]) -> list[Candidate]:
    """Those that are better on the training cells than everything as small, by size."""
    best: list[Candidate] = []
    for candidate in sorted(candidates, key=lambda c: (c.size, c.train_loss, str(c.expression))):
        # less than a part in 10,000 better is no reason for a larger equation
        if not best or candidate.train_loss < best[-1].train_loss * (1 - 1e-4):
            best.append(candidate)
    return best
