"""Whether PySR can search here, found out without network and without importing it."""

import enum
import json
import os
import subprocess
import sys
from dataclasses import dataclass

from napari_parsimony.errors import UserError
from napari_parsimony.symbolic.engines.pysr_settings import JuliaSettings

PATIENCE = 30.0  # seconds; the probe takes less than one, unless somebody installs Julia just now
HOW_PIP = 'Install it with: pip install "napari-parsimony[pysr]".'
HOW_JULIA = (
    "Press 'Install the Julia engine…' in the dock 'Equations', tab 'Search', or run "
    "'napari-parsimony engines --install-julia'."
)
# In a child: juliapkg locks a file, and reads its options once
_PROBE = """
import importlib.metadata, importlib.util, json, os
found = {"pysr": "", "resolved": False, "julia": "", "why": ""}
try:
    found["pysr"] = importlib.metadata.version("pysr")
    if importlib.util.find_spec("pysr") is None:
        found["pysr"] = ""
except ImportError:
    found["pysr"] = ""
if found["pysr"]:
    try:
        own = [os.getenv("PYTHON_JULIACALL_" + name) for name in ("EXE", "PROJECT")]
        if all(own):
            found["resolved"], found["julia"] = os.path.exists(own[0]), own[0]
        else:
            import juliapkg
            found["resolved"] = bool(juliapkg.resolve(dry_run=True))
            if found["resolved"]:
                found["julia"] = str(juliapkg.executable())
    except Exception as error:
        found["why"] = f"{type(error).__name__}: {error}"
print("\\n" + json.dumps(found))
"""


class PysrState(enum.Enum):
    """What PySR lacks, if anything."""

    READY = "ready"
    NO_JULIA = "Julia missing"
    NOT_INSTALLED = "not installed"


@dataclass(frozen=True)
class PysrStatus:
    """A state, and sentences for a person.

    Attributes
    ----------
    state
        One of three.
    text
        What it means.
    remedy
        What to do; empty if it is ready.
    """

    state: PysrState
    text: str
    remedy: str = ""


def pysr_status() -> PysrStatus:
    """Look whether PySR could search; it is not imported, and nothing is downloaded."""
    environment = {
        **os.environ,
        **JuliaSettings.load().environment(),
        "PYTHON_JULIAPKG_OFFLINE": "yes",
    }
    try:
        probe = subprocess.run(
            [sys.executable, "-P", "-c", _PROBE],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=environment,
            timeout=PATIENCE,
            check=True,
        )
        found = json.loads(probe.stdout.decode().strip().splitlines()[-1])
    except subprocess.TimeoutExpired:
        text = "Somebody else seems to be installing Julia's packages."
        return PysrStatus(PysrState.NO_JULIA, text, "Try again when that is done.")
    except (subprocess.CalledProcessError, ValueError, IndexError) as error:
        said = getattr(error, "stderr", None) or b""
        last = said.decode(errors="replace").strip().splitlines()[-1:] or [str(error)]
        text = f"Whether PySR can run could not be found out ({last[0][:200]})."
        return PysrStatus(PysrState.NO_JULIA, text, HOW_JULIA)
    if not found["pysr"]:
        text = "The Python package pysr is not installed."
        return PysrStatus(PysrState.NOT_INSTALLED, text, HOW_PIP)
    if not found["resolved"]:
        why = f" ({found['why'][:200]})" if found["why"] else ""
        text = f"PySR {found['pysr']} is here, but not its engine in Julia{why}."
        return PysrStatus(PysrState.NO_JULIA, text, HOW_JULIA)
    return PysrStatus(PysrState.READY, f"PySR {found['pysr']} with {found['julia']}.")


def require_pysr() -> None:
    """Make sure that PySR can search.

    Raises
    ------
    UserError
        If it cannot, with what to do.
    """
    status = pysr_status()
    if status.state is not PysrState.READY:
        raise UserError(
            f"The engine 'pysr' cannot run. {status.text} {status.remedy} Or take it out of the "
            "setting 'engines': the others do not need it."
        )
