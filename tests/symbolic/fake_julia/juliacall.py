"""A stand-in for juliacall, so that PySR's own Python code runs without Julia.

Nothing is searched: `equation_search` writes equations that ``FAKE_JULIA`` names, so that what our
side makes of them can be tested. That PySR finds anything is not shown by any test that uses it.

The environment variable is a JSON object:

``halls``
    The content of ``hall_of_fame.csv``, one text after the other.
``seen``
    A folder in which a file ``1`` appears when somebody has seen the first one, and so on.
``wait``
    Whether to go on, after the last one, until the search is told to stop.
``torn``
    Number of a text that is written to the file, but not to its copy, as if it were half written.
``deaf``
    Whether to wait for ever after the last one, whatever signal comes.
``crash``
    A signal with which the process ends after the last one.
"""

import json
import os
import select
import signal
import sys
import threading
import time
from pathlib import Path
from unittest.mock import MagicMock


class AnyValue:
    pass


class VectorValue(AnyValue):
    pass


class JuliaError(Exception):
    pass


def convert(kind, value):
    return value


def _search(x, y, **given):
    plan = json.loads(os.environ.get("FAKE_JULIA", "{}"))
    options = Main.SymbolicRegression.Options.call_args.kwargs
    folder = Path(options["output_directory"], given["run_id"])
    folder.mkdir(parents=True, exist_ok=True)
    said = {name: repr(value) for name, value in (options | given).items()}
    said["threads"] = os.environ["PYTHON_JULIACALL_THREADS"]
    said["offline"] = os.environ["PYTHON_JULIAPKG_OFFLINE"]
    said["on_main_thread"] = threading.current_thread() is threading.main_thread()
    said["modules"] = sorted(sys.modules)
    said["calls"] = [repr(call) for call in Main.mock_calls]
    if "FAKE_JULIA_SAID" in os.environ:
        Path(os.environ["FAKE_JULIA_SAID"]).write_text(json.dumps(said))
    halls = plan.get("halls", [])
    for number, hall in enumerate(halls, 1):
        os.write(1, f"Progress: {number} / {len(halls)} total iterations ({number})\n".encode())
        torn = plan.get("torn") == number
        for name in ("hall_of_fame.csv",) if torn else ("hall_of_fame.csv", "hall_of_fame.csv.bak"):
            (folder / name).write_text(hall, encoding="utf-8")
        if plan.get("seen"):
            _until_seen(plan["seen"], number)
    if "crash" in plan:
        os.kill(os.getpid(), getattr(signal, plan["crash"]))
    if plan.get("deaf"):
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.pause()
    if plan.get("wait"):
        _until_told(given["external_stop"])
    return MagicMock(), MagicMock()


def _until_seen(folder, number):
    """Wait until the test has been told of this front, by a file that it makes then."""
    while not Path(folder, str(number)).exists():
        time.sleep(0.02)


def _until_told(stop):
    """Wait for the byte that PySR writes when a signal comes, as Julia would."""
    descriptor, number = stop
    while True:
        select.select([descriptor], [], [])
        if number in os.read(descriptor, 100):
            return


Main = MagicMock()
Main.VERSION.major, Main.VERSION.minor, Main.VERSION.patch = 1, 11, 0
Main.SymbolicRegression.ExternalStop.side_effect = lambda descriptor, number: (descriptor, number)
Main.SymbolicRegression.equation_search._jl_call_nogil.side_effect = _search
