"""Remove whole inputs that a sparse network does not need.

RigL fixes how many connections a network has, not how many inputs it reads: spare connections
end on inputs that say nothing. Backward elimination on held-out cells takes them away again.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch

from napari_parsimony.classify.mlp import Cells, Networks
from napari_parsimony.classify.topology import live_masks, used_inputs


def clustered_error(losses: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Return the standard error of mean losses when cells of one group are alike.

    Parameters
    ----------
    losses
        (..., N), one loss per cell.
    groups
        (N,) integers from 0, none left out. With one group there is nothing to compare between
        groups, and the error is NaN.

    Returns
    -------
    numpy.ndarray
        (...,): the cluster-robust standard error with the G / (G - 1) correction.
    """
    count = int(groups.max()) + 1
    if count < 2:
        return np.full(losses.shape[:-1], np.nan)
    residual = losses - losses.mean(-1, keepdims=True)
    order = np.argsort(groups, kind="stable")
    starts = np.searchsorted(groups[order], np.arange(count))
    sums = np.add.reduceat(residual[..., order], starts, axis=-1)
    return np.sqrt(count / (count - 1) * (sums**2).sum(-1)) / losses.shape[-1]


def remove_inputs(networks: Networks, removed: np.ndarray) -> None:
    """Take inputs (S, inputs) and all connections that are then dead from networks.

    A network that would lose its last path loses all connections and is a constant.
    """
    first, *others = networks.masks
    networks.set_masks([first & ~removed[:, :, None], *others])
    networks.clear_dead()
    networks.set_masks(live_masks(networks.masks))


@torch.no_grad()
def ablated_losses(networks: Networks, cells: Cells, candidates: np.ndarray) -> np.ndarray:
    """Mean loss of each network with one input at its mean (0 when standardised).

    Parameters
    ----------
    networks
        S sparse networks.
    cells
        Cells to measure on.
    candidates
        (S, inputs): which inputs to try; the others' losses are infinite.

    Returns
    -------
    numpy.ndarray
        (S, inputs).
    """
    part, _ = networks.live_part()
    result = np.full(candidates.shape, np.inf)
    for j in np.flatnonzero(candidates.any(0)):
        x = cells.x.clone()
        x[:, j] = 0
        losses = part.losses(replace(cells, x=x)).mean(1).numpy()
        result[:, j] = np.where(candidates[:, j], losses, np.inf)
    return result


def eliminate_inputs(
    networks: Networks,
    validation: Cells,
    groups: np.ndarray,
    tolerance: float,
    fine_tune: Callable[[Networks], None],
    told: Callable[[int, dict[str, float]], None],
    units: int,
) -> None:
    """Remove inputs one by one while the held-out loss stays within its error.

    Each round every network loses the input whose absence hurts it least. If its loss is then
    more than `tolerance` standard errors above its lowest so far, it gets a fine-tuning to
    recover; if it does not, the input is needed and stays. It ends when all that is left is
    needed.

    The standard error is that of the difference, cell by cell: both networks find the same
    cells hard, so the errors of their means say little about which is better (on a planted law
    of four inputs they let two of the four go).

    Parameters
    ----------
    networks
        S sparse networks, changed in place; of the connections only live ones are left.
    validation, groups
        Held-out cells, and which of them belong together, integers from 0 (see
        `clustered_error`).
    tolerance
        Standard errors that the loss may rise by.
    fine_tune
        Trains networks with the connections they have, in place.
    told
        Called with how far it is, of `units`, and numbers worth plotting.
    units
        See `told`.
    """
    networks.clear_dead()
    networks.set_masks(live_masks(networks.masks))
    reference = networks.losses(validation).numpy()
    needed = np.zeros((networks.seeds, networks.sizes[0]), bool)
    in_question = max(1, int(used_inputs(networks.masks).sum()))

    def accept(trial: Networks) -> np.ndarray:
        """Take over the trials that are good enough, and compare with better ones from now on."""
        losses = trial.losses(validation).numpy()
        excess = losses - reference
        good = excess.mean(1) <= tolerance * clustered_error(excess, groups)
        networks.take(trial, torch.from_numpy(good))
        better = excess.mean(1) < 0
        reference[better] = losses[better]
        return good

    while True:
        used = used_inputs(networks.masks)
        candidates = used & ~needed & (used.sum(1, keepdims=True) > 1)
        told(
            units - units * int(candidates.sum()) // in_question,
            {"latents used": float(used.sum(1).mean())},
        )
        if not candidates.any():
            break
        ablated = ablated_losses(networks, validation, candidates)
        removed = np.zeros_like(candidates)
        trying = candidates.any(1)
        removed[trying, ablated.argmin(1)[trying]] = True
        trial = networks.clone()
        remove_inputs(trial, removed)
        failed = trying & ~accept(trial)
        if failed.any():
            fine_tune(trial)
            failed &= ~accept(trial)
            needed |= removed & failed[:, None]
    fine_tune(networks)
