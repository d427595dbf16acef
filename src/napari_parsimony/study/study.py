"""A study: one folder with everything from the crops to the equation."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from napari_parsimony import __version__
from napari_parsimony.artefact import read_json, recover_folder, write_json
from napari_parsimony.config import Config
from napari_parsimony.errors import UserError
from napari_parsimony.progress import Report, silent
from napari_parsimony.study import record as records
from napari_parsimony.study import stale
from napari_parsimony.study.lock import unless_running
from napari_parsimony.study.record import STEP_FILE, StepRecord, StudyRecord

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from napari_parsimony.cells.annotations import Annotations
    from napari_parsimony.classify.classifier import Classifier
    from napari_parsimony.symbolic.front import Front
    from napari_parsimony.trust.schemes import Schemes
    from napari_parsimony.vae.model import Vae

STUDY_FILE = "study.json"
ANNOTATIONS = "annotations.json"
State = Literal["missing", "ready", "stale"]
T = TypeVar("T")


class Study:
    """A study folder.

    Use `Study.create` or `Study.open`. The readers keep what they have read until the step that
    wrote it is run again, by whichever process; what they return is shared: do not change it.

    Attributes
    ----------
    path
        The folder, absolute.
    name
        What people call it.
    created
        When it was created.
    """

    def __init__(self, path: Path, about: StudyRecord) -> None:
        self.path = path
        self.name = about.name
        self.created = about.created
        self._records: dict[str, tuple[tuple[int, ...], StepRecord]] = {}
        self._cache: dict[tuple[str, str], tuple[str, Any]] = {}
        self._annotations: tuple[tuple[int, ...], Annotations] | None = None

    def __repr__(self) -> str:
        return f"Study({str(self.path)!r})"

    @classmethod
    def create(cls, path: Path | str, name: str | None = None) -> "Study":
        """Begin a study in a new or an empty folder.

        Parameters
        ----------
        path
            The folder; its parents are created too.
        name
            What people call it; by default the folder's name.

        Raises
        ------
        UserError
            If there is something in the folder already, or it cannot be written.
        """
        path = _absolute(path)
        with _usable(path):
            if (path / STUDY_FILE).exists():
                raise UserError(
                    f"There is a study in {path} already: open it, or choose a new folder."
                )
            if path.exists() and (not path.is_dir() or any(path.iterdir())):
                raise UserError(f"{path} is not an empty folder: choose a new one for the study.")
            about = StudyRecord(
                name=name or path.name,
                created=datetime.now(UTC).replace(microsecond=0),
                version=__version__,
            )
            write_json(path / STUDY_FILE, about.model_dump(mode="json"))
        return cls(path, about)

    @classmethod
    def open(cls, path: Path | str) -> "Study":
        """Open a study.

        Nothing is changed, except that a step's folder that a killed process left between two
        names gets its name back.

        Raises
        ------
        UserError
            If it is not a study, cannot be read, was written by a newer version, or its records
            were edited into something else.
        """
        path = _absolute(path)
        with _usable(path):
            if not (path / STUDY_FILE).is_file():
                raise UserError(f"{path} is not a study: it has no file {STUDY_FILE}.")
            study = cls(path, records.read_document(path / STUDY_FILE, StudyRecord))
            left = [old.name[1:-4] for old in path.glob(".*.old")]
            if left:
                with unless_running(path) as free:
                    for name in left if free else ():
                        recover_folder(path / name)
            study.steps()
        return study

    def steps(self) -> dict[str, StepRecord]:
        """Read the records of all steps that have been run, by the name of the step."""
        names = sorted(p.parent.name for p in self.path.glob(f"[!.]*/{STEP_FILE}"))
        found = {name: self.step(name) for name in names}
        return {name: record for name, record in found.items() if record is not None}

    def step(self, name: str) -> StepRecord | None:
        """Where a step's artefact came from; None if the step was never run.

        Raises
        ------
        UserError
            If its record cannot be understood.
        """
        path = self.path / name / STEP_FILE
        version = _version(path)
        if version is None:
            return None
        known = self._records.get(name)
        if known is None or known[0] != version:
            record = records.read_document(path, StepRecord)
            if record.step != name:
                raise UserError(f"The file {path} is of the step '{record.step}', not '{name}'.")
            known = self._records[name] = version, record
        return known[1]

    def state(self, name: str) -> State:
        """Say whether a step's artefact is there and still follows from what it was made from."""
        if self.step(name) is None:
            return "missing"
        return "stale" if self.why_stale(name) else "ready"

    def why_stale(self, name: str) -> str | None:
        """Why a step should be run again, in one sentence; see `napari_parsimony.study.stale`."""
        return stale.why_stale(self, name)

    def annotated_since(self, name: str) -> bool:
        """Whether cells got other classes since; see `napari_parsimony.study.stale`."""
        return stale.annotated_since(self, name)

    def changed_sources(self, name: str) -> list[Path]:
        """Files outside the study that changed since; see `napari_parsimony.study.stale`."""
        return stale.changed_sources(self, name)

    def verify(self) -> list[Path]:
        """Files of the study that are damaged; see `napari_parsimony.study.stale`."""
        return stale.verify(self)

    def run(self, name: str, config: Config, report: Report = silent) -> StepRecord:
        """Run a step in this process; see `napari_parsimony.study.run.run_step`."""
        from napari_parsimony.study.run import run_step
        from napari_parsimony.study.steps import STEPS

        return run_step(self, STEPS[name], config, report)

    def choose_equation(self, size: int | None) -> StepRecord:
        """Use another equation; see `napari_parsimony.study.choose.choose_equation`."""
        from napari_parsimony.study.choose import choose_equation

        return choose_equation(self, size)

    def read(self, step: str, file: str, load: Callable[[Path], T]) -> T:
        """Read a file of a step, once.

        Parameters
        ----------
        step
            The step that wrote it.
        file
            Its name in the step's folder; an empty one stands for the folder.
        load
            Reads it.

        Raises
        ------
        UserError
            If the step was not run yet, or the file is damaged.
        """
        record = self.step(step)
        if record is None:
            raise UserError(f"The study '{self.name}' has no '{step}' yet: run that step first.")
        known = self._cache.get((step, file))
        if known is None or known[0] != record.fingerprint:
            path = self.path / step / file
            try:
                value = load(path)
            except (OSError, ValueError, KeyError, TypeError, EOFError) as error:
                raise UserError(
                    f"{path} cannot be read ({error}): run the step '{step}' again."
                ) from error
            known = self._cache[step, file] = record.fingerprint, value
        result: T = known[1]
        return result

    def release(self, step: str) -> None:
        """Forget what was read of a step.

        Windows cannot replace files that are mapped into memory: call this, and let go of the
        crops, before the step is run again there.
        """
        for key in [key for key in self._cache if key[0] == step]:
            del self._cache[key]

    def cells(self) -> "pd.DataFrame":
        """Table of cells, one row a cell; see `napari_parsimony.cells.table`.

        Its classes are those that people gave by now, see `annotations`.
        """
        from napari_parsimony.cells.table import read_cells

        annotations = self.annotations()
        table = self.read("cells", "cells.parquet", read_cells)
        step = self.step("cells")
        assert step is not None, "it was just read"
        key, version = ("cells", f"annotated {step.fingerprint}"), annotations.stamp
        known = self._cache.get(key)
        if known is None or known[0] != version:
            known = self._cache[key] = version, annotations.applied(table)
        annotated: pd.DataFrame = known[1]
        return annotated.copy(deep=False)

    def annotations(self) -> "Annotations":
        """Classes that people gave to cells in this study."""
        from napari_parsimony.cells.annotations import Annotations, read_annotations

        path = self.path / ANNOTATIONS
        version = _version(path)
        if version is None:
            return Annotations()
        if self._annotations is None or self._annotations[0] != version:
            self._annotations = version, read_annotations(path)
        return self._annotations[1]

    def annotate(self, annotations: "Annotations") -> None:
        """Replace the annotations. Nothing becomes stale: see `annotated_since`.

        Raises
        ------
        UserError
            If they cannot be written.
        """
        from napari_parsimony.cells.annotations import write_annotations

        write_annotations(annotations, self.path / ANNOTATIONS)

    def classes_told(self) -> "pd.Series":
        """Class of every cell as the step 'classify' was told, missing where nobody knew."""
        record = self.step("classify")
        if record is None or "classes.parquet" not in record.outputs:
            # an older artefact: it was told what the cells' own table says
            from napari_parsimony.cells.table import read_cells

            return self.read("cells", "cells.parquet", read_cells)["class"]
        return self._table("classify", "classes.parquet")["class"]

    def crops(self) -> "np.ndarray":
        """Crops (N, C, S, S) float16, on disk until looked at; row i is row i of the cells."""
        import numpy as np

        def load(path: Path) -> np.ndarray:
            crops: np.ndarray = np.load(path, mmap_mode="r", allow_pickle=False)
            if crops.ndim != 4:
                raise ValueError(f"the array has {crops.ndim} axes instead of 4")
            return crops

        return self.read("cells", "crops.npy", load)

    def latents(self) -> "pd.DataFrame":
        """Key of every cell, and `z0`, `z1`, …: the posterior means, as the VAE gives them."""
        return self._table("vae", "latents.parquet")

    def latent_statistics(self) -> "pd.DataFrame":
        """Statistics of every latent, ordered by index: `name`, `kl`, `active`, `mean`, …."""
        return self.read("vae", "latents.json", _read_statistics).copy(deep=False)

    def history(self) -> "pd.DataFrame":
        """How training the VAE went."""
        return self._table("vae", "history.parquet")

    def vae(self) -> "Vae":
        """Trained VAE; imports torch."""
        from napari_parsimony.vae.store import load_vae

        return self.read("vae", "weights.safetensors", load_vae)[0]

    def classifier(self) -> "Classifier":
        """Trained black box, dense and sparse networks; imports torch."""
        from napari_parsimony.classify.classifier import Classifier

        return self.read("classify", "", Classifier.load)

    def class_names(self) -> tuple[str, ...]:
        """Names of the classes that the networks tell apart."""
        return self.read("classify", "summary.json", _read_class_names)

    def network_scores(self) -> "pd.DataFrame":
        """Key of every cell and its scores by `Classifier.scores`, before any equation."""
        return self._table("classify", "scores.parquet")

    def front(self) -> "Front":
        """Pareto front of equations, which are of the classes of the networks."""
        from napari_parsimony.symbolic.front import Front

        front = self.read("equations", "front.json", Front.load)
        if self.step("classify") is not None:
            names = self.class_names()
            if front.classes != (names if len(names) > 2 else ()):
                raise UserError(
                    f"The equations of the study '{self.name}' are of "
                    f"{', '.join(front.classes) or 'two classes'}, but its networks tell "
                    f"{' from '.join(names)}: run the step 'equations' again."
                )
        return front

    def scores(self) -> "pd.DataFrame":
        """Key of every cell and its score in each of the four schemes."""
        return self._table("evaluate", "scores.parquet")

    def schemes(self) -> "Schemes":
        """How good and how large the four schemes are."""
        from napari_parsimony.trust.schemes import Schemes

        return self.read("evaluate", "schemes.json", Schemes.load)

    def _table(self, step: str, file: str) -> "pd.DataFrame":
        # a shallow copy: a column that a caller adds stays the caller's
        return self.read(step, file, _read_parquet).copy(deep=False)


