"""The cells that equations are fitted to and judged on."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_parsimony.classify.scores import class_count
from napari_parsimony.classify.targets import SPLITS, sample_of_each
from napari_parsimony.errors import UserError
from napari_parsimony.symbolic.config import EquationsConfig
from napari_parsimony.symbolic.engines.base import Problem
from napari_parsimony.symbolic.losses import Floats, own_odds


@dataclass(frozen=True)
class SplitCells:
    """The cells of one split; logits are (cells,), or (cells, classes) of more than two."""

    values: Floats
    logits: Floats
    target: Floats  # NaN: no class
    groups: NDArray
    fresh: NDArray[np.bool_]  # the class had no say in the latents

    def labelled(self) -> "SplitCells":
        """Those with a class."""
        return self.take(~np.isnan(self.target))

    def take(self, rows: NDArray) -> "SplitCells":
        """Take some of the cells, by index or mask."""
        return SplitCells(*(values[rows] for values in vars(self).values()))

    def joined(self, other: "SplitCells") -> "SplitCells":
        """Put these cells and others together."""
        pairs = zip(vars(self).values(), vars(other).values(), strict=True)
        return SplitCells(*(np.concatenate(pair) for pair in pairs))

    def sample(self, most: int, seed: int) -> "SplitCells":
        """Draw at most so many, as evenly from all classes as there are."""
        return self.take(sample_of_each(self.target, most, np.random.default_rng(seed)))


def split_cells(
    latents: pd.DataFrame,
    logits: NDArray,
    target: NDArray,
    split: NDArray,
    groups: NDArray,
    guided: bool,
) -> tuple[SplitCells, SplitCells]:
    """Take the training and the validation cells out of all, as `search.search_front` gets them.

    Raises
    ------
    UserError
        If they cannot be learned from.
    """
    lengths = {len(latents), len(logits), len(target), len(split), len(groups)}
    if len(lengths) > 1:
        raise ValueError(f"columns of different lengths: {sorted(lengths)}")
    split, target = np.asarray(split), np.asarray(target, np.float64)
    strange = set(np.unique(split.astype(str))) - set(SPLITS)
    if strange:
        raise UserError(f"Cells are in the split '{min(strange)}'; use {', '.join(SPLITS)}.")
    if latents.shape[1] == 0:
        raise UserError(
            "The sparse network uses no latent, so there is nothing to make an equation of; "
            "train it with a lower sparsity."
        )
    kinds = class_count(logits if np.ndim(logits) == 2 else np.reshape(logits, (-1, 1)))
    if not np.isin(target[~np.isnan(target)], np.arange(kinds)).all():
        raise ValueError("targets other than numbers of classes and NaN")
    both = []
    for name in SPLITS[:2]:
        rows = split == name
        values = latents.to_numpy(np.float64)[rows]
        cells = SplitCells(
            values,
            np.asarray(logits, np.float64)[rows],
            target[rows],
            np.asarray(groups)[rows],
            np.full(len(values), not guided or name == "validation"),
        )
        if not (np.isfinite(values).all() and np.isfinite(cells.logits).all()):
            raise UserError(
                f"Some {name} cells have a latent or a score that is not a finite number; "
                "train the model again."
            )
        if len(np.unique(cells.labelled().target)) < kinds:
            raise UserError(
                f"The {name} cells are not of {'both' if kinds == 2 else 'all'} classes; give more "
                "cells a class, or choose another fold."
            )
        both.append(cells)
    return both[0], both[1]


def problem_of(train: SplitCells, names: tuple[str, ...], config: EquationsConfig) -> Problem:
    """Choose what engines imitate: the scores near the decision, or the classes as ±1."""
    if config.target == "labels":
        cells = train.labelled().sample(config.cells, config.seed)
        return Problem(cells.values, names, 2 * cells.target - 1, config)
    cells = _uncertain(train, np.abs(train.logits), config)
    return Problem(cells.values, names, cells.logits, config)


def problem_of_class(
    train: SplitCells,
    names: tuple[str, ...],
    config: EquationsConfig,
    which: int,
    reference: int | None,
) -> Problem:
    """Choose what engines imitate for one of more than two classes; see `contrasted`."""
    if config.target == "labels":
        cells = train.labelled().sample(config.cells, config.seed)
        told = 2.0 * (cells.target[:, None] == np.arange(train.logits.shape[1])) - 1
        return Problem(cells.values, names, contrasted(told, reference)[:, which], config)
    cells = _uncertain(train, np.abs(_odds(train.logits, which, reference)), config)
    return Problem(cells.values, names, contrasted(cells.logits, reference)[:, which], config)


def _odds(scores: Floats, which: int, reference: int | None) -> Floats:
    """Log-odds of a class against the reference, or against all others."""
    if reference is not None:
        return np.asarray(scores[:, which] - scores[:, reference])
    return own_odds(scores, np.full(len(scores), which))


def contrasted(scores: Floats, reference: int | None) -> Floats:
    """Take the mean over the classes from scores (cells, classes), or the score of one of them."""
    return scores - (
        scores.mean(axis=1, keepdims=True) if reference is None else scores[:, [reference]]
    )


def _uncertain(train: SplitCells, certainty: Floats, config: EquationsConfig) -> SplitCells:
    cells = train.take(certainty <= max(config.clip, float(np.median(certainty))))
    return cells.sample(config.cells, config.seed)
