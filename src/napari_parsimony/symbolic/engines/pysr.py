"""The engine PySR (Cranmer 2023), watched from outside its process."""

from collections.abc import Callable
from typing import Any

import numpy as np

from napari_parsimony.errors import UserError
from napari_parsimony.symbolic.engines.base import (
    Found,
    Partial,
    Problem,
    ReportFront,
    front_of,
)
from napari_parsimony.symbolic.engines.child import run_child
from napari_parsimony.symbolic.engines.pysr_settings import JuliaSettings
from napari_parsimony.symbolic.expression import Expression

GRACE = 8.0  # seconds that Julia has to end a search; who cancels a step waits 10 for it


class Pysr:
    """Evolution in Julia, by PySR and SymbolicRegression.jl.

    Parameters
    ----------
    started
        Called with the process id of the search.
    """

    name = "pysr"

    def __init__(self, started: Callable[[int], None] | None = None) -> None:
        self.started = started

    def search(self, problem: Problem, report_front: ReportFront) -> list[Found]:
        """Search by iterations; see `engines.base.Engine.search`.

        A search that is interrupted from outside (SIGINT to its process) gives what it has.
        """
        report_front(Partial(0, 1, ()))
        latest = Partial(0, 1, ())

        def on_event(event: dict[str, Any]) -> None:
            nonlocal latest
            if event["event"] == "front":
                front = tuple(_read(event["members"], problem))
                latest = Partial(event["done"], event["total"], front)
                report_front(latest)

        environment = {
            **JuliaSettings.load().environment(),
            # a search never downloads: that is for the person to decide
            "PYTHON_JULIAPKG_OFFLINE": "yes",
            "PYTHON_JULIACALL_THREADS": _threads(problem),
        }
        run_child(self.name, problem, on_event, self.started, environment, GRACE)
        if not latest.front:
            raise UserError(
                "The search with pysr found no equation; give it more iterations or cells."
            )
        report_front(Partial(latest.total, latest.total, latest.front))
        return list(latest.front)


def _threads(problem: Problem) -> str:
    config = problem.config
    if config.pysr_deterministic:
        return "1"
    return str(config.threads) if config.threads else "auto"


def _read(members: list[str], problem: Problem) -> list[Found]:
    """Read equations, with their errors in our own arithmetic."""
    values = dict(zip(problem.names, problem.values.T, strict=True))
    found = []
    for text in members:
        expression = Expression.parse(text, problem.names).simplified()
        with np.errstate(all="ignore"):
            error = float(((expression.evaluate(values) - problem.target) ** 2).mean())
        if np.isfinite(error):
            found.append(Found(expression, problem.config.seed, error))
    return front_of(found)
