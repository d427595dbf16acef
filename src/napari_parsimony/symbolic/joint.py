"""More than two classes: from what is found for each class to equations for all together.

Engines look for the score of one class at a time. Its numbers are fitted while the scores of the
other classes are those of the sparse network, so that each class is on its own. Then expressions
are put together, on a path from nothing to the largest: at each step the class whose larger
expression lowers the loss most for its size gets it, and the numbers of all classes are fitted
anew. As the others are by then what they are, an expression that engines found for the score of a
class minus the mean of all is shortened again where the mean needs no subtracting.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from napari_parsimony.symbolic.class_scores import ZERO, ClassScores, Equation
from napari_parsimony.symbolic.config import EquationsConfig
from napari_parsimony.symbolic.expression import Expression
from napari_parsimony.symbolic.fitting import Fit, Fitted
from napari_parsimony.symbolic.front import JOINED, Search
from napari_parsimony.symbolic.given import reference_of
from napari_parsimony.symbolic.losses import Floats, class_weights, logistic, scores_on
from napari_parsimony.symbolic.refit import refit_one
from napari_parsimony.symbolic.shorten import variants
from napari_parsimony.symbolic.simplify import difference
from napari_parsimony.symbolic.splits import SplitCells, contrasted

Found = Mapping[Expression, Sequence[Search]]
"""What was found for one class, and by which searches."""

_TRIED = 5  # steps in which a class's next expression is fitted before one of them is taken
_ALIKE = 0.1  # terms cancel of which no larger part is left; numbers are fitted anew afterwards
_NEAR = 0.25  # numbers that stand alone count as the same if they differ by no larger part
_NODES = 3  # that come with each number to fit, about; for it the BIC asks ln(cells) / 2 nats
_SLACK = 2  # a class's next expression is not tried again if it gained less, by this factor
LEAST = 2e-3  # part of the loss that a larger equation must gain: there are very many


class Pool(NamedTuple):
    """An expression of one class, fitted beside the network's other scores, and its finders."""

    member: Fitted
    searches: Sequence[Search]


