"""What the scores of a cell say.

Two classes have one score, above 0 for the second. More have one each, the largest is the answer;
only their differences count, so that they are kept with mean 0.
"""

from collections.abc import Sequence, Sized
from typing import TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

UNDECIDED = -1

F = TypeVar("F", bound=np.floating)


def outputs_for(classes: Sized) -> int:
    """Count the scores that tell so many classes apart."""
    return 1 if len(classes) == 2 else len(classes)


def class_count(scores: NDArray[np.floating]) -> int:
    """Count the classes that scores (..., outputs) tell apart."""
    return max(2, scores.shape[-1])


def columns_of(scheme: str, classes: Sequence[str]) -> list[str]:
    """Name the columns that hold a scheme's scores: its own name, or one for each class."""
    if len(classes) == 2:
        return [scheme]
    return [f"{scheme} {name}" for name in classes]


def schemes_in(table: pd.DataFrame, classes: Sequence[str]) -> list[str]:
    """Name the schemes whose scores a table holds, in its order."""
    if len(classes) == 2:
        return [str(name) for name in table.columns]
    first = f" {classes[0]}"
    return [
        scheme
        for name in map(str, table.columns)
        if set(columns_of(scheme := name.removesuffix(first), classes)) <= set(table.columns)
    ]


def scores_of(table: pd.DataFrame, scheme: str, classes: Sequence[str]) -> NDArray[np.float64]:
    """Read a scheme's scores out of a table, (N, 1), or (N, classes) for more than two."""
    return table[columns_of(scheme, classes)].to_numpy(np.float64)


def centred(scores: NDArray[F]) -> NDArray[F]:
    """Take the mean over the classes from scores (..., outputs); a single one stays as it is."""
    if scores.shape[-1] == 1:
        return scores
    return np.asarray(scores - scores.mean(-1, keepdims=True), scores.dtype)


def decided(scores: NDArray[np.floating]) -> NDArray[np.intp]:
    """Say which class the scores (..., outputs) mean; `UNDECIDED` where one of them is NaN."""
    if scores.shape[-1] == 1:
        said = (scores[..., 0] > 0).astype(np.intp)
    else:
        said = np.asarray(np.nan_to_num(scores, nan=-np.inf).argmax(-1))
    return np.where(np.isnan(scores).any(-1), UNDECIDED, said)
