"""Train all schemes that read crops or latents directly."""

import re
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from napari_parsimony.classify.black_box import BlackBox, Labelled, train_black_box
from napari_parsimony.classify.classifier import Classifier
from napari_parsimony.classify.config import ClassifyConfig
from napari_parsimony.classify.fit import one_thread
from napari_parsimony.classify.latent_networks import (
    choose,
    dense_weights,
    train_dense,
    train_sparse,
)
from napari_parsimony.classify.prepare import prepare
from napari_parsimony.classify.select import select_inputs
from napari_parsimony.classify.sweep import balanced_accuracy, sweep_densities
from napari_parsimony.classify.targets import class_targets
from napari_parsimony.classify.topology import (
    dead_units,
    expression_size,
    live_weights,
    used_inputs,
)
from napari_parsimony.progress import Progress, Report

UNITS = 1000  # of progress, shared out by the time that the parts take
BLACK_BOX_END, DENSE_END, SPARSE_END, SELECTION_END = 700, 770, 860, 970


def train_classifier(
    crops: np.ndarray,
    latents: pd.DataFrame,
    classes: pd.Series,
    split: pd.Series,
    groups: pd.Series,
    active: list[str],
    orientation: str,
    config: ClassifyConfig,
    report: Report,
) -> Classifier:
    """Train the black box, the dense and the sparse networks.

    They learn from the cells of the "train" split; "validation" cells decide when to stop, which
    inputs go and which sparse network is chosen; "test" cells are never looked at.

    Parameters
    ----------
    crops
        (N, C, S, S) float16, possibly memory mapped; only rows that are needed are read.
    latents
        Columns z0, z1, …, N rows; raw posterior means.
    classes, split, groups
        Raw class (missing where unknown), "train" / "validation" / "test", and what a split
        keeps together, N rows each.
    active
        Names of the latents that the VAE uses; only these are read.
    orientation
        "imaged", or "principal axis" where crops were turned, which are then flipped only.
    config
        Settings.
    report
        Told how far it is.

    Raises
    ------
    UserError
        If these cells cannot train these networks.
    """
    targets, names = class_targets(classes, config.classes)
    latent_names = [str(c) for c in latents.columns if re.fullmatch(r"z\d+", str(c))]
    ready = prepare(targets, names, split, groups, latents, active, config.seed)
    train, validation, learn, check = ready.train, ready.validation, ready.learn, ready.check

    black_box, black_box_losses = _train_black_boxes(
        crops, train, validation, orientation, config, report
    )
    told = _stage(report, BLACK_BOX_END, DENSE_END, config.steps, "Dense networks")
    with one_thread():
        dense = train_dense(learn, check, config, told)
        told = _stage(report, DENSE_END, SPARSE_END, config.steps, "Sparse networks")
        sparse = train_sparse(learn, check, len(latent_names), config, told)
        before, before_losses = sparse.masks, sparse.losses(check)
        if config.prune_inputs:
            told = _stage(report, SPARSE_END, SELECTION_END, config.steps, "Selecting latents")
            select_inputs(sparse, learn, check, ready.groups, len(latent_names), config, told)
        facts: dict[str, Any] = {}
        if config.sweep:
            told = _stage(report, SELECTION_END, UNITS, config.steps, "Trying other densities")
            facts["sweep"] = sweep_densities(learn, check, len(latent_names), config, told)
        after, losses = sparse.masks, sparse.losses(check)
        dense_losses, train_losses = dense.losses(check), sparse.losses(learn)
    chosen = choose(
        losses.numpy(),
        train_losses.numpy(),
        used_inputs(after).sum(1),
        ready.groups,
    )
    report(Progress(UNITS, UNITS, "Networks trained"))
    full = [
        np.ones((a, b), bool)
        for a, b in pairwise((len(latent_names), *config.hidden, train.outputs))
    ]
    return Classifier(
        names=names,
        latents=latent_names,
        inputs=list(active),
        mean=ready.mean,
        sd=ready.sd,
        black_box=black_box,
        dense=dense,
        sparse=sparse,
        crop_shape=(crops.shape[1], crops.shape[2]),
        losses={
            "black_box": black_box_losses,
            "dense": dense_losses.mean(1).tolist(),
            "sparse": losses.mean(1).tolist(),
            "sparse_before": before_losses.mean(1).tolist(),
        },
        chosen=chosen,
        kept_before=dict(zip(active, used_inputs(before).mean(0).tolist(), strict=True)),
        kept_after=dict(zip(active, used_inputs(after).mean(0).tolist(), strict=True)),
        facts={
            "train_cells": len(train.rows),
            "validation_cells": len(validation.rows),
            "validation_groups": ready.clusters,
            "dense_weights": dense_weights(len(latent_names), config.hidden, train.outputs),
            "dense_size": expression_size(full),
            "connections": [int(mask[0].sum()) for mask in before],
            "live_weights_before": live_weights(before).tolist(),
            "live_weights": live_weights(after).tolist(),
            "dead_units": dead_units(after).tolist(),
            "used_before": used_inputs(before).sum(1).tolist(),
            "used": used_inputs(after).sum(1).tolist(),
            "sparse_size": expression_size([mask[chosen] for mask in after]),
            "validation_accuracy": {
                "dense": balanced_accuracy(dense, check).tolist(),
                "sparse": balanced_accuracy(sparse, check).tolist(),
            },
            **facts,
        },
    )


def _train_black_boxes(
    crops: np.ndarray,
    train: Labelled,
    validation: Labelled,
    orientation: str,
    config: ClassifyConfig,
    report: Report,
) -> tuple[list[BlackBox], list[float]]:
    """Train the convolutional networks one after the other."""
    networks, losses = [], []
    count = config.black_box_seeds
    for seed in range(count):
        network, loss = train_black_box(
            crops,
            train,
            validation,
            turns=orientation != "principal axis",
            epochs=config.black_box_epochs,
            patience=config.patience,
            batch=max(2, config.batch // 4),
            seed=(config.seed, 1, seed),
            told=_stage(
                report,
                BLACK_BOX_END * seed // count,
                BLACK_BOX_END * (seed + 1) // count,
                config.black_box_epochs,
                f"Black box {seed + 1} of {count}",
            ),
        )
        networks.append(network)
        losses.append(loss)
    return networks, losses


def _stage(
    report: Report, start: int, end: int, total: int, message: str
) -> Callable[[int, dict[str, float]], None]:
    """Report one part of the work as a range of the whole."""

    def told(done: int, values: dict[str, float]) -> None:
        report(Progress(start + (end - start) * done // total, UNITS, message, values))

    return told
