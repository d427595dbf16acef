"""How unlike the cells that a VAE was trained on other cells are."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.neighbors import NearestNeighbors

from napari_parsimony.progress import Progress, Report, silent
from napari_parsimony.vae.config import VaeConfig
from napari_parsimony.vae.model import Vae, pixel_weights, reconstruction_loss

REFERENCE = 2_000
"""Training cells, at most, that distances are measured from."""
JUDGES = 5_000
"""Validation cells, at most, that say how unlike a cell of the same kind may be."""
NEIGHBOURS = 10
WITHIN = 0.99
"""Share of the validation cells that is within each of the two limits."""

_SURE = 1e-6  # a pixel is never redrawn as surer than that


@dataclass(frozen=True)
class TrainingRange:
    """What a VAE has to remember of its training to tell cells that are unlike it.

    Attributes
    ----------
    likelihood, focus, noise
        How reconstructions were compared with crops in training.
    latents
        Indices of the active latents.
    reference
        (n, active) latents of training cells.
    error, distance
        Limits: the 99th percentiles of validation cells, which were not trained on. In nats per
        crop, and in standard deviations of the prior.
    judges
        Validation cells that the limits are from.
    """

    likelihood: str
    focus: float
    noise: float
    latents: tuple[int, ...]
    reference: NDArray[np.float32]
    error: float
    distance: float
    judges: int

    def to_dict(self) -> dict[str, Any]:
        """Return all but the reference, as JSON-able values."""
        return {name: value for name, value in vars(self).items() if name != "reference"}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any], reference: NDArray[np.float32]) -> Self:
        """Read what `to_dict` wrote; KeyError, TypeError or ValueError if it is something else."""
        latents = tuple(int(index) for index in content["latents"])
        if reference.ndim != 2 or reference.shape[1] != len(latents) or not len(reference):
            raise ValueError("the training range has latents of another number")
        numbers = {name: float(content[name]) for name in ("focus", "noise", "error", "distance")}
        likelihood, judges = str(content["likelihood"]), int(content["judges"])
        return cls(likelihood, latents=latents, reference=reference, judges=judges, **numbers)

    def unlikeness(self, errors: NDArray, distances: NDArray) -> NDArray[np.float64]:
        """Larger of the two measures, each divided by its limit, (N,): above 1 is out of range."""
        with np.errstate(divide="ignore", invalid="ignore"):
            shares = np.stack([errors / self.error, distances / self.distance])
        return np.asarray(np.nan_to_num(shares, nan=0.0).max(axis=0), np.float64)


def learn_range(
    vae: Vae,
    crops: np.ndarray,
    mean: NDArray[np.float32],
    split: NDArray,
    active: NDArray[np.bool_],
    config: VaeConfig,
) -> TrainingRange:
    """Find out what is within the range of the cells that a VAE was trained on.

    Parameters
    ----------
    vae
        The model.
    crops
        (N, C, S, S), may be memory mapped.
    mean
        (N, latents) of these crops.
    split
        (N,) "train": what it was trained on. "validation" says when to stop training, and here how
        unlike new cells are; it must not be empty.
    active
        (latents,) the latents that say something.
    config
        How it was trained.
    """
    random = np.random.default_rng(config.seed)
    trained, judging = (
        np.sort(random.permutation(np.flatnonzero(split == name))[:most])
        for name, most in (("train", REFERENCE), ("validation", JUDGES))
    )
    latents = np.flatnonzero(active)
    found = TrainingRange(
        config.likelihood,
        config.focus,
        config.noise,
        tuple(latents.tolist()),
        np.ascontiguousarray(mean[trained][:, latents], np.float32),
        1.0,
        1.0,
        len(judging),
    )
    limits = (
        float(np.quantile(values, WITHIN, method="higher"))
        for values in measure_unlikeness(vae, crops, mean, found, rows=judging)
    )
    error, distance = limits
    return TrainingRange(**{**vars(found), "error": error, "distance": distance})


@torch.inference_mode()
def measure_unlikeness(
    vae: Vae,
    crops: np.ndarray,
    mean: NDArray[np.float32],
    known: TrainingRange,
    report: Report = silent,
    rows: NDArray[np.intp] | None = None,
    batch: int = 512,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Measure how badly cells are redrawn, and how far they are from training cells.

    The error is the one that training made small, −log p(x|z), less what a perfect reconstruction
    of the same crop would cost: cross-entropy counts a grey pixel as an error even if it is redrawn
    exactly, so that crops of different contrast could not be compared without it. It is taken at
    the posterior mean, and is a deviance (Nelder & Wedderburn 1972).

    The distance is that to the 10th nearest training cell in the active latents (Sun et al. 2022,
    "Out-of-distribution detection with deep nearest neighbors", arXiv 2204.06507). It takes no
    shape for granted: cells of several states are several clouds, with room in between that one
    Gaussian (Mahalanobis distance) would call typical. Latents are not scaled, as noise in the
    weakest would count as much as the strongest.

    Parameters
    ----------
    vae
        The model.
    crops
        (N, C, S, S), may be memory mapped: only one batch is in memory at a time.
    mean
        (N, latents) of these crops.
    known
        What it was trained on; the limits are not read.
    report
        Called after every batch.
    rows
        (n,) which cells, by default all.
    batch
        Cells at a time.

    Returns
    -------
    errors, distances
        (n,) each: nats per crop, and standard deviations of the prior.
    """
    every = np.arange(len(crops)) if rows is None else rows
    errors, distances = np.empty((2, len(every)), np.float32)
    nearest = _nearest(known.reference)
    weights = pixel_weights(vae.architecture.size, known.focus)
    for start in range(0, len(every), batch):
        part = slice(start, min(start + batch, len(every)))
        pixels = torch.from_numpy(np.asarray(crops[every[part]], np.float32))
        z = np.asarray(mean[every[part]], np.float32)
        drawn = vae.decode_logits(torch.from_numpy(z))
        costs = (
            reconstruction_loss(logits, pixels, weights, known.likelihood, known.noise)
            for logits in (drawn, torch.logit(pixels, _SURE))
        )
        errors[part] = (next(costs) - next(costs)).numpy()
        distances[part] = nearest(z[:, list(known.latents)])
        done = part.stop
        report(Progress(done, len(every), f"Comparing cell {done:,} with training cells"))
    return errors, distances


def _nearest(reference: NDArray) -> Callable[[NDArray], NDArray]:
    """Make what tells how far cells are from the 10th nearest of the reference."""
    if not reference.shape[1]:  # no latent is active: all cells are at one place
        return lambda z: np.zeros(len(z))
    neighbours = NearestNeighbors(
        n_neighbors=min(NEIGHBOURS, len(reference)), algorithm="brute"
    ).fit(reference)
    return lambda z: np.asarray(neighbours.kneighbors(z)[0][:, -1])