def _version(path: Path) -> tuple[int, ...] | None:
    """Tell what differs once a file was replaced; None if it is not there."""
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def _read_parquet(path: Path) -> "pd.DataFrame":
    import pandas as pd
    import pyarrow as pa

    try:
        return pd.read_parquet(path)
    except pa.ArrowException as error:
        raise ValueError(error) from error


def _read_class_names(path: Path) -> tuple[str, ...]:
    return tuple(str(name) for name in read_json(path)["names"])


def _read_statistics(path: Path) -> "pd.DataFrame":
    """Read `vae.latents.latent_statistics`; ValueError or KeyError if it is something else."""
    import numpy as np
    import pandas as pd

    table = pd.DataFrame(read_json(path))
    numbers = ["kl", "mean", "sd", "low", "high", "rank"]
    if list(table["name"]) != [f"z{index}" for index in range(len(table))]:
        raise ValueError("its latents are not z0, z1, …")
    if table["active"].dtype != bool or not np.isfinite(table[numbers].astype(float)).all(
        axis=None
    ):
        raise ValueError("its numbers are not those of latents")
    return table


@contextmanager
def _usable(study: Path) -> Iterator[None]:
    """Say in a sentence that a study's folder cannot be read or written."""
    try:
        yield
    except OSError as error:
        raise UserError(
            f"Could not use {error.filename or study}: {error.strerror or error}; check that you "
            "may use this folder and that its disk is there, or choose another."
        ) from error


def _absolute(path: Path | str) -> Path:
    return Path(os.path.abspath(Path(path).expanduser()))
