"""What the colours of the cells mean: the controls of the overlay."""

from html import escape

from qtpy.QtWidgets import QCheckBox, QComboBox, QFormLayout, QLabel, QWidget

from napari_parsimony.figures.palette import NEGATIVE, POSITIVE
from napari_parsimony.gui.colours import COLOUR_BY
from napari_parsimony.gui.dock import follow, ink, wheel_needs_focus
from napari_parsimony.gui.latex import theme_of
from napari_parsimony.gui.overlay import Overlay

MEANINGS = {
    "class": "class by the equation",
    "score": "score",
    "annotation": "class as annotated",
    "none": "nothing",
}


class OverlayControls(QWidget):
    """Choose the picture, what its colours mean, and whether scores are written on it."""

    def __init__(self, overlay: Overlay) -> None:
        super().__init__()
        self.overlay = overlay
        self.picture = QComboBox()
        self.picture.setToolTip("The image of the study that is shown.")
        self.picture.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.picture.textActivated.connect(overlay.show)
        self.colours = QComboBox()
        wheel_needs_focus(self.picture, self.colours)
        self.colours.setToolTip(
            "<qt>What the colours of the cells mean: the class that the equation gives, its score "
            "(white is 0), the class that people gave, or nothing.</qt>"
        )
        for name in COLOUR_BY:
            self.colours.addItem(MEANINGS[name], name)
        self.colours.setCurrentIndex(COLOUR_BY.index(overlay.colour_by))
        self.colours.currentIndexChanged.connect(
            lambda index: overlay.set_colour_by(COLOUR_BY[index])
        )
        self.legend = QLabel()
        self.scores = QCheckBox("scores on the cells")
        self.scores.setToolTip("Write each cell's score on it, where cells are large enough.")
        self.scores.setChecked(overlay.show_scores)
        self.scores.toggled.connect(overlay.set_show_scores)

        self.form = QFormLayout(self)
        self.form.setContentsMargins(0, 0, 0, 0)
        self.form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        self.form.addRow("image", self.picture)
        self.form.addRow("colours", self.colours)
        self.form.addRow("", self.legend)
        self.form.addRow("", self.scores)
        self.problem = QLabel()
        self.problem.setWordWrap(True)
        self.form.addRow(self.problem)
        follow(self, overlay.shown_changed, self._show)
        for signal in (overlay.session.artefacts_changed, overlay.session.study_changed):
            follow(self, signal, self._show)
        self._show()

    def _show(self) -> None:
        overlay = self.overlay
        self.picture.clear()
        self.picture.addItems(overlay.names)
        self.picture.setCurrentText(overlay.name or "")
        self.form.setRowVisible(self.picture, len(overlay.names) > 1)
        self.problem.setText(overlay.problem or "")
        self.form.setRowVisible(self.problem, overlay.problem is not None)
        self.setVisible(overlay.session.has("cells"))
        self.legend.setVisible(overlay.session.has("classify"))
        theme = theme_of(overlay.session.viewer)
        first, second = map(escape, overlay.session.classes)
        self.legend.setText(
            f"<span style='color:{ink(NEGATIVE, theme)}'>■</span> {first} &nbsp; "
            f"<span style='color:{ink(POSITIVE, theme)}'>■</span> {second}"
        )
