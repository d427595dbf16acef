"""What the scores of a cell say.

Two classes have one score, above 0 for the second. More have one each, the largest is the answer;
only their differences count, so that they are kept with mean 0.
"""

from collections.abc import Sequence, Sized
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

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


def schemes_in(table: "pd.DataFrame", classes: Sequence[str]) -> list[str]:
    """Name the schemes whose scores a table holds, in its order."""
    if len(classes) == 2:
        return [str(name) for name in table.columns]
    first = f" {classes[0]}"
    return [
        scheme
        for name in map(str, table.columns)
        if set(columns_of(scheme := name.removesuffix(first), classes)) <= set(table.columns)
    ]


def scores_of(table: "pd.DataFrame", scheme: str, classes: Sequence[str]) -> NDArray[np.float64]:
    """Read a scheme's scores out of a table, (N, 1), or (N, classes) for more than two."""
    return table[columns_of(scheme, classes)].to_numpy(np.float64)


def centred(scores: NDArray[F]) -> NDArray[F]:
    """Take the mean over the classes from scores (..., outputs); a single one stays as it is."""
    if scores.shape[-1] == 1:
        return scores
    return np.asarray(scores - scores.mean(-1, keepdims=True), scores.dtype)


def as_outputs(scores: NDArray[F]) -> NDArray[F]:
    """Take (cells,) scores of two classes as (cells, 1), and those of more as they are."""
    return scores[:, None] if scores.ndim == 1 else scores


def named(scores: NDArray[np.floating]) -> NDArray[np.intp]:
    """Say as `decided` which class to name: none, `UNDECIDED`, where it is a draw between two."""
    if scores.shape[-1] == 1:
        draw = scores[..., 0] == 0
    else:
        top = np.partition(scores, -2, axis=-1)
        draw = top[..., -1] == top[..., -2]
    return np.where(draw, UNDECIDED, decided(scores))


def probabilities(scores: NDArray[np.floating]) -> NDArray[np.float64]:
    """Probability of every class, (..., classes), by scores (..., outputs); NaN: not decided."""
    from scipy.special import expit, softmax

    scores = np.asarray(scores, np.float64)
    if scores.shape[-1] == 1:
        second = expit(scores[..., 0])
        return np.stack([1 - second, second], axis=-1)
    return np.asarray(softmax(scores, axis=-1))


def log_odds(scores: NDArray[np.floating]) -> list[NDArray[np.floating]]:
    """Logarithm of the odds of each class against the rest; of two only of the second."""
    from scipy.special import logsumexp

    if scores.shape[1] == 1:
        return [scores[:, 0]]
    return [
        scores[:, kind] - np.asarray(logsumexp(np.delete(scores, kind, axis=1), axis=1))
        for kind in range(scores.shape[1])
    ]


def decided(scores: NDArray[np.floating]) -> NDArray[np.intp]:
    """Say which class the scores (..., outputs) mean; `UNDECIDED` where one of them is NaN."""
    if scores.shape[-1] == 1:
        said = (scores[..., 0] > 0).astype(np.intp)
    else:
        said = np.asarray(np.nan_to_num(scores, nan=-np.inf).argmax(-1))
    return np.where(np.isnan(scores).any(-1), UNDECIDED, said)
