"""What can be said of every cell of a study: for colours, texts, hovering, and marks."""

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_parsimony.classify.scores import named, outputs_for, probabilities
from napari_parsimony.gui.scoring import UNDECIDED, uncertainties
from napari_parsimony.study.familiarity import read_familiarity
from napari_parsimony.symbolic.class_scores import ClassScores
from napari_parsimony.trust.flags import FLAG, UNLIKE
from napari_parsimony.trust.tracks import is_tracked

if TYPE_CHECKING:
    from napari_parsimony.gui.session import Session
    from napari_parsimony.symbolic.class_scores import Equation
    from napari_parsimony.symbolic.expression import Expression

HOVERED = 4  # latents that hovering tells, where no equation says which matter


def terms_of(equation: "Equation | None") -> list[tuple[str, "Expression"]]:
    """List what an equation adds up that has a latent in it, with a text for each.

    The terms of more than two classes begin with the name of theirs.
    """
    if equation is None:
        return []
    if isinstance(equation, ClassScores):
        parts = [(f"{name}: ", each) for name, each in equation.lines]
    else:
        parts = [("", equation)]
    return [
        (before + term.unicode(3), term)
        for before, each in parts
        for term in each.terms
        if term.variables
    ]


class CellValues:
    """One look at a session with a study that has cells; every value is made when first asked for.

    Attributes
    ----------
    cells
        Table of cells, (N,) rows.
    classes
        Names of the classes; of two, those of scores below 0 and above.
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
    def scores(self) -> NDArray[np.float64]:
        """(N, outputs) logits, one for two classes, else one for each; NaN without a scorer."""
        scores = self._session.best_scores()
        shape = len(self.cells), outputs_for(self.classes)
        return np.full(shape, np.nan) if scores is None else scores

    @cached_property
    def score(self) -> NDArray[np.float64]:
        """(N,) logits: of the second of two classes; else of the class given against all others."""
        if len(self.classes) == 2:
            return self.scores[:, 0]
        ranked = np.sort(self.scores, axis=1)
        return ranked[:, -1] - np.logaddexp.reduce(ranked[:, :-1], axis=1)

    @cached_property
    def probabilities(self) -> NDArray[np.float64]:
        """(N, classes)."""
        return probabilities(self.scores)

    @cached_property
    def confidence(self) -> NDArray[np.float64]:
        """(N,) probability of the class that the cell is given."""
        found: NDArray[np.float64] = self.probabilities.max(axis=1)
        return found

    @cached_property
    def uncertainty(self) -> NDArray[np.float64]:
        """(N,) 0 where one class is certain, 1 where two are equally probable."""
        return uncertainties(self.scores)

    @cached_property
    def side(self) -> NDArray[np.intp]:
        """(N,) number of the class that the score gives; one more than all where it gives none."""
        found = named(self.scores)
        return np.where(found < 0, len(self.classes), found)

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
        """Number of the class that gathers a raw class; empty before any are told apart."""
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
        """(N,) number of the class as annotated, as `side`; one more for others and none."""
        codes, names = pd.factorize(self.annotation)
        other = len(self.classes)
        sides = [*(self.side_of_class.get(name, other) for name in names), other]
        found: NDArray[np.intp] = np.array(sides, np.intp)[codes]
        return found

    @cached_property
    def compared(self) -> NDArray[np.bool_]:
        """(N,) whether people and the score both give one of the classes."""
        count = len(self.classes)
        both: NDArray[np.bool_] = (self.annotated_side < count) & (self.side < count)
        return both

    @cached_property
    def disagreeing(self) -> NDArray[np.intp]:
        """Rows of cells to which the score gives another of the classes than people do."""
        return np.flatnonzero(self.compared & (self.annotated_side != self.side))

    @cached_property
    def unlikeness(self) -> NDArray[np.float64] | None:
        """(N,) how unlike the cells that the VAE was trained on; above 1: do not trust. Or None."""
        study = self._session.study
        table = read_familiarity(study) if study is not None and self._session.has("vae") else None
        return None if table is None else table[UNLIKE].to_numpy(np.float64)

    @cached_property
    def trust(self) -> NDArray[np.object_]:
        """(N,) the words *do not trust* where a cell is too unlike; None where it is not known."""
        if self.unlikeness is None:
            return np.full(len(self.cells), None, object)
        return np.where(self.unlikeness > 1, FLAG, "").astype(object)

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
        """Text and values (N,) of each of `terms_of` the equation looked at."""
        found = []
        for text, term in terms_of(self._session.expression):
            values = term.evaluate({name: self.latent(name) for name in term.variables})
            found.append((text, np.broadcast_to(values, len(self.cells))))
        return found

    @property
    def telling_latents(self) -> list[str]:
        """Latents that the equation reads, else those that vary most."""
        if self._session.expression is not None:
            return list(self._session.expression.variables)
        if not self.latent_names:
            return []
        return [f"z{index}" for index in self._session.latent_order[:HOVERED]]

    @property
    def _told_probabilities(self) -> list[tuple[str, NDArray[np.float64]]]:
        """Of each class, but not of the first of two, which says nothing more."""
        each = list(zip(self.classes, self.probabilities.T, strict=True))
        return each[1:] if len(each) == 2 else each

    @cached_property
    def hovered(self) -> pd.DataFrame:
        """What napari shows of the cell below the mouse, N rows."""
        columns: dict[str, NDArray] = {}
        if self.scorer is not None:
            columns["class"] = self.class_name
            if len(self.classes) == 2:
                columns["score"] = self.score
            for name, probability in self._told_probabilities:
                columns[f"probability of {name}"] = np.round(probability, 4)
        columns["annotation"] = self.annotation
        if self.unlikeness is not None:
            words = np.full(len(self.cells), None, object)  # of which napari says nothing
            words[self.unlikeness > 1] = "unlike training cells"
            columns[FLAG] = words
        for name in self.telling_latents:
            columns[self._session.title_of(name)] = self.latent(name)
        return pd.DataFrame(columns)
