"""Cells above what their latents make of them."""

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QRectF, QSize, Qt
from qtpy.QtGui import QImage, QPainter, QPaintEvent, QResizeEvent
from qtpy.QtWidgets import QSizePolicy, QWidget

from napari_parsimony.figures.palette import pictures

SMALLEST = 48  # pixels of one crop: of smaller ones nothing is seen
GAP = 2
ROWS = ("held-out cells", "reconstructed from their latents")


class CropStrip(QWidget):
    """Crops above their reconstructions, as many of them as there is room for."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._images: list[list[QImage]] = []
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setToolTip(
            "<qt>Cells that nothing was learned from, and below each what the decoder makes of its "
            "latents. What is lost there is lost to classifier and equation.</qt>"
        )

    @property
    def count(self) -> int:
        """Number of cells."""
        return len(self._images[0]) if self._images else 0

    def clear(self) -> None:
        """Show nothing."""
        self._images = []
        self.updateGeometry()
        self.update()

    def show_crops(self, crops: NDArray[np.float32]) -> None:
        """Show crops and reconstructions, (2, n, C, S, S) in 0..1."""
        drawn = np.ascontiguousarray((pictures(crops) * 255 + 0.5).astype(np.uint8))
        self._images = [[_image(picture) for picture in row] for row in drawn]
        self._fit()
        self.updateGeometry()
        self.update()

    def _columns(self) -> int:
        return max(1, min(self.count, self.width() // (SMALLEST + GAP)))

    def _side(self) -> int:
        """Pixels of one crop."""
        return min((self.width() + GAP) // self._columns() - GAP, 96)

    def _text(self) -> int:
        return self.fontMetrics().height() + 2

    def _fit(self) -> None:
        self.setFixedHeight(2 * (self._side() + self._text()) + GAP if self.count else 0)

    def sizeHint(self) -> QSize:  # noqa: D102
        return QSize(6 * (SMALLEST + GAP), 2 * (SMALLEST + self._text()))

    def resizeEvent(self, event: QResizeEvent | None) -> None:  # noqa: D102
        if self.count:
            self._fit()
        super().resizeEvent(event)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw."""
        if not self.count:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.setPen(self.palette().windowText().color())
        side, text = self._side(), self._text()
        for row, (name, images) in enumerate(zip(ROWS, self._images, strict=True)):
            top = row * (side + text + GAP)
            place = QRectF(0, top, self.width(), text)
            painter.drawText(place, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop, name)
            for column in range(self._columns()):
                target = QRectF(column * (side + GAP), top + text, side, side)
                painter.drawImage(target, images[column])
        painter.end()


def _image(picture: NDArray[np.uint8]) -> QImage:
    side = picture.shape[0]
    # a copy: Qt does not keep the array alive
    return QImage(picture.tobytes(), side, side, 3 * side, QImage.Format.Format_RGB888).copy()
