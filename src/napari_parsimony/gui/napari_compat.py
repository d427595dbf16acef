"""Where releases of napari differ."""

from collections.abc import Callable
from typing import Any
from weakref import ref

import numpy as np
from napari.layers import Labels, Points
from napari.utils.colormaps import DirectLabelColormap
from numpy.typing import NDArray

HIGHEST = 2**16  # label that napari gives a colour of its own without numba


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


def ask_before_closing(window: Any, may_close: Callable[[Any], bool | None]) -> None:
    """Have a question of ours take the place of napari's, at Close and Exit in its menu.

    Parameters
    ----------
    window
        Qt's, of a viewer.
    may_close
        Gives whether to close it, as somebody has answered; None if napari is to ask. It lives
        as long as the window, and is given it.
    """
    napari_closes, this = type(window).close, ref(window)

    def close(quit_app: bool = False, confirm_need: bool = False) -> object:
        own = this()
        answer = may_close(own) if confirm_need else None
        return answer is not False and napari_closes(own, quit_app, confirm_need and answer is None)

    window.close = close


def warm_up() -> None:
    """Have napari do what the first layers make it do: read all units, a fifth of a second."""
    Points(ndim=2)
    Labels(np.zeros((1, 1), np.uint8))


def remember_shades(
    colormap: DirectLabelColormap,
    label: NDArray[np.int64],
    shade: NDArray[np.intp],
    colours: NDArray[np.float64],
) -> None:
    """Tell a colormap which labels share a colour, (N,) indices into (K, 4).

    napari finds that out label by label, three times, for which 50,000 cells wait longer than for
    all the rest. It keeps what it found in these attributes; a release that has others does not
    look at them, and finds it out itself.
    """
    table = [np.zeros(4), np.zeros(4), *colours]  # what no label has, the background, the shades
    place = shade + 2
    colormap.__dict__["_num_unique_colors"] = len(table)
    colormap.__dict__["_label_mapping_and_color_dict"] = (
        {None: 0, 0: 1, **dict(zip(label.tolist(), place.tolist(), strict=True))},
        dict(enumerate(table)),
    )
    highest = int(label.max(initial=0))
    if highest <= HIGHEST and label.min(initial=0) >= 0:
        places = np.zeros(highest + 2, np.min_scalar_type(len(table) + 2))
        places[0] = 1
        places[label] = place
        colormap.__dict__["_array_map"] = places
