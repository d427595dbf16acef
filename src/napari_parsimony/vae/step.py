"""The vae step: from crops to weights, latents and their statistics."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from napari_parsimony.artefact import replace_file, write_json
from napari_parsimony.cells.table import KEY
from napari_parsimony.errors import UserError
from napari_parsimony.progress import Report, silent
from napari_parsimony.vae.checkpoint import Checkpoint
from napari_parsimony.vae.config import VaeConfig
from napari_parsimony.vae.familiarity import learn_range
from napari_parsimony.vae.latents import encode_crops, latent_names, latent_statistics
from napari_parsimony.vae.loss import decompose_full
from napari_parsimony.vae.model import Architecture, Vae
from napari_parsimony.vae.pretrained import weights_to_start_from
from napari_parsimony.vae.store import check_crops, load_vae, save_vae
from napari_parsimony.vae.train import train_vae

FULL_DATA_SAMPLE = 4000  # crops for the terms that are reported; their cost grows quadratically


def run_vae(
    crops: np.ndarray,
    cells: pd.DataFrame,
    crops_made: dict[str, Any],
    config: VaeConfig,
    out: Path,
    checkpoints: Path,
    report: Report = silent,
) -> None:
    """Train (or take over) a VAE, encode all cells and write everything into `out`.

    Parameters
    ----------
    crops
        (N, C, S, S), nominally 0..1, may be memory mapped.
    cells
        The table of cells; row i belongs to ``crops[i]``. Only the split ``train`` is learned
        from, only ``validation`` decides when to stop. Its classes are used only if
        `config.guidance` is not 0.
    crops_made
        How the crops were made: it becomes part of the model, which refuses other crops.
    config
        Settings.
    out
        Folder for ``weights.safetensors``, ``latents.parquet``, ``latents.json``,
        ``history.parquet`` and ``summary.json``.
    checkpoints
        Folder that survives an interruption.
    report
        Called at every check.

    Raises
    ------
    UserError
        If the settings, the crops or the weights to start from do not fit together.
    """
    architecture = Architecture(crops.shape[1], crops.shape[-1], config.latents)
    start = weights_to_start_from(config, crops_made)
    if start is not None:
        vae, expected = load_vae(start)
        check_crops(expected, crops_made, start)
        has, needed = vae.architecture.to_dict(), architecture.to_dict()
        for name in (name for name in needed if has[name] != needed[name]):
            raise UserError(
                f"The VAE {start} was trained with {name} = {has[name]}, but this study needs "
                f"{needed[name]}: change 'latents' or the cells step, or train from scratch."
            )
    elif config.steps == 0:
        raise UserError(
            "With 'steps' = 0 nothing is trained: set 'pretrained', or name trained weights in "
            "'start_from'."
        )
    else:
        torch.manual_seed(config.seed)
        vae = Vae(architecture)
    split = cells["split"].to_numpy()
    classes, _ = pd.factorize(cells["class"], sort=True)  # -1 where unknown
    history = train_vae(
        vae,
        crops,
        classes,
        np.flatnonzero(split == "train"),
        np.flatnonzero(split == "validation"),
        config,
        turned=crops_made.get("orientation") == "principal axis",
        checkpoint=Checkpoint(
            checkpoints / "training.safetensors", _purpose(cells, crops_made, config)
        ),
        report=report,
    )
    if config.steps:
        vae.guidance = max(vae.guidance, config.guidance)
    mean, log_variance = encode_crops(vae, crops, report)
    statistics = latent_statistics(mean, log_variance, split == "train")
    if config.steps == 0 and start is not None:
        # with the range of the cells that they were trained on
        replace_file(out / "weights.safetensors", start.read_bytes())
    else:
        active = statistics["active"].to_numpy()
        vae.training_range = learn_range(vae, crops, mean, split, active, config)
        save_vae(vae, crops_made, out / "weights.safetensors")
    latents = pd.DataFrame(mean, columns=latent_names(mean.shape[1]))
    pd.concat([cells[KEY].reset_index(drop=True), latents], axis=1).to_parquet(
        out / "latents.parquet", index=False
    )
    history.to_parquet(out / "history.parquet", index=False)
    write_json(out / "latents.json", statistics.to_dict("records"))
    write_json(out / "summary.json", _summary(mean, log_variance, statistics, split, config.seed))


def _summary(
    mean: np.ndarray,
    log_variance: np.ndarray,
    statistics: pd.DataFrame,
    split: np.ndarray,
    seed: int,
) -> dict[str, float | int]:
    """Compute the terms of the loss once, over held-out cells, up to `FULL_DATA_SAMPLE` of them."""
    random = np.random.default_rng(seed)
    rows = np.flatnonzero(split != "train")
    rows = random.permutation(rows)[:FULL_DATA_SAMPLE]
    noise = random.standard_normal((len(rows), mean.shape[1])).astype(np.float32)
    chosen_mean, chosen_log_variance = mean[rows], log_variance[rows]
    z = chosen_mean + noise * np.exp(0.5 * chosen_log_variance)
    terms = decompose_full(
        torch.from_numpy(chosen_mean), torch.from_numpy(chosen_log_variance), torch.from_numpy(z)
    )
    return {
        "active latents": int(statistics["active"].sum()),
        "cells": len(rows),
        "mutual information": float(terms.mutual_information),
        "total correlation": float(terms.total_correlation),
        "dimension-wise KL": float(terms.dimension_wise_kl),
    }


def _purpose(cells: pd.DataFrame, crops_made: dict[str, Any], config: VaeConfig) -> str:
    """Name a training by everything that its result depends on."""
    identity = hashlib.sha256(repr((config.model_dump(mode="json"), crops_made)).encode())
    columns = [*KEY, "split", "low", "high", "angle", "scale"]
    if config.guidance:
        columns.append("class")
    identity.update(pd.util.hash_pandas_object(cells[columns], index=False).to_numpy().tobytes())
    return identity.hexdigest()
