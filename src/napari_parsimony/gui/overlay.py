"""Shows a study's cells on their images: coloured, with their scores, and clickable."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from napari.layers import Image, Labels, Layer, Points
from napari.utils.notifications import show_warning
from numpy.typing import NDArray
from psygnal import Signal

from napari_parsimony.errors import UserError
from napari_parsimony.gui.borrowed import SOURCE, Borrowed, layer_of, of_labels
from napari_parsimony.gui.colours import COLOUR_BY, ColourBy, colour_cells
from napari_parsimony.gui.napari_compat import camera_of
from napari_parsimony.gui.pictures import Picture, Source, source_of
from napari_parsimony.gui.session import Session
from napari_parsimony.study.steps import target

LEGIBLE = 20  # screen pixels that a cell must be wide for its score to be readable
TEXTS = 4000  # scores in one plane; more would stall the canvas
CLICK = 3  # screen pixels that the mouse may move during a click


class Overlay:
    """The layers of the open study, one overlay per session.

    Attributes
    ----------
    colour_by
        What the colours mean; see `set_colour_by`.
    problem
        Why the picture that was asked for is not shown, in a sentence; else None.
    shown_changed
        Other pictures can be chosen, or another is shown.
    """

    shown_changed = Signal()

    def __init__(self, session: Session) -> None:
        self.session = session
        self.colour_by: ColourBy = "class"
        self.show_scores = True
        self.problem: str | None = None
        self._source: Source | None = None
        self._picture: Picture | None = None
        self._texts = _no_texts()
        self._ours: list[Layer] = []
        self.labels: Labels | None = None
        self.scores: Points | None = None
        self.ring: Points | None = None
        self._borrowed: Borrowed | None = None
        self._row_of_label: dict[int, int] = {}
        session.study_changed.connect(self._open)
        session.artefacts_changed.connect(self._renew)
        session.expression_changed.connect(self.recolour)
        session.annotations_changed.connect(self.recolour)
        session.cell_changed.connect(self._mark)
        session.cell_changed.connect(self._write_texts)
        viewer = session.viewer
        viewer.mouse_drag_callbacks.append(self._pressed)
        viewer.dims.events.current_step.connect(self._moved_in_time)
        camera_of(viewer).events.zoom.connect(self._zoomed)
        viewer.layers.events.removed.connect(self._removed)
        self._open()

    @classmethod
    def of(cls, session: Session) -> "Overlay":
        """Find a session's overlay, or make it."""
        if cls not in session.attached:
            session.attached[cls] = cls(session)
        found: Overlay = session.attached[cls]
        return found

    # Which picture

    @property
    def names(self) -> list[str]:
        """Names of the pictures that can be shown."""
        return [] if self._source is None else self._source.names

    @property
    def name(self) -> str | None:
        """Name of the picture that is shown."""
        return None if self._picture is None else self._picture.name

    @property
    def picture(self) -> Picture | None:
        """What is shown: the image that `labels` are of, or a montage."""
        return self._picture

    def _open(self) -> None:
        self._clear()
        self._source = self.problem = None
        study = self.session.study
        if study is not None and self.session.has("cells"):
            try:
                self._source = source_of(study, self.session.cell_scores)
            except UserError as error:
                self._say(error)
            else:
                self.show(self._source.names[0])
        self.shown_changed.emit()

    def _say(self, error: UserError) -> None:
        self.problem = f"The cells cannot be shown on their image. {error}"
        show_warning(self.problem)

    def _renew(self, step: str) -> None:
        if step == "cells":
            self._open()
        else:
            self.recolour()

    def show(self, name: str) -> None:
        """Show the picture of this name instead; says so where its files cannot be read."""
        if self._source is None or name == self.name:
            return
        self._clear()
        try:
            picture = self._source.load(name)
        except UserError as error:
            self._say(error)
            self.shown_changed.emit()
            return
        self.problem = None
        self._picture = picture
        self._row_of_label = dict(zip(picture.label.tolist(), picture.rows.tolist(), strict=True))
        self._add(picture)
        self.recolour()
        self._mark(self.session.cell)
        self.shown_changed.emit()

    def _add(self, picture: Picture) -> None:
        viewer = self.session.viewer
        image = layer_of(viewer, picture.image_path, Image)
        labels = layer_of(viewer, picture.labels_path, Labels)
        if image is None:
            self._add_image(picture, labels)
        if labels is None:
            labels = Labels(picture.labels, name="cells", opacity=0.45)
            if image is not None:
                labels.scale = of_labels(image.scale, labels.ndim, 1.0)
                labels.translate = of_labels(image.translate, labels.ndim, 0.0)
            self._ours.append(viewer.add_layer(labels))
        else:
            self._borrowed = Borrowed(labels)
        if picture.image_path is None:
            # whole squares would hide the crops
            labels.contour, labels.opacity = 1, 1.0
        self.labels = labels
        look = {
            "ndim": 2,
            "scale": labels.scale[-2:],
            "translate": labels.translate[-2:],
            "face_color": "transparent",
        }
        self.scores = Points(
            name="scores", size=picture.diameter / 8, border_color="transparent", **look
        )
        self.ring = Points(
            name="selected cell",
            size=picture.diameter * 1.3,
            symbol="disc" if picture.image_path else "square",
            border_color="white",
            border_width=0.06,
            **look,
        )
        for layer in (self.scores, self.ring):
            self._ours.append(viewer.add_layer(layer))
            layer.editable = False
        labels.events.scale.connect(self._aligned)
        labels.events.translate.connect(self._aligned)
        viewer.layers.selection.active = labels
        viewer.reset_view()
        self._zoomed()

    def _add_image(self, picture: Picture, labels: Labels | None) -> None:
        viewer, data = self.session.viewer, picture.image
        channels = not picture.colours and len(data.shape) > len(picture.labels.shape)
        added = viewer.add_image(
            data,
            name=picture.name,
            rgb=picture.colours,
            channel_axis=0 if channels else None,
            metadata={SOURCE: str(picture.image_path)},
        )
        for layer in added if isinstance(added, list) else [added]:
            self._ours.append(layer)
            if labels is not None:
                layer.scale, layer.translate = labels.scale, labels.translate
                viewer.layers.move(viewer.layers.index(layer), viewer.layers.index(labels))

    def _aligned(self) -> None:
        for layer in (self.scores, self.ring):
            if layer is not None and self.labels is not None:
                layer.scale = self.labels.scale[-2:]
                layer.translate = self.labels.translate[-2:]
        self._zoomed()
        self.shown_changed.emit()

    def _clear(self) -> None:
        if self.labels is not None:
            self.labels.events.scale.disconnect(self._aligned)
            self.labels.events.translate.disconnect(self._aligned)
        if self._borrowed is not None:
            self._borrowed.give_back()
        layers, ours = self.session.viewer.layers, self._ours
        self._picture = self.labels = self.scores = self.ring = self._borrowed = None
        self._ours, self._row_of_label, self._texts = [], {}, _no_texts()
        for layer in ours:
            if layer in layers:
                layers.remove(layer)

    def _removed(self, event: Any) -> None:
        """Live on without a layer that the user has removed."""
        for name in ("labels", "scores", "ring"):
            if getattr(self, name) is event.value:
                setattr(self, name, None)

    # Colours and scores

    def set_colour_by(self, what: ColourBy) -> None:
        """Colour the cells by the sign of the score, the score, the annotation, or not."""
        if what not in COLOUR_BY:
            raise ValueError(f"{what!r} is none of {COLOUR_BY}")
        self.colour_by = what
        self.recolour()

    def set_show_scores(self, show: bool) -> None:
        """Write scores beside the cells, where they are legible, or not."""
        self.show_scores = show
        self._zoomed()

    def recolour(self) -> None:
        """Colour the cells of the picture, and write their scores anew."""
        picture, study = self._picture, self.session.study
        if picture is None or study is None:
            return
        rows = self._rows_in_view()
        score = self.session.best_scores()
        cells = self.session.cells.iloc[rows]
        if score is None:
            score = np.full(len(self.session.cells), np.nan)
        score = score[rows]
        names = [self.session.class_of(value) for value in score]
        annotation = cells["class"].to_numpy(dtype=object)
        label = self._labels_of(rows)
        if self.labels is not None:
            self.labels.colormap = colour_cells(
                self.colour_by, label, score, annotation, self._annotated(rows)
            )
            ours = pd.DataFrame(
                {"index": label, "class": names, "score": score, "annotation": annotation}
            )
            self.labels.features = self._borrowed.joined(ours) if self._borrowed else ours
        if self.scores is not None:
            place = np.isin(picture.rows, rows)
            self.scores.data = np.column_stack([picture.y[place], picture.x[place]])
            self._texts = pd.Series([_short(value) for value in score], rows)
            self._write_texts()
            # below the cell, which stays in sight
            below = picture.diameter * (0.4 if picture.image_path is None else 0.62)
            self.scores.text = {
                "string": "{text}",
                "size": 8,
                "color": "white",
                "translation": [below, 0],
            }
            self._zoomed()

    def _write_texts(self) -> None:
        """Write the scores, but not over the selected cell: the docks show that one, live."""
        if self.scores is not None:
            texts = self._texts.copy()
            if self.session.cell is not None:
                texts[texts.index == self.session.row_of(self.session.cell)] = ""
            self.scores.features = pd.DataFrame({"text": texts.to_numpy()})

    def _rows_in_view(self) -> NDArray[np.int64]:
        picture = self._picture
        assert picture is not None
        if not picture.timed:
            return picture.rows
        frames = self.session.cells["frame"].to_numpy()[picture.rows]
        found: NDArray[np.int64] = picture.rows[frames == self._frame()]
        return found

    def _frame(self) -> int:
        picture = self._picture
        assert picture is not None
        if not picture.timed or self.labels is None:
            return picture.first_frame
        point = self.labels.world_to_data(self.session.viewer.dims.point)
        return picture.first_frame + round(float(point[-3]))

    def _labels_of(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        assert self._picture is not None
        found: NDArray[np.int64] = self._picture.label[np.isin(self._picture.rows, rows)]
        return found

    def _annotated(self, rows: NDArray[np.int64]) -> "NDArray[np.float64] | None":
        """Which of the two classes cells were said to be of, None before there are two."""
        if not self.session.has("classify"):
            return None
        assert self.session.study is not None
        found: NDArray[np.float64] = target(self.session.study)[0][rows]
        return found

    def _zoomed(self) -> None:
        if self.scores is None or self._picture is None:
            return
        wide = self._picture.diameter * self.scores.scale[-1] * camera_of(self.session.viewer).zoom
        visible = self.show_scores and wide >= LEGIBLE and len(self.scores.data) <= TEXTS
        if self.scores.text.visible != visible:
            self.scores.text.visible = visible

    def _moved_in_time(self) -> None:
        if self._picture is not None and self._picture.timed:
            self.recolour()
            self._mark(self.session.cell)

    # The selected cell

    def _pressed(self, viewer: Any, event: Any) -> Iterator[None]:
        """Select the cell that was clicked; a drag moves the view."""
        start = np.array(event.pos)
        dragged = event.button != 1 or bool(event.modifiers)
        yield
        # the same event takes on what happens next: moves, and in the end the release
        while event.type == "mouse_move":
            dragged = dragged or np.abs(np.array(event.pos) - start).max() > CLICK
            yield
        dragged = dragged or np.abs(np.array(event.pos) - start).max() > CLICK
        if dragged or self.labels is None or not self.labels.visible or viewer.dims.ndisplay != 2:
            return
        if self.labels.mode != "pan_zoom" and viewer.layers.selection.active is self.labels:
            return  # somebody is painting
        value = self.labels.get_value(
            event.position,
            view_direction=event.view_direction,
            dims_displayed=event.dims_displayed,
            world=True,
        )
        self._select(int(value or 0))

    def _select(self, label: int) -> None:
        """Select the cell of a label in the plane that is shown; 0 or a stranger: none."""
        picture = self._picture
        assert picture is not None
        if picture.timed:
            rows = self._rows_in_view()
            found = rows[self._labels_of(rows) == label]
            row = int(found[0]) if len(found) else None
        else:
            row = self._row_of_label.get(label)
        self.session.select_cell(None if row is None else self.session.key_of(row))

    def _mark(self, key: Any) -> None:
        if self.ring is None or self._picture is None:
            return
        if key is None:
            self.ring.data = np.zeros((0, 2))
            return
        image = self._picture_of(key)
        if image is not None and image != self.name:
            self.show(image)
            return
        at = np.flatnonzero(self._picture.rows == self.session.row_of(key))
        visible = len(at) and (not self._picture.timed or key[1] == self._frame())
        places = np.column_stack([self._picture.y[at], self._picture.x[at]])
        self.ring.data = places if visible else np.zeros((0, 2))

    def _picture_of(self, key: tuple[str, int, int]) -> str | None:
        return next((name for name in self.names if name == key[0]), None)


def _no_texts() -> "pd.Series[str]":
    """Texts by row of the table of cells: none yet."""
    return pd.Series([], dtype=str)


def _short(score: float) -> str:
    """Two digits of a score, nothing where there is none; beyond ±99 only the side matters."""
    if math.isnan(score):
        return ""
    if abs(score) > 99:
        return "> 99" if score > 0 else "< −99"
    return f"{score:.{1 if abs(score) >= 0.995 else 2}f}".replace("-", "−")
