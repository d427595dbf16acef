"""Keys that annotate: in the docks, and on the canvas as long as the dock 'Annotate' is there."""

from collections.abc import Callable
from typing import Any
from weakref import WeakMethod

from napari.layers import Image
from numpy.typing import NDArray
from qtpy.QtCore import Qt
from qtpy.QtGui import QKeyEvent

from napari_parsimony.gui.annotator import Annotator
from napari_parsimony.gui.overlay import Overlay

NEXT, UNDO, REDO = "N", "U", "Shift-U"
CLASSES = tuple("123456789")
NOTHING = ("0", "Delete", "Backspace")
KEYS = (*CLASSES, *NOTHING, NEXT, UNDO, REDO)
WORDS = "1–9 class · 0 none · N next · U undo"


def key_of(event: QKeyEvent) -> str | None:
    """Name one of `KEYS` that was pressed in a dock, where Ctrl+Z is free; None if another was."""
    key, held = event.key(), event.modifiers()
    held &= ~Qt.KeyboardModifier.KeypadModifier
    plain, shift = held == Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ShiftModifier
    control = Qt.KeyboardModifier.ControlModifier
    if key == Qt.Key.Key_Z and held in (control, control | shift):
        return UNDO if held == control else REDO
    if key == Qt.Key.Key_U and held == shift:
        return REDO
    if not plain:
        return None
    if key in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
        return "Delete"
    text = event.text().upper()
    return text if text in KEYS else None


def act(annotator: Annotator, key: str, rows: NDArray[Any]) -> str:
    """Do what one of `KEYS` stands for.

    Parameters
    ----------
    annotator
        Whose cells.
    key
        What was pressed.
    rows
        Cells that get the class.

    Returns
    -------
    str
        A sentence on what was done, or why nothing was.

    Raises
    ------
    UserError
        If it cannot be written.
    """
    if key == NEXT:
        return "" if annotator.select_next() else "You have looked at all cells."
    if key == UNDO:
        text = annotator.undo()
        return f"Undone: {text}." if text else "There is nothing to undo."
    if key == REDO:
        text = annotator.redo()
        return f"Done again: {text}." if text else "There is nothing to redo."
    if not len(rows):
        return "Click a cell first: no cell is selected."
    names = list(annotator.colours)
    if key in CLASSES and int(key) > len(names):
        return f"There is no class number {key}: add one."
    name = names[int(key) - 1] if key in CLASSES else None
    annotator.annotate(rows, name)
    cells = "1 cell" if len(rows) == 1 else f"{len(rows):,} cells"
    return f"{cells} → {name or 'no class'}"


class CanvasKeys:
    """Binds `KEYS` on a viewer, and gives napari's own keys back.

    The keys of an active layer win over the viewer's. So they are bound on the layer of the cells
    and on images too, but only while these are looked at: somebody who paints, or draws shapes,
    has all keys of napari.

    Parameters
    ----------
    overlay
        Whose viewer and layers.
    pressed
        Method that is called with the key, as long as its object is there.
    """

    def __init__(self, overlay: Overlay, pressed: Callable[[str], None]) -> None:
        self._overlay, self._pressed = overlay, WeakMethod(pressed)
        self._bound: list[tuple[Any, dict[Any, Any], dict[Any, Any]]] = []
        self._watched: Any = None
        self.on = False

    def set_on(self, on: bool) -> None:
        """Bind the keys, or give them back."""
        if on == self.on:
            return
        self.on = on
        active = self._overlay.session.viewer.layers.selection.events.active
        for signal in (active, self._overlay.shown_changed):
            (signal.connect if on else signal.disconnect)(self._renew)
        self._renew()

    def close(self) -> None:
        """Give the keys back for good."""
        self.set_on(False)

    def _renew(self, *_: object) -> None:
        viewer = self._overlay.session.viewer
        for provider, ours, former in self._bound:
            for key, method in ours.items():
                if provider.keymap.get(key) is method:
                    provider.bind_key(key, former.get(key), overwrite=True)
        self._bound = []
        self._watch(viewer.layers.selection.active if self.on else None)
        if self.on:
            self._bind(viewer)
            if self._watched is not None and self._watched.mode == "pan_zoom":
                self._bind(self._watched)

    def _watch(self, layer: Any) -> None:
        """Hear of the modes of the active layer, if it is one whose keys are taken."""
        overlay = self._overlay
        ours = any(layer is known for known in (overlay.labels, overlay.scores, overlay.ring))
        layer = layer if ours or isinstance(layer, Image) else None
        if layer is self._watched:
            return
        if self._watched is not None:
            self._watched.events.mode.disconnect(self._renew)
        self._watched = layer
        if layer is not None:
            layer.events.mode.connect(self._renew)

    def _bind(self, provider: Any) -> None:
        before = dict(provider.keymap)
        for key in KEYS:
            provider.bind_key(key, self._presser(key), overwrite=True)
        ours = {key: now for key, now in provider.keymap.items() if before.get(key) is not now}
        self._bound.append((provider, ours, before))

    def _presser(self, key: str) -> Callable[[Any], None]:
        def press(_: Any) -> None:
            pressed = self._pressed()
            if pressed is not None:
                pressed(key)

        return press
