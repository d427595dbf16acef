"""Which cell a person should look at next, so that the classifier learns most from it."""

import numpy as np
from numpy.typing import NDArray

from napari_parsimony.cells.table import KEY
from napari_parsimony.gui.scoring import uncertainties
from napari_parsimony.gui.session import Session

MOST = 4000  # candidates, and annotated cells, whose distances are compared
COARSE = 8  # side of the pictures that stand for cells before there are latents


class NextCell:
    """Goes through the cells that nobody looked at, those that teach most first.

    Parameters
    ----------
    session
        Whose cells they are.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._passed: set[tuple[str, int, int]] = set()

    def find(self) -> int | None:
        """Row of the next cell; None if all were looked at.

        Cells without a class come first, then those whose class came with the data and nobody
        confirmed. Among them the most uncertain by the scores; before there are any, the one that
        is least like all that have a class. One that was offered and passed over comes again only
        after all others.
        """
        session = self._session
        if not session.has("cells"):
            return None
        cells, said = session.cells, session.annotations.cells
        columns = (cells[name].tolist() for name in KEY)
        keys = [(str(i), f, n) for i, f, n in zip(*columns, strict=True)]
        fresh = np.array([key not in said for key in keys], bool)
        bare = cells["class"].isna().to_numpy()
        pool = np.flatnonzero(fresh & bare)
        pool = pool if len(pool) else np.flatnonzero(fresh)
        if not len(pool):
            return None
        if session.cell is not None:
            self._passed.add(session.cell)
        left = np.array([row for row in pool if keys[row] not in self._passed], np.int64)
        if not len(left):
            # all were offered: again from the first, but not the one that is looked at
            self._passed = set() if session.cell is None or len(pool) == 1 else {session.cell}
            left = np.array([row for row in pool if keys[row] not in self._passed], np.int64)
        scores = session.best_scores()
        if scores is not None:
            # a score that is no number decides nothing
            uncertain = np.nan_to_num(uncertainties(scores[left]), nan=1.0)
            return int(left[np.argmax(uncertain)])
        return self._unlike(left, np.flatnonzero(~bare | ~fresh))

    def _unlike(self, left: NDArray[np.int64], known: NDArray[np.int64]) -> int:
        left, known = _some(left), _some(known)
        points = self._points(np.concatenate([left, known]))
        here, there = points[: len(left)], points[len(left) :]
        if not len(there):
            # the most typical one to begin with
            return int(left[np.argmin(((here - np.median(here, axis=0)) ** 2).sum(1))])
        squares = (here**2).sum(1)[:, None] + (there**2).sum(1) - 2 * here @ there.T
        return int(left[np.argmax(squares.min(axis=1))])

    def _points(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Cells as points: their active latents, else their coarse pictures."""
        session = self._session
        assert session.study is not None
        if session.has("vae"):
            active = session.latent_statistics
            names = active.loc[active["active"], "name"].tolist()
            points = session.study.latents()[names].to_numpy(np.float32)[rows]
        else:
            crops = session.study.crops()
            step = max(crops.shape[-1] // COARSE, 1)
            ordered = np.argsort(rows, kind="stable")  # as they lie on the disk
            points = np.empty((len(rows), crops[0, :, ::step, ::step].size), np.float32)
            for place in ordered:
                points[place] = crops[rows[place], :, ::step, ::step].ravel()
        spread = points.std(axis=0)
        return (points - points.mean(axis=0)) / np.where(spread > 0, spread, 1)


def _some(rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """At most `MOST` rows, evenly from all."""
    if len(rows) <= MOST:
        return rows
    return rows[np.linspace(0, len(rows) - 1, MOST).astype(np.int64)]
