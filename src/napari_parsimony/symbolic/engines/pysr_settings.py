"""Which Julia to use: what a person told when it was installed, for every search from then on."""

import os
from dataclasses import dataclass
from pathlib import Path

import click

from napari_parsimony.artefact import read_json, write_json
from napari_parsimony.errors import UserError

KEPT = ("PYTHON_JULIAPKG_EXE", "PYTHON_JULIAPKG_PROJECT", "JULIA_DEPOT_PATH")


@dataclass(frozen=True)
class JuliaSettings:
    """Environment variables by which juliapkg and Julia find what was installed.

    Attributes
    ----------
    variables
        Those of `KEPT` that are set.
    """

    variables: tuple[tuple[str, str], ...] = ()

    @staticmethod
    def given() -> "JuliaSettings":
        """Take them from the environment of this process."""
        return JuliaSettings(tuple((name, os.environ[name]) for name in KEPT if os.getenv(name)))

    @staticmethod
    def load() -> "JuliaSettings":
        """Read what was kept; nothing if there is no such file, or it is no such file."""
        try:
            content = read_json(_file()) if _file().exists() else {}
        except UserError:
            content = {}  # as if Julia were not installed: installing it writes the file anew
        values = content if isinstance(content, dict) else {}
        return JuliaSettings(
            tuple((name, values[name]) for name in KEPT if isinstance(values.get(name), str))
        )

    def save(self) -> None:
        """Keep them for the searches to come."""
        _file().parent.mkdir(parents=True, exist_ok=True)
        write_json(_file(), dict(self.variables))

    def environment(self) -> dict[str, str]:
        """Say what to set where the environment itself says nothing."""
        return {name: value for name, value in self.variables if not os.getenv(name)}


def _file() -> Path:
    return Path(click.get_app_dir("napari-parsimony")) / "julia.json"
