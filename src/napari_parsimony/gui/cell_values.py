"""What can be said of every cell of a study: for colours, texts, hovering, and marks."""

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_parsimony.gui.scoring import UNDECIDED, probabilities, uncertainties
from napari_parsimony.trust.tracks import is_tracked

if TYPE_CHECKING:
    from napari_parsimony.gui.session import Session

HOVERED = 4  # latents that hovering tells, where no equation says which matter


class CellValues:
    """One look at a session with a study that has cells; every value is made when first asked for.

    Attributes
    ----------
    cells
        Table of cells, (N,) rows.
    classes
        Names of the two classes, scores below 0 and above.
    """

    def __init__(self, session: "Session") -> None:
        self._session = session
        self.cells = session.cells
        self.classes = session.classes

    @property
    def scorer(self) -> str | None:
        """What scores the cells, None if nothing does yet."""
        if self._session.expression is not None:
            return "the equation"
        return "the sparse network" if self._session.has("classify") else None

    @cached_property
    def score(self) -> NDArray[np.float64]:
        """(N,) logits, NaN without a scorer."""
        scores = self._session.best_scores()
        return np.full(len(self.cells), np.nan) if scores is None else scores

    @cached_property
    def probability(self) -> NDArray[np.float64]:
        """(N,) of the second class."""
        return probabilities(self.score)

    @cached_property
    def confidence(self) -> NDArray[np.float64]:
        """(N,) probability of the class that the cell is given."""
        return np.maximum(self.probability, 1 - self.probability)

    @cached_property
    def uncertainty(self) -> NDArray[np.float64]:
        """(N,) 0 where one class is certain, 1 at a score of 0."""
        return uncertainties(self.score)

    @cached_property
    def side(self) -> NDArray[np.intp]:
        """(N,) 0 and 1 for the class that the score gives, 2 where it decides nothing."""
        return np.where(self.score > 0, 1, np.where(self.score < 0, 0, 2))

    @cached_property
    def class_name(self) -> NDArray[np.object_]:
        """(N,) name of the class that the score gives."""
        names: NDArray[np.object_] = np.array([*self.classes, UNDECIDED], object)[self.side]
        return names

    @cached_property
    def annotation(self) -> NDArray[np.object_]:
        """(N,) class that people gave, None where nobody did."""
        raw = self.cells["class"]
        found: NDArray[np.object_] = raw.astype(object).where(raw.notna(), None).to_numpy()
        return found

    @cached_property
    def side_of_class(self) -> dict[str, int]:
        """0 or 1 for each raw class that one of the two gathers; empty before there are two."""
        study = self._session.study
        record = None if study is None else study.step("classify")
        if record is None or not self._session.has("classify"):
            return {}
        gathered = record.config["classes"] or {name: (name,) for name in self.classes}
        return {
            raw: side
            for side, (name, members) in enumerate(gathered.items())
            for raw in (name, *members)
        }

    @cached_property
    def annotated_side(self) -> NDArray[np.intp]:
        """(N,) 0 and 1 for the two classes as annotated, 2 for neither or nobody knows."""
        codes, names = pd.factorize(self.annotation)
        sides = [*(self.side_of_class.get(name, 2) for name in names), 2]
        found: NDArray[np.intp] = np.array(sides, np.intp)[codes]
        return found

    @cached_property
    def compared(self) -> NDArray[np.bool_]:
        """(N,) whether people and the score both give one of the two classes."""
        both: NDArray[np.bool_] = (self.annotated_side < 2) & (self.side < 2)
        return both

    @cached_property
    def disagreeing(self) -> NDArray[np.intp]:
        """Rows of cells to which the score gives the other of the two classes than people do."""
        return np.flatnonzero(self.compared & (self.annotated_side != self.side))

    @cached_property
    def tracked(self) -> bool:
        """Whether labels are the numbers of tracks."""
        return is_tracked(self.cells)

    @cached_property
    def latent_names(self) -> list[str]:
        """All latents, `z0` first; none without a VAE."""
        session = self._session
        return session.latent_statistics["name"].tolist() if session.has("vae") else []

    def latent(self, name: str) -> NDArray[np.float64]:
        """(N,) values of a latent."""
        study = self._session.study
        assert study is not None
        return study.latents()[name].to_numpy(np.float64)

    @cached_property
    def terms(self) -> "list[tuple[str, NDArray[np.float64]]]":
        """Text and values (N,) of each term of the equation looked at that has a latent in it."""
        expression = self._session.expression
        if expression is None:
            return []
        found = []
        for term in expression.terms:
            if term.variables:
                values = term.evaluate({name: self.latent(name) for name in term.variables})
                found.append((term.unicode(3), np.broadcast_to(values, len(self.cells))))
        return found

    @property
    def telling_latents(self) -> list[str]:
        """Latents that the equation reads, else those that vary most."""
        if self._session.expression is not None:
            return list(self._session.expression.variables)
        if not self.latent_names:
            return []
        return [f"z{index}" for index in self._session.latent_order[:HOVERED]]

    @cached_property
    def hovered(self) -> pd.DataFrame:
        """What napari shows of the cell below the mouse, N rows."""
        columns: dict[str, NDArray] = {
            "class": self.class_name,
            "score": self.score,
            f"probability of {self.classes[1]}": np.round(self.probability, 4),
            "annotation": self.annotation,
        }
        if self.scorer is None:
            columns = {"annotation": self.annotation}
        for name in self.telling_latents:
            columns[self._session.title_of(name)] = self.latent(name)
        return pd.DataFrame(columns)
