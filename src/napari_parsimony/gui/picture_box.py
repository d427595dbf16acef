"""Which image of a study is shown."""

from qtpy.QtWidgets import QComboBox

from napari_parsimony.gui.dock import follow, wheel_needs_focus
from napari_parsimony.gui.overlay import Overlay


class PictureBox(QComboBox):
    """Chooses the picture that an overlay shows."""

    def __init__(self, overlay: Overlay) -> None:
        super().__init__()
        self.overlay = overlay
        self.setToolTip(
            "<qt>The image of the study that is shown. Your layers of its other images are hidden "
            "meanwhile; show one with its eye, and you go to that image.</qt>"
        )
        wheel_needs_focus(self)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.textActivated.connect(overlay.show)
        follow(self, overlay.shown_changed, self._show)
        self._show()

    @property
    def needed(self) -> bool:
        """Whether there is more than one picture."""
        return len(self.overlay.names) > 1

    def _show(self) -> None:
        self.clear()
        self.addItems(self.overlay.names)
        self.setCurrentText(self.overlay.name or "")
