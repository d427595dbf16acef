"""Where releases of napari differ."""

from typing import Any


def camera_of(viewer: Any) -> Any:
    """Camera of a viewer: since napari 0.9 it belongs to the scene."""
    scene = getattr(viewer, "scene", None)
    return viewer.camera if scene is None else scene.camera
