"""Tells clicks on the canvas from drags, and which label was clicked."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from napari.layers import Labels

CLICK = 3  # screen pixels that the mouse may move during a click


def on_click(
    labels: Callable[[], Labels | None], clicked: Callable[[int], None]
) -> Callable[[Any, Any], Iterator[None]]:
    """Make a callback for a viewer's mouse that calls ``clicked`` with the label below a click.

    Parameters
    ----------
    labels
        Gives the layer whose labels are clicked, None while there is none.
    clicked
        What to call: 0 is the background.
    """

    def pressed(viewer: Any, event: Any) -> Iterator[None]:
        start = np.array(event.pos)
        dragged = event.button != 1 or bool(event.modifiers)
        yield
        # the same event takes on what happens next: moves, and in the end the release
        while event.type == "mouse_move":
            dragged = dragged or np.abs(np.array(event.pos) - start).max() > CLICK
            yield
        dragged = dragged or np.abs(np.array(event.pos) - start).max() > CLICK
        layer = labels()
        if dragged or layer is None or not layer.visible or viewer.dims.ndisplay != 2:
            return
        active = viewer.layers.selection.active
        if active is not None and active.mode != "pan_zoom":
            return  # somebody is painting, or drawing a lasso
        value = layer.get_value(
            event.position,
            view_direction=event.view_direction,
            dims_displayed=event.dims_displayed,
            world=True,
        )
        # of a pyramid: level and value
        value = value[1] if isinstance(value, tuple) else value
        clicked(int(value or 0))

    return pressed
