"""The Pareto front: the best equation of every size."""

import dataclasses
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from napari_parsimony.artefact import read_json, write_json
from napari_parsimony.errors import UserError
from napari_parsimony.symbolic.class_scores import ClassScores, Equation
from napari_parsimony.symbolic.expression import Expression

FORMAT_VERSION = 3  # of more than two classes; fronts of two classes are still written as format 2
BY_HAND = "by hand"  # the engine of equations that people wrote
JOINED = "+"  # between engines of searches whose expressions, of classes, were put together
_MOST_BYTES = 10_000_000  # a front is hundreds of times smaller; more is no front
Interval = tuple[float, float]


class Search(NamedTuple):
    """One run of an engine, or an equation by hand.

    Attributes
    ----------
    engine, seed
        Which engine, and the seed of this run.
    """

    engine: str
    seed: int


@dataclass(frozen=True)
class Candidate:
    """An equation and how good it is.

    Attributes
    ----------
    expression
        Its value is the score: above 0 is the second class. Of more than two classes, one
        expression for each: the largest value is the class.
    engine, seed
        Where it comes from; for `JOINED` see there.
    train_loss
        Mean logistic loss in nats, scores cut as in `losses.fair_logistic`, on the labelled cells
        that the numbers were fitted to, those of the training and the validation split; classes
        weighted as the search was told.
    validation_loss
        The same by cross-validation over the groups of these cells.
    validation_error
        Standard error of `validation_loss`, cells clustered by group.
    excess_error
        Standard error of how much `validation_loss` exceeds that of the front's best, from the
        differences cell by cell, clustered by group, and two more cells (see `judge.compared`);
        0 for the best.
    balanced_accuracy
        By the same cross-validation: each group by numbers fitted to other groups.
    agreement
        Part of all validation cells on the same side as the sparse network puts them.
    digits, flips
        Significant digits to show, and how many of the cells fitted to change side
        when the numbers are rounded so.
    accuracy
        As `balanced_accuracy`, every cell counting the same. None in a front of format 1.
    loss_interval, accuracy_interval, balanced_accuracy_interval
        95 % intervals of `validation_loss`, `accuracy` and `balanced_accuracy`, by resampling the
        groups. None in a front of format 1, and where there is only one group.
    """

    expression: Equation
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
    accuracy: float | None = None
    loss_interval: Interval | None = None
    accuracy_interval: Interval | None = None
    balanced_accuracy_interval: Interval | None = None

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
class Law:
    """Equations that say the same of the cells; see `laws`.

    Attributes
    ----------
    expression
        The smallest of them.
    digits
        Significant digits to show.
    members
        Indices of those on the front, smallest first. None of a law that fits the training
        cells as well as the equation in use, but is not on the front.
    found_by
        The searches that found one of them, or one that was shortened to it.
    """

    expression: Equation
    digits: int
    members: tuple[int, ...]
    found_by: tuple[Search, ...]

    @property
    def searches(self) -> tuple[Search, ...]:
        """Those of `found_by` that engines made."""
        return tuple(search for search in self.found_by if search.engine != BY_HAND)


