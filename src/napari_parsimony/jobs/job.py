"""One step of a study in a child process: its progress, its cancelling, and how it ended.

No Qt here: whoever has an event loop calls `Job.poll` from a timer.
"""

import enum
import json
import math
import os
import queue
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from napari_parsimony.config import Config
from napari_parsimony.errors import UserError
from napari_parsimony.progress import Progress

# -P: or a file `queue.py` in the current folder, where the data lie, would be imported for ours
COMMAND = (sys.executable, "-P", "-m", "napari_parsimony")
INTERRUPTED = 130
TAIL = 60  # lines of stderr that are kept
NICE = 10  # how much a step gives way to the viewer where both want the processor
LAST_WORDS = 5.0  # seconds to wait for output of a process that has ended

#: What signals that end a process mean to people.
SIGNALS = {
    "SIGKILL": "was killed by the operating system, probably because memory ran out: use smaller "
    "batches or fewer cells",
    "SIGBUS": "crashed (SIGBUS), probably because the disk is full",
    "SIGXCPU": "used more processor time than this computer allows",
}


class JobState(enum.Enum):
    """Where a job is in its life; buttons follow from it.

    IDLE was not started, or was cancelled: it can be started (again).
    """

    IDLE = "idle"
    RUNNING = "running"
    CANCELLING = "cancelling"
    DONE = "done"
    FAILED = "failed"


