"""Fit the numbers in an equation to the classes."""

from abc import ABC, abstractmethod
from itertools import pairwise
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from napari_parsimony.symbolic.class_scores import ClassScores, E, decidable, numbers_of
from napari_parsimony.symbolic.evaluate import jacobian
from napari_parsimony.symbolic.expression import Expression, constant
from napari_parsimony.symbolic.lapses import MANY, Lapses
from napari_parsimony.symbolic.losses import CERTAIN, Floats, fair_logistic, logistic, own_odds

# The price of ln(1 + score²), in nats for all cells together: like any prior (this is Cauchy's), it
# weighs less the more cells there are. Classes that can be separated would otherwise drive the
# numbers to infinity, where every cell is certain and no shorter variant can be fitted any more. A
# law that grows as fast as exp(exp(z3)) must not pay much for it, nor one that is sharp: what
# levels off by itself would be sharper for the same price.
_CALM = 0.3
_DAMPING = 1e-3
_MOST_DAMPING = 1e8
_NOTHING = 1e-6

Seen = TypeVar("Seen", contravariant=True)


def refit(
    equation: E,
    values: Floats,
    names: tuple[str, ...],
    target: Floats,
    weights: Floats,
    steps: int = 50,
) -> tuple[E, float]:
    """Fit the constants of an equation by weighted logistic loss.

    Fisher scoring with Levenberg-Marquardt damping, in float64, of the loss and a small price on
    large scores. Only steps that lower both together are taken, and the start is returned if the
    loss alone is not lower in the end. A cell without a score costs as much as a wrong one.

    The loss is `fair_logistic` of two classes, `logistic` of more. Of two classes it is made small
    by way of others: of `logistic`, whose scores are cut at ±4, and where cells are many also of
    one that learns how many labels are wrong. With the cut alone, wrong labels of a rare class,
    which weigh much, would be paid for by a law that decides worse and is nowhere certain.

    Parameters
    ----------
    equation
        What to fit; without constants it comes back as it is. The constants of all classes are
        fitted together.
    values, names
        Latents of the training cells, shape (cells, variables), and their names.
    target
        Classes of these cells, 0, 1, …, shape (cells,).
    weights
        Weights of these cells in the loss, shape (cells,).
    steps
        Most steps, refused ones included.

    Returns
    -------
    equation, loss
        The best one met, and its mean loss: never more than that of the equation given.
    """
    columns = dict(zip(names, values.T, strict=True))
    share = weights / weights.sum()
    if isinstance(equation, ClassScores):
        return _descend(equation, _Together(columns, target, share), steps)
    if equation.op != "constant":
        kinds = (_Cut, _Lapsing) if len(target) >= MANY else (_Cut,)
        fits = [_descend(equation, kind(columns, target, share), steps) for kind in kinds]
        return min(fits, key=lambda fit: fit[1])
    second = float(share @ target)
    odds = np.log(second / (1 - second))
    # of balanced classes it decides nothing, and not what rounding makes of it
    best = constant(0.0 if abs(odds) < _NOTHING else float(odds))
    return best, _Cut(columns, target, share).loss(np.full(len(target), best.value))


def refit_one(
    expression: Expression,
    which: int,
    scores: Floats,
    values: Floats,
    names: tuple[str, ...],
    target: Floats,
    weights: Floats,
    steps: int = 50,
) -> tuple[Expression, float]:
    """Fit the expression of one class while the scores (cells, classes) of the others stay."""
    columns = dict(zip(names, values.T, strict=True))
    objective = _OneOf(columns, target, weights / weights.sum(), which, scores)
    return _descend(expression, objective, steps)


class _Objective(Protocol[Seen]):
    """What is made small: a loss, and the price of large scores.

    Attributes
    ----------
    enough
        A step that gains a smaller part than this is the last.
    """

    enough: float

    def see(self, equation: Seen, numbers: Floats) -> tuple[Floats, Floats]:
        """Scores of the cells with other numbers, and their derivatives (constants, cells)."""

    def loss(self, scores: Floats) -> float:
        """Mean loss in nats."""

    def adapt(self, scores: Floats) -> None:
        """Let what else belongs to the loss follow the scores."""

    def priced(self, scores: Floats) -> float:
        """Add the price to the loss."""

    def step(self, scores: Floats, slopes: Floats, damping: float) -> Floats:
        """Solve for the step of all constants; cells without a score have no say."""


