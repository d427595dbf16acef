"""The laws of a front in words, the same in the dock, on the command line and in the report."""

from napari_parsimony.symbolic.choice import good_laws
from napari_parsimony.symbolic.front import Front, Law

ABOUT_LAWS = (
    "Equations are one law if they put the same cells on the same side and rank them in the same "
    "order, or are sums of the same terms with other numbers. Good laws are those within one "
    "standard error of the best. A law that one search of many found may be luck; later searches "
    "were told what those before them had found."
)


def agrees(front: Front) -> str:
    """Say what `Candidate.agreement` counts."""
    if front.classes:
        return "that get the class that the sparse network gives them"
    return "on the side where the sparse network puts them"


def flips(front: Front) -> str:
    """Say what `Candidate.flips` counts."""
    return "change their class" if front.classes else "change their side"


def judged_on(front: Front, word: str) -> str:
    """Say which cells losses and accuracies are from.

    Parameters
    ----------
    front
        The equations.
    word
        What a group is called, for instance ``movie``.
    """
    judged = front.judged
    if judged is not None and judged.groups == 1:
        return (
            f"cross-validated over {judged.cells:,} cells of one {word}, so without intervals: "
            "each cell by numbers fitted to others"
        )
    text = f"cross-validated: each {word} by numbers fitted to the other {word}s"
    if judged is not None:
        text += f" ({judged.cells:,} cells of {judged.groups:,} {word}s, with 95 % intervals)"
    return text


def headline(front: Front) -> str:
    """Say how many laws are as good as the best, and how often the one in use was found."""
    if not front.laws:
        return "Laws are not known: search again"
    good = good_laws(front)
    many = "1 good law" if len(good) == 1 else f"{len(good)} good laws"
    in_use = front.law_of(front.chosen)
    assert in_use is not None, "every equation of a front has a law"
    return f"{many}; ★ {found_by(front.laws[in_use], front)}"


def found_by(law: Law, front: Front) -> str:
    """Write for instance ``found by 7 of 10 searches``."""
    searches = law.searches
    by_hand = len(searches) < len(law.found_by)
    if not searches:
        return f"{'by hand; ' if by_hand else ''}found by none of {len(front.searches)} searches"
    plural = "search" if len(front.searches) == 1 else "searches"
    text = f"found by {len(searches)} of {len(front.searches)} {plural}"
    return f"{text} and by hand" if by_hand else text


def law_lines(front: Front) -> list[tuple[int, str]]:
    """Give the number of each law as good as the best, and a line about it."""
    lines = []
    for index in good_laws(front):
        law = front.laws[index]
        star = "★ " if front.chosen in law.members else ""
        sizes = ", ".join(str(front.candidates[member].size) for member in law.members)
        where = f"sizes {sizes}" if len(law.members) > 1 else f"size {sizes}"
        if not law.members:
            where = f"size {law.expression.size}, not on the front"
        text = law.expression.unicode(law.digits)
        lines.append((index, f"{star}{text} ({where}; {found_by(law, front)})"))
    return lines
