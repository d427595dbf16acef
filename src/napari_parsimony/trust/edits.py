"""Real edits of the central cell of crops, and of what is around it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from napari_parsimony.cells.orient import moments
from napari_parsimony.trust.controls import background
from napari_parsimony.trust.regions import EDGE


@dataclass(frozen=True)
class Edit:
    """What can be done to a picture.

    Attributes
    ----------
    title
        What people read.
    nothing
        The dose that changes nothing.
    doses
        Those to try.
    apply
        ``apply(crops, masks, dose)`` gives the changed crops (B, C, S, S) in 0..1; crops are
        (B, C, S, S), masks (B, S, S) the central cells.
    """

    title: str
    nothing: float
    doses: tuple[float, ...]
    apply: Callable[[Tensor, Tensor, float], Tensor]


def resized(crops: Tensor, masks: Tensor, factor: float) -> Tensor:
    """Make the area of the central cell so many times as large, about its centroid."""
    return _warped(crops, masks, factor**0.5, factor**0.5)


def stretched(crops: Tensor, masks: Tensor, factor: float) -> Tensor:
    """Make length over width of the central cell so many times as large; its area stays."""
    return _warped(crops, masks, factor**0.5, factor**-0.5)


def brightened(crops: Tensor, masks: Tensor, factor: float) -> Tensor:
    """Multiply how much brighter the central cell is than the background."""
    base = background(crops, masks)
    changed = (base + factor * (crops - base)).clamp(0, 1)
    return torch.where(masks[:, None], changed, crops)


def alone(crops: Tensor, masks: Tensor, share: float) -> Tensor:
    """Fade what is around the central cell by a share, 1 for all of it, to the background."""
    around = torch.lerp(crops, background(crops, masks).expand_as(crops), share)
    return torch.where(_wider(masks)[:, None], crops, around)


EDITS: Mapping[str, Edit] = {
    "size": Edit("area of the cell (×)", 1.0, (0.5, 0.7, 0.85, 1.2, 1.5), resized),
    "elongation": Edit("length over width (×)", 1.0, (0.6, 0.8, 1.25, 1.6, 2.0), stretched),
    "brightness": Edit("brightness of the cell (×)", 1.0, (0.5, 0.75, 1.25, 1.5), brightened),
    "neighbours": Edit("neighbours removed", 0.0, (0.5, 1.0), alone),
}


def _wider(masks: Tensor) -> Tensor:
    side = 2 * EDGE + 1
    grown = functional.max_pool2d(masks[:, None].float(), side, 1, EDGE)
    return grown[:, 0] > 0


def _warped(crops: Tensor, masks: Tensor, along: float, across: float) -> Tensor:
    """Stretch the central cell along its principal axis and across; its place is filled."""
    if along == across == 1:
        return crops
    count, size = len(crops), crops.shape[-1]
    wide = _wider(masks)
    y, x, angle = _axes(masks)
    cosine, sine = angle.cos(), angle.sin()
    turn = torch.stack([cosine, sine, -sine, cosine], 1).reshape(count, 2, 2)
    scale = torch.tensor([1 / along, 1 / across]).to(crops)
    # from places in the new picture to places in the old one, in (x, y)
    linear = turn.transpose(1, 2) @ (scale[:, None] * turn)
    centre = torch.stack([x, y], 1)
    shift = centre - (linear @ centre[..., None])[..., 0]
    grid = functional.affine_grid(
        torch.cat([linear, shift[..., None]], 2), [count, 1, size, size], align_corners=False
    )
    layers = torch.cat([crops, wide[:, None].to(crops)], 1)
    moved = functional.grid_sample(layers, grid, padding_mode="border", align_corners=False)
    cell, cover = moved[:, :-1], moved[:, -1:]
    rest = torch.where(wide[:, None], background(crops, masks), crops)
    return torch.lerp(rest, cell, cover).clamp(0, 1)


def _axes(masks: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Centroids y and x in torch's grids, −1 to 1, and angles of the principal axes, (B,) each."""
    owner, rows, columns = np.nonzero(masks.cpu().numpy())
    found = moments(rows, columns, owner, len(masks))
    middles = ((place + 0.5) * (2 / masks.shape[-1]) - 1 for place in (found.y, found.x))
    y, x, angle = (
        torch.from_numpy(each).to(masks.device, torch.float32) for each in (*middles, found.angle)
    )
    return y, x, angle
