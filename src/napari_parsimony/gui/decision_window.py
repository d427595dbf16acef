"""A window with the decision map of the equation in use."""

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import Qt
from qtpy.QtGui import QPixmap
from qtpy.QtWidgets import QComboBox, QDialog, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from napari_parsimony.figures.decision import STEPS, AlongLatent, decision_map, score_curve
from napari_parsimony.figures.style import to_png
from napari_parsimony.gui.latex import DPI, theme_of
from napari_parsimony.gui.session import Session
from napari_parsimony.study.steps import target


class DecisionWindow(QDialog):
    """The score over two latents, around the position that is looked at.

    Parameters
    ----------
    session
        Whose equation, position and cells are drawn.
    parent
        With which it closes.
    """

    def __init__(self, session: Session, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Decision map")
        self.session = session
        self.axes = (QComboBox(), QComboBox())
        self.picture = QLabel(alignment=Qt.AlignmentFlag.AlignCenter)
        self.picture.setToolTip(
            "Score by the equation, decoded cells along both axes; the cross is the position "
            "looked at, points are labelled cells."
        )
        choose = QHBoxLayout()
        for name, box in zip(("across", "up"), self.axes, strict=True):
            box.setToolTip(f"Latent {name}.")
            choose.addWidget(QLabel(name))
            choose.addWidget(box)
            box.activated.connect(self.draw)
        choose.addStretch(1)
        column = QVBoxLayout(self)
        column.addLayout(choose)
        column.addWidget(self.picture, 1)

    def draw(self, *_: object) -> None:
        """Draw the equation in use around the position looked at."""
        session = self.session
        expression = session.expression
        if expression is None or session.study is None:
            return
        names = expression.variables
        if names != tuple(self.axes[0].itemText(i) for i in range(self.axes[0].count())):
            for place, box in enumerate(self.axes):
                box.clear()
                box.addItems(names)
                box.setCurrentIndex(min(place, len(names) - 1))
        for box in self.axes:
            box.setEnabled(len(names) > 1)
        if not names:
            self.picture.setText("This equation reads no latent: it is the same for every cell.")
            return
        first, second = (box.currentText() for box in self.axes)
        theme = theme_of(session.viewer)
        values = {name: float(session.latents[int(name[1:])]) for name in names}
        classes = target(session.study)[0]
        x = self._along(first)
        if first == second:
            others = {name: value for name, value in values.items() if name != first}
            figure = score_curve(expression, x, others, session.classes, classes, theme=theme)
            figure.axes[0].axvline(values[first], color=theme.ink, linewidth=1, linestyle="--")
        else:
            y = self._along(second)
            others = {n: value for n, value in values.items() if n not in (first, second)}
            figure = decision_map(expression, x, y, others, session.classes, classes, theme=theme)
            figure.axes[0].plot(
                values[first], values[second], "P", markersize=11, markerfacecolor="#ffffff",
                markeredgecolor="#000000", zorder=5,
            )  # fmt: skip
        pixmap = QPixmap()
        ratio = self.devicePixelRatioF()
        pixmap.loadFromData(to_png(figure, dpi=round(DPI * ratio)))
        pixmap.setDevicePixelRatio(ratio)
        self.picture.setPixmap(pixmap)

    def _along(self, name: str) -> AlongLatent:
        """Range, cells and decoded pictures along a latent."""
        session = self.session
        assert session.study is not None
        index = int(name[1:])
        low, high = session.latent_statistics[["low", "high"]].to_numpy(float)[index]
        low, high = min(low, session.latents[index]), max(high, session.latents[index])
        steps: NDArray[np.float64] = np.repeat(session.latents[None], STEPS, axis=0)
        steps[:, index] = np.linspace(low, high, STEPS)
        strip = np.stack([session.decode(step) for step in steps])
        return AlongLatent(name, low, high, strip, session.study.latents()[name].to_numpy(float))
