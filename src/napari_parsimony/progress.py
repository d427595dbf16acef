"""How a running step says how far it is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Progress:
    """One report of a running step.

    Attributes
    ----------
    done, total
        Units of work finished and to do in all; ``total`` may be an upper bound (early stopping).
    message
        What is happening, for people.
    values
        Numbers worth plotting, for instance ``{"loss": 301.2, "validation loss": 310.4}``.
    preview
        What there would be if the step ended now, for windows that show it: anything JSON can say.
    """

    done: int
    total: int
    message: str = ""
    values: Mapping[str, float] = field(default_factory=dict)
    preview: Mapping[str, Any] = field(default_factory=dict)


Report = Callable[[Progress], None]


def silent(progress: Progress) -> None:
    """Report to nobody."""


def part_of(report: Report, start: int, end: int, total: int) -> Report:
    """Report one part of a work, from `start` to `end` of `total` units of the whole."""

    def told(progress: Progress) -> None:
        done = start + (end - start) * progress.done // max(1, progress.total)
        report(Progress(done, total, progress.message, progress.values, progress.preview))

    return told
