"""An equation as a picture, with long ones broken over lines instead of cut."""

import re
from collections.abc import Sequence
from functools import lru_cache
from threading import Lock
from typing import NamedTuple

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.patches import PathPatch
from matplotlib.path import Path
from matplotlib.textpath import text_to_path
from numpy.typing import NDArray

from napari_parsimony.figures.palette import LIGHT, Theme
from napari_parsimony.figures.style import styled

_READING = Lock()  # matplotlib has one reader of LaTeX for all threads
_PART = re.compile(r"\\left|\\right|\\[a-zA-Z]+|\\.|.", re.DOTALL)
_GAP = 0.45  # between lines, in heights of a letter
_PAD = 6.0  # points around an equation
_DEEPEST = 4  # brackets that a line may end in
_SMALLEST = 6.0  # points; a single fraction wider than the page is made smaller, but stays readable


class Line(NamedTuple):
    """One line of an equation: the parts between which it could be broken, and its extent.

    Attributes
    ----------
    pieces
        LaTeX of each part, in order.
    width, height, depth
        In points; height includes depth.
    """

    pieces: tuple[str, ...]
    width: float
    height: float
    depth: float

    @property
    def latex(self) -> str:
        """All of it."""
        first, *others = self.pieces
        return " ".join([first, *(piece.removeprefix("{} ") for piece in others)])


class Outline(NamedTuple):
    """Outlines of the letters of an equation, as of `matplotlib.path.Path`.

    Attributes
    ----------
    vertices
        (N, 2) in points, from the lower left corner.
    codes
        (N,) what the pen does.
    width, height
        In points, with some room around.
    """

    vertices: NDArray[np.float64]
    codes: NDArray[np.uint8]
    width: float
    height: float


@styled
def equation(
    latex: str,
    left: str = r"\mathrm{score}",
    width: float = 6.5,
    size: float = 14,
    *,
    theme: Theme = LIGHT,
) -> Figure:
    """Draw ``left = latex``.

    Parameters
    ----------
    latex
        What mathtext understands, without dollars; see `Expression.latex`.
    left
        Left side of the equation; nothing if empty.
    width
        Widest that the figure may be, in inches.
    size
        Of the letters, in points; smaller where a part that cannot be broken would not fit.
    theme
        Colours.

    Returns
    -------
    Figure
        As small as the equation allows.
    """
    vertices, codes, wide, high = outline(latex, left, width * 72, size)
    figure = Figure(figsize=(wide / 72, high / 72))
    FigureCanvasAgg(figure)
    path = Path(vertices / 72, codes)
    inches = figure.dpi_scale_trans
    figure.add_artist(PathPatch(path, transform=inches, facecolor=theme.ink, linewidth=0))
    return figure


def outline(latex: str, left: str, width: float, size: float) -> Outline:
    """Lay out ``left = latex``; see `equation`, but for the width, which is in points here."""
    room = width - 2 * _PAD
    lines, indent = break_lines(latex, left, room, size)
    if _widest(lines, indent) > room:  # a fraction cannot be broken, a quotient can
        latex = _flat(latex)
        lines, indent = break_lines(latex, left, room, size)
    while _widest(lines, indent) > room and size > _SMALLEST:
        size = max(_SMALLEST, size - 0.5)
        lines, indent = break_lines(latex, left, room, size)
    gap = _GAP * size
    high = sum(line.height for line in lines) + gap * (len(lines) - 1) + 2 * _PAD
    vertices, codes, top = [], [], high - _PAD
    for index, line in enumerate(lines):
        x, baseline = _PAD + indent * (index > 0), top - (line.height - line.depth)
        for piece in line.pieces:
            letters = _letters(piece)
            vertices.append(letters.vertices * size + (x, baseline))
            codes.append(letters.codes)
            x += letters.width * size
        top -= line.height + gap
    wide = _widest(lines, indent) + 2 * _PAD
    return Outline(np.concatenate(vertices), np.concatenate(codes), wide, high)


def stacked(outlines: Sequence[Outline]) -> Outline:
    """Lay one equation below another, the first at the top."""
    gap = 2 * _GAP * _SMALLEST - 2 * _PAD
    high = sum(each.height for each in outlines) + gap * (len(outlines) - 1)
    vertices, top = [], high
    for each in outlines:
        vertices.append(each.vertices + np.array([0.0, top - each.height]))
        top -= each.height + gap
    codes = np.concatenate([each.codes for each in outlines])
    return Outline(np.concatenate(vertices), codes, max(each.width for each in outlines), high)


