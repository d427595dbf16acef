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


def fit_view(viewer: Any, layer: Any) -> None:
    """Bring a whole layer into view, whatever others there are; napari's own way is since 0.9."""
    canvas = getattr(viewer, "canvas", None)
    if (viewer if canvas is None else canvas).grid.enabled:
        viewer.reset_view()
        return
    corners = np.asarray(layer.extent.world)[:, -2:]
    size = np.maximum(corners[1] - corners[0], 1e-9)
    camera = camera_of(viewer)
    camera.center = (*camera.center[:-2], *corners.mean(0))
    camera.zoom = 0.95 * float(min(np.array(canvas_size_of(viewer)) / size))


def warm_up() -> None:
    """Have napari do what the first layers make it do: read all units, a fifth of a second."""
    Points(ndim=2)
    Labels(np.zeros((1, 1), np.uint8))
