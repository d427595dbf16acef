"""Folders that appear whole or not at all, and hashes of what is in them."""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from napari_parsimony.errors import UserError


@contextmanager
def replace_folder(target: Path) -> Iterator[Path]:
    """Write a folder beside its destination and rename it into place when all went well.

    Parameters
    ----------
    target
        The folder to create or replace.

    Yields
    ------
    Path
        An empty folder to write into. If the block raises, it is removed and `target` is as before.
    """
    recover_folder(target)
    fresh, old = _sibling(target, "partial"), _sibling(target, "old")
    shutil.rmtree(fresh, ignore_errors=True)
    try:
        fresh.mkdir(parents=True)
        yield fresh
        _sync(fresh)
        if target.exists():
            target.rename(old)
        fresh.rename(target)
        shutil.rmtree(old, ignore_errors=True)
    except OSError as error:
        raise UserError(
            f"Could not write {target}: {error.strerror or error}. Nothing was changed."
        ) from error
    finally:
        recover_folder(target)
        shutil.rmtree(fresh, ignore_errors=True)


def recover_folder(target: Path) -> None:
    """Undo a replacement that was killed between its two renames.

    Parameters
    ----------
    target
        A folder that `replace_folder` writes.
    """
    old = _sibling(target, "old")
    if old.exists():
        if target.exists():
            shutil.rmtree(old, ignore_errors=True)
        else:
            old.rename(target)


def replace_file(target: Path, content: bytes | str) -> None:
    """Write a file beside its destination and rename it into place.

    Raises
    ------
    UserError
        If it cannot be written; `target` is then as before.
    """
    data = content.encode() if isinstance(content, str) else content
    fresh = _sibling(target, "partial")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            with fresh.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(target)
        finally:
            fresh.unlink(missing_ok=True)
    except OSError as error:
        raise UserError(
            f"Could not write {target}: {error.strerror or error}. Nothing was changed."
        ) from error


def write_json(path: Path, value: Any) -> None:
    """Write JSON that people can read; NaN is refused because other readers refuse it."""
    replace_file(path, json.dumps(value, indent=1, allow_nan=False, default=str) + "\n")


def read_json(path: Path) -> Any:
    """Read JSON.

    Raises
    ------
    UserError
        If the file is missing or is not JSON.
    """
    try:
        return json.loads(path.read_text())
    except FileNotFoundError as error:
        raise UserError(f"The file {path} is missing.") from error
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"The file {path} cannot be read as JSON: {error}.") from error


def read_versioned(path: Path, newest: int) -> Any:
    """Read JSON that tells its ``format_version``.

    Raises
    ------
    UserError
        If the file is missing, is not JSON, or has a newer format than `newest`.
    """
    content = read_json(path)
    version = content.get("format_version") if isinstance(content, dict) else None
    if isinstance(version, int) and version > newest:
        raise UserError(
            f"The file {path} was written by a newer napari-parsimony (format {version}): "
            "update the plugin to read it."
        )
    return content


def hash_file(path: Path) -> str:
    """SHA-256 of a file's content, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sibling(target: Path, role: str) -> Path:
    return target.with_name(f".{target.name}.{role}")


def _sync(folder: Path) -> None:
    """Flush to disk, so that the rename never outlives the data after a power cut."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb+") as file:
                os.fsync(file.fileno())
