"""What it takes to change a scheme's mind: adversarial crops, for all schemes at the same budgets.

A scheme that decides by the biology is flipped only by what changes the central cell visibly; one
that decides by a shortcut, by next to nothing, anywhere in the picture (Goodfellow et al. 2015;
Madry et al. 2018). Small smooth models are robust for other reasons too: read beside accuracy.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
import torch
from numpy.typing import ArrayLike, NDArray

from napari_parsimony.cells.orient import central_mask
from napari_parsimony.classify.black_box import best_device
from napari_parsimony.errors import UserError
from napari_parsimony.progress import Progress, Report, silent
from napari_parsimony.trust.attacked import Attacked, attack
from napari_parsimony.trust.controls import controls, of_size
from napari_parsimony.trust.gradient_check import gradient_check
from napari_parsimony.trust.robustness_config import NORMS, Norm, RobustnessConfig
from napari_parsimony.trust.robustness_tables import (
    Resampling,
    cell_table,
    flip_table,
    rate_table,
    summary_table,
)

_NORM_WORDS = {"l2": "L2", "linf": "L∞"}

BATCH = 32
"""Most crops that are attacked at a time."""


@dataclass(frozen=True)
class Robustness:
    """What it takes to flip each scheme.

    Attributes
    ----------
    flips, rates
        See `robustness_tables.flip_table` and `robustness_tables.rate_table`.
    cells
        See `robustness_tables.cell_table`.
    summary
        See `robustness_tables.summary_table`.
    checks
        See `gradient_check.gradient_check`.
    crops
        (N, C, S, S) float32 the crops that were attacked.
    adversarial
        By scheme and norm, (N, C, S, S): each crop with the smallest change that flips it, as it
        was where none does.
    """

    flips: pd.DataFrame
    rates: pd.DataFrame
    cells: pd.DataFrame
    summary: pd.DataFrame
    checks: pd.DataFrame
    crops: NDArray[np.float32]
    adversarial: Mapping[tuple[str, Norm], NDArray[np.float32]]


def held_out(split: ArrayLike, most: int, seed: int) -> NDArray[np.intp]:
    """Draw test cells.

    Parameters
    ----------
    split
        (N,) "train", "validation" or "test".
    most
        How many at most.
    seed
        Of the draw.

    Returns
    -------
    ndarray
        Their rows, ascending.

    Raises
    ------
    UserError
        If there are none.
    """
    rows = np.flatnonzero(np.asarray(split, dtype=str) == "test")
    if len(rows) == 0:
        raise UserError(
            "No cell is held out for testing, and schemes are judged on no others: choose another "
            "fold in the cells step."
        )
    if len(rows) > most:
        rows = np.sort(np.random.default_rng(seed).choice(rows, most, replace=False))
    return rows


def attack_schemes(
    schemes: Mapping[str, torch.nn.Module],
    crops: NDArray,
    config: RobustnessConfig,
    groups: ArrayLike | None = None,
    report: Report = silent,
) -> Robustness:
    """Attack all schemes on the same cells, at the same budgets.

    A cell is flipped where a scheme decides for another class than it did on the crop as it is,
    right or wrong; cells on which it does not decide are left out of its numbers.

    Parameters
    ----------
    schemes
        Crops (B, C, S, S) to scores, see `image_scores.image_schemes`.
    crops
        (N, C, S, S) in 0..1 of held-out cells, see `held_out`.
    config
        Settings.
    groups
        (N,) movie of each cell, what is drawn anew for the intervals; each its own by default.
    report
        Told after each batch under each attack. What it raises ends the attack.

    Raises
    ------
    UserError
        If there are no crops, or they are not within 0..1.
    """
    pixels = np.asarray(crops, np.float32)
    if pixels.ndim != 4 or len(pixels) == 0:
        raise UserError("There are no crops to attack the schemes on.")
    if not (np.isfinite(pixels).all() and pixels.min() >= 0 and pixels.max() <= 1):
        raise UserError(
            "Crops to attack must have values from 0 to 1: choose another normalisation in the "
            "cells step."
        )
    masks = np.stack([central_mask(crop[0]) for crop in pixels])
    # of nearly one size: who is alone has nobody to swap neighbours with
    ends = np.linspace(0, len(pixels), -(-len(pixels) // BATCH) + 1).astype(int)
    parts = [slice(*pair) for pair in pairwise(ends)]
    device = best_device()
    tensors = [torch.from_numpy(pixels[part]).to(device) for part in parts]
    done: dict[tuple[str, Norm], list[Attacked]] = {
        (name, norm): [] for norm in NORMS for name in schemes
    }
    count, total = 0, len(done) * len(parts)
    for scheme in schemes.values():
        scheme.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    try:
        for norm in NORMS:
            budgets = config.budgets(norm, pixels[0].size)
            for number, x in enumerate(tensors):
                mask = torch.from_numpy(masks[parts[number]]).to(device)
                edits = controls(x, mask, norm, config.seed + number)
                doses = {
                    name: [of_size(edit, x, budget, norm) for budget in budgets]
                    for name, edit in edits.items()
                }
                starts: list[torch.Tensor] = []
                for name, scheme in schemes.items():
                    each = attack(scheme, x, budgets, norm, doses, config, starts)
                    done[name, norm].append(each)
                    starts.append(torch.from_numpy(each.change).to(device))
                    count += 1
                    report(Progress(count, total, f"Attacking under {_NORM_WORDS[norm]}: {name}"))
        found = {key: Attacked.joined(each) for key, each in done.items()}
        checks = gradient_check(schemes, tensors, found)
    finally:
        for scheme in schemes.values():
            scheme.cpu()
    draw = Resampling(groups, len(pixels), config)
    cells = cell_table(pixels, masks, found)
    flips = flip_table(found)
    return Robustness(
        flips=flips,
        rates=rate_table(flips, draw),
        cells=cells,
        summary=summary_table(cells, draw),
        checks=checks,
        crops=pixels,
        adversarial={key: np.clip(pixels + each.change, 0, 1) for key, each in found.items()},
    )
