"""What the table of equations can show of each."""

from collections.abc import Callable
from typing import NamedTuple

from napari_parsimony.symbolic.choice import pysr_scores
from napari_parsimony.symbolic.front import Candidate, Front, Interval

_HELD_OUT = "each group (movie, image) by numbers that were fitted to the other groups"
_RESAMPLED = "its 95 % interval, by resampling groups"


class Column(NamedTuple):
    """A column.

    Attributes
    ----------
    name
        Its head.
    tip
        What it is.
    text
        What it says of the equation of this index.
    """

    name: str
    tip: str
    text: Callable[[Front, int], str]


def _of(write: Callable[[Candidate], str]) -> Callable[[Front, int], str]:
    return lambda front, index: write(front.candidates[index])


def _gain(front: Front, index: int) -> str:
    return f"{pysr_scores(front.candidates)[index]:.3f}"


def _law(front: Front, index: int) -> str:
    law = front.law_of(index)
    return "–" if law is None else str(law + 1)


def _found_by(front: Front, index: int) -> str:
    law = front.law_of(index)
    if law is None:
        return "–"
    return f"{len(front.laws[law].searches)}/{len(front.searches)}"


def percent(value: float | None) -> str:
    """Write a part of 1."""
    return "–" if value is None else f"{value:.1%}"


def percents(interval: Interval | None) -> str:
    """Write an interval of parts of 1."""
    return "–" if interval is None else f"{100 * interval[0]:.1f}–{interval[1]:.1%}"


def _losses(interval: Interval | None) -> str:
    return "–" if interval is None else f"{interval[0]:.3f}–{interval[1]:.3f}"


COLUMNS = (
    Column(
        "size",
        "Expression size: operators, constants and variables, one each.",
        lambda front, index: (
            f"{front.candidates[index].size}{' ★' if index == front.chosen else ''}"
        ),
    ),
    Column(
        "CV loss",
        f"Mean logistic loss in nats, cross-validated: {_HELD_OUT}; ± its standard error.",
        _of(lambda c: f"{c.validation_loss:.3f} ± {c.validation_error:.3f}"),
    ),
    Column("loss 95 %", f"The same loss, {_RESAMPLED}.", _of(lambda c: _losses(c.loss_interval))),
    Column(
        "acc.",
        "Accuracy on held-out cells, by the same cross-validation.",
        _of(lambda c: percent(c.accuracy)),
    ),
    Column(
        "acc. 95 %",
        f"The same accuracy, {_RESAMPLED}.",
        _of(lambda c: percents(c.accuracy_interval)),
    ),
    Column(
        "bal. acc.",
        "Balanced accuracy on held-out cells, by the same cross-validation: both classes count "
        "the same.",
        _of(lambda c: percent(c.balanced_accuracy)),
    ),
    Column(
        "bal. acc. 95 %",
        f"The same balanced accuracy, {_RESAMPLED}.",
        _of(lambda c: percents(c.balanced_accuracy_interval)),
    ),
    Column(
        "agrees",
        "How many of the validation cells are on the side where the sparse network puts them.",
        _of(lambda c: percent(c.agreement)),
    ),
    Column(
        "gain",
        "What this size gains over the next smaller one, as PySR scores it: how fast the logarithm "
        "of the training loss falls with the size. A large number is where the front bends.",
        _gain,
    ),
    Column(
        "flips",
        "How many of the cells that numbers were fitted to change their side when the equation is "
        "rounded as it is shown.",
        _of(lambda c: str(c.flips)),
    ),
    Column("law", "Number of its law: equations of one law say the same of the cells.", _law),
    Column("found by", "How many searches found its law, of how many.", _found_by),
    Column("engine", "Which engine it comes from, shortened or not.", _of(lambda c: c.engine)),
    Column("equation", "The equation; its value is the score.", _of(lambda c: c.unicode())),
)
ALWAYS = ("size", "equation")


def describe(candidate: Candidate) -> str:
    """Say what is known of an equation, for hovering."""
    lines = [
        candidate.unicode(),
        f"size {candidate.size}, found by {candidate.engine}",
        f"cross-validated: loss {candidate.validation_loss:.3f} ± {candidate.validation_error:.3f}"
        f"{_between(_losses(candidate.loss_interval))}, "
        f"balanced accuracy {candidate.balanced_accuracy:.1%}"
        f"{_between(percents(candidate.balanced_accuracy_interval))}",
        f"{candidate.agreement:.1%} of validation cells as the sparse network",
        f"{candidate.flips} cells change their side when it is rounded as shown",
    ]
    return "\n".join(lines)


def _between(interval: str) -> str:
    return "" if interval == "–" else f" (95 %: {interval})"
