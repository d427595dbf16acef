"""Better terms for the equations that were found, by the classes themselves.

Engines imitate the sparse network's scores, and a network smooths: where the law grows like
exp(exp(z)) it grows like tanh(z), and what resembles its scores most is not what decides the class.
Here sums of terms are chosen by the logistic loss of the classes. From the equations found, and
from sums with one term more, terms are exchanged for others, and in the best sum the function of a
latent within a term for every other one, while that helps: stepwise regression with exchanges
(Miller 2002, chapter 3), in which score tests (Rao 1948) tell which terms are worth a fit.
"""

from collections.abc import Callable, Iterable, Iterator

import numpy as np

from napari_parsimony.symbolic.engines.quick_library import Floats, factors
from napari_parsimony.symbolic.expression import Expression, constant, variable
from napari_parsimony.symbolic.fitting import Fitted
from napari_parsimony.symbolic.lapses import MANY, Lapses
from napari_parsimony.symbolic.losses import class_weights
from napari_parsimony.symbolic.simplify import expanded
from napari_parsimony.symbolic.splits import SplitCells

MOST_TERMS = 6
MOST_LATENTS = 8
STARTS = 3  # equations of each number of terms to start from, and sums to go on with
CELLS = 2000  # at most, by which terms are chosen
SCREENED = 8  # terms that are fitted for each place in a sum
_BEAM = 2  # sums whose terms are exchanged
_BOUND = 20.0  # of columns, in robust standard deviations: a single cell is not to decide
_RIDGE = 0.01  # price of the weights' squares / 2, in nats for all cells
_ENOUGH = 1e-5
_DAMPING, _MOST_DAMPING = 1e-3, 1e8
_COLLINEAR = 1e-6

Term = frozenset[Expression]  # its factors
Chosen = frozenset[Term]


def exchanged(
    found: Iterable[Fitted],
    cells: SplitCells,
    names: tuple[str, ...],
    balanced: bool,
    report: Callable[[float], None],
) -> list[tuple[Expression, Fitted]]:
    """Improve the terms of equations of two classes.

    Parameters
    ----------
    found
        Where to start from, fitted to the classes.
    cells, names
        With a class; their latents.
    balanced
        Whether both classes count the same.
    report
        Is told which part is done.

    Returns
    -------
    list of (expression, fitted)
        The best sum of every number of terms, still to be fitted, and from which of those found
        each was made. Nothing where there are fewer than `MANY` cells.
    """
    if len(cells.target) < MANY:
        return []
    starts: dict[int, dict[Chosen, Fitted]] = {}
    for member in sorted(found, key=lambda m: (m.loss, m.expression.size, str(m.expression))):
        terms = _terms(member.expression) if isinstance(member.expression, Expression) else None
        if terms is not None and len(terms) <= MOST_TERMS:
            alike = starts.setdefault(len(terms), {})
            if len(alike) < STARTS:
                alike.setdefault(terms, member)
    used = [
        n for alike in starts.values() for each in alike.values() for n in each.expression.variables
    ]
    if not starts:
        return []
    latents = sorted(names, key=lambda name: (-used.count(name), names.index(name)))
    cells = cells.sample(CELLS, 0)
    search = _Search(cells, names, tuple(latents[:MOST_LATENTS]), balanced)
    return search.run(starts, report)