@dataclass(frozen=True)
class Judged:
    """What the numbers of a front are from.

    Attributes
    ----------
    cells, groups
        Cells with a class on which equations were cross-validated, and how many groups they are
        from.
    fitted
        Cells with a class that numbers were fitted to, and of which flips are counted.
    """

    cells: int
    groups: int
    fitted: int


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
    judged
        What its numbers are from; None in a front of format 1.
    searches
        All searches that took part, by hand ones not counted; none in a front of format 1.
    laws
        The equations of the front, and others that are as good, by what they say of the cells;
        none in a front of format 1.
    classes
        Names of the classes if they are more than two, else none: a single score does not say
        what it tells apart.
    """

    candidates: tuple[Candidate, ...]
    chosen: int
    variables: tuple[str, ...]
    judged: Judged | None = None
    searches: tuple[Search, ...] = ()
    laws: tuple[Law, ...] = ()
    classes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        equations = [each.expression for each in self.candidates]
        for scored in [*equations, *(law.expression for law in self.laws)]:
            if (scored.classes if isinstance(scored, ClassScores) else ()) != self.classes:
                raise UserError(f"An equation is not of the classes {_listed(self.classes)}.")
        if not 0 <= self.chosen < len(self.candidates):
            raise UserError(
                f"Equation number {self.chosen} is chosen, but there are {len(self.candidates)}."
            )

    @property
    def choice(self) -> Candidate:
        """The equation in use."""
        return self.candidates[self.chosen]

    def law_of(self, index: int) -> int | None:
        """Index of the law that an equation of the front belongs to, if laws are known."""
        return next((i for i, law in enumerate(self.laws) if index in law.members), None)

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
        more = {"classes": list(self.classes)} if self.classes else {}
        write_json(
            path,
            {
                "format_version": FORMAT_VERSION if self.classes else 2,
                **more,
                "variables": list(self.variables),
                "chosen": self.chosen,
                "judged": None if self.judged is None else dataclasses.asdict(self.judged),
                "searches": [list(search) for search in self.searches],
                "laws": [_as_json(law) for law in self.laws],
                "candidates": [_as_json(candidate) for candidate in self.candidates],
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
        if path.exists() and path.stat().st_size > _MOST_BYTES:
            raise UserError(
                f"The front in {path} has more than {_MOST_BYTES // 10**6} MB, so it is none; "
                "look for equations again."
            )
        content = read_json(path)
        version = content.get("format_version") if isinstance(content, dict) else None
        if type(version) is int and version > FORMAT_VERSION:
            raise UserError(
                f"The front in {path} was written by a newer napari-parsimony (format "
                f"{version}); update to read it."
            )
        try:
            if type(version) is not int or version < 1:
                raise ValueError("its format is unknown")
            return _read(content if version > 1 else _from_format_1(content))
        except (
            KeyError, TypeError, ValueError, AttributeError, OverflowError, UserError,
        ) as error:  # fmt: skip
            what = f"{error} is missing" if isinstance(error, KeyError) else str(error)
            raise UserError(
                f"The front in {path} is damaged ({what[:200]}); look for equations again."
            ) from error


def _as_json(value: Any) -> dict[str, Any]:
    scored = value.expression
    text: str | list[str] = str(scored)
    if isinstance(scored, ClassScores):
        text = [str(each) for each in scored.expressions]
    fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    return {**fields, "expression": text}


def _listed(classes: tuple[str, ...]) -> str:
    return ", ".join(classes) or "of a single score"


def _from_format_1(content: dict[str, Any]) -> dict[str, Any]:
    """Leave unknown what was not written then."""
    later = {
        "accuracy": None,
        "loss_interval": None,
        "accuracy_interval": None,
        "balanced_accuracy_interval": None,
    }
    candidates = [{**entry, **later} for entry in content["candidates"]]
    return {**content, "candidates": candidates, "judged": None, "searches": [], "laws": []}


def _read(content: dict[str, Any]) -> Front:
    variables = tuple(_checked(name, str) for name in content["variables"])
    classes: tuple[str, ...] = ()
    if content["format_version"] > 2:
        classes = tuple(_checked(name, str) for name in content["classes"])
    candidates = tuple(_candidate(entry, variables, classes) for entry in content["candidates"])
    judged = content["judged"]
    if judged is not None:
        judged = Judged(*(_checked(judged[f.name], int) for f in dataclasses.fields(Judged)))
    return Front(
        candidates,
        _checked(content["chosen"], int),
        variables,
        judged,
        tuple(map(_search, content["searches"])),
        tuple(_law(entry, variables, classes, len(candidates)) for entry in content["laws"]),
        classes,
    )


def _equation(value: Any, variables: tuple[str, ...], classes: tuple[str, ...]) -> Equation:
    if not classes:
        return Expression.parse(value, variables)
    texts = [_checked(text, str) for text in _checked(value, list)]
    return ClassScores(classes, tuple(Expression.parse(text, variables) for text in texts))


def _search(entry: Any) -> Search:
    engine, seed = entry
    return Search(_checked(engine, str), _checked(seed, int))


def _law(entry: Any, variables: tuple[str, ...], classes: tuple[str, ...], candidates: int) -> Law:
    members = tuple(_checked(member, int) for member in entry["members"])
    if not all(0 <= member < candidates for member in members):
        raise ValueError("a law is of equations that are not there")
    return Law(
        _equation(entry["expression"], variables, classes),
        _digits(entry["digits"]),
        members,
        tuple(map(_search, entry["found_by"])),
    )


def _candidate(entry: Any, variables: tuple[str, ...], classes: tuple[str, ...]) -> Candidate:
    values: dict[str, Any] = {}
    for field in dataclasses.fields(Candidate):
        value = entry[field.name]
        if field.name == "expression":
            values[field.name] = _equation(value, variables, classes)
        elif field.name == "digits":
            values[field.name] = _digits(value)
        elif field.name.endswith("_interval"):
            values[field.name] = None if value is None else _interval(value)
        elif field.name == "accuracy":
            values[field.name] = None if value is None else _checked(value, float)
        else:
            values[field.name] = _checked(value, field.type)  # type: ignore[arg-type]
    return Candidate(**values)


def _digits(value: Any) -> int:
    if not 1 <= _checked(value, int) <= 17:
        raise ValueError("the number of digits to show is not between 1 and 17")
    return int(value)


def _interval(value: Any) -> Interval:
    low, high = (_checked(bound, float) for bound in value)
    return low, high


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
