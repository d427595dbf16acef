"""What a session knows of equations, latents, scores and classes."""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from psygnal import Signal

from napari_parsimony.classify.scores import UNDECIDED as NO_CLASS
from napari_parsimony.classify.scores import as_outputs, named, probabilities, scores_of
from napari_parsimony.errors import UserError
from napari_parsimony.figures.palette import class_colours
from napari_parsimony.study.latent_names import read_latent_names, title, write_latent_names
from napari_parsimony.symbolic.losses import scores_on

if TYPE_CHECKING:
    import pandas as pd

    from napari_parsimony.cells.annotations import Annotations
    from napari_parsimony.study.study import Study
    from napari_parsimony.symbolic.class_scores import Equation
    from napari_parsimony.symbolic.front import Front

UNDECIDED = "not decided"
UNKNOWN_CLASSES = ("first class", "second class")


class Scoring(ABC):
    """The part of a `Session` that scores and draws cells and latent positions."""

    expression_changed = Signal(object)
    latent_looked_at = Signal(str)
    names_changed = Signal()

    study: "Study | None"
    _classes: tuple[str, ...]
    _candidate: int | None
    _by_hand: "Equation | None"

    @abstractmethod
    def has(self, step: str) -> bool:
        """See `Session`."""

    @property
    @abstractmethod
    def annotations(self) -> "Annotations":
        """See `Session`."""

    @abstractmethod
    def _open(self) -> "Study": ...

    # Equations

    @property
    def front(self) -> "Front | None":
        """The equations, None if there are none yet."""
        return self._open().front() if self.has("equations") else None

    @property
    def candidate(self) -> int | None:
        """Index in the front of the equation that is looked at; None for one written by hand."""
        return self._candidate

    @property
    def expression(self) -> "Equation | None":
        """The equation that is looked at."""
        front = self.front
        if front is None or self._by_hand is not None:
            return self._by_hand
        return None if self._candidate is None else front.candidates[self._candidate].expression

    def choose_expression(self, index: int) -> None:
        """Look at another equation of the front; the study's own choice stays."""
        front = self.front
        if front is None or not 0 <= index < len(front.candidates):
            raise UserError(f"There is no equation number {index}.")
        if index != self._candidate:
            self._candidate, self._by_hand = index, None
            self.expression_changed.emit(index)

    def try_expression(self, expression: "Equation") -> None:
        """Look at an equation that was written by hand, of the latents of the study.

        Raises
        ------
        UserError
            If there are no latents, or it reads what is none of them.
        """
        known = self._names if self.has("vae") else ()
        strange = [name for name in expression.variables if name not in known]
        if strange:
            raise UserError(f"The study has no latent {strange[0]}.")
        self._candidate, self._by_hand = None, expression
        self.expression_changed.emit(None)

    def look_at_latent(self, name: str) -> None:
        """Ask the docks to bring a latent, `z0`, `z1`, …, into sight; nothing is moved.

        Raises
        ------
        UserError
            If there is no such latent.
        """
        if not self.has("vae") or name not in self._names:
            raise UserError(f"The study has no latent {name}.")
        self.latent_looked_at.emit(name)

    def _chosen(self) -> int | None:
        front = self.front
        return None if front is None else front.chosen

    # Latents

    @property
    def _names(self) -> list[str]:
        return self.latent_statistics["name"].tolist()

    @property
    def latent_statistics(self) -> "pd.DataFrame":
        """One row a latent, ordered by index: `name`, `kl`, `active`, `low`, `high`, `rank`, …."""
        return self._open().latent_statistics()

    @property
    def latent_order(self) -> list[int]:
        """Indices of the active latents, the most informative first."""
        statistics = self.latent_statistics
        ranked = statistics[statistics["active"]].sort_values("rank")
        return [int(index) for index in ranked.index]

    @property
    def latent_names(self) -> dict[str, str]:
        """Names that people gave to latents, by `z0`, `z1`, …."""
        return {} if self.study is None else read_latent_names(self.study)

    def name_latent(self, latent: str, name: str) -> None:
        """Name a latent; an empty name takes it back.

        Raises
        ------
        UserError
            If there are no latents yet, or the names cannot be written.
        """
        names = {**self.latent_names, latent: name.strip()}
        write_latent_names(self._open(), {key: text for key, text in names.items() if text})
        self.names_changed.emit()

    def title_of(self, latent: str) -> str:
        """Name of a latent with its index, for people: ``z3 size``."""
        return title(latent, self.latent_names)

    # Classes and scores

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes that are told apart; of two, scores below 0 mean the first."""
        return self._classes

    @property
    def class_colours(self) -> tuple[str, ...]:
        """Colour of each class, ``#rrggbb``."""
        return class_colours(self.classes, self.annotations.colours)

    def class_of(self, scores: ArrayLike) -> str:
        """Name the class that scores (outputs,) mean; what decides nothing is `UNDECIDED`."""
        which = int(named(np.atleast_1d(np.asarray(scores, np.float64))[None])[0])
        return UNDECIDED if which == NO_CLASS else self.classes[which]

    def scores(self, latents: NDArray[Any]) -> dict[str, "NDArray[np.float64] | None"]:
        """Score a latent position, (latents,), by the network and the equation looked at.

        Returns
        -------
        dict
            ``sparse`` and ``symbolic``, (outputs,) each: one score for two classes, else one for
            each; None where the study has no such scheme yet.
        """
        found: dict[str, NDArray[np.float64] | None] = {"sparse": None, "symbolic": None}
        if self.has("classify"):
            sparse = self._open().classifier().sparse_scores(latents[None])[0]
            found["sparse"] = np.asarray(sparse, np.float64)
        equation = self.expression
        if equation is not None:
            values = dict(zip(self._names, latents, strict=True))
            found["symbolic"] = np.atleast_1d(equation.evaluate(values))
        return found

    def decode(self, latents: NDArray[Any]) -> NDArray[np.float32]:
        """Draw the cell of a latent position, (C, S, S) in 0..1; needs torch."""
        from napari_parsimony.classify.fit import one_thread
        from napari_parsimony.vae.latents import decode_latents

        # while a step trains, several threads wait for each other up to a second
        with one_thread():
            drawn: NDArray[np.float32] = decode_latents(self._open().vae(), latents[None])[0]
        return drawn

    def cell_scores(self) -> "NDArray[np.float64] | None":
        """Score every cell by the equation that is looked at, (cells, outputs); or None."""
        equation = self.expression
        if equation is None:
            return None
        table = self._open().latents()
        names = equation.variables
        return as_outputs(scores_on(equation, table[list(names)].to_numpy(), names))

    def best_scores(self) -> "NDArray[np.float64] | None":
        """Score every cell, (cells, outputs): by the equation looked at, else the sparse network.

        None before there is either.
        """
        scores = self.cell_scores()
        if scores is None and self.has("classify"):
            return scores_of(self._open().network_scores(), "sparse", self.classes)
        return scores


def uncertainties(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """How undecided scores (N, outputs) are: 0 where one class is certain, 1 where two are equal.

    It is 1 less the difference between the probabilities of the two most probable classes.
    """
    if scores.shape[1] == 1:
        return 1 - np.abs(np.tanh(scores[:, 0] / 2))
    likely = np.sort(probabilities(scores), axis=1)
    return 1 - (likely[:, -1] - likely[:, -2])
