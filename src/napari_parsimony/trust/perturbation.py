"""Virtual perturbation: edit the picture of a cell, and see what the schemes make of it.

What a law says of a latent is about pictures only if an edit that means the same moves the latent
and, through it, the score. A scheme that reacts to removed neighbours reads more than the cell.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from napari_parsimony.cells.orient import central_mask
from napari_parsimony.classify.scores import log_odds
from napari_parsimony.errors import UserError
from napari_parsimony.progress import Progress, Report, silent
from napari_parsimony.symbolic.losses import CERTAIN
from napari_parsimony.trust.attacks import decisions, flipped, lead
from napari_parsimony.trust.edits import EDITS, Edit
from napari_parsimony.trust.robustness_tables import Resampling
from napari_parsimony.vae.latents import encode_crops, latent_names

if TYPE_CHECKING:
    from napari_parsimony.vae.model import Vae

Floats = NDArray[np.float64]

BATCH = 256


@dataclass(frozen=True)
class Perturbed:
    """What edits of the pictures of N cells do.

    Attributes
    ----------
    scores
        ``edit``, its ``title`` and the dose that is ``nothing``, ``dose``, ``scheme``, ``n``
        (cells on which the scheme decides before and after), ``mean_change`` and ``sd_change`` of
        the score (of more than two classes, of the lead of the class decided for), ``flips``
        (share given another class) with ``low`` and ``high``, its interval, and ``agreement``:
        correlation of the changes with those under the law, over the cells.
    moves
        ``edit``, ``dose``, ``latent``, ``mean_move`` and ``sd_move`` of the used latents, in
        their standard deviations: what the law sees of an edit.
    flips
        By edit, dose and scheme, (N,) 1 for a cell that is given another class and 0 for one that
        is not; NaN where the scheme does not decide, or no cell is seen.
    odds
        By edit and dose, (N, outputs) what the law says: logarithm of the odds of each class
        against the rest, of two classes only of the second, cut where they count as certain.
        ``"", 0`` is the picture as it is. NaN as above.
    """

    scores: pd.DataFrame
    moves: pd.DataFrame
    flips: Mapping[tuple[str, float, str], Floats]
    odds: Mapping[tuple[str, float], Floats]


AS_IT_IS = ("", 0.0)
"""Key of the unedited pictures in `Perturbed.odds`."""


def perturb(
    schemes: Mapping[str, nn.Module],
    vae: "Vae",
    crops: NDArray,
    used: Sequence[str],
    spread: Mapping[str, float],
    draw: Resampling,
    edits: Mapping[str, Edit] = EDITS,
    law: str = "symbolic",
    report: Report = silent,
) -> Perturbed:
    """Edit crops at several doses, encode them again and score them.

    Parameters
    ----------
    schemes
        Crops (B, C, S, S) to scores, see `image_scores.image_schemes`.
    vae
        The encoder.
    crops
        (N, C, S, S) in 0..1 of held-out cells; those without a cell in the middle are left out.
    used
        Latents that the law reads.
    spread
        Their standard deviations over all cells.
    draw
        Of these N cells, for the intervals.
    edits
        By name.
    law
        The scheme whose changes the others are compared with.
    report
        Told after each edit at each dose. What it raises ends the work.

    Raises
    ------
    UserError
        If no crop shows a cell in its middle, or the law is not among the schemes.
    """
    if law not in schemes:
        raise UserError(f"There is no scheme '{law}' to compare {', '.join(schemes)} with.")
    pixels = np.asarray(crops, np.float32)
    masks = np.array([central_mask(crop[0]) for crop in pixels]).reshape(-1, *pixels.shape[2:])
    seen = masks.any((1, 2)) & ~masks.all((1, 2))
    if not seen.any():
        raise UserError("No crop shows a cell in its middle, so that there is nothing to edit.")
    x, mask = torch.from_numpy(pixels[seen]), torch.from_numpy(masks[seen])
    names = latent_names(vae.architecture.latents)
    at = [names.index(name) for name in used]
    sd = np.array([spread[name] for name in used])

    def spread_out(values: Floats) -> Floats:
        whole = np.full((len(pixels), *values.shape[1:]), np.nan)
        whole[seen] = values
        return whole

    before = {name: _scored(scheme, x) for name, scheme in schemes.items()}
    own = {name: decisions(scores) for name, scores in before.items()}
    latents = encode_crops(vae, x.numpy())[0][:, at]
    scores, moves, flips = [], [], {}
    odds = {AS_IT_IS: spread_out(_odds(before[law]))}
    steps = [(name, edit, dose) for name, edit in edits.items() for dose in edit.doses]
    for number, (name, edit, dose) in enumerate(steps):
        parts = zip(x.split(BATCH), mask.split(BATCH), strict=True)
        changed = torch.cat([edit.apply(*part, dose) for part in parts])
        after = {scheme: _scored(score, changed) for scheme, score in schemes.items()}
        change = {scheme: _change(before[scheme], after[scheme], own[scheme]) for scheme in schemes}
        odds[name, dose] = spread_out(_odds(after[law]))
        for scheme in schemes:
            known = np.isfinite(change[scheme])
            row = {"edit": name, "title": edit.title, "nothing": edit.nothing, "dose": dose}
            row |= {"scheme": scheme, "n": int(known.sum())}
            values = change[scheme][known]
            row["mean_change"] = float(values.mean()) if known.any() else np.nan
            row["sd_change"] = float(values.std()) if known.any() else np.nan
            hit = np.where(known, flipped(after[scheme], own[scheme]).numpy(), np.nan)
            flips[name, dose, scheme] = spread_out(hit)
            row["flips"], row["low"], row["high"] = draw.mean(flips[name, dose, scheme])
            row["agreement"] = _correlation(change[scheme], change[law])
            scores.append(row)
        moved = (encode_crops(vae, changed.numpy())[0][:, at] - latents) / sd
        for column, latent in enumerate(used):
            mean, by = float(moved[:, column].mean()), float(moved[:, column].std())
            moves.append({"edit": name, "dose": dose, "latent": latent, "mean_move": mean,
                          "sd_move": by})  # fmt: skip
        report(Progress(number + 1, len(steps), f"Edited: {edit.title} {dose:g}"))
    return Perturbed(pd.DataFrame(scores), pd.DataFrame(moves), flips, odds)


def _odds(scores: Tensor) -> Floats:
    return np.clip(np.stack(log_odds(scores.numpy()), axis=1), -CERTAIN, CERTAIN)


@torch.no_grad()
def _scored(score: nn.Module, x: Tensor) -> Tensor:
    return torch.cat([score(part).double() for part in x.split(BATCH)])


def _change(before: Tensor, after: Tensor, own: Tensor) -> Floats:
    """By how much a cell's score changes, of more than two classes its lead; NaN: no number."""
    if before.shape[1] == 1:
        change = (after - before)[:, 0]
    else:
        change = lead(after, own) - lead(before, own)
    return np.asarray(change.masked_fill(own < 0, torch.nan).numpy())


def _correlation(one: Floats, other: Floats) -> float:
    known = np.isfinite(one) & np.isfinite(other)
    if known.sum() < 2 or not (one[known].std() > 0 and other[known].std() > 0):
        return float("nan")
    return float(np.corrcoef(one[known], other[known])[0, 1])
