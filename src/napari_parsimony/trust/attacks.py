"""The smallest change that makes a model decide otherwise: FGSM, PGD and bisection over budgets.

Written here, and not taken from captum.robust (0.9): its PGD takes steps along the sign of the
gradient under L2 too, where they stay a fifth and more short of the best; its random start under
L2 fails for pictures; its budget is one number, where bisection needs one for each cell; and
gradients below 1e-6 count as none.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from napari_parsimony.trust.robustness_config import Norm

Score = Callable[[Tensor], Tensor]
"""(B, …) to scores (B, outputs), see `classify.scores`."""

_STRIDE = 2.5  # Madry et al. 2018: all steps together are so many times the budget
_TINY = torch.finfo(torch.float32).tiny
_HALVINGS = 8  # of a change that flips a cell, along its line


def decisions(scores: Tensor) -> Tensor:
    """Give the number of the class that scores (B, outputs) mean; −1 where one of them is NaN."""
    said = (scores[:, 0] > 0).long() if scores.shape[1] == 1 else scores.argmax(1)
    return torch.where(scores.isnan().any(1), -1, said)


def flipped(scores: Tensor, own: Tensor) -> Tensor:
    """Whether scores (B, outputs) mean another class than `own` (B,); undecided is no class."""
    said = decisions(scores)
    return (said >= 0) & (own >= 0) & (said != own)


def lead(scores: Tensor, own: Tensor) -> Tensor:
    """By how much the class `own` leads the best other one, (B,): below 0 the decision is flipped.

    Unlike a logistic loss, its gradient does not vanish where a model is sure (Carlini & Wagner
    2017).
    """
    if scores.shape[1] == 1:
        return torch.where(own == 1, scores[:, 0], -scores[:, 0])
    mine = own.clamp_min(0)[:, None]
    others = scores.scatter(1, mine, -torch.inf)
    return scores.gather(1, mine)[:, 0] - others.amax(1)


def slope(score: Score, x: Tensor, own: Tensor) -> tuple[Tensor, Tensor]:
    """Gradient of the `lead` by x, and the scores."""
    x = x.detach().requires_grad_()
    scores = score(x)
    if not scores.requires_grad:  # a constant
        return torch.zeros_like(x), scores
    (gradient,) = torch.autograd.grad(lead(scores, own).sum(), x)
    return gradient, scores.detach()


def sizes(change: Tensor, norm: Norm) -> Tensor:
    """L2 or L∞ norm of each cell's change, (B,)."""
    flat = change.flatten(1)
    return flat.norm(dim=1) if norm == "l2" else flat.abs().amax(1)


def steepest(gradient: Tensor, norm: Norm) -> Tensor:
    """Direction of norm 1 along which each cell rises fastest; 0 where it has no gradient."""
    finite = gradient.nan_to_num(nan=0.0)
    if norm == "linf":
        return finite.sign()
    # first by the largest: squares of tiny or huge numbers are 0 or infinite
    finite = finite / _column(sizes(finite, "linf"), finite).clamp_min(_TINY)
    return finite / _column(sizes(finite, "l2"), finite).clamp_min(_TINY)


def within(
    change: Tensor, x: Tensor, budget: Tensor, norm: Norm, low: Tensor, high: Tensor
) -> Tensor:
    """Make a change no larger than the budget (B,), and x + change stay in [low, high]."""
    column = _column(budget, change)
    if norm == "l2":
        own = _column(sizes(change, norm), change).clamp_min(_TINY)
        change = change * (column / own).clamp_max(1)
    else:
        change = torch.maximum(torch.minimum(change, column), -column)
    # 0 is in the range, so that this only makes the change smaller
    return torch.minimum(torch.maximum(x + change, low), high) - x


def fgsm(
    score: Score, x: Tensor, own: Tensor, budgets: Tensor, norm: Norm, low: Tensor, high: Tensor
) -> list[Tensor]:
    """One step along the gradient (Goodfellow et al. 2015), for each of some budgets (K,)."""
    down = -steepest(slope(score, x, own)[0], norm)
    return [within(budget * down, x, budget.expand(len(x)), norm, low, high) for budget in budgets]


