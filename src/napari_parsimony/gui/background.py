"""Keeps Qt's event loop free: work in threads, and work in pieces."""

from collections.abc import Callable
from functools import partial
from typing import Any

from napari.qt.threading import create_worker
from qtpy.QtCore import QEvent, QObject, Qt, QTimer, Signal
from qtpy.QtGui import QMouseEvent
from qtpy.QtWidgets import QApplication

from napari_parsimony.errors import UserError
from napari_parsimony.gui.torch_import import import_torch
from napari_parsimony.gui.turns import Turns

PAUSE = 5  # ms between turns
_ACTS = {
    QEvent.Type.MouseButtonPress,
    QEvent.Type.MouseButtonDblClick,
    QEvent.Type.Wheel,
    QEvent.Type.KeyPress,
    QEvent.Type.ShortcutOverride,
}


class Background(QObject):
    """One computation at a time; only what was asked for last is told.

    The function must neither touch Qt nor anything that the docks change.

    Parameters
    ----------
    parent
        Lives as long as this object.
    torch
        Whether the function needs torch.

    Attributes
    ----------
    done
        What the function returned.
    failed
        A sentence: it raised a `UserError`.
    """

    done = Signal(object)
    failed = Signal(str)

    def __init__(self, parent: QObject, *, torch: bool = False) -> None:
        super().__init__(parent)
        self._torch = torch
        self._worker: Any = None
        self._next: Callable[[], Any] | None = None
        self._wanted = False

    @property
    def busy(self) -> bool:
        """Whether something is computed that will be told."""
        return self._wanted

    def start(self, function: Callable[..., Any], *arguments: Any) -> None:
        """Compute this instead of whatever was asked for before."""
        self._next, self._wanted = partial(function, *arguments), True
        if self._worker is None:
            self._begin()

    def cancel(self) -> None:
        """Tell nothing more; a thread cannot be stopped, and ends unheard."""
        self._next, self._wanted = None, False

    def _begin(self) -> None:
        assert self._next is not None
        call, self._next = self._next, None
        self._worker = create_worker(_caught, call, self._torch)
        self._worker.returned.connect(self._returned)
        self._worker.finished.connect(self._finished)
        self._worker.start()

    def _returned(self, outcome: tuple[Any, str]) -> None:
        if self._wanted and self._next is None:
            self._wanted = False
            result, sentence = outcome
            if sentence:
                self.failed.emit(sentence)
            else:
                self.done.emit(result)

    def _finished(self) -> None:
        self._worker = None
        if self._next is not None:
            self._begin()


def _caught(call: Callable[[], Any], torch: bool) -> tuple[Any, str]:
    if torch:
        import_torch()
    try:
        return call(), ""
    except UserError as error:
        return None, str(error)  # an exception that is returned, the worker would raise


class Turning(QObject):
    """Gives what waits in a session its turns, one in every turn of Qt's event loop.

    Whoever presses a button or a key meanwhile acts on what is there now: all that waits is done
    before.
    """

    def __init__(self, turns: Turns, parent: QObject) -> None:
        super().__init__(parent)
        self._turns = turns
        # after a pause: Qt would take turns before it looks at anything else
        self._timer = QTimer(self, singleShot=True, interval=PAUSE)
        self._timer.timeout.connect(self._turn)
        turns.begun.connect(self._begin)

    def _begin(self) -> None:
        application = QApplication.instance()
        if not self._timer.isActive() and application is not None:
            self._timer.start()
            application.installEventFilter(self)

    def _turn(self) -> None:
        try:
            self._turns.turn()
        finally:
            application = QApplication.instance()
            if self._turns:
                self._timer.start()
            elif application is not None:
                application.removeEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """See the class; never keeps an event from anybody."""
        dragged = isinstance(event, QMouseEvent) and event.buttons() != Qt.MouseButton.NoButton
        if event.type() in _ACTS or dragged:
            self._turns.flush()
        return False
