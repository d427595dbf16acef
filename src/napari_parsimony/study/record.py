"""What a study writes down about itself: `study.json`, and a `step.json` for every step."""

import functools
import hashlib
import json
import platform
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from napari_parsimony.artefact import hash_file, read_json
from napari_parsimony.config import Config, parse_config
from napari_parsimony.errors import UserError
from napari_parsimony.study import settings

FORMAT_VERSION = 1
STEP_FILE = "step.json"

#: Bytes of sources whose content a step records, so that hashing takes a second or so: when it is
#: run, and at every look at sources of which only the dates differ, those of a copied study.
HASHED = 1 << 28
OPENING = 1 << 16  # bytes that could be hashed in the time it takes to open a file
_CONTENT = ", content "

#: From a format version to the next: functions on the decoded JSON. Every released format keeps
#: its function here and a golden folder in the tests.
MIGRATIONS: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {}

#: Packages whose version can change a result.
PACKAGES = (
    "napari-parsimony",
    "numpy",
    "pandas",
    "pyarrow",
    "pyoperon",
    "pysr",
    "scikit-image",
    "scikit-learn",
    "scipy",
    "sympy",
    "tifffile",
    "torch",
)

C = TypeVar("C", bound=Config)


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    format_version: int = Field(default=FORMAT_VERSION, ge=1)


D = TypeVar("D", bound=_Document)


class StudyRecord(_Document):
    """The content of `study.json`."""

    name: str = Field(min_length=1)
    created: AwareDatetime
    version: str


class StepRecord(_Document):
    """Where a step's artefact came from: the content of its `step.json`.

    Attributes
    ----------
    step
        The name of the step.
    config
        All its settings. Relative paths are relative to the study's folder.
    seed
        The seed, for steps that draw random numbers.
    versions
        Python's and the packages' versions.
    platform
        Operating system and processor.
    sources
        Files and folders outside the study that the settings name, and how they looked.
    inputs
        The fingerprints of the steps it read.
    annotations
        Stamp of the annotations, for steps in whose artefact classes have a say.
    outputs
        SHA-256 of every file that it wrote.
    sizes
        Bytes of every file that it wrote; unlike the hashes, quick to check.
    fingerprint
        A hash of `outputs`: two runs with the same result have the same one, whatever their date
        and wherever their images lay.
    finished
        When.
    seconds
        How long it took.
    """

    step: str
    config: dict[str, Any]
    seed: int | None
    versions: dict[str, str]
    platform: str
    sources: dict[str, str]
    inputs: dict[str, str]
    annotations: str = ""
    outputs: dict[str, str]
    sizes: dict[str, int]
    fingerprint: str
    finished: AwareDatetime
    seconds: float = Field(ge=0)

    def settings(self, kind: type[C], study: Path) -> C:
        """Give the settings back, with absolute paths.

        Parameters
        ----------
        kind
            The configuration class of the step.
        study
            The study's folder.

        Raises
        ------
        UserError
            If they are not settings that this version understands.
        """
        return settings.with_absolute_paths(parse_config(kind, self.config), study)


def describe(
    step: str,
    config: Config,
    study: Path,
    out: Path,
    sources: dict[str, str],
    inputs: dict[str, str],
    annotations: str,
    seconds: float,
) -> StepRecord:
    """Write down a step that has just been done, hashing all files in `out`."""
    return StepRecord(
        step=step,
        config=settings.to_json(config, study),
        seed=getattr(config, "seed", None),
        versions=_versions(),
        platform=platform.platform(),
        sources=sources,
        inputs=inputs,
        annotations=annotations,
        **_result(step, out),
        seconds=round(seconds, 3),
    )


def describe_again(record: StepRecord, config: dict[str, Any], out: Path) -> StepRecord:
    """Write down that a step's result was changed without running it, with these settings."""
    return record.model_copy(update={"config": config, **_result(record.step, out)})


