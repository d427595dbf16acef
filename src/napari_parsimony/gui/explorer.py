"""The dock 'Latents': what every latent does to a cell, live."""

import numpy as np
from napari.viewer import Viewer
from numpy.typing import NDArray
from qtpy.QtCore import Qt
from qtpy.QtGui import QHideEvent, QPixmap, QShowEvent
from qtpy.QtWidgets import (
    QCheckBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_parsimony.cells.annotations import CellKey
from napari_parsimony.errors import UserError
from napari_parsimony.gui.background import Background
from napari_parsimony.gui.bookmarks import BookmarkList
from napari_parsimony.gui.class_means import ClassMeans
from napari_parsimony.gui.decoded_layer import DecodedLayer, place_of
from napari_parsimony.gui.dock import (
    LiveLabel,
    Soon,
    decision_html,
    fill_dock,
    follow,
    message_label,
    missing,
    say,
    when_destroyed,
)
from napari_parsimony.gui.latent_sliders import LatentSliders
from napari_parsimony.gui.latex import crop_pixmap
from napari_parsimony.gui.morph import Morph
from napari_parsimony.gui.names_menu import NamesMenu
from napari_parsimony.gui.overlay import Overlay
from napari_parsimony.gui.positions import mean_of_class, name_of_cell, name_of_position
from napari_parsimony.gui.session import Session
from napari_parsimony.gui.torch_import import import_torch, torch_is_imported
from napari_parsimony.gui.traversal_dialog import TraversalDialog
from napari_parsimony.study.familiarity import read_familiarity
from napari_parsimony.trust.flags import FLAG

_PICTURE = 112  # logical pixels
DO_NOT_TRUST = "Do not trust: this cell is unlike those that the VAE was trained on."
TOOLS = {
    "Morph": "Move on a straight line from one cell, or position, to another.",
    "Bookmarks": "Keep positions in the study, and come back to them.",
    "Names": "Names for latents, suggested by what is measured of the cells.",
    "Traversals": "A window with what every latent does, as pictures side by side.",
}


class LatentExplorer(QWidget):
    """Sliders of the latents, and the cell that they make.

    Parameters
    ----------
    viewer
        Whose session is followed, and on whose canvas the decoded cell is put.
    """

    def __init__(self, viewer: Viewer) -> None:
        super().__init__()
        self.session = session = Session.of(viewer)
        self.overlay = Overlay.of(session)
        self.layer = DecodedLayer(session.viewer, self._on_layer_removed)
        self._soon = Soon(self, self._draw)
        self._torch = Background(self)
        self._torch.done.connect(self._on_torch)

        fill_dock(self)
        self.message = message_label()
        self.content = QWidget()
        self.where, self.doubt = QLabel(wordWrap=True), QLabel(wordWrap=True)
        self.original, self.decoded = _picture(), _picture()
        self.sparse, self.symbolic = LiveLabel(), LiveLabel()
        self.sliders = LatentSliders()
        self.reset = QPushButton("Reset to this cell")
        self.means = ClassMeans(session, self._to_mean)
        self.on_canvas = QCheckBox("On the canvas")
        self.note = QLabel(wordWrap=True)
        self.morph = Morph(session, self._name_here, self._say)
        self.bookmarks = BookmarkList(session, self._name_here, self._say)
        self.names = NamesMenu(session, self)
        self.tools = {name: QPushButton(name) for name in TOOLS}
        self.traversals: TraversalDialog | None = None
        self._lay_out()

        self.sliders.latent_moved.connect(session.set_latent)
        self.reset.clicked.connect(self._to_cell)
        self.on_canvas.toggled.connect(self._place)
        self.sliders.latent_named.connect(self._name)
        self.names.found.connect(self._on_names)
        self.names.failed.connect(lambda sentence: self._say(sentence, True))
        self.tools["Traversals"].clicked.connect(self.show_traversals)
        follow(self, session.study_changed, self._on_study)
        follow(self, session.artefacts_changed, self._on_artefact)
        follow(self, session.annotations_changed, self._on_annotations)
        follow(self, session.names_changed, self._on_names)
        follow(self, session.latent_looked_at, self.sliders.show_latent)
        follow(self, session.cell_changed, self._on_cell)
        follow(self, self.overlay.shown_changed, self._place)
        follow(self, session.latents_changed, self._on_latents)
        follow(self, session.expression_changed, self._on_expression)
        when_destroyed(self, self.layer.close)
        self._on_study()

    def _lay_out(self) -> None:
        pictures = QGridLayout()
        for column, (picture, name) in enumerate(
            ((self.original, "original"), (self.decoded, "decoded now"))
        ):
            pictures.addWidget(picture, 0, column)
            title = QLabel(name, alignment=Qt.AlignmentFlag.AlignCenter)
            pictures.addWidget(title, 1, column)
        self.original.setToolTip("The crop that the latents were read from.")
        self.decoded.setToolTip("What the decoder makes of the latents as the sliders are now.")
        scores = QGridLayout()
        for row, (name, label, tip) in enumerate(
            (
                ("sparse network", self.sparse, "Score by the sparse network, above 0: the second"),
                ("equation", self.symbolic, "Score by the equation in use, above 0: the second"),
            )
        ):
            for column, part in enumerate((QLabel(name), label)):
                part.setToolTip(f"{tip} class.")
                scores.addWidget(part, row, column)
        scores.setColumnStretch(1, 1)
        self.where.setToolTip("Where the sliders started from.")
        self.doubt.setToolTip("The step Trust compared this cell with those of the training.")
        self.reset.setToolTip("Move all latents back to those of the selected cell.")
        self.on_canvas.setToolTip("Put the decoded cell on the image, in the cell's own place.")
        self.on_canvas.setChecked(True)
        # names of classes may be long: a button gets what room there is, and its whole text as tip
        buttons = QGridLayout()
        buttons.addWidget(self.reset, 0, 0)
        buttons.addWidget(self.on_canvas, 0, 1)
        buttons.addWidget(self.means, 1, 0, 1, 2)
        for column in (0, 1):
            buttons.setColumnStretch(column, 1)
        inside = QVBoxLayout(self.content)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.addWidget(self.where)
        inside.addWidget(self.doubt)
        inside.addLayout(pictures)
        inside.addLayout(scores)
        inside.addWidget(self.sliders, 1)
        inside.addLayout(buttons)
        inside.addLayout(self._tool_row())
        inside.addWidget(self.morph)
        inside.addWidget(self.bookmarks)
        inside.addWidget(self.note)
        whole = QVBoxLayout(self)
        whole.addWidget(self.message)
        whole.addWidget(self.content, 1)

    def _tool_row(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(3)
        for name, button in self.tools.items():
            button.setToolTip(TOOLS[name])
            row.addWidget(button)
        for name, section in (("Morph", self.morph), ("Bookmarks", self.bookmarks)):
            self.tools[name].setCheckable(True)
            self.tools[name].toggled.connect(section.setVisible)
            section.hide()
        self.tools["Names"].setMenu(self.names)
        return row

    def _say(self, text: str, failed: bool = False) -> None:
        say(self.note, text, failed)

    # Following the session

    def _on_study(self, *_: object) -> None:
        self._say("")
        self.morph.forget()
        self.bookmarks.reload()
        self.names.forget()
        self._rebuild()

    def _on_artefact(self, step: str) -> None:
        if step == "vae":
            self.morph.forget()
            self.bookmarks.reload()
        if step in ("cells", "vae"):
            self.names.forget()
            self._rebuild()
        elif missing(self.session, "vae") is None:
            self.means.refresh()
            self._on_expression()
            self._doubt()

    def _rebuild(self) -> None:
        sentence = missing(self.session, "vae")
        self.message.setText(sentence or "")
        self.message.setVisible(sentence is not None)
        self.content.setVisible(sentence is None)
        if sentence is not None:
            self.layer.remove()
            return
        self.sliders.set_latents(self.session.latent_statistics, self.session.latent_order)
        self.means.refresh()
        self._on_names()
        self._on_expression()
        self._on_cell(self.session.cell)
        self._on_latents(self.session.latents)

    def _on_annotations(self) -> None:
        if missing(self.session, "vae") is None:
            self.means.refresh()
            self._on_cell(self.session.cell)

    def _on_names(self, *_: object) -> None:
        if missing(self.session, "vae"):
            return
        try:
            self.sliders.set_names(self.session.latent_names)
        except UserError as error:
            self._say(str(error), True)
        self.sliders.set_suggestions(self.names.suggestions or {})

    def _name(self, latent: str, name: str) -> None:
        try:
            self.session.name_latent(latent, name)
        except UserError as error:
            self._say(str(error), True)
        else:
            self._say("")

    def _name_here(self) -> str:
        return name_of_position(self.session)

    def _on_cell(self, key: CellKey | None) -> None:
        if missing(self.session, "vae"):
            return
        self.reset.setEnabled(key is not None)
        self.original.setEnabled(key is not None)
        if key is None:
            self.where.setText("<b>Mean of all cells</b> – click a cell to start from it.")
            self.original.setPixmap(QPixmap())
            self.original.setText("no cell")
        else:
            picture = self.overlay.picture
            crops = picture is not None and picture.image_path is None
            self.where.setText(f"<b>{name_of_cell(self.session, key, crops)}</b>")
            self.where.setToolTip(f"The sliders started from this cell of {key[0]}.")
            self.original.setPixmap(_scaled(crop_pixmap(self.session.crop(key)), self.original))
        self._doubt()
        self._place()

    def _doubt(self) -> None:
        """Say whether the selected cell is one that the VAE does not know."""
        key, study = self.session.cell, self.session.study
        table = None if study is None else read_familiarity(study)
        flagged = False
        if key is not None and table is not None:
            flagged = bool(table[FLAG].iloc[self.session.row_of(key)])
        say(self.doubt, DO_NOT_TRUST if flagged else "", True)

    def _on_latents(self, latents: NDArray[np.float64]) -> None:
        if missing(self.session, "vae") is None:
            self.sliders.set_value(latents)
            self._soon.start()

    def _on_expression(self, *_: object) -> None:
        expression = self.session.expression
        self.sliders.set_used(expression.variables if expression else ())
        self._soon.start()

    # Drawing

    def _can_decode(self) -> bool:
        """Whether there is a VAE, and torch; which is imported if there is not."""
        if missing(self.session, "vae"):
            return False
        if torch_is_imported():
            return True
        if not self._torch.busy:
            self._torch.start(import_torch)
        self.decoded.setText("…")
        for label in (self.sparse, self.symbolic):
            label.setText("…")
        return False

    def _on_torch(self, _: object) -> None:
        self.decoded.setText("")
        self._place()
        self._draw()

    def _draw(self) -> None:
        """Show the position that the session is at now."""
        if not self._can_decode():
            return
        latents = self.session.latents
        image = self.session.decode(latents)
        self.layer.draw(image)
        self.decoded.setPixmap(_scaled(crop_pixmap(image), self.decoded))
        scores = self.session.scores(latents)
        self.sparse.setText(decision_html(self.session, scores["sparse"]))
        self.symbolic.setText(decision_html(self.session, scores["symbolic"]))

    def _place(self, *_: object) -> None:
        """Put the decoded cell where the selected cell is."""
        key = self.session.cell
        if not self.on_canvas.isChecked() or key is None or not self._can_decode():
            self.layer.remove()
            return
        image = self.session.decode(self.session.latents)
        place = place_of(self.overlay, key, image.shape[-1])
        if place is None:
            self.layer.remove()
        else:
            self.layer.show(image, place)

    def showEvent(self, event: QShowEvent) -> None:  # noqa: D102
        super().showEvent(event)
        self._place()

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: D102
        super().hideEvent(event)
        if not event.spontaneous():  # the dock was closed, not the window minimised
            self.layer.remove()

    def _on_layer_removed(self) -> None:
        self.on_canvas.setChecked(False)

    # Moving

    def _to_cell(self) -> None:
        self.session.select_cell(self.session.cell)

    def _to_mean(self, which: int) -> None:
        mean = mean_of_class(self.session, which)
        if mean is not None:
            self.session.set_latents(mean)

    def show_traversals(self) -> None:
        """Open the window with what every latent does, or bring it to the front."""
        if self.traversals is None:
            self.traversals = TraversalDialog(self.session, self)
        self.traversals.show()
        self.traversals.raise_()
        self.traversals.draw()


def _picture() -> QLabel:
    label = QLabel(alignment=Qt.AlignmentFlag.AlignCenter)
    label.setFixedSize(_PICTURE, _PICTURE)
    return label


def _scaled(pixmap: QPixmap, label: QLabel) -> QPixmap:
    ratio = label.devicePixelRatioF()
    side = round(_PICTURE * ratio)
    mode = Qt.TransformationMode.SmoothTransformation
    scaled = pixmap.scaled(side, side, Qt.AspectRatioMode.KeepAspectRatio, mode)
    scaled.setDevicePixelRatio(ratio)
    return scaled
