"""The one thread that computes: requests that wait are answered together, in their order."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from seqtrain.serving import sizes
from seqtrain.serving.answers.base import Operation


class Busy(Exception):
    """Too many requests wait."""


@dataclass
class Writing:
    """A text that is being written.

    Attributes:
        tokens: yields them.
        deliver: is given each token, then None, or an error instead.
        stopped: whether nobody waits for it any more.
    """

    tokens: Iterator[Any]
    deliver: Callable[[Any], None]
    stopped: bool = False


@dataclass
class Waiting:
    """A request that waits for its answer."""

    operation: Operation
    body: Any
    future: Future[Any] = field(default_factory=Future)


class ModelThread:
    """Answers requests by one network; between them, each open text is written on by a token."""

    def __init__(self) -> None:
        """Start the thread; it ends with the process."""
        self._waiting: deque[Waiting] = deque()
        self._writing: list[Writing] = []
        self._changed = threading.Condition()
        threading.Thread(target=self._run, name="model", daemon=True).start()

    def ask(self, operation: Operation, body: Any) -> Future[Any]:
        """Return the future answer to a request.

        Raises:
            Busy: too many wait.
        """
        one = Waiting(operation, body)
        with self._changed:
            self._check()
            self._waiting.append(one)
            self._changed.notify()
        return one.future

    def write(self, tokens: Iterator[Any], deliver: Callable[[Any], None]) -> Writing:
        """Begin to write a text; see `Writing`.

        Raises:
            Busy: too many are written.
        """
        one = Writing(tokens, deliver)
        with self._changed:
            self._check()
            self._writing.append(one)
            self._changed.notify()
        return one

    def _check(self) -> None:
        if len(self._waiting) + len(self._writing) >= sizes.WAITING:
            raise Busy

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._writing)
                batch = self._taken()
                self._writing = [one for one in self._writing if not one.stopped]
                writing = [*self._writing]
            if batch:
                _answer(batch)
            for one in writing:
                _write_on(one)

    def _taken(self) -> list[Waiting]:
        """Take the first request, and those behind it that ask for the same."""
        batch: list[Waiting] = []
        left: deque[Waiting] = deque()
        while self._waiting:
            one = self._waiting.popleft()
            fits = not batch or one.operation is batch[0].operation
            (batch if fits and len(batch) < sizes.AT_ONCE else left).append(one)
        self._waiting = left
        return batch


def _answer(batch: list[Waiting]) -> None:
    batch = [one for one in batch if one.future.set_running_or_notify_cancel()]
    if not batch:
        return
    try:
        answers = batch[0].operation.answers([one.body for one in batch])
    except Exception as error:  # a bug, which the server reports; the thread goes on
        answers = [error] * len(batch)
    for one, answer in zip(batch, answers, strict=True):
        if isinstance(answer, Exception):
            one.future.set_exception(answer)
        else:
            one.future.set_result(answer)


def _write_on(one: Writing) -> None:
    """Deliver the next token of a text, or its end."""
    try:
        token = next(one.tokens, None)
    except Exception as error:
        token = error
    one.stopped = one.stopped or token is None or isinstance(token, Exception)
    one.deliver(token)
