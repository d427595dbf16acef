"""One step at a time in a study."""

import errno
import json
import os
import socket
import sys
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

from napari_parsimony.errors import UserError

#: The operating system gives the lock back when its holder dies, however it dies: there is
#: nothing stale to recognise. The file itself stays and only says who holds it.
LOCK_FILE = ".lock"


@contextmanager
def exclusive(study: Path, step: str) -> Iterator[None]:
    """Hold a study's lock while a step runs.

    Raises
    ------
    UserError
        If another process (or another thread of this one) runs a step in this study, or the study
        cannot be written.
    """
    path = study / LOCK_FILE
    owner = {"step": step, "process": os.getpid(), "host": socket.gethostname()}
    with ExitStack() as stack:
        try:
            # unbuffered: closing would try again to write what a full disk has refused
            file = stack.enter_context(path.open("a+b", buffering=0))
            if not _try_lock(file):
                raise UserError(f"{_holder(file)} in {study}: wait until it is done, or end it.")
            file.truncate(0)
            file.write(json.dumps(owner).encode())
        except OSError as error:
            raise UserError(
                f"Could not write {path}: {error.strerror or error}; free some space, or check "
                "that you may write there."
            ) from error
        yield


@contextmanager
def unless_running(study: Path) -> Iterator[bool]:
    """Hold a study's lock if nobody does; gives False where a step is running."""
    try:
        file = (study / LOCK_FILE).open("a+b")
    except OSError:
        # a study on a read-only disk: nothing can be running there
        yield False
        return
    with file:
        yield _try_lock(file)


def _holder(file: IO[bytes]) -> str:
    file.seek(0)
    try:
        owner = json.loads(file.read())
        return f"The step '{owner['step']}' is running as process {owner['process']}"
    except (OSError, ValueError, TypeError, KeyError):
        return "Another step is running"


if sys.platform == "win32":
    import msvcrt

    def _try_lock(file: IO[bytes]) -> bool:
        # Windows forbids others to read what is locked: lock a byte far behind the text
        file.seek(1 << 20)
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        finally:
            file.seek(0)
        return True

else:
    import fcntl

    def _try_lock(file: IO[bytes]) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError as error:
            if error.errno not in (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP):
                raise
            warnings.warn(
                f"{file.name}: this file system has no locks, so nothing keeps two steps from "
                "running in this study at once.",
                stacklevel=2,
            )
        return True
