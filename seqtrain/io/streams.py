"""The three standard streams, which may be closed by a daemon or cron, or fail on a full disk.

If stderr is closed, the next opened file gets its descriptor, and TensorFlow would write its log
into that file. So the null device replaces each closed stream.
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
# Modes so that reading a closed stdin and writing to a closed stdout fail. Messages are lost.
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
def quiet(number: int) -> Iterator[None]:
    """Drop what native libraries write to stdout or stderr in the body.

    TensorFlow reports missing GPUs before any log level can be set, and Gloo its connections.
    """
    fill()  # so that the descriptor is the stream and no other file
    for stream in filter(None, (sys.stdout, sys.stderr)):
        stream.flush()
    kept = os.dup(number)
    try:
        with open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), number)
        yield
    finally:
        os.dup2(kept, number)
        os.close(kept)


@contextmanager
def standing() -> Iterator[None]:
    """Provide all three streams in the body.

    A message that cannot be written is dropped, so that no training ends by it. A result that
    cannot be written is an error.

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
    """Return a stream like another, or for None a stream of that number, over a kind of file."""
    try:
        raw = kind(stream.fileno() if stream else number, "wb", closefd=False)
    except OSError:  # the caller has replaced it by an object that is not a file
        return stream
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=stream.encoding if stream else "utf-8",
        errors=stream.errors if stream and number == OUTPUT else "backslashreplace",
        line_buffering=number == ERRORS or raw.isatty(),
    )


class _Results(io.FileIO):
    """Standard output; it fails once, and drops all later output."""

    failed = False

    def write(self, content: Any) -> int:
        """Write bytes."""
        if self.failed:
            return len(content)
        try:
            return super().write(content)
        except OSError as error:
            self.failed = True
            if error.errno == errno.EPIPE:  # the reader has closed the pipe
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
