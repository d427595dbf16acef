"""Equations that people give to a search: written by hand, or found elsewhere."""

from napari_parsimony.errors import UserError
from napari_parsimony.symbolic.class_scores import ZERO, ClassScores
from napari_parsimony.symbolic.config import EquationsConfig
from napari_parsimony.symbolic.expression import Expression
from napari_parsimony.symbolic.front import BY_HAND, Search
from napari_parsimony.symbolic.hall_of_fame import read_hall_of_fame
from napari_parsimony.symbolic.parse import MAX_CHARACTERS
from napari_parsimony.symbolic.template import Template

_FROM_FILE = "pysr (file)"

Given = dict[Expression, Search]


def given_equations(
    names: tuple[str, ...], config: EquationsConfig, classes: tuple[str, ...]
) -> tuple[list[Given], dict[ClassScores, Search]]:
    """Read what people give.

    Parameters
    ----------
    names
        Latents that may be read.
    config
        ``by_hand``, ``hall_of_fame`` and ``pysr_template``. Of more than two classes an equation
        by hand may say whose it is, ``interphase: z3 - 1``; others, and those from a file, are for
        every class.
    classes
        Names of the classes if they are more than two.

    Returns
    -------
    given
        Expressions with where they come from, for each class; one item for a single score.
    whole
        What was written by hand for several classes, as it stands.

    Raises
    ------
    UserError
        If something cannot be read, or reads anything but these latents.
    """
    by_hand, from_file = Search(BY_HAND, config.seed), Search(_FROM_FILE, config.seed)
    given: list[Given] = [{} for _ in classes or ("score",)]
    whole: dict[str, Expression] = {}
    for name, expression in _by_hand(names, config, classes):
        for which, mine in enumerate(given):
            if not name or name == classes[which]:
                mine[expression] = by_hand
        if name:
            whole.setdefault(name, expression)
    template = Template.read(config.pysr_template, names)
    if config.hall_of_fame is not None:
        for line in read_hall_of_fame(config.hall_of_fame, names, template):
            for mine in given:
                mine.setdefault(line.expression.simplified(), from_file)
    if not whole:
        return given, {}
    joint = ClassScores(classes, tuple(whole.get(name, ZERO) for name in classes))
    return given, {joint: by_hand}


def reference_of(config: EquationsConfig, classes: tuple[str, ...]) -> int | None:
    """Find the number of the class that others are held against, None for their mean.

    Raises
    ------
    UserError
        If there is no class of that name.
    """
    if not config.reference:
        return None
    if config.reference not in classes:
        raise UserError(
            f"The reference '{config.reference}' is none of the classes {', '.join(classes)}: "
            "choose one of them, or empty the setting."
        )
    return classes.index(config.reference)


def _by_hand(
    names: tuple[str, ...], config: EquationsConfig, classes: tuple[str, ...]
) -> list[tuple[str, Expression]]:
    """Read name of the class, if it says one, and equation."""
    if len(config.by_hand) > MAX_CHARACTERS:
        raise UserError(
            f"The equations by hand have {len(config.by_hand):,} characters; more than "
            f"{MAX_CHARACTERS:,} are not read."
        )
    found = []
    for entry in filter(str.strip, config.by_hand.split(";")):
        name, colon, text = entry.rpartition(":") if classes else ("", "", entry)
        if colon and name.strip() not in classes:
            raise UserError(
                f"The equation by hand '{entry.strip()[:60]}' is for '{name.strip()[:40]}', which "
                f"is none of the classes {', '.join(classes)}."
            )
        found.append((name.strip(), Expression.parse(text)))
    for _, expression in found:
        strange = [name for name in expression.variables if name not in names]
        if strange:
            raise UserError(
                f"The equation by hand '{str(expression)[:60]}' reads {strange[0]}, but the search "
                f"knows only what the sparse network uses: {', '.join(names)}."
            )
    return found
