"""The quick engine: sums of terms from a library, chosen one after another.

Forward selection by least squares (orthogonal least squares; Chen, Billings & Luo 1989) with a
beam: at every number of terms the best few sets are kept and not only the best one, because the
best pair need not contain the best single term. All sets are judged from one Gram matrix.
"""

from itertools import combinations, permutations

import numpy as np
from numpy.typing import NDArray

from napari_parsimony.symbolic.engines.base import Found, Partial, Problem, ReportFront
from napari_parsimony.symbolic.expression import Expression, apply, constant, variable

MOST_TERMS = 8
BEAM = 20
_COLLINEAR = 1e-7  # a column with a smaller part of its variance left adds nothing


def library(names: tuple[str, ...]) -> list[Expression]:
    """All terms that may be added up."""
    z = [variable(name) for name in names]
    one = [
        term
        for x in z
        for term in (
            x,
            apply("square", x),
            apply("cube", x),
            apply("abs", x),
            apply("exp", x),
            apply("exp", -x),
            apply("exp", apply("exp", x)),
            apply("exp", -apply("square", x)),
        )
    ]
    pairs = [x * y for x, y in combinations(z, 2)]
    ordered = [
        term
        for x, y in permutations(z, 2)
        for term in (x * apply("square", y), x * apply("exp", y))
    ]
    return one + pairs + ordered


class Quick:
    """Sums of library terms; instant and without randomness."""

    name = "quick"

    def search(self, problem: Problem, report_front: ReportFront) -> list[Found]:
        """Look for the best sum of 0, 1, 2 … terms; see `engines.base.Engine.search`."""
        values = dict(zip(problem.names, problem.values.T, strict=True))
        terms = library(problem.names)
        columns = np.stack([term.evaluate(values) for term in terms], axis=1)
        with np.errstate(all="ignore"):
            centred = columns - columns.mean(axis=0)
            norms = np.sqrt((centred**2).sum(axis=0))
            good = np.isfinite(norms) & (norms > 1e-9 * (1 + np.abs(columns).max(axis=0)))
        good_terms = [term for term, ok in zip(terms, good, strict=True) if ok]
        columns, unit = columns[:, good], centred[:, good] / norms[good]
        residual = problem.target - problem.target.mean()
        gram, moments = unit.T @ unit, unit.T @ residual

        found = [self._found(problem, columns, good_terms, ())]
        beam: list[tuple[int, ...]] = [()]
        most = min(MOST_TERMS, len(good_terms))
        for count in range(1, most + 1):
            beam = _grown(beam, gram, moments)
            if not beam:
                break
            found.append(self._found(problem, columns, good_terms, beam[0]))
            report_front(Partial(count, most, tuple(found)))
            if found[-1].error <= 1e-20 * (residual**2).mean():
                break
        return found

    def _found(
        self,
        problem: Problem,
        columns: NDArray[np.float64],
        terms: list[Expression],
        chosen: tuple[int, ...],
    ) -> Found:
        chosen = tuple(sorted(chosen))
        design = np.column_stack([columns[:, chosen], np.ones(len(columns))])
        scale = np.abs(design).max(axis=0)
        weights = np.linalg.lstsq(design / scale, problem.target, rcond=None)[0] / scale
        error = float(((design @ weights - problem.target) ** 2).mean())
        expression = constant(weights[-1])
        for index, weight in zip(chosen, weights, strict=False):
            expression = expression + constant(weight) * terms[index]
        return Found(expression.simplified(), problem.config.seed, error)


def _grown(
    beam: list[tuple[int, ...]], gram: NDArray[np.float64], moments: NDArray[np.float64]
) -> list[tuple[int, ...]]:
    """Add one more column to each set; the best first, by the variance that they explain."""
    best: dict[tuple[int, ...], float] = {}
    for chosen in beam:
        inside = list(chosen)
        across = gram[inside]
        solved = np.linalg.solve(gram[np.ix_(inside, inside)], across) if chosen else across
        left = np.diag(gram) - (across * solved).sum(axis=0)
        usable = left > _COLLINEAR
        usable[inside] = False
        unexplained = moments - moments[inside] @ solved
        gain = np.where(usable, unexplained**2 / np.where(usable, left, 1.0), -1.0)
        explained = float(
            moments[inside] @ np.linalg.solve(gram[np.ix_(inside, inside)], moments[inside])
            if chosen
            else 0.0
        )
        for index in np.argsort(-gain, kind="stable")[:BEAM]:
            if gain[index] > 0:
                best[tuple(sorted((*chosen, int(index))))] = explained + float(gain[index])
    # rounded, so that ties do not fall by the last bit of a matrix product
    ranked = sorted(best, key=lambda key: (-float(f"{best[key]:.10g}"), key))
    return ranked[:BEAM]