class Joining:
    """Puts expressions of classes together.

    Parameters
    ----------
    classes
        Names of the classes.
    cells
        With a class.
    names
        Of the latents.
    config
        Whether all classes count the same in the loss, and the reference.
    fit
        Fits the numbers of all classes to `cells`.
    """

    def __init__(
        self,
        classes: tuple[str, ...],
        cells: SplitCells,
        names: tuple[str, ...],
        config: EquationsConfig,
        fit: Fit,
    ) -> None:
        self._classes, self._cells, self._names, self._fit = classes, cells, names, fit
        self._weights = class_weights(cells.target, config.balanced)
        self._network = contrasted(cells.logits, reference_of(config, classes))

    def join(
        self, found: Sequence[Found], told: Callable[[float], None]
    ) -> dict[Fitted, list[Search]]:
        """Make equations of all classes out of what was found for each.

        Parameters
        ----------
        found
            For each class; nothing for the reference.
        told
            Called with the part that is done.

        Returns
        -------
        dict
            Equations with the searches that found them: a path of what each search found by
            itself, and with no search one of what all found together.
        """
        pools = []
        for which, mine in enumerate(found):
            told(0.5 * which / len(found))
            pools.append([Pool(self._alone(each, which, by[0]), by) for each, by in mine.items()])
        searches = sorted({search for pool in pools for each in pool for search in each.searches})
        joint: dict[Fitted, list[Search]] = {}
        for number, search in enumerate(searches):
            told(0.5 + 0.5 * number / (len(searches) + 1))
            own = [[each.member for each in pool if search in each.searches] for pool in pools]
            joint |= {member: [search] for member in self._path(own, search)}
        if len(searches) > 1:
            told(0.5 + 0.5 * len(searches) / (len(searches) + 1))
            engines = JOINED.join(search.engine for search in searches)
            every = [[each.member for each in pool] for pool in pools]
            together = Search(engines, min(search.seed for search in searches))
            for member in self._path(every, together):
                joint.setdefault(member, [])
        return joint

    def _alone(self, expression: Expression, which: int, source: Search) -> Fitted:
        fitted, loss = self._one(expression, which, self._network)
        return Fitted(fitted, loss, *source)

    def _one(
        self, expression: Expression, which: int, scores: Floats, steps: int = 50
    ) -> tuple[Expression, float]:
        cells = self._cells
        return refit_one(
            expression, which, scores, cells.values, self._names, cells.target, self._weights, steps
        )

    def _path(self, pools: Sequence[Sequence[Fitted]], source: Search) -> list[Fitted]:
        """Give classes larger expressions, one after another, while the BIC gets lower."""
        nothing = ClassScores(self._classes, (ZERO,) * len(self._classes))
        now, path = self._fit(nothing, source), []
        gains = [[np.inf] * len(pool) for pool in pools]
        while True:
            path.append(now)
            assert isinstance(now.expression, ClassScores)
            step = self._step(now.expression, pools, gains)
            if step is None:
                return path
            now = self._fit(step, source)

    def _step(
        self, now: ClassScores, pools: Sequence[Sequence[Fitted]], gains: list[list[float]]
    ) -> ClassScores | None:
        """Take the expression that gains most for each node, of any class; None if none does.

        `gains` are those of each expression when it was last tried. They change little from step to
        step, so that only what comes near the best is tried again: lazy greedy (Minoux 1978).
        """
        scores = scores_on(now, self._cells.values, self._names)
        losses = logistic(scores, self._cells.target)
        loss = float(np.average(losses, weights=self._weights))
        sizes = [0 if each == ZERO else each.size for each in now.expressions]
        cells = len(losses)
        gained, best, taken = np.log(cells) / (2 * _NODES * cells), None, 0
        order = sorted(
            (-gain, which, place)
            for which, of_class in enumerate(gains)
            for place, gain in enumerate(of_class)
        )
        for before, which, place in order:
            if -before * _SLACK < gained:
                break
            expression = pools[which][place].expression
            more = expression.size - sizes[which]
            if more <= 0:
                continue
            assert isinstance(expression, Expression)
            tried, after = self._one(expression, which, scores, _TRIED)
            gain = gains[which][place] = (loss - after) / more
            if gain > gained:
                gained, best, taken = gain, now.replaced(which, tried), which
        gains[taken] = [np.inf] * len(gains[taken])  # they have to beat another one now
        return best


def joint_variants(equation: Equation) -> list[Equation]:
    """All that `shorten.variants` gives, and of class scores what is the same differently parted.

    Only differences between scores count. So the expression of one class may be taken from all,
    and so may a number that stands alone.
    Terms that nearly cancel are dropped: the numbers have to be fitted again.
    """
    found = dict.fromkeys(variants(equation))
    for variant in _shifted(equation) if isinstance(equation, ClassScores) else ():
        if variant.size < equation.size and variant.variables:
            found[variant] = None
    return sorted(found, key=lambda variant: (variant.size, str(variant)))


def _shifted(equation: ClassScores) -> Iterator[ClassScores]:
    for taken in equation.expressions:
        if taken.variables:
            rest = (difference(each, taken, _ALIKE) for each in equation.expressions)
            yield ClassScores(equation.classes, tuple(rest))
    parted = [_parted(each) for each in equation.expressions]
    for _, common in parted:
        if common:
            moved = [
                bare + (number - common) if abs(number - common) > _NEAR * abs(common) else bare
                for bare, number in parted
            ]
            yield ClassScores(equation.classes, tuple(each.simplified() for each in moved))


def _parted(expression: Expression) -> tuple[Expression, float]:
    """Part an expression into what depends on latents and the number added to it."""
    bare = [term for term in expression.terms if term.variables]
    number = sum(float(t.evaluate({})) for t in expression.terms if not t.variables)
    total = ZERO
    for term in bare:
        total = total + term
    return total.simplified(), number if np.isfinite(number) else 0.0
