"""Reactions to a change, spread over turns of an event loop: all at once, they would stall it.

No Qt here: see `Runner`.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from inspect import Parameter, isgenerator, signature
from typing import Any
from weakref import WeakMethod

from psygnal import Signal, SignalInstance

TURN = 0.01  # seconds of a turn after which no other call is begun

Call = Callable[..., Any]
_PLACED = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)


class Turns:
    """What reacts to a session: at once, or in its turn while others wait already.

    Nothing overtakes: whoever listens hears of all changes in their order. A call without arguments
    looks at what is there now, so that one that waits already stands for all that are asked for.
    A reaction that takes long can be a generator: each of its parts has a turn.

    Attributes
    ----------
    begun
        Something waits: `turn` has to be called until nothing does any more.
    """

    begun = Signal()

    def __init__(self) -> None:
        self._waiting: deque[tuple[Call, tuple[Any, ...]]] = deque()
        self._spread = False

    def __bool__(self) -> bool:
        """Whether something waits."""
        return bool(self._waiting)

    @contextmanager
    def spread(self) -> Iterator[None]:
        """Let all wait that reacts to what is done here."""
        before, self._spread = self._spread, True
        try:
            yield
        finally:
            self._spread = before
            if self._waiting and not before:
                self.begun.emit()

    def do(self, call: Call, *arguments: Any) -> None:
        """Call now; or, while anything waits or is spread, after all of that."""
        if self._spread or self._waiting:
            if arguments or (call, ()) not in self._waiting:
                self._waiting.append((call, arguments))
        else:
            finish(call(*arguments))

    def connect(self, signal: SignalInstance, react: Call) -> Callable[[], None]:
        """Have a method called at a signal, by `do`; as long as its object is there.

        It gets as many of the signal's values as it names.

        Returns
        -------
        Callable
            Ends that, for what waits too.
        """
        method, connected = WeakMethod(react), True
        taken = sum(p.kind in _PLACED for p in signature(react).parameters.values())

        def call(*values: Any) -> Any:
            alive = method()
            return alive(*values) if connected and alive is not None else None

        def hear(*values: Any) -> None:
            self.do(call, *values[:taken])

        def end() -> None:
            nonlocal connected
            connected = False
            signal.disconnect(hear, missing_ok=True)

        signal.connect(hear)
        return end

    def turn(self) -> None:
        """Do what waits, until that has taken so long that others should have a turn."""
        until = time.perf_counter() + TURN
        with self.spread():
            while self._waiting:
                self._one()
                if time.perf_counter() > until:
                    return

    def flush(self) -> None:
        """Do all that waits."""
        with self.spread():
            while self._waiting:
                self._one()

    def _one(self) -> None:
        call, arguments = self._waiting.popleft()
        rest = call(*arguments)
        if isgenerator(rest):
            try:
                next(rest)
            except StopIteration:
                return
            self._waiting.appendleft((lambda: rest, ()))


def finish(result: Any) -> None:
    """Do all parts of what a call gave back, if it was a generator, at once."""
    if isgenerator(result):
        for _ in result:
            pass
