"""Equations that say the same, as one law.

Many equations fit about as well, and most differ in their writing only. Two are one law

- if they put the same cells on the same side and rank them in the same order. That covers what
  algebra would have to find piece by piece: another order of terms or of latents in equal roles,
  signs that cancel, a factor, any map of the score that rises and keeps 0 at 0, and terms too small
  to matter;
- if they are sums of the same terms with other numbers, and the cells see about the same;
- if the first becomes so after changing signs of latents or exchanging two of them, and both fit
  the classes equally well: then the cells do not tell one from the other.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations, product
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from napari_parsimony.symbolic.class_scores import Equation, expressions_of, largest
from napari_parsimony.symbolic.config import EquationsConfig
from napari_parsimony.symbolic.expression import Expression
from napari_parsimony.symbolic.fitting import Fit, Fitted
from napari_parsimony.symbolic.front import JOINED, Candidate, Law, Search
from napari_parsimony.symbolic.losses import (
    Floats,
    all_odds,
    class_weights,
    digits_that_hold,
    fair_logistic,
    mean_and_error,
    scores_on,
    sides,
)
from napari_parsimony.symbolic.scale import calmed
from napari_parsimony.symbolic.simplify import expanded
from napari_parsimony.symbolic.splits import SplitCells

SAME_SIDE = 0.98  # of the cells that either puts on a side, the part that both put there
SAME_RANKS = 0.99  # Spearman's correlation of the scores
SIMILAR = 0.9  # both, of equations with the same terms
_SAME_LOSS = 0.01  # relative
_MOST_LATENTS = 5  # of equations whose signs and orders are tried
_MOST_CELLS = 2000

_Terms = frozenset[frozenset[Any]]


@dataclass(frozen=True, eq=False)
class _Seen:
    """An equation as cells see it."""

    expression: Equation
    scores: Floats

    @cached_property
    def sides(self) -> NDArray[np.intp]:
        """1 above 0, 0 at or below, or the number of the class; -1 not decided."""
        if self.scores.ndim == 2:
            return sides(self.scores)
        return np.where(np.isnan(self.scores), -1, sides(self.scores))

    @cached_property
    def ranks(self) -> list[Floats]:
        """Ranks of the score, or of each class's log-odds.

        Centred, and of length 1; all 0 if there is only one score. Not decided ranks first.
        """
        scores = [self.scores] if self.scores.ndim == 1 else list(all_odds(self.scores).T)
        found = []
        for each in scores:
            ranks = rankdata(np.where(np.isnan(each), -np.inf, each))
            ranks -= ranks.mean()
            length = float(np.linalg.norm(ranks))
            found.append(ranks / length if length > 0 else ranks)
        return found

    @cached_property
    def terms(self) -> tuple[_Terms, ...] | None:
        found = [terms_of(each) for each in expressions_of(self.expression)]
        return None if None in found else tuple(each for each in found if each is not None)

    def same(self, other: "_Seen") -> bool:
        """Whether it is the same law, but for latents that are exchanged or change their signs."""
        if self.terms is not None and self.terms == other.terms:
            return self.close(other, SIMILAR, SIMILAR)
        return self.close(other, SAME_SIDE, SAME_RANKS)

    def close(self, other: "_Seen", sides: float, ranks: float) -> bool:
        for side in np.unique([self.sides, other.sides]):
            mine, theirs = self.sides == side, other.sides == side
            if (mine & theirs).sum() < sides * (mine | theirs).sum():
                return False
        return all(
            float(mine @ theirs) >= ranks if mine.any() and theirs.any()
            else not (mine.any() or theirs.any())
            for mine, theirs in zip(self.ranks, other.ranks, strict=True)
        )  # fmt: skip


def laws_of(
    candidates: Sequence[Candidate],
    chosen: int,
    found: Mapping[Fitted, Iterable[Search]],
    fit: Fit,
    cells: SplitCells,
    names: tuple[str, ...],
    config: EquationsConfig,
) -> tuple[Law, ...]:
    """Group the equations of a front, and tell which searches found each law.

    Parameters
    ----------
    candidates, chosen
        The front, by size, and the index of the equation in use.
    found
        All that was found, before it was shortened, with the searches that found it. What is not
        too large and fits the cells as well as the equation in use, within one standard error of
        the difference, is a law of its own where no equation of the front says the same.
    fit
        Fits the numbers of an equation to `cells`.
    cells
        With a class.
    names
        Of the latents.
    config
        The largest size, and whether both classes count the same in the loss.
    """
    grouping = Grouping(cells.values, names)
    members: list[list[int]] = []
    finders: list[set[Search]] = []
    rivals: dict[int, Equation] = {}  # by law
    weights = class_weights(cells.target, config.balanced)

    def number_of(each: Fitted) -> int:
        number = grouping.find(each.expression, each.loss)
        if number is None:
            number = grouping.add(each.expression, each.loss)
            members.append([])
            finders.append(set())
        return number

    in_use = np.zeros(0)
    for index, candidate in enumerate(candidates):
        again = fit(candidate.expression, (candidate.engine, candidate.seed))
        law = number_of(again)
        members[law].append(index)
        if JOINED not in candidate.engine:
            finders[law].add(Search(candidate.engine, candidate.seed))
        if index == chosen:
            in_use = _losses(again.expression, cells, names, weights)
    for each in sorted(found, key=lambda m: (m.expression.size, m.loss, str(m.expression))):
        number = grouping.find(each.expression, each.loss)
        if number is None:
            if largest(each.expression) > config.max_size:
                continue
            more = _losses(each.expression, cells, names, weights) - in_use
            mean, error = mean_and_error(more, weights, cells.groups)
            if mean > error:
                continue
            number = number_of(each)
            rivals[number] = calmed(each.expression, cells.values, names, cells.target, weights)
        finders[number].update(found[each])
    laws = []
    for number, (indices, found_by) in enumerate(zip(members, finders, strict=True)):
        by = tuple(sorted(found_by))
        if indices:
            first = candidates[indices[0]]
            laws.append(Law(first.expression, first.digits, tuple(indices), by))
        else:
            digits, _ = digits_that_hold(rivals[number], cells.values, names)
            laws.append(Law(rivals[number], digits, (), by))
    return tuple(laws)


def _losses(
    expression: Equation, cells: SplitCells, names: tuple[str, ...], weights: Floats
) -> Floats:
    return fair_logistic(scores_on(expression, cells.values, names), cells.target, weights)


class Grouping:
    """Which equations are one law, as far as some cells can tell.

    Parameters
    ----------
    values, names
        Latents of the cells, shape (cells, variables), and their names; of more than 2,000 cells
        every so many is taken.
    """

    def __init__(self, values: Floats, names: tuple[str, ...]) -> None:
        self._values = values[:: -(-len(values) // _MOST_CELLS)]
        self._names = names
        self._first: list[tuple[_Seen, float]] = []  # of each law, and its loss

    def find(self, expression: Equation, loss: float) -> int | None:
        """Give the number of the law of an equation, by order of `add`; None if it is new.

        Parameters
        ----------
        expression
            The equation, with numbers that are fitted.
        loss
            How well it fits the classes.
        """
        seen = self._see(expression)
        for number, (first, _) in enumerate(self._first):
            if seen.same(first):
                return number
        for number, (first, its_loss) in enumerate(self._first):
            alike = abs(loss - its_loss) <= _SAME_LOSS * its_loss
            if alike and self._renamed(seen, first.expression):
                return number
        return None

    def add(self, expression: Equation, loss: float) -> int:
        """Begin a law with this equation, and give its number."""
        self._first.append((self._see(expression), loss))
        return len(self._first) - 1

    def _see(self, expression: Equation, values: Floats | None = None) -> _Seen:
        values = self._values if values is None else values
        return _Seen(expression, scores_on(expression, values, self._names))

    def _renamed(self, seen: _Seen, other: Equation) -> bool:
        """Whether signs and one exchange of latents make the other equation this one."""
        used = [self._names.index(name) for name in other.variables]
        if not used or len(used) > _MOST_LATENTS or _build(seen.expression) != _build(other):
            return False
        return any(seen.same(self._see(other, changed)) for changed in _changes(self._values, used))


def terms_of(expression: Expression) -> _Terms | None:
    """Read an equation as a sum of terms and forget all its numbers; None if there are too many.

    Numbers inside functions are forgotten too, so that ``exp(2*x + 1)`` and ``3*exp(-x)`` are the
    same term.
    """
    terms = expanded(expression)
    if terms is None:
        return None
    found = set()
    for term in terms:
        factors = []
        for atom, exponent in term:
            inside = [terms_of(arg) for arg in atom.args]
            if None in inside:
                return None
            factors.append((atom.name or atom.op, tuple(inside), exponent))
        if factors:
            found.add(frozenset(factors))
    return frozenset(found)


def _build(equation: Equation) -> tuple[frozenset[str], Counter[str]]:
    """Leave out what depends on signs and order: latents, and how often each function is used."""
    functions = Counter(node.op for each in expressions_of(equation) for node in each.nodes)
    for op in ("constant", "variable", "neg", "add", "sub", "mul"):
        functions.pop(op, None)
    return frozenset(equation.variables), functions


def _changes(values: Floats, used: Sequence[int]) -> Iterator[Floats]:
    """Latents with other signs, as they are and with two exchanged."""
    orders = [list(used)]
    for a, b in combinations(range(len(used)), 2):
        orders.append(list(used))
        orders[-1][a], orders[-1][b] = used[b], used[a]
    for order in orders:
        for signs in product((1.0, -1.0), repeat=len(used)):
            changed = values.copy()
            changed[:, used] = values[:, order] * signs
            yield changed
