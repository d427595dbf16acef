"""The evolutionary engine: Operon, watched from outside its process."""

import time
from collections.abc import Callable
from typing import Any

from napari_parsimony.errors import UserError
from napari_parsimony.symbolic.engines.base import (
    Found,
    Partial,
    Problem,
    ReportFront,
    front_of,
)
from napari_parsimony.symbolic.engines.child import run_child
from napari_parsimony.symbolic.expression import Expression

EVERY = 0.5  # seconds between reports; reading a front takes some milliseconds


class Operon:
    """Genetic programming with several restarts.

    Parameters
    ----------
    started
        Called with the process id of the search.
    """

    name = "operon"

    def __init__(self, started: Callable[[int], None] | None = None) -> None:
        self.started = started

    def search(self, problem: Problem, report_front: ReportFront) -> list[Found]:
        """Search by generations; see `engines.base.Engine.search`.

        A search that is interrupted from outside (SIGINT to its process) gives what it has.
        """
        latest: dict[int, list[tuple[str, float]]] = {}
        generations, restarts = problem.config.generations, problem.config.restarts
        reported = time.monotonic()

        def on_event(event: dict[str, Any]) -> None:
            nonlocal reported
            if event["event"] != "front":
                return
            latest[event["restart"]] = event["members"]
            if time.monotonic() - reported >= EVERY:
                reported = time.monotonic()
                done = event["restart"] * generations + min(event["generation"], generations)
                front = tuple(front_of(_read(latest, problem)))
                report_front(Partial(done, restarts * generations, front))

        run_child(self.name, problem, on_event, self.started)
        found = _read(latest, problem)
        if not found:
            raise UserError(
                "The search with operon found no equation; give it more generations or cells."
            )
        total = restarts * generations
        report_front(Partial(total, total, tuple(front_of(found))))
        return found


def _read(latest: dict[int, list[tuple[str, float]]], problem: Problem) -> list[Found]:
    """Put the fronts of all restarts one after another."""
    found = []
    for restart, members in latest.items():
        own = []
        for text, error in members:
            expression = Expression.parse(text, problem.names).simplified()
            own.append(Found(expression, problem.config.seed + restart, error))
        found += front_of(own)
    return found
