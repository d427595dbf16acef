"""Which of the classes a cell belongs to."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from napari_parsimony.errors import UserError

SPLITS = ("train", "validation", "test")
FEW = 5  # cells of a class in a split: fewer say next to nothing


def class_targets(
    classes: pd.Series, mapping: Mapping[str, Sequence[str]]
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Turn raw classes into 0, 1, ….

    Parameters
    ----------
    classes
        Raw class of each cell; missing where nobody said.
    mapping
        The classes in order, each with the raw classes it gathers. Empty: all raw classes found,
        in alphabetical order.

    Returns
    -------
    targets
        One float per cell: 0 for the first class, 1 for the second and so on, NaN for cells
        without a class or of a raw class that none gathers.
    names
        The names of the classes.

    Raises
    ------
    UserError
        If there are no two classes to tell apart.
    """
    counts = classes.dropna().astype(str).value_counts().sort_index()
    found = ", ".join(f"{name} ({count})" for name, count in counts.items()) or "none"
    if not mapping:
        if len(counts) < 2:
            raise UserError(
                f"Two classes are needed to train a classifier, and the cells have: {found}; "
                "give more cells a class."
            )
        mapping = {str(name): (str(name),) for name in counts.index}
    if len(mapping) < 2:
        raise UserError("The setting 'classes' names one class only; name two at least.")
    targets = np.full(len(classes), np.nan)
    raw = classes.astype(object).to_numpy()
    for value, (name, members) in enumerate(mapping.items()):
        for member in members:
            if member not in counts.index:
                raise UserError(
                    f"The setting 'classes' gathers the raw class {member!r} into {name!r}, "
                    f"and no cell has it; the cells have: {found}."
                )
            targets[raw == member] = value
    return targets, tuple(mapping)


def count_classes(classes: pd.Series, split: pd.Series) -> pd.DataFrame:
    """Count the cells of each raw class in each split.

    Parameters
    ----------
    classes, split
        Raw class of each cell, missing where nobody said, and its split.

    Returns
    -------
    pandas.DataFrame
        A row for each raw class in alphabetical order, the columns `SPLITS`.
    """
    counts = pd.crosstab(classes.astype(object), split.astype(object))
    return counts.reindex(columns=list(SPLITS), fill_value=0).sort_index()


def too_few(counts: pd.DataFrame, mapping: Mapping[str, Sequence[str]]) -> list[str]:
    """Say in sentences which of the classes has no or hardly any cells in which split.

    Parameters
    ----------
    counts
        From `count_classes`.
    mapping
        The classes, each with the raw classes it gathers.
    """
    sentences = []
    for split in SPLITS:
        for name, members in mapping.items():
            number = int(counts.loc[counts.index.isin(list(members)), split].sum())
            if number == 0:
                sentences.append(
                    f"No {split} cell is '{name}': give more cells this class, in more groups, or "
                    "choose another fold."
                )
            elif number < FEW:
                cells, are = ("cell", "is") if number == 1 else ("cells", "are")
                sentences.append(f"Only {number} {split} {cells} {are} '{name}'.")
    return sentences


def require_all_classes(targets: np.ndarray, part: str, names: Sequence[str]) -> None:
    """Refuse a split on which nothing can be trained or compared.

    Parameters
    ----------
    targets
        Number of the class, from 0, for each cell of the split that has one.
    part
        Name of the split.
    names
        The names of the classes.

    Raises
    ------
    UserError
        Naming the class that is missing.
    """
    for value, name in enumerate(names):
        if not (targets == value).any():
            raise UserError(
                f"No cell of the class {name!r} is in the {part} split; give more cells this "
                "class, in more movies or images, or choose another fold."
            )


def balanced_weights(targets: np.ndarray) -> np.ndarray:
    """Weights with mean 1 under which all classes count the same.

    Parameters
    ----------
    targets
        Number of the class of each cell.
    """
    _, kind, counts = np.unique(targets, return_inverse=True, return_counts=True)
    return (len(targets) / (len(counts) * counts))[kind].astype(np.float32)


def sample_of_each(targets: np.ndarray, most: int, generator: np.random.Generator) -> np.ndarray:
    """Choose some cells, but of a rare class, or of those without one, not too few.

    Parameters
    ----------
    targets
        (N,) number of the class, or NaN.
    most
        How many to choose, about: each kind gets a tenth of them if it has that many.
    generator
        Source of randomness.

    Returns
    -------
    numpy.ndarray
        Rows, ascending; all of them if they are no more than `most`.
    """
    if len(targets) <= most:
        return np.arange(len(targets))
    kinds = np.nan_to_num(targets, nan=-1)
    chosen = []
    for kind in np.unique(kinds):
        rows = np.flatnonzero(kinds == kind)
        number = max(round(most * len(rows) / len(targets)), min(len(rows), most // 10))
        chosen.append(generator.choice(rows, number, replace=False))
    return np.sort(np.concatenate(chosen))
