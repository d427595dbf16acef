"""PySR's ``hall_of_fame.csv``: equations found elsewhere, and ours for PySR to read.

The text is parsed by us. So no Julia is needed, and nothing in a file is ever run; the pickled
``checkpoint.pkl`` that lies beside it is not opened.
"""

import csv
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from napari_parsimony.errors import UserError
from napari_parsimony.symbolic.class_scores import expressions_of
from napari_parsimony.symbolic.expression import Expression, renamed
from napari_parsimony.symbolic.render import julia
from napari_parsimony.symbolic.template import Template

if TYPE_CHECKING:
    from napari_parsimony.symbolic.front import Front

NAME = "hall_of_fame.csv"
COLUMNS = ("complexity", "loss", "equation")
MOST_BYTES = 2_000_000  # a hundred equations of PySR's largest size have a tenth of it
_NUMBERED = re.compile(r"x(0|[1-9]\d{0,3})")


@dataclass(frozen=True)
class Member:
    """One line of a hall of fame.

    Attributes
    ----------
    expression
        The equation, of the latents here.
    complexity, loss
        As PySR counted; the loss may be infinite or NaN.
    """

    expression: Expression
    complexity: float
    loss: float


def read_hall_of_fame(
    path: Path, variables: Sequence[str], template: Template | None = None
) -> list[Member]:
    """Read the equations of a run of PySR.

    Parameters
    ----------
    path
        A ``hall_of_fame.csv``, or the folder of the run in which it lies. While PySR writes the
        file, the copy ``.bak`` beside it is whole, and is read instead.
    variables
        The latents here. Equations must read them by name, or as ``x0``, ``x1``, … in this order.
    template
        The form into which PySR was told to put the functions that it finds.

    Raises
    ------
    UserError
        If there is no such file, it is damaged, or it reads anything else.
    """
    file = _file(path)
    failures = []
    for place in (file, file.with_name(f"{file.name}.bak")):
        if place == file or place.exists():
            try:
                return _members(place, variables, template)
            except UserError as error:
                failures.append(error)
    raise failures[0]


def hall_of_fame(front: "Front", name: str = "") -> str:
    """Write a front as PySR does: its loss is the logistic loss on the training cells.

    Parameters
    ----------
    front
        The equations.
    name
        Whose expressions, where there are more than two classes: PySR's file holds one score. The
        loss of an expression is then that of the best equation in which it stands.

    Raises
    ------
    UserError
        If there are more than two classes, and it is none of them.
    """
    if not front.classes:
        return written((expressions_of(c.expression)[0], c.train_loss) for c in front.candidates)
    if name not in front.classes:
        raise UserError(
            "A hall_of_fame.csv holds one score for each equation, but these have one for each of "
            f"{', '.join(front.classes)}: write one file for each class."
        )
    which = front.classes.index(name)
    members = [(expressions_of(c.expression)[which], c.train_loss) for c in front.candidates]
    best: list[tuple[Expression, float]] = []
    for expression, loss in sorted(members, key=lambda m: (m[0].size, m[1])):
        if not best or loss < best[-1][1]:
            best.append((expression, loss))
    return written(best)


def hall_of_fame_files(front: "Front", path: Path) -> dict[Path, str]:
    """Give the files to write for a front, with what stands in them: one, or one for each class."""
    if not front.classes:
        return {path: hall_of_fame(front)}
    files: dict[Path, str] = {}
    for name in front.classes:
        plain = re.sub(r"[^\w-]+", "_", name)
        file = path.with_name(f"{path.stem}-{plain}{path.suffix}")
        if file in files:
            raise UserError(f"Two classes would be written to {file}: give them other names.")
        files[file] = hall_of_fame(front, name)
    return files


def written(members: Iterable[tuple[Expression, float]]) -> str:
    """Write equations and their losses as PySR does."""
    lines = [f'{found.size},{loss!r},"{julia(found)}"' for found, loss in members]
    return "\n".join(["Complexity,Loss,Equation", *lines]) + "\n"


