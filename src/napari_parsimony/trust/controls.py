"""Changes of crops that nobody searched for, as large as the searched ones: controls of an attack.

Noise, and what other pictures of the same cell might show: it lies elsewhere, has other
neighbours, or the lamp was weaker or stronger.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from napari_parsimony.trust.attacks import sizes
from napari_parsimony.trust.robustness_config import Norm

Edit = Callable[[Tensor], Tensor]
"""Doses (B,) from 0, nothing, to 1, the most, to changed crops (B, C, S, S)."""

_FARTHEST = 0.25  # of a side, that a crop is moved
_BRIGHTEST = 5.0  # times
_HALVINGS = 14


def controls(crops: Tensor, masks: Tensor, norm: Norm, seed: int) -> dict[str, Edit]:
    """Control edits of some crops.

    Parameters
    ----------
    crops
        (B, C, S, S) in 0..1.
    masks
        (B, S, S) the central cells.
    norm
        Noise is Gaussian under L2; under L∞, where that would be weak, of one size and random
        sign.
    seed
        Of noise, of the directions of moving, and of who gets whose neighbours.

    Returns
    -------
    dict
        ``noise``, ``translation``, ``surroundings`` (those of another crop), ``brighter`` and
        ``darker``; the changed crops stay in 0..1.
    """
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(crops.shape, generator=generator).to(crops)
    noise = noise if norm == "l2" else noise.sign()
    angles = 2 * torch.pi * torch.rand(len(crops), generator=generator).to(crops)
    # a ring in random order: nobody is given its own neighbours
    order = torch.randperm(len(crops), generator=generator)
    other = torch.empty_like(order)
    other[order] = order.roll(1)
    strange = surroundings_of(crops, masks, other.to(crops.device))

    def moved(dose: Tensor) -> Tensor:
        # 1 is half a side in torch's grids
        far = 2 * _FARTHEST * dose
        place = torch.eye(2, 3).to(crops).repeat(len(crops), 1, 1)
        place[:, 0, 2], place[:, 1, 2] = far * angles.cos(), far * angles.sin()
        grid = functional.affine_grid(place, list(crops.shape), align_corners=False)
        return functional.grid_sample(crops, grid, padding_mode="border", align_corners=False)

    def share(dose: Tensor) -> Tensor:
        return dose[:, None, None, None]

    return {
        "noise": lambda dose: (crops + share(dose) * noise).clamp(0, 1),
        "translation": moved,
        "surroundings": lambda dose: torch.lerp(crops, strange, share(dose)),
        "brighter": lambda dose: (crops * (1 + (_BRIGHTEST - 1) * share(dose))).clamp(0, 1),
        "darker": lambda dose: crops * (1 - share(dose)),
    }


def surroundings_of(crops: Tensor, masks: Tensor, other: Tensor) -> Tensor:
    """Put around each central cell what is around another one, whose own place is background."""
    around = torch.where(masks[:, None], background(crops, masks), crops)
    return torch.where(masks[:, None], crops, around[other])


def background(crops: Tensor, masks: Tensor) -> Tensor:
    """Median of what is not the central cell, (B, C, 1, 1); of all pixels where nothing else is."""
    outside = crops.masked_fill(masks[:, None], torch.nan).flatten(2)
    median = outside.nanmedian(2).values
    whole = crops.flatten(2).median(2).values
    return torch.where(median.isnan(), whole, median)[..., None, None]


@torch.no_grad()
def of_size(edit: Edit, crops: Tensor, budget: float, norm: Norm) -> tuple[Tensor, Tensor]:
    """Dose an edit so that it changes each crop by as much as a budget.

    Parameters
    ----------
    edit
        Of these crops.
    crops
        (B, C, S, S).
    budget, norm
        Norm that the change should have.

    Returns
    -------
    changed
        (B, C, S, S), never by more than the budget.
    reached
        (B,) whether by as much, but for 5 %: even the whole edit may be less.
    """
    low, high = torch.zeros(len(crops)).to(crops), torch.ones(len(crops)).to(crops)
    whole = sizes(edit(high) - crops, norm) <= budget
    low = torch.where(whole, high, low)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        fits = sizes(edit(middle) - crops, norm) <= budget
        low, high = torch.where(fits, middle, low), torch.where(fits, high, middle)
    changed = edit(low)
    return changed, sizes(changed - crops, norm) >= 0.95 * budget
