"""How the command line says how far a step is: JSON lines, a bar, plain lines or nothing."""

import json
import math
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

from napari_parsimony.progress import Progress, Report, silent

LINE_EVERY = 5.0  # seconds between two plain lines of a running step


class Display(Protocol):
    """Shows what runs."""

    def step(self, name: str, title: str) -> Any:
        """Context around a step that gives the function to report to."""

    def say(self, text: str) -> None:
        """Tell something that is no error."""

    def error(self, text: str) -> None:
        """Say in one sentence why it stopped."""


class Quiet:
    """Says nothing but errors."""

    @contextmanager
    def step(self, name: str, title: str) -> Iterator[Report]:
        """Report to nobody."""
        yield silent

    def say(self, text: str) -> None:
        """Keep it."""

    def error(self, text: str) -> None:
        """Print to stderr."""
        print(f"Error: {text}", file=sys.stderr, flush=True)


class JsonLines(Quiet):
    """One JSON object a line on stdout, for programs; NaN and infinity become null."""

    @contextmanager
    def step(self, name: str, title: str) -> Iterator[Report]:
        """Print an event for each progress and one at the end."""

        def report(progress: Progress) -> None:
            _emit(
                {
                    "event": "progress",
                    "step": name,
                    "done": progress.done,
                    "total": progress.total,
                    "message": progress.message,
                    "values": {k: _finite(v) for k, v in progress.values.items()},
                    "preview": dict(progress.preview),
                }
            )

        start = time.monotonic()
        yield report
        seconds = round(time.monotonic() - start, 3)
        _emit({"event": "done", "step": name, "seconds": seconds})

    def error(self, text: str) -> None:
        """Print an event, and the sentence to stderr."""
        super().error(text)
        _emit({"event": "error", "message": text})


class Lines(Quiet):
    """A line now and then on stdout, for log files."""

    @contextmanager
    def step(self, name: str, title: str) -> Iterator[Report]:
        """Print a line from time to time."""
        start = time.monotonic()
        printed = -math.inf

        def report(progress: Progress) -> None:
            nonlocal printed
            now = time.monotonic()
            if now - printed > LINE_EVERY:
                printed = now
                _print(f"{name}: {_text(progress)}")

        _print(f"{name}: {title}")
        yield report
        _print(f"{name}: done in {time.monotonic() - start:.1f} s")

    def say(self, text: str) -> None:
        """Print it."""
        _print(text)


class Bar(Lines):
    """A bar with the time left, for people."""

    @contextmanager
    def step(self, name: str, title: str) -> Iterator[Report]:
        """Draw one bar, redrawn in place."""
        from rich.console import Console
        from rich.markup import escape
        from rich.progress import BarColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
        from rich.progress import Progress as RichProgress

        columns = (
            TextColumn(name),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            TextColumn("{task.description}"),
        )
        with RichProgress(*columns, console=Console(stderr=True)) as bars:
            task = bars.add_task(escape(title), total=None)

            def report(progress: Progress) -> None:
                text = f"{progress.message}{_values(progress.values)}"
                bars.update(
                    task,
                    completed=progress.done,
                    total=progress.total or None,
                    description=escape(text),
                )

            yield report
            bars.update(task, description="done", total=1, completed=1)


def make(kind: str) -> Display:
    """Choose a display: ``auto`` is a bar in a terminal and plain lines elsewhere."""
    if kind == "auto":
        kind = "bar" if sys.stderr.isatty() else "lines"
    displays: dict[str, type[Quiet]] = {
        "json": JsonLines,
        "bar": Bar,
        "lines": Lines,
        "none": Quiet,
    }
    return displays[kind]()


def _emit(event: Mapping[str, Any]) -> None:
    _print(json.dumps(event, allow_nan=False))


def _print(text: str) -> None:
    try:
        print(text, flush=True)
    except OSError:
        # whoever listened is gone: stop as if cancelled, and keep the checkpoints
        raise KeyboardInterrupt from None


def _text(progress: Progress) -> str:
    share = f" ({progress.done} of {progress.total})" if progress.total else ""
    return f"{progress.message}{share}{_values(progress.values)}"


def _values(values: Mapping[str, float]) -> str:
    return "".join(f", {name} {value:.4g}" for name, value in values.items())


def _finite(value: float) -> float | None:
    number = float(value)
    return number if math.isfinite(number) else None
