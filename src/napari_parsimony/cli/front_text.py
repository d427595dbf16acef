"""A front of equations as lines of text."""

from napari_parsimony.symbolic import summary
from napari_parsimony.symbolic.choice import pysr_scores
from napari_parsimony.symbolic.front import Front

_HEADS = ("size", "loss", "accuracy", "balanced accuracy", "agrees", "gain", "flips", "law")


def lines_of(front: Front, group_word: str) -> list[str]:
    """Make a table of all equations, what its numbers are from, and a line for each law.

    Parameters
    ----------
    front
        The equations.
    group_word
        What a group is called, for instance ``movie``.
    """
    gains = pysr_scores(front.candidates)
    rows = []
    for index, candidate in enumerate(front.candidates):
        law = front.law_of(index)
        rows.append(
            (
                str(candidate.size),
                _number(candidate.validation_loss, candidate.loss_interval, ".4f"),
                _number(candidate.accuracy, candidate.accuracy_interval, ".1%"),
                _number(candidate.balanced_accuracy, candidate.balanced_accuracy_interval, ".1%"),
                f"{candidate.agreement:.1%}",
                f"{gains[index]:.3f}",
                f"{candidate.flips}",
                "–" if law is None else str(law + 1),
            )
        )
    widths = [max(map(len, column)) for column in zip(_HEADS, *rows, strict=True)]

    def line(mark: str, cells: tuple[str, ...], text: str) -> str:
        aligned = (cell.rjust(width) for cell, width in zip(cells, widths, strict=True))
        return f"{mark} {'  '.join(aligned)}  {text}"

    lines = [line(" ", _HEADS, "equation")]
    for index, (row, candidate) in enumerate(zip(rows, front.candidates, strict=True)):
        lines.append(line("*" if index == front.chosen else " ", row, candidate.unicode()))
    lines += ["", *_notes(front, group_word), "", summary.headline(front).replace("★", "*")]
    lines += [f"  law {index + 1}: {text}" for index, text in summary.law_lines(front)]
    return [text.replace("★", "*") for text in lines]


def _notes(front: Front, word: str) -> list[str]:
    """Say which cells the numbers are from."""
    fitted = "" if front.judged is None else f" of {front.judged.fitted:,}"
    return [
        f"loss, accuracy: {summary.judged_on(front, word)}",
        f"agrees: validation cells {summary.agrees(front)}",
        "gain: PySR's score, how fast ln(training loss) falls with the size",
        f"flips: cells{fitted} that {summary.flips(front)} when the equation is rounded as shown",
    ]


def _number(value: float | None, interval: tuple[float, float] | None, form: str) -> str:
    if value is None:
        return "–"
    if interval is None:
        return f"{value:{form}}"
    return f"{value:{form}} [{interval[0]:{form}}, {interval[1]:{form}}]"
