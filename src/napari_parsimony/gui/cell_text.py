"""Templates of the text on a cell: only plain names and number formats, nothing that runs."""

import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from string import Formatter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_parsimony.errors import UserError
from napari_parsimony.gui.cell_values import CellValues

LONGEST = 80  # characters of a template

TEXT, TEXT_OF_MANY = "{score:.2f}", "{class} {probability:.0%}"
"""Templates of who chose none, for two classes and for more: those have no one score."""

PRESETS = {
    TEXT: "score",
    "{class}": "class",
    TEXT_OF_MANY: "class, and how probable it is",
    "{uncertainty:.2f}": "uncertainty",
    "{annotation}": "class that people gave",
    "{label}": "number of the cell in its image",
}

NUMBER = r"[+\- ]?(\.[0-9])?[efg%]?"
WHOLE = r"[+\- ]?,?d?"
WORD = r"(\.[0-9]{1,2})?s?"

_FIELDS: dict[str, tuple[str, Callable[[CellValues], Any]]] = {
    "class": (WORD, lambda values: values.class_name),
    "score": (NUMBER, lambda values: values.score),
    "probability": (NUMBER, lambda values: values.confidence),
    "uncertainty": (NUMBER, lambda values: values.uncertainty),
    "annotation": (WORD, lambda values: values.annotation),
    "trust": (WORD, lambda values: values.trust),
    "label": (WHOLE, lambda values: values.cells["label"].to_numpy()),
    "frame": (WHOLE, lambda values: values.cells["frame"].to_numpy()),
    "image": (WORD, lambda values: values.cells["image"].to_numpy(object)),
}

OF_SCORE = frozenset({"class", "score", "probability", "uncertainty"})

FIELDS = {
    "class": "the class that the score gives",
    "score": "the score",
    "probability": "how probable that class is",
    "uncertainty": "0 is certain, 1 is undecided",
    "annotation": "the class that people gave",
    "trust": "'do not trust' on cells unlike those that the VAE was trained on",
    "label": "number of the cell in its image",
    "frame": "frame of a time-lapse",
    "image": "name of the image",
    "z0": "a latent, by its number",
}
"""Names that a template may have, and what they stand for."""


@dataclass(frozen=True)
class Template:
    """A checked template; make it with `Template.parse`.

    Attributes
    ----------
    parts
        Literal text, then the name of what follows it, or None, and its format.
    """

    parts: tuple[tuple[str, str | None, str], ...]

    @classmethod
    def parse(cls, text: str) -> "Template":
        """Read a template such as ``{class} {probability:.0%}``.

        Raises
        ------
        UserError
            Saying what is wrong with it.
        """
        if len(text) > LONGEST:
            raise UserError(f"The text is longer than {LONGEST} characters.")
        try:
            found = list(Formatter().parse(text))
        except ValueError as error:
            raise UserError(
                f"'{text}' is no text for cells ({error}): write names in braces, as in "
                "{score:.2f}."
            ) from error
        parts = []
        for literal, name, form, conversion in found:
            if name is not None:
                _check(name, form or "", conversion)
            parts.append((literal, name, form or ""))
        return cls(tuple(parts))

    @property
    def names(self) -> list[str]:
        """What the template speaks of."""
        return [name for _, name, _ in self.parts if name is not None]

    @property
    def needs_scores(self) -> bool:
        """Whether it speaks of something that cells have only once they have a score."""
        return not OF_SCORE.isdisjoint(self.names)

    def write(self, values: CellValues, rows: NDArray[np.int64]) -> list[str]:
        """Write the text of some cells.

        Raises
        ------
        UserError
            If it speaks of a latent that the study has not.
        """
        columns: list[Iterable[str]] = []
        for literal, name, form in self.parts:
            columns.append([literal] * len(rows))
            if name is not None:
                column = _column(values, name)[rows].tolist()
                columns.append([_written(value, form) for value in column])
        return ["".join(pieces) for pieces in zip(*columns, strict=True)] or [""] * len(rows)


def _check(name: str, form: str, conversion: str | None) -> None:
    latent = re.fullmatch(r"z[0-9]{1,4}", name)
    if name not in _FIELDS and not latent:
        raise UserError(
            f"'{{{name}}}' is nothing that can be written on a cell: use {', '.join(FIELDS)}, z1, …"
        )
    allowed = NUMBER if latent else _FIELDS[name][0]
    if conversion or not re.fullmatch(allowed, form):
        example = {NUMBER: ":.2f or :.0%", WHOLE: ":d", WORD: ":.8, its first letters"}[allowed]
        wrong = f"!{conversion}" if conversion else f":{form}"
        raise UserError(f"'{wrong}' is no format for {{{name}}}: use none, or {example}.")


def _column(values: CellValues, name: str) -> NDArray[Any]:
    if name in _FIELDS:
        found: NDArray[Any] = _FIELDS[name][1](values)
        return found
    if name not in values.latent_names:
        raise UserError(f"The study has no latent {name}, which the text on the cells speaks of.")
    return values.latent(name)


def _written(value: "str | float | None", form: str) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "–"
    text = format(value, form)
    return text if isinstance(value, str) else text.replace("-", "−")
