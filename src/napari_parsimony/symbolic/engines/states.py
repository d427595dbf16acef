"""Which engines can run here, and what those lack that cannot."""

import subprocess
import sys
from dataclasses import dataclass

from napari_parsimony.symbolic.engines.pysr_state import PysrState, pysr_status

ENGINES = ("quick", "operon", "pysr")
_OPERON = "import importlib.metadata as m, pyoperon; print(m.version('pyoperon'))"
_PATIENCE = 60.0
_QUICK = "Use the engine 'quick'."


@dataclass(frozen=True)
class EngineState:
    """Whether an engine can run.

    Attributes
    ----------
    name
        Of the engine.
    ready
        Whether it can run.
    state
        In a word or two.
    text
        What that means.
    remedy
        What to do; empty if it is ready.
    """

    name: str
    ready: bool
    state: str
    text: str
    remedy: str = ""


def engine_state(name: str) -> EngineState:
    """Look, in a child process and without network, whether an engine can run."""
    if name == "quick":
        return EngineState(name, True, "ready", "Part of napari-parsimony.")
    if name == "operon":
        return _operon()
    status = pysr_status()
    ready = status.state is PysrState.READY
    return EngineState(name, ready, status.state.value, status.text, status.remedy)


def engine_states() -> list[EngineState]:
    """Look whether each engine can run."""
    return [engine_state(name) for name in ENGINES]


def _operon() -> EngineState:
    # in a child, for a processor without AVX2 ends the process that imports it
    try:
        child = subprocess.run(
            [sys.executable, "-P", "-c", _OPERON],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
        )
    except subprocess.TimeoutExpired:
        return EngineState("operon", False, "not usable", "Loading pyoperon took too long.", _QUICK)
    if child.returncode == 0:
        return EngineState("operon", True, "ready", f"pyoperon {child.stdout.strip()}.")
    last = (child.stderr.strip().splitlines() or [f"code {child.returncode}"])[-1]
    text = (
        f"pyoperon cannot be loaded ({last[:200]}): it has no release for every system, and needs "
        "a processor with AVX2."
    )
    return EngineState("operon", False, "not usable", text, _QUICK)
