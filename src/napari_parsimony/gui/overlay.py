"""Shows a study's cells on their images: coloured, with texts and marks, and clickable."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from psygnal import Signal

from napari_parsimony.cells.annotations import CellKey
from napari_parsimony.errors import UserError
from napari_parsimony.gui.cell_text import TEXT, TEXT_OF_MANY, Template
from napari_parsimony.gui.cell_values import CellValues
from napari_parsimony.gui.colours import COLOUR_BY, choices, colormap_of, colouring
from napari_parsimony.gui.napari_compat import camera_of, canvas_size_of
from napari_parsimony.gui.overlay_click import on_click
from napari_parsimony.gui.overlay_layers import OverlayLayers
from napari_parsimony.gui.preferences import recall
from napari_parsimony.gui.session import Session
from napari_parsimony.gui.turns import finish


class Overlay(OverlayLayers):
    """The layers of the open study, one overlay per session.

    Attributes
    ----------
    colour_by
        What the colours mean; see `set_colour_by`.
    chosen
        Template of the text on each cell, empty if nobody chose one; see `set_template`.
    show_texts, show_disagreements
        Whether texts are written, and cells marked that people give another class.
    problem, text_problem
        Why the picture, or the text on the cells, is not shown, in a sentence; else None.
    labels
        The layer whose labels are coloured: ours, or the user's own; None without one.
    values, colouring
        What is known of all cells, and their colours, as they are shown; None without a study.
    shown_changed
        Other pictures can be chosen, or another is shown, or its layers were moved or removed.
    look_changed
        Colours, texts or marks mean something else now.
    frame_changed
        Another frame of a time-lapse is shown: its number.
    """

    look_changed = Signal()
    frame_changed = Signal(int)

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        preferred = recall("colour_by")
        self.colour_by = preferred if preferred in COLOUR_BY else "class"
        self.chosen = str(recall("text"))
        self.text_problem: str | None = None
        self.show_texts = bool(recall("text_on_cells"))
        self.show_disagreements = True
        turns = session.turns
        turns.connect(session.study_changed, self._open)
        turns.connect(session.artefacts_changed, self._renew)
        turns.connect(session.expression_changed, self.recolour)
        turns.connect(session.annotations_changed, self.recolour)
        turns.connect(session.names_changed, self.recolour)
        turns.connect(session.cell_changed, self._bring)
        turns.connect(session.selection_changed, self._mark_selection)
        turns.connect(session.cells_looked_at, self._centre)
        viewer = session.viewer
        viewer.mouse_drag_callbacks.append(on_click(lambda: self.labels, self._select))
        viewer.dims.events.current_step.connect(self._moved_in_time)
        camera_of(viewer).events.zoom.connect(self._follow_view)
        camera_of(viewer).events.center.connect(self._follow_view)
        viewer.layers.events.removed.connect(self._removed)
        finish(self._open())

    @classmethod
    def of(cls, session: Session) -> "Overlay":
        """Find a session's overlay, or make it."""
        if cls not in session.attached:
            session.attached[cls] = cls(session)
        found: Overlay = session.attached[cls]
        return found

    # What is shown on the cells

    def set_colour_by(self, what: str) -> None:
        """Colour the cells by one of `colours.choices`: a class, a number, or nothing."""
        if what not in choices(self.session):
            raise ValueError(f"{what!r} is nothing that colours could mean")
        self.colour_by = what
        self.recolour()

    @property
    def template(self) -> str:
        """Template of the text on each cell: the chosen one, else what suits the classes."""
        return self.chosen or (TEXT if len(self.session.classes) <= 2 else TEXT_OF_MANY)

    def set_template(self, template: str) -> None:
        """Write another text on the cells, such as ``{class} {probability:.0%}``; empty: ours.

        Raises
        ------
        UserError
            If it is no template, or speaks of what the study has not; the former one stays.
        """
        parsed = Template.parse(template)
        if self.values is not None:
            parsed.write(self.values, np.zeros(0, np.int64))
        self.chosen = template
        self._write_texts()
        self.look_changed.emit()

    def set_show_texts(self, show: bool) -> None:
        """Write texts beside the cells, where they are legible, or not."""
        self.show_texts = show
        if self.texts is not None:
            self.texts.wanted = show
        self._follow_view()
        self.look_changed.emit()

    def set_show_disagreements(self, show: bool) -> None:
        """Mark the cells that people give another class than the score does, or not."""
        self.show_disagreements = show
        self._mark()
        self.look_changed.emit()

    def recolour(self) -> None:
        """Look at the session anew: colours, texts, marks, and what hovering tells."""
        self.values = self.colouring = None
        try:
            if self.session.has("cells"):
                self.values = CellValues(self.session)
                listed = choices(self.session)
                if self.colour_by not in listed:  # the term or the latent is gone
                    self.colour_by = "score" if "score" in listed else "class"
                self.colouring = colouring(self.session, self.colour_by, self.values)
            self._paint()
        except UserError as error:
            self._say(error)
            self.shown_changed.emit()
        self.look_changed.emit()

    def _paint(self) -> None:
        self._paint_labels()
        self._write_texts()
        self._mark()

    def _paint_labels(self) -> None:
        picture, values, colours = self._picture, self.values, self.colouring
        if picture is None or values is None or colours is None or self.labels is None:
            return
        at = slice(None) if self._unique else self._in_frame()
        rows, label = picture.rows[at], picture.label[at]
        self.labels.colormap = colormap_of(label, colours.shade[rows], colours.colours)
        ours = values.hovered.iloc[rows].reset_index(drop=True)
        number = values.cells["label"].to_numpy()[rows]
        if not np.array_equal(number, label):
            ours.insert(0, "label", number)
        ours.insert(0, "index", label)
        self.labels.features = self._borrowed.joined(ours) if self._borrowed else ours

    def _write_texts(self) -> None:
        picture, values = self._picture, self.values
        if picture is None or values is None or self.texts is None:
            return
        at = self._in_frame()
        centres = np.column_stack([picture.y[at], picture.x[at]])
        self.texts.set_cells(picture.rows[at], centres, self._writer(values))

    def _writer(self, values: CellValues) -> Callable[[NDArray[np.int64]], list[str]] | None:
        """Make what writes the texts of some rows; None, and a sentence, if the study cannot."""
        self.text_problem = None
        try:
            template = Template.parse(self.template)
            template.write(values, np.zeros(0, np.int64))
        except UserError as error:
            self.text_problem = str(error)
            return None
        if template.needs_scores and values.scorer is None:
            return None  # a dash on every cell says nothing
        return lambda rows: template.write(values, rows)

    def _follow_view(self) -> None:
        if self.texts is not None:
            self.texts.follow_view()

    def _moved_in_time(self) -> None:
        if self._picture is not None and self._picture.timed:
            if not self._unique:
                self._paint_labels()
            self._write_texts()
            self._mark()
            self.frame_changed.emit(self.frame)

    @property
    def shows_a_part(self) -> bool:
        """Whether the picture has not all cells of the study, only those of an image."""
        picture, values = self._picture, self.values
        return picture is not None and values is not None and len(picture.rows) < len(values.cells)

    @property
    def frame(self) -> int:
        """Frame of the cells that are shown; there must be a picture."""
        picture, marks = self._picture, self.marks
        assert picture is not None
        if not picture.timed or marks is None or marks.labels.ndim < 3:
            return picture.first_frame
        point = marks.labels.world_to_data(self.session.viewer.dims.point)
        return picture.first_frame + round(float(point[-3]))

    def _in_frame(self) -> NDArray[np.intp]:
        """Find the picture's cells in the frame that is shown; their indices."""
        return self._of_frame.get(self.frame, np.zeros(0, np.intp))

    # The selected cells

    def _select(self, label: int) -> None:
        """Select the cell of a label in the plane that is shown; 0 or a stranger: none."""
        assert self._picture is not None
        at = self._in_frame()
        rows = self._picture.rows[at][self._picture.label[at] == label]
        self.session.select_cell(self.session.key_of(int(rows[0])) if len(rows) else None)

    def go_to_disagreement(self, step: int) -> None:
        """Select the next (1) or the previous (-1) cell that people give another class."""
        rows = np.zeros(0, np.intp) if self.values is None else self.values.disagreeing
        if not len(rows):
            return
        cell = self.session.cell
        here = -1 if cell is None else self.session.row_of(cell)
        after = int(np.searchsorted(rows, here, "right" if step > 0 else "left"))
        self.session.select_cell(
            self.session.key_of(int(rows[(after if step > 0 else after - 1) % len(rows)]))
        )

    def _bring(self, key: CellKey | None) -> None:
        """Bring a cell that was selected elsewhere into view."""
        if key is not None and self._source is not None:
            row = self.session.row_of(key)
            if row not in self._at:
                name = self._source.name_of(key[0])
                if name is not None and name != self.name:
                    self.show(name)
            if row in self._at:
                self._bring_into_view(key, row)
        self._mark()

    def _centre(self, rows: NDArray[np.int64]) -> None:
        """Look at the first of some cells, wherever its image was moved to meanwhile."""
        if len(rows):
            key = self.session.key_of(int(rows[0]))
            self._bring(key)
            if self._source is not None and rows[0] in self._at:
                self._bring_into_view(key, int(rows[0]), always=True)

    def _bring_into_view(self, key: CellKey, row: int, *, always: bool = False) -> None:
        picture, marks, viewer = self._picture, self.marks, self.session.viewer
        assert picture is not None
        if marks is None:
            return
        if picture.timed and key[1] != self.frame and marks.labels.ndim >= 3:
            plane = np.zeros(marks.labels.ndim)
            plane[-3] = key[1] - picture.first_frame
            viewer.dims.set_point(viewer.dims.ndim - 3, marks.labels.data_to_world(plane)[-3])
        at = self._at.get_loc(row)
        centre = np.array([picture.y[at], picture.x[at]])
        world = centre * marks.labels.scale[-2:] + marks.labels.translate[-2:]
        camera = camera_of(viewer)
        half = np.array(canvas_size_of(viewer)) / 2 / camera.zoom
        if always or (np.abs(world - camera.center[-2:]) > half).any():
            camera.center = (*camera.center[:-2], *world)

    def _mark(self) -> None:
        """Mark cells in the plane that is shown."""
        key, values = self.session.cell, self.values
        if self.marks is None or values is None:
            return
        row = None if key is None else self.session.row_of(key)
        if self.texts is not None:
            self.texts.hide(row)
        self.marks.set_places("selected cell", self._places([] if row is None else [row]))
        self._mark_selection()
        wrong = values.disagreeing if self.show_disagreements else np.zeros(0, np.intp)
        self.marks.set_places("disagreements", self._places(wrong))

    def _mark_selection(self, *_: object) -> None:
        if self.marks is not None:
            self.marks.set_places("selected cells", self._places(self.session.selection))

    def _places(self, rows: Any) -> NDArray[np.float64]:
        """Centres of those cells that are in the plane that is shown, (N, 2)."""
        picture, values = self._picture, self.values
        assert picture is not None
        assert values is not None
        at = self._at.get_indexer(pd.Index(rows, dtype=np.int64))
        at = at[at >= 0]
        if picture.timed:
            at = at[values.cells["frame"].to_numpy()[picture.rows[at]] == self.frame]
        return np.column_stack([picture.y[at], picture.x[at]])
