"""The commands, and what becomes of an error or a Ctrl-C in any of them."""

import io
import os
import signal
import sys
import traceback
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from napari_parsimony.errors import UserError

if TYPE_CHECKING:
    from napari_parsimony.study.step import Step

INTERRUPTED = 130
USAGE = 2


def main(arguments: Sequence[str] | None = None, steps: "Mapping[str, Step] | None" = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments
        Words after the program's name; by default those it was started with.
    steps
        The steps that it offers; by default all.

    Returns
    -------
    int
        The exit code: 0 done, 1 failed with a sentence on stderr, 2 misused, 130 interrupted.
    """
    # A child of a shell script's background process inherits an ignored Ctrl-C; a batch system
    # ends jobs with SIGTERM, and napari on Windows with Ctrl-Break. All mean the same here.
    for name in ("SIGINT", "SIGTERM", "SIGBREAK"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.default_int_handler)
    # Threads that spin while they wait lose to any busy neighbour, and napari is one: measured on
    # two cores with one other process, training took 4 times as long. Read when torch is imported.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # What goes into a file or a pipe is UTF-8 everywhere, as `run` and napari read it.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and not stream.isatty():
            stream.reconfigure(encoding="utf-8", errors="replace")
    try:
        return _run(arguments, steps)
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        _say(
            "Interrupted: finished steps are kept; if you run the same command again, a training "
            "goes on from its last checkpoint, a search for equations from what it had found, "
            "and any other step starts anew."
        )
        return INTERRUPTED


def _run(arguments: Sequence[str] | None, steps: "Mapping[str, Step] | None") -> int:
    import click

    from napari_parsimony.cli import display
    from napari_parsimony.cli.commands import build

    # errors before, and outside of, any command that has a display of its own
    shown: display.Display = display.Quiet()

    def use(chosen: display.Display) -> None:
        nonlocal shown
        shown = chosen

    try:
        words = list(sys.argv[1:] if arguments is None else arguments)
        # not click's `main`, which has ways of its own to end on an interruption
        with build(steps, use).make_context("napari-parsimony", words) as context:
            context.command.invoke(context)
    except click.exceptions.Exit as error:
        return error.exit_code
    except click.ClickException as error:
        error.show()
        return USAGE
    except UserError as error:
        shown.error(str(error))
        return 1
    except MemoryError:
        shown.error("Memory ran out: use smaller batches or fewer cells, or a larger machine.")
        return 1
    except BrokenPipeError:
        raise KeyboardInterrupt from None
    except Exception as error:  # noqa: BLE001
        # the last place where anything can be said: a bug
        traceback.print_exc()
        shown.error(
            f"This is a bug in napari-parsimony, please report it with the lines above: "
            f"{type(error).__name__}: {error}"
        )
        return 1
    return 0


def _say(text: str) -> None:
    """Print to stderr; where nobody listens any more, keep later writes from complaining."""
    try:
        print(text, file=sys.stderr, flush=True)
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
