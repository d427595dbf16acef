"""Sets of columns that explain a target, chosen forwards and backwards from one Gram matrix."""

from collections.abc import Iterable

import numpy as np

from napari_parsimony.symbolic.engines.quick_library import Floats, centred
from napari_parsimony.symbolic.expression import Expression

BEAM = 20
Chosen = tuple[int, ...]  # indices of columns, ascending
_COLLINEAR = 1e-7  # a column with a smaller part of its variance left adds nothing


class Pool:
    """Terms of which sets are made; more can be added.

    Parameters
    ----------
    target
        What the sets are to explain, shape (cells,).
    """

    def __init__(self, target: Floats) -> None:
        self.terms: list[Expression] = []
        self.columns: list[Floats] = []
        self.residual = target - target.mean()
        self._known: dict[Expression, int | None] = {}
        self._unit = np.empty((len(target), 0))
        self._gram = np.empty((0, 0))
        self._moments = np.empty(0)

    def add(self, new: Iterable[tuple[Expression, Floats]]) -> list[int | None]:
        """Add terms with their columns; tells where each is now, None where it is of no use."""
        places, units = [], []
        for term, column in new:
            if term not in self._known:
                unit = centred(column)
                self._known[term] = None if unit is None else len(self.terms)
                if unit is not None:
                    self.terms.append(term)
                    self.columns.append(column)
                    units.append(unit)
            places.append(self._known[term])
        if units:
            added = np.stack(units, axis=1)
            across = self._unit.T @ added
            self._gram = np.block([[self._gram, across], [across.T, added.T @ added]])
            self._moments = np.concatenate([self._moments, added.T @ self.residual])
            self._unit = np.concatenate([self._unit, added], axis=1)
        return places

    def left_by(self, chosen: Chosen) -> Floats:
        """Get what a set leaves of the target, shape (cells,)."""
        inside = list(chosen)
        if not inside:
            return self.residual
        weights = np.linalg.solve(self._gram[np.ix_(inside, inside)], self._moments[inside])
        return self.residual - self._unit[:, inside] @ weights

    def explained(self, chosen: Chosen) -> float:
        """Sum of squares that a set explains."""
        inside = list(chosen)
        if not inside:
            return 0.0
        gram = self._gram[np.ix_(inside, inside)]
        return float(self._moments[inside] @ np.linalg.solve(gram, self._moments[inside]))

    def grown(self, beam: Iterable[Chosen]) -> list[Chosen]:
        """Add one more column to each set; the best first, by what they explain."""
        best: dict[Chosen, float] = {}
        for chosen in beam:
            inside = list(chosen)
            across = self._gram[inside]
            solved = (
                np.linalg.solve(self._gram[np.ix_(inside, inside)], across) if chosen else across
            )
            left = np.diag(self._gram) - (across * solved).sum(axis=0)
            usable = left > _COLLINEAR
            usable[inside] = False
            unexplained = self._moments - self._moments[inside] @ solved
            gain = np.where(usable, unexplained**2 / np.where(usable, left, 1.0), -1.0)
            explained = self.explained(chosen)
            for index in np.argsort(-gain, kind="stable")[:BEAM]:
                if gain[index] > 0:
                    best[tuple(sorted((*chosen, int(index))))] = explained + float(gain[index])
        return _ranked(best)

    def exchanged(self, beam: list[Chosen]) -> list[Chosen]:
        """Drop each column of the best sets and add whatever is better, until nothing is.

        Forward selection cannot undo a choice; this can.
        """
        known = {chosen: self.explained(chosen) for chosen in beam}
        front = beam[:1]
        while front:
            top = max(known.values())
            for chosen in self.grown(smaller for one in front for smaller in dropped(one)):
                known.setdefault(chosen, self.explained(chosen))
            ranked = _ranked(known)
            front = ranked[:1] if known[ranked[0]] > top * (1 + 1e-9) else []
        return _ranked(known)

    def reduced(self, beam: list[Chosen]) -> list[Chosen]:
        """Drop one column of each set; the best first."""
        return self.ranked(s for one in beam for s in dropped(one))

    def ranked(self, sets: Iterable[Chosen]) -> list[Chosen]:
        """Sort sets, the best first, and keep the best few."""
        return _ranked({chosen: self.explained(chosen) for chosen in sets})


def dropped(chosen: Chosen) -> list[Chosen]:
    """All sets with one column less."""
    return [chosen[:i] + chosen[i + 1 :] for i in range(len(chosen))]


def _ranked(explained: dict[Chosen, float]) -> list[Chosen]:
    # rounded, so that ties do not fall by the last bit of a matrix product
    order = sorted(explained, key=lambda key: (-float(f"{explained[key]:.10g}"), key))
    return order[:BEAM]
