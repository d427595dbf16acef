"""The dock 'Scatter plot': all cells in the plane of two latents, or of a map of all of them."""

from html import escape

import numpy as np
from napari.viewer import Viewer
from numpy.typing import NDArray
from qtpy.QtCore import QSignalBlocker, Qt
from qtpy.QtGui import QColor, QPixmap
from qtpy.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_parsimony.cells.annotations import CellKey
from napari_parsimony.errors import UserError
from napari_parsimony.figures.text import shortened
from napari_parsimony.gui.background import Background
from napari_parsimony.gui.colour_legend import ColourBar
from napari_parsimony.gui.colours import choices
from napari_parsimony.gui.decoded_layer import centre_on
from napari_parsimony.gui.dock import (
    fill_dock,
    follow,
    message_label,
    missing,
    say,
    wheel_needs_focus,
)
from napari_parsimony.gui.latex import crop_pixmap, theme_of
from napari_parsimony.gui.overlay import Overlay
from napari_parsimony.gui.scatter_canvas import ScatterCanvas
from napari_parsimony.gui.scatter_maps import LATENTS, MAPS, UMAP, Maps
from napari_parsimony.gui.session import Session

Latents = NDArray[np.float64]


class ScatterDock(QWidget):
    """Points of all cells, linked with the cells on the canvas and with the sliders.

    Parameters
    ----------
    viewer
        Whose session is followed.
    """

    def __init__(self, viewer: Viewer) -> None:
        super().__init__()
        self.session = session = Session.of(viewer)
        self.overlay = Overlay.of(session)
        self.maps = Maps(session)
        self._background = Background(self)
        fill_dock(self)
        self.message = message_label()
        self.content = QWidget()
        self.kind, self.x, self.y, self.colours = (QComboBox() for _ in range(4))
        for text, data in MAPS:
            self.kind.addItem(text, data)
        self.canvas = ScatterCanvas(lambda: theme_of(session.viewer))
        self.bar, self.legend = ColourBar(), QLabel(wordWrap=True)
        self.note = QLabel(wordWrap=True)
        self.going, self.fit, self.clear = (
            QPushButton("Move sliders"),
            QPushButton("Fit"),
            QPushButton("Clear"),
        )
        self._lay_out()

        self._background.done.connect(self._on_computed)
        self._background.failed.connect(lambda sentence: self._say(sentence, failed=True))
        self.kind.currentIndexChanged.connect(self._rebuild)
        for box in (self.x, self.y):
            box.currentIndexChanged.connect(self._project)
        self.colours.currentIndexChanged.connect(
            lambda index: self.overlay.set_colour_by(self.colours.itemData(index))
        )
        self.going.toggled.connect(self._on_going)
        self.fit.clicked.connect(self.canvas.fit)
        self.clear.clicked.connect(lambda: session.select_cells(np.zeros(0, np.int64)))
        self.canvas.picked.connect(self._on_picked)
        self.canvas.jumped.connect(self._on_jumped)
        self.canvas.lassoed.connect(session.select_cells)
        self.canvas.went.connect(self._on_went)
        self.canvas.hovered.connect(self._on_hovered)
        follow(self, session.study_changed, self._on_study)
        follow(self, session.artefacts_changed, self._on_artefact)
        follow(self, session.names_changed, self._on_names)
        follow(self, session.cell_changed, self._on_cell)
        follow(self, session.selection_changed, self._on_selection)
        follow(self, session.latents_changed, self._on_latents)
        follow(self, self.overlay.look_changed, self._on_look)
        self._on_study()

    def _lay_out(self) -> None:
        tips = {
            self.kind: "Two latents as they are; PCA, the directions in which cells differ most; "
            "or UMAP, which keeps neighbours together.",
            self.x: "What is across.",
            self.y: "What is up.",
            self.colours: "What the colours mean, here and on the cells.",
            self.canvas: "Every point is a cell. Click: select it. Drag: select all inside. Double "
            "click, or Enter: go to it on the canvas. Ctrl and drag: move the sliders; the cross "
            "is where they are. Wheel: zoom; right button: move. Arrow keys: next cell; Home: all.",
            self.bar: "Colours and the values that they stand for.",
            self.legend: "Colours of the classes, and how many cells have them.",
            self.going: "Click or drag to move the sliders of the latent explorer to a place, "
            "instead of selecting cells (or hold Ctrl).",
            self.fit: "Bring all cells into view (Home).",
            self.clear: "Select no cells together any more (Esc).",
            self.note: "How many cells there are, and what was selected.",
        }
        for widget, tip in tips.items():
            widget.setToolTip(f"<qt>{tip}</qt>")
        self.canvas.setAccessibleName("Scatter plot of the cells")
        self.going.setCheckable(True)
        rows = (QHBoxLayout(), QHBoxLayout())
        for place, (name, box) in enumerate(
            (("map", self.kind), ("colours", self.colours), ("x", self.x), ("y", self.y))
        ):
            wheel_needs_focus(box)
            box.setSizeAdjustPolicy(
                QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
            )
            box.setMinimumContentsLength(6)
            label = QLabel(name)
            label.setBuddy(box)
            rows[place // 2].addWidget(label)
            rows[place // 2].addWidget(box, 1)
        buttons = QHBoxLayout()
        for button in (self.going, self.fit, self.clear):
            buttons.addWidget(button)
        inside = QVBoxLayout(self.content)
        inside.setContentsMargins(0, 0, 0, 0)
        for row in rows:
            inside.addLayout(row)
        inside.addWidget(self.canvas, 1)
        inside.addWidget(self.bar)
        inside.addWidget(self.legend)
        inside.addLayout(buttons)
        inside.addWidget(self.note)
        whole = QVBoxLayout(self)
        whole.addWidget(self.message)
        whole.addWidget(self.content, 1)

    # Following the session

    def _on_study(self, *_: object) -> None:
        self.maps.forget()
        with QSignalBlocker(self.kind):
            self.kind.setCurrentIndex(0)
        for box in (self.x, self.y):  # latents of another VAE, even where they are called alike
            with QSignalBlocker(box):
                box.clear()
        self._rebuild()

    def _on_artefact(self, step: str) -> None:
        # what is stale is not shown: any step may have made the latents so
        if step in ("cells", "vae"):
            self.maps.forget()
        self._rebuild()

    def _rebuild(self, *_: object) -> None:
        """Show the map that is chosen; compute it first if it takes long."""
        sentence = missing(self.session, "vae")
        if sentence is None and len(self.session.latent_order) < 2:
            sentence = "There is one active latent at most: a plane needs two."
        self.message.setText(sentence or "")
        self.message.setVisible(sentence is not None)
        self.content.setVisible(sentence is None)
        self._background.cancel()
        if sentence is not None:
            self.canvas.set_points(np.zeros((0, 2), np.float32), ("", ""), False)
            return
        kind = self.kind.currentData()
        task = self.maps.task(kind)
        self._fill_axes()
        if task is not None:
            self.canvas.set_points(np.zeros((0, 2), np.float32), ("", ""), False)
            self._say(f"Computing {self.kind.currentText()} of {len(self.maps.values):,} cells…")
            self._background.start(*task)
        else:
            self._project()

    def _fill_axes(self) -> None:
        axes = self.maps.axes(self.kind.currentData())
        expression = self.session.expression
        wanted = list(expression.variables) if expression else []
        for place, box in enumerate((self.x, self.y)):
            box.setEnabled(len(axes) > 1)
            texts = [text for text, _ in axes]
            with QSignalBlocker(box):
                before = box.currentData()
                box.clear()
                for text, data in axes:
                    box.addItem(text, data)
                index = box.findData(before)
                if index < 0:
                    found = [i for i, text in enumerate(texts) if text.split()[0] in wanted]
                    index = found[place] if len(found) > place else min(place, len(axes) - 1)
                box.setCurrentIndex(index)
        if len(axes) > 1 and self.x.currentIndex() == self.y.currentIndex():
            with QSignalBlocker(self.y):
                self.y.setCurrentIndex(0 if self.x.currentIndex() else 1)

    def _on_computed(self, result: object) -> None:
        self.maps.keep(self.kind.currentData(), result)
        self._fill_axes()
        self._project()

    def _project(self, *_: object) -> None:
        kind = self.kind.currentData()
        if not self.maps.ready(kind):
            return
        self.maps.choose(kind, self.x.currentData(), self.y.currentData())
        assert self.maps.projection is not None
        names = (self.x.currentText(), self.y.currentText())
        self.canvas.set_points(self.maps.projection.points, names, kind != UMAP)
        self._on_look()
        self._on_cell(self.session.cell)
        self._on_selection(self.session.selection)
        self._on_latents(self.session.latents)

    @property
    def _shown(self) -> bool:
        """Whether points of the study's cells are on the canvas."""
        return bool(len(self.canvas.points)) and self.session.has("vae")

    def _on_names(self) -> None:
        if self.session.has("vae") and self.kind.currentData() == LATENTS:
            self._fill_axes()
            self.canvas.set_names((self.x.currentText(), self.y.currentText()))

    def _on_cell(self, key: CellKey | None) -> None:
        if self._shown:
            self.canvas.set_current(None if key is None else self.session.row_of(key))

    def _on_selection(self, rows: NDArray[np.int64]) -> None:
        if self._shown:
            self.canvas.set_selected(rows)
            count = len(self.canvas.points)
            told = f", {len(rows):,} selected" if len(rows) else ""
            self._say(f"{count:,} cells{told}.{' ' + UMAP_NOTE if self._is_umap else ''}")
            self.clear.setEnabled(bool(len(rows)))

    @property
    def _is_umap(self) -> bool:
        return bool(self.kind.currentData() == UMAP)

    def _on_latents(self, latents: Latents) -> None:
        if self._shown and self.maps.projection is not None:
            self.canvas.set_position(self.maps.projection.place(latents))

    def _on_look(self) -> None:
        colouring = self.overlay.colouring
        with QSignalBlocker(self.colours):
            self.colours.clear()
            for key, text in choices(self.session).items():
                self.colours.addItem(text, key)
            self.colours.setCurrentIndex(self.colours.findData(self.overlay.colour_by))
        if colouring is None or not self._shown or len(colouring.shade) != len(self.canvas.points):
            return
        self.canvas.set_colours(colouring.colours[colouring.shade, :3])
        self.bar.set_value(colouring.bar)
        self.bar.setVisible(colouring.bar is not None)
        self.legend.setVisible(bool(colouring.names))
        counts = np.bincount(colouring.shade, minlength=len(colouring.colours))
        parts = []
        for name, colour, count in zip(colouring.names, colouring.colours, counts, strict=False):
            if count:
                square = QColor.fromRgbF(*map(float, colour)).name()
                text = escape(shortened(name, 16)).replace(" ", "&nbsp;")
                parts.append(f"<span style='color:{square}'>■</span>&nbsp;{text}&nbsp;{count:,}")
        self.legend.setText(" &nbsp; ".join(parts))

    def _say(self, text: str, *, failed: bool = False) -> None:
        say(self.note, text, failed)

    # What the user does

    def _on_going(self, going: bool) -> None:
        self.canvas.going = going
        shape = Qt.CursorShape.CrossCursor if going else Qt.CursorShape.ArrowCursor
        self.canvas.setCursor(shape)

    def _on_picked(self, row: int) -> None:
        self.session.select_cell(self.session.key_of(row))

    def _on_jumped(self, row: int) -> None:
        key = self.session.key_of(row)
        self.session.select_cell(key)
        if not centre_on(self.overlay, key):
            self._say("This cell is on no image that is shown.", failed=True)

    def _on_went(self, x: float, y: float) -> None:
        if self._shown and self.maps.projection is not None:
            self.session.set_latents(self.maps.projection.move(self.session.latents, (x, y)))

    def _on_hovered(self, row: int) -> None:
        picture = QPixmap()
        if row >= 0:
            try:
                picture = crop_pixmap(self.session.crop(self.session.key_of(row)))
            except UserError:
                row = -1  # the study is being written: there will be another moment
        self.canvas.show_hovered(row, picture)


UMAP_NOTE = "The cross is at the cell whose latents are nearest to the sliders'."
