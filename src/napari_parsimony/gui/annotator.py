"""Gives classes to cells, keeps the list of classes, and takes back what was done. No Qt here."""

import colorsys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from psygnal import Signal

from napari_parsimony.cells.annotations import Annotations, CellKey
from napari_parsimony.cells.table import KEY, SPLITS
from napari_parsimony.errors import UserError
from napari_parsimony.figures.palette import CLASS_COLOURS
from napari_parsimony.gui.next_cell import NextCell
from napari_parsimony.gui.session import Session

_ABSENT = object()  # in place of a class: nobody has said anything of the cell


@dataclass(frozen=True)
class _Step:
    """A change that can be undone: what was said before and after.

    Steps say what changed, not how all was: what somebody annotates meanwhile in another window
    stays, and thousands of steps are no burden.
    """

    text: str
    colours: tuple[Mapping[str, str], Mapping[str, str]]
    cells: dict[CellKey, tuple[Any, Any]] = field(default_factory=dict)


class Annotator:
    """Annotates the cells of a session's study; get it with `Annotator.of`.

    All is on disk when a method returns.

    Attributes
    ----------
    changed
        Classes, their colours or counts, classes of cells, or what can be undone.
    aimed
        Keys act on other cells now: see `rows`.
    """

    changed = Signal()
    aimed = Signal()

    def __init__(self, session: Session) -> None:
        self.session = session
        self._done: list[_Step] = []
        self._undone: list[_Step] = []
        self._together = self._writing = False
        self._known: tuple[Any, ...] | None = None
        self._next = NextCell(session)
        session.study_changed.connect(self._forget)
        session.artefacts_changed.connect(self._on_artefact)
        session.annotations_changed.connect(self._on_change)
        session.cell_changed.connect(self._on_cell)
        session.selection_changed.connect(self._on_selection)

    @classmethod
    def of(cls, session: Session) -> "Annotator":
        """Find a session's annotator, or make it."""
        if cls not in session.attached:
            session.attached[cls] = cls(session)
        found: Annotator = session.attached[cls]
        return found

    # Classes

    @property
    def colours(self) -> dict[str, str]:
        """Classes in the order of their number keys, and their colours.

        First those that people listed, then those that the cells have.
        """
        return dict(self._look()[0])

    @property
    def counts(self) -> pd.DataFrame:
        """Number of cells: a row a class, in order; columns train, validation, test."""
        counts: pd.DataFrame = self._look()[1].copy()
        return counts

    @property
    def without(self) -> int:
        """How many cells have no class."""
        return self._look()[2]

    def _look(self) -> tuple[dict[str, str], pd.DataFrame, int]:
        session = self.session
        study, annotations = session.study, session.annotations
        if study is None or not session.has("cells"):
            return dict(annotations.colours), pd.DataFrame(columns=[*SPLITS]), 0
        record, told = study.step("cells"), self._told()
        # the objects are compared, not their values, which takes long; they are kept until then
        stamp = id(study), id(annotations), record and record.fingerprint, told
        if self._known is None or self._known[0] != stamp:
            classes, split = session.cells["class"], session.cells["split"]
            counts = pd.crosstab(classes, split)
            colours = dict(annotations.colours)
            rank = {name: number for number, name in enumerate(told)}
            for name in sorted(map(str, counts.index), key=lambda n: (rank.get(n, len(rank)), n)):
                colours.setdefault(name, _free_colour(colours.values()))
            counts = counts.reindex(index=[*colours], columns=[*SPLITS], fill_value=0)
            look = colours, counts, int(classes.isna().sum())
            self._known = stamp, look, (study, annotations)
        found: tuple[dict[str, str], pd.DataFrame, int] = self._known[1]
        return found

    def _told(self) -> tuple[str, ...]:
        """Classes in the order in which the classifier was told to tell them apart."""
        study = self.session.study
        record = study.step("classify") if study is not None else None
        gathered = record.config["classes"] if record is not None else {}
        return tuple(str(name) for members in gathered.values() for name in members)

    def add(self, name: str, colour: str | None = None) -> None:
        """Add a class.

        Raises
        ------
        UserError
            If there is one of that name, or the name is empty, or no study is open.
        """
        colours = self.colours
        name = self._new(name, colours)
        colours[name] = colour or _free_colour(colours.values())
        self._do(f"class '{name}' added", colours)

    def rename(self, name: str, new: str) -> None:
        """Call a class otherwise, on all cells.

        Raises
        ------
        UserError
            If there is one of that name, or the new name is empty.
        """
        if new.strip() == name:
            return
        colours = self._class(name)
        new = self._new(new, colours)
        renamed = {new if old == name else old: colour for old, colour in colours.items()}
        self._do(f"'{name}' renamed to '{new}'", renamed, dict.fromkeys(self._keys(name), new))

    def recolour(self, name: str, colour: str) -> None:
        """Give a class another colour, ``#rrggbb``."""
        colours = self._class(name)
        if colours[name] != colour:
            self._do(f"colour of '{name}'", {**colours, name: colour})

    def move(self, name: str, by: int) -> None:
        """Move a class up (-1) or down (1) in the list, and so to another number key."""
        colours = self._class(name)
        names = list(colours)
        at = names.index(name)
        to = min(max(at + by, 0), len(names) - 1)
        if to != at:
            names.insert(to, names.pop(at))
            what = f"class '{name}' moved {'up' if by < 0 else 'down'}"
            self._do(what, {each: colours[each] for each in names})

    def remove(self, name: str) -> None:
        """Remove a class; its cells have none any more, and are offered again."""
        colours = self._class(name)
        keys = self._keys(name)
        given = self._given()
        cells = {key: None if given.get(key) else _ABSENT for key in keys}
        del colours[name]
        self._do(f"class '{name}' removed from {_cells(len(keys))}", colours, cells)

    def _class(self, name: str) -> dict[str, str]:
        colours = self.colours
        if name not in colours:
            raise UserError(f"There is no class '{name}'.")
        return colours

    def _new(self, name: str, colours: Mapping[str, str]) -> str:
        name = name.strip()
        if not name:
            raise UserError("A class needs a name.")
        if name in colours:
            raise UserError(f"There is a class '{name}' already: choose another name.")
        return name

    def _keys(self, name: str) -> list[CellKey]:
        """Cells that have a class; cells that were annotated and are gone since, too."""
        cells = self.session.cells
        here = cells.loc[cells["class"] == name, KEY]
        listed = [key for key, known in self.session.annotations.cells.items() if known == name]
        return list(dict.fromkeys([*_tuples(here), *listed]))

    def _given(self) -> dict[CellKey, str]:
        """Classes that came with the cells, whatever people said since."""
        from napari_parsimony.cells.table import read_cells

        assert self.session.study is not None
        table = self.session.study.read("cells", "cells.parquet", read_cells)
        table = table[table["class"].notna()]
        return dict(zip(_tuples(table[KEY]), table["class"], strict=True))

    # Cells

    @property
    def rows(self) -> NDArray[np.int64]:
        """Rows of the cells that keys act on: whichever was selected last, one or many together."""
        session = self.session
        if not session.has("cells"):
            return np.zeros(0, np.int64)
        if self._together and len(session.selection):
            return session.selection
        return np.array([] if session.cell is None else [session.row_of(session.cell)], np.int64)

    def classes_of(self, keys: Iterable[CellKey]) -> dict[CellKey, str | None]:
        """Classes of some cells; None where nobody gave one."""
        classes = self.session.cells["class"]
        names = classes.astype(object).where(classes.notna(), None).to_numpy()
        keys = list(keys)
        known = pd.MultiIndex.from_frame(self.session.cells[KEY])
        wanted = pd.MultiIndex.from_tuples(keys or [("", 0, 0)], names=KEY)
        rows = known.get_indexer(wanted)[: len(keys)]
        return {key: names[row] for key, row in zip(keys, rows, strict=True)}

    def act_on_cell(self) -> None:
        """Let keys act on the selected cell, though others were selected together since."""
        self._on_cell()

    def annotate(self, rows: NDArray[Any] | Iterable[int], name: str | None) -> int:
        """Give cells a class, or say that they have none.

        Parameters
        ----------
        rows
            Of the table of cells.
        name
            A class; it is added if there is none of that name. None: the cells have no class,
            whatever the data say; they count as looked at.

        Returns
        -------
        int
            Of how many cells something else is said now.

        Raises
        ------
        UserError
            If no study with cells is open, or it cannot be written.
        """
        keys = _tuples(self.session.cells[KEY].iloc[np.asarray(list(rows), np.int64)])
        return self.annotate_keys(dict.fromkeys(keys, name))

    def annotate_keys(self, classes: Mapping[CellKey, str | None], text: str = "") -> int:
        """Give cells classes, as one step; see `annotate`."""
        said = self.session.annotations.cells
        changed = {key: name for key, name in classes.items() if said.get(key, _ABSENT) != name}
        if changed:
            names = dict.fromkeys(changed.values())
            colours = self.colours
            for name in names:
                if name is not None and name not in colours:
                    colours[name] = _free_colour(colours.values())
            what = ", ".join(name or "no class" for name in names)
            self._do(text or f"{_cells(len(changed))}: {what}", colours, changed)
        return len(changed)

    def select_next(self) -> CellKey | None:
        """Select the cell whose class would teach most: see `NextCell.find`.

        None if all cells were looked at.
        """
        row = self._next.find()
        key = None if row is None else self.session.key_of(row)
        if key is not None:
            self.session.select_cell(key)
            self.act_on_cell()
        return key

    # Undo

    @property
    def undo_text(self) -> str | None:
        """What `undo` would take back; None if there is nothing."""
        return self._done[-1].text if self._done else None

    @property
    def redo_text(self) -> str | None:
        """What `redo` would do again; None if there is nothing."""
        return self._undone[-1].text if self._undone else None

    def undo(self) -> str | None:
        """Take the last step back; says which, None if there is none."""
        return self._move(self._done, self._undone, 0)

    def redo(self) -> str | None:
        """Do again what was taken back; says what, None if there is nothing."""
        return self._move(self._undone, self._done, 1)

    def _move(self, source: list[_Step], to: list[_Step], which: int) -> str | None:
        if not source:
            return None
        step = source[-1]
        self._write(step, which)
        to.append(source.pop())
        self.changed.emit()
        return step.text

    def _do(
        self, text: str, colours: Mapping[str, str], cells: Mapping[CellKey, Any] | None = None
    ) -> None:
        said = self.session.annotations
        changes = {key: (said.cells.get(key, _ABSENT), new) for key, new in (cells or {}).items()}
        step = _Step(text, (said.colours, colours), changes)
        self._write(step, 1)
        self._done.append(step)
        self._undone.clear()
        self.changed.emit()

    def _write(self, step: _Step, which: int) -> None:
        cells = dict(self.session.annotations.cells)
        for key, states in step.cells.items():
            if states[which] is _ABSENT:
                cells.pop(key, None)
            else:
                cells[key] = states[which]
        self._writing = True
        try:
            self.session.annotate(Annotations(step.colours[which], cells))
        finally:
            self._writing = False

    # Following the session

    def _forget(self, *_: object) -> None:
        self._done.clear()
        self._undone.clear()
        self._together = False
        self._next = NextCell(self.session)
        self.changed.emit()
        self.aimed.emit()

    def _on_artefact(self, step: str) -> None:
        if step == "cells":
            self._forget()
        elif step == "classify":
            self.changed.emit()

    def _on_change(self) -> None:
        if not self._writing:  # what can be undone is known a moment later
            self.changed.emit()

    def _on_cell(self, *_: object) -> None:
        self._together = self._together and self.session.cell is None
        self.aimed.emit()

    def _on_selection(self, *_: object) -> None:
        self._together = bool(len(self.session.selection))
        self.aimed.emit()


def _tuples(keys: pd.DataFrame) -> list[CellKey]:
    columns = (keys[name].tolist() for name in KEY)
    return [(str(image), frame, label) for image, frame, label in zip(*columns, strict=True)]


def _cells(count: int) -> str:
    return "1 cell" if count == 1 else f"{count:,} cells"


def _free_colour(taken: Iterable[str]) -> str:
    """Colour that is not in use yet; once the palette is used up, one of another hue."""
    used = set(taken)
    for colour in CLASS_COLOURS:
        if colour not in used:
            return colour
    # steps by the golden angle never come close to a hue that was there
    red, green, blue = colorsys.hsv_to_rgb(len(used) * 0.618 % 1, 0.7, 0.9)
    return "#" + "".join(f"{round(channel * 255):02x}" for channel in (red, green, blue))
