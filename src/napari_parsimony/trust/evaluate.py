"""Compare the schemes on held-out cells."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from napari_parsimony import bootstrap
from napari_parsimony.classify.scores import schemes_in, scores_of
from napari_parsimony.errors import UserError
from napari_parsimony.trust import metrics
from napari_parsimony.trust.config import EvaluateConfig
from napari_parsimony.trust.schemes import TITLES, Complexity, Estimate, Scheme, Schemes

REFERENCE = "black_box"
MOST_CLASSES = 100

_WEAKER = 0.02  # in balanced accuracy: more than this is no fair benchmark
_FEW_GROUPS = 10
_FEW_CELLS = 10


class Pooled(NamedTuple):
    """Test predictions of several studies in one table, for `compare`."""

    scores: pd.DataFrame
    target: NDArray[np.intp]
    groups: NDArray[np.str_]
    folds: NDArray[np.intp]


def pool(parts: Sequence[tuple[pd.DataFrame, ArrayLike, ArrayLike]]) -> Pooled:
    """Put the test predictions of the folds of one data set under each other.

    Parameters
    ----------
    parts
        For each fold its (n, K) scores, (n,) target and (n,) groups, test cells only.

    Raises
    ------
    UserError
        If the folds hold different schemes, or share a group: its cells would count twice.
    ValueError
        If a target is no number of a class.
    """
    if not parts:
        raise UserError("There are no predictions to pool: evaluate at least one study first.")
    names = list(parts[0][0].columns)
    seen: set[str] = set()
    for scores, _, groups in parts:
        if list(scores.columns) != names:
            raise UserError(
                f"The studies hold different schemes ({', '.join(names)} and "
                f"{', '.join(map(str, scores.columns))}): evaluate them with the same settings."
            )
        here = set(np.asarray(groups, dtype=str).tolist())
        if twice := seen & here:
            raise UserError(
                f"The group '{min(twice)}' is held out in two of the studies: pool studies that "
                "differ only in the setting 'fold'."
            )
        seen |= here
    return Pooled(
        pd.concat([scores for scores, _, _ in parts], ignore_index=True),
        np.concatenate([_numbers(target) for _, target, _ in parts]),
        np.concatenate([np.asarray(groups, dtype=str) for _, _, groups in parts]),
        np.repeat(np.arange(len(parts)), [len(scores) for scores, _, _ in parts]),
    )


def _numbers(target: ArrayLike) -> NDArray[np.intp]:
    """Check the numbers of the classes; NaN has none."""
    values = np.asarray(target, np.float64)
    if not np.isin(values, np.arange(MOST_CLASSES)).all():
        raise ValueError("targets other than numbers of classes")
    return values.astype(np.intp)


def evaluate(
    scores: pd.DataFrame,
    target: ArrayLike,
    split: ArrayLike,
    groups: ArrayLike,
    complexity: Mapping[str, Complexity],
    config: EvaluateConfig,
    classes: Sequence[str] = ("negative", "positive"),
    group_word: str = "movie",
    notes: Sequence[str] = (),
) -> Schemes:
    """Compare the schemes on the cells of the test split; see `compare`.

    Parameters
    ----------
    target
        (N,) number of the class, NaN for cells of none: they are left out.
    split
        (N,) "train", "validation" or "test".
    """
    known = np.isfinite(np.asarray(target, dtype=np.float64))
    held_out = known & (np.asarray(split, dtype=str) == "test")
    if not held_out.any():
        raise UserError(
            "No cell with a class is held out for testing: give more movies classes, or choose "
            "another fold in the cells step."
        )
    return compare(
        scores.loc[held_out],
        np.asarray(target)[held_out],
        np.asarray(groups)[held_out],
        complexity,
        config,
        classes,
        group_word=group_word,
        notes=notes,
    )


def compare(
    scores: pd.DataFrame,
    target: ArrayLike,
    groups: ArrayLike,
    complexity: Mapping[str, Complexity],
    config: EvaluateConfig,
    classes: Sequence[str] = ("negative", "positive"),
    folds: ArrayLike | None = None,
    group_word: str = "movie",
    notes: Sequence[str] = (),
) -> Schemes:
    """Metrics, intervals and ratios to the black box of each scheme.

    Parameters
    ----------
    scores
        Of N held-out cells, the columns `classify.scores.columns_of` each scheme, in the order to
        be shown. NaN: the scheme does not decide, which is counted as wrong.
    target
        (N,) number of the class.
    groups
        (N,) movie of each cell: what is drawn anew in a resample.
    complexity
        Parameters and expression size for each scheme.
    config
        Number of resamples, confidence, seed.
    classes
        Names of the classes.
    folds
        (N,) which model scored a cell, where several did; see `pool`.
    group_word
        What a group is, for the notes: movie, image or tile.
    notes
        Sentences to keep with the numbers.

    Raises
    ------
    UserError
        If there are no cells, or the arrays do not belong together.
    """
    numbers = _numbers(target)
    if len(scores) == 0:
        raise UserError("There are no held-out cells with a class to evaluate the schemes on.")
    if not len(scores) == len(numbers) == len(np.asarray(groups)):
        raise UserError(
            f"There are {len(scores)} scores for {len(numbers)} classes and "
            f"{len(np.asarray(groups))} groups: they must belong to the same cells."
        )
    names, group = bootstrap.encode(np.asarray(groups))
    fold = None if folds is None else np.asarray(folds)
    plain = np.ones((1, len(names)))
    drawn = bootstrap.draw(len(names), config.resamples, config.seed)
    cells = np.bincount(numbers, minlength=len(classes)).tolist()
    why = _no_interval(len(names), cells, group_word)
    schemes = schemes_in(scores, classes)

    values: dict[str, dict[str, NDArray]] = {}
    samples: dict[str, dict[str, NDArray]] = {}
    wrong: dict[str, dict[str, int]] = {}
    for name in schemes:
        each = scores_of(scores, name, classes)
        values[name] = metrics.metrics(each, numbers, group, plain, fold)
        if len(names) > 1:
            samples[name] = metrics.metrics(each, numbers, group, drawn, fold)
        table = metrics.confusion(each, numbers)
        undecided, right = int(table[:, -1].sum()), int(table.diagonal().sum())
        wrong[name] = {"wrong": len(numbers) - right, "not_decided": undecided}

    def estimate(name: str, metric: str, divide: bool = False) -> Estimate:
        value = values[name][metric][0]
        spread = samples[name][metric] if samples else np.empty(0)
        if divide:
            with np.errstate(divide="ignore", invalid="ignore"):
                value = value / values[REFERENCE][metric][0]
                spread = spread / samples[REFERENCE][metric] if samples else spread
        return _estimate(float(value), spread, config.confidence, why)

    rows = []
    for name in schemes:
        compared = REFERENCE in schemes and name != REFERENCE
        fields: dict[str, object] = {metric: estimate(name, metric) for metric in metrics.METRICS}
        if compared:
            fields |= {
                f"{metric}_ratio": estimate(name, metric, divide=True) for metric in metrics.METRICS
            }
        rows.append(
            Scheme.model_validate(
                {
                    "name": name,
                    "title": TITLES.get(name, name),
                    "complexity": complexity.get(name, Complexity()),
                    **wrong[name],
                    **fields,
                    **_ratios(name, complexity),
                }
            )
        )
    number = 1 if fold is None else len(np.unique(fold))
    return Schemes(
        classes=tuple(classes),
        cells=tuple(cells),
        groups=len(names),
        group_word=group_word,
        folds=number,
        resamples=config.resamples,
        confidence=config.confidence,
        seed=config.seed,
        schemes=tuple(rows),
        notes=(*_notes(rows, classes, cells, len(names), number, group_word), *notes),
    )


def _no_interval(groups: int, cells: Sequence[int], word: str) -> str:
    if sum(map(bool, cells)) < 2:
        return "all held-out cells are of one class"
    return f"all held-out cells are from one {word}" if groups < 2 else ""


def _estimate(value: float, spread: NDArray, confidence: float, why: str) -> Estimate:
    if not np.isfinite(value):
        return Estimate(value=None, reason=why or "the black box's own number is zero")
    if why:
        return Estimate(value=value, reason=why)
    bounds = bootstrap.interval(spread, confidence)
    if bounds is None:
        return Estimate(value=value, reason="most resamples hold cells of one class only")
    return Estimate(value=value, low=bounds[0], high=bounds[1])


def _ratios(name: str, complexity: Mapping[str, Complexity]) -> dict[str, float | None]:
    ratios: dict[str, float | None] = {}
    for field in ("parameters", "expression_size"):
        mine = getattr(complexity.get(name), field, None)
        for other, suffix in ((REFERENCE, ""), ("dense", "_dense")):
            theirs = getattr(complexity.get(other), field, None)
            ratios[f"{field}_ratio{suffix}"] = (
                mine / theirs if mine is not None and theirs and name != other else None
            )
    return ratios


def _notes(
    rows: Sequence[Scheme],
    classes: Sequence[str],
    cells: Sequence[int],
    groups: int,
    folds: int,
    word: str,
) -> list[str]:
    """Say in sentences what the numbers cannot."""
    notes = []
    if groups < _FEW_GROUPS:
        notes.append(
            f"The held-out numbers come from {groups} {word}{'s' if groups > 1 else ''} only: "
            + (
                "there is nothing to resample, so no interval can be given."
                if groups == 1
                else "intervals from so few are too narrow."
            )
        )
    if word == "tile":
        notes.append(
            "Crops at the edge of a tile show part of the next one, so that some of the held-out "
            "pixels were trained on: cells of images of their own would be a stricter test."
        )
    for name, number in zip(classes, cells, strict=True):
        if number < _FEW_CELLS:
            notes.append(f"Only {number} held-out cells are {name}.")
    if max(cells) > 3 * min(cells):
        share = max(cells) / sum(cells)
        notes.append(
            f"The classes are uneven: always answering {classes[int(np.argmax(cells))]} would have "
            f"an accuracy of {share:.2f}. Read the balanced accuracy."
        )
    for row in rows:
        if row.not_decided:
            notes.append(
                f"{row.title.capitalize()}: {row.not_decided} of {sum(cells)} held-out "
                "cells are not decided, and counted as wrong."
            )
    known = {row.name: row.balanced_accuracy.value for row in rows}
    others = [value for name, value in known.items() if name != REFERENCE and value is not None]
    box = known.get(REFERENCE)
    if box is not None and others and box < max(others) - _WEAKER:
        notes.append(
            f"The black box, at a balanced accuracy of {box:.2f}, is not the best of these "
            f"({max(others):.2f}): ratios to it flatter the other schemes. Train it longer or from "
            "more starts."
        )
    if folds > 1:
        notes.append(
            f"{folds} models scored the cells, each those it had not seen; the AUC compares cells "
            "of one model only."
        )
    return notes
