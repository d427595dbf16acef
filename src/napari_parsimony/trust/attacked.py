"""One scheme under all attacks and controls."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_parsimony.trust.attacks import (
    Score,
    decisions,
    fgsm,
    flipped,
    sizes,
    slope,
    smallest,
)
from napari_parsimony.trust.robustness_config import Norm, RobustnessConfig

PGD, FGSM = "pgd", "fgsm"


@dataclass(frozen=True)
class Attacked:
    """What became of N cells.

    Attributes
    ----------
    budgets
        K norms that changes had.
    own
        (N,) number of the class that the scheme decides for; −1 where it does not decide.
    change
        (N, C, S, S) the smallest change found that flips each cell; 0 where none was.
    least
        (N,) its norm; infinite where none was found, NaN where nothing is decided.
    zero
        (N,) whether the gradient is 0 or no number in every pixel.
    flips
        By attack or control, (N, K) 1 where it flips a cell at a budget and 0 where it does not;
        NaN where nothing is decided, or where a control cannot change a crop by so much.
    """

    budgets: tuple[float, ...]
    own: NDArray[np.int64]
    change: NDArray[np.float32]
    least: NDArray[np.float64]
    zero: NDArray[np.bool_]
    flips: Mapping[str, NDArray[np.float64]]

    @classmethod
    def joined(cls, parts: Sequence["Attacked"]) -> "Attacked":
        """Put batches behind each other."""
        own, change, least, zero = (
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("own", "change", "least", "zero")
        )
        flips = {
            name: np.concatenate([part.flips[name] for part in parts]) for name in parts[0].flips
        }
        return cls(parts[0].budgets, own, change, least, zero, flips)


def attack(
    score: Score,
    x: Tensor,
    budgets: Sequence[float],
    norm: Norm,
    controlled: Mapping[str, Sequence[tuple[Tensor, Tensor]]],
    config: RobustnessConfig,
    starts: Sequence[Tensor] = (),
) -> Attacked:
    """Attack a batch of cells.

    Parameters
    ----------
    score
        The scheme, crops to scores.
    x
        (B, C, S, S) crops in 0..1.
    budgets, norm
        Ascending norms of the changes.
    controlled
        By control, for each budget what `controls.of_size` gives.
    config
        Steps, rounds and restarts.
    starts
        (B, C, S, S) changes each, of other schemes: as large as the largest budget, they may
        flip cells of this one too.
    """
    low, high = torch.zeros(()).to(x), torch.ones(()).to(x)
    gradient, scores = slope(score, x, torch.zeros(len(x), dtype=torch.long, device=x.device))
    own = decisions(scores)
    known = own >= 0
    change, least = smallest(
        score, x, own, budgets[-1], norm, low, high,
        steps=config.steps, rounds=config.rounds, restarts=config.restarts, seed=config.seed,
        starts=[
            each * (budgets[-1] / sizes(each, norm).clamp_min(1e-12))[:, None, None, None]
            for each in starts
        ],
    )  # fmt: skip
    at = torch.tensor(budgets).to(x)

    @torch.no_grad()
    def flips(changed: Tensor, possible: Tensor) -> Tensor:
        hit = flipped(score(changed), own).double()
        return hit.masked_fill(~(known & possible), torch.nan)

    one_step = fgsm(score, x, own, at, norm, low, high)
    pgd = (least[:, None] <= at).double().masked_fill(~known[:, None], torch.nan)
    columns = {
        FGSM: [flips((x + each).clamp(0, 1), known) for each in one_step],
        **{name: [flips(*dose) for dose in doses] for name, doses in controlled.items()},
    }
    return Attacked(
        tuple(budgets),
        own.cpu().numpy(),
        change.cpu().numpy(),
        least.double().masked_fill(~known, torch.nan).cpu().numpy(),
        (~(sizes(gradient.nan_to_num(nan=0.0), "linf") > 0)).cpu().numpy(),
        {
            PGD: pgd.cpu().numpy(),
            **{name: torch.stack(each, 1).cpu().numpy() for name, each in columns.items()},
        },
    )
