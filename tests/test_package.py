"""What is installed: the manifest, the wheel's files, its dependencies, and a quick import."""

import json
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import distribution, entry_points
from pathlib import Path
from zipfile import ZipFile

import pytest
from npe2 import PluginManifest
from packaging.requirements import Requirement

import napari_parsimony

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "napari_parsimony"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def files(folder: Path) -> set[str]:
    """Every file below a folder but what Python leaves there, as in an archive."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix() for path in found if path.suffix != ".pyc"}


def base_requirements(name: str, seen: set[str]) -> Iterator[str]:
    """Names of all that an installed distribution needs without extras, with its needs in turn."""
    for text in distribution(name).requires or []:
        requirement = Requirement(text)
        wanted = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
        needed = requirement.name.lower()
        if wanted and needed not in seen:
            seen.add(needed)
            yield needed
            yield from base_requirements(needed, seen)


def test_version_is_the_project_s() -> None:
    assert napari_parsimony.__version__ == PROJECT["version"]


def test_citation_has_the_version() -> None:
    lines = (ROOT / "CITATION.cff").read_text(encoding="utf-8").splitlines()
    assert f"version: {PROJECT['version']}" in lines


def test_napari_finds_the_manifest() -> None:
    (entry,) = entry_points(group="napari.manifest", name="napari-parsimony")
    assert entry.value == "napari_parsimony:napari.yaml"
    manifest = PluginManifest.from_distribution("napari-parsimony")
    assert manifest.display_name == "napari-parsimony"
    manifest.validate_imports()


def test_every_command_says_what_it_does() -> None:
    manifest = PluginManifest.from_distribution("napari-parsimony")
    commands = manifest.contributions.commands or []
    assert commands
    assert len({command.title for command in commands}) == len(commands)
    assert all(command.id.startswith("napari-parsimony.") for command in commands)


@pytest.mark.skipif(
    sys.platform == "win32", reason="git on Windows checks symbolic links out as text"
)
@pytest.mark.parametrize("name", ["napari.yaml", "sample_data"])
def test_top_level_links_lead_to_what_is_installed(name: str) -> None:
    link = ROOT / name
    assert link.is_symlink()
    assert not link.readlink().is_absolute()
    assert link.resolve(strict=True) == (PACKAGE / name).resolve(strict=True)


def test_import_is_light() -> None:
    # What the command line's help, the forms in napari and napari's start-up import
    configs = sorted(PACKAGE.glob("*/config.py"))
    assert configs
    rooms = sorted(path.parent for path in PACKAGE.glob("*/__init__.py"))
    (command,) = entry_points(group="console_scripts", name="napari-parsimony")
    modules = [
        "napari_parsimony",
        command.module,
        *(f"napari_parsimony.{room.name}" for room in rooms),
        *(f"napari_parsimony.{path.parent.name}.config" for path in configs),
    ]
    program = (
        "import importlib, json, sys\n"
        f"for name in {modules}: importlib.import_module(name)\n"
        "print(json.dumps(list(sys.modules)))"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    imported = set(json.loads(result.stdout))
    assert set(modules) <= imported
    heavy = {"juliacall", "magicgui", "napari", "pyoperon", "pysr", "qtpy", "torch", "vispy"}
    assert not imported & heavy


def test_base_package_needs_no_qt_and_no_napari() -> None:
    needed = set(base_requirements("napari-parsimony", set()))
    assert {"torch", "numpy"} <= needed
    forbidden = {
        "juliacall",
        "pysr",
        "magicgui",
        "napari",
        "pyqt5",
        "pyqt6",
        "pyside2",
        "pyside6",
        "qtpy",
        "superqt",
    }
    assert not needed & forbidden


def test_all_brings_napari_with_qt() -> None:
    extra = [Requirement(text) for text in PROJECT["optional-dependencies"]["all"]]
    assert any(r.name == "napari" and "all" in r.extras for r in extra)
    assert any(r.name == "napari-parsimony" and {"napari", "pysr"} <= r.extras for r in extra)


def test_wheel_holds_the_package_whole(tmp_path: Path) -> None:
    # from a copy: setuptools would pack what an earlier build left in the checkout
    source = tmp_path / "source"
    for name in ["pyproject.toml", "README.md", "LICENSE"]:
        source.mkdir(exist_ok=True)
        shutil.copy2(ROOT / name, source)
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
    shutil.copytree(ROOT / "src", source / "src", ignore=ignored)
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*build, "--wheel-dir", str(tmp_path), str(source)], check=True)
    (wheel,) = tmp_path.glob("*.whl")
    with ZipFile(wheel) as archive:
        names = set(archive.namelist())

    info = f"napari_parsimony-{PROJECT['version']}.dist-info"
    expected = {f"napari_parsimony/{name}" for name in files(source / "src/napari_parsimony")}
    assert {"napari_parsimony/napari.yaml", "napari_parsimony/py.typed"} <= expected
    assert any(name.startswith("napari_parsimony/sample_data/") for name in expected)
    assert {name for name in names if not name.startswith(info)} == expected
    assert f"{info}/licenses/LICENSE" in names
