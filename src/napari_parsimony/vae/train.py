"""Training the β-TCVAE, interruptible anywhere and always with the same result.

Every random number of step t comes from a generator seeded with (seed, t), so a checkpoint needs
no generator state and a resumed run takes exactly the steps of an undisturbed one.
"""

import math
import time
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional

from napari_parsimony.errors import UserError
from napari_parsimony.progress import Progress, Report, silent
from napari_parsimony.vae.checkpoint import GUIDED, TERMS, Checkpoint
from napari_parsimony.vae.config import VaeConfig
from napari_parsimony.vae.latents import ACTIVE_KL
from napari_parsimony.vae.loss import decompose, kl_per_latent, log_importance_weights
from napari_parsimony.vae.model import Vae, pixel_weights, reconstruction_loss
from napari_parsimony.vae.preview import CROPS, to_preview

LARGEST_IN_MEMORY = 1_000_000_000  # bytes of crops; beyond that, batches are read from the file
LARGEST_CHECK = 2048  # held-out crops that a check looks at
TELL_EVERY = 3.0  # seconds, at least, between reports that are not checks
ACTIVE = "active latents"


class CropBatches:
    """Batches of crops on a device, from memory where they fit and from the file where not.

    Parameters
    ----------
    crops
        (N, C, S, S), may be memory mapped.
    classes
        (N,) class of each, -1 where unknown.
    rows
        The crops to draw from.
    device
        Where batches are wanted.
    """

    def __init__(
        self, crops: np.ndarray, classes: np.ndarray, rows: np.ndarray, device: torch.device
    ) -> None:
        self._crops, self._rows, self._device = crops, np.sort(rows), device
        self._classes = torch.from_numpy(classes[self._rows]).to(device)
        self._resident: Tensor | None = None
        if len(rows) * crops[:1].nbytes <= LARGEST_IN_MEMORY:
            self._resident = torch.from_numpy(crops[self._rows]).to(device)

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: Tensor) -> tuple[Tensor, Tensor]:
        """Return crops, (B, C, S, S) in single precision, and classes at `index` of the rows."""
        on_device = index.to(self._device)
        if self._resident is not None:
            crops = self._resident[on_device]
        else:
            crops = torch.from_numpy(self._crops[self._rows[index.numpy()]]).to(self._device)
        return crops.float(), self._classes[on_device]


