"""What every engine is given, and what it gives back."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from napari_parsimony.symbolic.config import EquationsConfig
from napari_parsimony.symbolic.expression import Expression


@dataclass(frozen=True)
class Problem:
    """A regression problem.

    Attributes
    ----------
    values
        Latents, shape (cells, variables), float64 and finite.
    names
        Names of the variables.
    target
        What to imitate with the least squared error, shape (cells,), finite.
    config
        Budgets and operators.
    guesses
        Equations known before the search, of the same variables: those written by hand and what
        engines before this one found. An engine may start from them; the search is then still
        decided by problem and seed.
    """

    values: NDArray[np.float64]
    names: tuple[str, ...]
    target: NDArray[np.float64]
    config: EquationsConfig
    guesses: tuple[Expression, ...] = ()


@dataclass(frozen=True)
class Found:
    """An equation that an engine found.

    Attributes
    ----------
    expression
        The equation.
    seed
        Of the search that found it.
    error
        Mean squared error on the problem's cells.
    """

    expression: Expression
    seed: int
    error: float


@dataclass(frozen=True)
class Partial:
    """How far a search is.

    Attributes
    ----------
    done, total
        Units of work, for instance generations.
    front
        The best so far; empty before there is any.
    """

    done: int
    total: int
    front: tuple[Found, ...]


ReportFront = Callable[[Partial], None]


class Engine(Protocol):
    """A way to look for equations."""

    name: str

    def search(self, problem: Problem, report_front: ReportFront) -> list[Found]:
        """Look for equations of different sizes, deterministically.

        With several seeds, what each of them found: how many found a law is what it is worth.

        Cancelling is a KeyboardInterrupt, which passes through after whatever was started has been
        ended; what was found until then has been reported.

        Raises
        ------
        UserError
            If the engine cannot run here, or died.
        """


def front_of(found: list[Found]) -> list[Found]:
    """Those to which nothing is both smaller and better, by size."""
    best: list[Found] = []
    for member in sorted(found, key=lambda f: (f.expression.size, f.error, str(f.expression))):
        if not best or member.error < best[-1].error:
            best.append(member)
    return best
