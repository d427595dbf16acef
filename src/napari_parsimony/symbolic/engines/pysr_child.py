"""PySR in its own process: the only place where it is imported.

Its import starts Julia, which neither stands torch nor Qt beside it, nor an importer that has to
stay alive. ``fit`` runs on the main thread, where PySR can be interrupted.
"""

import os
import re
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_parsimony.errors import UserError
from napari_parsimony.symbolic.expression import Expression, apply, constant, renamed
from napari_parsimony.symbolic.hall_of_fame import numbered, read_hall_of_fame
from napari_parsimony.symbolic.render import julia
from napari_parsimony.symbolic.template import Template

OPERATORS = {
    "add": "+",
    "sub": "-",
    "mul": "*",
    "div": "/",
    **{name: name for name in ("square", "exp", "log", "sqrt", "abs", "tanh", "sin")},
}
"""Ours, in Julia's words."""
SMALLEST_SIZE = 7  # PySR refuses a smaller largest size
RUN = "run"
EVERY = 0.5  # seconds between two looks at the file
_BINARY = ("add", "sub", "mul", "div")
_PROGRESS = re.compile(rb"Progress: (\d+) / (\d+) total iterations")
_NOTHING = "Couldn't find equation file"
Emit = Callable[..., None]


def run(
    values: NDArray[np.float64],
    target: NDArray[np.float64],
    job: dict[str, Any],
    folder: Path,
    emit: Emit,
) -> int:
    """Search, and tell what is found; SIGINT and the time limit end it, with what was found."""
    names = tuple(job["names"])
    try:
        import pysr
    except Exception as error:  # noqa: BLE001
        # Julia that is not there, or broken: whatever juliapkg and juliacall raise, which is
        # `Exception` itself, OSError and errors of Julia
        emit("error", message=cannot_start(error))
        return 1
    given = settings(job["config"], names, job["guesses"])
    template = Template.read(job["config"]["pysr_template"], names)
    if template is not None:
        template = template.renamed({name: x for x, name in numbered(names).items()})
        given["expression_spec"] = pysr.TemplateExpressionSpec(
            combine=template.julia(),
            expressions=list(template.functions),
            variable_names=list(numbered(names)),
        )
    watch = Watch(folder, names, emit, template)
    regressor = pysr.PySRRegressor(**given, output_directory=str(folder), run_id=RUN)
    watch.start()
    try:
        regressor.fit(values, target, variable_names=list(numbered(names)))
    except RuntimeError as error:
        if _NOTHING not in str(error):
            raise
        emit("error", message="The search with pysr was ended before it had found anything.")
        return 1
    finally:
        watch.stop()
    try:
        watch.look(final=True)
    except UserError as error:
        emit("error", message=f"What pysr has found cannot be read. {error}")
        return 1
    emit("done", interrupted=bool(regressor.interrupted_))
    return 0


def cannot_start(error: BaseException) -> str:
    """Say that PySR cannot be loaded, why, and what to do."""
    reason = " ".join(str(error).split())[:200].rstrip(".") or type(error).__name__
    return (
        f"The engine 'pysr' cannot start Julia ({reason}): install the Julia engine in the dock "
        "'Equations', tab 'Search', or with 'napari-parsimony engines --install-julia'; the other "
        "engines do not need it."
    )