class _Sums:
    """Sums of terms, each with weights that fit the classes."""

    def __init__(self, cells: SplitCells, names: tuple[str, ...], balanced: bool) -> None:
        self.table = dict(zip(names, cells.values.T, strict=True))
        weights = class_weights(cells.target, balanced)
        self.target, self.share = cells.target, weights / weights.sum()
        self.ridge = _RIDGE / len(cells.target)
        self._factors: dict[Expression, Floats] = {}
        self._columns: dict[Term, Floats | None] = {}
        self._fits: dict[Chosen, tuple[float, Floats, Lapses]] = {}

    def column(self, term: Term) -> Floats | None:
        """Values of a term, centred, scaled and bounded; None if they say nothing."""
        if term not in self._columns:
            with np.errstate(all="ignore"):
                values = np.prod([self._factor(each) for each in sorted(term, key=str)], axis=0)
                low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
                column = np.clip(1.35 * (values - middle) / (high - low), -_BOUND, _BOUND)
            self._columns[term] = column if np.isfinite(column).all() else None
        return self._columns[term]

    def _factor(self, factor: Expression) -> Floats:
        if factor not in self._factors:
            self._factors[factor] = factor.evaluate(self.table)
        return self._factors[factor]

    def design(self, chosen: Chosen) -> Floats:
        """Columns of a sum, and of a constant, in the order of `ordered`."""
        columns = (self.column(term) for term in ordered(chosen))
        return np.column_stack(
            [*(each for each in columns if each is not None), np.ones(len(self.target))]
        )

    def loss(self, chosen: Chosen) -> float:
        """Mean loss in nats."""
        return self.fit(chosen)[0]

    def fit(self, chosen: Chosen) -> tuple[float, Floats, Lapses]:
        """Fit the weights: first as if few labels were wrong, then with as many as there are."""
        if chosen not in self._fits:
            design, lapses = self.design(chosen), Lapses(self.target, self.share)
            weights = np.zeros(design.shape[1])
            for adapt in (False, True):
                weights, loss = self._descend(design, weights, lapses, adapt)
            self._fits[chosen] = float(f"{loss:.9g}"), weights, lapses
        return self._fits[chosen]

    def _descend(
        self, design: Floats, weights: Floats, lapses: Lapses, adapt: bool
    ) -> tuple[Floats, float]:
        ridge = np.full(len(weights), self.ridge)
        ridge[-1] = 0.0
        diagonal = np.diag_indices(len(weights))

        def priced(weights: Floats, scores: Floats) -> float:
            loss = float(self.share @ lapses.losses(scores))
            return loss + lapses.price + float(ridge @ weights**2) / 2

        scores, damping = design @ weights, _DAMPING
        cost = priced(weights, scores)
        while damping < _MOST_DAMPING:
            if adapt:
                lapses.adapt(scores)
                cost = priced(weights, scores)
            pull, weight = lapses.slopes(scores)
            gradient = design.T @ pull + ridge * weights
            curvature = (design.T * weight) @ design
            curvature[diagonal] += ridge + 1e-12
            before = cost
            while damping < _MOST_DAMPING:
                damped = curvature.copy()
                damped[diagonal] *= 1 + damping
                changed = weights - np.linalg.solve(damped, gradient)
                new = design @ changed
                cost = priced(changed, new)
                if cost < before:
                    weights, scores, damping = changed, new, max(damping / 5, 1e-9)
                    break
                damping *= 8
            else:
                return weights, before
            if before - cost < _ENOUGH * cost:
                break
        return weights, cost

    def gains(self, chosen: Chosen, columns: Floats) -> Floats:
        """Score test of each column (cells, columns): about how much the loss falls with it."""
        _, weights, lapses = self.fit(chosen)
        design = self.design(chosen)
        pull, weight = lapses.slopes(design @ weights)
        across = (design.T * weight) @ columns
        inside = (design.T * weight) @ design
        inside[np.diag_indices(len(inside))] += 1e-12
        alone = weight @ columns**2
        left = alone - (across * np.linalg.solve(inside, across)).sum(axis=0)
        usable = left > _COLLINEAR * alone
        gains = np.where(usable, (pull @ columns) ** 2 / np.where(usable, left, 1.0), 0.0)
        # rounded, so that ties do not fall by the last bit of a matrix product
        return np.asarray(np.round(gains / 2, 12))