def pgd(
    score: Score,
    x: Tensor,
    own: Tensor,
    budget: Tensor,
    norm: Norm,
    steps: int,
    low: Tensor,
    high: Tensor,
    start: Tensor,
) -> tuple[Tensor, Tensor]:
    """Many steps within a budget (Madry et al. 2018).

    Parameters
    ----------
    score
        The model.
    x
        (B, …) cells.
    own
        (B,) class that they must leave; −1 for those that are left alone.
    budget
        (B,) largest norm of the change of each.
    norm, steps
        Norm of the change, and how many steps.
    low, high
        Bounds of x, broadcast against it.
    start
        (B, …) changes to begin with; they are brought within the budget.

    Returns
    -------
    change
        (B, …) the smallest on the way that flips a cell; 0 where none does.
    found
        (B,) whether one does.
    """
    change = within(start, x, budget, norm, low, high)
    best, least = torch.zeros_like(x), torch.full_like(budget, torch.inf)
    stride = _column(_STRIDE * budget / steps, x)
    for _ in range(steps + 1):
        gradient, scores = slope(score, x + change, own)
        size = sizes(change, norm)
        better = flipped(scores, own) & (size < least)
        best = torch.where(_column(better, x), change, best)
        least = torch.where(better, size, least)
        change = within(change - stride * steepest(gradient, norm), x, budget, norm, low, high)
    return best, least.isfinite()


@torch.no_grad()
def shortened(score: Score, x: Tensor, own: Tensor, change: Tensor) -> Tensor:
    """Halve a change that flips a cell, along its line, as long as it does."""
    short, long = torch.zeros(len(x), device=x.device), torch.ones(len(x), device=x.device)
    for _ in range(_HALVINGS):
        middle = (short + long) / 2
        enough = flipped(score(x + _column(middle, x) * change), own)
        short, long = torch.where(enough, short, middle), torch.where(enough, middle, long)
    return _column(long, x) * change


def smallest(
    score: Score,
    x: Tensor,
    own: Tensor,
    most: float,
    norm: Norm,
    low: Tensor,
    high: Tensor,
    *,
    steps: int = 20,
    rounds: int = 6,
    restarts: int = 1,
    seed: int = 0,
    starts: Sequence[Tensor] = (),
) -> tuple[Tensor, Tensor]:
    """Search the smallest change that flips each cell, by PGD and bisection over its budget.

    Whatever flips a cell within a budget does so within any larger one: the share of cells whose
    smallest change is at most ε is the flip rate of this attack at ε.

    Parameters
    ----------
    score, x, own, norm, low, high
        As for `pgd`.
    most
        Largest budget.
    steps, rounds
        Of PGD at the largest budget, and smaller budgets that are tried, with half the steps.
    restarts
        Random starts for cells that are not flipped by the largest budget.
    seed
        Of the random starts.
    starts
        Changes (B, …), each perhaps on a way that flips cells sooner: those of other models.

    Returns
    -------
    change
        (B, …), 0 where none is found.
    size
        (B,) its norm: an upper bound of the smallest there is; infinite where none is found.
    """
    generator = torch.Generator().manual_seed(seed)
    high_end = torch.full((len(x),), float(most), device=x.device)
    best, found = torch.zeros_like(x), torch.zeros(len(x), dtype=torch.bool, device=x.device)
    noise = [torch.randn(x.shape, generator=generator).to(x) for _ in range(restarts)]
    elsewhere = [most * steepest(each, norm) for each in noise]
    low_ends, high_ends = low.expand_as(x), high.expand_as(x)
    for first in (torch.zeros_like(x), *starts, *elsewhere):
        left = (~found & (own >= 0)).nonzero()[:, 0]
        if len(left) == 0:
            break
        here = (x[left], own[left], high_end[left], norm, steps, low_ends[left], high_ends[left])
        best[left], found[left] = pgd(score, *here, first[left])
    best = shortened(score, x, own, best)
    for first in starts:
        change = within(first, x, high_end, norm, low, high)
        with torch.no_grad():
            hit = flipped(score(x + change), own)
        change = shortened(score, x, own, change)
        hit &= ~found | (sizes(change, norm) < sizes(best, norm))
        best = torch.where(_column(hit, x), change, best)
        found |= hit
    least = torch.where(found, sizes(best, norm), high_end)
    low_end = torch.zeros_like(least)
    fewer = max(1, steps // 2)  # they begin with what flipped the cell at a larger budget
    for _ in range(rounds):
        middle = (low_end + least) / 2
        change, hit = pgd(score, x, own, middle, norm, fewer, low, high, best)
        hit &= found
        best = torch.where(_column(hit, x), change, best)
        least = torch.where(hit, sizes(best, norm), least)
        low_end = torch.where(hit, low_end, middle)
    return best, torch.where(found, least, torch.inf)


def _column(values: Tensor, like: Tensor) -> Tensor:
    """Shape (B,) so that it is broadcast against (B, …)."""
    return values.reshape(-1, *(1,) * (like.ndim - 1))
