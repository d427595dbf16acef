"""Settings on their way into a study and out of it again: paths, JSON and TOML."""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic_core import to_jsonable_python

from napari_parsimony.config import Config

C = TypeVar("C", bound=Config)


def with_absolute_paths(config: C, base: Path) -> C:
    """Make every path of a configuration absolute.

    Parameters
    ----------
    config
        Settings that a person wrote; ``~`` is understood.
    base
        What relative paths are relative to: the folder of the TOML file, or the current one.
    """

    def absolute(path: Path) -> Path:
        return Path(os.path.abspath(base / path.expanduser()))

    return type(config).model_validate(_map_paths(config.model_dump(), absolute))


def to_json(config: Config, study: Path) -> dict[str, Any]:
    """Turn settings into what is recorded in a study.

    A path inside the study's folder becomes relative to it, so that a study that carries its own
    images can be moved; any other path stays absolute. Reading is
    ``with_absolute_paths(parse_config(kind, recorded), study)``.
    """

    def recorded(path: Path) -> str:
        return path.relative_to(study).as_posix() if path.is_relative_to(study) else str(path)

    values: dict[str, Any] = to_jsonable_python(_map_paths(config.model_dump(), recorded))
    return values


def paths(config: Config) -> Iterator[Path]:
    """Every path in a configuration, in the order of its fields."""
    found: list[Path] = []

    def note(path: Path) -> Path:
        found.append(path)
        return path

    _map_paths(config.model_dump(), note)
    yield from found


def to_toml(tables: Mapping[str, Mapping[str, Any]]) -> str:
    """Write recorded settings as TOML, one table a step.

    Parameters
    ----------
    tables
        Settings in JSON's types by step. A setting that is null is left out: TOML has no null,
        and a setting that may be null is null by default.
    """
    blocks = []
    for name, table in tables.items():
        lines = [f"{key} = {_toml(value)}" for key, value in table.items() if value is not None]
        blocks.append("\n".join([f"[{name}]", *lines]) + "\n")
    return "\n".join(blocks)


def _toml(value: Any) -> str:
    if isinstance(value, Mapping):
        inside = ", ".join(f"{json.dumps(k)} = {_toml(v)}" for k, v in value.items())
        return f"{{ {inside} }}" if inside else "{}"
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    # JSON's strings, numbers and booleans are TOML's, but for DEL, which TOML wants escaped
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _map_paths(value: Any, change: Callable[[Path], Path | str]) -> Any:
    if isinstance(value, Path):
        return change(value)
    if isinstance(value, Mapping):
        return {key: _map_paths(item, change) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_map_paths(item, change) for item in value)
    return value
