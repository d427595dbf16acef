"""Whether what a study holds still follows from what it was made from."""

from pathlib import Path
from typing import TYPE_CHECKING

from napari_parsimony.artefact import hash_file
from napari_parsimony.study import record as records
from napari_parsimony.study.record import STEP_FILE

if TYPE_CHECKING:
    from napari_parsimony.study.study import Study


def why_stale(study: "Study", name: str, above: tuple[str, ...] = ()) -> str | None:
    """Why a step should be run again, in one sentence; None if it is ready or missing.

    This is quick: sizes and recorded fingerprints are compared, nothing large is read. What it
    leaves out: `changed_sources` and `verify`.

    Parameters
    ----------
    study
        An open study.
    name
        The step.
    above
        Steps that are made from it, on whose behalf it is looked at.
    """
    record = study.step(name)
    if record is None:
        return None
    folder = study.path / name
    for file, size in record.sizes.items():
        if not (folder / file).is_file():
            return f"The file {name}/{file} is missing."
        if (folder / file).stat().st_size != size:
            return f"The file {name}/{file} was changed afterwards."
    # `above`: nothing is made from itself, unless somebody wrote so
    if name in above or record.fingerprint != records.fingerprint(name, record.outputs):
        return f"The file {name}/{STEP_FILE} was changed afterwards."
    for source, expected in record.inputs.items():
        upstream = study.step(source)
        if not expected:  # an optional step, which was not ready then
            if upstream is not None and not why_stale(study, source, (*above, name)):
                return f"The step '{source}' has been run since."
            continue
        if upstream is None:
            return f"The step '{source}', which it was made from, is missing."
        if upstream.fingerprint != expected:
            return f"The step '{source}' has been run again and gave something else."
        if why_stale(study, source, (*above, name)):
            return f"The step '{source}', which it was made from, is stale."
    return None


def annotated_since(study: "Study", name: str) -> bool:
    """Whether cells got other classes after a step had learned from them.

    That makes nothing stale: the artefact, and what was made from it, goes on saying what it was
    told, and a person who annotates goes on seeing scores. To learn from the new classes, the step
    is run again.
    """
    from napari_parsimony.study.steps import STEPS

    record, step = study.step(name), STEPS.get(name)
    if record is None or step is None:
        return False
    if not step.reads_classes(record.settings(step.config, study.path)):
        return False
    return record.annotations != study.annotations().stamp


def changed_sources(study: "Study", name: str) -> list[Path]:
    """Files and folders outside the study that changed since a step read them.

    Ones that are not there (any more, or on this machine) are not counted. Looks at every file of a
    folder; reads them only where dates alone differ, and not if they are large.
    """
    record = study.step(name)
    sources = record.sources if record else {}
    found = {study.path / path: before for path, before in sources.items()}
    there = [path for path in found if path.exists()]
    return [path for path in there if records.is_changed(path, found[path])]


def verify(study: "Study") -> list[Path]:
    """Hash every file of every step; this reads all of the study.

    Returns
    -------
    list
        Files that are missing or not what the step had written.
    """
    damaged = []
    for name, record in study.steps().items():
        for file, expected in record.outputs.items():
            path = study.path / name / file
            if not path.is_file() or hash_file(path) != expected:
                damaged.append(path)
    return damaged