def break_lines(latex: str, left: str, width: float, size: float) -> tuple[list[Line], float]:
    """Break an equation before a plus or a minus, at the outermost place that helps.

    Parameters
    ----------
    latex, left, size
        As in `equation`.
    width
        Of a line, in points.

    Returns
    -------
    lines
        At least one. A line is wider than `width` only if nothing in it can be broken.
    indent
        Of all lines but the first, in points.
    """
    latex = _plain_brackets(latex)
    start = f"{left} = " if left else ""
    indent = 2 * size if left else 0.0
    lines: list[Line] = []
    for depth in range(_DEEPEST + 1):
        first, *pieces = _pieces(latex, depth)
        lines, current = [], _line((start + first,), size)
        # after nothing, a plus would be set as a sign, close to what follows
        for piece in (f"{{}} {piece}" for piece in pieces):
            longer = _line((*current.pieces, piece), size)
            if longer.width <= width - indent * bool(lines):
                current = longer
            else:
                lines.append(current)
                current = _line((piece,), size)
        lines.append(current)
        if all(line.width + indent * (i > 0) <= width for i, line in enumerate(lines)):
            break
    return lines, indent


def _line(pieces: tuple[str, ...], size: float) -> Line:
    letters = [_letters(piece) for piece in pieces]
    depth = max(part.depth for part in letters)
    above = max(part.height - part.depth for part in letters)
    width = sum(part.width for part in letters)
    return Line(pieces, width * size, (above + depth) * size, depth * size)


def _widest(lines: list[Line], indent: float) -> float:
    return max(line.width + indent * (index > 0) for index, line in enumerate(lines))


def _flat(latex: str) -> str:
    """Write the fractions that are in no braces as quotients in brackets."""
    parts, out = _PART.findall(latex), ""
    place = 0
    while place < len(parts):
        if parts[place] != "\\frac":
            end = _group(parts, place) if parts[place] == "{" else place + 1
            out += "".join(parts[place:end])
            place = end
            continue
        middle = _group(parts, place + 1)
        end = _group(parts, middle)
        above, below = (
            rf"\left({''.join(parts[start + 1 : stop - 1])}\right)"
            for start, stop in ((place + 1, middle), (middle, end))
        )
        out += rf"{above} \,/\, {below}"
        place = end
    return out


def _group(parts: list[str], place: int) -> int:
    """Where the group that opens at `place` has ended."""
    depth = 0
    for end in range(place, len(parts)):
        depth += (parts[end] == "{") - (parts[end] == "}")
        if depth == 0:
            return end + 1
    raise ValueError("unbalanced braces in LaTeX")


def _plain_brackets(latex: str) -> str:
    r"""Leave ``\left`` and ``\right`` only to brackets around something tall.

    mathtext makes them smaller than letters around letters.
    """
    out: list[str] = []
    opened: list[int] = []
    for part in _PART.findall(latex):
        if part == "\\left":
            opened.append(len(out))
        elif part == "\\right":
            start = opened.pop()
            if out[start + 1] in "(|" and not {"\\frac", "\\sqrt"} & set(out[start:]):
                out[start] = ""
                part = ""
        out.append(part)
    return "".join(out)


def _pieces(latex: str, depth: int) -> list[str]:
    r"""Cut before every plus and minus between terms that is in at most `depth` brackets.

    Brackets that a cut may fall into lose their ``\left`` and ``\right``, which must come in pairs
    on a line.
    """
    pieces, current = [], ""
    brackets, braces, grows, bars = 0, 0, False, False
    for part in _PART.findall(latex):
        if part in ("\\left", "\\right"):
            grows = True
            if part == "\\left":
                brackets += 1
                current += part if brackets > depth or braces else ""
            else:
                current += part if brackets > depth or braces else ""
                brackets -= 1
            continue
        if part == "{":
            braces += 1
        elif part == "}":
            braces -= 1
        elif not grows and part in "([":
            brackets += 1
        elif not grows and part in ")]":
            brackets -= 1
        elif not grows and part == "|":
            bars = not bars
            brackets += 1 if bars else -1
        between = current.rstrip()[-1:] not in (
            "",
            "+",
            "-",
            "(",
            "[",
            ",",
            "=",
            "|" if bars else "",
        )
        if part in "+-" and not braces and brackets <= depth and between:
            pieces.append(current.strip())
            current = ""
        current += part
        grows = False
    return [*pieces, current.strip()]


class _Letters(NamedTuple):
    """Outlines of one part of an equation, and its extent, for letters of one point."""

    vertices: NDArray[np.float64]
    codes: NDArray[np.uint8]
    width: float
    height: float
    depth: float


@lru_cache(maxsize=2048)
def _letters(latex: str) -> _Letters:
    """Outline a part; reading LaTeX takes far longer than all that is done with it."""
    scale = text_to_path.FONT_SCALE
    font = FontProperties(family=["DejaVu Sans"], size=scale, math_fontfamily="cm")
    text = f"${latex}$"
    with _READING:
        extent = text_to_path.get_text_width_height_descent(text, font, ismath=True)
        vertices, codes = text_to_path.get_text_path(font, text, ismath=True)
    width, height, depth = (float(value) / scale for value in extent)
    places = np.asarray(vertices, np.float64).reshape(-1, 2) / scale
    return _Letters(places, np.asarray(codes, np.uint8), width, height, depth)
