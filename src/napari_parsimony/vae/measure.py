"""How well a VAE redraws cells, and how its latents depend on each other."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from scipy import ndimage, stats

from napari_parsimony.vae.latents import decode_latents, encode_crops, latent_names
from napari_parsimony.vae.loss import decompose_full
from napari_parsimony.vae.model import Vae

REDRAWN = 400  # cells of a split that are redrawn
EXAMPLES = 8
FINE = 40  # the standard deviation of what counts as fine is this part of a crop's side


@dataclass(frozen=True)
class Measured:
    """What `measure` found.

    Attributes
    ----------
    trained, held_out
        Training cells there are, and cells of other splits that were redrawn.
    explained
        Share of the variance of held-out pixels about the mean training crop that reconstructions
        account for: 0 is drawing that mean for every cell, 1 a perfect copy.
    explained_training
        The same of training cells.
    detail, fine
        The same of fine detail in held-out cells, and what counts as fine, in pixels.
    sample
        Cells, of all splits, that the next three are computed over.
    mutual_information, total_correlation, dimension_wise_kl
        In nats.
    related
        Spearman's rank correlation of each pair of active latents over those cells: ``first``,
        ``second``, ``r``, the strongest first.
    examples
        (2, n, C, S, S) held-out crops and their reconstructions.
    """

    trained: int
    held_out: int
    explained: float
    explained_training: float
    detail: float
    fine: float
    sample: int
    mutual_information: float
    total_correlation: float
    dimension_wise_kl: float
    related: pd.DataFrame
    examples: NDArray[np.float32]


def measure(
    vae: Vae,
    crops: NDArray,
    split: NDArray,
    active: NDArray[np.bool_],
    most: int = 2000,
    seed: int = 0,
) -> Measured:
    """Measure a VAE on the cells of a study.

    Parameters
    ----------
    vae
        The model.
    crops
        (N, C, S, S), may be memory mapped.
    split
        (N,) "train", "validation" or "test".
    active
        (latents,) which latents are active.
    most
        Cells for the terms of the KL divergence at most: they cost the square of it.
    seed
        Of the cells that are drawn where there are many.
    """
    random = np.random.default_rng(seed)

    def some(rows: NDArray[np.int64], most: int) -> NDArray[np.int64]:
        chosen = random.choice(rows, most, replace=False) if len(rows) > most else rows
        return np.sort(chosen)

    sample = some(np.arange(len(crops)), most)
    mean, log_variance = encode_crops(vae, crops[sample])
    noise = random.standard_normal(mean.shape).astype(np.float32)
    z = torch.from_numpy(mean + noise * np.exp(0.5 * log_variance))
    terms = decompose_full(torch.from_numpy(mean), torch.from_numpy(log_variance), z)

    training = np.flatnonzero(split == "train")
    others = np.flatnonzero(split != "train")
    originals, drawn = {}, {}
    for name, rows in (("training", some(training, REDRAWN)), ("held out", some(others, REDRAWN))):
        originals[name] = np.asarray(crops[rows], np.float32)
        drawn[name] = decode_latents(vae, encode_crops(vae, originals[name])[0])
    average = originals["training"].mean(0)
    fine = [_fine(part) for part in (originals["held out"], drawn["held out"], average[None])]
    shown = np.linspace(0, len(originals["held out"]), EXAMPLES, endpoint=False).astype(int)
    pair = np.stack([originals["held out"], drawn["held out"]])
    return Measured(
        trained=len(training),
        held_out=len(originals["held out"]),
        explained=_explained(originals["held out"], drawn["held out"], average),
        explained_training=_explained(originals["training"], drawn["training"], average),
        detail=_explained(fine[0], fine[1], fine[2][0]),
        fine=4 * crops.shape[-1] / FINE,
        sample=len(sample),
        mutual_information=float(terms.mutual_information),
        total_correlation=float(terms.total_correlation),
        dimension_wise_kl=float(terms.dimension_wise_kl),
        related=_related(mean, active),
        examples=pair[:, np.unique(shown)] if pair.shape[1] else pair,
    )


def _explained(crops: NDArray, drawn: NDArray, average: NDArray) -> float:
    """Share of the variance about the average; NaN where nothing varies."""
    variance = float(((crops - average) ** 2).sum())
    return 1 - float(((crops - drawn) ** 2).sum()) / variance if variance else float("nan")


def _fine(crops: NDArray) -> NDArray:
    width = crops.shape[-1] / FINE
    return np.asarray(crops - ndimage.gaussian_filter(crops, (0, 0, width, width)))


def _related(mean: NDArray, active: NDArray[np.bool_]) -> pd.DataFrame:
    names = np.array(latent_names(len(active)))[active]
    first, second = np.triu_indices(len(names), 1)
    ranks = stats.rankdata(mean[:, active], axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        r = np.corrcoef(ranks, rowvar=False)[first, second] if len(first) else np.zeros(0)
    table = pd.DataFrame({"first": names[first], "second": names[second], "r": r}).dropna()
    return table.sort_values("r", key=abs, ascending=False, ignore_index=True)