def train_vae(
    vae: Vae,
    crops: np.ndarray,
    classes: np.ndarray,
    train_rows: np.ndarray,
    validation_rows: np.ndarray,
    config: VaeConfig,
    *,
    turned: bool,
    checkpoint: Checkpoint,
    report: Report = silent,
) -> pd.DataFrame:
    """Train a VAE in place; afterwards it has the weights that did best on held-out crops.

    Parameters
    ----------
    vae
        Freshly initialised, or with weights to go on from.
    crops
        (N, C, S, S), nominally 0..1.
    classes
        (N,) class of each crop, 0, 1, …, and -1 where it is unknown. They matter only if
        `config.guidance` is not 0; only those of the rows below are looked at.
    train_rows, validation_rows
        Rows of `crops`; no group may be in both.
    config
        Settings.
    turned
        Whether crops are turned to the cell's principal axis: they are then augmented by
        mirroring across that axis only.
    checkpoint
        Where the state is saved at every check, and from where training goes on if it was
        interrupted.
    report
        Called at every check, and in between if that takes long. At a check, ``values`` are the
        terms of the training loss averaged since the last check, the held-out loss, and how many
        latents are active in held-out crops; ``preview`` holds held-out crops above their
        reconstructions, see `vae.preview`. A training that goes on from a checkpoint first reports
        its checks so far: ``preview["history"]``, lists by name.

    Returns
    -------
    DataFrame
        One row a check: step, the terms of the training loss averaged since the last check, and
        the held-out loss. All in nats per crop.

    Raises
    ------
    UserError
        If there are too few crops, no class to be guided by, or the loss is no longer a number.
    """
    if config.steps and (len(train_rows) < 8 or len(validation_rows) < 2):
        raise UserError(
            f"The VAE needs at least 8 crops to train on and 2 held-out ones, but there are "
            f"{len(train_rows)} and {len(validation_rows)}: add cells."
        )
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    vae.to(device).to(memory_format=torch.channels_last).train().requires_grad_(True)  # type: ignore[call-overload]
    model, head = nn.ModuleDict({"vae": vae}), None
    if config.guidance and config.steps:
        # a class that is not trained on cannot be predicted: it says nothing about when to stop
        learned = np.unique(classes[train_rows])
        learned = learned[learned >= 0]
        classes = np.where(np.isin(classes, learned), np.searchsorted(learned, classes), -1)
        model["head"] = head = _head(vae, classes).to(device)
    optimiser = torch.optim.Adam(model.parameters(), lr=config.learning_rate, fused=True)
    names = TERMS if head is None else (*TERMS, GUIDED)
    state = checkpoint.load(names, model, optimiser)
    training = CropBatches(crops, classes, train_rows, device)
    if len(validation_rows) > LARGEST_CHECK:  # the table may be sorted by class
        random = np.random.default_rng(config.seed)
        validation_rows = random.choice(validation_rows, LARGEST_CHECK, replace=False)
    held_out = CropBatches(crops, classes, validation_rows, device)
    objective = _Objective(vae, head, config, len(training))
    rows = np.sort(validation_rows)  # the table may be sorted by class: evenly over it
    rows = rows[:: max(1, len(rows) // CROPS)][:CROPS]
    shown = np.asarray(crops[rows], np.float32)
    sums = torch.zeros(len(names), device=device)
    since, told = 0, time.monotonic()
    if state.history:
        checks = {"history": state.history_table().to_dict("list")}
        report(_progress(state.step, config, preview=checks))
    for step in range(state.step, config.steps):
        if state.checks_without_progress >= config.patience:
            break
        generator = _generator(config.seed, step)
        batch, known = training[_batch_index(step, len(training), config)]
        if config.augment:
            batch = _mirrored(batch, generator, turned)
        for group in optimiser.param_groups:
            group["lr"] = config.learning_rate * _cosine(step / config.steps)
        warmth = min(1.0, (step + 1) / max(1.0, config.warmup * config.steps))
        terms = objective(batch, known, generator, warmth).terms
        optimiser.zero_grad(set_to_none=True)
        terms[0].backward()
        optimiser.step()
        sums += terms.detach()
        since += 1
        if (step + 1) % config.check_every == 0 or step + 1 == config.steps:
            averages = (sums / since).tolist()
            sums.zero_()
            since = 0
            if not all(map(math.isfinite, averages)):
                raise UserError(
                    "The VAE's loss is no longer a number: lower the setting 'learning_rate'."
                )
            loss, active = _check(held_out, objective, config)
            warm = step + 1 >= config.warmup * config.steps
            state.record(step + 1, averages, loss, vae, counts=warm)
            checkpoint.save(state, model, optimiser)
            values = {**state.latest(), ACTIVE: active}
            report(_progress(step + 1, config, values, _preview(vae, shown)))
            told = time.monotonic()
        elif time.monotonic() - told > TELL_EVERY:
            # the first check may be minutes away; the device is not waited for
            report(_progress(step + 1, config))
            told = time.monotonic()
    if state.best:
        vae.load_state_dict(state.best)
    vae.to("cpu").eval().requires_grad_(False)
    return state.history_table()


def _progress(
    step: int,
    config: VaeConfig,
    values: dict[str, float] | None = None,
    preview: dict[str, Any] | None = None,
) -> Progress:
    message = f"Training the VAE: step {step:,} of {config.steps:,}"
    return Progress(step, config.steps, message, values or {}, preview or {})


@torch.inference_mode()
def _preview(vae: Vae, crops: np.ndarray) -> dict[str, Any]:
    device = next(vae.parameters()).device
    mean, _ = vae.encode(torch.from_numpy(crops).to(device))
    return to_preview(crops, vae.decode(mean).cpu().numpy())


class _Loss(NamedTuple):
    """The loss of one batch.

    Attributes
    ----------
    terms
        The loss and its terms: `TERMS`, and `GUIDED` if there is a head.
    mean, log_variance
        (B, latents), the posteriors of its crops.
    """

    terms: Tensor
    mean: Tensor
    log_variance: Tensor


class _Objective:
    """The loss of one batch; everything that does not change from step to step is kept."""

    def __init__(self, vae: Vae, head: nn.Linear | None, config: VaeConfig, data: int) -> None:
        self._vae, self._head, self._config, self._data = vae, head, config, data
        self._device = next(vae.parameters()).device
        self._pixels = pixel_weights(vae.architecture.size, config.focus).to(self._device)

    def __call__(
        self, batch: Tensor, classes: Tensor, generator: torch.Generator, warmth: float
    ) -> _Loss:
        config, vae = self._config, self._vae
        batch = batch.contiguous(memory_format=torch.channels_last)
        mean, log_variance = vae.encode(batch)
        noise = torch.randn(mean.shape, generator=generator).to(self._device)
        z = mean + noise * torch.exp(0.5 * log_variance)
        reconstruction = reconstruction_loss(
            vae.decode_logits(z), batch, self._pixels, config.likelihood, config.noise
        ).mean()
        log_weights = log_importance_weights(len(batch), self._data, self._device)
        information, correlation, dimension_wise = decompose(mean, log_variance, z, log_weights)
        if config.objective == "beta-vae":  # in closed form, as Higgins et al. 2017
            divergence = config.beta * kl_per_latent(mean, log_variance).sum(1).mean()
        else:
            divergence = information + config.beta * correlation + dimension_wise
        loss = reconstruction + warmth * divergence
        terms = [reconstruction, information, correlation, dimension_wise]
        if self._head is not None:
            errors = functional.cross_entropy(
                self._head(z), classes, ignore_index=-1, reduction="sum"
            )
            # cells without a class count as predicted, so that a batch with few labels pulls less
            terms.append(errors / len(batch))
            loss = loss + config.guidance * terms[-1]
        return _Loss(torch.stack([loss, *terms]), mean, log_variance)


def _head(vae: Vae, classes: np.ndarray) -> nn.Linear:
    """Return what predicts classes from sampled latents while the VAE is trained."""
    if len(np.unique(classes[classes >= 0])) < 2:
        raise UserError(
            "To guide the VAE, training cells of two classes at least are needed: annotate more "
            "cells, or set 'guidance' to 0."
        )
    head = nn.Linear(vae.architecture.latents, int(classes.max()) + 1)
    nn.init.zeros_(head.weight)  # no random numbers: a seed gives the same VAE weights to start
    nn.init.zeros_(head.bias)
    return head


@torch.no_grad()
def _check(held_out: CropBatches, objective: _Objective, config: VaeConfig) -> tuple[float, int]:
    """Look at held-out crops at full strength, always with the same noise.

    Returns
    -------
    loss
        Their average loss.
    active
        Latents that say something about them.
    """
    batches = torch.arange(len(held_out)).split(config.batch)
    found = [
        objective(*held_out[index], _generator(config.seed, -1 - number), 1.0)
        for number, index in enumerate(batches)
    ]
    sizes = torch.tensor([len(index) / len(held_out) for index in batches])
    losses = torch.stack([each.terms[0] for each in found])
    kl = torch.cat([kl_per_latent(each.mean, each.log_variance) for each in found]).mean(0)
    return float(losses @ sizes.to(losses.device)), int((kl > ACTIVE_KL).sum())


def _generator(seed: int, step: int) -> torch.Generator:
    # the golden-ratio stride keeps the streams of neighbouring seeds apart
    return torch.Generator().manual_seed((seed * 0x9E3779B97F4A7C15 + step) % 2**63)


def _batch_index(step: int, count: int, config: VaeConfig) -> Tensor:
    """Which crops step `step` sees: every epoch is a new order, the last partial batch is left."""
    size = min(config.batch, count)
    epoch, position = divmod(step, count // size)
    order = torch.randperm(count, generator=_generator(config.seed, 2**40 + epoch))
    return order[position * size : (position + 1) * size]


def _mirrored(batch: Tensor, generator: torch.Generator, turned: bool) -> Tensor:
    """Apply to each crop one of the symmetries that its orientation allows."""
    flip = torch.rand((3, len(batch), 1, 1, 1), generator=generator).to(batch.device) < 0.5
    batch = torch.where(flip[0], batch.flip(2), batch)
    if turned:
        return batch
    batch = torch.where(flip[1], batch.flip(3), batch)
    return torch.where(flip[2], batch.transpose(2, 3), batch)


def _cosine(fraction: float) -> float:
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * fraction))