def _descend(equation: E, objective: _Objective[E], steps: int) -> tuple[E, float]:
    numbers = np.array(equation.constants)
    scores, slopes = objective.see(equation, numbers)
    before = objective.loss(scores)
    damping, moved = _DAMPING, False
    for _ in range(steps if len(numbers) else 0):
        objective.adapt(scores)
        cost = objective.priced(scores)
        step = objective.step(scores, slopes, damping)
        changed = numbers + step
        if not np.isfinite(changed).all() or not step.any():
            break
        new_scores, new_slopes = objective.see(equation, changed)
        gained = cost - objective.priced(new_scores)
        if gained > 0:
            numbers, scores, slopes, moved = changed, new_scores, new_slopes, True
            damping = max(damping / 5, 1e-9)
            if gained < objective.enough * cost:
                break
        else:
            damping *= 8
            if damping > _MOST_DAMPING:
                break
    after = objective.loss(scores)
    if not moved or after > before:
        return equation, before
    return equation.with_constants(numbers.tolist()), after


class _Base:
    def __init__(self, columns: dict[str, Floats], target: Floats, share: Floats) -> None:
        self.columns, self.target, self.share = columns, target, share
        self.calm = _CALM / len(target)


class _Alone(_Base, ABC):
    """Two classes, one score."""

    enough = 1e-6

    def see(self, equation: Expression, numbers: Floats) -> tuple[Floats, Floats]:
        return jacobian(equation, self.columns, len(self.target), numbers)

    def loss(self, scores: Floats) -> float:
        return float((self.share * fair_logistic(scores, self.target, self.share)).sum())

    def adapt(self, scores: Floats) -> None:
        """There is nothing else."""

    @abstractmethod
    def losses(self, scores: Floats) -> Floats:
        """Loss of each cell that is made small."""

    @abstractmethod
    def slopes(self, scores: Floats, cells: NDArray) -> tuple[Floats, Floats]:
        """Its derivatives, as in `Lapses.slopes`."""

    def priced(self, scores: Floats) -> float:
        price = np.log1p(np.clip(scores, -1e100, 1e100) ** 2)
        each = self.losses(scores) + self.calm * price
        return float((self.share * np.nan_to_num(each, nan=CERTAIN + 1e3 * self.calm)).sum())

    def step(self, scores: Floats, slopes: Floats, damping: float) -> Floats:
        defined = np.isfinite(slopes).all(axis=0) & (np.abs(scores) < 1e100)
        inner, s = slopes[:, defined], scores[defined]
        pull, weight = self.slopes(s, defined)
        calm = 2 * self.calm * self.share[defined] / (1 + s * s)
        with np.errstate(all="ignore"):
            gradient = (inner * (pull + calm * s)).sum(axis=1)
            curvature = (inner * (weight + calm)) @ inner.T
        return _solved(gradient, curvature, damping)


class _Cut(_Alone):
    """Scores count as no more certain than ±4, so that a wrong label costs no more than that."""

    def losses(self, scores: Floats) -> Floats:
        return logistic(scores, self.target)

    def slopes(self, scores: Floats, cells: NDArray) -> tuple[Floats, Floats]:
        free = self.share[cells] * (np.abs(scores) < CERTAIN)
        said = expit(scores)
        return free * (said - self.target[cells]), free * said * (1 - said)


class _Lapsing(_Alone):
    """Labels are wrong at a rate for each class, which follows the scores."""

    def __init__(self, columns: dict[str, Floats], target: Floats, share: Floats) -> None:
        super().__init__(columns, target, share)
        self.lapses = Lapses(target, share)

    def adapt(self, scores: Floats) -> None:
        self.lapses.adapt(np.nan_to_num(scores))

    def losses(self, scores: Floats) -> Floats:
        return self.lapses.losses(scores)

    def slopes(self, scores: Floats, cells: NDArray) -> tuple[Floats, Floats]:
        return self.lapses.slopes(scores, cells)


