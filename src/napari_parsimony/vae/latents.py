"""From crops to latents and back, for many cells."""

import numpy as np
import pandas as pd
import torch

from napari_parsimony.progress import Progress, Report, silent
from napari_parsimony.vae.loss import kl_per_latent
from napari_parsimony.vae.model import Vae

ACTIVE_KL = 0.05  # nats; a latent below carries nothing the decoder could use


def latent_names(count: int) -> list[str]:
    """Return ``["z0", "z1", …]``."""
    return [f"z{index}" for index in range(count)]


@torch.inference_mode()
def encode_crops(
    vae: Vae, crops: np.ndarray, report: Report = silent, batch: int = 512
) -> tuple[np.ndarray, np.ndarray]:
    """Encode crops.

    Parameters
    ----------
    vae
        The model.
    crops
        (N, C, S, S), may be memory mapped: only one batch is in memory at a time.
    report
        Called after every batch.
    batch
        Crops encoded at a time.

    Returns
    -------
    mean, log_variance
        (N, latents) each, float32.
    """
    count = len(crops)
    mean = np.empty((count, vae.architecture.latents), np.float32)
    log_variance = np.empty_like(mean)
    for start in range(0, count, batch):
        part = slice(start, min(start + batch, count))
        pixels = torch.from_numpy(np.asarray(crops[part], np.float32))
        encoded = vae.encode(pixels.contiguous(memory_format=torch.channels_last))
        mean[part], log_variance[part] = (value.numpy() for value in encoded)
        report(Progress(part.stop, count, f"Encoding cell {part.stop:,} of {count:,}"))
    return mean, log_variance


@torch.inference_mode()
def decode_latents(vae: Vae, latents: np.ndarray) -> np.ndarray:
    """Decode latents.

    Parameters
    ----------
    vae
        The model.
    latents
        (N, latents).

    Returns
    -------
    ndarray
        (N, C, S, S) float32 in 0..1.
    """
    return vae.decode(torch.from_numpy(np.asarray(latents, np.float32))).numpy()


def latent_statistics(
    mean: np.ndarray, log_variance: np.ndarray, learned: np.ndarray | None = None
) -> pd.DataFrame:
    """Describe each latent over the cells.

    Parameters
    ----------
    mean, log_variance
        (N, latents), from `encode_crops`.
    learned
        (N,) the training cells, all by default: only they say which latents are active, for
        classifiers read no others.

    Returns
    -------
    DataFrame
        One row a latent, in order of index: ``name``; ``kl``, the mean KL divergence from the
        prior over the training cells in nats, which is how much it says about a cell; ``active``;
        ``mean``, ``sd``, ``low`` and ``high`` (1st and 99th percentile) of its posterior means
        over all cells; ``rank``, 0 for the most informative.
    """
    kl = np.zeros(mean.shape[1])
    rows = np.arange(len(mean)) if learned is None else np.flatnonzero(learned)
    for start in range(0, len(rows), 65536):
        part = rows[start : start + 65536]
        divergence = kl_per_latent(
            torch.from_numpy(mean[part]), torch.from_numpy(log_variance[part])
        )
        kl += divergence.double().sum(0).numpy()
    kl /= len(rows)
    low, high = np.percentile(mean, [1, 99], axis=0)
    rank = np.empty(len(kl), int)
    rank[np.argsort(-kl, kind="stable")] = np.arange(len(kl))
    return pd.DataFrame(
        {
            "name": latent_names(len(kl)),
            "kl": kl,
            "active": kl > ACTIVE_KL,
            "mean": mean.mean(0, dtype=np.float64),
            "sd": mean.std(0, dtype=np.float64),
            "low": low.astype(float),
            "high": high.astype(float),
            "rank": rank,
        }
    )


def traverse(vae: Vae, start: np.ndarray, latent: int, values: np.ndarray) -> np.ndarray:
    """Decode one cell while one of its latents takes other values.

    Parameters
    ----------
    vae
        The model.
    start
        (latents,), the cell to start from.
    latent
        Index of the latent that changes.
    values
        (steps,), the values it takes.

    Returns
    -------
    ndarray
        (steps, C, S, S) in 0..1.
    """
    latents = np.repeat(np.asarray(start, np.float32)[None], len(values), axis=0)
    latents[:, latent] = values
    return decode_latents(vae, latents)
