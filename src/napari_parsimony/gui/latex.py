"""Equations as pictures in docks."""

import math
from functools import cache
from typing import TYPE_CHECKING

import napari.utils.theme
import numpy as np
from napari.components import ViewerModel
from numpy.typing import NDArray
from qtpy.QtCore import Qt
from qtpy.QtGui import QBrush, QColor, QImage, QPainter, QPainterPath, QPixmap
from qtpy.QtWidgets import QWidget

from napari_parsimony.figures.palette import DARK, LIGHT, Theme, pictures

if TYPE_CHECKING:
    from napari_parsimony.figures.equation import Outline

DPI = 96  # logical pixels an inch, as Qt counts them
_MOVE, _LINE, _QUADRATIC, _CUBIC = 1, 2, 3, 4  # codes of matplotlib's paths


def theme_of(viewer: ViewerModel) -> Theme:
    """Figures' theme that goes with a viewer's."""
    return _theme(str(viewer.theme))


@cache
def _theme(name: str) -> Theme:
    red, green, blue = napari.utils.theme.get_theme(name).background.as_rgb_tuple()[:3]
    return DARK if 0.3 * red + 0.6 * green + 0.1 * blue < 128 else LIGHT


def equation_outline(latex: str, left: str, width: int, size: float) -> "Outline":
    """Lay out an equation, of which a long one takes a tenth of a second: in a thread.

    Parameters
    ----------
    latex, left, size
        As in `figures.equation.equation`.
    width
        Widest that it may be, in logical pixels; it is broken over lines.
    """
    # matplotlib only where something is drawn: a dock opens sooner
    from napari_parsimony.figures.equation import outline

    return outline(latex, left, max(width, 120) / DPI * 72, size)


def equation_pixmap(equation: "Outline", widget: QWidget, theme: Theme) -> QPixmap:
    """Draw an equation as sharp as the screen of its widget, on transparent ground."""
    vertices, codes, wide, high = equation
    ratio, zoom = widget.devicePixelRatioF(), DPI / 72
    pixmap = QPixmap(math.ceil(wide * zoom * ratio), math.ceil(high * zoom * ratio))
    pixmap.setDevicePixelRatio(ratio)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.translate(0, high * zoom)
    painter.scale(zoom, -zoom)
    painter.fillPath(_path(vertices, codes), QBrush(QColor(theme.ink)))
    painter.end()
    return pixmap


def _path(vertices: NDArray[np.float64], codes: NDArray[np.uint8]) -> QPainterPath:
    """Turn a path of matplotlib into one of Qt."""
    path = QPainterPath()
    path.setFillRule(Qt.FillRule.WindingFill)
    points = iter(zip(vertices.tolist(), codes.tolist(), strict=True))
    for (x, y), code in points:
        if code == _MOVE:
            path.moveTo(x, y)
        elif code == _LINE:
            path.lineTo(x, y)
        elif code == _QUADRATIC:
            path.quadTo(x, y, *next(points)[0])
        elif code == _CUBIC:
            path.cubicTo(x, y, *next(points)[0], *next(points)[0])
        else:
            path.closeSubpath()
    return path


def crop_pixmap(crop: NDArray[np.float32]) -> QPixmap:
    """Picture of a crop (C, S, S), S × S pixels."""
    picture = np.ascontiguousarray((pictures(crop) * 255 + 0.5).astype(np.uint8))
    side = picture.shape[0]
    image = QImage(picture.data, side, side, 3 * side, QImage.Format.Format_RGB888)
    return QPixmap.fromImage(image)  # copies: the array may go
