"""The three standard streams, which a daemon, cron or a full disk may have taken away.

Where stderr is closed, the next file that is opened gets its number, and TensorFlow writes its
log into that file. So the null device stands in for each closed stream.
"""

import errno
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from seqtrain.errors import OutputError

INPUT, OUTPUT, ERRORS = 0, 1, 2
# Opened so that reading a closed stdin and writing to a closed stdout fails. Messages get lost.
STAND_IN = {INPUT: os.O_WRONLY, OUTPUT: os.O_RDONLY, ERRORS: os.O_WRONLY}


def fill() -> None:
    """Open the null device in place of each standard stream that is closed."""
    for number, mode in STAND_IN.items():
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, mode)  # the lowest number that is free
            os.set_inheritable(opened, True)


@contextmanager
def standing() -> Iterator[None]:
    """Have all three streams while the body runs.

    A message that cannot be written is lost, and nothing else: no training ends by it. A result
    that cannot be written is an error.

    Raises:
        OutputError: the body wrote to a standard output that is closed or full.
    """
    before = sys.stdin, sys.stdout, sys.stderr
    fill()
    sys.stdin = before[0] or io.TextIOWrapper(io.BufferedReader(io.FileIO(INPUT, closefd=False)))
    sys.stdout = _writing(before[1], _Results, OUTPUT)
    sys.stderr = _writing(before[2], _Messages, ERRORS)
    try:
        yield
    finally:
        sys.stdin, sys.stdout, sys.stderr = before


def _writing(stream: Any, kind: "type[_Results | _Messages]", number: int) -> Any:
    """Return a stream like another, or for None one of that number, on a file of a kind."""
    try:
        raw = kind(stream.fileno() if stream else number, "wb", closefd=False)
    except OSError:  # it is no file, but has been replaced by whoever called
        return stream
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=stream.encoding if stream else "utf-8",
        errors=stream.errors if stream and number == OUTPUT else "backslashreplace",
        line_buffering=number == ERRORS or raw.isatty(),
    )


class _Results(io.FileIO):
    """Standard output, which fails once; what comes after that is dropped."""

    failed = False

    def write(self, content: Any) -> int:
        """Write bytes."""
        if self.failed:
            return len(content)
        try:
            return super().write(content)
        except OSError as error:
            self.failed = True
            if error.errno == errno.EPIPE:  # who read it had enough
                raise
            closed = error.errno == errno.EBADF
            reason = "is closed" if closed else f"cannot be written to: {error.strerror}"
            raise OutputError(f"standard output {reason}") from error


class _Messages(io.FileIO):
    """Standard error, which never fails."""

    def write(self, content: Any) -> int:
        """Write bytes, or drop them."""
        try:
            return super().write(content) or len(content)
        except OSError:
            return len(content)
