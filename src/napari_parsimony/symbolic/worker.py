"""The process in which an engine searches: ``python -m napari_parsimony.symbolic.worker FOLDER``.

Reads ``job.json``, ``values.npy`` and ``target.npy`` and prints JSON lines: ``{"event": "front",
"members": [[text, squared error], …]}``, with how far it is, as it goes, and at the end
``{"event": "done", "interrupted"}`` or ``{"event": "error", "message"}``. No torch and no Qt here.
"""

import json
import os
import sys
from pathlib import Path
from typing import IO, Any

import numpy as np

_events: list[IO[str]] = []  # where to print; empty: stdout


def emit(event: str, **values: Any) -> None:
    """Print one line; a reader that is gone ends the process (BrokenPipeError)."""
    stream = _events[0] if _events else sys.stdout
    stream.write(json.dumps({"event": event, **values}, allow_nan=False) + "\n")
    stream.flush()


def keep_stdout() -> None:
    """Keep stdout for events: what libraries print to it, Julia above all, goes to stderr."""
    _events.append(os.fdopen(os.dup(1), "w", encoding="utf-8"))
    os.dup2(2, 1)


def main(folder: Path) -> int:
    """Run the job in a folder."""
    job = json.loads((folder / "job.json").read_text())
    values = np.load(folder / "values.npy", allow_pickle=False)
    target = np.load(folder / "target.npy", allow_pickle=False)
    keep_stdout()
    if job["engine"] == "pysr":
        from napari_parsimony.symbolic.engines import pysr_child

        return pysr_child.run(values, target, job, folder, emit)
    if job["engine"] != "operon":
        emit("error", message=f"There is no engine '{job['engine']}'.")
        return 1
    try:
        from napari_parsimony.symbolic.engines import operon_child
    except ImportError as error:
        message = (
            f"The engine 'operon' cannot be loaded here ({error}): its package pyoperon has "
            "no release for every system, Intel Macs for instance; use the engine 'quick'."
        )
        emit("error", message=message)
        return 1
    return operon_child.run(values, target, job["names"], job["config"], job["guesses"], emit)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
