"""A dozen crops as they would be cut, drawn in a dock."""

from typing import Any

import numpy as np
from qtpy.QtCore import QEvent, QRect, QSize
from qtpy.QtGui import QColor, QHelpEvent, QImage, QPainter, QPaintEvent, QPen
from qtpy.QtWidgets import QSizePolicy, QToolTip, QWidget

from napari_parsimony.cells.preview import Preview
from napari_parsimony.figures.palette import pictures

COLUMNS, LINES = 6, 2
MOST = COLUMNS * LINES
GAP = 3
CUT = "#e69f00"  # frame of crops that reach beyond their image


class CropsView(QWidget):
    """Crops side by side; hovering over one says which cell it is."""

    def __init__(self) -> None:
        super().__init__()
        self.preview: Preview | None = None
        self._images: list[QImage] = []
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Crops as they would be cut")
        self.setToolTip("<qt>A dozen crops as they would be cut with these settings.</qt>")

    def show_preview(self, preview: Preview | None) -> None:
        """Show other crops, or none."""
        self.preview = preview
        self._images = [] if preview is None else [_image(crop) for crop in pictures(preview.crops)]
        self.setVisible(bool(self._images))
        self.update()

    def name_at(self, x: int, y: int) -> str | None:
        """Name the cell whose crop is at a place."""
        if self.preview is None:
            return None
        for name, cut, place in zip(
            self.preview.names, self.preview.border, self._places(), strict=False
        ):
            if place.contains(x, y):
                return f"{name}, which reaches beyond its image" if cut else name
        return None

    def _side(self) -> int:
        return max((self.width() - GAP * (COLUMNS - 1)) // COLUMNS, 1)

    def _places(self) -> list[QRect]:
        step = self._side() + GAP
        return [
            QRect(i % COLUMNS * step, i // COLUMNS * step, step - GAP, step - GAP)
            for i in range(len(self._images))
        ]

    def resizeEvent(self, event: Any) -> None:  # noqa: D102
        self.setFixedHeight(LINES * self._side() + (LINES - 1) * GAP)

    def sizeHint(self) -> QSize:  # noqa: D102
        return QSize(320, LINES * self._side() + (LINES - 1) * GAP)

    def event(self, event: QEvent) -> bool:  # noqa: D102
        if isinstance(event, QHelpEvent):
            name = self.name_at(event.pos().x(), event.pos().y())
            QToolTip.showText(event.globalPos(), name or self.toolTip(), self)
            return True
        return bool(super().event(event))

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: D102
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        for place, image in zip(self._places(), self._images, strict=True):
            painter.drawImage(place, image)
        if self.preview is not None:
            painter.setPen(QPen(QColor(CUT), 2))
            for place, cut in zip(self._places(), self.preview.border, strict=True):
                if cut:
                    painter.drawRect(place.adjusted(1, 1, -1, -1))
        painter.end()


def describe(preview: Preview, pixel_size: float | None) -> str:
    """Say in a line what is previewed."""
    cells = "1 cell" if preview.count == 1 else f"{preview.count:,} cells"
    sides = list(dict.fromkeys(f"{side:.3g}" for side in preview.windows))
    pixels = " to ".join(sides)
    micrometres = ""
    if pixel_size is not None:
        micrometres = f" ({' to '.join(f'{float(side) * pixel_size:.3g}' for side in sides)} µm)"
    channels = preview.crops.shape[1]
    several = f" · {channels} channels" if channels > 1 else ""
    cut = " · orange: beyond the image" if preview.border.any() else ""
    return f"{cells} · crops of {pixels} pixels{micrometres}{several}{cut}"


def _image(crop: Any) -> QImage:
    """Picture of a crop (S, S, 3) in 0..1."""
    pixels = np.ascontiguousarray((crop * 255 + 0.5).astype(np.uint8))
    side = pixels.shape[0]
    return QImage(pixels.data, side, side, 3 * side, QImage.Format.Format_RGB888).copy()