def settings(config: dict[str, Any], names: Sequence[str], guesses: Sequence[str]) -> dict:
    """PySR's parameters for our settings.

    Parameters
    ----------
    config
        `EquationsConfig` as JSON.
    names
        Of the latents; PySR knows them as ``x0``, ``x1``, …, which no function is called.
    guesses
        Equations to start from, as text.
    """
    chosen = config["operators"]
    deterministic = config["pysr_deterministic"]
    found: dict[str, Any] = {
        "binary_operators": [OPERATORS[name] for name in chosen if name in _BINARY],
        "unary_operators": [OPERATORS[name] for name in chosen if name not in _BINARY],
        "maxsize": max(SMALLEST_SIZE, config["max_size"]),
        "niterations": config["pysr_iterations"],
        "parsimony": config["pysr_parsimony"],
        "deterministic": deterministic,
        "parallelism": "serial" if deterministic else "multithreading",
        "random_state": config["seed"],
        "progress": False,  # a bar for terminals; lines are printed instead
        "verbosity": 1,
        "input_stream": "devnull",
    }
    if config["time_limit"] is not None:
        found["timeout_in_seconds"] = 60 * config["time_limit"]
    if config["pysr_constraints"]:
        found["constraints"] = {
            OPERATORS[name]: sizes[0] if len(sizes) == 1 else tuple(sizes)
            for name, sizes in config["pysr_constraints"].items()
        }
    if config["pysr_forbidden"]:
        found["nested_constraints"] = {
            OPERATORS[outer]: {OPERATORS[inner]: 0 for inner in inside}
            for outer, inside in config["pysr_forbidden"].items()
        }
    # guesses would have to be taken apart into the functions of a template
    if config["pysr_guesses"] and not config["pysr_template"].strip():
        texts = [_guess(text, names, chosen, found["maxsize"]) for text in guesses]
        start = [text for text in dict.fromkeys(texts) if text is not None]
        if start:
            found["guesses"] = start
    return found


def _guess(text: str, names: Sequence[str], operators: Sequence[str], max_size: int) -> str | None:
    """Write an equation as PySR reads guesses; None if it would refuse it."""
    expression = lowered(Expression.parse(text, names), operators)
    if expression is None or expression.size > max_size:
        return None
    return julia(renamed(expression, {name: x for x, name in numbered(names).items()}))


def lowered(expression: Expression, operators: Sequence[str]) -> Expression | None:
    """Write the same function with these operators only; None if that is not possible so."""
    if not expression.args:
        return expression
    args = []
    for arg in expression.args:
        inside = lowered(arg, operators)
        if inside is None:
            return None
        args.append(inside)
    op, first = expression.op, args[0]
    if op in operators:
        return apply(op, *args)
    if "mul" in operators:
        if op == "square":
            return first * first
        if op == "cube":
            return (
                apply("square", first) * first if "square" in operators else first * first * first
            )
        if op == "neg":
            return constant(-1.0) * first
        if op == "sub" and "add" in operators:
            return first + constant(-1.0) * args[1]
    return None


class Watch:
    """Tells what is in the file that Julia writes, as it grows.

    Parameters
    ----------
    folder
        Of the job.
    names
        Of the latents.
    emit
        Is given ``"front"`` events.
    template
        The form that PySR was told, of its own names.
    """

    def __init__(
        self, folder: Path, names: Sequence[str], emit: Emit, template: Template | None
    ) -> None:
        self._run, self._log = folder / RUN, folder / "stderr"
        self._names, self._emit, self._template = numbered(names), emit, template
        self._told: tuple[list[str], int, int] = ([], 0, 1)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def start(self) -> None:
        """Look every half second; Julia lets other threads run while it searches."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._ended.set()
        self._thread.join()

    def _follow(self) -> None:
        while not self._ended.wait(EVERY):
            try:
                self._emit("alive")
                self.look()
            except BrokenPipeError:
                os._exit(1)  # nobody listens any more, and Julia would go on

    def look(self, *, final: bool = False) -> None:
        """Tell of the front, if it is another one.

        Raises
        ------
        UserError
            If it is the last look and the file cannot be read. Before, it may be half written, or
            Windows may keep it from us; the next look will find it whole.
        """
        try:
            found = read_hall_of_fame(self._run, list(self._names), self._template)
        except UserError:
            if final:
                raise
            return
        members = [str(renamed(member.expression, self._names)) for member in found]
        now = (members, *self._done())
        if now != self._told:
            self._told = now
            self._emit("front", members=members, done=now[1], total=now[2])

    def _done(self) -> tuple[int, int]:
        """How far Julia says it is, now and then, in what it prints."""
        with self._log.open("rb") as log:
            log.seek(max(0, self._log.stat().st_size - 20_000))
            said = _PROGRESS.findall(log.read())
        return (min(int(said[-1][0]), int(said[-1][1])), int(said[-1][1])) if said else (0, 1)
