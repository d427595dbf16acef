"""Equations as pictures in docks."""

import math
from functools import cache

import napari.utils.theme
import numpy as np
from napari.components import ViewerModel
from numpy.typing import NDArray
from qtpy.QtGui import QImage, QPixmap
from qtpy.QtWidgets import QWidget

from napari_parsimony.figures.palette import DARK, LIGHT, Theme, pictures

DPI = 96  # logical pixels an inch, as Qt counts them


def theme_of(viewer: ViewerModel) -> Theme:
    """Figures' theme that goes with a viewer's."""
    return _theme(str(viewer.theme))


@cache
def _theme(name: str) -> Theme:
    red, green, blue = napari.utils.theme.get_theme(name).background.as_rgb_tuple()[:3]
    return DARK if 0.3 * red + 0.6 * green + 0.1 * blue < 128 else LIGHT


def equation_pixmap(
    latex: str, left: str, width: int, widget: QWidget, size: float, theme: Theme
) -> QPixmap:
    """Draw an equation as sharp as the widget's screen, on a transparent ground.

    Parameters
    ----------
    latex, left, size, theme
        As in `figures.equation.equation`.
    width
        Widest that it may be, in logical pixels; it is broken over lines.
    widget
        Where it will be shown.
    """
    # matplotlib only where something is drawn: a dock opens sooner
    from napari_parsimony.figures.equation import equation
    from napari_parsimony.figures.style import to_png

    ratio = widget.devicePixelRatioF()
    figure = equation(latex, left, max(width, 120) / DPI, size, theme=theme)
    figure.patch.set_alpha(0)
    pixmap = QPixmap()
    pixmap.loadFromData(to_png(figure, dpi=math.ceil(DPI * ratio)))
    pixmap.setDevicePixelRatio(ratio)
    return pixmap


def crop_pixmap(crop: NDArray[np.float32]) -> QPixmap:
    """Picture of a crop (C, S, S), S × S pixels."""
    picture = np.ascontiguousarray((pictures(crop) * 255 + 0.5).astype(np.uint8))
    side = picture.shape[0]
    image = QImage(picture.data, side, side, 3 * side, QImage.Format.Format_RGB888)
    return QPixmap.fromImage(image)  # copies: the array may go
