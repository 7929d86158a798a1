"""Delay Ctrl-C and SIGTERM while a step runs, so that a checkpoint can be written first."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from seqtrain.errors import Terminated

EXCEPTIONS: dict[int, type[KeyboardInterrupt]] = {
    signal.SIGINT: KeyboardInterrupt,
    signal.SIGTERM: Terminated,
}


class Signals:
    """The signals that came while a body ran, see `listening`.

    Args:
        follows: whether this process ends when the first process of its training does: a signal
            that reaches both must not end one in the middle of a step of the other.

    Attributes:
        held: whether a signal waits until `answer` is called, instead of raising at once.
        asked: the waiting exception.
    """

    def __init__(self, follows: bool = False) -> None:
        self.follows = follows
        self.held = False
        self.asked: type[KeyboardInterrupt] | None = None

    @property
    def due(self) -> bool:
        """Whether `answer` raises."""
        return self.asked is not None and not self.follows

    def answer(self) -> None:
        """Raise the waiting exception.

        Raises:
            KeyboardInterrupt: Ctrl-C was pressed.
            Terminated: SIGTERM came.
        """
        if self.asked and self.due:
            raise self.asked

    def _receive(self, number: int, frame: Any) -> None:
        if not self.held:
            raise EXCEPTIONS[number]
        self.asked = EXCEPTIONS[number]
        signal.signal(number, signal.SIG_DFL)  # a second one ends the process at once


@contextmanager
def listening(follows: bool = False) -> Iterator[Signals]:
    """Turn the two signals into exceptions while the body runs.

    Ignored signals stay ignored, as in background jobs of scripts. Only the main thread can listen.
    """
    signals = Signals(follows)
    before: dict[int, Any] = {}
    if threading.current_thread() is threading.main_thread():
        before = {number: signal.getsignal(number) for number in EXCEPTIONS}
    listened = [number for number, handler in before.items() if handler is not signal.SIG_IGN]
    for number in listened:
        signal.signal(number, signals._receive)
    try:
        yield signals
    finally:
        for number in listened:
            signal.signal(number, before[number])
