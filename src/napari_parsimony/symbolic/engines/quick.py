"""The quick engine: sums of terms from a library, chosen one after another.

Stepwise selection by least squares (orthogonal least squares; Chen, Billings & Luo 1989) with a
beam: at every number of terms the best few sets are kept and not only the best one, because the
best pair need not contain the best single term. After every forward step, terms are dropped and
exchanged while that helps. As in SISSO (Ouyang et al. 2018), the terms to choose from are those of
a large library that resemble what the best sets leave unexplained. It ends by the extended BIC
(Chen & Chen 2008), which knows how many terms there were to choose from.
"""

import math
from collections.abc import Sequence

import numpy as np
from scipy.optimize import least_squares
from threadpoolctl import threadpool_limits

from napari_parsimony.symbolic.engines.base import Found, Partial, Problem, ReportFront
from napari_parsimony.symbolic.engines.quick_library import Floats, Library
from napari_parsimony.symbolic.engines.quick_pool import Chosen, Pool
from napari_parsimony.symbolic.evaluate import jacobian
from napari_parsimony.symbolic.expression import Expression, apply, constant

MOST_TERMS = 8
SCREENED = 60  # terms taken from the library for each residual
RESIDUALS = 2  # of the best sets of a size
POLISHED = 3  # sets of a size whose inner numbers are fitted
KEPT = 3  # equations of each number of terms
PATIENCE = 2  # more terms without a better BIC that end it
_EXACT = 1e-20  # part of the variance that rounding leaves


class Quick:
    """Sums of library terms; a second's work, and without randomness."""

    name = "quick"

    def search(self, problem: Problem, report_front: ReportFront) -> list[Found]:
        """Look for the best sums of 0, 1, 2 … terms; see `engines.base.Engine.search`."""
        # more threads are no faster with matrices of this size, and would round differently
        with threadpool_limits(1):
            return _Search(problem).run(report_front)


class _Search:
    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.table = dict(zip(problem.names, problem.values.T, strict=True))
        self.library = Library.of(problem.names, problem.values)
        self.pool = Pool(problem.target)
        self.best: dict[int, list[Chosen]] = {0: [()]}
        self.found: dict[Expression, Found] = {}

    def run(self, report_front: ReportFront) -> list[Found]:
        target = self.pool.residual
        total = float((target**2).sum())
        bic, stalled = math.inf, 0
        self._keep(0)
        for count in range(1, MOST_TERMS + 1):
            for chosen in self.best[count - 1][:RESIDUALS]:
                left = self.pool.left_by(chosen)
                places = self.library.like(left, SCREENED)
                self.pool.add(self.library.term(*place) for place in places)
            beam = self.pool.grown(self.best[count - 1])
            if not beam:
                break
            self.best[count] = self._polished(self.pool.exchanged(beam))
            self._keep(count)
            smallest = min(found.error for found in self.found.values())
            report_front(Partial(count, MOST_TERMS, tuple(self.found.values())))
            if smallest <= _EXACT * total / len(target):
                break
            now = self._bic(count, total)
            bic, stalled = (now, 0) if now < bic else (bic, stalled + 1)
            if stalled == PATIENCE:
                break
        self._backwards()
        members = tuple(self.found.values())
        report_front(Partial(MOST_TERMS, MOST_TERMS, members))
        return list(members)

    def _backwards(self) -> None:
        """Look among what is left of large sets for better small ones."""
        for count in range(max(self.best) - 1, 0, -1):
            beam = self.pool.reduced(self.best[count + 1])
            now = self.pool.explained(self.best[count][0])
            if beam and self.pool.explained(beam[0]) > now * (1 + 1e-9):
                self.best[count] = beam
                self._keep(count)

    def _bic(self, count: int, total: float) -> float:
        cells, terms = len(self.problem.target), self.library.size
        left = max(total - self.pool.explained(self.best[count][0]), 1e-300)
        choices = math.lgamma(terms + 1) - math.lgamma(count + 1) - math.lgamma(terms - count + 1)
        return cells * math.log(left / cells) + count * math.log(cells) + 2 * choices

    def _keep(self, count: int) -> None:
        """Keep the best of so many terms, and shorter ones that are nearly as good."""
        kept, shortest = 0, math.inf
        for chosen in self.best[count]:
            terms = [self.pool.terms[i] for i in chosen]
            size = sum(term.size for term in terms)
            if size >= shortest or kept == KEPT:
                continue
            kept, shortest = kept + 1, size
            weights, error = self._weights([self.pool.columns[i] for i in chosen])
            expression = _sum(terms, weights).simplified()
            self.found.setdefault(expression, Found(expression, self.problem.config.seed, error))

    def _weights(self, columns: Sequence[Floats]) -> tuple[Floats, float]:
        """Weights of columns and, the last, of a constant; and the mean squared error."""
        target = self.problem.target
        design = np.column_stack([*columns, np.ones(len(target))])
        scale = np.abs(design).max(axis=0)
        weights = np.linalg.lstsq(design / scale, target, rcond=None)[0] / scale
        return weights, float(((design @ weights - target) ** 2).mean())

    def _polished(self, beam: list[Chosen]) -> list[Chosen]:
        """Fit frequencies, phases and offsets inside the terms of the best sets that have any."""
        open_sets = [s for s in beam if any(_opened(self.pool.terms[i]).constants for i in s)]
        better = [self._fitted_inside(chosen) for chosen in open_sets[:POLISHED]]
        return self.pool.ranked([*(chosen for chosen in better if chosen), *beam])

    def _fitted_inside(self, chosen: Chosen) -> Chosen | None:
        target = self.problem.target
        terms = [_opened(self.pool.terms[i]) for i in chosen]
        weights, error = self._weights([self.pool.columns[i] for i in chosen])
        expression = _sum(terms, weights)

        def at(numbers: Floats) -> tuple[Floats, Floats]:
            changed = expression.with_constants(numbers.tolist())
            scores, slopes = jacobian(changed, self.table, len(target))
            # the fit steps back from where a score is not finite
            return _bounded(scores - target), _bounded(slopes).T

        fit = least_squares(
            lambda numbers: at(numbers)[0],
            np.array(expression.constants),
            lambda numbers: at(numbers)[1],
            x_scale="jac",
            max_nfev=20,
        )
        if not 2 * fit.cost / len(target) < 0.999 * error:
            return None
        numbers = iter(fit.x.tolist()[1:])
        new = []
        for term in terms:
            next(numbers)  # its weight
            new.append(term.with_constants([next(numbers) for _ in term.constants]))
        places = self.pool.add((term, term.evaluate(self.table)) for term in new)
        indices = {place for place in places if place is not None}
        return tuple(sorted(indices)) if len(indices) == len(chosen) else None


def _sum(terms: Sequence[Expression], weights: Sequence[float] | Floats) -> Expression:
    expression = constant(weights[-1])
    for term, weight in zip(terms, weights, strict=False):
        expression = expression + constant(weight) * term
    return expression


def _bounded(values: Floats) -> Floats:
    return np.nan_to_num(values, nan=1e9, posinf=1e9, neginf=-1e9)


def _opened(term: Expression) -> Expression:
    """Give sines a frequency and a phase that can be fitted, if they have none yet."""
    args = tuple(_opened(arg) for arg in term.args)
    if term.op in ("sin", "cos"):
        (angle,) = args
        if angle.op == "add":
            return term
        if angle.op == "variable":
            angle = constant(1.0) * angle
        return apply(term.op, angle + constant(0.0))
    return apply(term.op, *args) if args else term
