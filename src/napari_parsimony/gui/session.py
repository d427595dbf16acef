"""What a viewer's docks look at together: a study, a cell, a latent position, an equation, a job.

Docks listen to the session and change it, never each other. No Qt here.
"""

import math
from typing import TYPE_CHECKING, Any, ClassVar
from weakref import WeakKeyDictionary, ref

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from psygnal import Signal

from napari_parsimony.cells.table import KEY
from napari_parsimony.errors import UserError
from napari_parsimony.jobs.job import Job
from napari_parsimony.report import STEPS
from napari_parsimony.study.steps import target
from napari_parsimony.study.study import Study

if TYPE_CHECKING:
    from pathlib import Path

    from napari.components import ViewerModel

    from napari_parsimony.symbolic.expression import Expression
    from napari_parsimony.symbolic.front import Front

CellKey = tuple[str, int, int]
Latents = NDArray[np.float64]

UNDECIDED = "not decided"
UNKNOWN_CLASSES = ("first class", "second class")


class Session:
    """The state that the docks of one viewer share; get it with `Session.of`.

    Attributes
    ----------
    study
        The open study, or None.
    attached
        What there is once a viewer beside its docks, by its class: the overlay and the runner.
    study_changed
        Another study was opened, or none is open any more: ``Study | None``.
    artefacts_changed
        A step's artefact was replaced by whichever process, or became stale: the name of the
        step. Readers of the study are fresh.
    cell_changed
        Another cell is selected: its key ``(image, frame, label)``, or None.
    latents_changed
        The latent position that is looked at moved: (latents,) float64.
    expression_changed
        Another equation is looked at: its index in the front, or None.
    job_changed
        A job was started or has ended: the job, or None if nothing runs.
    """

    study_changed = Signal(object)
    artefacts_changed = Signal(str)
    cell_changed = Signal(object)
    latents_changed = Signal(np.ndarray)
    expression_changed = Signal(object)
    job_changed = Signal(object)

    _sessions: ClassVar["WeakKeyDictionary[Any, Session]"] = WeakKeyDictionary()

    def __init__(self, viewer: "ViewerModel") -> None:
        # the table of sessions must not keep a closed viewer alive
        self._viewer = ref(viewer)
        self.study: Study | None = None
        self.attached: dict[type, Any] = {}
        self._forget()
        self._job: Job | None = None

    @classmethod
    def of(cls, viewer: "ViewerModel") -> "Session":
        """Find a viewer's session, or begin it."""
        # plugins get a proxy of the viewer, which is not the same object each time
        viewer = getattr(viewer, "__wrapped__", viewer)
        if viewer not in cls._sessions:
            cls._sessions[viewer] = cls(viewer)
        return cls._sessions[viewer]

    @property
    def viewer(self) -> "ViewerModel":
        """The viewer, or its model."""
        viewer = self._viewer()
        assert viewer is not None, "a session does not outlive its viewer"
        return viewer

    def _forget(self) -> None:
        self._fingerprints: dict[str, str] = {}
        self._classes = UNKNOWN_CLASSES
        self._cell: CellKey | None = None
        self._latents: Latents = np.zeros(0)
        self._candidate: int | None = None
        self._index: tuple[str, pd.MultiIndex] | None = None

    # The study

    def open_study(self, path: "Path | str") -> Study:
        """Open a study instead of the present one.

        Raises
        ------
        UserError
            If it is not a study, or a step is running on the present one; that stays open then.
        """
        study = Study.open(path)
        if self._job is not None:
            raise UserError(
                f"The step '{self._job.step}' is running: wait for it or cancel it first."
            )
        self._show(study)
        return study

    def close(self) -> None:
        """Close the study; a running job is cancelled."""
        if self._job is not None:
            self._job.cancel()
        self._show(None)

    def _show(self, study: Study | None) -> None:
        if study is None and self.study is None:
            return
        former = dict(vars(self))
        self.study = study
        self._forget()
        try:
            self._read_steps()
            self._candidate = self._chosen()
            self._latents = self._average()
        except UserError:
            vars(self).update(former)
            raise
        self.study_changed.emit(study)
        self.cell_changed.emit(None)
        self.latents_changed.emit(self.latents)
        self.expression_changed.emit(self._candidate)

    def refresh(self) -> list[str]:
        """Look whether steps were run since, here or elsewhere, tell everybody, and return them."""
        before = self._fingerprints
        try:
            self._read_steps()
            changed = [name for name in STEPS if before.get(name) != self._fingerprints.get(name)]
            candidate = self._chosen() if "equations" in changed else self._candidate
            latents = self._average() if "vae" in changed else self._latents
            gone = "cells" in changed and not (self.has("cells") and self._cell in self._keys())
        except UserError:
            self._fingerprints = before  # the next look sees the same changes
            raise
        self._candidate, self._latents = candidate, latents
        if gone and self._cell is not None:
            self._cell = None
            self.cell_changed.emit(None)
        for name in changed:
            self.artefacts_changed.emit(name)
        if "vae" in changed:
            self._to_cell()
            self.latents_changed.emit(self.latents)
        if "equations" in changed:
            self.expression_changed.emit(self._candidate)
        return changed

    def has(self, step: str) -> bool:
        """Whether a study is open that has an artefact of a step, and not a stale one.

        A stale one may be of other cells or other latents: nothing of it is shown.
        """
        return step in self._fingerprints

    def _read_steps(self) -> None:
        found: dict[str, str] = {}
        if self.study is not None:
            steps = self.study.steps()
            ready = [name for name in steps if self.study.state(name) == "ready"]
            found = {name: steps[name].fingerprint for name in ready}
            if "classify" not in found:
                self._classes = UNKNOWN_CLASSES
            elif found["classify"] != self._fingerprints.get("classify"):
                self._classes = target(self.study)[1]
        self._fingerprints = found

    def _open(self) -> Study:
        if self.study is None:
            raise UserError("No study is open: open one in the dock 'Study'.")
        return self.study

    # Cells

    @property
    def cells(self) -> pd.DataFrame:
        """Table of cells.

        Raises
        ------
        UserError
            If there is no study, or it has no cells yet.
        """
        return self._open().cells()

    @property
    def cell(self) -> CellKey | None:
        """Key of the selected cell: image, frame, label."""
        return self._cell

    def select_cell(self, key: CellKey | None) -> None:
        """Select a cell, and move to its latents; None selects none and moves nowhere.

        Raises
        ------
        UserError
            If the study has no such cell.
        """
        if key is not None:
            key = (str(key[0]), int(key[1]), int(key[2]))
            self.row_of(key)
        changed, self._cell = key != self._cell, key
        if changed:
            self.cell_changed.emit(key)
        self._to_cell()

    def _to_cell(self) -> None:
        if self._cell is not None and self.has("vae"):
            row = self._open().latents().iloc[self.row_of(self._cell)]
            self.set_latents(row[self._names].to_numpy(np.float64))

    def row_of(self, key: CellKey) -> int:
        """Row of a cell in the table of cells, and of everything that is in the same order.

        Raises
        ------
        UserError
            If the study has no such cell.
        """
        try:
            return int(self._keys().get_loc(key))  # type: ignore[arg-type]
        except KeyError as error:
            image, frame, label = key
            raise UserError(
                f"The study has no cell {label} of frame {frame} of {image}."
            ) from error

    def _keys(self) -> pd.MultiIndex:
        fingerprint = self._fingerprints.get("cells", "")
        if self._index is None or self._index[0] != fingerprint:
            self._index = fingerprint, pd.MultiIndex.from_frame(self.cells[KEY])
        return self._index[1]

    def key_of(self, row: int) -> CellKey:
        """Key of a row of the table of cells."""
        image, frame, label = self.cells[KEY].iloc[row]
        return str(image), int(frame), int(label)

    def crop(self, key: CellKey) -> NDArray[np.float32]:
        """Crop of a cell, (C, S, S)."""
        return np.asarray(self._open().crops()[self.row_of(key)], np.float32)

    # Latents

    @property
    def _names(self) -> list[str]:
        return self.latent_statistics["name"].tolist()

    @property
    def latent_statistics(self) -> pd.DataFrame:
        """One row a latent, ordered by index: `name`, `kl`, `active`, `low`, `high`, `rank`, …."""
        return self._open().latent_statistics()

    @property
    def latent_order(self) -> list[int]:
        """Indices of the active latents, the most informative first."""
        statistics = self.latent_statistics
        ranked = statistics[statistics["active"]].sort_values("rank")
        return [int(index) for index in ranked.index]

    @property
    def latents(self) -> Latents:
        """Position that is looked at, (latents,); a copy. Empty without a VAE."""
        return self._latents.copy()

    def set_latents(self, values: NDArray[Any]) -> None:
        """Move to another position, (latents,)."""
        values = np.array(values, np.float64)
        if values.shape != self._latents.shape:
            raise ValueError(f"{self._latents.shape} latents expected, not {values.shape}")
        if not np.array_equal(values, self._latents):
            self._latents = values
            self.latents_changed.emit(values.copy())

    def set_latent(self, index: int, value: float) -> None:
        """Move along one latent."""
        values = self.latents
        values[index] = value
        self.set_latents(values)

    def _average(self) -> Latents:
        if not self.has("vae"):
            return np.zeros(0)
        return self.latent_statistics["mean"].to_numpy(np.float64, copy=True)

    def decode(self, latents: NDArray[Any]) -> NDArray[np.float32]:
        """Draw the cell of a latent position, (C, S, S) in 0..1; the first call imports torch."""
        from napari_parsimony.vae.latents import decode_latents

        drawn: NDArray[np.float32] = decode_latents(self._open().vae(), latents[None])[0]
        return drawn

    # Equations and scores

    @property
    def front(self) -> "Front | None":
        """The equations, None if there are none yet."""
        return self._open().front() if self.has("equations") else None

    @property
    def candidate(self) -> int | None:
        """Index in the front of the equation that is looked at."""
        return self._candidate

    @property
    def expression(self) -> "Expression | None":
        """The equation that is looked at."""
        front = self.front
        if front is None or self._candidate is None:
            return None
        return front.candidates[self._candidate].expression

    def choose_expression(self, index: int) -> None:
        """Look at another equation of the front; the study's own choice stays."""
        front = self.front
        if front is None or not 0 <= index < len(front.candidates):
            raise UserError(f"There is no equation number {index}.")
        if index != self._candidate:
            self._candidate = index
            self.expression_changed.emit(index)

    def _chosen(self) -> int | None:
        front = self.front
        return None if front is None else front.chosen

    @property
    def classes(self) -> tuple[str, str]:
        """Names of the two classes: scores below 0, and above."""
        return self._classes

    def class_of(self, score: float | None) -> str:
        """Name the class of a score; 0 and NaN decide nothing."""
        if score is None or math.isnan(score) or score == 0:
            return UNDECIDED
        return self.classes[int(score > 0)]

    def scores(self, latents: NDArray[Any]) -> dict[str, float | None]:
        """Score a latent position, (latents,), by the network and the equation looked at.

        Returns
        -------
        dict
            ``sparse`` and ``symbolic``; None where the study has no such scheme yet.
        """
        found: dict[str, float | None] = {"sparse": None, "symbolic": None}
        if self.has("classify"):
            found["sparse"] = float(self._open().classifier().sparse_scores(latents[None])[0])
        expression = self.expression
        if expression is not None:
            values = dict(zip(self._names, latents, strict=True))
            found["symbolic"] = float(expression.evaluate(values))
        return found

    def cell_scores(self) -> Latents | None:
        """Score every cell by the equation that is looked at, (cells,); None without one."""
        expression = self.expression
        if expression is None:
            return None
        table = self._open().latents()
        scores = expression.evaluate({name: table[name].to_numpy() for name in self._names})
        return np.broadcast_to(np.asarray(scores, np.float64), len(table))

    # The job

    @property
    def job(self) -> Job | None:
        """The job that runs, None if none does."""
        return self._job

    def set_job(self, job: Job | None) -> None:
        """Say that a job was started, or has ended."""
        if job is not self._job:
            self._job = job
            self.job_changed.emit(job)