class _Search:
    def __init__(
        self,
        cells: SplitCells,
        names: tuple[str, ...],
        latents: tuple[str, ...],
        balanced: bool,
    ) -> None:
        self.sums = _Sums(cells, names, balanced)
        self.functions = {name: factors(name) for name in latents}
        library = {term: self.sums.column(term) for term in _library(self.functions)}
        usable = {term: column for term, column in library.items() if column is not None}
        self.library = list(usable)
        self.columns = np.reshape(list(usable.values()), (-1, len(cells.target))).T
        self.origin: dict[Chosen, Fitted] = {}

    def run(
        self, starts: dict[int, dict[Chosen, Fitted]], report: Callable[[float], None]
    ) -> list[tuple[Expression, Fitted]]:
        cells, listed = len(self.sums.target), set(self.library)
        price = np.log(cells) + 2 * np.log(max(len(self.library), 1))
        beam: list[Chosen] = []
        result: list[Chosen] = []
        least = np.inf
        for count in range(MOST_TERMS + 1):
            report(count / (MOST_TERMS + 1))
            # sums of other terms are often better at first, but no way leads on from them
            usual: dict[Chosen, None] = {}
            others: dict[Chosen, None] = {}
            for chosen, member in starts.get(count, {}).items():
                plain = frozenset(self._plain(term) for term in chosen)
                if all(self.sums.column(term) is not None for term in plain):
                    self.origin.setdefault(plain, member)
                    (usual if plain <= listed else others)[plain] = None
            for chosen in beam:
                self._add(usual, chosen, self._likely(chosen))
            if count == 0:
                self.origin.setdefault(frozenset(), next(iter(starts[min(starts)].values())))
                usual[frozenset()] = None
            if not usual:
                break
            beam = self._exchanged(usual)
            bic = 2 * cells * self.sums.loss(beam[0]) + count * price
            if bic > least:
                break
            least = bic
            # what is given back is shortened, which costs more than all that is done here
            result += beam[:1] + (self._exchanged(others)[:1] if others else [])
        return [(self._expression(chosen), self.origin[chosen]) for chosen in result if chosen]

    def _exchanged(self, known: dict[Chosen, None]) -> list[Chosen]:
        """Exchange terms of the best sums, then functions within them, until nothing is better."""
        done: set[Chosen] = set()
        inside: set[Chosen] = set()
        while True:
            for chosen in self._best(known, _BEAM):
                if chosen not in done:
                    done.add(chosen)
                    for term in ordered(chosen):
                        rest = chosen - {term}
                        self._add(known, chosen, self._likely(rest), rest)
            best = self._best(known, 1)[0]
            if best not in done:
                continue
            if best in inside:
                return self._best(known, STARTS)
            inside.add(best)
            for term in ordered(best):
                self._add(known, best, self._within(term), best - {term})

    def _plain(self, term: Term) -> Term:
        """Put the most similar function of the library for every other one of a latent.

        Numbers within a function, fitted to something else, would make it better than all that can
        be put in its place.
        """
        return frozenset(self._similar(factor) for factor in term)

    def _similar(self, factor: Expression) -> Expression:
        functions = (
            self.functions.get(factor.variables[0], []) if factor.variables[1:] == () else []
        )
        column = self.sums.column(frozenset([factor]))
        if factor in functions or column is None:
            return factor
        alike = {
            function: abs(float(np.corrcoef(column, other)[0, 1]))
            for function in functions
            if (other := self.sums.column(frozenset([function]))) is not None
        }
        return max(alike, key=lambda function: round(alike[function], 9), default=factor)

    def _add(
        self,
        known: dict[Chosen, None],
        origin: Chosen,
        terms: Iterable[Term],
        rest: Chosen | None = None,
    ) -> None:
        rest = origin if rest is None else rest
        for term in terms:
            new = rest | {term}
            if len(new) > len(rest):
                self.origin.setdefault(new, self.origin[origin])
                known[new] = None

    def _best(self, known: Iterable[Chosen], most: int) -> list[Chosen]:
        return sorted(known, key=lambda c: (self.sums.loss(c), _text(c)))[:most]

    def _likely(self, chosen: Chosen) -> list[Term]:
        gains = self.sums.gains(chosen, self.columns)
        order = np.argsort(-gains, kind="stable")[:SCREENED]
        return [self.library[index] for index in order if gains[index] > 0]

    def _within(self, term: Term) -> Iterator[Term]:
        """All terms that differ in the function of one latent."""
        for factor in sorted(term, key=str):
            if len(factor.variables) == 1:
                for other in self.functions.get(factor.variables[0], ()):
                    changed = term - {factor} | {other}
                    if self.sums.column(changed) is not None:
                        yield changed

    def _expression(self, chosen: Chosen) -> Expression:
        """Write a sum with its weights, as they are without bounds."""
        _, weights, _ = self.sums.fit(chosen)
        total = constant(float(weights[-1]))
        for term, weight in zip(ordered(chosen), weights, strict=False):
            total = total + constant(float(weight)) * _product(term)
        return total.simplified()


def ordered(chosen: Chosen) -> list[Term]:
    """Sort terms in an order that does not depend on hashes."""
    return sorted(chosen, key=lambda term: sorted(map(str, term)))


def _text(chosen: Chosen) -> list[list[str]]:
    return [sorted(map(str, term)) for term in ordered(chosen)]


def _library(functions: dict[str, list[Expression]]) -> list[Term]:
    """Functions of a latent, alone and times any other latent."""
    alone = [(name, function) for name, of in functions.items() for function in of]
    terms = [frozenset([function]) for _, function in alone]
    terms += [
        frozenset([function, variable(other)])
        for name, function in alone
        for other in functions
        if other != name
    ]
    return list(dict.fromkeys(terms))


def _terms(expression: Expression) -> Chosen | None:
    """Read an equation as a sum of terms, each with one factor of every latent it can be split by.

    None if it has too many.
    """
    monomials = expanded(expression)
    if monomials is None:
        return None
    terms = set()
    for monomial in monomials:
        factors: dict[tuple[str, ...], list[Expression]] = {}
        for atom, exponent in sorted(monomial, key=lambda item: str(item[0])):
            power = atom if exponent == 1 else atom ** constant(float(exponent))
            factors.setdefault(atom.variables, []).append(power)
        terms.add(frozenset(_product(part) for part in factors.values()))
    return frozenset(terms - {frozenset()})


def _product(factors: Iterable[Expression]) -> Expression:
    first, *others = sorted(factors, key=str)
    for other in others:
        first = first * other
    return first.simplified()
