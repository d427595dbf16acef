"""What a person sees of a widget."""

import numpy as np


def pixels(widget):
    """Grab a widget: four numbers of each pixel, (height, 4 * width)."""
    image = widget.grab().toImage()
    image = image.convertToFormat(image.Format.Format_RGB32)
    data = image.constBits()
    if hasattr(data, "setsize"):  # PyQt
        data.setsize(image.sizeInBytes())
    return np.frombuffer(data, np.uint8).reshape(image.height(), -1).astype(int)
