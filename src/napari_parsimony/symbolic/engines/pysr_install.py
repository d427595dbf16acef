"""Install PySR's engine in Julia, when a person asks for it and never else.

As a module, ``python -m napari_parsimony.symbolic.engines.pysr_install``, it is the process that
downloads: juliapkg fetches Julia and its packages, and PySR is imported once, which compiles them.
"""

import re
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Callable

from napari_parsimony.errors import UserError
from napari_parsimony.symbolic.engines.child import module_process
from napari_parsimony.symbolic.engines.pysr_settings import JuliaSettings
from napari_parsimony.symbolic.engines.pysr_state import PysrState, pysr_status

ABOUT = (
    "PySR searches in Julia, a language of its own. Installing its engine downloads Julia from "
    "julialang.org (unless there is a fitting one on this computer), and SymbolicRegression.jl "
    "with the packages that it needs from Julia's package server or GitHub. Julia goes into the "
    "folder julia_env of this Python environment, its packages into ~/.julia. Then all is "
    "compiled. How many megabytes and minutes that takes has not been measured; expect several "
    "minutes and more than a gigabyte. Nothing else changes, and the other engines work meanwhile."
)
OTHERS = "The other engines go on working."
STALLED = 120.0  # seconds without a byte that end a download; juliapkg itself would wait for ever
GRACE = 10.0
READY = "The Julia engine is ready."
#: What stands in the log when something went wrong, the first that fits, and what to tell.
CAUSES = (
    (
        r"No space left on device|ENOSPC|Errno 28|not enough space|disk quota",
        "the disk is full: make room, or choose other folders for Julia and its packages",
    ),
    (
        r"\b407\b|[Pp]roxy",
        "the proxy refused: check its address, name and password",
    ),
    (
        r"CERTIFICATE_VERIFY_FAILED|certificate|SSL",
        "the server's certificate was not accepted, as behind some company networks: ask its "
        "administrators for the certificate, and set SSL_CERT_FILE and JULIA_SSL_CA_ROOTS_PATH "
        "to it, or use a Julia that they installed",
    ),
    (
        r"is not a Julia executable",
        "the program given as own Julia is none: choose the file 'julia' in its folder 'bin'",
    ),
    (
        r"URLError|gaierror|[Nn]ame or service not known|[Cc]ould ?n[o']t resolve|"
        r"[Nn]etwork is unreachable|[Tt]imed out|[Tt]imeout|[Cc]onnection|RequestError|HTTPError",
        "the network could not be reached: connect to it, give a proxy if there is one, or use a "
        "Julia that is on this computer",
    ),
    (r"Permission denied|PermissionError", "a folder may not be written to: choose another one"),
    (r"SHA-256 hash does not match", "the download was damaged: try again"),
)


def install_julia(log: Callable[[str], None]) -> None:
    """Download and compile what PySR needs; a KeyboardInterrupt ends it.

    Environment variables say how: ``HTTPS_PROXY``, ``PYTHON_JULIAPKG_EXE`` (an own Julia),
    ``PYTHON_JULIAPKG_PROJECT``, ``JULIA_DEPOT_PATH``, ``JULIA_PKG_SERVER``. Those that a search
    needs too are kept for it.

    Parameters
    ----------
    log
        Is given each line that is printed meanwhile.

    Raises
    ------
    UserError
        If it failed, with the cause as far as the log tells it.
    """
    status = pysr_status()
    if status.state is PysrState.NOT_INSTALLED:
        raise UserError(f"{status.text} {status.remedy}")
    tail: deque[str] = deque(maxlen=200)
    module = ["napari_parsimony.symbolic.engines.pysr_install"]
    environment = {"PYTHONUNBUFFERED": "1", "PYTHON_JULIAPKG_OFFLINE": "no"}
    with module_process(module, subprocess.STDOUT, environment, GRACE) as child:
        for raw in child.stdout or ():
            line = raw.decode(errors="replace").rstrip()
            tail.append(line)
            log(line)
        code = child.wait()
    if code != 0 or READY not in tail:
        raise UserError(explain(list(tail), code))
    JuliaSettings.given().save()


def explain(lines: list[str], code: int) -> str:
    """Say in a sentence why installing failed."""
    text = "\n".join(lines)
    for pattern, cause in CAUSES:
        if re.search(pattern, text):
            return f"The Julia engine was not installed: {cause}. {OTHERS}"
    last = next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")
    return f"The Julia engine was not installed (code {code}: {last[:200]}). {OTHERS}"


def main() -> int:
    """Be the process that downloads."""
    socket.setdefaulttimeout(STALLED)
    import juliapkg

    juliapkg.resolve()
    print("Loading PySR for the first time, which compiles it", flush=True)
    import pysr

    print(f"PySR {pysr.__version__}", flush=True)
    print(READY, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
