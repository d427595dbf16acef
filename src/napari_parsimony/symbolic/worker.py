"""The process in which an engine searches: ``python -m napari_parsimony.symbolic.worker FOLDER``.

Reads ``job.json``, ``values.npy`` and ``target.npy`` and prints JSON lines: ``{"event": "front",
"restart", "generation", "members": [[text, squared error], …]}`` as it goes, and at the end
``{"event": "done", "interrupted"}`` or ``{"event": "error", "message"}``. No torch and no Qt here.
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np


def emit(event: str, **values: Any) -> None:
    """Print one line; a reader that is gone ends the process (BrokenPipeError)."""
    sys.stdout.write(json.dumps({"event": event, **values}, allow_nan=False) + "\n")
    sys.stdout.flush()


def main(folder: Path) -> int:
    """Run the job in a folder."""
    job = json.loads((folder / "job.json").read_text())
    values = np.load(folder / "values.npy", allow_pickle=False)
    target = np.load(folder / "target.npy", allow_pickle=False)
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
