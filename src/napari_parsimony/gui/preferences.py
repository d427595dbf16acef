"""What the plugin remembers from one start of napari to the next.

Since napari 0.9 these are plugin preferences, which people see and change in napari's own dialog;
before, they lie in a file beside napari's settings. Their names are those in ``napari.yaml``.
"""

from pathlib import Path
from typing import Any

from napari.settings import get_settings

from napari_parsimony.artefact import read_json, write_json
from napari_parsimony.errors import UserError

PLUGIN, SECTION = "napari-parsimony", "window"
FILE = f"{PLUGIN}.json"
DEFAULTS: dict[str, Any] = {
    "last_study": "",
    "colour_by": "class",
    "text_on_cells": True,
    "text": "",
    "front_columns": "CV loss,bal. acc.,law",
}


def recall(name: str) -> Any:
    """Give back what was remembered, else the default."""
    section = _plugin_section()
    if section is not None:
        return getattr(section, name)
    return read_file(file_beside(FILE)).get(name, DEFAULTS[name])


def remember(name: str, value: Any) -> None:
    """Remember a value of one of the `DEFAULTS`."""
    if name not in DEFAULTS:
        raise KeyError(name)
    section, path = _plugin_section(), file_beside(FILE)
    if section is not None:
        if getattr(section, name) != value:
            setattr(section, name, value)  # napari writes its file
    elif path is not None:
        write_json(path, {**read_file(path), name: value})


def _plugin_section() -> Any:
    """Preferences of this plugin in napari, None where it has no such thing."""
    try:
        from napari.settings import get_plugin_settings
    except ImportError:
        return None
    try:
        return getattr(get_plugin_settings(PLUGIN), SECTION)
    except KeyError:
        return None  # the plugin was switched off, but somebody imports it


def file_beside(name: str) -> Path | None:
    """Find the place of a file beside napari's settings; None where they are in no file."""
    settings = get_settings().config_path
    return None if settings is None else Path(settings).with_name(name)


def read_file(path: Path | None) -> dict[str, Any]:
    """Read what was remembered in a file; nothing if it is not there, or damaged."""
    if path is None or not path.exists():
        return {}
    try:
        content = read_json(path)
    except UserError:
        return {}  # preferences are not worth a message: the next change writes them anew
    return content if isinstance(content, dict) else {}
