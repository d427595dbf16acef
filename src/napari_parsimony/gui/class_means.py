"""Buttons that lead to the mean latents of each class."""

from collections.abc import Callable

from qtpy.QtWidgets import QGridLayout, QPushButton, QSizePolicy, QWidget

from napari_parsimony.figures.text import shortened
from napari_parsimony.gui.dock import delete_later
from napari_parsimony.gui.positions import mean_of_class
from napari_parsimony.gui.session import Session


class ClassMeans(QWidget):
    """A button for each class.

    Parameters
    ----------
    session
        Whose classes they are.
    go
        Told which class was pressed.
    """

    def __init__(self, session: Session, go: Callable[[int], None]) -> None:
        super().__init__()
        self.session, self._go = session, go
        self.buttons: list[QPushButton] = []
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        for column in (0, 1):
            self._grid.setColumnStretch(column, 1)
        self.refresh()

    def refresh(self) -> None:
        """Show the classes that there are now, and which of them have cells."""
        names = self.session.classes
        while len(self.buttons) > len(names):
            button = self.buttons.pop()
            self._grid.removeWidget(button)
            delete_later(button)
        for which in range(len(self.buttons), len(names)):
            button = QPushButton()
            button.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
            button.clicked.connect(lambda *_, which=which: self._go(which))
            self._grid.addWidget(button, *divmod(which, 2))
            self.buttons.append(button)
        known = self.session.has("classify")
        for which, (button, name) in enumerate(zip(self.buttons, names, strict=True)):
            button.setText(f"Mean {shortened(name, 14)}".replace("&", "&&"))
            some = mean_of_class(self.session, which) is not None
            button.setEnabled(some)
            if some:
                tip = f"Move to the mean latents of the cells of class '{name}'."
            elif known:
                tip = f"No cell of the study is known to be of class '{name}'."
            else:
                tip = "Classes are known after the step 'classify' was run."
            button.setToolTip(tip)
