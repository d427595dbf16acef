"""What a viewer's docks look at together: a study, a cell, a latent position, an equation, a job.

Docks listen to the session and change it, never each other. No Qt here.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar
from weakref import WeakKeyDictionary, ref

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from psygnal import Signal

from napari_parsimony.cells.annotations import Annotations, CellKey
from napari_parsimony.cells.table import KEY
from napari_parsimony.errors import UserError
from napari_parsimony.gui.scoring import UNKNOWN_CLASSES, Scoring
from napari_parsimony.gui.turns import Turns
from napari_parsimony.jobs.job import Job
from napari_parsimony.report import STEPS
from napari_parsimony.study.steps import target
from napari_parsimony.study.study import Study

if TYPE_CHECKING:
    from pathlib import Path

    from napari.components import ViewerModel

Latents = NDArray[np.float64]


class Session(Scoring):
    """The state that the docks of one viewer share; get it with `Session.of`.

    Attributes
    ----------
    study
        The open study, or None.
    attached
        What there is once a viewer beside its docks, by its class: the overlay and the runner.
    turns
        Through which all that listens is called; see `follow` in `dock`.
    study_changed
        Another study was opened, or none is open any more: ``Study | None``.
    artefacts_changed
        A step's artefact was replaced by whichever process, or became stale: the name of the
        step. Readers of the study are fresh.
    cell_changed
        Another cell is selected: its key ``(image, frame, label)``, or None.
    selection_changed
        Other cells are selected together, by a lasso say: their rows in the table of cells, (N,)
        int64, in the order given; empty if none are.
    cells_looked_at
        Somebody asked to see some cells; see `look_at_cells`.
    annotations_changed
        Somebody gave cells other classes, or classes other names or colours.
    names_changed
        Latents were given other names.
    latents_changed
        The latent position that is looked at moved: (latents,) float64.
    expression_changed
        Another equation is looked at: its index in the front, or None if there is none, or it is
        one that was written by hand.
    latent_looked_at
        Somebody asked to see a latent: its name, `z0`, `z1`, …; see `look_at_latent`.
    job_changed
        A job was started or has ended: the job, or None if nothing runs.
    """

    study_changed = Signal(object)
    artefacts_changed = Signal(str)
    cell_changed = Signal(object)
    selection_changed = Signal(np.ndarray)
    cells_looked_at = Signal(np.ndarray)
    annotations_changed = Signal()
    latents_changed = Signal(np.ndarray)
    job_changed = Signal(object)

    _sessions: ClassVar["WeakKeyDictionary[Any, Session]"] = WeakKeyDictionary()

    def __init__(self, viewer: "ViewerModel") -> None:
        # the table of sessions must not keep a closed viewer alive
        self._viewer = ref(viewer)
        self.study: Study | None = None
        self.attached: dict[type, Any] = {}
        self.turns = Turns()
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
        self._stamp: object = None
        self._cell: CellKey | None = None
        self._selection: NDArray[np.int64] = np.zeros(0, np.int64)
        self._latents: Latents = np.zeros(0)
        self._candidate = self._by_hand = None
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
        self.turns.flush()  # nobody hears of the former study after this
        former = dict(vars(self))
        self.study = study
        self._forget()
        try:
            self._read_steps()
            self._candidate = self._chosen()
            self._latents = self._average()
            self._stamp = self.annotations
        except UserError:
            vars(self).update(former)
            raise
        self.study_changed.emit(study)
        self.cell_changed.emit(None)
        self.selection_changed.emit(self.selection)
        self.latents_changed.emit(self.latents)
        self.expression_changed.emit(self._candidate)

    def refresh(self) -> list[str]:
        """Look whether steps were run since, here or elsewhere, tell everybody, and return them."""
        self.turns.flush()
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
        if "equations" in changed:
            self._by_hand = None
        self._candidate, self._latents = candidate, latents
        if gone and self._cell is not None:
            self._cell = None
            self.cell_changed.emit(None)
        if "cells" in changed and len(self._selection):
            self.select_cells(np.zeros(0, np.int64))
        for name in changed:
            self.artefacts_changed.emit(name)
        self._look_at_annotations()
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

    @property
    def selection(self) -> NDArray[np.int64]:
        """Rows of the cells that are selected together, (N,); a copy."""
        return self._selection.copy()

    def select_cells(self, rows: NDArray[Any]) -> None:
        """Select cells together, by their rows in the table of cells, (N,); none: empty."""
        rows = pd.unique(np.asarray(rows, np.int64))
        if len(rows) and not (rows.min() >= 0 and rows.max() < len(self.cells)):
            raise ValueError("the study has no such cells")
        if not np.array_equal(rows, self._selection):
            self._selection = rows
            self.selection_changed.emit(rows.copy())

    def look_at_cells(self, rows: NDArray[Any]) -> None:
        """Select cells together, the first of them by itself, and bring them into sight.

        Docks show them, (N,), in this order, and nothing else; empty: all cells again.
        """
        self.select_cells(rows)
        if len(self._selection):
            self.select_cell(self.key_of(int(self._selection[0])))
        self.cells_looked_at.emit(self.selection)

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

    def rows_of(self, keys: Sequence[CellKey]) -> NDArray[np.int64]:
        """Rows of some cells, in their order; those that the study has not are left out."""
        if not keys:
            return np.zeros(0, np.int64)
        rows = self._keys().get_indexer(pd.MultiIndex.from_tuples(keys))
        return rows[rows >= 0].astype(np.int64)

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

    # What people say

    @property
    def annotations(self) -> Annotations:
        """Classes that people gave to cells; nothing without a study."""
        return Annotations() if self.study is None else self.study.annotations()

    def annotate(self, annotations: Annotations) -> None:
        """Replace the annotations, on disk too; see `Annotator` for a way that can be undone.

        Raises
        ------
        UserError
            If no study is open, or they cannot be written.
        """
        self._open().annotate(annotations)
        self._look_at_annotations()

    def _look_at_annotations(self) -> None:
        before, self._stamp = self._stamp or Annotations(), self.annotations
        # the order of the classes is that of their keys, and dictionaries are equal without it
        if self._stamp != before or [*self._stamp.colours] != [*before.colours]:
            self.annotations_changed.emit()

    # Latents

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
