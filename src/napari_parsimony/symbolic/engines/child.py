"""Run an engine in a process of its own.

An evolutionary search in C++ or in Julia can crash, be killed for its memory, or bring
libraries that do not stand torch or Qt beside them. None of that may reach the process that asked.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from napari_parsimony.errors import UserError
from napari_parsimony.symbolic.engines.base import Problem

GRACE = 5.0  # seconds that a cancelled child has to end by itself
_NOISE = ("nanobind:", " - leaked", " - ... skipped")


def run_child(
    engine: str,
    problem: Problem,
    on_event: Callable[[dict[str, Any]], None],
    started: Callable[[int], None] | None = None,
    environment: Mapping[str, str] | None = None,
    grace: float = GRACE,
) -> None:
    """Let ``python -m napari_parsimony.symbolic.worker`` search, and pass on what it reports.

    Parameters
    ----------
    engine
        Name of the engine.
    problem
        Handed over as JSON and ``.npy`` files.
    on_event
        Called with every line that the child prints, a JSON object with an ``"event"``.
    started
        Called once with the child's process id.
    environment, grace
        See `module_process`.

    Raises
    ------
    UserError
        If the child says what is wrong, or dies.
    KeyboardInterrupt
        Passed on when it comes while waiting, after the child was interrupted too.
    """
    with tempfile.TemporaryDirectory(prefix="parsimony-") as folder:
        job = Path(folder)
        np.save(job / "values.npy", problem.values, allow_pickle=False)
        np.save(job / "target.npy", problem.target, allow_pickle=False)
        settings = {
            "engine": engine,
            "config": problem.config.model_dump(mode="json"),
            "names": problem.names,
            "guesses": [str(guess) for guess in problem.guesses],
        }
        (job / "job.json").write_text(json.dumps(settings))
        command = ["napari_parsimony.symbolic.worker", str(job)]
        with (
            (job / "stderr").open("w+b") as errors,
            module_process(command, errors, environment, grace) as child,
        ):
            if started is not None:
                started(child.pid)
            ended = False
            for line in child.stdout or ():
                if not line.endswith(b"\n"):
                    break  # it died in the middle of a word
                event = json.loads(line)
                if event["event"] == "error":
                    raise UserError(event["message"])
                on_event(event)
                ended = event["event"] == "done"
            code = child.wait()
            if not ended:
                errors.seek(0)
                raise UserError(_obituary(engine, code, errors.read().decode(errors="replace")))


@contextmanager
def module_process(
    module: list[str],
    errors: Any,
    environment: Mapping[str, str] | None = None,
    grace: float = GRACE,
) -> Iterator[subprocess.Popen[bytes]]:
    """Start ``python -m MODULE …``; however the block is left, the child is gone afterwards.

    Parameters
    ----------
    module
        Name of the module, and the arguments.
    errors
        Where its stderr goes; its stdout is a pipe.
    environment
        Variables that it gets beside ours.
    grace
        Seconds that it has to end by itself once it is told to.
    """
    # -P: or a file `json.py` in the current folder, where the data lie, would run there
    command = [sys.executable, "-P", "-m", *module]
    # a group of its own: Ctrl-C in a terminal reaches us, and we tell the child
    alone: dict[str, Any] = (
        {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}  # type: ignore[attr-defined,unused-ignore]
        if sys.platform == "win32"
        else {"start_new_session": True}
    )
    # our package must be found there even where it is not installed but on sys.path
    source = str(Path(__file__).resolve().parents[3])
    path = os.pathsep.join(filter(None, [source, os.environ.get("PYTHONPATH")]))
    child = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=errors,
        env={**os.environ, **(environment or {}), "PYTHONPATH": path},
        **alone,
    )
    try:
        yield child
    finally:
        if child.poll() is None:
            child.send_signal(getattr(signal, "CTRL_BREAK_EVENT", signal.SIGINT))
            with suppress(subprocess.TimeoutExpired):
                # its last lines would fill the pipe and keep it from ending
                child.communicate(timeout=grace)
            _kill(child)
        if child.stdout is not None:
            child.stdout.close()
        child.wait()


def _kill(child: subprocess.Popen[bytes]) -> None:
    """End what is left of it and of what it started, as the processes in which Julia compiles."""
    if sys.platform == "win32":
        child.kill()
    else:
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)


def _obituary(engine: str, code: int, errors: str) -> str:
    lines = [line for line in errors.splitlines() if line and not line.startswith(_NOISE)]
    if code < 0:
        name = signal.Signals(-code).name if -code in set(signal.Signals) else str(-code)
        why = f"was ended by the system ({name})"
        if name == "SIGKILL":
            why += ", perhaps for its memory"
        elif name == "SIGILL":
            why += ", because this processor lacks instructions (AVX2) that it was built for"
    else:
        why = f"stopped with code {code}" + (f" ({lines[-1][:200]})" if lines else "")
    return f"The search with {engine} {why}; run it again, or use the engine 'quick'."
