"""An equation as a picture, with long ones broken over lines instead of cut."""

import re
from functools import lru_cache
from typing import NamedTuple

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.mathtext import MathTextParser

from napari_parsimony.figures.palette import LIGHT, Theme
from napari_parsimony.figures.style import styled

_PART = re.compile(r"\\left|\\right|\\[a-zA-Z]+|\\.|.", re.DOTALL)
_GAP = 0.45  # between lines, in heights of a letter
_DEEPEST = 4  # brackets that a line may end in
_SMALLEST = 6.0  # points; a single fraction wider than the page is made smaller, but stays readable


class Line(NamedTuple):
    """One line of an equation: its LaTeX and its extent in points."""

    latex: str
    width: float
    height: float
    depth: float


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
    pad = 6.0
    room = width * 72 - 2 * pad
    lines, indent = break_lines(latex, left, room, size)
    if _widest(lines, indent) > room:  # a fraction cannot be broken, a quotient can
        latex = _flat(latex)
        lines, indent = break_lines(latex, left, room, size)
    while _widest(lines, indent) > room and size > _SMALLEST:
        size = max(_SMALLEST, size - 0.5)
        lines, indent = break_lines(latex, left, room, size)
    widest = _widest(lines, indent)
    gap = _GAP * size
    heights = [line.height for line in lines]
    total = sum(heights) + gap * (len(lines) - 1) + 2 * pad
    figure = Figure(figsize=((widest + 2 * pad) / 72, total / 72))
    FigureCanvasAgg(figure)
    top = total - pad
    for index, line in enumerate(lines):
        baseline = top - (line.height - line.depth)
        figure.text(
            (pad + indent * (index > 0)) / (widest + 2 * pad),
            baseline / total,
            f"${line.latex}$",
            size=size,
            ha="left",
            va="baseline",
            color=theme.ink,
        )
        top -= line.height + gap
    return figure


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
        pieces = _pieces(latex, depth)
        lines, current = [], start + pieces[0]
        for piece in pieces[1:]:
            room = width - indent * bool(lines)
            if _measure(f"{current} {piece}", size).width <= room:
                current = f"{current} {piece}"
            else:
                lines.append(_measure(current, size))
                # after nothing, a plus would be set as a sign, close to what follows
                current = f"{{}} {piece}"
        lines.append(_measure(current, size))
        if all(line.width + indent * (i > 0) <= width for i, line in enumerate(lines)):
            break
    return lines, indent


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
            if out[start + 1] == "(" and not {"\\frac", "\\sqrt"} & set(out[start:]):
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
    brackets, braces, grows = 0, 0, False
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
        between = current.rstrip()[-1:] not in ("", "+", "-", "(", "[", ",", "=")
        if part in "+-" and not braces and brackets <= depth and between:
            pieces.append(current.strip())
            current = ""
        current += part
        grows = False
    return [*pieces, current.strip()]


@lru_cache(maxsize=512)
def _measure(latex: str, size: float) -> Line:
    parser = MathTextParser("path")
    font = FontProperties(family=["DejaVu Sans"], size=size, math_fontfamily="cm")
    box = parser.parse(f"${latex}$", dpi=72, prop=font)
    return Line(latex, box.width, box.height + box.depth, box.depth)