class _Softmax(_Base):
    """More classes, a score for each: scores (cells, classes)."""

    # there are many more equations to fit than of two classes
    enough = 1e-5
    owners: NDArray[np.intp]  # which class each constant is of, ascending

    def loss(self, scores: Floats) -> float:
        return float((self.share * logistic(scores, self.target)).sum())

    def adapt(self, scores: Floats) -> None:
        """There is nothing else."""

    def priced(self, scores: Floats) -> float:
        price = np.log1p(np.clip(scores, -1e100, 1e100) ** 2).sum(axis=1)
        return self.loss(scores) + self.calm * float(
            (self.share * np.nan_to_num(price, nan=1e3)).sum()
        )

    def step(self, scores: Floats, slopes: Floats, damping: float) -> Floats:
        finite = np.isfinite(slopes).all(axis=0) & (np.abs(scores) < 1e100).all(axis=1)
        inner, s, share, own = (
            slopes[:, finite], scores[finite].T, self.share[finite],
            self.target[finite].astype(np.intp),
        )  # fmt: skip
        free = share * (np.abs(own_odds(s.T, own)) < CERTAIN)  # the others' loss is cut
        probability = np.exp(s - s.max(axis=0))
        probability /= probability.sum(axis=0)
        calm = 2 * self.calm * share / (1 + s * s)
        wrong = probability.copy()
        wrong[own, np.arange(len(own))] -= 1
        pull = free * wrong + calm * s
        gradient, curvature = np.empty(len(inner)), np.empty((len(inner), len(inner)))
        bounds = np.searchsorted(self.owners, np.arange(len(s) + 1))
        parts = [slice(*pair) for pair in pairwise(bounds.tolist())]  # the constants of each class
        with np.errstate(all="ignore"):
            for k, rows in enumerate(parts):
                if rows.start == rows.stop:
                    continue
                gradient[rows] = (inner[rows] * pull[k]).sum(axis=1)
                for other, columns in enumerate(parts[: k + 1]):
                    weight = -free * probability[k] * probability[other]
                    if other == k:
                        weight += free * probability[k] + calm[k]
                    block = (inner[rows] * weight) @ inner[columns].T
                    curvature[rows, columns], curvature[columns, rows] = block, block.T
        return _solved(gradient, curvature, damping)


class _Together(_Softmax):
    """The expressions of all classes."""

    def see(self, equation: ClassScores, numbers: Floats) -> tuple[Floats, Floats]:
        count = len(self.target)
        counts = [len(numbers_of(each)) for each in equation.expressions]
        self.owners = np.repeat(np.arange(len(counts)), counts)
        parts = [
            jacobian(each, self.columns, count, own if len(own) else None)
            for each, own in zip(
                equation.expressions, np.split(numbers, np.cumsum(counts)[:-1]), strict=True
            )
        ]
        slopes = [slope for (_, slope), fitted in zip(parts, counts, strict=True) if fitted]
        scores = np.stack([score for score, _ in parts]).T
        return decidable(scores), np.concatenate(slopes) if slopes else np.empty((0, count))


class _OneOf(_Softmax):
    """The expression of one class, with given scores of the others."""

    def __init__(
        self,
        columns: dict[str, Floats],
        target: Floats,
        share: Floats,
        which: int,
        scores: Floats,
    ) -> None:
        super().__init__(columns, target, share)
        self.which, self.others = which, scores

    def see(self, equation: Expression, numbers: Floats) -> tuple[Floats, Floats]:
        own, slopes = jacobian(equation, self.columns, len(self.target), numbers)
        scores = self.others.copy(order="F")
        scores[:, self.which] = own
        self.owners = np.full(len(slopes), self.which)
        return decidable(scores), slopes


def _solved(gradient: Floats, curvature: Floats, damping: float) -> Floats:
    diagonal = np.diag(curvature)
    if not (np.isfinite(curvature).all() and np.isfinite(gradient).all()):
        return np.zeros_like(gradient)
    ridge = damping * diagonal + 1e-12 * (1 + diagonal.max(initial=0.0))
    return np.asarray(np.linalg.solve(curvature + np.diag(ridge), -gradient), np.float64)
