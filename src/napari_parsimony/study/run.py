"""Running one step over a study, so that it is done wholly or not at all."""

import shutil
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from napari_parsimony.artefact import read_json, replace_folder, write_json
from napari_parsimony.config import Config
from napari_parsimony.errors import UserError
from napari_parsimony.progress import Report, silent
from napari_parsimony.study import settings
from napari_parsimony.study.lock import exclusive
from napari_parsimony.study.record import STEP_FILE, StepRecord, describe, source_stamps
from napari_parsimony.study.step import Step
from napari_parsimony.study.study import Study

CHECKPOINTS = ".checkpoints"


def run_step(study: Study, step: Step, config: Config, report: Report = silent) -> StepRecord:
    """Run a step and put its artefact in place, with a record of where it came from.

    Until that moment the previous artefact stays, whatever happens. What the step left among its
    checkpoints survives too, and is handed to the next run with the same settings and inputs.

    Parameters
    ----------
    study
        An open study.
    step
        One of `napari_parsimony.study.steps.STEPS`, or the report.
    config
        Its settings; relative paths are relative to the current folder.
    report
        Is told how far it is.

    Raises
    ------
    UserError
        If another step is running, an input is missing or stale, a file cannot be read or
        written, or the settings do not fit the data.
    KeyboardInterrupt
        If it was cancelled.
    """
    if not isinstance(config, step.config):
        raise TypeError(f"'{step.name}' needs {step.config.__name__}, not {type(config).__name__}")
    config = settings.with_absolute_paths(config, Path.cwd())
    with exclusive(study.path, step.name):
        inputs = {name: _fingerprint(study, step, name) for name in step.inputs}
        inputs |= {name: _fingerprint_if_ready(study, name) for name in step.also_reads}
        annotations = study.annotations().stamp if step.reads_classes(config) else ""
        checkpoints = _checkpoints(study, step, config, inputs, annotations)
        start = time.monotonic()
        # before the step reads them: what changes while it runs counts as changed
        sources = source_stamps(config, study.path)
        with replace_folder(study.path / step.name) as out:
            try:
                step.run(study, config, out, checkpoints, report)
            except OSError as error:
                # `replace_folder` speaks for the study's own files
                if _is_elsewhere(error, study.path):
                    raise UserError(
                        f"Could not use {error.filename}: {error.strerror or error}."
                    ) from error
                raise
            seconds = time.monotonic() - start
            record = describe(
                step.name, config, study.path, out, sources, inputs, annotations, seconds
            )
            write_json(out / STEP_FILE, record.model_dump(mode="json"))
        # the artefact is in place: what cannot be removed (NFS, a virus scanner) fails nothing
        shutil.rmtree(checkpoints, ignore_errors=True)
        with suppress(OSError):
            _note(checkpoints).unlink(missing_ok=True)
    return record


def _fingerprint(study: Study, step: Step, name: str) -> str:
    record = study.step(name)
    if record is None:
        raise UserError(
            f"The step '{step.name}' needs the step '{name}', which has not been run in "
            f"{study.path} yet: run it first."
        )
    why = study.why_stale(name)
    if why is not None:
        raise UserError(
            f"The step '{step.name}' needs the step '{name}', which is stale: run '{name}' again. "
            f"({why})"
        )
    return record.fingerprint


def _fingerprint_if_ready(study: Study, name: str) -> str:
    record = study.step(name)
    return record.fingerprint if record is not None and study.state(name) == "ready" else ""


def _checkpoints(
    study: Study, step: Step, config: Config, inputs: dict[str, str], annotations: str
) -> Path:
    """Find the checkpoints of an interrupted run, unless they are of another one.

    The folder is there only if a step kept something in it: napari offers to resume then.
    """
    folder = study.path / CHECKPOINTS / step.name
    belongs_to = {
        "config": settings.to_json(config, study.path),
        "inputs": inputs,
        "annotations": annotations,
    }
    try:
        if folder.exists() and not _says(_note(folder), belongs_to):
            shutil.rmtree(folder)
    except OSError as error:
        raise UserError(
            f"Could not remove {folder}: {error.strerror or error}; check that you may write there."
        ) from error
    write_json(_note(folder), belongs_to)
    return folder


def _note(checkpoints: Path) -> Path:
    """Where it says which run the checkpoints are of; beside them, for it is always there."""
    return checkpoints.with_suffix(".json")


def _says(note: Path, expected: dict[str, Any]) -> bool:
    try:
        return bool(read_json(note) == expected)
    except UserError:
        # killed before it was written, or damaged: whose the checkpoints are is not known
        return False


def _is_elsewhere(error: OSError, study: Path) -> bool:
    return isinstance(error.filename, str) and not Path(error.filename).is_relative_to(study)
