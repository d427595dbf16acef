"""Find the few latents that sparse networks need."""

from dataclasses import replace

import numpy as np
import torch
from sklearn.model_selection import StratifiedGroupKFold

from napari_parsimony.classify.config import ClassifyConfig
from napari_parsimony.classify.fit import fit
from napari_parsimony.classify.latent_networks import (
    EVALUATE_EVERY,
    Told,
    connections,
    generators_for,
    schedule,
    train_masked,
    train_sparse,
)
from napari_parsimony.classify.mlp import Cells, Networks
from napari_parsimony.classify.prune import clustered_error, eliminate_inputs
from napari_parsimony.classify.topology import used_inputs

FINE_TUNE_STEPS = 100
# Of the cross-validation: short trainings tell one latent more from one too many.
FOLDS = 5
CROSS_STEPS = 600
MOST = 16  # different numbers of latents


def select_inputs(
    networks: Networks,
    train: Cells,
    validation: Cells,
    groups: np.ndarray,
    latents: int,
    config: ClassifyConfig,
    told: Told,
) -> None:
    """Find the few inputs that sparse networks need, in place.

    Every network loses the inputs it does not need (`eliminate_inputs`). That cannot bring back
    an input that rewiring lost, and all networks are judged by the same few validation cells,
    whose luck keeps inputs that say nothing. So the inputs that enough of the networks kept are
    cross-validated (`worth_having`), and what is left is trained on once more with all
    connections to spend on them, and eliminated from again. A network is replaced by its second
    version unless that is worse by more than `config.tolerance` standard errors.

    Parameters
    ----------
    networks
        From `train_sparse`.
    train, validation
        Cells to learn from and to judge by.
    groups
        Which of the validation and then the training cells belong together, integers from 0,
        those of the validation cells first.
    latents, config
        As for `train_sparse`.
    told
        Called with the step, of `config.steps`.
    """
    held_out = groups[: len(validation)]
    generators = generators_for(config, 4)
    short = replace(
        schedule(config),
        steps=min(FINE_TUNE_STEPS, config.steps),
        evaluate_every=EVALUATE_EVERY // 2,
    )

    def fine_tune(trial: Networks) -> None:
        fit(trial, train, validation, short, generators)

    def part(start: float, end: float) -> Told:
        def told_part(done: int, values: dict[str, float]) -> None:
            told(int(start * config.steps + (end - start) * done), values)

        return told_part

    def eliminate(sparse: Networks, told: Told) -> None:
        eliminate_inputs(
            sparse, validation, held_out, config.tolerance, fine_tune, told, config.steps
        )

    eliminate(networks, part(0, 0.3))
    votes = used_inputs(networks.masks).mean(0)
    enough = votes >= min(config.votes, votes.max())
    ranked = [int(i) for i in np.argsort(-votes, kind="stable") if enough[i]]
    allowed = np.zeros(len(votes), bool)
    allowed[worth_having(ranked, train, validation, groups, latents, config, part(0.3, 0.5))] = True
    again = train_sparse(train, validation, latents, config, part(0.5, 0.95), allowed)
    eliminate(again, part(0.95, 1))
    excess = again.losses(validation).numpy() - networks.losses(validation).numpy()
    good = excess.mean(1) <= config.tolerance * clustered_error(excess, held_out)
    networks.take(again, torch.from_numpy(good))


def worth_having(
    ranked: list[int],
    train: Cells,
    validation: Cells,
    groups: np.ndarray,
    latents: int,
    config: ClassifyConfig,
    told: Told,
) -> list[int]:
    """Cut a ranking of inputs where more of them do not help on cells of other groups.

    Parameters
    ----------
    ranked
        Inputs, the most needed first.
    train, validation, groups, latents, config, told
        As for `select_inputs`.

    Returns
    -------
    list of int
        The shortest beginning of `ranked` whose cross-validated loss is within twice
        `config.tolerance` standard errors of the best.
    """
    if len(ranked) < 2:
        return ranked
    groups = np.unique(groups, return_inverse=True)[1]
    if groups.max() == 0:
        groups = np.arange(len(groups))  # nothing to compare between groups
    sizes = np.unique(np.linspace(1, len(ranked), min(len(ranked), MOST)).round().astype(int))
    losses = cross_validated(
        ranked, sizes.tolist(), train, validation, groups, latents, config, told
    )
    excess = losses - losses[losses.mean(1).argmin()]
    good = excess.mean(1) <= 2 * config.tolerance * clustered_error(excess, groups)
    return ranked[: sizes[int(np.flatnonzero(good)[0])]]


def cross_validated(
    ranked: list[int],
    sizes: list[int],
    train: Cells,
    validation: Cells,
    groups: np.ndarray,
    latents: int,
    config: ClassifyConfig,
    told: Told,
) -> np.ndarray:
    """Loss of each cell, first validation then training, of networks that did not see its group.

    Returns
    -------
    numpy.ndarray
        (sizes, cells), of a network each that reads the first inputs of the ranking.
    """
    x, y, weight = (
        torch.cat([getattr(part, name) for part in (validation, train)])
        for name in ("x", "y", "weight")
    )
    outputs = train.outputs
    allowed = np.zeros((len(sizes), x.shape[1]), bool)
    for row, size in zip(allowed, sizes, strict=True):
        row[ranked[:size]] = True
    counts = [
        connections(config.density, latents, int(row.sum()), config, outputs) for row in allowed
    ]
    short = config.model_copy(update={"steps": min(config.steps, CROSS_STEPS)})
    losses = np.empty((len(allowed), len(x)))
    rarest = int(np.unique(y.numpy(), return_counts=True)[1].min())
    number = max(2, min(FOLDS, len(np.unique(groups)), rarest))
    folds = StratifiedGroupKFold(number, shuffle=True, random_state=config.seed)
    for fold, (others, held_out) in enumerate(folds.split(x, y, groups)):
        learn, check = (
            Cells(x[rows], y[rows], weight[rows], outputs)
            for rows in map(torch.from_numpy, (others, held_out))
        )
        # the same start for every size, so that sizes are what differs
        starts = [np.random.default_rng([config.seed, 6, fold, 0]) for _ in counts]
        networks = train_masked(learn, check, counts, starts, short, lambda *_: None, allowed)
        losses[:, held_out] = networks.losses(check).numpy()
        told((fold + 1) * config.steps // number, {})
    return losses
