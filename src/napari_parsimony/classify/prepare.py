"""From tables of cells and latents to what networks learn from."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from napari_parsimony.classify.black_box import Labelled
from napari_parsimony.classify.mlp import Cells
from napari_parsimony.classify.scores import outputs_for
from napari_parsimony.classify.targets import (
    balanced_weights,
    require_all_classes,
    sample_of_each,
)
from napari_parsimony.errors import UserError

# More held-out cells than this say little more about when to stop, and cost time at every look.
MOST_VALIDATION = 5000


@dataclass(frozen=True)
class Prepared:
    """Cells of the splits "train" and "validation", as networks read them.

    Attributes
    ----------
    train, validation
        Rows of the cells, and their classes.
    x
        (N, inputs) float32 of all cells, with mean 0 and standard deviation 1 over the training
        cells.
    mean, sd
        (inputs,) that this took.
    learn, check
        The rows of `x` to learn from, and those to stop and to judge by.
    groups
        Which of the validation and then the training cells belong together, integers from 0.
    clusters
        Groups of the validation cells. If there is one, its cells are taken as independent.
    """

    train: Labelled
    validation: Labelled
    x: np.ndarray
    mean: np.ndarray
    sd: np.ndarray
    learn: Cells
    check: Cells
    groups: np.ndarray
    clusters: int


def prepare(
    targets: np.ndarray,
    names: Sequence[str],
    split: pd.Series,
    groups: pd.Series,
    latents: pd.DataFrame,
    inputs: Sequence[str],
    seed: int,
) -> Prepared:
    """Choose and standardise; "test" cells are standardised with the others, and no more.

    Parameters
    ----------
    targets, names
        (N,) number of the class, NaN without one, and the names.
    split, groups
        (N,) "train" / "validation" / "test", and what a split keeps together.
    latents, inputs
        N rows, and the columns that are read.
    seed
        Of the choice among more than 5,000 validation cells.

    Raises
    ------
    UserError
        If a class is missing in a split, or an input cannot be learned from.
    """
    train = _labelled(targets, split, "train", names)
    validation = _labelled(targets, split, "validation", names)
    if len(validation.rows) > MOST_VALIDATION:
        generator = np.random.default_rng(seed)
        some = validation.rows[sample_of_each(validation.y, MOST_VALIDATION, generator)]
        sampled = np.full(len(targets), np.nan)
        sampled[some] = targets[some]
        validation = _labelled(sampled, split, "validation", names)
    held_out = pd.factorize(groups.iloc[validation.rows])[0]
    clusters = int(held_out.max()) + 1
    if clusters == 1:
        # nothing to compare between groups: the facts say that cells were taken as independent
        held_out = np.arange(len(held_out))
    x, mean, sd = _standardise(latents, list(inputs), train.rows)
    learn, check = (
        Cells(
            torch.from_numpy(x[part.rows]),
            torch.from_numpy(part.y),
            torch.from_numpy(part.weight),
            part.outputs,
        )
        for part in (train, validation)
    )
    # no group is in two splits
    together = np.concatenate([held_out, pd.factorize(groups.iloc[train.rows])[0] + len(groups)])
    together = pd.factorize(together)[0]
    return Prepared(train, validation, x, mean, sd, learn, check, together, clusters)


def _labelled(targets: np.ndarray, split: pd.Series, part: str, names: Sequence[str]) -> Labelled:
    """Cells of one split that have one of the classes."""
    rows = np.flatnonzero(~np.isnan(targets) & (split.astype(object).to_numpy() == part))
    require_all_classes(targets[rows], part, names)
    y = targets[rows].astype(np.float32)
    return Labelled(rows, y, balanced_weights(y), outputs_for(names))


def _standardise(
    latents: pd.DataFrame, active: list[str], train: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Latents with mean 0 and standard deviation 1 over the training cells."""
    if not active:
        raise UserError(
            "The VAE has no active latent, so nothing can be learnt from latents; "
            "train it longer or with a smaller 'beta'."
        )
    missing = [name for name in active if name not in latents.columns]
    if missing:
        raise UserError(
            f"The latent {missing[0]} is listed as active and the table of latents lacks it; "
            "run the vae step again."
        )
    raw = latents[active].to_numpy(np.float32)
    if not np.isfinite(raw).all():
        raise UserError("Some latents are not finite; run the vae step again.")
    mean, sd = raw[train].mean(0), raw[train].std(0)
    if (sd < 1e-6).any():
        raise UserError(
            f"The latent {active[int(sd.argmin())]} is listed as active and is the same in all "
            "training cells; run the vae step again."
        )
    return (raw - mean) / sd, mean, sd
