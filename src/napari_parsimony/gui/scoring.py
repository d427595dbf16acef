"""What a session knows of equations, scores and classes."""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from psygnal import Signal

from napari_parsimony.errors import UserError
from napari_parsimony.symbolic.expression import Expression

if TYPE_CHECKING:
    from napari_parsimony.study.study import Study
    from napari_parsimony.symbolic.front import Front

UNDECIDED = "not decided"
UNKNOWN_CLASSES = ("first class", "second class")


class Scoring(ABC):
    """The part of a `Session` that scores and draws cells and latent positions."""

    expression_changed = Signal(object)
    latent_looked_at = Signal(str)

    study: "Study | None"
    _classes: tuple[str, str]
    _candidate: int | None
    _by_hand: "Expression | None"

    @abstractmethod
    def has(self, step: str) -> bool:
        """See `Session`."""

    @abstractmethod
    def _open(self) -> "Study": ...

    @property
    @abstractmethod
    def _names(self) -> Sequence[str]: ...

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
    def expression(self) -> "Expression | None":
        """The equation that is looked at."""
        front = self.front
        if front is None or self._by_hand is not None:
            return self._by_hand
        if self._candidate is None:
            return None
        expression = front.candidates[self._candidate].expression
        assert isinstance(expression, Expression), "of more classes there are no equations here"
        return expression

    def choose_expression(self, index: int) -> None:
        """Look at another equation of the front; the study's own choice stays."""
        front = self.front
        if front is None or not 0 <= index < len(front.candidates):
            raise UserError(f"There is no equation number {index}.")
        if index != self._candidate:
            self._candidate, self._by_hand = index, None
            self.expression_changed.emit(index)

    def try_expression(self, expression: "Expression") -> None:
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

    # Classes and scores

    @property
    def classes(self) -> tuple[str, str]:
        """Names of the two classes: scores below 0, and above."""
        return self._classes

    def class_of(self, score: float | None) -> str:
        """Name the class of a score; 0 and NaN decide nothing."""
        if score is None or math.isnan(score) or score == 0:
            return UNDECIDED
        return self.classes[int(score > 0)]

    def scores(self, latents: NDArray[Any]) -> dict[str, float | None]:
        """Score a latent position, (latents,), by the network and the equation looked at.

        Returns
        -------
        dict
            ``sparse`` and ``symbolic``; None where the study has no such scheme yet.
        """
        found: dict[str, float | None] = {"sparse": None, "symbolic": None}
        if self.has("classify"):
            found["sparse"] = float(self._open().classifier().sparse_scores(latents[None])[0, 0])
        expression = self.expression
        if expression is not None:
            values = dict(zip(self._names, latents, strict=True))
            found["symbolic"] = float(expression.evaluate(values))
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
        """Score every cell by the equation that is looked at, (cells,); None without one."""
        expression = self.expression
        if expression is None:
            return None
        table = self._open().latents()
        scores = expression.evaluate({name: table[name].to_numpy() for name in self._names})
        return np.broadcast_to(np.asarray(scores, np.float64), len(table))

    def best_scores(self) -> "NDArray[np.float64] | None":
        """Score every cell, (cells,): by the equation looked at, else by the sparse network.

        None before there is either.
        """
        scores = self.cell_scores()
        if scores is None and self.has("classify"):
            return self._open().network_scores()["sparse"].to_numpy(np.float64)
        return scores


def probabilities(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probability of the second class that a score, a logit, means; NaN stays NaN."""
    return 0.5 * (1 + np.tanh(scores / 2))


def uncertainties(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """How undecided a score is: 0 where one class is certain, 1 at a score of 0."""
    return 1 - np.abs(np.tanh(scores / 2))
