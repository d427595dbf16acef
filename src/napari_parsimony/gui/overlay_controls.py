"""What the colours of the cells mean: the controls of the overlay."""

from qtpy.QtCore import QSignalBlocker
from qtpy.QtWidgets import QCheckBox, QComboBox, QFormLayout, QLabel, QPushButton, QWidget

from napari_parsimony.gui.colour_legend import ColourLegend
from napari_parsimony.gui.colours import COLOUR_BY, choices
from napari_parsimony.gui.dock import follow, wheel_needs_focus
from napari_parsimony.gui.overlay import Overlay
from napari_parsimony.gui.picture_box import PictureBox
from napari_parsimony.gui.preferences import remember


class OverlayControls(QWidget):
    """Choose the picture, what its colours mean, and whether texts are written on it."""

    def __init__(self, overlay: Overlay) -> None:
        super().__init__()
        self.overlay = overlay
        self.picture, self.colours = PictureBox(overlay), QComboBox()
        self.colours.setToolTip(
            "<qt>What the colours of the cells mean: the class that the equation gives, its score, "
            "how probable or uncertain it is, what one of its terms adds, a latent, or the class "
            "that people gave.</qt>"
        )
        wheel_needs_focus(self.colours)
        self.colours.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.colours.currentIndexChanged.connect(self._colour_by)
        self.legend = ColourLegend(overlay)
        self.scores = QCheckBox("text on the cells")
        self.scores.setToolTip(
            "<qt>Write a text on each cell, by default its score, where cells are large enough and "
            "texts do not overlap: zoom in. The dock <i>Overlay</i> changes what is written.</qt>"
        )
        self.scores.toggled.connect(self._show_texts)

        self.form = QFormLayout(self)
        self.form.setContentsMargins(0, 0, 0, 0)
        self.form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self.form.addRow("image", self.picture)
        self.form.addRow("colours", self.colours)
        self.form.addRow(self.legend)
        self.form.addRow(self.scores)
        self.problem = QLabel()
        self.problem.setWordWrap(True)
        self.again = QPushButton("Show again")
        self.again.setToolTip("Show the image anew, with all layers of the study.")
        self.again.clicked.connect(lambda *_: overlay.show_again())
        self.form.addRow(self.problem)
        self.form.addRow(self.again)
        follow(self, overlay.shown_changed, self._show)
        follow(self, overlay.look_changed, self._show_look)
        for signal in (overlay.session.artefacts_changed, overlay.session.study_changed):
            follow(self, signal, self._show)
        self._show()

    def _colour_by(self, index: int) -> None:
        what = self.colours.itemData(index)
        self.overlay.set_colour_by(what)
        if what in COLOUR_BY:  # terms, latents, … are of this study only
            remember("colour_by", what)

    def _show_texts(self, show: bool) -> None:
        self.overlay.set_show_texts(show)
        remember("text_on_cells", show)

    def _show(self) -> None:
        overlay = self.overlay
        self.form.setRowVisible(self.picture, self.picture.needed)
        self.problem.setText(overlay.problem or "")
        self.form.setRowVisible(self.problem, overlay.problem is not None)
        self.form.setRowVisible(
            self.again, overlay.problem is not None and overlay.name is not None
        )
        self.setVisible(overlay.session.has("cells"))
        self._show_look()

    def _show_look(self) -> None:
        overlay = self.overlay
        with QSignalBlocker(self.colours):
            self.colours.clear()
            for key, text in choices(overlay.session).items():
                self.colours.addItem(text, key)
            self.colours.setCurrentIndex(self.colours.findData(overlay.colour_by))
        with QSignalBlocker(self.scores):
            self.scores.setChecked(overlay.show_texts)
