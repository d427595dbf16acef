"""The first minute: opens the demo study and says what to try."""

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import QDockWidget, QLabel, QPushButton, QVBoxLayout, QWidget

from napari_parsimony.gui.sample import open_demo_study

if TYPE_CHECKING:
    import napari

TEXT = """<b>A classifier of cells that one can read</b>
<ol style="margin-left:-20px">
<li>The cells are coloured by the <i>score</i> of an equation: above 0 it is one class, below 0 the
other. Zoom in to read the scores.</li>
<li>Click a cell: its latents, its score, and the equation with its numbers put in.</li>
<li>Drag a latent in the dock <i>Latent explorer</i>: the cell changes, and its score with it.</li>
<li>Choose a longer or shorter equation in the dock <i>Equations</i>.</li>
<li>Run the steps on images of your own in the dock <i>Study</i>.</li>
</ol>"""


class Guide(QWidget):
    """Five things to try; opens the demo study when it is opened itself."""

    def __init__(self, viewer: "napari.viewer.Viewer") -> None:
        super().__init__()
        # plugins get a proxy that hides the window's own attributes
        self._viewer = getattr(viewer, "__wrapped__", viewer)
        text = QLabel(TEXT)
        text.setWordWrap(True)
        text.setAlignment(Qt.AlignmentFlag.AlignTop)
        # a wrapped label does not insist on its height
        text.setMinimumHeight(text.heightForWidth(250))
        self.again = QPushButton("Open the demo study again")
        self.again.setToolTip("Open a fresh copy of the demo study, with all docks.")
        self.again.clicked.connect(lambda *_: self.open())
        layout = QVBoxLayout(self)
        layout.addWidget(text)
        layout.addWidget(self.again)
        # after this dock is in its place
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.open)
        self._timer.start(0)

    def open(self) -> None:
        """Open the demo study and all docks; this one makes room for them."""
        dock: QWidget | None = self
        while dock is not None and not isinstance(dock, QDockWidget):
            dock = dock.parentWidget()
        if dock is not None:
            window = self._viewer.window._qt_window
            window.addDockWidget(Qt.DockWidgetArea.LeftDockWidgetArea, dock)
        open_demo_study(self._viewer)
