"""Settings of steps as they were used last, for the forms of the next study.

They lie in a file beside napari's settings: its dialog has no room for the forms of all steps.
"""

from pathlib import Path
from typing import Annotated, Any, get_args

from pydantic import TypeAdapter, ValidationError

from napari_parsimony.artefact import write_json
from napari_parsimony.config import Config
from napari_parsimony.gui.preferences import file_beside, read_file

#: What belongs to the data of one study, and not to how somebody works; files do so as well.
OF_ONE_STUDY = {
    "cells": {
        "pattern",
        "axes",
        "channels",
        "window",
        "window_um",
        "pixel_size",
        "group_by",
        "group_column",
    },
    "classify": {"classes"},
    "equations": {"by_hand", "choice"},
    "report": {"title", "x", "y"},
}


def recall_settings(step: str, kind: type[Config]) -> dict[str, Any]:
    """Give back the settings that a step was last run with; none if it never was.

    Parameters
    ----------
    step
        Name of the step.
    kind
        Class of its settings. What another version remembered and this one does not understand
        is left out.
    """
    found = read_file(_file()).get(step)
    if not isinstance(found, dict):
        return {}
    known = ((name, found[name]) for name in _general(step, kind) if name in found)
    return {name: value for name, value in known if _fits(kind, name, value)}


def remember_settings(step: str, config: Config) -> None:
    """Remember the settings of a step that is being run, without what is of this study alone."""
    path = _file()
    if path is not None:
        values = config.model_dump(mode="json", include=_general(step, type(config)))
        write_json(path, {**read_file(path), step: values})


def default_settings(step: str, kind: type[Config]) -> dict[str, Any]:
    """Defaults of what is remembered."""
    fields = kind.model_fields
    return {
        name: fields[name].get_default(call_default_factory=True) for name in _general(step, kind)
    }


def forget_settings() -> None:
    """Forget all of it."""
    path = _file()
    if path is not None:
        path.unlink(missing_ok=True)


def _file() -> Path | None:
    return file_beside("napari-parsimony-steps.json")


def _general(step: str, kind: type[Config]) -> set[str]:
    own = OF_ONE_STUDY.get(step, set())
    return {
        name
        for name, info in kind.model_fields.items()
        if name not in own and not _holds_path(info.annotation)
    }


def _holds_path(annotation: Any) -> bool:
    return annotation is Path or any(map(_holds_path, get_args(annotation)))


def _fits(kind: type[Config], name: str, value: Any) -> bool:
    # one by one: some settings are only right together with files, which are not remembered
    info = kind.model_fields[name]
    kind_of_value: Any = Annotated[info.annotation, info]
    rules: TypeAdapter[Any] = TypeAdapter(kind_of_value)
    try:
        rules.validate_python(value)
    except ValidationError:
        return False
    return True