def fingerprint(step: str, outputs: Mapping[str, str]) -> str:
    """Hash what a step left."""
    content = json.dumps({"step": step, "outputs": dict(outputs)}, sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()


def source_stamps(config: Config, study: Path) -> dict[str, str]:
    """How the files and folders that the settings name look now.

    Returns
    -------
    dict
        For every path that exists, as it is recorded: number of files, bytes, the newest
        modification, and a hash of the content unless that is too large.
    """
    stamps = {}
    left = HASHED
    for path in settings.paths(config):
        if path.exists():
            name = path.relative_to(study).as_posix() if path.is_relative_to(study) else str(path)
            extent, date, cost = _look(path)
            stamps[name] = extent + date
            content = _content(path) if cost <= left else ""
            if content:
                stamps[name] += _CONTENT + content
                left -= cost
    return stamps


def is_changed(path: Path, before: str) -> bool:
    """Whether a file, or any below a folder, is not what a step had read.

    Parameters
    ----------
    path
        The file or folder; it exists.
    before
        How it looked then, by `source_stamps`. It is read only if its date alone differs.
    """
    extent, date, _ = _look(path)
    looked, _, content = before.partition(_CONTENT)
    if looked == extent + date:
        return False
    # Of a large source, or by an older version, no hash is recorded; then another date counts as a
    # change: a mask painted over keeps its size, and cells of the old one would be silently wrong,
    # while a copy that counts as changed only costs a run of the step.
    return not content or not looked.startswith(f"{extent}, ") or _content(path) != content


def _look(path: Path) -> tuple[str, str, int]:
    """Describe number and bytes of the files, and the newest; and say what hashing would cost."""
    states = [file.stat() for file in _files(path)]
    size = sum(state.st_size for state in states)
    newest = max((state.st_mtime_ns for state in states), default=0)
    extent = f"{len(states)} files, {size} bytes"
    return extent, f", changed {newest}", size + OPENING * len(states)


def _content(path: Path) -> str:
    """Hash names and content of the files; an empty text if one cannot be read."""
    try:
        hashes = {file.relative_to(path).as_posix(): hash_file(file) for file in _files(path)}
    except OSError:
        # the step may do without it
        return ""
    return hashlib.sha256(json.dumps(hashes, sort_keys=True).encode()).hexdigest()


def _files(path: Path) -> list[Path]:
    return [p for p in path.rglob("*") if p.is_file()] if path.is_dir() else [path]


def read_document(path: Path, kind: type[D]) -> D:
    """Read `study.json` or a `step.json` of this or an older format.

    Raises
    ------
    UserError
        If it is missing, of a newer format, or not such a file at all.
    """
    content = read_json(path)
    version = content.get("format_version") if isinstance(content, dict) else None
    if type(version) is not int or version < 1:
        raise UserError(f"The file {path} has no usable 'format_version': it is not of a study.")
    if version > FORMAT_VERSION:
        raise UserError(
            f"The file {path} has format {version}, but this napari-parsimony reads formats up to "
            f"{FORMAT_VERSION}: update napari-parsimony to open it."
        )
    while version < FORMAT_VERSION:
        content = MIGRATIONS[version](content)
        version += 1
    try:
        return kind.model_validate({**content, "format_version": FORMAT_VERSION})
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise UserError(
            f"The file {path} was changed in a way that cannot be read: '{place}' is wrong "
            f"({first['msg'].lower()})."
        ) from error


def _result(step: str, out: Path) -> dict[str, Any]:
    files = {p.relative_to(out).as_posix(): p for p in sorted(out.rglob("*")) if p.is_file()}
    outputs = {name: hash_file(path) for name, path in files.items()}
    return {
        "outputs": outputs,
        "sizes": {name: path.stat().st_size for name, path in files.items()},
        "fingerprint": fingerprint(step, outputs),
        "finished": datetime.now(UTC).replace(microsecond=0),
    }


@functools.cache
def _versions() -> dict[str, str]:
    versions = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return versions
