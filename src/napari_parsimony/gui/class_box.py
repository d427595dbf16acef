"""Which of more than two classes is looked at."""

from collections.abc import Sequence

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QHBoxLayout, QLabel, QSizePolicy, QWidget

from napari_parsimony.gui.dock import wheel_needs_focus


class ClassBox(QWidget):
    """A class to choose, hidden where there is nothing to choose from.

    Parameters
    ----------
    title
        What is shown of the class.
    tip
        The same in a sentence.

    Attributes
    ----------
    picked
        The user chose another class: its number.
    """

    picked = Signal(int)

    def __init__(self, title: str, tip: str) -> None:
        super().__init__()
        self.box = QComboBox()
        self.box.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.box.activated.connect(self.picked)
        wheel_needs_focus(self.box)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(QLabel(title))
        row.addWidget(self.box, 1)
        for widget in (self, self.box):
            widget.setToolTip(tip)
        self.set_classes(())

    def set_classes(self, names: Sequence[str]) -> None:
        """Offer these classes; the choice stays where they are the same."""
        if list(names) != [self.box.itemText(i) for i in range(self.box.count())]:
            self.box.clear()
            self.box.addItems(list(names))
        self.setVisible(bool(names))

    @property
    def number(self) -> int:
        """Which class is chosen; 0 without any."""
        return max(self.box.currentIndex(), 0)

    @property
    def name(self) -> str:
        """What it is called."""
        return self.box.currentText()
