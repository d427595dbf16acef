"""Computes in a thread what takes too long for Qt's event loop and too little for a step."""

from collections.abc import Callable
from functools import partial
from typing import Any

from napari.qt.threading import create_worker
from qtpy.QtCore import QObject, Signal

from napari_parsimony.errors import UserError


class Background(QObject):
    """One computation at a time; only what was asked for last is told.

    The function must neither touch Qt nor anything that the docks change.

    Attributes
    ----------
    done
        What the function returned.
    failed
        A sentence: it raised a `UserError`.
    """

    done = Signal(object)
    failed = Signal(str)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
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
        self._worker = create_worker(_caught, call)
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


def _caught(call: Callable[[], Any]) -> tuple[Any, str]:
    try:
        return call(), ""
    except UserError as error:
        return None, str(error)  # an exception that is returned, the worker would raise