class Job:
    """Runs a step as ``python -m napari_parsimony STEP STUDY`` and listens to it.

    Parameters
    ----------
    study
        The study's folder.
    step
        The name of the step.
    config
        Its settings; paths should be absolute.
    command
        What starts the command line.
    grace
        Seconds that a cancelled process may take to clean up before it is killed.

    Attributes
    ----------
    error
        One sentence on why it failed, else None.
    seconds
        How long the step took, once it is done.
    """

    def __init__(
        self,
        study: Path | str,
        step: str,
        config: Config | Mapping[str, Any],
        *,
        command: Sequence[str] = COMMAND,
        grace: float = 10.0,
    ) -> None:
        self.study = Path(study).absolute()
        self.step = step
        self.error: str | None = None
        self.seconds: float | None = None
        values = config.model_dump(mode="json") if isinstance(config, Config) else dict(config)
        self._config = json.dumps(values)
        self._command = [*command, step, str(self.study)]
        self._grace = grace
        self._state = JobState.IDLE
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._process: subprocess.Popen[str] | None = None
        self._killer: threading.Timer | None = None
        self._events: queue.SimpleQueue[Progress] = queue.SimpleQueue()
        self._tail: deque[str] = deque(maxlen=TAIL)
        self._failure: str | None = None

    @property
    def state(self) -> JobState:
        """Where it is now. After it has ended, `poll` once more to see its last progress."""
        return self._state

    @property
    def running(self) -> bool:
        """Whether there is a process."""
        return self._state in (JobState.RUNNING, JobState.CANCELLING)

    @property
    def details(self) -> str:
        """Last lines that the process wrote to stderr: for a bug report."""
        return "\n".join(self._tail.copy())

    def start(self) -> None:
        """Start the process.

        Raises
        ------
        UserError
            If it cannot be started.
        RuntimeError
            If it is running already.
        """
        with self._lock:
            if self.running:
                raise RuntimeError(f"The step '{self.step}' is running already.")
            self.error = self.seconds = self._failure = None
            self._tail.clear()
            self._ended.clear()
            # options through stdin: a thousand image paths are too long for a command line
            command = [*self._command, "--config-json", "-", "--progress", "json"]
            try:
                self._process = subprocess.Popen(
                    command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                    encoding="utf-8",
                    errors="replace",
                    env={**os.environ, "PYTHONIOENCODING": "utf-8", "PYTHONUNBUFFERED": "1"},
                    **_own_group(),
                )
            except OSError as error:
                raise UserError(f"Could not start {command[0]}: {error.strerror}.") from error
            _step_aside(self._process)
            self._state = JobState.RUNNING
        threading.Thread(target=self._follow, args=(self._process,), daemon=True).start()

    def poll(self) -> list[Progress]:
        """Take what was reported since the last call; never waits."""
        found = []
        while True:
            try:
                found.append(self._events.get_nowait())
            except queue.Empty:
                return found

    def cancel(self) -> None:
        """Ask the process to stop, and kill it if it does not within the grace.

        The step's previous artefact and its checkpoints stay. Does nothing if nothing runs.
        """
        with self._lock:
            process = self._process
            if self._state is not JobState.RUNNING or process is None:
                return
            self._state = JobState.CANCELLING
            self._killer = threading.Timer(self._grace, _kill, args=(process,))
            self._killer.daemon = True
            self._killer.start()
            _interrupt(process)

    def wait(self, timeout: float | None = None) -> JobState:
        """Wait until the process has ended.

        Raises
        ------
        TimeoutError
            If it has not within `timeout` seconds.
        """
        if self._process is not None and not self._ended.wait(timeout):
            raise TimeoutError(f"The step '{self.step}' is still {self._state.value}.")
        return self._state

    def _follow(self, process: "subprocess.Popen[str]") -> None:
        """Feed the process, read it and see it end; runs in a thread."""
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        readers = [
            threading.Thread(target=self._read_events, args=(process.stdout,), daemon=True),
            threading.Thread(target=self._read_errors, args=(process.stderr,), daemon=True),
        ]
        for reader in readers:
            reader.start()
        try:
            with process.stdin:
                process.stdin.write(self._config)
        except OSError:
            # it died before it read its settings; its exit code says why
            pass
        code = process.wait()
        for reader in readers:
            # grandchildren may keep the pipes open after a kill: do not wait for ever
            reader.join(LAST_WORDS)
        with self._lock:
            if self._killer is not None:
                self._killer.cancel()
                self._killer = None
            self._state = self._end(code, cancelled=self._state is JobState.CANCELLING)
        self._ended.set()

    def _end(self, code: int, *, cancelled: bool) -> JobState:
        if code == 0 and self.seconds is not None:
            return JobState.DONE
        if cancelled and self._failure is None:
            return JobState.IDLE
        self.error = self._failure or self._cause(code)
        return JobState.FAILED

    def _cause(self, code: int) -> str:
        subject = f"The step '{self.step}'"
        last = next((line.strip() for line in reversed(self._tail.copy()) if line.strip()), "")
        said = f"; it last said: {last}" if last else ""
        if code == INTERRUPTED:
            return f"{subject} was interrupted from outside: start it again."
        if code < 0:
            try:
                name = signal.Signals(-code).name
            except ValueError:
                name = f"signal {-code}"
            return f"{subject} {SIGNALS.get(name, f'crashed ({name})')}{said}."
        # Windows ends a crashed process with an NTSTATUS error
        if code >= 0xC0000000:
            return f"{subject} crashed (0x{code:X}){said}."
        return f"{subject} ended without a result (exit code {code}){said}."

    def _read_events(self, stream: IO[str]) -> None:
        with stream:
            for line in stream:
                try:
                    self._take(json.loads(line))
                except (ValueError, TypeError, KeyError, AttributeError):
                    # no event of ours: a library that prints to stdout
                    self._tail.append(line.rstrip("\n"))

    def _take(self, event: dict[str, Any]) -> None:
        if event["event"] == "progress":
            values = {k: math.nan if v is None else float(v) for k, v in event["values"].items()}
            self._events.put(
                Progress(
                    int(event["done"]),
                    int(event["total"]),
                    str(event["message"]),
                    values,
                    dict(event["preview"]),
                )
            )
        elif event["event"] == "done":
            self.seconds = float(event["seconds"])
        elif event["event"] == "error":
            self._failure = str(event["message"])

    def _read_errors(self, stream: IO[str]) -> None:
        with stream:
            self._tail.extend(line.rstrip("\n") for line in stream)


def _own_group() -> dict[str, Any]:
    """Keep a Ctrl-C that is meant for napari from the child, and its children together."""
    if sys.platform == "win32":
        flags = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.BELOW_NORMAL_PRIORITY_CLASS
        return {"creationflags": flags}
    return {"start_new_session": True}


def _step_aside(process: "subprocess.Popen[str]") -> None:
    """Let the viewer have the processor first, on POSIX; on Windows it is started so."""
    if sys.platform != "win32":
        own = os.getpriority(os.PRIO_PROCESS, 0)
        os.setpriority(os.PRIO_PROCESS, process.pid, min(own + NICE, 19))


def _interrupt(process: "subprocess.Popen[str]") -> None:
    if sys.platform == "win32":
        process.send_signal(signal.CTRL_BREAK_EVENT)
    else:
        process.send_signal(signal.SIGINT)


def _kill(process: "subprocess.Popen[str]") -> None:
    if sys.platform == "win32":
        process.kill()
    elif process.poll() is None:
        # with all that it started, for instance Julia
        os.killpg(process.pid, signal.SIGKILL)
