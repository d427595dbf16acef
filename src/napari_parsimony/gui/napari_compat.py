"""Where releases of napari differ."""

from typing import Any

import numpy as np
from napari.layers import Labels, Points


def camera_of(viewer: Any) -> Any:
    """Camera of a viewer: since napari 0.9 it belongs to the scene."""
    scene = getattr(viewer, "scene", None)
    return viewer.camera if scene is None else scene.camera


def canvas_size_of(viewer: Any) -> tuple[int, int]:
    """Height and width of a viewer's canvas, in screen pixels."""
    canvas = getattr(viewer, "canvas", None)
    height, width = viewer._canvas_size if canvas is None else canvas.size
    return int(height), int(width)


def warm_up() -> None:
    """Have napari do what the first layers make it do: read all units, a fifth of a second."""
    Points(ndim=2)
    Labels(np.zeros((1, 1), np.uint8))