def numbered(variables: Sequence[str]) -> dict[str, str]:
    """Names of latents by PySR's own: ``{"x0": "z3", …}``."""
    return {f"x{index}": name for index, name in enumerate(variables)}


def _file(path: Path) -> Path:
    if not path.is_dir():
        return path
    file = path / NAME
    if file.exists() or file.with_name(f"{NAME}.bak").exists():
        return file
    several = sorted(p.name for p in path.glob("hall_of_fame_output*.csv"))
    runs = sorted(p.parent.name for p in path.glob(f"*/{NAME}"))
    hint = ""
    if several or runs:
        hint = f": choose one of {', '.join((several or runs)[:5])} in it"
    raise UserError(f"The folder {path} has no {NAME}{hint}.")


def _members(file: Path, variables: Sequence[str], template: Template | None) -> list[Member]:
    members = []
    names: set[str] = set()
    for number, (complexity, loss, text) in _rows(file):
        try:
            if "=" not in text:
                expression = Expression.parse(text)
            elif template is not None:
                expression = template.filled(text)
            else:
                raise UserError(
                    "it is of a template (TemplateExpressionSpec): write that into the setting "
                    "'pysr_template', with the latents' names."
                )
        except UserError as error:
            raise UserError(f"In line {number} of {file}: {error}") from error
        names.update(expression.variables)
        members.append((expression, complexity, loss))
    if not members:
        raise UserError(f"The file {file} has no equations in it.")
    meant = _meant(file, names, variables)
    return [Member(renamed(expression, meant), c, loss) for expression, c, loss in members]


def _meant(file: Path, names: set[str], variables: Sequence[str]) -> dict[str, str]:
    """Find the latent that each name in a file means."""
    if names <= set(variables):
        return {name: name for name in names}
    by_order = numbered(variables)
    if names <= set(by_order):
        return by_order
    strange = min(names - set(variables) - set(by_order), default=min(names - set(variables)))
    here = f"the latents are {', '.join(variables)}"
    if all(_NUMBERED.fullmatch(name) for name in names):
        raise UserError(
            f"The equations in {file} read {strange}, but x0 to x{len(variables) - 1} stand for "
            f"the {len(variables)} latents that the sparse network uses ({', '.join(variables)})."
        )
    raise UserError(
        f"The equations in {file} read '{strange}', but {here}: rename the variables in the "
        "file to these, or to x0, x1, … in this order."
    )


def _rows(file: Path) -> list[tuple[int, tuple[float, float, str]]]:
    """Numbers of lines, and what stands in them."""
    try:
        if file.stat().st_size > MOST_BYTES:
            raise UserError(
                f"The file {file} is larger than {MOST_BYTES // 1_000_000} MB: it is no {NAME}."
            )
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise UserError(f"The file {file} cannot be read: {error.strerror or error}.") from error
    except UnicodeDecodeError as error:
        raise UserError(f"The file {file} is no {NAME}: it is not text.") from error
    reader = csv.reader(lines, strict=True)
    found = []
    try:
        header = [name.strip().lower() for name in next(reader, [])]
        if not set(COLUMNS) <= set(header):
            raise UserError(
                f"The file {file} is no {NAME}: its first line is not 'Complexity,Loss,Equation'."
            )
        places = [header.index(name) for name in COLUMNS]
        for row in reader:
            if not row:
                continue
            if len(row) != len(header):
                raise ValueError(f"{len(row)} values stand where {len(header)} belong")
            complexity, loss, text = (row[place] for place in places)
            found.append((reader.line_num, (_number(complexity), _number(loss), text)))
    except (ValueError, csv.Error) as error:
        raise UserError(f"In line {reader.line_num} of {file}: {str(error)[:100]}.") from error
    return found


def _number(text: str) -> float:
    """Read a number as Julia writes it, for instance ``1.5f0``."""
    word = text.strip()
    if word.lower().lstrip("+-") in ("inf", "nan", "inf32", "nan32"):
        return math.nan if word.lower().lstrip("+-")[0] == "n" else math.inf
    if not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eEf][+-]?\d+)?", word):
        raise ValueError(f"'{word[:20]}' is not a number")
    return float(word.replace("f", "e"))
